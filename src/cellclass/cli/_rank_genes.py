"""The verb `rank-genes`: from a labelled file to a table of genes, or a copy with the ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from cellclass._keys import (
    JS_DIVERGENCE,
    JS_PVAL,
    JS_PVAL_ADJ,
    JS_RANK,
    JS_SELECTED,
    LABEL_WEIGHTS,
    NAMES,
    RANK_GENES_JS,
)
from cellclass.cli._files import TABLE, check_cells, check_out, open_cells
from cellclass.cli._session import Answer
from cellclass.errors import ValuesError
from cellclass.get import rank_genes_js_df
from cellclass.io._add_columns import add_columns
from cellclass.io._whole_file import whole_file
from cellclass.pp import rank_genes_js

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from cellclass.cli._session import Session

_COLUMNS = (JS_DIVERGENCE, JS_RANK, JS_SELECTED, JS_PVAL, JS_PVAL_ADJ)
_OF_A_LABEL = 5  # genes that are shown of each

_LEAST = 1e-300  # from which on a p-value is hardly a number


def run_rank_genes(
    talk: Session,
    cells: Path,
    asked: dict[str, Any],
    *,
    out: Path | None,
    per_label: bool,
    show: int,
    force: bool,
) -> Answer:
    """Rank, write, and say which genes are best."""
    check_cells(cells)
    if out is not None:
        check_out(out, (TABLE, cells.suffix), overwrite=force)
    key = asked.get("key_added", RANK_GENES_JS)
    with open_cells(cells) as adata:
        with talk.step("Ranking genes"):
            _rank(adata, cells, asked)
        if out is not None:
            with talk.step(f"Writing {out.name}"), whole_file(out, overwrite=force) as folder:
                _write(folder / out.name, cells, adata, key, per_label=per_label)
        return _answer(cells, out, adata, key, show)


def _rank(adata: AnnData, cells: Path, asked: dict[str, Any]) -> None:
    try:
        rank_genes_js(adata, **asked)
    except ValuesError as error:  # the matrix is in the file, so that others were not looked at
        error.add_note(f"Which scale each matrix is on is told by: cellclass info {cells}")
        raise


def _write(made: Path, cells: Path, adata: AnnData, key: str, *, per_label: bool) -> None:
    if made.suffix == TABLE:
        frame = rank_genes_js_df(adata, key=key)
        if per_label:
            parts = {
                label: rank_genes_js_df(adata, label=label, key=key)
                for label in _labels(adata, key)
            }
            frame = pd.concat(parts, names=["label"]).reset_index("label")
        frame.to_csv(made, index=False)
        return
    columns = {name: adata.var[name].to_numpy() for name in _COLUMNS}
    add_columns(cells, made, var=columns, uns={key: adata.uns[key]})


def _labels(adata: AnnData, key: str) -> list[str]:
    return [str(label) for label in adata.uns[key][LABEL_WEIGHTS].index]


def _answer(cells: Path, out: Path | None, adata: AnnData, key: str, show: int) -> Answer:
    ranking = rank_genes_js_df(adata, key=key)
    best = ranking.head(show)
    labels = {
        label: rank_genes_js_df(adata, label=label, n_genes=_OF_A_LABEL, key=key)[NAMES].tolist()
        for label in _labels(adata, key)
    }
    weights = adata.uns[key][LABEL_WEIGHTS]["n_cells"]
    summary = {
        "file": str(cells),
        "out": None if out is None else str(out),
        "n_obs": int(weights.sum()),
        "n_vars": adata.n_vars,
        "n_selected": int(ranking[JS_SELECTED].sum()),
        "best": best.to_dict("records"),
        "labels": labels,
    }
    title = f"Best of {adata.n_vars:,} genes, on {int(weights.sum()):,} cells"
    table = Table("rank", "gene", title=title)
    table.add_column("JS divergence (nats)", justify="right")
    table.add_column("adjusted p-value", justify="right")
    for _, gene in best.iterrows():
        table.add_row(
            str(gene[JS_RANK] + 1),
            escape(str(gene[NAMES])),
            f"{gene[JS_DIVERGENCE]:.3f}",
            f"{gene[JS_PVAL_ADJ]:.1e}" if gene[JS_PVAL_ADJ] > _LEAST else f"< {_LEAST:.0e}",
        )
    each = Table("label", title="Best of each label")
    each.add_column("cells", justify="right")
    each.add_column("genes")
    for label, genes in labels.items():
        each.add_row(escape(label), f"{int(weights[label]):,}", escape(", ".join(genes)))
    return Answer(summary, [table, each])
