"""Best label, confidence and what is left out."""

from dataclasses import replace

import numpy as np
import pytest

from cellclass.model import CellScores

PROBABILITY = np.array([[0.2, 0.8], [0.5, 0.5], [1, 0]], dtype=np.float32)
PVALUE = np.array([0.05, 0.2, 0.5], dtype=np.float32)
SCORES = CellScores(
    ("a", "b"), PROBABILITY, PVALUE, np.array([False, False, True]), {}, n_calibration=19
)


def test_codes_and_confidence():
    scores = replace(SCORES, empty=np.zeros(3, dtype=bool))
    assert scores.codes.tolist() == [1, 0, 0]
    np.testing.assert_allclose(scores.confidence, [0.8, 0.5, 1])
    assert scores.confidence.dtype == np.float32


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(None, [False, False, True]), (0.05, [True, False, True]), (0.3, [True, True, True])],
)
def test_unassigned(rate, expected):
    assert SCORES.unassigned(rate).tolist() == expected


def test_a_pvalue_as_small_is_not_possible():
    with pytest.raises(ValueError, match=r"reject_rate=0.04 needs 24 held-out cells.* has 19"):
        SCORES.unassigned(0.04)
    with pytest.raises(ValueError, match="more labelled cells"):
        replace(SCORES, n_calibration=0).unassigned(0.5)


@pytest.mark.parametrize("rate", [0, 1, -0.1, 5])
def test_a_rate_outside(rate):
    with pytest.raises(ValueError, match=r"reject_rate=.*outside \(0, 1\)"):
        SCORES.unassigned(rate)
