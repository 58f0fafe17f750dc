"""What every classifier shares: set-up, training, prediction, saving."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from cellclass._checks import check_fraction
from cellclass._keys import UNASSIGNED
from cellclass.errors import NotTrainedError
from cellclass.metrics import classification_scores
from cellclass.model._card import make_card
from cellclass.model._fit import fit
from cellclass.model._missing_genes import measure_missing_genes
from cellclass.model._reference import Reference, learn_reference
from cellclass.model._scores import CellScores
from cellclass.model._sets import SetPredictor
from cellclass.model._setup import label_colors, register_reference
from cellclass.model._trust import Cells, Trust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anndata import AnnData
    from lightning.pytorch import Callback

    from cellclass.contract import BoundInput, Expression, GeneAliases, InputContract
    from cellclass.train import Recipe

# Cells that go through the network together outside training.
_CHUNK = 4096


class CellClassifier(SetPredictor):
    """Base of the classifiers; a concrete class says which network it trains."""

    def __init__(
        self,
        adata: AnnData | None,
        *,
        recipe: Recipe,
        expression: Expression,
        n_top_genes: int | None,
        validation_size: float,
        seed: int,
        registry: dict | None,
    ) -> None:
        check_fraction(validation_size, "validation_size", zero=True)
        if n_top_genes is not None and not (
            isinstance(n_top_genes, (int, np.integer)) and n_top_genes > 0
        ):
            raise ValueError(
                f"n_top_genes={n_top_genes!r}; a whole number from 1 on is needed, or None."
            )
        super().__init__(adata, registry)
        self._recipe = recipe
        self._seed = seed
        self._trust = Trust()
        self._reference: Reference | None = None
        self._card: dict[str, Any] = {}
        self._label_colors: dict[str, str] = {}
        if adata is None:
            return
        setup = self.registry["setup_args"]
        self._label_colors = label_colors(adata, setup["labels_key"])
        self._contract, self._reference = learn_reference(
            adata,
            setup,
            expression=expression,
            n_top_genes=n_top_genes,
            validation_size=validation_size,
            seed=seed,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.module = self._make_module(self._contract.n_genes, len(self.labels))
        self._model_summary_string = (
            f"{type(self).__name__} with {self._contract.n_genes} genes, {len(self.labels)} "
            f"labels, {sum(p.numel() for p in self.module.parameters()):,} parameters"
        )

    @classmethod
    def setup_anndata(
        cls,
        adata: AnnData,
        labels_key: str,
        layer: str | None = None,
        batch_key: str | None = None,
        unlabeled_category: str | None = None,
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
            Label that means "no label given"; its cells are not trained on.

        Raises
        ------
        KeyError
            `labels_key`, `batch_key` or `layer` does not exist.
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
        )
        manager = register_reference(
            adata,
            setup_method_args,
            labels_key=labels_key,
            layer=layer,
            batch_key=batch_key,
            unlabeled_category=unlabeled_category,
            **kwargs,
        )
        cls.register_manager(manager)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can give, in the order of its outputs."""
        return self._contract.labels

    @property
    def contract(self) -> InputContract:
        """What the model expects of its input."""
        return self._contract

    @property
    def card(self) -> dict[str, Any]:
        """Where the model comes from and how it did on its validation cells."""
        return deepcopy(self._card)

    @property
    def label_colors(self) -> dict[str, str]:
        """Colours of the labels in the reference's pictures, where it had them."""
        return dict(self._label_colors)

    def train(
        self,
        max_epochs: int | None = None,
        *,
        accelerator: str = "auto",
        devices: int | str | list[int] = "auto",
        batch_size: int | None = None,
        early_stopping: bool | None = None,
        enable_progress_bar: bool | None = None,
        plan_kwargs: dict[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        **trainer_kwargs: Any,  # noqa: ANN401 - for Lightning
    ) -> None:
        """Fit the network to the training cells.

        A second call goes on from the weights of the first. `history` then holds `train_loss`,
        `validation_loss` (nats per cell) and `validation_accuracy` by epoch.

        Parameters
        ----------
        max_epochs
            Passes over the training cells; `None` for what the preset says.
        accelerator, devices
            As in Lightning; `auto` takes a GPU if there is one.
        batch_size
            Cells in a minibatch; `None` for what the preset says.
        early_stopping
            Whether to stop when validation cells are answered worse, and go back to the best
            weights; `None` for what the preset says.
        enable_progress_bar
            `None` shows it in a terminal or notebook.
        plan_kwargs
            Further changes to the preset's `cellclass.train.Recipe`, such as `{"lr": 1e-3}`.
        callbacks
            Lightning callbacks to add.
        **trainer_kwargs
            For `lightning.pytorch.Trainer`, `logger` for one.
        """
        if self._reference is None:
            raise ValueError(
                "A model that was loaded from files cannot be trained further: it has no training "
                "cells. Make a new one from the reference."
            )
        unknown = set(plan_kwargs or {}) - set(vars(self._recipe))
        if unknown:
            raise ValueError(
                f"plan_kwargs: {', '.join(sorted(unknown))} is not one of "
                f"{', '.join(vars(self._recipe))}."
            )
        recipe = replace(self._recipe, **(plan_kwargs or {}))
        given: dict[str, Any] = {
            "max_epochs": max_epochs,
            "batch_size": batch_size,
            "early_stopping": early_stopping,
        }
        recipe = replace(recipe, **{k: v for k, v in given.items() if v is not None})
        fit(
            self,
            self._reference.datamodule(batch_size=recipe.batch_size, seed=self._seed),
            recipe,
            seed=self._seed,
            callbacks=callbacks,
            accelerator=accelerator,
            devices=devices,
            enable_progress_bar=enable_progress_bar,
            **trainer_kwargs,
        )
        self._finish_training(self._reference)

    def predict(
        self,
        adata: AnnData | None = None,
        soft: bool = False,  # noqa: FBT001, FBT002 - the second argument in scvi-tools too
        *,
        reject_rate: float | None = None,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> np.ndarray | pd.DataFrame:
        """Label cells.

        Parameters
        ----------
        adata
            Query on any scale that can be converted, genes in any order; it needs no labels and
            is not changed. `None` for the reference.
        soft
            Whether to return the probability of every label instead of the best label.
        reject_rate
            Share (0–1) of cells like the training cells that may go without a label, so that
            novel ones do; `None` gives every cell one that expresses genes.
        layer
            Where the query's expression stands; `"X"` for `X`. `None`: the reference's layer if
            the query has it, else `X`.
        gene_aliases
            Old and current names of genes, for those that have been renamed: a mapping, or a data
            frame with the columns `alias` and `symbol`.

        Returns
        -------
        Labels, str array `(n_obs,)`, `"unassigned"` for a cell with hardly an expressed gene, or
        with a novelty p-value up to `reject_rate`; with `soft`, calibrated probabilities as a
        float32 DataFrame `(n_obs, n_labels)` whose rows sum to 1, cells in rows and labels in
        columns.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        ScaleError, ValuesError, GeneError
            The query cannot be brought to what the model expects.
        ValueError
            `reject_rate` is outside (0, 1), or too few cells were held out for it.
        """
        scores = self.score_cells(adata, layer=layer, gene_aliases=gene_aliases)
        left_out = scores.unassigned(reject_rate)
        if not soft:
            return np.where(left_out, UNASSIGNED, np.asarray(self.labels)[scores.codes])
        adata = self._adata if adata is None else adata
        return pd.DataFrame(scores.probability, index=adata.obs_names, columns=list(self.labels))

    def score_cells(
        self,
        adata: AnnData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> CellScores:
        """Give probabilities, novelty and the contract's report for each cell of a query.

        Takes and raises what `predict` does.
        """
        bound = self._bind(adata, layer, gene_aliases)
        probability = np.empty((bound.n_obs, len(self.labels)), dtype=np.float32)
        pvalue = np.empty(bound.n_obs, dtype=np.float32)
        trust = self._trust_for(bound)
        for rows, x, latent, logits in self._outputs(bound):
            probability[rows] = trust.probability(logits)
            pvalue[rows] = trust.pvalue(latent, x)
        scores = CellScores(
            labels=self.labels,
            probability=probability,
            novelty_pvalue=pvalue,
            empty=bound.empty_cells(),
            report=bound.report(),
            n_calibration=trust.n_calibration,
        )
        return scores.judged()

    def get_latent_representation(
        self,
        adata: AnnData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> np.ndarray:
        """Return what the network's last layer reads, float32 `(n_obs, n_hidden)`.

        Takes and raises what `predict` does.
        """
        bound = self._bind(adata, layer, gene_aliases)
        return np.concatenate([latent for _, _, latent, _ in self._outputs(bound)])

    def _finish_training(self, reference: Reference) -> None:
        """Calibrate, and note how the validation cells were answered."""
        train, validation = reference.train, reference.validation
        # The runner noted positions among the labelled cells; users want those in the AnnData.
        self.train_indices = reference.cells[train]
        self.validation_indices = reference.cells[validation]
        parts = [(reference.X[rows], reference.codes[rows]) for rows in (train, validation)]
        learned, held_out = (Cells(x, *self._forward(x), codes) for x, codes in parts)
        codes, logits = held_out.codes, held_out.logits
        self._trust = Trust.fit(learned, held_out=held_out)
        places, bound = reference.looked_at
        curves = measure_missing_genes(
            bound,
            reference.codes[places],
            self._contract,
            self._forward,
            self._trust.novelty,
            seed=self._seed,
        )
        self._contract = replace(self._contract, missing_genes=curves)
        names = np.asarray(self.labels)
        self._card = make_card(
            type(self).__name__,
            self._adata,
            self._contract,
            n_training_cells=len(train),
            n_validation_cells=len(validation),
            temperature=self._trust.temperature,
            validation=classification_scores(names[codes], names[logits.argmax(axis=1)]),
        )

    def _bind(
        self, adata: AnnData | None, layer: str | None, gene_aliases: GeneAliases | None
    ) -> BoundInput:
        if not self.is_trained:
            raise NotTrainedError(
                "The model is not trained: its answers would be noise. Call model.train() first."
            )
        if adata is not None:
            bound = self._contract.bind(adata, layer=layer, gene_aliases=gene_aliases)
            bound.warn()
            return bound
        if self._adata is None:
            raise ValueError(
                "The model was loaded from files and has no reference of its own: pass the cells, "
                "model.predict(adata)."
            )
        return self._contract.bind(self._adata, layer=layer or self._contract.layer)

    def _trust_for(self, bound: BoundInput) -> Trust:
        return self._trust.given(bound.expected() if bound.match.missing.size else None)

    def _outputs(
        self, bound: BoundInput
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
        for rows, x in bound.chunks():
            yield rows, x, *self._forward(x)

    def _forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latent representation and logits of model input."""
        self.module.eval()
        device = self.module.device
        parts = [x[start : start + _CHUNK] for start in range(0, len(x), _CHUNK)] or [x]
        with torch.inference_mode():
            latent = [self.module.embed(torch.from_numpy(part).to(device)) for part in parts]
            logits = [self.module.head(part) for part in latent]
        return (
            torch.cat(latent).float().cpu().numpy(),
            torch.cat(logits).float().cpu().numpy(),
        )
