"""Saving and loading, the same for every classifier."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import torch
from scvi.model.base import BaseModelClass

from cellclass._checks import is_mudata
from cellclass._keys import LABEL_COLORS
from cellclass.contract import InputContract
from cellclass.errors import GeneError, NotTrainedError
from cellclass.model._files import ModelFiles, read_model, write_model
from cellclass.model._modalities import rna_reference
from cellclass.model._onnx import write_onnx
from cellclass.model._processes import in_first_process
from cellclass.model._protein_part import ProteinPart
from cellclass.model._scvi_format import read_scvi_format, write_scvi_format
from cellclass.model._trust import Trust
from cellclass.module import CrossFitted

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self

    from anndata import AnnData
    from mudata import MuData
    from scvi.module.base import BaseModuleClass

_WRITERS = {"cellclass": write_model, "scvi": write_scvi_format}
_READERS = {"cellclass": read_model, "scvi": read_scvi_format}
Format = Literal["cellclass", "scvi"]


class SavedModel(BaseModelClass):
    """A model of scvi-tools whose files are JSON and safetensors instead of a pickle."""

    _card: dict[str, Any]
    _contract: InputContract
    _label_colors: dict[str, str]
    _trust: Trust
    _proteins: ProteinPart | None

    @abstractmethod
    def make_module(self, n_genes: int, n_labels: int, n_networks: int) -> BaseModuleClass:
        """Build a network; called by `__init__` and `load`, and to be given by each class.

        Parameters
        ----------
        n_genes
            Inputs: genes of the model, the best of each label first.
        n_labels
            Outputs.
        n_networks
            How many are built and averaged, each trained on other cells: several where there are
            few cells. Each may then be smaller.

        Returns
        -------
        A `scvi.module.base.BaseModuleClass` with `embed(x)`, the latent representation `(B, H)` of
        input `(B, G)`; `classify(latent, x)`, the logits `(B, L)`; `member_logits(x)`, those of
        each member of an ensemble, `(1, B, L)` without one, which training looks at; and
        `forward(x)`, the logits.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref)
        >>> type(model.make_module(20, 2, 1)).__name__
        'MLP'
        """

    def _make_networks(self, genes: torch.Tensor | None) -> BaseModuleClass:
        """Build the network, or several that read genes of their own, `(n_parts, n)`."""
        n_labels = len(self._contract.labels)
        if genes is None or len(genes) == 1:
            return self.make_module(self._contract.n_genes, n_labels, 1)
        n_networks, n_genes = genes.shape
        parts = [self.make_module(n_genes, n_labels, n_networks) for _ in range(n_networks)]
        return CrossFitted(parts, genes)

    def _describe(self) -> None:
        """Note what the model says of itself."""
        self._model_summary_string = (
            f"{type(self).__name__} with {self._contract.n_genes} genes, "
            f"{len(self._contract.labels)} labels, "
            f"{sum(p.numel() for p in self.module.parameters()):,} parameters"
        )

    def __repr__(self) -> str:
        """Say which model it is, in plain text; scvi-tools' own prints, in colours."""
        return self.summary_string

    @property
    def _networks(self) -> list[BaseModuleClass]:
        """The networks that are trained on different cells: often one, the whole."""
        return list(getattr(self.module, "parts", [self.module]))

    @property
    def _can_be_saved(self) -> bool:
        return self.is_trained

    def save(
        self,
        dir_path: str | PathLike[str],
        *,
        overwrite: bool = False,
        format: Format = "cellclass",  # noqa: A002 - the word for it
    ) -> None:
        """Write the model to a folder: `model.json` and `model.safetensors`.

        The folder appears under its name only when it is complete. No cells are written. Where
        several processes have trained together all of them call this: the first one writes, the
        others wait until it has.

        Parameters
        ----------
        dir_path
            The folder to make.
        overwrite
            Whether an existing folder is replaced.
        format
            `scvi` writes `model.pt` instead, laid out as scvi-tools does. That is a pickle: give
            others the default format, which executes nothing.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        FileExistsError
            The folder exists and `overwrite` is false.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> folder = f"{mkdtemp()}/model"
        >>> model.save(folder)
        >>> cc.model.CellClassifierMLP.load(folder).labels
        ('type_0', 'type_1')
        """
        _check_format(format)
        if not self._can_be_saved:
            raise NotTrainedError("The model is not trained. Call model.train() before save.")
        arrays = {f"contract.{k}": v for k, v in self._contract.to_arrays().items()}
        arrays |= self._trust.to_arrays()
        proteins = self._proteins
        if proteins is not None:
            arrays |= {f"proteins.{k}": v for k, v in proteins.to_arrays().items()}
        weights = {f"module.{k}": v for k, v in self.module.state_dict().items()}
        text = {
            "init_params": self.init_params_["non_kwargs"],
            "registry": self.registry,
            "contract": self._contract.to_dict(),
            "temperature": self._trust.temperature,
            "proteins": None if proteins is None else proteins.to_dict(),
            "card": self._card,
            "is_trained": self.is_trained,
            LABEL_COLORS: self._label_colors,
            "history": {
                name: {"epoch": list(frame.index), "value": frame[name].astype(float).tolist()}
                for name, frame in (self.history or {}).items()
            },
        }
        write = _WRITERS[format]
        name = type(self).__name__
        in_first_process(partial(write, dir_path, name, text, arrays, weights, overwrite=overwrite))

    def export_onnx(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write the network as an ONNX file, to run without Python, in a browser for one.

        The file's graph takes `genes`, float32 `(n_obs, n_genes)`, on the scale that the model
        reads (log1p of counts at the median depth of the training cells by default) and gives
        `logits`, float32 `(n_obs, n_labels)`. `softmax(logits / temperature)` are the
        probabilities. Metadata of the file, all text, tell the rest:

        * `labels`, `genes` and `fill`: JSON lists: names of the outputs, of the inputs, and what
          stands for a gene that was not measured;
        * `target_sum`: counts per cell to normalise to, over all genes of the reference that were
          measured, before `log1p`; empty where counts are taken as they are;
        * `temperature`, `input` (the above in words), `class`, `cellclass`, `trained`.

        Needs `pip install 'cellclass[onnx]'`. Before the file gets its name, ONNX Runtime answers
        simulated cells with it, and a file that differs from torch is refused.

        Parameters
        ----------
        path
            The file to make, `.onnx` by custom.
        overwrite
            Whether an existing file is replaced.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        FileExistsError
            The file exists and `overwrite` is false.
        RuntimeError
            The written file does not answer as the model does.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> path = Path(mkdtemp()) / "model.onnx"
        >>> model.export_onnx(path)
        >>> path.exists()
        True
        """
        if not self.is_trained:
            raise NotTrainedError(
                "The model is not trained. Call model.train() before export_onnx."
            )
        about = {
            "class": type(self).__name__,
            "trained": str(self._card.get("trained", "")),
            "temperature": repr(float(self._trust.temperature)),
        }
        write_onnx(path, self.module, self._contract, about, overwrite=overwrite)

    @classmethod
    def load(
        cls,
        dir_path: str | PathLike[str],
        adata: AnnData | MuData | None = None,
        *,
        device: str = "auto",
        format: Format = "cellclass",  # noqa: A002 - the word for it
    ) -> Self:
        """Read a model that `save` wrote; nothing in the files is executed.

        Parameters
        ----------
        dir_path
            The folder.
        adata
            Reference to attach, registered as at training; not needed to predict.
        device
            `auto` for a GPU if there is one, else what torch calls it.
        format
            `scvi` reads the `model.pt` of `save(…, format="scvi")`. **That is a pickle, and reading
            a pickle can execute code that somebody put into it.** torch's restricted reader is
            used, which takes tensors and text only, but ask for this only where you trust who
            wrote the file. The default never opens a pickle.

        Raises
        ------
        ModelFileError
            A file is missing, altered or truncated, or holds a model of another class.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> folder = f"{mkdtemp()}/model"
        >>> model.save(folder)
        >>> loaded = cc.model.CellClassifierMLP.load(folder)
        >>> bool((loaded.predict(ref) == model.predict(ref)).all())
        True
        """
        _check_format(format)
        files = _READERS[format](dir_path, cls.__name__)
        model = cls(None, registry=files.text["registry"], **files.text["init_params"])
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model._restore(files, device)
        if adata is not None:
            _set_up_again(cls, adata, files.text["registry"], model._contract)
            model._adata = adata
            model._adata_manager = cls._get_most_recent_anndata_manager(adata, required=True)
            model._register_manager_for_instance(model._adata_manager)
        return model

    def _restore(self, files: ModelFiles, device: str) -> None:
        self._contract = InputContract.from_parts(files.text["contract"], files.part("contract"))
        self.module = self._make_networks(files.weights.get("genes_of_parts"))
        self.module.load_state_dict(files.weights)
        self.module.eval()
        self._describe()
        self.to_device(device)
        self._trust = Trust.from_parts(
            files.text["temperature"], files.part("novelty"), files.part("sets")
        )
        proteins = files.text.get("proteins")  # older files know of none
        if proteins is not None:
            self._proteins = ProteinPart.from_parts(proteins, files.part("proteins"))
        self._card = files.text["card"]
        self._label_colors = files.text[LABEL_COLORS]
        self.history_ = {
            name: pd.DataFrame(
                {name: column["value"]}, index=pd.Index(column["epoch"], name="epoch")
            )
            for name, column in files.text["history"].items()
        }
        self.is_trained_ = files.text.get("is_trained", True)  # older files know no other


def _set_up_again(
    cls: type[SavedModel],
    adata: AnnData | MuData,
    registry: dict[str, Any],
    contract: InputContract,
) -> None:
    """Register a reference as it was at training, if it may be that one."""
    setup = registry["setup_args"]
    several = "modalities" in setup
    if several != is_mudata(adata):
        raise TypeError(
            f"The model was set up with {'setup_mudata' if several else 'setup_anndata'}: attach "
            f"the {'MuData' if several else 'AnnData'} that it was trained on. Whatever has the "
            "genes goes to predict or annotate."
        )
    rna = rna_reference(adata, setup) if several else adata
    missing = contract.genes.difference(rna.var_names.astype(str))
    if len(missing):
        raise GeneError(
            f"The {'RNA' if several else 'AnnData'} to attach lacks {len(missing)} of the "
            f"reference's {len(contract.genes)} genes, such as {missing[0]!r}. Attach the "
            "reference itself; a query goes to predict or annotate."
        )
    set_up: Any = cls.setup_mudata if several else cls.setup_anndata
    set_up(adata, **setup)


def _check_format(name: str) -> None:
    if name not in _WRITERS:
        raise ValueError(f"format={name!r}; the formats are 'cellclass' and 'scvi'.")
