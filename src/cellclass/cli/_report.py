"""The verb `report`: a file of labelled cells becomes a page."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING

import anndata as ad
from rich.console import Console
from rich.markup import escape

from cellclass._report import make_report
from cellclass.cli._saved_model import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from cellclass._report import Finding

_COLORS = {"problem": "red", "caution": "yellow", "repaired": "blue", "unknown": "dim"}


def run_report(
    query: Path,
    model_path: Path | None,
    out: Path,
    *,
    labels_key: str | None,
    layer: str | None,
    key: str,
    title: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the page, and say what stands first in it."""
    start = time.perf_counter()
    if out.exists() and not force:
        raise FileExistsError(f"{str(out)!r} exists already. Pass --force to replace it.")
    console = Console(stderr=True)
    with console.status("Making the report …"):
        # What is not in memory stays in the file: the expression is read for a few cells only.
        adata = ad.read_h5ad(query, backed="r") if query.suffix == ".h5ad" else ad.read_zarr(query)
        try:
            if model_path is None and key not in adata.obs.columns:
                raise ValueError(
                    f"{query} has no labels under {key!r}. Pass --model FOLDER to label it for the "
                    "report, or label it first: cellclass predict."
                )
            findings = make_report(
                adata,
                None if model_path is None else load_model(model_path),
                out,
                labels_key=labels_key,
                layer=layer,
                gene_aliases=None,
                key=key,
                title=title or query.name,
                overwrite=force,
            )
        finally:
            if adata.isbacked:
                adata.file.close()
    seconds = round(time.perf_counter() - start, 2)
    if as_json:
        found = [finding._asdict() for finding in findings]
        print(json.dumps({"out": str(out), "findings": found, "seconds": seconds}))  # noqa: T201
        return
    _say(findings, out, seconds)


def _say(findings: list[Finding], out: Path, seconds: float) -> None:
    console = Console()
    for finding in findings:
        color = _COLORS[finding.level]
        console.print(
            f"[{color}]{finding.level}[/{color}] {escape(finding.title)}", highlight=False
        )
    counts = Counter(finding.level for finding in findings)
    bad = counts["problem"] + counts["caution"]
    console.print(
        f"Written to {escape(str(out))} in {seconds:.1f} s, with {bad or 'no'} "
        f"{'thing' if bad == 1 else 'things'} to look at.",
        highlight=False,
    )
