"""The distance, less what noise adds to it."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from cellclass.metrics._js_distance import js_distance, js_divergence


def test_divergence_is_that_of_scipy():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet([1, 1, 1, 1], size=(2, 20))
    expected = [jensenshannon(a, b, base=2) ** 2 for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(js_divergence(p, q), expected, atol=1e-12)


def test_ends_of_the_scale():
    p = np.array([0.3, 0.7, 0.0])
    assert js_divergence(p, p) == 0
    assert js_divergence(np.array([1.0, 0, 0]), np.array([0, 0.5, 0.5])) == pytest.approx(1)
    np.testing.assert_allclose(
        js_divergence(np.array([-0.1, 0.4, 0.7]), p),
        js_divergence(np.array([0, 4 / 11, 7 / 11]), p),
    )


@pytest.mark.parametrize(("shift", "n"), [(0.0, 60), (0.1, 60), (0.3, 200)])
def test_noise_is_taken_off_and_the_interval_holds(shift, n):
    reference = np.array([0.4, 0.3, 0.2, 0.1])
    known = reference + shift * np.array([-1, 1, 0, 0])
    truth = np.sqrt(js_divergence(known, reference))
    rng, raw, squared, held = np.random.default_rng(0), [], [], []
    for _ in range(300):
        shares = rng.multinomial(n, known) / n
        draws = rng.multinomial(n, shares, size=300) / n
        found = js_distance(
            (shares, reference),
            (draws, np.broadcast_to(reference, draws.shape)),
            level=0.95,
            degrees=None,
        )
        assert found.lower <= found.estimate <= found.upper
        raw.append(found.raw**2)
        squared.append(found.raw**2 - found.added)
        held.append(found.lower <= truth <= found.upper)
    too_large = np.mean(raw) - truth**2
    assert too_large > 0.001
    chance = 2 * np.std(squared) / np.sqrt(len(squared))
    assert abs(np.mean(squared) - truth**2) < 0.3 * too_large + chance
    assert np.mean(held) > 0.92


def test_few_samples_widen_the_interval():
    rng = np.random.default_rng(0)
    p, q = np.array([0.5, 0.5]), np.array([0.2, 0.8])
    draws = rng.multinomial(100, p, size=500) / 100
    how = {"estimate": (p, q), "draws": (draws, np.broadcast_to(q, draws.shape)), "level": 0.95}
    many, few = js_distance(**how, degrees=None), js_distance(**how, degrees=3)
    assert few.estimate == many.estimate
    assert few.upper - few.estimate > 1.2 * (many.upper - many.estimate)
