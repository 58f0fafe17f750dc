import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellclass.kernels._text_numbers import EXACT, HARD, NO_NUMBER, TOO_WIDE, read_number


def read(text, *, narrow=True):
    status, value, end = read_number(
        np.frombuffer(text.encode() + b",  ", dtype=np.uint8), 0, narrow
    )
    return status, value, end


numbers = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,3})?", fullmatch=True),
)


@given(numbers)
@example("0.1")
@example("1e22")
@example("123456789012345678901234567890")
@example("9007199254740993")
@example("8.5")
@example("1.0000000596046448")  # half way between two numbers of float32
@example("0.00000000000000000000000000000000000000000000000000001e53")
@example("-0.0")
@example("16777217")
def test_the_value_is_that_of_float_or_left_to_it(text):
    text = text if text.isascii() else "1"
    wide = float(text)
    status, value, end = read(text, narrow=False)
    assert end == len(text)
    assert status == HARD or value == wide
    status, value, end = read(text)
    assert end == len(text)
    with np.errstate(over="ignore"):
        narrow = np.float32(wide)
    if status == TOO_WIDE:
        assert wide.is_integer()
        assert float(narrow) != wide
    else:
        assert status == HARD or np.float32(value) == narrow
        assert not (status == EXACT and wide.is_integer() and math.isfinite(narrow)) or (
            float(narrow) == wide
        )


@pytest.mark.parametrize("text", ["0", "7", "12", "0.5", "3.25", "1e-3", "2.1713", "12345.678"])
def test_usual_numbers_are_not_left_to_float(text):
    assert read(text) == (EXACT, float(text), len(text))


def test_sixteen_digits_are_certain_in_float32_but_not_in_float64():
    status, value, _ = read("0.1234567890123456")
    assert status == EXACT
    assert np.float32(value) == np.float32(0.1234567890123456)
    assert read("0.1234567890123456789", narrow=False)[0] == HARD


@pytest.mark.parametrize(
    "text", ["", "NA", "nan", "inf", "-", ".", "e5", "1e", "1e+", "+.e1", "x1"]
)
def test_no_number(text):
    assert read(text)[0] == NO_NUMBER


@pytest.mark.parametrize(("text", "end"), [("1_000", 1), ("1.2.3", 3), ("0x10", 1), ("1 2", 1)])
def test_what_is_behind_a_number_is_left(text, end):
    status, _, found = read(text)
    assert (status, found) == (EXACT, end)
