"""`cellclass convert`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from cellclass.cli._options import (
    NEW,
    Option,
    Verb,
    as_json,
    force,
    given,
    option,
    options_of,
    with_options,
)

_OF_CELLS = (".h5ad", ".zarr", ".h5mu")  # of several modalities: refused with a hint

_text = partial(option, section="A text table of genes and cells", to="text")
_TEXT = (
    _text(
        "--orientation",
        type=click.Choice(["auto", "genes_by_cells", "cells_by_genes"]),
        help="What its rows are, where its names do not tell.",
    ),
    _text(
        "--delimiter", help="The character between fields, where it is not found; tab for a tab."
    ),
    _text("--id-separator", help='What stands between identifier and symbol ["|"]; none for none.'),
    _text(
        "--dtype",
        type=click.Choice(["float32", "float64", "auto"]),
        help="Of the numbers. [float32]",
    ),
)
_ucsc = partial(option, section="A dataset of the UCSC Cell Browser", to="ucsc")
_UCSC = (
    option(
        "--ucsc",
        section="A dataset of the UCSC Cell Browser",
        help="Its name, or the address of its page; it is downloaded.",
    ),
    _ucsc("--base-url", help="Address of another Cell Browser."),
    _ucsc("--no-layouts", is_flag=True, help="Leave out the layouts, such as UMAP."),
    _ucsc("--no-verify", is_flag=True, help="Read files that differ from the site's checksums."),
)
_join = partial(option, section="Several .h5ad or .zarr files into one", to="join")
_JOIN = (
    _join(
        "--labels-key",
        multiple=True,
        help="Column of obs with the labels; once for all, or once for each file.",
    ),
    _join("--name", "names", multiple=True, help="Name of each file in the batch column."),
    _join("--layer", multiple=True, help="Layer with the expression; once, or once for each."),
    _join("--key-added", help="What the labels are called in the result."),
    _join("--batch-key", help="Column of obs for the names of the files. [batch]"),
    _join(
        "--genes",
        "join",
        type=click.Choice(["inner", "outer"]),
        help="Genes that all files have, or that any has. [inner]",
    ),
)
_OUTPUT = (
    option("--out", type=NEW, required=True, section="Output", help="An .h5ad or .zarr to write."),
    option(
        "--max-memory",
        section="Output",
        help="Memory for the numbers of a text table, such as 500MB. [1GB]",
    ),
    force,
    as_json,
)
_WHAT = {
    "text": "a text table",
    "ucsc": "a dataset of the Cell Browser: --ucsc NAME",
    "join": "several .h5ad or .zarr files",
    "cells": "one .h5ad or .zarr file",
}


@click.command(cls=Verb, short_help="Make an .h5ad or .zarr of other files.")
@click.argument("sources", nargs=-1, type=click.Path(exists=True, path_type=Path))
@with_options([*_OUTPUT[:2], *_TEXT, *_JOIN, *_UCSC, *_OUTPUT[2:]])
def convert(sources: tuple[Path, ...], out: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Make one .h5ad or .zarr of SOURCES.

    \b
    One text table of genes and cells, plain or compressed, larger than memory.
    One .h5ad or .zarr, to be the other.
    Several .h5ad or .zarr with labels (--labels-key), one below the other.
    A dataset of the UCSC Cell Browser (--ucsc NAME), without SOURCES.
    """  # noqa: D301 - click's mark for lines to keep
    typed = given(options)
    what = _what(sources, typed)
    asked = _sorted_out(what, typed)
    from cellclass.cli._session import session

    with session("convert", as_json=as_json, new=None if options["force"] else out) as talk:
        with talk.step("Loading libraries"):
            from cellclass.cli._convert import run_convert
        talk.answer = run_convert(talk, what, sources, out, asked, force=options["force"])


def _what(sources: tuple[Path, ...], typed: dict[str, Any]) -> str:
    """Tell which of the conversions is asked for."""
    if "ucsc" in typed:
        if sources:
            raise click.UsageError("--ucsc is for a dataset that is downloaded: leave out SOURCES.")
        return "ucsc"
    if not sources:
        raise click.UsageError("Give the file to convert, or --ucsc NAME.")
    others = [source for source in sources if source.suffix not in _OF_CELLS]
    if others and len(sources) > 1:
        raise click.UsageError(
            f"Several files are joined as .h5ad or .zarr, and {str(others[0])!r} is neither: "
            "convert it first."
        )
    if others:
        return "text"
    if len(sources) == 1:
        return "cells"
    if "labels_key" not in typed:
        raise click.UsageError("Several files are joined with their labels: give --labels-key.")
    return "join"


def _sorted_out(what: str, typed: dict[str, Any]) -> dict[str, Any]:
    """Return the options of this conversion; those of others are a matter of usage."""
    options: dict[str, Option] = options_of(click.get_current_context())
    for name in typed:
        to = options[name].to
        if to is not None and to != what:
            raise click.UsageError(f"{options[name].shown} is for {_WHAT[to]}.")
    if "max_memory" in typed and what not in ("text", "ucsc"):
        raise click.UsageError(f"--max-memory is for {_WHAT['text']}, or {_WHAT['ucsc']}.")
    return {name: value for name, value in typed.items() if name != "force"}
