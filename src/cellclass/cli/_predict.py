"""The verb `predict`: label a file into another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
from rich.markup import escape
from rich.table import Table

from cellclass._keys import CONTRACT_REPORT, confidence_key
from cellclass.cli._files import MUDATA, TABLE, check_cells, check_folder
from cellclass.cli._gene_aliases import read_gene_aliases
from cellclass.cli._saved_model import load_model
from cellclass.cli._session import Answer
from cellclass.io._lazy_cells import open_group
from cellclass.tl import annotate

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cellclass.cli._session import Session

_TOLD = (
    "scale",
    "conversion",
    "n_genes_expected",
    "n_genes_matched",
    "share_novel",
    "missing_importance",
    "expected_accuracy",
    "n_cells_rna_and_proteins",
    "n_cells_rna_only",
    "n_cells_proteins_only",
    "n_cells_neither",
)


def run_predict(
    talk: Session,
    query: Path,
    model_path: Path,
    out: Path,
    *,
    device: str,
    layer: str | None,
    gene_aliases: str | None,
    reject_rate: float | None,
    key_added: str,
    force: bool,
) -> Answer:
    """Load, label, and say what was found and done."""
    if query.suffix != MUDATA:
        check_cells(query)
    if out.parent.is_dir():
        check_folder(out.parent)
    with talk.step("Loading the model"):
        model = load_model(model_path, device=device)
        aliases = read_gene_aliases(gene_aliases)
    with talk.step(f"Labelling {query.name}"):
        annotate(
            query,
            model,
            out=out,
            layer=layer,
            gene_aliases=aliases,
            reject_rate=reject_rate,
            key_added=key_added,
            overwrite=force,
        )
    summary = {"query": str(query), "model": str(model_path), "out": str(out)}
    summary |= _summary(out, key_added)
    return Answer(summary, _shown(summary))


def _shown(summary: dict[str, Any]) -> list[Any]:
    n_obs = sum(summary["labels"].values())
    table = Table("label", title=f"{n_obs:,} cells labelled")
    table.add_column("cells", justify="right")
    table.add_column("mean confidence", justify="right")
    for label, n in summary["labels"].items():
        table.add_row(escape(label), f"{n:,}", f"{summary['confidence'][label]:.3f}")
    shown: list[Any] = [table]
    report = summary["report"]
    if report:
        shown.append(
            f"Expression: {escape(report['conversion'])}. Genes: {report['n_genes_matched']:,} of "
            f"{report['n_genes_expected']:,} found. Cells unlike the training cells: "
            f"{report['share_novel']:.0%}."
        )
        if np.isfinite(report["expected_accuracy"]):
            shown.append(
                "Accuracy to expect, of cell types that the reference has: "
                f"{report['expected_accuracy']:.0%}."
            )
    return shown


def _summary(out: Path, key: str) -> dict[str, Any]:
    """Return how many cells have each label, how surely, and the contract's report if written."""
    sure, report = confidence_key(key), {}
    if out.suffix == TABLE:
        kinds = {key: str, sure: float}
        frame = pd.read_csv(out, usecols=[key, sure], dtype=kinds, keep_default_na=False)
    else:
        with open_group(out) as group:
            columns = {name: ad.io.read_elem(group["obs"][name]) for name in (key, sure)}
            found = ad.io.read_elem(group["uns"][key][CONTRACT_REPORT])
        frame = pd.DataFrame(columns).astype({key: str})
        report = {name: found[name] for name in _TOLD if name in found}
    by_label = frame.groupby(key)[sure].agg(["size", "mean"]).sort_values("size", ascending=False)
    return {
        "labels": by_label["size"].to_dict(),
        "confidence": by_label["mean"].astype(float).to_dict(),
        "report": report,
    }
