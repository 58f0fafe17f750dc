"""The verb `convert`: whatever it is, to one file of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from cellclass._keys import TEXT_MATRIX
from cellclass.cli._files import check_cells, check_out, read_columns
from cellclass.cli._session import Answer
from cellclass.io import concat_references, convert_gene_by_cell, read_ucsc_cell_browser
from cellclass.io._cell_file import SUFFIXES
from cellclass.io._rewrite_cells import rewrite_cells
from cellclass.io._whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import anndata as ad

    from cellclass.cli._session import Session

_HDF5 = b"\x89HDF\r\n\x1a\n"


def run_convert(
    talk: Session,
    what: str,
    sources: Sequence[Path],
    out: Path,
    asked: dict[str, Any],
    *,
    force: bool,
) -> Answer:
    """Convert, and say what has become of it."""
    if what != "text":
        for source in sources:
            check_cells(source)
    check_out(out, SUFFIXES, overwrite=force)
    names = [source.name for source in sources] or [asked["ucsc"]]
    with talk.step(f"Converting {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"):
        _CONVERSIONS[what](sources, out, asked, force)
    return _answer(what, sources, out, asked)


def _text(sources: Sequence[Path], out: Path, asked: dict[str, Any], force: bool) -> None:  # noqa: FBT001
    _refuse_binary(sources[0])
    words: dict[str, Any] = {"delimiter": {"tab": "\t"}, "id_separator": {"none": None}}
    settings = {name: words.get(name, {}).get(value, value) for name, value in asked.items()}
    convert_gene_by_cell(sources[0], out, overwrite=force, **settings)


def _refuse_binary(source: Path) -> None:
    """Refuse what is plainly no text, with the way to read it."""
    if source.is_dir():
        raise ValueError(
            f"{str(source)!r} is a folder, and a text table is a file. A folder of matrix.mtx and "
            "its names: scanpy.read_10x_mtx(folder).write_h5ad(path)."
        )
    with source.open("rb") as file:
        start = file.read(len(_HDF5))
    if start == _HDF5:
        raise ValueError(
            f"{str(source)!r} is an HDF5 file, no text table. One of 10x Genomics: "
            "scanpy.read_10x_h5(path).write_h5ad(path)."
        )


def _cells(sources: Sequence[Path], out: Path, asked: dict[str, Any], force: bool) -> None:  # noqa: ARG001, FBT001
    (source,) = sources
    if source.suffix == out.suffix:
        raise ValueError(
            f"{str(source)!r} is {source.suffix} already: there is nothing to convert. Copy it, or "
            "give another ending."
        )
    with whole_file(out, overwrite=force) as folder:
        rewrite_cells(source, folder / out.name)


def _join(sources: Sequence[Path], out: Path, asked: dict[str, Any], force: bool) -> None:  # noqa: FBT001
    asked = dict(asked)
    names = asked.pop("names", None)
    references: Any = list(sources)
    if names is not None:
        if len(names) != len(sources) or len(set(names)) != len(names):
            raise ValueError(
                f"There are {len(sources)} files and {len(set(names))} different names: give "
                "--name once for each file."
            )
        references = dict(zip(names, sources, strict=True))
    for name in ("labels_key", "layer"):
        if name in asked:
            asked[name] = _one_or_each(name, asked[name], references)
    concat_references(references, out, overwrite=force, **asked)


def _one_or_each(name: str, values: tuple[str, ...], references: Any) -> Any:  # noqa: ANN401
    """Return the one value for all, or that of each reference."""
    if len(values) == 1:
        return values[0]
    if len(values) != len(references):
        raise ValueError(
            f"{name}={values[0]!r}, …: there are {len(values)} of them for {len(references)} "
            "files. Give it once for all, or once for each."
        )
    if isinstance(references, dict):
        return dict(zip(references, values, strict=True))
    return list(values)


def _ucsc(sources: Sequence[Path], out: Path, asked: dict[str, Any], force: bool) -> None:  # noqa: ARG001, FBT001
    asked = dict(asked)
    read_ucsc_cell_browser(
        asked.pop("ucsc"),
        out=out,
        layouts=not asked.pop("no_layouts", False),
        verify=not asked.pop("no_verify", False),
        overwrite=force,
        **asked,
    )


_CONVERSIONS = {"text": _text, "cells": _cells, "join": _join, "ucsc": _ucsc}


def _answer(what: str, sources: Sequence[Path], out: Path, asked: dict[str, Any]) -> Answer:
    made: ad.AnnData = read_columns(out)
    summary: dict[str, Any] = {
        "sources": [str(source) for source in sources] or [asked["ucsc"]],
        "out": str(out),
        "kind": what,
        "n_obs": made.n_obs,
        "n_vars": made.n_vars,
        TEXT_MATRIX: dict(made.uns[TEXT_MATRIX]) if what == "text" else None,
        "labels": None,
    }
    shown: list[Any] = [f"{made.n_obs:,} cells × {made.n_vars:,} genes."]
    if what == "text":
        about = summary[TEXT_MATRIX]
        rows = str(about["orientation"]).split("_", 1)[0]
        shown.append(
            f"The rows of the table were {rows}, told from "
            f"{escape(str(about['orientation_from']))}; delimiter: "
            f"{escape(str(about['delimiter']))}."
        )
    if what == "join":
        batch, labels = _columns_of_join(asked)
        counts = made.obs.groupby([labels, batch], observed=False).size().unstack(fill_value=0)
        summary["labels"] = {str(label): row.to_dict() for label, row in counts.iterrows()}
        table = Table("label", title="Cells")
        for name in counts.columns:
            table.add_column(escape(str(name)), justify="right")
        for label, row in counts.iterrows():
            table.add_row(escape(str(label)), *(f"{n:,}" for n in row))
        shown.append(table)
    return Answer(summary, shown)


def _columns_of_join(asked: dict[str, Any]) -> tuple[str, str]:
    """Return where batches and labels have been written to."""
    keys = set(asked["labels_key"])
    labels = asked.get("key_added") or (keys.pop() if len(keys) == 1 else "cell_type")
    return asked.get("batch_key", "batch"), labels
