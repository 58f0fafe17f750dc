"""The verb `info` for a file of cells: what there is to give to the other verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from cellclass._checks import x_of
from cellclass.cli._session import Answer
from cellclass.cli._tables import SHOWN, some, two_columns
from cellclass.contract import identify_scale
from cellclass.errors import ValuesError

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

_MOST_LEVELS = 100  # of a column, from which on it is hardly one of labels


def info_of_cells(path: Path, adata: AnnData) -> Answer:
    """Tell the columns of the cells, and the scale of each matrix."""
    X = x_of(adata)
    matrices = {} if X is None else {"X": X}
    matrices |= {f"layer {name!r}": matrix for name, matrix in adata.layers.items() if name}
    scales = {where: _scale(matrix, adata) for where, matrix in matrices.items()}
    columns = {str(name): _column(adata.obs[name]) for name in adata.obs.columns}
    summary = {
        "file": str(path),
        "n_obs": adata.n_obs,
        "n_vars": adata.n_vars,
        "scales": scales,
        "obs": columns,
        "genes": adata.var_names[:SHOWN].astype(str).tolist(),
        "var": [str(name) for name in adata.var.columns],
    }
    rows = {"cells × genes": f"{adata.n_obs:,} × {adata.n_vars:,}"}
    rows |= {where: scale["text"] for where, scale in scales.items()}
    rows["genes"] = some(adata.var_names.astype(str))
    rows["columns of var"] = some(summary["var"]) or "none"
    table = Table("column of obs", "values", title="Columns")
    for name, column in columns.items():
        table.add_row(escape(name), escape(column["text"]))
    shown = [two_columns(str(path), rows)]
    if columns:
        shown.append(table)
    return Answer(summary, shown)


def _scale(matrix: Any, adata: AnnData) -> dict[str, Any]:  # noqa: ANN401 - any array kind
    """Tell the scale of a matrix, or why it has none."""
    try:
        scale = identify_scale(matrix, var_names=adata.var_names)
    except (ValuesError, TypeError) as error:
        return {"name": None, "text": f"not usable: {error}", "usable": False}
    usable = scale.is_convertible
    text = str(scale) if usable else f"{scale}; not usable: it cannot be undone"
    return {"name": scale.name, "text": text, "usable": usable}


def _column(values: pd.Series) -> dict[str, Any]:
    """Tell the kind of a column, and its values where there are few."""
    n_missing = int(values.isna().sum())
    missing = f"; {n_missing:,} missing" if n_missing else ""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        found = values.dropna()
        text = f"numbers from {found.min():g} to {found.max():g}" if len(found) else "numbers"
        return {"kind": "numbers", "n_missing": n_missing, "text": text + missing}
    counts = values.value_counts()
    counts = counts[counts > 0]
    told: dict[str, Any] = {"kind": "labels", "n_missing": n_missing, "n_levels": len(counts)}
    if len(counts) <= _MOST_LEVELS:
        told["levels"] = {str(level): int(n) for level, n in counts.items()}
    shown = [f"{level} ({n:,})" for level, n in counts.head(SHOWN).items()]
    more = ", …" if len(counts) > SHOWN else ""
    return told | {"text": f"{len(counts):,}: {', '.join(shown)}{more}{missing}"}
