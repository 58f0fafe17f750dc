"""From what each row shows to the scale of the matrix.

Every row is asked, for every transformation, whether undoing it leaves whole multiples of one unit.
A row may support a transformation, contradict it, or say nothing. A scale is given only where no
row contradicts it; equal sums decide only what the rows leave open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellclass.contract._evidence import SUMS_TOLERANCE, SUPPORTS, Evidence
from cellclass.kernels import BASES, DOUBLE_LOG, LINEAR, LN, LOG2, LOG10, N_TRANSFORMS, SQRT

# Transformations that are rare are believed on more evidence, over all cells.
_LEAST_BITS = np.array([9, 9, 20, 20, 20, 20])
# Mean square over squared mean of a cell's values: at least this in the median cell of normalised
# values without a unit (TPM), and less in logarithms that were normalised. Of few cells, more is
# asked than a single deep cell's logarithms have.
_LEAST_SPREAD, _LEAST_SPREAD_FEW, _FEW_CELLS = 2.5, 4.0, 20
# Ambient RNA removal and shared reads leave most values near whole numbers.
_NEAR_WHOLE, _NEAR_WHOLE_CELL, _LEAST_CELLS = 0.6, 0.4, 5
# What it takes to tell whole numbers to which a whole number was added from those of genes that all
# cells have: entries that equal the smallest value (share), and cells.
_TIES_WHOLE, _CELLS_WHOLE, _TIES_FEW_WHOLE = 0.2, 20, 0.5
_NOISE = 1e-5
# Share by which sums may be off through rounding, and are written without it.
_ROUNDED = 1e-5
# Share of the cells whose values must be multiples of one unit, where sums do not speak.
_LEAST_SHARE = 0.25
_N_SHOWN = 5
_WORDS = {
    LINEAR: "as they stand",
    LN: "after expm1",
    LOG2: "after 2**x − 1",
    LOG10: "after 10**x − 1",
    SQRT: "after squaring",
    DOUBLE_LOG: "after expm1 twice",
}
_NAMES = {LINEAR: "counts or normalised counts", LN: "log1p", LOG2: "log1p (base 2)"}
_NAMES |= {LOG10: "log1p (base 10)", SQRT: "square roots", DOUBLE_LOG: "log1p twice"}


@dataclass(frozen=True)
class Verdict:
    """The part of a `Scale` that follows from comparing rows; the fields are explained there."""

    name: str
    found: str
    base: float | None = None
    target_sum: float | None = None
    of_counts: bool = False
    offset: float = 0.0
    n_differ: int = 0
    differ: tuple[int, ...] = ()
    share_grid: float = 0.0
    share_same_sum: float = 0.0


def number(value: float) -> str:
    """Write a number with commas, and up to six significant digits: no more than it takes.

    A sum is that of rounded values: 9,999.98 where 10,000 is meant.
    """
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 6))
    close = (one for one in shorter if abs(one - value) <= _ROUNDED * abs(value))
    return f"{next(close, float(f'{value:.6g}')):,.12g}"


def judge(rows: np.ndarray, *, n_vars: int) -> Verdict:
    """Name the scale of a matrix.

    Parameters
    ----------
    rows
        `ROW_STATISTICS` of all rows.
    n_vars
        How many genes there are.
    """
    told = Evidence(rows, n_vars=n_vars)
    if not told.rows.size:
        return Verdict("counts", "there is no value but zero", of_counts=True)
    return (
        _negative(told)
        or _offset(told)
        or _constant(told)
        or _by_multiples(told)
        or _by_sums(told)
        or _fractions(told)
        or _mixed(told)
        or _unrecognised(told)
    )


def _negative(told: Evidence) -> Verdict | None:
    negative = told.rows["minimum"] < 0
    if not negative.any():
        return None
    others = told.supported[~negative].any(axis=1).sum()
    if others > 0.05 * negative.size and not told.rows["integral"].all():
        return _differing(told, negative, f"{negative.sum():,} cells have negative values")
    return Verdict("scaled", "there are negative values")


def _offset(told: Evidence) -> Verdict | None:
    """Recognise counts plus a constant, whose fractional part is that of every value."""
    rows = told.rows
    smallest = float(rows["smallest"].min())
    if rows["integral"].all():
        if not (told.is_raised and told.ties >= _TIES_WHOLE and rows.size >= _CELLS_WHOLE):
            return None
        offset = smallest
    else:
        fraction = rows["smallest"] % 1.0
        turn = (fraction - fraction[0] + 0.5) % 1.0 - 0.5
        if not rows["same_fraction"].all() or np.abs(turn).max() > _NOISE:
            return None
        if not (rows["maximum"] > rows["smallest"]).any():
            return None
        is_grid = told.supported[:, LINEAR].any() and not told.contradicted[:, LINEAR].any()
        if is_grid and not told.is_raised:
            return None
        offset = float(fraction[rows["smallest"].argmin()])  # where it is stored most precisely
        if abs(offset - round(offset)) <= _NOISE:
            offset = 0.0
        elif told.is_raised:
            offset = smallest
    words = f"plus {offset:g}" if offset else "but for the last digits"
    return Verdict(
        "counts",
        f"every value is a whole number {words}",
        of_counts=True,
        offset=offset,
        share_grid=1.0,
    )


def _by_multiples(told: Evidence) -> Verdict | None:
    """Find the transformation that some rows support and none contradicts."""
    bits = np.where(told.supported, told.rows["bits"], 0).sum(axis=0, dtype=np.int64)
    bits[told.contradicted.any(axis=0) | (bits < _LEAST_BITS)] = 0
    best = int(bits.argmax())
    if bits[best] == 0:
        return _whole(told)
    # Whole numbers have whole squares and powers of two: the simplest explanation goes first.
    if 2 * bits[LINEAR] >= bits[best]:
        best = LINEAR
    return _if_many(told, best) if best != LINEAR else _counts_or_normalized(told)


def _if_many(told: Evidence, transform: int) -> Verdict | None:
    """Believe a transformation that a good share of the cells supports.

    Where values were rounded to few decimals, a few cells fit one by chance, and the others say
    nothing.
    """
    share = told.supported[:, transform].mean()
    return _named(told, transform) if share >= _LEAST_SHARE else None


def _whole(told: Evidence) -> Verdict | None:
    if not told.rows["integral"].all():
        return None
    return Verdict("counts", "every value is a whole number", of_counts=True, share_grid=1.0)


def _counts_or_normalized(told: Evidence) -> Verdict | None:
    rows = told.rows
    if rows["integral"].all():
        return _whole(told)
    whole = rows["integral"] | (rows["whole"][:, LINEAR] > 0)
    if whole.all() and told.of_counts(LINEAR):
        return Verdict(
            "counts",
            "every value is a whole number but for the last digits",
            of_counts=True,
            share_grid=1.0,
        )
    _, target, _ = told.sums(LINEAR)
    if target is None and _has_whole_parts(rows):
        return Verdict(
            "counts",
            "values are whole numbers and simple fractions of one, as shared reads leave them",
            share_grid=1.0,
        )
    # Counts among normalised cells have other sums, or more ones than chance gives.
    _, others, _ = Evidence(rows[~whole], n_vars=told.n_vars).sums(LINEAR)
    odd = whole & (rows["smallest"] == 1)
    if others is not None:
        odd = whole & (np.abs(rows["total"][:, LINEAR] / others - 1) > SUMS_TOLERANCE)
    elif min(odd.mean(), (~whole).mean()) < 0.05 or min(odd.sum(), (~whole).sum()) < 10:
        odd[:] = False
    if odd.any():
        return _differing(told, odd, "counts among normalised counts")
    return _if_many(told, LINEAR)


def _has_whole_parts(rows: np.ndarray) -> bool:
    """Tell whether each cell's unit is a whole part of one, and most values are whole."""
    unit = rows["unit"][rows["unit"] > 0].astype(np.float64)
    if not unit.size or unit.min() < 1 / 200 or unit.max() > 1:
        return False
    is_part = np.abs(1 / unit - np.rint(1 / unit)) <= 1e-4
    return bool(is_part.all()) and _near_whole(rows) >= _NEAR_WHOLE


