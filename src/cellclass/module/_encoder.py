"""A transformer encoder over tokens in no order."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.utils.checkpoint import checkpoint

from cellclass.module._attention import Kernel, draw_features, favor_attention

AttentionKind = Literal["favor", "softmax"]
Norm = Literal["pre", "post", "rezero"]
# Exact attention is the faster one below so many tokens a feature: on a processor as measured in
# benchmarks/performer.py; on a GPU, with flash attention, a guess that was not measured.
_TOKENS_PER_FEATURE = {"cpu": 3}
_TOKENS_PER_FEATURE_ELSEWHERE = 16


def count_features(head_dim: int) -> int:
    """Return how many random features a head of width D has by default: `D ln D`."""
    return max(1, int(head_dim * math.log(head_dim)))


def choose_attention(n_tokens: int, n_features: int, device: str = "cpu") -> AttentionKind:
    """Choose whichever attention is the faster one for cells of up to so many tokens.

    It goes by the longest cell there can be and not by those at hand: else a cell's answer would
    depend on which others it is asked about with.
    """
    per_feature = _TOKENS_PER_FEATURE.get(device, _TOKENS_PER_FEATURE_ELSEWHERE)
    return "softmax" if n_tokens < per_feature * n_features else "favor"


class SelfAttention(nn.Module):
    """Multi-head attention of tokens to each other: exact, or FAVOR+.

    Parameters
    ----------
    dim
        W, width of a token.
    n_heads, head_dim
        H and D.
    attention
        `favor`: by random features, linear in tokens. `softmax`: exact, by torch's
        `scaled_dot_product_attention`.
    n_features
        M, random features of a head; `None` for `D ln D`, rounded down.
    kernel
        What `favor` estimates: `softmax`, or the ReLU kernel.
    dropout
        Share (0–1) of what goes back to the tokens that is dropped.
    """

    features: torch.Tensor

    def __init__(
        self,
        dim: int,
        *,
        n_heads: int,
        head_dim: int,
        attention: AttentionKind = "favor",
        n_features: int | None = None,
        kernel: Kernel = "softmax",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if attention not in ("favor", "softmax"):
            raise ValueError(f"attention={attention!r}; there are 'favor' and 'softmax'.")
        if kernel not in ("softmax", "relu"):
            raise ValueError(f"kernel={kernel!r}; the kernels are 'softmax' and 'relu'.")
        if attention == "softmax" and kernel == "relu":
            raise ValueError(
                "kernel='relu' is estimated by random features only: say attention='favor'."
            )
        self.n_heads, self.head_dim = n_heads, head_dim
        self.attention: AttentionKind = attention
        self.kernel: Kernel = kernel
        self.to_qkv = nn.Linear(dim, 3 * n_heads * head_dim, bias=False)
        self.to_out = nn.Linear(n_heads * head_dim, dim)
        self.dropout = nn.Dropout(dropout)
        n_features = n_features or count_features(head_dim)
        self.register_buffer("features", draw_features(n_heads, n_features, head_dim))

    def redraw(self) -> None:
        """Draw the random features anew."""
        # Not in place: a backward pass that is still to come needs the old ones.
        self.features = draw_features(*self.features.shape, device=self.features.device)

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None = None, *, first_only: bool = False
    ) -> torch.Tensor:
        """Return what each token takes from all others, `(B, T, W)`.

        Parameters
        ----------
        x
            Tokens `(B, T, W)`.
        mask
            Which tokens there are, bool `(B, T)`; `None` for all.
        first_only
            Whether only the first token is asked for, `(B, 1, W)`.
        """
        width = self.n_heads * self.head_dim
        if first_only:
            q = F.linear(x[:, :1], self.to_qkv.weight[:width])
            k, v = F.linear(x, self.to_qkv.weight[width:]).split(width, dim=-1)
        else:
            q, k, v = self.to_qkv(x).split(width, dim=-1)
        q, k, v = (
            part.unflatten(-1, (self.n_heads, self.head_dim)).transpose(1, 2) for part in (q, k, v)
        )  # each (B, H, T, D)
        if self.attention == "softmax":
            seen = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, T)
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        else:
            out = favor_attention(q, k, v, self.features, mask=mask, kernel=self.kernel)
        return self.dropout(self.to_out(out.transpose(1, 2).flatten(2)))  # (B, T, W)


class Block(nn.Module):
    """Attention, then a feed-forward network, each added to what it read.

    Parameters
    ----------
    dim, n_hidden
        Widths of a token and of the feed-forward network.
    norm
        Where each part is normalised: `pre`: what it reads; `post`: the sum; `rezero`: nowhere, but
        its output is multiplied by a number that starts at 0 (Bachlechner et al. 2021).
    dropout
        Share (0–1) of each part's output that is dropped.
    **attention
        For :class:`SelfAttention`.
    """

    def __init__(
        self, dim: int, *, n_hidden: int, norm: Norm, dropout: float, **attention: object
    ) -> None:
        super().__init__()
        if norm not in ("pre", "post", "rezero"):
            raise ValueError(f"norm={norm!r}; there are 'pre', 'post' and 'rezero'.")
        self.norm: Norm = norm
        self.attention = SelfAttention(dim, dropout=dropout, **attention)  # type: ignore[arg-type]
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, n_hidden), nn.GELU(), nn.Linear(n_hidden, dim), nn.Dropout(dropout)
        )
        if norm == "rezero":
            self.scales = nn.Parameter(torch.zeros(2))
        else:
            self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None, *, first_only: bool = False
    ) -> torch.Tensor:
        """Tokens `(B, T, W)` after both parts, or the first of them, `(B, 1, W)`."""
        asked = x[:, :1] if first_only else x
        if self.norm == "pre":
            x = asked + self.attention(self.norms[0](x), mask, first_only=first_only)
            return x + self.feed_forward(self.norms[1](x))
        taken = self.attention(x, mask, first_only=first_only)
        if self.norm == "post":
            x = self.norms[0](asked + taken)
            return self.norms[1](x + self.feed_forward(x))
        x = asked + self.scales[0] * taken
        return x + self.scales[1] * self.feed_forward(x)


class Encoder(nn.Module):
    """Blocks of attention and feed-forward networks over tokens without an order.

    In another order of the tokens the outputs are the same in that order. Padding changes nothing.
    Random features are drawn anew in training, for a network learns a fixed draw by heart and then
    depends on it; outside training the last draw stays, and is saved with the weights.

    Parameters
    ----------
    dim, depth
        W, width of a token, and number of blocks.
    n_heads, head_dim, attention, n_features, kernel
        As :class:`SelfAttention` takes them.
    n_hidden
        Width of the feed-forward networks; `None` for 4 W.
    norm, dropout
        As :class:`Block` takes them.
    redraw_every
        Training steps (calls of `begin_step`) after which random features are drawn anew; `None`
        for never.
    recompute
        Whether the backward pass computes each block again (gradient checkpointing) instead of
        keeping what is in it: less memory, a third more time.
    """

    steps: torch.Tensor

    def __init__(
        self,
        dim: int,
        *,
        depth: int,
        n_heads: int,
        head_dim: int,
        n_hidden: int | None = None,
        attention: AttentionKind = "favor",
        n_features: int | None = None,
        kernel: Kernel = "softmax",
        norm: Norm = "pre",
        dropout: float = 0.0,
        redraw_every: int | None = 20,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        if redraw_every is not None and (redraw_every != int(redraw_every) or redraw_every < 1):
            raise ValueError(f"redraw_every={redraw_every}; at least 1 is needed, or None.")
        self.blocks = nn.ModuleList(
            Block(
                dim,
                n_hidden=n_hidden or 4 * dim,
                norm=norm,
                dropout=dropout,
                n_heads=n_heads,
                head_dim=head_dim,
                attention=attention,
                n_features=n_features,
                kernel=kernel,
            )
            for _ in range(depth)
        )
        self.last = nn.LayerNorm(dim) if norm == "pre" else nn.Identity()
        self.redraw_every, self.recompute = redraw_every, recompute
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def begin_step(self) -> None:
        """Draw the random features anew if that is due; to be called once a training step."""
        if self.redraw_every is None:
            return
        if int(self.steps) % self.redraw_every == 0:
            for block in self.blocks:
                block.attention.redraw()  # type: ignore[union-attr, operator]
        self.steps += 1

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        first_only: bool = False,
        normalize: bool = True,
    ) -> torch.Tensor:
        """Tokens `(B, T, W)` in the light of each other.

        Parameters
        ----------
        x
            Tokens `(B, T, W)`.
        mask
            Which tokens there are, bool `(B, T)`; `None` for all.
        first_only
            Whether only the first token is asked for, `(B, 1, W)`: then the last block computes
            nothing else, and its exact attention is linear in tokens, too.
        normalize
            Whether the last LayerNorm is applied, where there is one.
        """
        for block in self.blocks:
            only = first_only and block is self.blocks[-1]
            if self.recompute and self.training:
                x = checkpoint(block, x, mask, first_only=only, use_reentrant=False)
            else:
                x = block(x, mask, first_only=only)
        return self.last(x) if normalize else x
