"""What every classifier shares: set-up, training, prediction, saving."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cellclass._checks import check_fraction
from cellclass._keys import PROTEINS
from cellclass.metrics import classification_scores
from cellclass.model._baseline import card_of_training, check_can_compare
from cellclass.model._card import make_card
from cellclass.model._fit import Resuming, asked_recipe, data_of_training, fit
from cellclass.model._fit_proteins import fit_proteins
from cellclass.model._missing_genes import answer_held_out, measure_missing_genes
from cellclass.model._modalities import protein_cells
from cellclass.model._multimodal import MultimodalPredictor
from cellclass.model._reference import Reference, learn_reference
from cellclass.model._setup import label_colors, register_reference
from cellclass.model._trust import Cells, Trust
from cellclass.train import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from anndata import AnnData
    from lightning.pytorch import Callback, LightningDataModule

    from cellclass.contract import Expression, InputContract
    from cellclass.model._protein_part import ProteinCells, ProteinPart


class CellClassifier(MultimodalPredictor):
    """Base of the classifiers, and of one with a network of your own.

    A class that derives from this gives :meth:`make_module`, and an `__init__` that hands on what
    is below. All the rest is there: set-up, ranking of genes on the training cells, training,
    calibration, novelty, sets, missing genes, saving, and `cc.tl`. What the network learns beside
    its weights belongs into its state (`register_buffer`), so that it is saved.

    Parameters
    ----------
    adata
        Reference that `setup_anndata` has registered.
    n_top_genes
        How many genes the model reads, the best of each label in turn. `None`: every gene that
        differs between labels.
    validation_size
        Share (0–1) of the labelled cells that is kept aside. `None`: below 3,000 of them five
        networks, each trained without a fifth; from there on one, without a tenth.
    seed
        Of the split, the initial weights and the training.
    settings
        Arguments of a class's own, by name: text, numbers and lists of them. They are saved, and
        `load` calls the class with them.
    recipe
        How the network is trained, a `cellclass.train.Recipe`; `None` for its defaults.
    expression
        What the network reads: `log1p_normalized`, natural log1p of counts per cell scaled to the
        median depth of the training cells (10,000 at most), or `log1p_counts`.
    registry
        Used by `load`, which also leaves out `adata`.

    Examples
    --------
    >>> import cellclass as cc
    >>> from cellclass.module import MLP
    >>> class Narrow(cc.model.CellClassifier):
    ...     def __init__(self, adata=None, *, width=16, **kwargs):
    ...         self.width = width  # before the network is built
    ...         super().__init__(adata, settings={"width": width}, **kwargs)
    ...
    ...     def make_module(self, n_genes, n_labels, n_networks):
    ...         return MLP(n_genes, n_labels, n_hidden=[self.width], shallow=False)
    >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> Narrow.setup_anndata(ref, labels_key="cell_type")
    >>> model = Narrow(ref, width=8, n_top_genes=20, validation_size=0.2)
    >>> model.train(max_epochs=1, enable_progress_bar=False)
    >>> model.get_latent_representation(ref).shape
    (100, 8)
    """

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        n_top_genes: int | None = 2000,
        validation_size: float | None = None,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        recipe: Recipe | None = None,
        expression: Expression = "log1p_normalized",
        registry: dict | None = None,
    ) -> None:
        if validation_size is not None:
            check_fraction(validation_size, "validation_size", zero=True)
        if n_top_genes is not None and not (
            isinstance(n_top_genes, (int, np.integer)) and n_top_genes > 0
        ):
            raise ValueError(
                f"n_top_genes={n_top_genes!r}; a whole number from 1 on is needed, or None."
            )
        super().__init__(adata, registry)
        arguments = {"n_top_genes": n_top_genes, "validation_size": validation_size, "seed": seed}
        self.init_params_ = {"kwargs": {}, "non_kwargs": arguments | dict(settings or {})}
        self._recipe = Recipe() if recipe is None else recipe
        self._seed = seed
        self._trust = Trust()
        self._reference: Reference | None = None
        # weights and history of an interrupted training
        self._began: tuple[dict[str, str], dict[str, Any]] | None = None
        self._proteins: ProteinPart | None = None
        self._protein_cells: ProteinCells | None = None
        self._card: dict[str, Any] = {}
        self._label_colors: dict[str, str] = {}
        if adata is None:
            return
        setup = self.registry["setup_args"]
        rna: Any = self._rna
        self._label_colors = label_colors(rna, setup["labels_key"])
        self._contract, self._reference = learn_reference(
            rna,
            setup,
            expression=expression,
            n_top_genes=n_top_genes,
            validation_size=validation_size,
            seed=seed,
        )
        self._protein_cells = protein_cells(adata, setup, self._reference.cells)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.module = self._make_networks(torch.from_numpy(self._reference.genes))
        self._describe()

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

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> ref.uns["_scvi_manager_uuid"] is not None
        True
        """
        if kwargs.pop("previous_layer", None) is not None:
            raise TypeError(
                f"{cls.__name__} reads one time point; previous_layer is for CellPerformer."
            )
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

    @property
    def n_multiplied(self) -> int:
        """Multiplications of one cell in a forward pass, about."""
        return sum(p.numel() for p in self.module.parameters())

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
        compare_baseline: bool = False,
        datamodule: LightningDataModule | None = None,
        checkpoint_dir: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
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
            As in Lightning; `auto` takes a GPU if there is one. Several processes (`devices=2,
            strategy="ddp"`) take the same steps as one, up to rounding and what is dropped out.
        batch_size
            Cells in a minibatch, over all processes; `None` for what the preset says.
        early_stopping
            Whether to stop when validation cells are answered worse, and go back to the best
            weights; `None` for what the preset says.
        enable_progress_bar
            `None` shows it in a terminal or notebook.
        plan_kwargs
            Further changes to the preset's `cellclass.train.Recipe`, such as `{"lr": 1e-3}`, or
            `{"class_weights": "balanced"}` where rare labels matter as much as common ones.
        callbacks
            Lightning callbacks to add.
        compare_baseline
            Whether to fit a tuned logistic regression to the same cells and genes, too, and note in
            `card["baseline"]` which of the two answers the validation cells better.
        datamodule
            Other cells to train on than those of the reference: any LightningDataModule with
            `n_train`, `n_val` and `n_vars`, whose minibatches are `{"X": float32 (B, G), "labels":
            int64 (B, 1)}`: dense or sparse input of the model (`contract.bind(adata).read(rows)`
            gives it), and positions in `labels`. Each of several processes asks for its own.
            Calibration is learned on the reference's validation cells, which must not be in it.
        checkpoint_dir, checkpoint_every
            Folder for a checkpoint after every so many epochs. No pickle is written or read.
        resume
            Whether to go on from the checkpoint in `checkpoint_dir`, if there is one, to the
            model of a training that was not interrupted: on a CPU the same, bit for bit.
        **trainer_kwargs
            For `lightning.pytorch.Trainer`, `logger` for one.

        Raises
        ------
        FileExistsError
            `checkpoint_dir` holds an interrupted training, and `resume` is false.
        ValueError
            It holds another training, or a number of epochs, cells or steps is no whole one from 1.
        ModelFileError
            The checkpoint was damaged.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> sorted(model.history)
        ['train_loss', 'validation_accuracy', 'validation_loss']
        """
        if self._reference is None:
            raise ValueError(
                "A model that was loaded from files cannot be trained further: it has no training "
                "cells. Make a new one from the reference."
            )
        recipe = asked_recipe(
            self._recipe,
            plan_kwargs,
            max_epochs=max_epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
        )
        check_can_compare(self._reference, compare_baseline=compare_baseline)
        fit(
            self,
            data_of_training(self, datamodule, recipe),
            recipe,
            seed=self._seed,
            callbacks=callbacks,
            accelerator=accelerator,
            devices=devices,
            enable_progress_bar=enable_progress_bar,
            resuming=Resuming(checkpoint_dir, checkpoint_every, resume),
            **trainer_kwargs,
        )
        self._began = None
        self._after_fit(self._reference)
        self._finish_training(self._reference)
        self._card |= card_of_training(
            self, self._reference, recipe, compare_baseline=compare_baseline
        )
        if self._protein_cells is not None:
            self._proteins, self._card[PROTEINS] = fit_proteins(
                self, self._reference, self._protein_cells
            )

    def _after_fit(self, reference: Reference) -> None:
        """Complete the networks before they are calibrated, for a class that has more to fit."""

    def _finish_training(self, reference: Reference) -> None:
        """Calibrate, and note how the validation cells were answered."""
        # The runner noted positions among the labelled cells; users want those in the AnnData.
        self.train_indices = reference.cells[reference.train]
        self.validation_indices = reference.cells[reference.validation]
        parts = []
        for part, network in enumerate(self._networks):
            seen = []
            for rows in (reference.examples(part), reference.held_out(part)):
                x = reference.read(rows, part)
                seen.append(Cells(x, *self._forward(x, network), reference.codes[rows]))
            parts.append((seen[0], seen[1]))
        places, bound = reference.looked_at
        x = reference.inputs.read(places)
        self._trust = Trust.fit(
            parts,
            reference.genes,
            together=(self._forward(x)[0], x) if reference.n_parts > 1 else None,
            held_out_by=reference.held_out_by[places],
        )
        curves = measure_missing_genes(
            bound,
            reference.codes[places],
            self._contract,
            partial(answer_held_out, self, reference),
            seed=self._seed,
        )
        self._contract = replace(self._contract, missing_genes=curves)
        names = np.asarray(self.labels)
        codes = np.concatenate([held_out.codes for _, held_out in parts])
        logits = np.concatenate([held_out.logits for _, held_out in parts])
        called = logits.argmax(axis=1)
        confusion = np.zeros((len(names), len(names)), dtype=np.int64)
        np.add.at(confusion, (codes, called), 1)
        self._card = make_card(
            type(self).__name__,
            self._adata,
            self._contract,
            n_training_cells=len(reference.train),
            n_validation_cells=len(reference.validation),
            n_networks=len(parts),
            temperature=self._trust.temperature,
            validation=classification_scores(names[codes], names[called]),
            confusion=confusion.tolist(),
        )
