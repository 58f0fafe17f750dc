"""The verb `evaluate`: a labelled file against known labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.markup import escape
from rich.table import Table

from cellclass._checks import listed, near
from cellclass._keys import (
    CONFUSION,
    CONFUSION_PREDICTED,
    CONFUSION_TRUTH,
    LABELS,
    RELIABILITY,
    UNASSIGNED,
    confidence_key,
    evaluation_key,
)
from cellclass.cli._files import TABLE, check_out, read_columns
from cellclass.cli._session import Answer
from cellclass.get import evaluation_df
from cellclass.io._add_columns import add_columns
from cellclass.io._whole_file import whole_file
from cellclass.tl import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from rich.console import RenderableType

    from cellclass.cli._session import Session

_OFTEN = 0.05  # share of a label, from which on what it was taken for is told
_BINS_TOGETHER = 3


def run_evaluate(
    talk: Session,
    cells: Path,
    *,
    labels_key: str,
    key: str,
    show: int,
    out: Path | None,
    force: bool,
) -> Answer:
    """Score, write, and say how good the labels are and which are worst."""
    with talk.step(f"Reading {cells.name}"):
        adata = read_columns(cells)
    if out is not None:
        check_out(out, (TABLE, cells.suffix), overwrite=force)
    _check_labelled(adata, cells, key)
    with talk.step("Scoring"):
        evaluate(adata, labels_key, key=key)
    labels = evaluation_df(adata, key=key).sort_values("f1")
    if out is not None:
        with talk.step(f"Writing {out.name}"), whole_file(out, overwrite=force) as folder:
            if out.suffix == TABLE:
                labels.to_csv(folder / out.name, index_label="label")
            else:
                name = evaluation_key(key)
                add_columns(cells, folder / out.name, uns={name: adata.uns[name]})
    return _answer(cells, out, adata, labels, key, show)


def _check_labelled(adata: AnnData, cells: Path, key: str) -> None:
    """Refuse a file that `predict` has not labelled, in the words of the command."""
    if {key, confidence_key(key)} <= set(adata.obs.columns):
        return
    others = [name for name in adata.obs.columns if confidence_key(name) in adata.obs.columns]
    if others:
        raise KeyError(
            f"key={key!r}: {str(cells)!r} holds no labels of cellclass under that name; they stand "
            f"under {near(key, others)}."
        )
    raise KeyError(
        f"{str(cells)!r} holds no labels of cellclass. Label the cells first: cellclass predict "
        f"{cells} --model MODEL --out labelled{cells.suffix}."
    )


def _answer(
    cells: Path, out: Path | None, adata: AnnData, labels: pd.DataFrame, key: str, show: int
) -> Answer:
    scores = evaluation_df(adata, key=key, table="scores").iloc[0].to_dict()
    scores |= {name: int(scores[name]) for name in ("n_obs", "n_unassigned")}
    found = adata.uns[evaluation_key(key)]
    confused = _confused(evaluation_df(adata, key=key, table="confusion"))
    unknown = [label for label in labels.index if label not in _known(adata, key)]
    summary = {
        "file": str(cells),
        "out": None if out is None else str(out),
        "scores": scores,
        "labels": labels.to_dict("index"),
        "unknown_labels": unknown,
        "confusion": {
            "truth": found[CONFUSION_TRUTH],
            "predicted": found[CONFUSION_PREDICTED],
            "n_cells": found[CONFUSION],
        },
        "reliability": evaluation_df(adata, key=key, table="reliability").to_dict("records"),
    }
    table = Table("", "", title=f"{scores['n_obs']:,} cells", show_header=False)
    for words, name in {
        "accuracy": "accuracy",
        "balanced accuracy": "balanced_accuracy",
        "macro-F1": "macro_f1",
        "mean confidence": "mean_confidence",
        "calibration error": "expected_calibration_error",
    }.items():
        table.add_row(words, f"{scores[name]:.3f}")
    table.add_row(UNASSIGNED, f"{scores['n_unassigned']:,} cells")
    given = set(adata.obs[key].astype(str))
    worst = Table("label", title=f"Labels, worst first{_of(show, len(labels))}")
    for column in ("cells", "precision", "recall", "F1"):
        worst.add_column(column, justify="right")
    worst.add_column("taken for")
    for label, row in labels.head(show).iterrows():
        numbers = [f"{row[name]:.3f}" for name in ("precision", "recall", "f1")]
        if str(label) not in given:  # no cell got it, so that there is nothing to be precise about
            numbers[0] = "–"
        worst.add_row(
            escape(str(label)),
            f"{int(row['support']):,}",
            *numbers,
            escape(confused.get(str(label), "")),
        )
    shown: list[RenderableType] = [table, _calibration(found[RELIABILITY]), worst]
    if unknown:
        known = (
            f"It knows {listed(map(repr, adata.uns[key][LABELS]), 12)}." if key in adata.uns else ""
        )
        words = "Labels that the model does not know, and so misses:"
        if len(unknown) == len(labels):
            words = "The model knows none of these labels. Is this the right column?"
        found = escape(f"{listed(map(repr, unknown), 12)}. {known}")
        place = 0 if len(unknown) == len(labels) else len(shown)
        shown.insert(place, f"[yellow]{words}[/yellow] {found}")
    return Answer(summary, shown)


def _known(adata: AnnData, key: str) -> set[str]:
    """Return the labels that the model can give, or where that is not known, has given."""
    if key in adata.uns and LABELS in adata.uns[key]:
        return set(map(str, adata.uns[key][LABELS]))
    return set(adata.obs[key].astype(str))


def _confused(confusion: pd.DataFrame) -> dict[str, str]:
    """Say what the cells of each label were taken for, where that is often."""
    found = {}
    for label, row in confusion.iterrows():
        others = row.drop(label, errors="ignore").sort_values(ascending=False)
        often = others[others >= max(1, _OFTEN * row.sum())].head(2)
        found[str(label)] = ", ".join(f"{name} ({n / row.sum():.0%})" for name, n in often.items())
    return found


def _calibration(curve: pd.DataFrame) -> Table:
    """Show the confidence beside the share of right labels, in five bins."""
    table = Table("confidence", title="Is the confidence to be believed?")
    for column in ("cells", "mean confidence", "accuracy"):
        table.add_column(column, justify="right")
    for _, part in curve.groupby(np.arange(len(curve)) // _BINS_TOGETHER):
        n_obs = part["n_obs"].sum()
        if n_obs == 0:
            continue
        bounds = f"{part['low'].min():.1f}-{part['high'].max():.1f}"
        means = [(part[name] * part["n_obs"]).sum() / n_obs for name in ("confidence", "accuracy")]
        table.add_row(bounds, f"{n_obs:,}", *(f"{mean:.3f}" for mean in means))
    return table


def _of(show: int, n: int) -> str:
    return f" ({show} of {n})" if n > show else ""
