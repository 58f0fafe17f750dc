"""FAVOR+: softmax attention in time and memory that are linear in the number of tokens."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.utils.checkpoint import checkpoint

Kernel = Literal["softmax", "relu"]
_Tiles = list[tuple[slice, list[slice]]]
_LOG2_E = math.log2(math.e)
# Features (tokens × features × rows) that exist at a time: on a processor as many as its cache
# holds, measured by benchmarks/performer.py; elsewhere a guess.
_TILE = {"cpu": 2**18}
_TILE_ELSEWHERE = 2**26
_FEWEST_TOKENS = 64  # of a tile
# An exponent whose power is 0 beside any other, and no infinity, whose differences are no numbers.
_FAR_BELOW = -1e30
_LEAST_EXPONENT = -64.0
_RELU_CHUNK = 512  # tokens
# Keeps the normaliser of the ReLU kernel away from 0, where no feature is active.
_RELU_FLOOR = 1e-3


def draw_features(
    n_heads: int,
    n_features: int,
    head_dim: int,
    *,
    orthogonal: bool = True,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Draw the directions of random features, `(H, M, D)`.

    Each direction is that of a standard normal vector. Orthogonal ones (in blocks of D, with the
    lengths of independent normal vectors) lower the variance of the estimate and leave it unbiased
    (Choromanski et al. 2021).

    Parameters
    ----------
    n_heads, n_features, head_dim
        H, M and D.
    orthogonal
        Whether the directions within a block of D are orthogonal.
    generator
        Of random numbers; torch's own by default.
    device
        Where they are drawn, and stay.
    """
    shape = (n_heads, n_features, head_dim)
    normal = torch.randn(shape, generator=generator, device=device)
    if not orthogonal:
        return normal
    n_blocks = math.ceil(n_features / head_dim)
    square = torch.randn(
        (n_heads, n_blocks, head_dim, head_dim), generator=generator, device=device
    )
    q, r = torch.linalg.qr(square)
    # Without the signs of R's diagonal, Q would not be uniform over rotations.
    q = q * torch.diagonal(r, dim1=-2, dim2=-1).sign().unsqueeze(-2)
    directions = q.transpose(-2, -1).flatten(1, 2)[:, :n_features]  # (H, M, D)
    return directions * normal.norm(dim=-1, keepdim=True)


def favor_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    features: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    kernel: Kernel = "softmax",
) -> torch.Tensor:
    """Attend to all tokens through random features (FAVOR+, Choromanski et al. 2021).

    With `φ(x)_j = exp(w_j·x − |x|²/2)`, the mean of `φ(q)_j φ(k)_j` over features is an unbiased
    estimate of `exp(q·k)`, so that attention is `φ(q) (φ(k)ᵀ v) / φ(q) Σ φ(k)`, without a matrix of
    tokens × tokens. `q` and `k` are divided by `D^¼`, as exact attention divides their product by
    `√D`.

    The same in log space, as it is computed here: with `ℓ_j` the logarithm of the sum over keys of
    `φ(k)_j`, each feature takes the softmax of its exponents over the keys, as weights of a mean of
    values; each query takes the softmax over the features of `w_j·q + ℓ_j`, as weights of those
    means. Nothing can overflow, and no normaliser be 0.

    Tokens are worked through in tiles that fit a processor's cache, forwards and backwards; their
    features never exist all at once. Numbers are float32 (float64 for float64) whatever the input.

    Parameters
    ----------
    q, k, v
        `(B, H, T, D)`; there may be other numbers of queries than of keys.
    features
        Directions, `(H, M, D)`, from :func:`draw_features`.
    mask
        Which keys there are, bool `(B, T)`; padding is attended to by none. A row without any key
        gives zeros.
    kernel
        `softmax`, or `relu`: `φ(x)_j = max(w_j·x, 0) + 0.001`, which estimates no softmax but is a
        kernel of its own.

    Returns
    -------
    Tensor `(B, H, T, D)` of the type of `v`.
    """
    B, H, T, D = q.shape
    dtype = torch.promote_types(q.dtype, torch.float32)
    with torch.autocast(q.device.type, enabled=False):
        q, k, v_ = (x.to(dtype).reshape(B * H, x.shape[2], x.shape[3]) for x in (q, k, v))
        directions = features.to(dtype).mul(D**-0.25).repeat(B, 1, 1)  # (B·H, M, D)
        if mask is not None:
            mask = mask.repeat_interleave(H, dim=0)  # (B·H, T)
            v_ = v_.masked_fill(~mask[..., None], 0.0)
        attend = _Favor.apply if kernel == "softmax" else _relu_attention
        out = attend(q, k, v_, directions, mask)
    return out.view(B, H, T, -1).to(v.dtype)


