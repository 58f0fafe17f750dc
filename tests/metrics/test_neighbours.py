"""Cells beside the training cells are near, cells elsewhere far, for a label of any spread."""

import numpy as np
import pytest

from cellclass.metrics._neighbours import NeighbourDistance


@pytest.fixture(scope="module")
def known():
    """A narrow and a wide label, in directions of their own."""
    rng = np.random.default_rng(0)
    codes = np.arange(400) % 2
    centre = np.array([[20.0, 0, 0], [0, 20, 0]])[codes]
    width = np.array([0.5, 3.0])[codes]
    return rng.normal(size=(400, 3)) * width[:, None] + centre, codes


def test_cells_of_either_label_are_near_and_new_ones_far(known):
    places, codes = known
    fitted = NeighbourDistance.fit(places[:300], codes[:300])
    score = fitted.score(places[300:])
    for k in (0, 1):
        assert abs(np.median(score[codes[300:] == k])) < 0.3
    novel = fitted.score(np.array([[0, 0, 20.0], [14, 14, 0], [-20, 0, 0]]))
    assert novel.min() > np.quantile(score, 0.9)


def test_score_is_the_log_ratio_of_distances(known):
    places, codes = known
    fitted = NeighbourDistance.fit(places, codes)
    cells = fitted.cells.astype(float)
    np.testing.assert_allclose(np.linalg.norm(cells, axis=1), 1, atol=1e-6)
    x = np.array([1.0, 2, 3])
    way = x @ fitted.whitener / np.linalg.norm(x @ fitted.whitener)

    def nearest(gap):
        order = np.argsort(gap)[:10]
        return order, np.log(gap[order].mean() + 1e-4)

    rows, own = nearest(np.linalg.norm(cells - way, axis=1))
    others = []
    for row in rows:
        gap = np.linalg.norm(cells - cells[row], axis=1)
        gap[row] = np.inf
        others.append(nearest(gap)[1])
    assert fitted.score(x[None])[0] == pytest.approx(own - np.mean(others), abs=1e-3)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_cells_copies_and_an_empty_cell_give_numbers(n):
    places = np.ones((n, 2))
    fitted = NeighbourDistance.fit(places, np.zeros(n, dtype=int))
    assert np.isfinite(fitted.score(np.array([[1.0, 1], [0, 0], [-3, 2]]))).all()
