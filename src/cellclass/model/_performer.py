"""The transformer over genes as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from cellclass._checks import check_fraction
from cellclass._warn import warn
from cellclass.model._base import CellClassifier
from cellclass.model._gene_vectors import SMALLEST_SHARE, match_vectors, vectors_of_genes
from cellclass.model._performer_attribution import PerformerAttribution
from cellclass.model._performer_presets import ADVICE, SIZES
from cellclass.model._pretrainable import BEFORE_TRAINING, Pretrainable
from cellclass.model._setup import register_reference
from cellclass.model._shallow import complete_paths
from cellclass.module import Performer, choose_attention, count_features

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from anndata import AnnData

    from cellclass.model._files import ModelFiles
    from cellclass.model._reference import Reference
    from cellclass.module import AttentionKind, Encoding, Norm, Pooling

_ENCODER = (
    "depth",
    "n_heads",
    "head_dim",
    "n_hidden",
    "attention",
    "n_features",
    "kernel",
    "norm",
    "dropout",
    "redraw_every",
    "recompute",
)


class CellPerformer(Pretrainable, PerformerAttribution, CellClassifier):
    """Transformer over the expressed genes of each cell, with attention linear in their number.

    Each expressed gene is a token: what stands for the gene plus what stands for its value, in no
    order. Blocks of attention and feed-forward networks let tokens see each other; labels are told
    from their sum. Attention is exact where cells are short, else by positive orthogonal random
    features (FAVOR+, Choromanski et al. 2021), in time and memory linear in tokens.

    Beside the transformer stand two shallow paths, as in :class:`CellClassifierMLP`: a logistic
    regression and prototypes, weighed against it on validation cells. So the model starts from what
    they can do. In the benchmarks it is level with the perceptron at ten times the time: take
    :class:`CellClassifierMLP` unless you need a transformer, such as for pre-training on many cells
    without labels, for a previous time point, or to compare with published ones.

    Parameters
    ----------
    adata
        Reference that `setup_anndata` has registered.
    size
        `small`: width 64, 1 block, 4 heads of 16; seconds to minutes on a processor. `medium`:
        width 128, 4 blocks, 8 heads of 16. `scbert`: the published dimensions (Yang et al. 2022):
        width 200, 6 blocks, 10 heads of 64, 266 random features, binned values of all genes that
        differ, its convolutional head, no shallow paths; made for a GPU. `rank`: a published
        rank-value transformer: width 256, 4 blocks, 6 heads of 16, normalised after each part, at
        most 2048 genes in ranks, exact attention. What follows is each size's own unless given.
    n_top_genes
        How many genes the model reads, the best of each label in turn. `None`: every gene that
        differs between labels. `"auto"`: 2000, or `None` in the published sizes.
    encoding
        What stands for a value: `value`, a small network of log1p of normalised counts; `bins`,
        `floor(log2(1 + counts per 10,000))` cut at `n_bins − 1` (scBERT); `quantile`, in which of
        `n_bins` parts of the cell's tokens by value it is (scGPT); `rank`: nothing, but the tokens
        are the genes of largest value relative to their median over the training cells that express
        them (Geneformer, but their order is not read).
    n_tokens
        Most tokens of a cell: of more expressed genes, the most important ones, or with `rank` the
        largest.
    n_bins
        Bins of `bins` and `quantile`, and of what pre-training tells.
    attention
        `softmax`: exact; `favor`: by random features; `auto`: whichever is the faster one for
        `n_tokens` on this device. A saved model keeps to what was taken.
    n_features
        Random features of a head; `None` for `D ln D` of a head of width D.
    kernel
        What `favor` estimates: `softmax`, or the generalised `relu` kernel.
    redraw_every
        Training steps after which random features are drawn anew; `None` for never. Prediction
        uses the last draw, which is saved.
    depth
        Number of blocks.
    norm
        `pre` or `post`: LayerNorm before or after each part; `rezero`: none, but a factor that
        starts at 0.
    pooling
        What becomes of a cell's tokens: `sum` (over the root of their number), `cls`, `mean`,
        `attention` (a mean with learned weights) or `convolution` (scBERT's head).
    dropout
        Share (0–1) dropped in the blocks and before the last layer.
    token_dropout
        Share (0–1) of a cell's tokens left out in training.
    shallow_paths
        Whether logistic regression and prototypes stand beside the transformer.
    recompute
        Whether blocks are computed again in the backward pass (gradient checkpointing): less
        memory, a third more time.
    gene_embedding
        Vectors of genes to begin with: a DataFrame, genes in rows, such as
        :func:`cellclass.datasets.gene2vec` gives; or the path of a file in word2vec's text format.
        Genes are matched by name; those without a vector get one that is learned.
    tune_gene_embedding
        Whether these vectors are trained, too, and not only their projection to the model's width.
    validation_size
        Share (0–1) of the labelled cells that is kept aside. With 0 there is no early stopping,
        the confidence is not calibrated and there is no novelty p-value.
    seed
        Of the split, the initial weights, the random features and the training.
    registry
        Used by `load`.

    Raises
    ------
    ValueError
        An argument is none of those above.

    Examples
    --------
    >>> import cellclass as cc
    >>> ref = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellPerformer.setup_anndata(ref, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellPerformer(ref, n_top_genes=100)
    >>> model.train(max_epochs=2, enable_progress_bar=False)
    >>> model.predict(ref).shape
    (700,)
    """

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        size: Literal["small", "medium", "scbert", "rank"] = "small",
        n_top_genes: int | Literal["auto"] | None = "auto",
        encoding: Encoding | None = None,
        n_tokens: int | None = None,
        n_bins: int | None = None,
        attention: AttentionKind | Literal["auto"] | None = None,
        n_features: int | None = None,
        kernel: Literal["softmax", "relu"] | None = None,
        redraw_every: int | Literal["auto"] | None = "auto",
        depth: int | None = None,
        norm: Norm | None = None,
        pooling: Pooling | None = None,
        dropout: float | None = None,
        token_dropout: float | None = None,
        shallow_paths: bool | None = None,
        recompute: bool | None = None,
        gene_embedding: pd.DataFrame | str | PathLike[str] | None = None,
        tune_gene_embedding: bool = False,
        validation_size: float = 0.1,
        seed: int = 0,
        registry: dict | None = None,
    ) -> None:
        if not isinstance(size, str) or size not in SIZES:
            raise ValueError(f"size={size!r}; the sizes are {', '.join(map(repr, SIZES))}.")
        changes: dict[str, Any] = {
            "encoding": encoding,
            "n_tokens": n_tokens,
            "n_bins": n_bins,
            "attention": attention,
            "n_features": n_features,
            "kernel": kernel,
            "depth": depth,
            "norm": norm,
            "pooling": pooling,
            "dropout": dropout,
            "token_dropout": token_dropout,
            "shallow_paths": shallow_paths,
            "recompute": recompute,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        if redraw_every != "auto":
            given["redraw_every"] = redraw_every
        self._settings: dict[str, Any] = vars(SIZES[size]) | given
        for name in ("n_tokens", "depth", "n_bins", "n_features"):
            value = self._settings[name]
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if value is not None and not (whole and value > 0):
                raise ValueError(f"{name}={value!r}; a whole number from 1 on is needed.")
        for name in ("dropout", "token_dropout"):
            check_fraction(self._settings[name], name, zero=True)
        self._vectors: pd.DataFrame | None = None
        self._vector_dim: int | None = None
        if gene_embedding is not None:
            self._vectors = vectors_of_genes(gene_embedding)
            self._vector_dim = self._vectors.shape[1]
        elif tune_gene_embedding and adata is not None:
            raise ValueError("tune_gene_embedding=True is for vectors: give gene_embedding, too.")
        self._tune_vectors = tune_gene_embedding
        super().__init__(
            adata,
            recipe=self._settings["recipe"],
            expression="log1p_normalized",
            n_top_genes=self._settings["n_top_genes"] if n_top_genes == "auto" else n_top_genes,
            validation_size=validation_size,
            seed=seed,
            settings={
                "size": size,
                "n_top_genes": n_top_genes,
                **changes,
                "redraw_every": redraw_every,
                "gene_embedding": None,  # the vectors are among the weights
                "tune_gene_embedding": tune_gene_embedding,
            },
            registry=registry,
        )
        # What "auto" has become, for a model that is loaded on another device.
        self.init_params_["non_kwargs"]["attention"] = self._settings["attention"]
        if self._reference is not None:
            self._prepare_tokens(self._reference)

    @classmethod
    def setup_anndata(
        cls,
        adata: AnnData,
        labels_key: str,
        layer: str | None = None,
        batch_key: str | None = None,
        unlabeled_category: str | None = None,
        previous_layer: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - scvi-tools passes its own through
    ) -> None:
        """Register a labelled reference.

        As in scvi-tools, this writes `obs["_scvi_labels"]`, `obs["_scvi_batch"]` and two
        identifiers in `uns`; on an error nothing is written.

        Parameters
        ----------
        adata
            Reference, cells × genes: counts, or what can be brought back to counts or normalised
            counts (`cc.pp.identify_scale` says); dense or sparse.
        labels_key
            Column of `obs` with one label per cell.
        layer
            Layer with the expression, counts for preference; `None` for `X`.
        batch_key
            Column of `obs` with the technical batch; each batch then gives its share of the
            validation cells.
        unlabeled_category
            Label that means "no label given"; its cells are not trained on, except in `pretrain`.
        previous_layer
            Layer with an earlier time point of each cell, of the same genes: its tokens follow
            after `<SEP>`, half of `n_tokens` for each. Queries need this layer, too. `None` for
            none.

        Raises
        ------
        KeyError
            `labels_key`, `batch_key`, `layer` or `previous_layer` does not exist.
        LabelError
            A label is missing or empty, or fewer than two labels have cells.
        ScaleError, ValuesError
            The expression is z-scored, on several scales or an unknown one, or holds NaN or
            infinite values.
        GeneError
            Gene names are duplicated.
        """
        setup_method_args = cls._get_setup_method_args(
            cls=cls,
            adata=adata,
            labels_key=labels_key,
            layer=layer,
            batch_key=batch_key,
            unlabeled_category=unlabeled_category,
            previous_layer=previous_layer,
        )
        manager = register_reference(
            adata,
            setup_method_args,
            labels_key=labels_key,
            layer=layer,
            batch_key=batch_key,
            unlabeled_category=unlabeled_category,
            previous_layer=previous_layer,
            **kwargs,
        )
        cls.register_manager(manager)

    @property
    def n_multiplied(self) -> int:
        """Multiplications of one cell in a forward pass, about."""
        tokens = self.module.tokens
        weights = sum(p.numel() for p in self.module.encoder.parameters())
        return weights * min(tokens.n_tokens, tokens.n_genes)

    def export_onnx(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Refuse: cells have different numbers of tokens, which an ONNX graph does not hold.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "A CellPerformer cannot be written as ONNX: how many tokens it reads differs from cell "
            "to cell. Export a CellClassifierMLP trained on the same cells, or keep this model in "
            "Python: model.save(), CellPerformer.load()."
        )

    def _prepare_tokens(self, reference: Reference) -> None:
        """Set what the tokens know of the genes, from training cells."""
        tokens = self.module.tokens
        tokens.set_fill(torch.from_numpy(self._contract.fill))
        if tokens.encoding == "rank":
            linear = np.expm1(reference.inputs.read(reference.examples())[:, : tokens.n_genes])
            tokens.set_typical(torch.from_numpy(_typical(linear)))
        if self._vectors is not None:
            vectors, has_vector = match_vectors(self._vectors, self._contract)
            tokens.set_vectors(vectors, has_vector)
            n_matched = int(has_vector.sum())
            share = n_matched / len(has_vector)
            self._card["gene_embedding"] = {"n_matched": n_matched, "share": share}
            if share < SMALLEST_SHARE:
                warn(
                    f"gene_embedding has vectors of {share:.0%} of the {len(has_vector)} genes "
                    "that the model reads; the others get one that is learned. Check that both "
                    "name genes alike (symbols, the same organism).",
                )

    def _finish_training(self, reference: Reference) -> None:
        before = self._card
        super()._finish_training(reference)
        kept = {name: before[name] for name in BEFORE_TRAINING if name in before}
        about = {
            "attention": self._settings["attention"],
            "path_weights": self.module.path_weights.tolist(),
            "advice": ADVICE,
        }
        self._card |= kept | about

    def _after_fit(self, reference: Reference) -> None:
        """Fit the shallow paths, and weigh all paths on validation cells."""
        complete_paths(self._networks, reference, seed=self._seed, device=self.module.device)

    def _restore(self, files: ModelFiles, device: str) -> None:
        vectors = files.weights.get("tokens.vectors")
        self._vector_dim = None if vectors is None else vectors.shape[1]
        super()._restore(files, device)

    def make_module(self, n_genes: int, n_labels: int, n_networks: int) -> Performer:  # noqa: ARG002
        wanted = self._settings
        if wanted["attention"] == "auto":
            longest = 1 + min(n_genes, wanted["n_tokens"])
            n_features = wanted["n_features"] or count_features(wanted["head_dim"])
            device = "cuda" if torch.cuda.is_available() else "cpu"
            exact = wanted["kernel"] == "softmax"
            wanted["attention"] = (
                choose_attention(longest, n_features, device) if exact else "favor"
            )
        encoder = {name: wanted[name] for name in _ENCODER}
        tokens = {name: wanted[name] for name in ("encoding", "n_tokens", "n_bins")}
        return Performer(
            n_genes,
            n_labels,
            dim=wanted["dim"],
            encoder=encoder,
            tokens=tokens
            | {
                "target_sum": self._contract.target_sum,
                "dropout": wanted["token_dropout"],
                "previous": self._contract.previous_layer is not None,
                "vector_dim": self._vector_dim,
                "tune_vectors": self._tune_vectors,
            },
            pooling=wanted["pooling"],
            n_hidden=wanted["n_head_hidden"],
            shallow=wanted["shallow_paths"],
            dropout=wanted["dropout"],
        )


def _typical(linear: np.ndarray) -> np.ndarray:
    """Median of each gene over the cells that express it, float32 `(n_genes,)`; 1 for none."""
    typical = np.ones(linear.shape[1], dtype=np.float32)
    for gene in range(linear.shape[1]):
        expressed = linear[linear[:, gene] > 0, gene]
        if expressed.size:
            typical[gene] = np.median(expressed)
    return typical