def _near_whole(rows: np.ndarray) -> float:
    n_large = int(rows["n_large"].sum())
    return float(rows["n_near_whole"].sum() / n_large) if n_large else 0.0


def _named(told: Evidence, transform: int, *, by_sum: bool = False) -> Verdict:
    share, target, _ = told.sums(transform)
    of_counts = not by_sum and told.of_counts(transform)
    grid = float(told.supported[:, transform].mean())
    parts = [] if by_sum else [f"values are multiples of one unit in {grid:.0%} of cells"]
    if of_counts:
        parts = ["values are whole numbers"]
    if target is not None:
        parts.append(f"{share:.1%} of cells have the sum {number(target)}")
    names = {LINEAR: "normalized", SQRT: "sqrt", DOUBLE_LOG: "double_log"}
    return Verdict(
        names.get(transform, "log1p"),
        f"{_WORDS[transform]}, {' and '.join(parts)}",
        base=BASES.get(transform, BASES[LN] if transform == DOUBLE_LOG else None),
        target_sum=None if of_counts else target,
        of_counts=of_counts,
        share_grid=grid,
        share_same_sum=share,
    )


def _constant(told: Evidence) -> Verdict | None:
    if not told.is_raised:
        return None
    # Whole numbers without a zero may be those of genes that the few cells have.
    if told.rows["integral"].any() and told.ties < _TIES_FEW_WHOLE:
        return None
    smallest = told.rows["smallest"].min()
    return Verdict(
        "unrecognised",
        f"there is no zero, and the smallest value is {smallest:.6g} in many places: a constant "
        "was added, and has to be subtracted first",
    )


