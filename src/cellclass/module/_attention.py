"""FAVOR+: softmax attention in time and memory that are linear in the number of tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

if TYPE_CHECKING:
    from collections.abc import Iterator

Kernel = Literal["softmax", "relu"]
# Tokens whose features exist at the same time: those of ten heads fit a processor's cache.
_CHUNK = 512
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
    tokens × tokens. `q` and `k` are divided by `D^¼` first, as exact attention divides their
    product by `√D`. Exponents are taken relative to the largest of each feature over the keys, and
    then of each query over the features: nothing overflows, and the normaliser is never below 1.

    Tokens are worked through in chunks, forwards and backwards, so that their features never exist
    all at once. Numbers are float32 (float64 for float64) whatever the type of the input.

    Parameters
    ----------
    q, k, v
        `(B, H, T, D)`.
    features
        Directions, `(H, M, D)`, from :func:`draw_features`.
    mask
        Which tokens there are, bool `(B, T)`; padding is attended to by none. A row without any
        token gives zeros.
    kernel
        `softmax`, or `relu`: `φ(x)_j = max(w_j·x, 0) + 0.001`, which estimates no softmax but is a
        kernel of its own.

    Returns
    -------
    Tensor `(B, H, T, D)` of the type of `v`.
    """
    scale = q.shape[-1] ** -0.25
    dtype = torch.promote_types(q.dtype, torch.float32)
    with torch.autocast(q.device.type, enabled=False):
        features = features.to(dtype)
        out = _Favor.apply(
            q.to(dtype) * scale, k.to(dtype) * scale, v.to(dtype), features, mask, kernel
        )
    return out.to(v.dtype)


def _chunks(n_tokens: int) -> Iterator[slice]:
    for start in range(0, n_tokens, _CHUNK):
        yield slice(start, min(start + _CHUNK, n_tokens))


def _exponents(x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """`w_j·x − |x|²/2` of tokens `(B, H, t, D)`: `(B, H, t, M)`."""
    products = x @ features.transpose(-2, -1)
    return products.sub_(0.5 * (x * x).sum(dim=-1, keepdim=True))


class _Favor(torch.autograd.Function):
    """The attention; its backward pass computes features again, chunk by chunk."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        features: torch.Tensor,
        mask: torch.Tensor | None,
        kernel: Kernel,
    ) -> torch.Tensor:
        B, H, T, _ = q.shape
        n_features = features.shape[1]
        level = q.new_full((B, H, 1, n_features), -torch.inf)  # largest exponent of each feature
        summed = q.new_zeros((B, H, n_features, v.shape[-1]))  # Σ φ(k) vᵀ
        total = q.new_zeros((B, H, n_features, 1))  # Σ φ(k)
        for part in _chunks(T):
            if kernel == "softmax":
                exponent = _exponents(k[:, :, part], features)  # (B, H, t, M)
                _hide(exponent, mask, part, -torch.inf)
                higher = torch.maximum(level, exponent.amax(dim=2, keepdim=True))
                higher = torch.where(higher == -torch.inf, 0.0, higher)  # no token so far
                shrink = (level - higher).exp().transpose(-2, -1)  # (B, H, M, 1)
                summed, total, level = summed * shrink, total * shrink, higher
                phi = exponent.sub_(level).exp_()
            else:
                phi = _relu_features(k[:, :, part], features)
                _hide(phi, mask, part, 0.0)
            phi = phi.transpose(-2, -1)  # (B, H, M, t)
            summed = summed + phi @ v[:, :, part]
            total = total + phi.sum(dim=-1, keepdim=True)
        out = torch.empty_like(v)
        for part in _chunks(T):
            phi = _query_features(q[:, :, part], features, level, kernel)
            out[:, :, part] = (phi @ summed) / _not_zero(phi @ total)
        ctx.save_for_backward(q, k, v, features, mask, level, summed, total, out)  # type: ignore[arg-type]
        ctx.kernel = kernel  # type: ignore[attr-defined]
        return out

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override, no-untyped-def] # noqa: ANN001, ANN205
        q, k, v, features, mask, level, summed, total, out = ctx.saved_tensors
        kernel: Kernel = ctx.kernel
        T = q.shape[2]
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        grad_summed, grad_total = torch.zeros_like(summed), torch.zeros_like(total)
        for part in _chunks(T):
            phi = _query_features(q[:, :, part], features, level, kernel)  # (B, H, t, M)
            above = grad[:, :, part] / _not_zero(phi @ total)  # of the numerator, (B, H, t, D)
            below = -(above * out[:, :, part]).sum(dim=-1, keepdim=True)  # of the normaliser
            grad_phi = above @ summed.transpose(-2, -1) + below * total.transpose(-2, -1)
            grad_q[:, :, part] = _through(grad_phi, phi, q[:, :, part], features, kernel)
            grad_summed += phi.transpose(-2, -1) @ above
            grad_total += phi.transpose(-2, -1) @ below
        for part in _chunks(T):
            if kernel == "softmax":
                phi = _exponents(k[:, :, part], features).sub_(level).exp_()
            else:
                phi = _relu_features(k[:, :, part], features)
            _hide(phi, mask, part, 0.0)
            grad_v[:, :, part] = phi @ grad_summed
            grad_phi = v[:, :, part] @ grad_summed.transpose(-2, -1)
            grad_phi += grad_total.transpose(-2, -1)
            _hide(grad_phi, mask, part, 0.0)
            grad_k[:, :, part] = _through(grad_phi, phi, k[:, :, part], features, kernel)
        return grad_q, grad_k, grad_v, None, None, None


def _query_features(
    q: torch.Tensor, features: torch.Tensor, level: torch.Tensor, kernel: Kernel
) -> torch.Tensor:
    """Features of queries, with what the keys' were divided by multiplied in, `(B, H, t, M)`."""
    if kernel == "relu":
        return _relu_features(q, features)
    exponent = _exponents(q, features).add_(level)
    # A factor of each query drops out of the ratio.
    return exponent.sub_(exponent.amax(dim=-1, keepdim=True)).exp_()


def _relu_features(x: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    return F.relu(x @ features.transpose(-2, -1)).add_(_RELU_FLOOR)


def _through(
    grad_phi: torch.Tensor,
    phi: torch.Tensor,
    x: torch.Tensor,
    features: torch.Tensor,
    kernel: Kernel,
) -> torch.Tensor:
    """Take a gradient of features `(B, H, t, M)` back to the tokens `(B, H, t, D)`."""
    if kernel == "relu":
        return (grad_phi * (phi > _RELU_FLOOR)) @ features
    grad = grad_phi.mul_(phi)  # of the exponents; the levels drop out of the ratio
    return grad @ features - x * grad.sum(dim=-1, keepdim=True)


def _hide(values: torch.Tensor, mask: torch.Tensor | None, part: slice, what: float) -> None:
    """Put something in place of the values `(B, H, t, M)` of padding."""
    if mask is not None:
        values.masked_fill_(~mask[:, None, part, None], what)


def _not_zero(normaliser: torch.Tensor) -> torch.Tensor:
    """Divide by 1 where a row has no token at all; everything above the line is 0 there."""
    return torch.where(normaliser == 0, 1.0, normaliser)
