"""Pre-training of a transformer, and models that begin with what it has learned."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch

from cellclass._checks import check_whole
from cellclass._warn import warn
from cellclass.errors import GeneError, NotTrainedError
from cellclass.model._gene_vectors import SMALLEST_SHARE, NoVectorsError
from cellclass.model._pretrained import Freeze, copy_pretrained, freeze_layers
from cellclass.model._pretraining import pretrain
from cellclass.model._processes import is_first_process
from cellclass.model._save_load import SavedModel
from cellclass.model._trust import Trust
from cellclass.module import MaskRules, Performer

if TYPE_CHECKING:
    from typing import Self

    from anndata import AnnData

    from cellclass.contract import GeneAliases
    from cellclass.model._reference import Reference

#: Entries of the card that a training leaves there.
BEFORE_TRAINING = ("gene_embedding", "pretraining", "pretrained_genes")
_N_STEPS = 300


class Pretrainable(SavedModel):
    """A transformer that can learn from cells without labels first."""

    module: Performer
    _reference: Reference | None
    _seed: int
    _pretraining_history: pd.DataFrame | None = None

    @property
    def _can_be_saved(self) -> bool:
        return self.is_trained or "pretraining" in self._card

    def pretrain(
        self,
        adata: AnnData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
        mask_prob: float = 0.15,
        replace_prob: float = 0.9,
        random_token_prob: float = 0.0,
        max_epochs: int | None = None,
        batch_size: int = 64,
        lr: float = 2e-3,
        weight_decay: float = 0.01,
        checkpoint_dir: str | PathLike[str] | None = None,
        tokens_dir: str | PathLike[str] | None = None,
        accelerator: str = "auto",
        devices: int | str | list[int] = "auto",
        enable_progress_bar: bool | None = None,
        **trainer_kwargs: Any,  # noqa: ANN401 - for Lightning
    ) -> None:
        """Fit the transformer to cells without labels: tell hidden values from the others.

        Masked expression modelling, with scBERT's rules: of the share `mask_prob` of a cell's
        tokens the bins of their values are to be told (with `encoding="rank"`, their genes). A
        tenth of the cells, at most 2000, is kept aside. One line is printed: how many of their
        masked tokens were told, beside guessing the most common bin, each gene's most common bin
        and the bin of each gene's mean; `card["pretraining"]` has the same. `train` then begins
        with these weights; a model that was trained before is no longer, and wants `train` again.
        Of a model with a previous time point, the current one alone is read.

        Parameters
        ----------
        adata
            Cells on any scale that can be converted, genes in any order; they need no labels.
            `None` for the reference, with the cells that have no label, without the validation
            cells.
        layer, gene_aliases
            As in `predict`.
        mask_prob
            Share (0–1) of the tokens that are to be told.
        replace_prob
            Share (0–1) of these that show `<MASK>`; the others are seen.
        random_token_prob
            Share (0–1) of those others that show another token's value.
        max_epochs
            Passes over the cells; `None` for as many as make 300 steps, one at least.
        batch_size
            Cells in a minibatch, over all processes.
        lr, weight_decay
            Of AdamW.
        checkpoint_dir
            Folder for a checkpoint after each epoch; where it holds one of the same training, that
            training goes on. No pickle is written or read.
        tokens_dir
            Folder for the tokens of all cells, eight bytes each, which are then mapped into memory
            instead of being kept in it.
        accelerator, devices
            As in Lightning; `auto` takes a GPU if there is one.
        enable_progress_bar
            `None` shows it in a terminal or notebook; `False` prints nothing at all.
        **trainer_kwargs
            For `lightning.pytorch.Trainer`, `precision` and `logger` among them.

        Raises
        ------
        ScaleError, ValuesError, GeneError
            The cells cannot be brought to what the model expects.
        ValueError
            A share is outside 0 to 1, `batch_size` or `max_epochs` is no whole number from 1 on,
            there are too few cells, or `checkpoint_dir` holds another pre-training: the message
            says what differs.
        ModelFileError
            The checkpoint in `checkpoint_dir` was damaged.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(60, 40, n_labels=2)
        >>> cc.model.CellPerformer.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellPerformer(ref, validation_size=0.2)
        >>> model.pretrain(max_epochs=1, enable_progress_bar=False)
        >>> sorted(model.card["pretraining"])[:2]
        ['accuracy_gene_majority', 'accuracy_gene_mean']
        """
        rules = MaskRules(mask_prob, replace_prob, random_token_prob)
        for name, share in rules._asdict().items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name}={share}; a share from 0 to 1 is needed.")
        if mask_prob == 0:
            raise ValueError("mask_prob=0: there is nothing to tell. scBERT takes 0.15.")
        for name, value in {"batch_size": batch_size, "max_epochs": max_epochs}.items():
            if value is not None:
                check_whole(value, name, 1)
        if self._reference is None and self.is_trained:
            raise ValueError(
                "A trained model that was loaded from files cannot be pre-trained: its head would "
                "no longer fit, and there are no labelled cells to fit it to. Make one that begins "
                "with its weights: CellPerformer.from_pretrained(model, reference)."
            )
        if self._reference is None and adata is None:
            raise ValueError(
                "The model was loaded from files and has no cells of its own: pass them, "
                "model.pretrain(adata)."
            )
        # One time point is read, even by a model that reads two.
        contract = replace(
            self._contract, previous_layer=None, fill=self._contract.fill[: self._contract.n_genes]
        )
        if adata is None:
            bound = contract.bind(self._rna, layer=layer or contract.layer)
            cells = np.arange(bound.n_obs)
            kept = self._reference.cells[self._reference.validation]  # type: ignore[union-attr]
            cells = np.setdiff1d(cells, kept)
        else:
            bound = contract.bind(adata, layer=layer, gene_aliases=gene_aliases)
            bound.warn()
            cells = np.arange(bound.n_obs)
        before = self.module.tokens.first.detach().clone()
        try:
            about, self._pretraining_history = pretrain(
                self.module,
                bound,
                cells,
                rules,
                settings=self.init_params_["non_kwargs"],
                max_epochs=max_epochs,
                n_steps=_N_STEPS,
                batch_size=batch_size,
                lr=lr,
                weight_decay=weight_decay,
                checkpoint_dir=checkpoint_dir,
                tokens_dir=tokens_dir,
                seed=self._seed,
                enable_progress_bar=enable_progress_bar,
                accelerator=accelerator,
                devices=devices,
                **trainer_kwargs,
            )
        except BaseException:
            if not torch.equal(before, self.module.tokens.first.to(before)):
                self._forget_training()
            raise
        self._forget_training()
        self._card["pretraining"] = about
        if enable_progress_bar is not False and is_first_process():
            print(_told(about))  # noqa: T201 - what it was called for

    def _forget_training(self) -> None:
        """Count as not trained: what is behind the encoder does not fit it any more."""
        self.is_trained_ = False
        self.history_ = {}
        self._trust = Trust()
        self._proteins = None
        self._card = {name: self._card[name] for name in BEFORE_TRAINING if name in self._card}
        self._contract = replace(self._contract, missing_genes=None)
        weights = self.module.path_weights
        weights.copy_(torch.eye(len(weights))[0])

    @property
    def pretraining_history(self) -> pd.DataFrame:
        """What the last `pretrain` logged, by epoch; empty before.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(60, 40, n_labels=2)
        >>> cc.model.CellPerformer.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellPerformer(ref, validation_size=0.2)
        >>> model.pretrain(max_epochs=1, enable_progress_bar=False)
        >>> len(model.pretraining_history)
        1
        """
        found = self._pretraining_history
        return pd.DataFrame() if found is None else found.copy()

    @classmethod
    def from_pretrained(
        cls,
        pretrained: Pretrainable | str | PathLike[str],
        adata: AnnData,
        *,
        freeze: Freeze = "none",
        n_top_genes: int | Literal["auto"] | None = "auto",
        gene_aliases: GeneAliases | None = None,
        validation_size: float = 0.1,
        seed: int = 0,
        **changes: Any,  # noqa: ANN401 - of the settings
    ) -> Self:
        """Make a model for another reference that begins with the weights of one that is there.

        The embeddings of genes are carried over by name; genes that the other model does not know
        get new ones, or where embeddings are frozen, the mean of the others.
        `card["pretrained_genes"]` says how many were known.

        Parameters
        ----------
        pretrained
            Model that was pre-trained or trained, or the folder that it was saved to.
        adata
            Reference that `setup_anndata` has registered.
        freeze
            What `train` leaves as it is: `none`; `partial`, all but the last block and what is
            behind it (scBERT); `encoder`, all but what is behind the blocks. Learning rates that
            fall from layer to layer are `train(plan_kwargs={"layer_decay": 0.8})`.
        n_top_genes, validation_size, seed
            As in the class.
        gene_aliases
            Old and current names of genes, as in `predict`.
        **changes
            Other settings of the class that may differ: `pooling`, `dropout`, `token_dropout`,
            `shallow_paths`, `n_tokens`, `recompute`, `attention`, `redraw_every`.

        Raises
        ------
        ModelFileError
            The folder does not hold a saved `CellPerformer`.
        NotTrainedError
            The model has learned nothing.
        GeneError
            Layers are to be frozen, and none of the genes is known.
        ValueError
            A setting is given that the weights decide, or `freeze` is none of the three.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(60, 40, n_labels=2)
        >>> cc.model.CellPerformer.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellPerformer(ref, validation_size=0.2)
        >>> model.pretrain(max_epochs=1, enable_progress_bar=False)
        >>> tuned = cc.model.CellPerformer.from_pretrained(
        ...     model, ref, freeze="encoder", validation_size=0.2
        ... )
        >>> tuned.train(max_epochs=1, enable_progress_bar=False)
        >>> tuned.labels
        ('type_0', 'type_1')
        """
        source: Any = pretrained
        if isinstance(pretrained, str | PathLike):
            source = cls.load(pretrained)
        if not isinstance(source, Pretrainable):
            raise TypeError(
                f"pretrained is a {type(pretrained).__name__}; a CellPerformer, or the folder that "
                "one was saved to, is needed."
            )
        if not source._can_be_saved:  # noqa: SLF001
            raise NotTrainedError(
                "The model has learned nothing yet, and has nothing to begin with. Call "
                "pretrain() or train() first."
            )
        settings = dict(source.init_params_["non_kwargs"])
        allowed = {
            "pooling", "dropout", "token_dropout", "shallow_paths", "n_tokens", "recompute",
            "attention", "redraw_every",
        }  # fmt: skip
        refused = sorted(set(changes) - allowed)
        if refused:
            raise ValueError(
                f"{refused[0]} is decided by the weights that are carried over; what may differ "
                f"are {', '.join(sorted(allowed))}."
            )
        settings |= changes | {
            "n_top_genes": n_top_genes,
            "validation_size": validation_size,
            "seed": seed,
        }
        try:
            model = cls(adata, **settings | {"gene_embedding": source.gene_embedding})
        except NoVectorsError as e:  # of the source, not of the caller
            raise GeneError(
                "The reference has none of the genes that the pre-trained model knows, such as "
                f"{', '.join(map(str, source.contract.model_genes[:3]))}. Give it the same gene "
                "names, or a column of var with them."
            ) from e
        known, copied = copy_pretrained(
            (source.contract, source.module), (model.contract, model.module), gene_aliases
        )
        if not source.is_trained:  # pre-training sees one time point
            copied -= {"tokens.separator", "tokens.earlier"}
        if "pretraining" in source.card:
            model._card["pretraining"] = source.card["pretraining"]
        model._card["pretrained_genes"] = {
            "n_known": int(known.sum()),
            "share": float(known.mean()),
        }
        if freeze != "none" and not known.any():
            raise GeneError(
                f"freeze={freeze!r} keeps what was learned of genes, and the pre-trained model "
                "knows none of those that this one reads. Check the gene names, pass gene_aliases, "
                "or leave freeze out."
            )
        if known.mean() < SMALLEST_SHARE:
            warn(
                f"Only {known.mean():.0%} of the {len(known)} genes that the model reads are known "
                "to the pre-trained one: the others begin from nothing. Check that the gene names "
                "are of the same annotation, or pass gene_aliases.",
            )
        freeze_layers(model.module, freeze, known, copied)
        return model

    @property
    def gene_embedding(self) -> pd.DataFrame | None:
        """Vectors that the model's genes were given, as it uses them; `None` without any.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(60, 40, n_labels=2)
        >>> cc.model.CellPerformer.setup_anndata(ref, labels_key="cell_type")
        >>> vectors = pd.DataFrame(np.eye(40), index=ref.var_names)
        >>> model = cc.model.CellPerformer(ref, gene_embedding=vectors, validation_size=0.2)
        >>> model.gene_embedding.shape
        (40, 40)
        """
        tokens = self.module.tokens
        if tokens.project is None:
            return None
        known = tokens.has_vector.cpu().numpy()
        vectors = tokens.vectors.detach().cpu().numpy()[known]
        return pd.DataFrame(vectors, index=self._contract.model_genes[known])


def _told(about: dict[str, Any]) -> str:
    """One line on how a pre-training went."""
    guesses = {
        "accuracy_majority": "most common",
        "accuracy_gene_majority": "most common of the gene",
        "accuracy_gene_mean": "mean of the gene",
    }
    beside = ", ".join(
        f"{words} {about[name]:.3f}" for name, words in guesses.items() if name in about
    )
    return (
        f"Masked tokens told: {about['accuracy_model']:.3f} ({beside}), on "
        f"{about['n_held_out_cells']} cells that were kept aside from {about['n_cells']}."
    )