def _by_sums(told: Evidence) -> Verdict | None:
    """Let equal sums decide where values are too blunt for multiples, or never were any."""
    found = []
    for transform in (LINEAR, LN, LOG2, LOG10):
        _, target, agrees = told.sums(transform)
        against = told.contradicted[:, transform]
        if target is None or (against & ~agrees).any():
            continue
        spread = told.rows["spread"][against, transform]
        least = _LEAST_SPREAD if told.rows.size >= _FEW_CELLS else _LEAST_SPREAD_FEW
        if not against.any() or np.median(spread) >= least:
            found.append(transform)
    return _named(told, found[0], by_sum=True) if len(found) == 1 else None


def _fractions(told: Evidence) -> Verdict | None:
    """Recognise counts from which ambient RNA was subtracted, or whose reads were shared out."""
    rows = told.rows
    against = told.contradicted[:, LINEAR]
    if (against & told.supported.any(axis=1)).any() or against.sum() < _LEAST_CELLS:
        return None
    whole = rows["integral"] | (rows["whole"][:, LINEAR] > 0) | _simple(rows)
    odd = rows[against]
    n_large = np.maximum(odd["n_large"], 1)
    per_cell = odd["n_near_whole"] / n_large >= _NEAR_WHOLE_CELL
    if not (whole | against).all() or per_cell.mean() < 0.95 or _near_whole(odd) < _NEAR_WHOLE:
        return None
    return Verdict(
        "counts",
        f"{_near_whole(rows):.0%} of the values from 0.5 on lie within 0.1 of a whole number, as "
        "ambient RNA removal or shared reads leave them",
    )


def _simple(rows: np.ndarray) -> np.ndarray:
    """Tell which cells say nothing, or have a unit that is a whole part of one."""
    unit = np.where(rows["unit"] > 0, rows["unit"], 1).astype(np.float64)
    return (rows["bits"][:, LINEAR] < SUPPORTS) | (np.abs(1 / unit - np.rint(1 / unit)) <= 1e-4)


def _mixed(told: Evidence) -> Verdict | None:
    """Recognise cells on different scales, by most of the cells and those that differ."""
    if told.supported.any(axis=1).mean() < 0.5:  # a few cells fit some scale by chance
        return None
    n_support = told.supported.sum(axis=0)
    most = int(n_support.argmax())
    differ = told.contradicted[:, most]
    elsewhere = told.supported[differ].any(axis=1).any()
    if not differ.any() or n_support[most] == 0 or not (elsewhere or differ.mean() <= 0.5):
        return None
    others = told.supported[differ].sum(axis=0)
    kinds = [f"{n:,} are {_NAMES[t]}" for t, n in enumerate(others) if n and t != SQRT]
    if others[SQRT] > others[LINEAR]:  # the squares of whole numbers are whole, too
        kinds.append(f"{others[SQRT] - others[LINEAR]:,} are {_NAMES[SQRT]}")
    n_none = int((~told.supported[differ].any(axis=1)).sum())
    if n_none:
        kinds.append(f"{n_none:,} fit no scale")
    return _differing(told, differ, f"most cells are {_NAMES[most]}; {', '.join(kinds)}")


def _differing(told: Evidence, differ: np.ndarray, words: str) -> Verdict:
    if differ.mean() > 0.5:
        differ = ~differ
    return Verdict(
        "mixed",
        words,
        n_differ=int(differ.sum()),
        differ=tuple(told.positions[differ][:_N_SHOWN].tolist()),
        share_grid=float(told.supported.any(axis=1).mean()),
    )


def _unrecognised(told: Evidence) -> Verdict:
    share, target, _ = told.sums(LINEAR)
    words = "no transformation leaves multiples of one unit or equal sums"
    if target is not None:
        words = (
            f"every cell sums to {number(target)}, but the values within a cell are no multiples "
            "of one unit and as even as logarithms: the sum may have been made equal after a "
            "logarithm"
        )
    elif not told.contradicted.all(axis=0).any() and told.rows.size < N_TRANSFORMS:
        words = "there are too few different values to tell"
    return Verdict("unrecognised", words, share_same_sum=share)
