"""FAVOR+ against the mathematics: unbiased, convergent, differentiable, stable."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from cellclass.module import _attention
from cellclass.module._attention import draw_features, favor_attention


def tokens(n_tokens, dim, *, B=2, H=3, size=1.0, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shape = (3, B, H, n_tokens, dim)
    return (size * torch.randn(shape, generator=generator, dtype=dtype)).unbind(0)


def relative_error(found, exact):
    return float((found - exact).norm() / exact.norm())


@pytest.mark.parametrize("orthogonal", [True, False])
def test_the_kernel_is_estimated_without_bias(orthogonal):
    """z-test over draws: the mean estimate of exp(q·k) is exp(q·k)."""
    q, k = torch.tensor([0.6, -0.2, 0.5, 0.1]), torch.tensor([0.3, 0.7, -0.1, 0.4])
    n_draws, n_features = 4000, 6
    w = draw_features(
        n_draws, n_features, 4, orthogonal=orthogonal, generator=torch.Generator().manual_seed(0)
    )
    phi = [torch.exp(w @ x - 0.5 * x @ x) for x in (q, k)]
    estimates = (phi[0] * phi[1]).mean(dim=1).double().numpy()
    z = (estimates.mean() - math.exp(float(q @ k))) / (estimates.std() / math.sqrt(n_draws))
    assert abs(z) < 3.5


def test_orthogonal_features_are_orthogonal_and_as_long_as_normal_ones():
    w = draw_features(50, 16, 8, generator=torch.Generator().manual_seed(0))
    assert w.shape == (50, 16, 8)
    unit = nn.functional.normalize(w, dim=-1)
    for block in (unit[:, :8], unit[:, 8:]):
        torch.testing.assert_close(
            block @ block.transpose(1, 2), torch.eye(8).expand(50, 8, 8), atol=1e-5, rtol=0
        )
    assert float((w**2).sum(-1).mean()) == pytest.approx(8, rel=0.1)
    assert draw_features(1, 5, 8).shape == (1, 5, 8)


def mean_error(n_features, *, orthogonal):
    """Mean error of 20 draws, relative to exact attention."""
    q, k, v = tokens(40, 16, size=0.3)
    exact = nn.functional.scaled_dot_product_attention(q, k, v)
    errors = []
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        features = draw_features(3, n_features, 16, orthogonal=orthogonal, generator=generator)
        errors.append(relative_error(favor_attention(q, k, v, features), exact))
    return np.mean(errors)


def test_error_falls_as_one_over_root_of_features_and_orthogonal_ones_are_no_worse():
    sizes = [32, 128, 512]
    errors = {how: [mean_error(m, orthogonal=how) for m in sizes] for how in (True, False)}
    slope = np.polyfit(np.log(sizes), np.log(errors[True]), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1)
    assert np.mean(errors[True]) <= np.mean(errors[False])


def small_tiles(monkeypatch, n_tokens):
    """Work on one row and so many tokens at a time."""
    monkeypatch.setattr(_attention, "_TILE", {"cpu": 1})
    monkeypatch.setattr(_attention, "_FEWEST_TOKENS", n_tokens)
    monkeypatch.setattr(_attention, "_RELU_CHUNK", n_tokens)


@pytest.mark.parametrize("kernel", ["softmax", "relu"])
@pytest.mark.parametrize("masked", [False, True])
def test_gradients(monkeypatch, kernel, masked):
    small_tiles(monkeypatch, 4)
    inputs = [x.requires_grad_() for x in tokens(9, 4, H=2)]
    features = draw_features(2, 6, 4, generator=torch.Generator().manual_seed(0)).double()
    mask = torch.arange(9) < torch.tensor([[9], [6]]) if masked else None
    assert torch.autograd.gradcheck(
        lambda q, k, v: favor_attention(q, k, v, features, mask=mask, kernel=kernel), inputs
    )


@pytest.mark.parametrize("kernel", ["softmax", "relu"])
def test_chunks_and_padding_change_nothing(monkeypatch, kernel):
    q, k, v = tokens(50, 8)
    features = draw_features(3, 20, 8).double()
    whole = favor_attention(q, k, v, features, kernel=kernel)
    small_tiles(monkeypatch, 7)
    torch.testing.assert_close(favor_attention(q, k, v, features, kernel=kernel), whole)
    padded = [nn.functional.pad(x, (0, 0, 0, 30), value=99.0) for x in (q, k, v)]
    mask = torch.arange(80).expand(2, 80) < 50
    found = favor_attention(*padded, features, mask=mask, kernel=kernel)
    torch.testing.assert_close(found[:, :, :50], whole)
    mask = mask.clone()
    mask[1] = False
    nothing = favor_attention(*padded, features, mask=mask, kernel=kernel)[1]
    assert (nothing == 0).all()


def test_large_numbers_neither_overflow_nor_vanish():
    q, k, v = tokens(30, 16, size=40.0, dtype=torch.float32)
    inputs = [x.requires_grad_() for x in (q, k, v)]
    out = favor_attention(*inputs, draw_features(3, 32, 16))
    out.sum().backward()
    assert out.isfinite().all()
    assert out.abs().max() <= v.abs().max() * 1.001  # a mean of values with weights above 0
    assert all(x.grad.isfinite().all() for x in inputs)


def test_bfloat16_is_near_float64():
    q, k, v = tokens(60, 16, size=0.5)
    features = draw_features(3, 64, 16)
    exact = favor_attention(q, k, v, features)
    found = favor_attention(*(x.bfloat16() for x in (q, k, v)), features)
    assert found.dtype == torch.bfloat16
    assert (found.double() - exact).abs().max() < 1e-2
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = favor_attention(q.float(), k.float(), v.float(), features)
    assert (found.double() - exact).abs().max() < 1e-5