def _tiles(n_rows: int, n_tokens: int, n_features: int, device: torch.device) -> _Tiles:
    """Cut rows, and tokens in them, so that the features of a tile are few: `[(rows, parts)]`."""
    most = _TILE.get(device.type, _TILE_ELSEWHERE)
    n_together = min(n_tokens, max(_FEWEST_TOKENS, most // n_features))
    n_beside = max(1, most // (n_together * n_features))
    parts = [slice(i, i + n_together) for i in range(0, n_tokens, n_together)]
    return [(slice(i, i + n_beside), parts) for i in range(0, n_rows, n_beside)]


class _Favor(torch.autograd.Function):
    """Attention of rows `(N, T, D)`, N = B·H; its backward pass computes the features again.

    Exponents are those of 2, whose powers a processor computes in half the time.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        directions: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        N, n_features, _ = directions.shape
        bias = _key_bias(k, mask)
        means = v.new_empty((N, n_features, v.shape[-1]))  # of values, for each feature
        level = q.new_empty((N, n_features, 1))  # log of the sum of each feature over keys
        for rows, parts in _tiles(N, k.shape[1], n_features, q.device):
            w = directions[rows] * _LOG2_E  # (n, M, D)
            high = q.new_full((len(w), n_features, 1), -torch.inf)
            total, summed = torch.zeros_like(high), torch.zeros_like(means[rows])
            for part in parts:
                x = torch.baddbmm(bias[rows, :, part], w, k[rows, part].mT)  # (n, M, t)
                higher = torch.maximum(high, x.amax(dim=-1, keepdim=True))
                shrink = torch.exp2(high - higher)
                _power(x.sub_(higher))
                total = total * shrink + x.sum(dim=-1, keepdim=True)
                summed = summed * shrink + x @ v[rows, part]
                high = higher
            means[rows] = summed / total
            level[rows] = high + torch.log2(total)
        out = torch.empty_like(
            q[..., :1].expand(-1, -1, v.shape[-1]), memory_format=torch.contiguous_format
        )
        norm = q.new_empty((*q.shape[:2], 1))  # log of the sum over features
        for rows, parts in _tiles(N, q.shape[1], n_features, q.device):
            w = (directions[rows] * _LOG2_E).mT  # (n, D, M)
            for part in parts:
                x = torch.baddbmm(level[rows].mT, q[rows, part], w)  # (n, t, M)
                high = x.amax(dim=-1, keepdim=True)
                _power(x.sub_(high))
                total = x.sum(dim=-1, keepdim=True)
                out[rows, part] = (x @ means[rows]).div_(total)
                norm[rows, part] = high + torch.log2(total)
        ctx.save_for_backward(q, k, v, directions, bias, means, level, out, norm)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):  # type: ignore[override, no-untyped-def] # noqa: ANN001, ANN205
        q, k, v, directions, bias, means, level, out, norm = ctx.saved_tensors
        N, n_features, D = directions.shape
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        grad_means, grad_level = torch.empty_like(means), torch.empty_like(level)
        drift = -(grad * out).sum(dim=-1, keepdim=True)  # (N, T, 1)
        for rows, parts in _tiles(N, q.shape[1], n_features, q.device):
            w = directions[rows]
            w2, means_t, level_t = (w * _LOG2_E).mT, means[rows].mT, level[rows].mT
            to_means, to_level = torch.zeros_like(means[rows]), torch.zeros_like(level[rows])
            for part in parts:
                x = torch.baddbmm(level_t, q[rows, part], w2)  # (n, t, M)
                _power(x.sub_(norm[rows, part]))
                to_means += x.mT @ grad[rows, part]
                x.mul_(torch.baddbmm(drift[rows, part], grad[rows, part], means_t))
                to_level += x.sum(dim=1).unsqueeze(-1)
                grad_q[rows, part] = x @ w
            grad_means[rows], grad_level[rows] = to_means, to_level
        shift = grad_level - (means * grad_means).sum(dim=-1, keepdim=True)  # (N, M, 1)
        for rows, parts in _tiles(N, k.shape[1], n_features, q.device):
            w = directions[rows]
            w2 = w * _LOG2_E
            for part in parts:
                x = torch.baddbmm(bias[rows, :, part], w2, k[rows, part].mT)  # (n, M, t)
                _power(x.sub_(level[rows]))
                grad_v[rows, part] = x.mT @ grad_means[rows]
                x.mul_(torch.baddbmm(shift[rows], grad_means[rows], v[rows, part].mT))
                through = x.sum(dim=1).mul_(D**-0.5).unsqueeze(-1)  # (n, t, 1)
                grad_k[rows, part] = x.mT @ w - k[rows, part] * through
        return grad_q, grad_k, grad_v, None, None


def _power(x: torch.Tensor) -> torch.Tensor:
    """`2^x` in place for exponents up to about 0; 0 where it would be lost beside the largest.

    Else there were denormal numbers, with which a processor computes a hundred times as slowly.
    """
    return F.threshold(x, _LEAST_EXPONENT, -torch.inf, inplace=True).exp2_()


def _key_bias(k: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """`−|k|²/2` of the keys, as exponents of 2: `(N, 1, T)`; far below all others for padding."""
    bias = torch.linalg.vecdot(k, k).mul_(-0.5 * _LOG2_E * k.shape[-1] ** -0.5)
    if mask is not None:
        bias.masked_fill_(~mask, _FAR_BELOW)
    return bias.unsqueeze(1)


def _relu_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    directions: torch.Tensor,
    mask: torch.Tensor | None,
) -> torch.Tensor:
    """Attention of rows `(N, T, D)` with the ReLU kernel; each chunk's features are recomputed."""

    def features(x: torch.Tensor) -> torch.Tensor:
        return F.relu(x @ directions.mT) + _RELU_FLOOR  # (N, t, M)

    def of_keys(k: torch.Tensor, v: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        return (features(k) * seen).mT @ torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)

    def of_queries(q: torch.Tensor, summed: torch.Tensor) -> torch.Tensor:
        above, below = (features(q) @ summed).split([v.shape[-1], 1], dim=-1)
        return above / torch.where(below == 0, 1.0, below)  # 0 where a row has no key

    seen = torch.ones_like(k[..., :1]) if mask is None else mask.to(k.dtype).unsqueeze(-1)
    size = _RELU_CHUNK
    again = partial(checkpoint, use_reentrant=False)
    keys = zip(*(x.split(size, dim=1) for x in (k, v, seen)), strict=True)
    summed = torch.stack([again(of_keys, *part) for part in keys]).sum(dim=0)  # (N, M, D + 1)
    return torch.cat([again(of_queries, part, summed) for part in q.split(size, dim=1)], dim=1)
