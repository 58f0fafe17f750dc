"""The spread within labels becomes a sphere."""

import numpy as np
import pytest

from cellclass.metrics._whitening import label_means, whitening


def test_spread_within_labels_becomes_the_identity():
    rng = np.random.default_rng(0)
    codes = np.arange(9000) % 3
    centres = np.array([[0, 0], [50, 0], [0, 50]])
    cells = rng.normal(size=(9000, 2)) @ np.array([[3, 1], [0, 0.2]]) + centres[codes]
    np.testing.assert_allclose(label_means(cells, codes), centres, atol=0.2)
    white = (cells - label_means(cells, codes)[codes]) @ whitening(cells, codes)
    np.testing.assert_allclose(np.cov(white.T), np.eye(2), atol=0.05)


@pytest.mark.parametrize("cells", [np.zeros((4, 2)), np.eye(4)[:, :3], np.ones((1, 2))])
def test_few_or_constant_cells_give_numbers(cells):
    found = whitening(cells, np.zeros(len(cells), dtype=int))
    assert np.isfinite(found).all()
    assert np.linalg.matrix_rank(found) == cells.shape[1]
