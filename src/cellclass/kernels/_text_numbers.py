"""Read one number from text; for compiled functions only.

A number is an optional sign, decimal digits with at most one point among or beside them, and an
optional exponent. Nothing else is one: not NaN, not infinity, not digits with `_` between them.

What is returned is what Python's `float` gives, rounded to the type of the matrix. Up to 2⁵³ times
a power of ten up to 10²² that is one exact operation on exact operands. Beyond, the operation has
an error of a few units in the last of 53 bits: for float32 it is nearly always the same number at
both ends of that error, and so certain. What is not certain is `HARD`, and left to `float` itself.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

Int = int | np.integer

EXACT, HARD, TOO_WIDE, NO_NUMBER = 0, 1, 2, 3

POWERS = np.array([float(f"1e{power}") for power in range(309)])
EXACT_POWER = 22
WHOLE = 1 << 53
"""Integers up to here are numbers of float64, and ten to the power of 22 still is."""
WHOLE_NARROW = 1 << 24
"""The same for float32."""
MOST_DIGITS = 19
"""Digits that fit into 64 bits."""
MOST_POWER = 1_000_000
MARGIN = 2.0**-49
"""More than the relative error of an integer of 64 bits times or by a power of ten."""
LARGE, SMALL = 1e38, 1e-37
"""Within these, float32 has its full precision."""


def _load_word(_context: Any, text: Any, position: Any) -> Any:  # noqa: ANN401 - types of numba
    """Return eight bytes from `position` on as one uint64, in the order of the machine.

    `text` is a contiguous array of uint8 that holds them.
    """
    signature = types.uint64(text, position)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        word = ir.IntType(64)
        return builder.load(builder.bitcast(address, word.as_pointer()), align=1)

    return signature, generate


load_word: Any = intrinsic(_load_word)


@numba.njit(nogil=True, cache=True)
def _rounded(
    digits: np.uint64,
    exponent: Int,
    cut: bool,  # noqa: FBT001 - compiled
    narrow: bool,  # noqa: FBT001
) -> tuple[int, float]:
    """Return `digits` × 10^`exponent`, and whether it is certain.

    `cut` tells that further digits were dropped.
    """
    if digits == 0:
        return EXACT, 0.0
    magnitude = np.float64(digits)
    if not cut and digits <= WHOLE and -EXACT_POWER <= exponent <= EXACT_POWER:
        value = magnitude * POWERS[exponent] if exponent >= 0 else magnitude / POWERS[-exponent]
        if narrow and value > WHOLE_NARROW and value == np.floor(value):
            return (EXACT if np.float64(np.float32(value)) == value else TOO_WIDE), value
        return EXACT, value
    if not narrow or not -300 <= exponent <= 300:
        return HARD, 0.0
    value = magnitude * POWERS[exponent] if exponent >= 0 else magnitude / POWERS[-exponent]
    if not SMALL < value < LARGE:
        return HARD, value
    if np.float32(value * (1 - MARGIN)) != np.float32(value * (1 + MARGIN)):
        return HARD, value
    whole = exponent >= 0 and value > WHOLE_NARROW
    return (HARD if whole else EXACT), value


@numba.njit(nogil=True, cache=True)
def read_number(
    text: np.ndarray,
    position: Int,
    narrow: bool,  # noqa: FBT001 - compiled
) -> tuple[int, float, Int]:
    """Read the number that begins at a position.

    Returns a status, the value and the position behind it. `TOO_WIDE`: a whole number that
    float32 does not hold, where `narrow` asks for float32. The text must go on behind the number.
    """
    p = position
    negative = text[p] == ord("-")
    if negative or text[p] == ord("+"):
        p += 1
    digits, n_digits, exponent = np.uint64(0), np.int64(0), np.int64(0)
    seen, cut, point = False, False, False
    while True:
        digit = text[p] - np.uint8(ord("0"))
        if digit < 10:
            seen = True
            if n_digits < MOST_DIGITS:
                digits = digits * np.uint64(10) + np.uint64(digit)
                n_digits += np.int64(digits != 0)
                exponent -= np.int64(point)
            else:
                cut |= digit != 0
                exponent += np.int64(not point)
        elif text[p] == ord(".") and not point:
            point = True
        else:
            break
        p += 1
    if not seen:
        return NO_NUMBER, 0.0, p
    if text[p] == ord("e") or text[p] == ord("E"):
        p += 1
        below = text[p] == ord("-")
        if below or text[p] == ord("+"):
            p += 1
        power, seen = np.int64(0), False
        while text[p] - np.uint8(ord("0")) < 10:
            seen = True
            power = power * 10 + np.int64(text[p] - np.uint8(ord("0")))
            power = power if power < MOST_POWER else np.int64(MOST_POWER)
            p += 1
        if not seen:
            return NO_NUMBER, 0.0, p
        exponent += -power if below else power
    status, value = _rounded(digits, exponent, cut, narrow)
    return status, (-value if negative else value), p
