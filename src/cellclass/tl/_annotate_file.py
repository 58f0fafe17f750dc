"""Label the cells of a file that need not fit into memory."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass._checks import check_key_added
from cellclass._keys import (
    confidence_key,
    novelty_key,
    probability_columns,
    probability_key,
)
from cellclass._progress import Bar
from cellclass.io._add_columns import add_columns
from cellclass.io._lazy_cells import cell_names, cell_path, lazy_cells, taken_names
from cellclass.io._whole_file import check_free, whole_file
from cellclass.model._scores import judged_report, unassigned
from cellclass.tl._annotation import label_column
from cellclass.tl._answer_parts import PART_CELLS, AnswerParts, only_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from os import PathLike

    import pandas as pd

    from cellclass.contract import BoundInput, GeneAliases
    from cellclass.model import CellClassifierMLP
    from cellclass.model._scores import ScoredPart

_TABLE = ".csv"


def annotate_file(
    query: str | PathLike[str],
    model: CellClassifierMLP,
    out: str | PathLike[str],
    *,
    reject_rate: float | None,
    layer: str | None,
    gene_aliases: GeneAliases | None,
    key_added: str,
    overwrite: bool,
    progress: bool | None,
    entries: Callable[[Mapping[str, Any], Iterable[str]], dict[str, Any]],
) -> None:
    """Read, label and forget some cells after the other, then write the file in one step.

    What was found is kept beside `out` until then, so that a second call goes on where a first one
    was stopped. Takes what `annotate` does; `entries` makes those of `uns` from the
    report and the labels that occur.
    """
    source, to = cell_path(query, "adata"), out_path(out, query)
    check_free(to, overwrite=overwrite)
    if to.exists() and to.samefile(source):
        raise ValueError(f"out={str(out)!r} is the query itself. Give another name.")
    check_key_added(taken_names(source, key_added), key_added)  # type: ignore[arg-type]
    with only_process(to) as folder:
        with lazy_cells(source) as adata:
            bound = model._bind(adata, layer, gene_aliases)  # noqa: SLF001
            trust = model._trust_for(bound)  # noqa: SLF001
            # Refused now, and not when everything has been labelled.
            unassigned(np.empty(0), np.zeros(0, bool), reject_rate, trust.n_calibration)
            parts = AnswerParts(folder, _identity(source, model, bound, gene_aliases))
            _score(model, bound, parts, progress=progress)
            summary = _Summary.of(parts.all(bound.n_obs), bound.n_obs)
            left_out = unassigned(summary.pvalue, summary.empty, reject_rate, trust.n_calibration)
            confidence = np.where(summary.empty, np.float32(0), summary.confidence)
            report = judged_report(bound.report(), confidence, summary.pvalue, summary.empty)
        labels = label_column(model.labels, np.where(left_out, -1, summary.codes))
        obs = {
            key_added: labels,
            confidence_key(key_added): np.where(left_out, np.float32(0), confidence),
            novelty_key(key_added): summary.pvalue,
        }
        with whole_file(to, overwrite=overwrite) as made:
            if to.suffix == _TABLE:
                write_table(made / to.name, cell_names(source), obs)
            else:
                blocks = ((part.rows, part.probability) for part in parts.all(len(labels)))
                columns = probability_columns(model.labels)
                add_columns(
                    source,
                    made / to.name,
                    obs=obs,
                    table=(probability_key(key_added), columns, blocks),
                    uns=entries(report, labels.categories),
                )
        shutil.rmtree(folder)


class _Summary:
    """What is kept of the answers for all cells: a few numbers each."""

    def __init__(self, n_obs: int) -> None:
        self.codes = np.empty(n_obs, dtype=np.int64)
        self.confidence = np.empty(n_obs, dtype=np.float32)
        self.pvalue = np.empty(n_obs, dtype=np.float32)
        self.empty = np.empty(n_obs, dtype=bool)

    @classmethod
    def of(cls, parts: Iterator[ScoredPart], n_obs: int) -> _Summary:
        found = cls(n_obs)
        for part in parts:
            found.codes[part.rows] = part.probability.argmax(axis=1)
            found.confidence[part.rows] = part.probability.max(axis=1)
            found.pvalue[part.rows] = part.novelty_pvalue
            found.empty[part.rows] = part.empty
        return found


def _score(
    model: CellClassifierMLP, bound: BoundInput, parts: AnswerParts, *, progress: bool | None
) -> None:
    """Answer all cells that have not been answered by an earlier call."""
    first = parts.n_done()
    waiting: list[ScoredPart] = []
    with Bar("Labelling cells", bound.n_obs, show=progress) as bar:
        bar.reach(first)
        if first == bound.n_obs:
            return
        for part in model.score_parts(bound, first=first):
            waiting.append(part)
            if part.rows.stop - waiting[0].rows.start >= PART_CELLS:
                parts.add(waiting)
                waiting = []
            bar.reach(part.rows.stop)
    if waiting:
        parts.add(waiting)


def out_path(out: str | PathLike[str], query: str | PathLike[str]) -> Path:
    """Return where to write, if that fits the query."""
    found = Path(out)
    allowed = (Path(query).suffix, _TABLE)
    if found.suffix not in allowed:
        raise ValueError(
            f"out={str(out)!r} ends in {found.suffix!r}; give a name that ends in {allowed[0]}, as "
            f"the query's does, or in {_TABLE} for labels, confidence and novelty alone."
        )
    return found


def _identity(
    source: Path,
    model: CellClassifierMLP,
    bound: BoundInput,
    gene_aliases: GeneAliases | None,
) -> dict[str, Any]:
    """Tell what answers depend on, so that those of something else are not taken up."""
    digest = hashlib.sha256(json.dumps(model.card, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().float().numpy().tobytes())
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    for path in files:
        stat = path.stat()
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode())
    if gene_aliases is not None:
        digest.update(bound.match.position.tobytes())
    return {
        "query": str(source.resolve()),
        "n_obs": bound.n_obs,
        "source": bound.source.where,
        "digest": digest.hexdigest(),
        "version": version("cellclass"),
    }


def write_table(path: Path, names: pd.Index, columns: Mapping[str, Any]) -> None:
    """Write columns of `obs` beside the names of the cells, without quoting what needs none."""
    values = [np.asarray(column) for column in columns.values()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["", *columns])
        writer.writerows(zip(names, *(column.tolist() for column in values), strict=True))
