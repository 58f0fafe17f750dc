"""Units of cells, under every transformation."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from cellclass.kernels import (
    DOUBLE_LOG,
    LINEAR,
    LN,
    LOG2,
    LOG10,
    ROW_STATISTICS,
    SQRT,
    WHOLE,
    row_statistics,
)
from cellclass.kernels._row_grid import MAYBE_WHOLE, NOT_WHOLE, find_probes

APPLY = {
    LINEAR: lambda y: y,
    LN: np.log1p,
    LOG2: lambda y: np.log2(1 + y),
    LOG10: lambda y: np.log10(1 + y),
    SQRT: np.sqrt,
    DOUBLE_LOG: lambda y: np.log1p(np.log1p(y)),
}
COUNTS = np.array([1, 1, 2, 3, 5, 6, 11, 19, 400.0])


def describe(row, dtype=np.float32, precision=6e-6):
    X = sp.csr_matrix(np.atleast_2d(np.asarray(row, dtype=dtype)))
    out = np.zeros(1, dtype=ROW_STATISTICS)
    row_statistics(X.data, X.indptr, precision, out, False)
    return out[0]


@pytest.mark.parametrize("transform", APPLY)
@pytest.mark.parametrize("factor", [0.01371234, 0.3712345, 12.31234, 151.71234])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_the_transformation_that_was_applied_leaves_a_unit(transform, factor, dtype):
    row = describe(APPLY[transform](COUNTS * factor), dtype)
    assert row["bits"][transform] >= 50
    assert row["whole"][transform] == NOT_WHOLE
    for other in APPLY:
        # the square of multiples of a unit are multiples of a unit, too
        if other != transform and (transform, other) != (LINEAR, SQRT):
            assert row["bits"][other] < 9, other


@pytest.mark.parametrize("transform", [LN, LOG2, LOG10, SQRT, DOUBLE_LOG])
def test_whole_counts_are_known_as_such(transform):
    assert describe(APPLY[transform](COUNTS))["whole"][transform] == WHOLE
    assert describe(APPLY[transform](COUNTS * 3))["whole"][transform] == MAYBE_WHOLE


@given(
    st.lists(st.integers(1, 900), min_size=8, max_size=60, unique=True),
    st.sampled_from(list(APPLY)),
    st.floats(0.01, 30),
)
def test_no_count_of_one_is_needed(counts, transform, factor):
    # not 0.01 or the like, whose multiples look like values rounded to two decimals
    row = describe(APPLY[transform](np.array(counts) * (factor + 1e-4 * np.pi)), np.float64)
    assert row["bits"][transform] >= 0  # never contradicted
    if min(counts) <= 32:
        assert row["bits"][transform] >= 9


def test_one_level_tells_nothing():
    row = describe([0.7123456, 0.7123456, 0.0, 0.7123456])
    assert (row["bits"][[LINEAR, LN, LOG2, LOG10]] == 0).all()


@pytest.mark.parametrize("decimals", [2, 3, 4, 5])
def test_rounded_values_never_contradict_the_truth(decimals):
    rng = np.random.default_rng(0)
    for _ in range(200):
        counts = rng.poisson(rng.gamma(0.5, 3.0, size=60))
        factor = 1e4 / rng.integers(300, 20000)
        row = describe(np.log1p(counts * factor).round(decimals))
        assert row["bits"][LN] >= 0


def test_half_precision_never_contradicts_the_truth():
    rng = np.random.default_rng(0)
    for _ in range(200):
        counts = rng.poisson(rng.gamma(0.5, 3.0, size=60))
        factor = 1e4 / rng.integers(300, 20000)
        values = np.log1p(counts * factor).astype(np.float16)
        assert describe(values, precision=1e-3)["bits"][LN] >= 0


def test_random_values_have_no_unit():
    rng = np.random.default_rng(0)
    n_supported = sum(
        (describe(rng.gamma(1.0, 2.0, size=30))["bits"] >= 9).any() for _ in range(300)
    )
    assert n_supported <= 3


@given(st.lists(st.floats(0.125, 50, width=32), max_size=40))
def test_probes_are_the_next_larger_values(values):
    smallest = min(values, default=1.0)
    probes = np.zeros(5)
    n = find_probes(np.array(values), smallest, probes)
    expected = []
    for value in sorted(values):
        if value > smallest * (1 + 1e-5) and (not expected or value - expected[-1] > 1e-5 * value):
            expected.append(value)
    different = np.unique(np.array(values))
    if (np.diff(different) > 1e-4 * different[1:]).all():
        assert probes[:n].tolist() == expected[:5]
