"""Sizes of the transformer, and how each is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cellclass.train import Recipe

if TYPE_CHECKING:
    from cellclass.module import AttentionKind, Encoding, Kernel, Norm, Pooling


ADVICE: Final = (
    "In five folds of the 16 datasets of the benchmarks, CellClassifierMLP was as good (mean "
    "macro-F1 0.852, the default CellPerformer 0.855) in a tenth of the time, and better where "
    "a donor, technology or condition was held out (0.892, 0.881): prefer it, unless a previous "
    "time point is there. With five labelled cells of each label and pre-training on "
    "the others CellClassifierMLP was level or ahead on 13 of the 16, and what pre-training gained "
    "could not be told from chance. train(compare_baseline=True) says how a logistic regression "
    "does here."
)
"""When the simpler model is the better choice, for the card."""


@dataclass(frozen=True)
class Size:
    """What a size stands for; each of the settings can be changed by itself."""

    dim: int
    depth: int
    n_heads: int
    head_dim: int
    n_hidden: int
    encoding: Encoding
    n_tokens: int
    n_top_genes: int | None
    pooling: Pooling
    norm: Norm
    dropout: float
    token_dropout: float
    shallow_paths: bool
    recipe: Recipe
    attention: AttentionKind | Literal["auto"] = "auto"
    n_bins: int = 6
    n_features: int | None = None
    kernel: Kernel = "softmax"
    redraw_every: int | None = 20
    n_head_hidden: int | None = None
    recompute: bool = False


SIZES: Final = {
    "small": Size(
        dim=64,
        depth=1,
        n_heads=4,
        head_dim=16,
        n_hidden=128,
        encoding="value",
        n_tokens=1000,
        n_top_genes=2000,
        pooling="sum",
        norm="pre",
        dropout=0.1,
        token_dropout=0.5,
        shallow_paths=True,
        recipe=Recipe(lr=6e-3, weight_decay=0.1, batch_size=32, n_steps=400),
    ),
    "medium": Size(
        dim=128,
        depth=4,
        n_heads=8,
        head_dim=16,
        n_hidden=256,
        encoding="value",
        n_tokens=2000,
        n_top_genes=2000,
        pooling="sum",
        norm="pre",
        dropout=0.1,
        token_dropout=0.3,
        shallow_paths=True,
        recipe=Recipe(lr=3e-3, weight_decay=0.1, batch_size=64, n_steps=600),
    ),
    "scbert": Size(
        dim=200,
        depth=6,
        n_heads=10,
        head_dim=64,
        n_hidden=800,
        encoding="bins",
        n_tokens=16906,
        n_top_genes=None,
        pooling="convolution",
        norm="pre",
        dropout=0.0,
        token_dropout=0.0,
        shallow_paths=False,
        recipe=Recipe(
            optimizer="adamw",
            lr=1e-4,
            weight_decay=0.0,
            batch_size=3,
            n_steps=1000,
            gene_dropout=0.0,
        ),
        attention="favor",
        n_features=266,
        recompute=True,
    ),
    "rank": Size(
        dim=256,
        depth=4,
        n_heads=6,
        head_dim=16,
        n_hidden=256,
        encoding="rank",
        n_tokens=2048,
        n_top_genes=None,
        pooling="cls",
        norm="post",
        dropout=0.05,
        token_dropout=0.0,
        shallow_paths=False,
        recipe=Recipe(lr=1e-4, weight_decay=0.01, batch_size=8, n_steps=2000, gene_dropout=0.0),
        attention="softmax",
        n_head_hidden=16,
    ),
}
