"""The verb `report`: a file of labelled cells becomes a page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anndata as ad
from rich.markup import escape

from cellclass._disk import reading
from cellclass._report import make_report
from cellclass.cli._files import check_cells, check_out, read_cells
from cellclass.cli._saved_model import load_model
from cellclass.cli._session import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from cellclass._report import Finding
    from cellclass.cli._session import Session

ENDINGS = (".html", ".htm")
_COLORS = {"problem": "red", "caution": "yellow", "repaired": "blue", "unknown": "dim"}


def run_report(
    talk: Session,
    cells: Path,
    model: Path | None,
    out: Path,
    *,
    labels_key: str | None,
    layer: str | None,
    key: str,
    title: str | None,
    force: bool,
) -> Answer:
    """Write the page, and say what stands first in it."""
    check_out(out, ENDINGS, overwrite=force)
    check_cells(cells)
    with talk.step("Making the report"):
        # What is not in memory stays in the file: the expression is read for a few cells only.
        with reading(cells):
            by_row = cells.suffix == ".h5ad"
            adata = ad.read_h5ad(cells, backed="r") if by_row else read_cells(cells)
        try:
            if model is None and key not in adata.obs.columns:
                raise ValueError(
                    f"{cells} has no labels under {key!r}. Pass --model FOLDER to label it for the "
                    "report, or label it first: cellclass predict."
                )
            findings = make_report(
                adata,
                None if model is None else load_model(model),
                out,
                labels_key=labels_key,
                layer=layer,
                gene_aliases=None,
                key=key,
                title=title or cells.name,
                overwrite=force,
            )
        finally:
            if adata.isbacked:
                adata.file.close()
    summary = {
        "file": cells,
        "model": model,
        "out": out,
        "findings": [finding._asdict() for finding in findings],
    }
    return Answer(summary, _shown(findings))


def _shown(findings: list[Finding]) -> list[str]:
    shown = [
        f"[{_COLORS[finding.level]}]{finding.level}[/] {escape(finding.title)}"
        for finding in findings
    ]
    counts = Counter(finding.level for finding in findings)
    bad = counts["problem"] + counts["caution"]
    shown.append(f"{bad or 'No'} {'thing' if bad == 1 else 'things'} to look at.")
    return shown
