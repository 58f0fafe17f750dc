"""Calibration, novelty and sets, and their way into files."""

from dataclasses import replace

import numpy as np
import pytest

from cellclass.contract import Expected
from cellclass.metrics import softmax
from cellclass.model._trust import Cells, Trust

RNG = np.random.default_rng(0)
X, CODES = RNG.normal(size=(60, 6)).astype(np.float32), np.arange(60) % 2
LOGITS = RNG.normal(size=(60, 2)) * 5
CELLS = Cells(X, X[:, :3], LOGITS, CODES)


def part(rows):
    return Cells(*(values[rows] for values in CELLS))


@pytest.fixture(scope="module")
def trust():
    return fitted([(part(slice(0, 40)), part(slice(40, None)))])


def fitted(parts):
    genes = np.tile(np.arange(6), (len(parts), 1))
    together = (np.tile(CELLS.latent, len(parts)), X) if len(parts) > 1 else None
    held_out_by = np.arange(60) % len(parts)
    return Trust.fit(parts, genes, together=together, held_out_by=held_out_by)


def test_several_networks_pool_what_each_has_not_seen():
    rows = np.arange(60)
    trust = fitted([(part(rows[rows % 3 != k]), part(rows[rows % 3 == k])) for k in range(3)])
    assert trust.n_calibration == 60
    assert len(trust.sets.scores) == 60
    latent = np.tile(CELLS.latent, 3)
    pvalue = trust.pvalue(latent, X)
    np.testing.assert_array_equal(again(trust).pvalue(latent, X), pvalue)
    thresholds = trust.thresholds(2, 0.8)
    one = trust.contains(LOGITS[None], thresholds)
    np.testing.assert_array_equal(trust.contains(np.stack([LOGITS] * 3), thresholds), one)
    # Two of three sets decide.
    other = np.stack([LOGITS, LOGITS, -LOGITS])
    np.testing.assert_array_equal(trust.contains(other, thresholds), one)


def again(trust):
    arrays = trust.to_arrays()
    novelty, sets = (
        {k.removeprefix(head): v for k, v in arrays.items() if k.startswith(head)}
        for head in ("novelty.", "sets.")
    )
    return Trust.from_parts(trust.temperature, novelty, sets)


def test_fit_and_back(trust):
    assert trust.temperature > 1
    np.testing.assert_allclose(
        trust.probability(LOGITS), softmax(LOGITS, temperature=trust.temperature)
    )
    pvalue = trust.pvalue(CELLS.latent, CELLS.x)
    assert ((pvalue > 0) & (pvalue <= 1)).all()
    np.testing.assert_array_equal(again(trust).pvalue(CELLS.latent, CELLS.x), pvalue)
    thresholds = trust.thresholds(2, 0.8)
    np.testing.assert_array_equal(again(trust).thresholds(2, 0.8), thresholds)
    held = trust.contains(LOGITS[None, 40:], thresholds)
    assert held[np.arange(20), CODES[40:]].mean() >= 0.8
    assert trust.n_calibration == 20


def test_what_fits_a_query_without_genes(trust):
    distances, losses = np.array([0.0, 90.0]), np.linspace(0, 50, 20)
    given = trust.given(Expected(0.5, 3.0, distances, losses))
    assert given.temperature == 3.0
    assert given.n_calibration == 2
    assert set(given.pvalue(CELLS.latent, CELLS.x)) <= {1 / 3, 2 / 3, 1.0}
    expected = np.quantile(losses, (np.arange(20) + 0.5) / 20, method="hazen")
    assert set(np.round(given.thresholds(2, 0.8), 6)) <= set(np.round(expected, 6))
    assert trust.given(None) is trust


def test_before_a_fit():
    trust = Trust()
    assert trust.to_arrays() == {}
    assert trust.n_calibration == 0
    assert np.isnan(trust.pvalue(CELLS.latent, CELLS.x)).all()
    assert np.isnan(again(trust).pvalue(CELLS.latent, CELLS.x)).all()
    np.testing.assert_allclose(trust.probability(LOGITS), softmax(LOGITS))
    for empty in (trust, replace(trust, sets=None)):
        with pytest.raises(ValueError, match="validation_size above 0"):
            empty.thresholds(2, 0.9)
