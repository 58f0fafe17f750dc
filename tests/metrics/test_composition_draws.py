"""Intervals hold what they promise, in simulations with known proportions."""

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import t

from cellclass.metrics._composition_draws import (
    cell_variance,
    corrected,
    draw_cells,
    draw_inverses,
    draw_samples,
    draw_spread,
    interval,
)

RATES = np.array([[0.75, 0.2, 0.05], [0.15, 0.8, 0.05], [0.02, 0.03, 0.95]])


@pytest.mark.parametrize("known", [[0.3, 0.3, 0.4], [0.02, 0.9, 0.08], [0.0, 0.5, 0.5]])
def test_cells_and_calibration_cells(known):
    rng, n_held, n = np.random.default_rng(0), 0, 400
    known = np.asarray(known)
    for _ in range(n):
        confusion = np.stack(
            [rng.multinomial(m, row) for m, row in zip((40, 80, 25), RATES, strict=True)]
        )
        counts = rng.multinomial(300, known @ RATES)[None]
        inverses = draw_inverses(confusion, 3, 400, rng)
        draws = corrected(draw_cells(counts, 400, rng), inverses)
        lower, upper = interval((draws,), known, 0.95, least=0)
        ends = np.quantile(draws, [0.025, 0.975], axis=0)
        n_held += (np.maximum(ends[0], 0) <= known) & (known <= ends[1])
        assert (lower >= 0).all()
        assert (upper <= 1).all()
    assert n_held.sum() / (3 * n) == pytest.approx(0.955, abs=0.025)
    assert n_held.min() / n > 0.91


def test_without_correction_nothing_is_drawn():
    inverses = draw_inverses(None, 3, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(inverses, np.broadcast_to(np.eye(3), (5, 3, 3)))
    shares = np.random.default_rng(1).dirichlet(np.ones(3), size=5)
    np.testing.assert_allclose(corrected(shares, inverses), shares)


def test_a_row_without_cells_is_taken_as_free_of_errors():
    confusion = np.array([[8, 2, 0], [0, 0, 0], [0, 0, 10]])
    rates = np.linalg.inv(draw_inverses(confusion, 3, 50, np.random.default_rng(0)))
    np.testing.assert_allclose(rates[:, 1], np.broadcast_to([0, 1, 0], (50, 3)), atol=1e-9)
    assert rates[:, 0, 0].std() > 0.05


def test_draws_lie_around_what_was_counted():
    confusion = np.round(1000 * RATES).astype(int)
    inverses = draw_inverses(confusion, 3, 4000, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.inv(inverses).mean(axis=0), RATES, atol=0.01)
    cells = draw_cells(np.array([[50, 30, 20], [10, 30, 60]]), 4000, np.random.default_rng(0))
    np.testing.assert_allclose(cells.mean(axis=0), [0.3, 0.3, 0.4], atol=0.01)


@pytest.mark.parametrize("n_samples", [2, 3, 8])
def test_samples_have_the_interval_of_t_on_the_scale_of_the_logit(n_samples):
    shares = np.random.default_rng(0).dirichlet([50, 3], size=n_samples)
    mean, error = shares.mean(axis=0), shares.std(axis=0, ddof=1) / np.sqrt(n_samples)
    draws = draw_samples(shares, 200_000, np.random.default_rng(1))
    half = t.isf(0.025, n_samples - 1) * error / (mean * (1 - mean))
    ends = logit(np.quantile(draws, [0.025, 0.975], axis=0))
    np.testing.assert_allclose(ends[1] - logit(mean), half, rtol=0.04)
    np.testing.assert_allclose(logit(mean) - ends[0], half, rtol=0.04)
    np.testing.assert_allclose(draws.sum(axis=1), 1)


def test_labels_without_cells_or_with_all_of_them_stay():
    shares = np.array([[0.4, 0.6, 0], [0.5, 0.5, 0]])
    draws = draw_samples(shares, 100, np.random.default_rng(1))
    assert not draws[:, 2].any()
    all_of_one = draw_samples(np.array([[1.0, 0], [1, 0]]), 100, np.random.default_rng(1))
    np.testing.assert_array_equal(all_of_one, np.broadcast_to([1.0, 0], (100, 2)))


def test_samples_as_if_their_spread_were_known_and_like_others():
    shares = np.random.default_rng(0).dirichlet([500, 300, 200], size=4)
    draws = draw_spread(shares, 100_000, np.random.default_rng(1))
    np.testing.assert_allclose(draws.std(axis=0), shares.std(axis=0, ddof=1) / 2, rtol=0.03)
    np.testing.assert_allclose(draws.mean(axis=0), shares.mean(axis=0), atol=1e-3)
    one = np.array([[0.2, 0.3, 0.5]])
    draws = draw_samples(one, 100_000, np.random.default_rng(1), like=shares)
    np.testing.assert_allclose(np.median(draws, axis=0), one[0], atol=2e-3)
    half = t.isf(0.025, 3) * shares.std(axis=0, ddof=1)
    ends = np.quantile(draws, [0.025, 0.975], axis=0)
    np.testing.assert_allclose((ends[1] - ends[0]) / 2, half, rtol=0.15)


@pytest.mark.parametrize("n_samples", [3, 6])
def test_intervals_of_conditions_hold_also_for_rare_labels(n_samples):
    rng, n, known = np.random.default_rng(0), 250, np.array([0.57, 0.4, 0.03])
    held = 0
    for _ in range(n):
        shares = [rng.dirichlet(100 * known) @ RATES for _ in range(n_samples)]
        counts = np.stack([rng.multinomial(300, row) for row in shares])
        confusion = np.stack([rng.multinomial(80, row) for row in RATES])
        inverses = draw_inverses(confusion, 3, 300, rng)
        kinds = [
            corrected(draws, inverses)
            for draws in (
                draw_cells(counts, 300, rng),
                draw_samples(counts / counts.sum(axis=1, keepdims=True), 300, rng),
            )
        ]
        ends = [np.quantile(kind, [0.025, 0.975], axis=0) for kind in kinds]
        lower, upper = np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
        held += (np.maximum(lower, 0) <= known) & (known <= upper)
    assert held.min() / n > 0.92
    assert held.mean() / n < 0.99


def test_variance_of_cells():
    counts, inverse = np.array([[200, 150, 50]]), np.linalg.inv(RATES)
    drawn = np.random.default_rng(0).multinomial(400, counts[0] / 400, size=50_000) / 400
    expected = (drawn @ inverse).var(axis=0)
    np.testing.assert_allclose(cell_variance(counts, inverse)[0], expected, rtol=0.05)
    assert (cell_variance(np.array([[30, 0, 0]]), inverse) > 0).all()


def test_the_widest_kind_of_draws_counts_and_the_estimate_is_inside():
    narrow, wide = np.linspace(0.4, 0.5, 101)[:, None], np.linspace(0.2, 0.8, 101)[:, None]
    lower, upper = interval((narrow, wide), np.array([0.45]), 0.9, least=0)
    assert (lower.item(), upper.item()) == pytest.approx((0.23, 0.77))
    lower, upper = interval((narrow,), np.array([0.6]), 0.9, least=0)
    assert (lower.item(), upper.item()) == pytest.approx((0.405, 0.6))
    lower, upper = interval((narrow - 0.45,), np.array([0.0]), 0.9, least=0)
    assert lower.item() == 0
    lower, upper = interval((narrow - 0.45,), np.array([0.0]), 0.9, least=-1)
    assert lower.item() == pytest.approx(-0.045)
