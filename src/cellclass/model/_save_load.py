"""Saving and loading, the same for every classifier."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from scvi.model.base import BaseModelClass

from cellclass.contract import InputContract
from cellclass.errors import GeneError, NotTrainedError
from cellclass.model._files import ModelFiles, read_model, write_model
from cellclass.model._trust import Trust

if TYPE_CHECKING:
    from os import PathLike
    from typing import Self

    from anndata import AnnData
    from scvi.module.base import BaseModuleClass


class SavedModel(BaseModelClass):
    """A model of scvi-tools whose files are JSON and safetensors instead of a pickle."""

    _card: dict[str, Any]
    _contract: InputContract
    _label_colors: dict[str, str]
    _trust: Trust

    @abstractmethod
    def _make_module(self, n_genes: int, n_labels: int) -> BaseModuleClass:
        """Build the network, from G genes to L labels."""

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
        if not self.is_trained:
            raise NotTrainedError("The model is not trained. Call model.train() before save.")
        arrays = {f"contract.{k}": v for k, v in self._contract.to_arrays().items()}
        arrays |= self._trust.to_arrays()
        weights = {f"module.{k}": v for k, v in self.module.state_dict().items()}
        text = {
            "init_params": self.init_params_["non_kwargs"],
            "registry": self.registry,
            "contract": self._contract.to_dict(),
            "temperature": self._trust.temperature,
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
            missing = model._contract.genes.difference(adata.var_names.astype(str))
            if len(missing):
                raise GeneError(
                    f"The AnnData to attach lacks {len(missing)} of the reference's "
                    f"{len(model._contract.genes)} genes, such as {missing[0]!r}. Attach the "
                    "reference itself; a query goes to predict or annotate."
                )
            cls.setup_anndata(adata, **files.text["registry"]["setup_args"])
            model._adata = adata
            model._adata_manager = cls._get_most_recent_anndata_manager(adata, required=True)
            model._register_manager_for_instance(model._adata_manager)
        return model

    def _restore(self, files: ModelFiles, device: str) -> None:
        self._contract = InputContract.from_parts(files.text["contract"], files.part("contract"))
        self.module = self._make_module(self._contract.n_genes, len(self._contract.labels))
        self.module.load_state_dict(files.weights)
        self.module.eval()
        self.to_device(device)
        self._trust = Trust.from_parts(
            files.text["temperature"], files.part("novelty"), files.part("sets")
        )
        self._card = files.text["card"]
        self._label_colors = files.text["label_colors"]
        self.history_ = {
            name: pd.DataFrame(
                {name: column["value"]}, index=pd.Index(column["epoch"], name="epoch")
            )
            for name, column in files.text["history"].items()
        }
        self.is_trained_ = True
