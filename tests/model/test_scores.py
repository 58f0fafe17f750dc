"""Best label and confidence from probabilities."""

import numpy as np

from cellclass.model import CellScores


def test_codes_and_confidence():
    probability = np.array([[0.2, 0.8], [0.5, 0.5], [1, 0]], dtype=np.float32)
    scores = CellScores(("a", "b"), probability, np.ones(3), np.zeros(3, bool), {})
    assert scores.codes.tolist() == [1, 0, 0]
    np.testing.assert_allclose(scores.confidence, [0.8, 0.5, 1])
    assert scores.confidence.dtype == np.float32
