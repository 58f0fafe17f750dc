"""Which scale proteins are on, and the logarithms of their counts, exact or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellclass.errors import ScaleError, ValuesError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from cellclass.contract._source import Source

ProteinScaleName = Literal["counts", "log1p", "clr"]

# What single precision leaves of a value, relative to it and to the logarithm it was; a count that
# is further from a whole number than a quarter is none.
_PRECISION, _HALF_PRECISION = 4e-7, 4e-4
_FURTHEST = 0.25
# Fewer values that are not zero can be whole numbers by chance.
_FEWEST_VALUES = 12
# The smallest count of a cell is looked for up to here, in panels of at least so many proteins.
_MOST_SMALLEST, _FEWEST_PROTEINS = 1000, 5
_BASES = {
    "log1p of counts": np.e,
    "log1p (base 2) of counts": 2.0,
    "log1p (base 10) of counts": 10.0,
}
# Halvings of the interval in which the logarithm of a mean lies; and how far off the smallest count
# may come out with it.
_STEPS, _MOST_BESIDE = 50, 20


@dataclass(frozen=True)
class ProteinScale:
    """The scale that proteins were found on.

    Attributes
    ----------
    name
        `counts`; `log1p`, the logarithm of one plus counts; `clr`, a centred log ratio of counts.
    words
        The same in a few words, with the base of the logarithm or the kind of log ratio.
    """

    name: ProteinScaleName
    words: str

    def __str__(self) -> str:
        """Say the scale in a few words."""
        return self.words


def log_counts(X: np.ndarray, source: Source, names: pd.Index) -> tuple[ProteinScale, np.ndarray]:
    """Identify the scale of proteins, and bring them to the logarithm of one plus their counts.

    RNA is told by the multiples that normalisation leaves in the many zeros, ones and twos of a
    cell. Proteins have few of these and are centred rather than normalised, so they are told by
    trying: a scale is taken if every value of every cell comes out as a whole number.

    Parameters
    ----------
    X
        The values, `(n_obs, n_proteins)`.
    source
        Where they stand, for messages.
    names
        Names of the proteins, for messages.

    Returns
    -------
    scale
        What was found.
    logs
        `log(1 + counts)` but for a constant of each cell, float64 `(n_obs, n_proteins)`.

    Raises
    ------
    ScaleError
        The values are neither counts, nor log1p or a centred log ratio of counts.
    ValuesError
        A value is NaN or infinite.
    """
    precision = _HALF_PRECISION if source.matrix.dtype == np.float16 else _PRECISION
    X = np.asarray(X, dtype=np.float64)
    _check_finite(X, source, names)
    if X.size == 0 or (X >= 0).all():
        if _is_whole(X, np.full(X.shape, 1e-6)):
            return ProteinScale("counts", "counts"), np.log1p(X)
        if np.count_nonzero(X) >= _FEWEST_VALUES:
            for scale, counts, error in _without_negatives(X, precision):
                if _is_whole(counts, error):
                    return scale, np.log1p(np.rint(counts))
    elif X.shape[1] >= _FEWEST_PROTEINS and _is_centred_log(X, precision):
        return ProteinScale("clr", "centred log ratio of each cell's counts"), X
    raise ScaleError(_refusal(X, source))


def _without_negatives(
    X: np.ndarray, precision: float
) -> Iterator[tuple[ProteinScale, np.ndarray, np.ndarray]]:
    """Yield scales, the counts if it were this one, and how far these may be from whole numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        for words, base in _BASES.items():
            whole = np.expm1(X * np.log(base))
            error = precision * np.log(base) * np.maximum(X, 1) * (whole + 1)
            yield ProteinScale("log1p", words), whole, error
        ratios = np.expm1(X)
        for axis, of in ((1, "each cell"), (0, "each protein")):
            error = 4 * precision * np.maximum(X, 1)
            counts = _times_whole(ratios, _geometric_mean(ratios, axis), error, axis)
            error *= counts + 1
            yield ProteinScale("clr", f"log1p of counts over the mean of {of}"), counts, error


