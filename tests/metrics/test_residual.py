"""What is left of a cell is judged for its depth and its label."""

import numpy as np
import pytest

from cellclass.metrics._residual import Residual


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.2, 3, size=600)
    x = rng.poisson(depth[:, None], size=(600, 50)).astype(np.float32)
    codes = np.arange(600) % 2
    rest = 0.3 * np.log1p(x.sum(axis=1)) + 0.5 * codes + rng.normal(size=600) * 0.01
    return rest, depth_of(x), codes


def depth_of(x):
    return np.stack([(x > 0).sum(axis=1), x.sum(axis=1), (x**2).sum(axis=1)], axis=1)


def test_depth_and_label_are_taken_out(cells):
    rest, depth, codes = cells
    score = Residual.fit(rest, depth, codes).score(rest, depth, codes)
    assert score.std() < 0.03
    assert rest.std() > 0.2


def test_what_is_more_than_usual_stays(cells):
    rest, depth, codes = cells
    fitted = Residual.fit(rest, depth, codes)
    more = fitted.score(rest + 0.4, depth, codes) - fitted.score(rest, depth, codes)
    np.testing.assert_allclose(more, 0.4)


def test_a_label_of_few_cells_leans_on_all():
    rest, depth = np.zeros(102), depth_of(np.ones((102, 4), dtype=np.float32))
    rest[:2] = 1.0
    fitted = Residual.fit(rest, depth, np.repeat([0, 1], [2, 100]))
    assert 0 < fitted.level[0] < 0.3


def test_one_cell():
    fitted = Residual.fit(np.ones(1), np.ones((1, 3)), np.zeros(1, dtype=int))
    assert np.isfinite(fitted.score(np.ones(1), np.zeros((1, 3)), np.zeros(1, dtype=int))).all()
