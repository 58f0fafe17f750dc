"""The verb `predict`: label a file into another one."""

from __future__ import annotations

import json
import time
import warnings
from typing import TYPE_CHECKING

import anndata as ad
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cellclass._keys import CONTRACT_REPORT
from cellclass.cli._saved_model import load_model
from cellclass.io._lazy_cells import open_group
from cellclass.tl import annotate

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def run_predict(
    query: Path,
    model_path: Path,
    out: Path,
    *,
    layer: str | None,
    reject_rate: float | None,
    key_added: str,
    force: bool,
    as_json: bool,
) -> None:
    """Load, label, and say what was found and done; on the error stream, what to look out for."""
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        model = load_model(model_path)
        annotate(
            query,
            model,
            out=out,
            layer=layer,
            reject_rate=reject_rate,
            key_added=key_added,
            overwrite=force,
        )
        notes = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    summary = _summary(out, key_added) | {
        "out": str(out),
        "seconds": round(time.perf_counter() - start, 2),
        "warnings": notes,
    }
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - what was asked for
        return
    console = Console()
    for note in notes:
        Console(stderr=True).print(f"[yellow]Note:[/yellow] {escape(note)}", highlight=False)
    table = Table("label", "cells", title=f"{sum(summary['labels'].values()):,} cells labelled")
    for label, n in summary["labels"].items():
        table.add_row(escape(label), f"{n:,}")
    console.print(table)
    report = summary["report"]
    if report:
        console.print(
            f"Expression: {escape(report['conversion'])}. Genes: {report['n_genes_matched']} of "
            f"{report['n_genes_expected']} found. Cells unlike the training cells: "
            f"{report['share_novel']:.0%}.",
            highlight=False,
        )
    console.print(f"Written to {escape(str(out))} in {summary['seconds']:.1f} s.", highlight=False)


def _summary(out: Path, key: str) -> dict[str, Any]:
    """Return how many cells have each label, and the contract's report where the file has it."""
    if out.suffix == ".csv":
        import pandas as pd

        labels = pd.read_csv(out, usecols=[key], dtype=str, keep_default_na=False)[key]
        return {"labels": labels.value_counts().to_dict(), "report": {}}
    with open_group(out) as group:
        labels = ad.io.read_elem(group["obs"][key])
        report = ad.io.read_elem(group["uns"][key][CONTRACT_REPORT])
    counts = labels.value_counts() if hasattr(labels, "value_counts") else {}
    kept = ("scale", "conversion", "n_genes_expected", "n_genes_matched", "share_novel")
    plain = {name: _plain(report[name]) for name in (*kept, "missing_importance")}
    found = {str(label): int(n) for label, n in counts.items() if n}
    return {"labels": dict(sorted(found.items(), key=lambda pair: -pair[1])), "report": plain}


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value.item() if hasattr(value, "item") else value