def _is_whole(values: np.ndarray, error: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        off = np.abs(values - np.rint(values))
    # Where rounding alone may move a value by a quarter, nothing can be told.
    return bool((off <= error).all() and (error <= _FURTHEST).all())


def _geometric_mean(ratios: np.ndarray, axis: int) -> np.ndarray:
    r"""Find the g by which counts were divided, from the ratios n / g.

    As muon and Seurat take it, :math:`\log g` is the mean of :math:`\log(1 + n)`, so that
    :math:`\mathrm{mean} \log(1 + g r) = \log g`; the left side less the right falls as g grows,
    and g lies between 1 and the largest count plus one.
    """
    low = np.zeros(ratios.shape[1 - axis])
    high = np.full(low.shape, 50.0)  # of log g
    for _ in range(_STEPS):
        middle = (low + high) / 2
        g = np.expand_dims(np.exp(middle), axis)
        above = np.log1p(g * ratios).mean(axis=axis) > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.expand_dims(np.exp((low + high) / 2), axis)


def _times_whole(ratios: np.ndarray, g: np.ndarray, error: np.ndarray, axis: int) -> np.ndarray:
    """Multiply ratios by the g that makes them whole; `error` is that of a value, relative.

    Where no count is small, g hangs on the last digits of the ratios. So the smallest count is
    taken to be the whole number that comes out, or one beside it, whichever makes all others whole.
    """
    counts = np.moveaxis(ratios * g, axis, -1).copy()
    ratios, error = np.moveaxis(ratios, axis, -1), np.moveaxis(error, axis, -1)
    smallest = np.where(ratios > 0, ratios, np.inf).min(axis=-1)
    first = np.rint(smallest * np.moveaxis(g, axis, -1)[:, 0])
    pending = np.flatnonzero(np.isfinite(first))
    for step in range(2 * _MOST_BESIDE + 1):
        beside = (step + 1) // 2 * (1 if step % 2 else -1)  # 0, 1, -1, 2, …
        whole = first[pending] + beside
        tried = ratios[pending] * np.divide(whole, smallest[pending])[:, None]
        fits = np.abs(tried - np.rint(tried)) <= error[pending] * (tried + 1)
        found = fits.all(axis=1) & (whole > 0)
        counts[pending[found]] = tried[found]
        pending = pending[~found]
    return np.moveaxis(counts, -1, axis)


def _is_centred_log(X: np.ndarray, precision: float) -> bool:
    """Tell whether each cell holds log(1 + counts) less their mean.

    The values then sum to zero, and one plus the counts stand to each other as whole numbers do:
    with the right smallest one, all are whole.
    """
    size = np.abs(X).max(axis=1, keepdims=True)
    if (np.abs(X.sum(axis=1)) > 4 * precision * (1 + size[:, 0]) * X.shape[1]).any():
        return False
    ratios = np.exp(X - X.min(axis=1, keepdims=True))
    error = 2 * precision * (1 + size) * ratios
    pending = np.arange(len(X))
    for smallest in range(1, _MOST_SMALLEST + 1):
        values, allowed = ratios[pending] * smallest, error[pending] * smallest
        fits = (np.abs(values - np.rint(values)) <= allowed) & (allowed <= _FURTHEST)
        pending = pending[~fits.all(axis=1)]
        if pending.size == 0:
            return True
    return False


def _check_finite(X: np.ndarray, source: Source, names: pd.Index) -> None:
    bad = ~np.isfinite(X)
    if bad.any():
        cell, protein = np.argwhere(bad)[0]
        raise ValuesError(
            f"{source.where} holds NaN or infinite values: {X[cell, protein]} in cell number "
            f"{cell}, protein {str(names[protein])!r}, and {int(bad.sum()) - 1} more. A cell whose "
            "proteins were not measured is left out of the modality, or has zeros throughout."
        )


def _refusal(X: np.ndarray, source: Source) -> str:
    lowest, highest = X.min(), X.max()
    if lowest < 0:
        found = (
            f"holds negative values (minimum {lowest:.3g}) that are no centred log ratios of "
            "counts: they may be z-scored or background-corrected (dsb)"
        )
    else:
        found = (
            f"holds values between {lowest:.3g} and {highest:.3g} that are neither counts of "
            "proteins, nor log1p or a centred log ratio of counts"
        )
    return (
        f"{source.where} {found}. The counts cannot be told from them. Give raw ADT counts, or "
        "their log1p, or their centred log ratio as muon.prot.pp.clr makes it of all cells; or "
        f"leave the modality out, and RNA alone is read. {_others(source)}"
    )


def _others(source: Source) -> str:
    if not source.others:
        return "This modality has no other layer and no .raw."
    return f"This modality also has {', '.join(source.others)}."
