"""Minibatches of a datamodule that somebody else made, brought to what a training takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import numpy as np
import torch

from cellclass.data._epoch import EpochAtOnce

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NEEDED = ("n_train", "n_val", "n_vars")


class _Minibatches:
    """Minibatches as float32 and int64 tensors on the training device, which may be changed."""

    def __init__(self, loader: Iterable[dict[str, Any]], n_vars: int, device: torch.device) -> None:
        self.loader, self.n_vars, self.device = loader, n_vars, device

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        for batch in self.loader:
            missing = [name for name in ("X", "labels") if name not in batch]
            if missing:
                raise KeyError(
                    f"The datamodule's minibatches have {', '.join(map(str, batch))} and no "
                    f"{missing[0]!r}. They need 'X', float32 (B, G), and 'labels', int64 (B, 1)."
                )
            given = torch.as_tensor(batch["X"])
            x = given.to(self.device)
            if x.layout != torch.strided:
                x = x.to_dense()
            x = x.float()
            labels = torch.as_tensor(batch["labels"]).to(self.device, torch.int64).view(-1, 1)
            if x.shape != (len(labels), self.n_vars):
                raise ValueError(
                    f"A minibatch of the datamodule has X {tuple(x.shape)} and "
                    f"{len(labels)} labels; (B, {self.n_vars}) and B are needed."
                )
            # Training takes genes away in place.
            yield {"X": x.clone() if x is given else x, "labels": labels}


class GivenDataModule(pl.LightningDataModule):
    """A user's datamodule, checked.

    Parameters
    ----------
    datamodule
        Any LightningDataModule with `n_train`, `n_val` and `n_vars`, whose minibatches are
        `{"X": (B, G), "labels": (B, 1)}`, X dense or sparse.
    var_names
        The genes that a model reads, in its order.

    Raises
    ------
    TypeError
        An attribute is missing.
    ValueError
        Its genes are not those of the model.
    """

    def __init__(self, datamodule: Any, var_names: Iterable[str]) -> None:  # noqa: ANN401
        super().__init__()
        missing = [name for name in _NEEDED if not hasattr(datamodule, name)]
        if missing or not hasattr(datamodule, "train_dataloader"):
            raise TypeError(
                f"datamodule is a {type(datamodule).__name__} without "
                f"{', '.join(missing) or 'train_dataloader'}. A LightningDataModule with "
                f"{', '.join(_NEEDED)} is needed."
            )
        names = list(var_names)
        own = getattr(datamodule, "var_names", None)
        if datamodule.n_vars != len(names) or (own is not None and list(map(str, own)) != names):
            raise ValueError(
                f"The datamodule yields {datamodule.n_vars} genes, and they are not the "
                f"{len(names)} that the model reads, in its order: those are "
                "model.contract.model_genes, and model.contract.bind(adata).read(rows) gives them "
                "on the model's scale."
            )
        self.datamodule = datamodule
        self.balanced = self.epoch_at_once = False
        self.n_train, self.n_val = int(datamodule.n_train), int(datamodule.n_val)
        self.n_vars = int(datamodule.n_vars)
        self.train_idx = self.val_idx = self.test_idx = None

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint is to hold: what the datamodule says."""
        own: dict[str, Any] = getattr(self.datamodule, "state_dict", dict)()
        return {"given": own} if own else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the datamodule go on as in the training whose checkpoint this is."""
        self.datamodule.load_state_dict(state_dict["given"])

    @property
    def train_codes(self) -> np.ndarray:
        """Label codes of the training cells, int64 `(n_train,)`."""
        codes = getattr(self.datamodule, "train_codes", None)
        if codes is None:
            raise TypeError(
                "Weights of labels follow from how many training cells each has, which the "
                "datamodule does not tell. Give it train_codes, or leave class_weights out."
            )
        return np.asarray(codes)

    def prepare_data(self) -> None:
        """Let the datamodule prepare its data."""
        self.datamodule.prepare_data()

    def setup(self, stage: str) -> None:
        """Let the datamodule know of the training."""
        self.datamodule.trainer = self.trainer
        self.datamodule.setup(stage)

    def teardown(self, stage: str) -> None:
        """Let the datamodule know that it is over."""
        self.datamodule.teardown(stage)

    def train_dataloader(self) -> _Minibatches | EpochAtOnce[_Minibatches]:
        """Return its training cells."""
        minibatches = self._minibatches(self.datamodule.train_dataloader())
        return EpochAtOnce(minibatches) if self.epoch_at_once else minibatches

    def val_dataloader(self) -> _Minibatches | list:
        """Return its validation cells."""
        return [] if self.n_val == 0 else self._minibatches(self.datamodule.val_dataloader())

    def _minibatches(self, loader: Iterable[dict[str, Any]]) -> _Minibatches:
        trainer = self.trainer
        device = torch.device("cpu") if trainer is None else trainer.strategy.root_device
        return _Minibatches(loader, self.n_vars, device)
