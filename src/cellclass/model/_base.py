"""What every classifier shares: set-up, training, prediction, saving."""

from __future__ import annotations

import sys
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scvi.model.base import BaseModelClass
from scvi.train import TrainRunner

from cellclass._checks import check_fraction, label_codes
from cellclass.contract import BoundInput, InputContract
from cellclass.data import ResidentDataModule, split_cells
from cellclass.errors import NotTrainedError
from cellclass.metrics import NoveltyScorer, classification_scores, fit_temperature, softmax
from cellclass.model._card import make_card
from cellclass.model._files import ModelFiles, read_model, write_model
from cellclass.model._scores import CellScores
from cellclass.model._setup import label_colors, register_reference
from cellclass.train import (
    ClassifierPlan,
    Recipe,
    StopWhenWorse,
    quiet_lightning,
    threads_for_step,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from anndata import AnnData
    from lightning.pytorch import Callback
    from scvi.module.base import BaseModuleClass

# The validation cells are looked at about this often in a training, and the training stops when
# they were answered worse this many times in a row.
_N_LOOKS = 20
_PATIENCE = 5


class CellClassifier(BaseModelClass):
    """Base of the classifiers; a concrete class says which network it trains."""

    def __init__(
        self,
        adata: AnnData | None,
        *,
        recipe: Recipe,
        expression: str,
        n_top_genes: int | None,
        validation_size: float,
        seed: int,
        registry: dict | None,
    ) -> None:
        check_fraction(validation_size, "validation_size", zero=True)
        if n_top_genes is not None and n_top_genes < 1:
            raise ValueError(f"n_top_genes={n_top_genes}; at least one gene is needed.")
        super().__init__(adata, registry)
        self._recipe = recipe
        self._seed = seed
        self._temperature = 1.0
        self._novelty: NoveltyScorer | None = None
        self._card: dict[str, Any] = {}
        self._label_colors: dict[str, str] = {}
        if adata is not None:
            self._learn(adata, expression, n_top_genes, validation_size)

    @abstractmethod
    def _make_module(self, n_genes: int, n_labels: int) -> BaseModuleClass:
        """Build the network, from G genes to L labels."""

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
            Reference, cells × genes: counts, normalised counts or log1p of those; dense or
            sparse.
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
            The expression is z-scored, on an unknown scale, or holds NaN or infinite values.
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
        return dict(self._card)

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

        `history` then holds `train_loss`, `validation_loss` (nats per cell) and
        `validation_accuracy` by epoch.

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
        self._require_adata("train")
        recipe = replace(self._recipe, **(plan_kwargs or {}))
        if batch_size is not None:
            recipe = replace(recipe, batch_size=batch_size)
        if max_epochs is not None:
            recipe = replace(recipe, max_epochs=max_epochs)
        if early_stopping is not None:
            recipe = replace(recipe, early_stopping=early_stopping)
        recipe = replace(recipe, max_epochs=recipe.epochs(len(self._rows_train)))
        cells = np.union1d(self._rows_train, self._rows_val)
        datamodule = ResidentDataModule(
            self._read(self._bound, cells),
            self._codes[cells],
            train_idx=np.searchsorted(cells, self._rows_train),
            val_idx=np.searchsorted(cells, self._rows_val),
            batch_size=recipe.batch_size,
            seed=self._seed,
        )
        self.module.train()
        self._fit(
            datamodule,
            recipe,
            accelerator=accelerator,
            devices=devices,
            enable_progress_bar=_in_sight() if enable_progress_bar is None else enable_progress_bar,
            callbacks=list(callbacks),
            **trainer_kwargs,
        )
        # The runner noted places in the data module's tensors; users want places in the AnnData.
        self.train_indices, self.validation_indices = self._rows_train, self._rows_val
        self._calibrate()

    def predict(
        self,
        adata: AnnData | None = None,
        soft: bool = False,  # noqa: FBT001, FBT002 - the second argument in scvi-tools too
        *,
        layer: str | None = None,
    ) -> np.ndarray | pd.DataFrame:
        """Label cells.

        Parameters
        ----------
        adata
            Query on any scale that can be converted, genes in any order; it needs no labels and
            is not changed. `None` for the reference.
        soft
            Whether to return the probability of every label instead of the best label.
        layer
            Where the query's expression stands. `None`: the reference's layer if the query has
            it, else `X`.

        Returns
        -------
        Labels, str array `(n_obs,)`; with `soft`, calibrated probabilities as a float32 DataFrame
        `(n_obs, n_labels)` whose rows sum to 1, cells in rows and labels in columns.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        ScaleError, ValuesError, GeneError
            The query cannot be brought to what the model expects.
        """
        scores = self.score_cells(adata, layer=layer)
        if not soft:
            return np.asarray(self.labels)[scores.codes]
        adata = self._adata if adata is None else adata
        return pd.DataFrame(scores.probability, index=adata.obs_names, columns=list(self.labels))

    def score_cells(self, adata: AnnData | None = None, *, layer: str | None = None) -> CellScores:
        """Give probabilities, novelty and the contract's report for each cell of a query.

        Takes and raises what `predict` does.
        """
        bound = self._bind(adata, layer)
        probability = np.empty((bound.n_obs, len(self.labels)), dtype=np.float32)
        pvalue = np.full(bound.n_obs, np.nan, dtype=np.float32)
        for rows, latent, logits in self._outputs(bound):
            probability[rows] = softmax(logits, temperature=self._temperature)
            if self._novelty is not None:
                pvalue[rows] = self._novelty.pvalue(latent)
        return CellScores(
            labels=self.labels,
            probability=probability,
            novelty_pvalue=pvalue,
            empty=bound.empty_cells(),
            report=bound.report(),
        )

    def get_latent_representation(
        self, adata: AnnData | None = None, *, layer: str | None = None
    ) -> np.ndarray:
        """Return what the network's last layer reads, float32 `(n_obs, n_hidden)`.

        Takes and raises what `predict` does.
        """
        bound = self._bind(adata, layer)
        return np.concatenate([latent for _, latent, _ in self._outputs(bound)])

    def save(self, dir_path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model to a folder: `model.json` and `model.safetensors`.

        The folder appears under its name only when it is complete. No cells are written.

        Parameters
        ----------
        dir_path
            The folder to make.
        overwrite
            Whether an existing folder is replaced.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        FileExistsError
            The folder exists and `overwrite` is false.
        """
        self._require_trained()
        arrays = {f"contract.{k}": v for k, v in self._contract.to_arrays().items()}
        if self._novelty is not None:
            arrays |= {f"novelty.{k}": v for k, v in self._novelty.to_arrays().items()}
        weights = {f"module.{k}": v for k, v in self.module.state_dict().items()}
        text = {
            "init_params": self.init_params_["non_kwargs"],
            "registry": self.registry,
            "contract": self._contract.to_dict(),
            "temperature": self._temperature,
            "card": self._card,
            "label_colors": self._label_colors,
            "history": {
                name: {"epoch": list(frame.index), "value": frame[name].astype(float).tolist()}
                for name, frame in (self.history or {}).items()
            },
        }
        write_model(dir_path, type(self).__name__, text, arrays, weights, overwrite=overwrite)

    @classmethod
    def load(
        cls, dir_path: str | PathLike[str], adata: AnnData | None = None, *, device: str = "auto"
    ) -> CellClassifier:
        """Read a model that `save` wrote; nothing in the files is executed.

        Parameters
        ----------
        dir_path
            The folder.
        adata
            Reference to attach, registered as at training; not needed to predict.
        device
            `auto` for a GPU if there is one, else what torch calls it.

        Raises
        ------
        ModelFileError
            A file is missing, altered or truncated, or holds a model of another class.
        """
        files = read_model(dir_path, cls.__name__)
        model = cls(None, registry=files.text["registry"], **files.text["init_params"])
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model._restore(files, device)
        if adata is not None:
            cls.setup_anndata(adata, **files.text["registry"]["setup_args"])
            model._adata = adata
            model._adata_manager = cls._get_most_recent_anndata_manager(adata, required=True)
            model._register_manager_for_instance(model._adata_manager)
            model._bound = model._contract.bind(
                adata, layer=files.text["registry"]["setup_args"]["layer"]
            )
        return model

    def _learn(
        self, adata: AnnData, expression: str, n_top_genes: int | None, validation_size: float
    ) -> None:
        setup = self.registry["setup_args"]
        self._codes, labels = label_codes(
            adata.obs[setup["labels_key"]],
            setup["labels_key"],
            unlabeled_category=setup["unlabeled_category"],
        )
        self._label_colors = label_colors(adata, setup["labels_key"])
        strata = self._codes
        if setup["batch_key"] is not None:
            batch = adata.obs[setup["batch_key"]].astype("category").cat.codes.to_numpy(np.int64)
            strata = np.where(strata < 0, -1, strata * (batch.max() + 1) + batch)
        self._rows_train, self._rows_val = split_cells(
            strata, held_out=validation_size, seed=self._seed
        )
        self._contract, self._bound = InputContract.learn(
            adata,
            layer=setup["layer"],
            codes=self._codes,
            labels=tuple(labels),
            rows=self._rows_train,
            n_top_genes=n_top_genes,
            expression=expression,  # type: ignore[arg-type]
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            self.module = self._make_module(self._contract.n_genes, len(labels))
        self._model_summary_string = (
            f"{type(self).__name__} with {self._contract.n_genes} genes, {len(labels)} labels, "
            f"{sum(p.numel() for p in self.module.parameters()):,} parameters"
        )

    def _fit(
        self,
        datamodule: ResidentDataModule,
        recipe: Recipe,
        *,
        callbacks: list[Callback],
        **kwargs: Any,  # noqa: ANN401 - for the runner and Lightning
    ) -> None:
        max_epochs = recipe.epochs(datamodule.n_train)
        every = max(1, max_epochs // _N_LOOKS)
        if recipe.early_stopping and datamodule.n_val:
            callbacks.append(StopWhenWorse(_PATIENCE))
        n_minibatches = len(datamodule.train_dataloader())
        defaults = {"check_val_every_n_epoch": every, "log_every_n_steps": min(10, n_minibatches)}
        cuda = list(range(torch.cuda.device_count()))
        n_parameters = sum(p.numel() for p in self.module.parameters())
        with (
            quiet_lightning(),
            torch.random.fork_rng(devices=cuda),
            threads_for_step(n_parameters, recipe.batch_size),
        ):
            torch.manual_seed(self._seed)
            runner = TrainRunner(
                self,
                training_plan=ClassifierPlan(self.module, recipe),
                data_splitter=datamodule,
                max_epochs=max_epochs,
                callbacks=callbacks,
                **{**defaults, **kwargs},
            )
            runner()

    def _calibrate(self) -> None:
        train, val = self._rows_train, self._rows_val
        latent, logits = self._forward(self._read(self._bound, val))
        self._temperature = fit_temperature(logits, self._codes[val])
        latent_train, _ = self._forward(self._read(self._bound, train))
        self._novelty = NoveltyScorer.fit(latent_train, self._codes[train], latent)
        names = np.asarray(self.labels)
        self._card = make_card(
            type(self).__name__,
            self._adata,
            self._contract,
            n_training_cells=len(train),
            n_validation_cells=len(val),
            temperature=self._temperature,
            validation=classification_scores(names[self._codes[val]], names[logits.argmax(axis=1)]),
        )

    def _read(self, bound: BoundInput, rows: np.ndarray) -> np.ndarray:
        """Model input of cells, read a chunk at a time, float32 `(n_rows, n_genes)`."""
        X = np.empty((len(rows), self._contract.n_genes), dtype=np.float32)
        for start in range(0, len(rows), 4096):
            X[start : start + 4096] = bound.read(rows[start : start + 4096])
        return X

    def _bind(self, adata: AnnData | None, layer: str | None) -> BoundInput:
        self._require_trained()
        if adata is None:
            self._require_adata("predict")
            return self._bound if layer is None else self._contract.bind(self._adata, layer=layer)
        bound = self._contract.bind(adata, layer=layer)
        bound.warn()
        return bound

    def _outputs(self, bound: BoundInput) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        for rows, x in bound.chunks():
            yield rows, *self._forward(x)

    def _forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latent representation and logits of model input."""
        self.module.eval()
        with torch.inference_mode():
            latent = self.module.embed(torch.from_numpy(x).to(self.module.device))
            logits = self.module.head(latent)
        return latent.float().cpu().numpy(), logits.float().cpu().numpy()

    def _restore(self, files: ModelFiles, device: str) -> None:
        self._contract = InputContract.from_parts(files.text["contract"], files.part("contract"))
        self.module = self._make_module(self._contract.n_genes, len(self.labels))
        self.module.load_state_dict(files.weights)
        self.module.eval()
        self.to_device(device)
        novelty = files.part("novelty")
        self._novelty = NoveltyScorer(**novelty) if novelty else None
        self._temperature = files.text["temperature"]
        self._card = files.text["card"]
        self._label_colors = files.text["label_colors"]
        self.history_ = {
            name: pd.DataFrame(
                {name: column["value"]}, index=pd.Index(column["epoch"], name="epoch")
            )
            for name, column in files.text["history"].items()
        }
        self.is_trained_ = True

    def _require_trained(self) -> None:
        if not self.is_trained:
            raise NotTrainedError(
                "The model is not trained: its answers would be noise. Call model.train() first."
            )

    def _require_adata(self, verb: str) -> None:
        if not hasattr(self, "_rows_train" if verb == "train" else "_bound"):
            raise ValueError(
                f"The model was loaded from files and has no reference to {verb} on. Pass an "
                "AnnData to predict; to train, make a new model from the reference."
            )


def _in_sight() -> bool:
    """Whether somebody watches: a terminal or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
