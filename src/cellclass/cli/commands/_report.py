"""`cellclass report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cellclass.cli._options import FILE, FOLDER, NEW, Verb, as_json, force, option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Verb, short_help="Say on one page how far labels can be trusted.")
@click.argument("cells", type=FILE)
@option(
    "--model",
    type=FOLDER,
    section="Data",
    help="Folder of the model that labelled the cells; without it, no map and genes are made.",
)
@option("--labels-key", section="Data", help="Column of obs with the true labels.")
@option("--layer", section="Data", help="Layer with the expression; X for X.")
@option(
    "--key",
    default="cellclass",
    show_default=True,
    section="Data",
    help="The --key-added of predict.",
)
@option("--out", type=NEW, required=True, section="Output", help="Page to write, an .html file.")
@option("--title", section="Output", help="Heading of the page; by default the name of CELLS.")
@force
@as_json
def report(
    cells: Path,
    model: Path | None,
    labels_key: str | None,
    layer: str | None,
    key: str,
    out: Path,
    title: str | None,
    force: bool,  # noqa: FBT001 - options
    as_json: bool,  # noqa: FBT001
) -> None:
    """Say on one page how far the labels of CELLS can be trusted.

    CELLS is an .h5ad or .zarr file that predict wrote; with --model, any that the model can label.
    The page is one HTML file that needs no network.
    """
    from cellclass.cli._session import session

    with session("report", as_json=as_json, new=None if force else out) as talk:
        with talk.step("Loading libraries"):
            from cellclass.cli._report import run_report
        talk.answer = run_report(
            talk,
            cells,
            model,
            out,
            labels_key=labels_key,
            layer=layer,
            key=key,
            title=title,
            force=force,
        )
