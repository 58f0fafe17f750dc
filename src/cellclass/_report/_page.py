"""Put what was found into the template."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cellclass._report._card import card_rows, input_rows
from cellclass._report._figures import (
    Picture,
    draw_calibration,
    draw_confidence,
    draw_labels,
    draw_novelty,
)
from cellclass._report._labels import given_labels
from cellclass._report._map import label_colors
from cellclass._report._tables import confusion_table, given_table, mistakes_table, scores_table
from cellclass._report._tiles import tiles_of

if TYPE_CHECKING:
    from cellclass._report._facts import Facts
    from cellclass._report._findings import Finding
    from cellclass._report._genes import LabelGenes
    from cellclass._report._map import CellMap

_MOST_GENES = 200


def render(
    facts: Facts,
    findings: list[Finding],
    cells: CellMap,
    genes: LabelGenes,
    *,
    title: str | None,
) -> str:
    """Return the page as HTML."""
    environment = _environment()
    script = _text_of(environment, "sort.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    colors, numbers = label_colors(facts), _numbers(facts)
    has_truth = facts.scored is not None
    calibration = has_truth and facts.scores["n_obs"] > facts.scores["n_unassigned"]
    return environment.get_template("report.html").render(
        title=title or f"Labels of {facts.adata.n_obs:,} cells",
        facts=facts,
        findings=findings,
        tiles=tiles_of(facts),
        has_truth=has_truth,
        scores=scores_table(facts) if has_truth else None,
        confusion=confusion_table(facts) if has_truth else None,
        mistakes=mistakes_table(facts) if has_truth else None,
        calibration=draw_calibration(facts) if calibration else None,
        given=given_table(facts, numbers, colors),
        novelty=draw_novelty(facts),
        maps=_maps(facts, cells, colors, numbers),
        about_map=cells.about,
        legend=[(numbers[name], name, colors[name]) for name in numbers],
        genes=genes,
        input_rows=input_rows(facts),
        renamed=_renamed(facts),
        missing=[str(name) for name in facts.contract.get("genes_missing", [])],
        most_genes=_MOST_GENES,
        card_rows=card_rows(facts),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("cellclass"),
        # Nothing may be loaded, and no script run but the one whose text this is.
        policy="default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        script=script,
        style=_text_of(environment, "style.css"),
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cellclass._report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text_of(environment: Environment, name: str) -> str:
    loader: Any = environment.loader
    return loader.get_source(environment, name)[0]


def _numbers(facts: Facts) -> dict[str, int]:
    """Return a number for each label that was given, the most frequent first."""
    names = list(given_labels(facts).index)
    if facts.scored is not None and facts.labels_key is not None:
        names += sorted(set(facts.scored.obs[facts.labels_key].astype(str)) - set(names))
    return {name: place for place, name in enumerate(names, start=1)}


def _maps(
    facts: Facts, cells: CellMap, colors: dict[str, str], numbers: dict[str, int]
) -> list[Picture]:
    if len(cells.rows) == 0:
        return []
    frame = facts.predictions.iloc[cells.rows]
    pictures = [draw_labels(cells, frame["label"], colors, numbers, "given")]
    if facts.labels_key is not None:
        column = facts.adata.obs[facts.labels_key].iloc[cells.rows]
        known = (column.notna() & (column.astype(str).str.strip() != "")).to_numpy(dtype=bool)
        if known.any():
            some = type(cells)(cells.rows[known], cells.xy[known])
            pictures.append(draw_labels(some, column[known].astype(str), colors, numbers, "true"))
    return [*pictures, draw_confidence(cells, frame["confidence"].to_numpy(dtype=float))]


def _renamed(facts: Facts) -> list[tuple[str, str, str]]:
    frame = facts.contract.get("genes_renamed")
    if frame is None or len(frame) == 0:
        return []
    columns = (frame[name].astype(str) for name in ("query", "reference", "rule"))
    return list(zip(*columns, strict=True))
