"""Calibration and novelty, and their way into files."""

import numpy as np

from cellclass.metrics import softmax
from cellclass.model._trust import Trust

RNG = np.random.default_rng(0)
LATENT, CODES = RNG.normal(size=(60, 3)), np.arange(60) % 2
LOGITS = RNG.normal(size=(20, 2)) * 5


def test_fit_and_back():
    trust = Trust.fit(LATENT[:40], CODES[:40], held_out=(LATENT[40:], LOGITS, CODES[40:]))
    assert trust.temperature > 1
    np.testing.assert_allclose(
        trust.probability(LOGITS), softmax(LOGITS, temperature=trust.temperature)
    )
    again = Trust.from_parts(trust.temperature, trust.to_arrays())
    np.testing.assert_array_equal(again.pvalue(LATENT), trust.pvalue(LATENT))
    assert ((trust.pvalue(LATENT) > 0) & (trust.pvalue(LATENT) <= 1)).all()


def test_before_a_fit():
    trust = Trust()
    assert trust.to_arrays() == {}
    assert np.isnan(trust.pvalue(LATENT)).all()
    assert np.isnan(Trust.from_parts(1.0, {}).pvalue(LATENT)).all()
    np.testing.assert_allclose(trust.probability(LOGITS), softmax(LOGITS))
