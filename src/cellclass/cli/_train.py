"""The verb `train`: from a labelled file to the folder of a model."""

from __future__ import annotations

import io
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback
from rich.markup import escape
from rich.table import Table

from cellclass._keys import BASELINE
from cellclass.cli._files import check_folder, read_cells
from cellclass.cli._gene_aliases import read_gene_aliases
from cellclass.cli._session import Answer
from cellclass.model import CellClassifierCNN, CellClassifierMLP, CellPerformer
from cellclass.model._files import check_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anndata import AnnData

    from cellclass.cli._session import Session

CLASSES: dict[str, Any] = {
    "mlp": CellClassifierMLP,
    "cnn": CellClassifierCNN,
    "performer": CellPerformer,
}
#: What `from_pretrained` takes by name; all else is a setting that may differ.
_SHARED = ("n_top_genes", "validation_size", "seed")


def run_train(
    talk: Session,
    reference: Path,
    kind: str,
    out: Path,
    asked: dict[str, dict[str, Any]],
    *,
    backed: bool,
    force: bool,
) -> Answer:
    """Read, set up, train and save, each as the Python API does it with the same arguments."""
    _check_model(out, overwrite=force)
    with talk.step(f"Reading {reference.name}"):
        adata = read_cells(reference, backed=backed)
    with talk.step("Looking at the expression and ranking genes"):
        model = _make(kind, adata, asked)
    with _stopped_is_stopped():
        if set(asked.get("verb", {})) & {"pretrain", "pretrain_cells"}:
            _pretrain(talk, model, asked)
        settings = dict(asked.get("train", {}))
        if "recipe" in asked:
            settings["plan_kwargs"] = asked["recipe"]
        with talk.step("Training", lambda: _how_far(model)):
            model.train(enable_progress_bar=False, **settings)
    with talk.step("Saving"):
        model.save(out, overwrite=force)
    return _answer(model, reference, out, adata)


def _make(kind: str, adata: AnnData, asked: dict[str, dict[str, Any]]) -> Any:  # noqa: ANN401
    CLASSES[kind].setup_anndata(adata, **asked["setup"])
    init = asked.get("init", {})
    if "from_pretrained" not in asked:
        return CLASSES[kind](adata, **init)
    begun = dict(asked["from_pretrained"])
    begun["gene_aliases"] = read_gene_aliases(begun.get("gene_aliases"))
    return CellPerformer.from_pretrained(begun.pop("pretrained"), adata, **begun, **init)


def _pretrain(talk: Session, model: CellPerformer, asked: dict[str, dict[str, Any]]) -> None:
    cells = asked["verb"].get("pretrain_cells")
    others = None
    if cells is not None:
        with talk.step(f"Reading {cells.name}"):
            others = read_cells(cells)
    settings = {
        name: value
        for name, value in asked.get("train", {}).items()
        if name in ("accelerator", "precision", "checkpoint_dir")
    }
    watch = _Watch()
    with talk.step("Pre-training", watch.how_far):
        model.pretrain(
            others,
            enable_progress_bar=False,
            callbacks=[watch],
            **settings | asked.get("pretrain", {}),
        )


class _Watch(Callback):
    """Knows the trainer of a pre-training."""

    trainer: Any = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        self.trainer = trainer

    def how_far(self) -> tuple[float, float] | None:
        return _how_far(self)


def _how_far(model: Any) -> tuple[float, float] | None:  # noqa: ANN401 - whatever has a trainer
    """Tell the epoch of how many; `None` while there is no trainer yet."""
    trainer = getattr(model, "trainer", None)
    if trainer is None or not trainer.max_epochs:
        return None
    return trainer.current_epoch, trainer.max_epochs


@contextmanager
def _stopped_is_stopped() -> Iterator[None]:
    """Let Ctrl-C be Ctrl-C, and what Lightning says of a device an error about input.

    Lightning ends the process on Ctrl-C, and scvi-tools prints what it was that ended.
    """
    try:
        with redirect_stdout(io.StringIO()):
            yield
    except SystemExit as end:
        raise KeyboardInterrupt from end
    except MisconfigurationException as error:
        raise ValueError(
            f"{error} The devices are told by: cellclass info. Or give --accelerator cpu."
        ) from error


def _check_model(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be made, before any work is done."""
    try:
        check_target(out, overwrite=overwrite)
    except FileExistsError as error:
        if overwrite:
            raise
        raise FileExistsError(
            f"{str(out)!r} exists already. Pass overwrite=True to replace it."
        ) from error
    above = out.absolute().parent
    while not above.exists():  # folders above it are made
        above = above.parent
    check_folder(above)


def _answer(model: Any, reference: Path, out: Path, adata: AnnData) -> Answer:  # noqa: ANN401
    card = model.card
    scores = card["validation"]
    summary = {
        "reference": str(reference),
        "out": str(out),
        "class": card["class"],
        "n_obs": adata.n_obs,
        "n_training_cells": card["n_training_cells"],
        "n_validation_cells": card["n_validation_cells"],
        "n_networks": card["n_networks"],
        "n_genes": card["n_genes"],
        "labels": card["labels"],
        "scale": card["reference_scale"],
        "epochs": max((len(frame) for frame in (model.history or {}).values()), default=0),
        "temperature": card["temperature"],
        "validation": scores,
        "baseline": card.get(BASELINE),
        "pretraining": card.get("pretraining"),
    }
    table = Table("", "", show_header=False, title=escape(card["class"]))
    rows = {
        "labels": f"{len(card['labels'])}",
        "genes": f"{card['n_genes']:,} of {adata.n_vars:,}",
        "expression": escape(f"{card['reference_scale']}"),
        "training cells": f"{card['n_training_cells']:,}",
        "validation cells": f"{card['n_validation_cells']:,}"
        + (
            f" (each left out by one of {card['n_networks']} networks)"
            if card["n_networks"] > 1
            else ""
        ),
    }
    if card["n_validation_cells"]:
        rows |= {
            "accuracy on these": f"{scores['accuracy']:.3f}",
            "macro-F1 on these": f"{scores['macro_f1']:.3f}",
        }
    for name, value in rows.items():
        table.add_row(name, value)
    shown: list[Any] = [table]
    if BASELINE in card:
        shown.append(escape(card[BASELINE]["summary"]))
    return Answer(summary, shown)
