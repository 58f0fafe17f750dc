"""Where a training writes its checkpoints, and what tells one training from others."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass.data import DenseCells, SparseCells
from cellclass.errors import ModelFileError
from cellclass.model._card import fingerprint
from cellclass.model._files import plain
from cellclass.train import OURS, KeepCheckpoint, SafeCheckpointIO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import nn

    from cellclass.data import DataModule
    from cellclass.model._base import CellClassifier
    from cellclass.train import Recipe

_PLAIN = (str, int, float, bool, type(None))
_LONGEST = 40


@dataclass(frozen=True)
class Checkpoints:
    """Where a training writes how far it has come.

    Attributes
    ----------
    folder
        The folder.
    training
        What is trained: `training` or `pre-training`. The file is called after it.
    about
        What must be the same for one to go on from the other, by the words of a message.
    every
        How many epochs lie between two checkpoints.
    """

    folder: Path
    training: str
    about: dict[str, Any] = field(default_factory=dict)
    every: int = 1

    @property
    def file(self) -> Path:
        """The one file, which is replaced each time."""
        return self.folder / f"{self.training}.safetensors"

    def callback(self) -> KeepCheckpoint:
        """Return what writes them; it has to be the last callback."""
        return KeepCheckpoint(self.file, _as_kept(self.about), every=self.every)

    def find(self) -> Path | None:
        """Return the file to go on from, if there is one.

        Raises
        ------
        ModelFileError
            It was damaged.
        ValueError
            It is of another training.
        """
        if not self.file.exists():
            return None
        known, here = self._read()["about"], _as_kept(self.about)
        missing = object()
        differ = [
            _difference(name, known.get(name, missing), here.get(name, missing))
            for name in {**known, **here}
            if known.get(name, missing) != here.get(name, missing)
        ]
        if differ:
            raise ValueError(
                f"{self.file} is the checkpoint of another {self.training}: {'; '.join(differ)}. "
                "Give another checkpoint_dir, or delete the file to begin anew."
            )
        return self.file

    def check_free(self) -> None:
        """Refuse to replace a checkpoint that a training left which did not end."""
        if not self.file.exists():
            return
        kept = self._read()
        if not kept["is_over"]:
            raise FileExistsError(
                f"{self.file} holds a {self.training} that was interrupted in epoch "
                f"{kept['epoch'] + 1}. Go on with resume=True, or delete the file to begin anew."
            )

    def _read(self) -> dict[str, Any]:
        advice = "Give another checkpoint_dir, or delete the file to begin anew."
        try:
            return SafeCheckpointIO().load_checkpoint(self.file)[OURS]
        except ModelFileError as error:
            raise ModelFileError(f"{error} {advice}") from error
        except KeyError as error:
            raise ModelFileError(f"{self.file} is no checkpoint of cellclass. {advice}") from error


def what_is_trained(
    model: CellClassifier, datamodule: DataModule, recipe: Recipe
) -> dict[str, Any]:
    """Return what tells the training of a classifier from others, by the words of a message."""
    reference: Any = model._reference  # noqa: SLF001 - of this package
    cells = reference.inputs
    if isinstance(cells, DenseCells):
        expression: list[Any] = [cells.X]
    elif isinstance(cells, SparseCells):
        expression = [cells.X.data, cells.X.indices, cells.X.indptr]
    else:  # too much to be read once more
        expression = [fingerprint(model._adata)]  # noqa: SLF001
    split = [reference.codes, reference.cells, reference.held_out_by]
    return {
        "the class": type(model).__name__,
        **model.init_params_["non_kwargs"],
        "the labels": digest_of(model.labels),
        "the genes": digest_of(model.contract.model_genes),
        "the cells": digest_of([*expression, *split]),
        "the number of cells to train on": datamodule.n_train,
        "the number of cells to look at": datamodule.n_val,
        **asdict(recipe),
    }


def digest_of(parts: Iterable[object]) -> dict[str, str]:
    """Return what tells arrays and words from others."""
    digest = hashlib.sha256()
    for part in parts:
        array = part if isinstance(part, np.ndarray) else np.frombuffer(f"{part}".encode(), "u1")
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return {"sha256": digest.hexdigest()}


def digest_of_weights(module: nn.Module) -> dict[str, str]:
    """Return what tells the state of a network from others."""
    state = module.state_dict()
    return digest_of([*state, *(tensor.detach().cpu().numpy() for tensor in state.values())])


def _as_kept(about: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint gives back: plain values of JSON."""
    return {name: plain(value) for name, value in about.items()}


def _difference(name: str, there: Any, here: Any) -> str:  # noqa: ANN401
    if all(isinstance(one, _PLAIN) and len(repr(one)) < _LONGEST for one in (there, here)):
        return f"{name} is {there!r} there and {here!r} here"
    return f"{name} {'differ' if name.startswith('the ') else 'differs'}"
