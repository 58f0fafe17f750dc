"""Attention rollout: what reaches each token if attention alone moved anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from cellclass.module._attention import favor_attention

if TYPE_CHECKING:
    from cellclass.module._encoder import Encoder


def attention_rollout(encoder: Encoder, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Multiply the attention of all blocks, half of it the token itself (Abnar & Zuidema 2020).

    Attention by random features is never a matrix; given one-hot values it becomes one.

    Parameters
    ----------
    encoder
        In evaluation mode.
    x, mask
        Tokens of one cell `(1, T, W)` and which there are `(1, T)`.

    Returns
    -------
    Share of each token (columns) in each token (rows), `(T, T)`; rows sum to 1.
    """
    T = x.shape[1]
    seen = torch.eye(T, device=x.device)
    for block in encoder.blocks:
        attention: Any = block.attention
        read = block.norms[0](x) if block.norm == "pre" else x  # type: ignore[operator, index]
        qkv = attention.to_qkv(read).unflatten(-1, (3, attention.n_heads, attention.head_dim))
        q, k, _ = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (1, H, T, D)
        if attention.attention == "softmax":
            scores = (q @ k.transpose(-2, -1)) * attention.head_dim**-0.5  # (1, H, T, T)
            weights = scores.masked_fill(~mask[:, None, None], -torch.inf).softmax(dim=-1)
        else:
            one_hot = torch.eye(T, device=x.device).expand(1, attention.n_heads, T, T)
            weights = favor_attention(
                q, k, one_hot, attention.features, mask=mask, kernel=attention.kernel
            )
        seen = 0.5 * (weights.mean(dim=1)[0] + torch.eye(T, device=x.device)) @ seen
        x = block(x, mask)
    return seen
