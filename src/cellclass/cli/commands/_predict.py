"""`cellclass predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cellclass.cli._options import FILE, FOLDER, NEW, Verb, as_json, force, option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Verb, short_help="Label the cells of a file.")
@click.argument("query", type=FILE)
@option(
    "--model",
    "model_path",
    type=FOLDER,
    required=True,
    section="Model",
    help="Folder of a saved model.",
)
@option(
    "--device",
    default="auto",
    show_default=True,
    section="Model",
    help="auto takes a GPU if there is one; or cpu, cuda, cuda:1, mps.",
)
@option("--layer", section="Data", help="Layer with the expression; X for X.")
@option(
    "--gene-aliases",
    section="Data",
    help="Old and current names of genes: a .csv with the columns alias and symbol, or hgnc.",
)
@option(
    "--reject-rate",
    type=float,
    section="Labels",
    help="Share (0-1) of cells like the training cells that may go without a label.",
)
@option(
    "--key-added",
    default="cellclass",
    show_default=True,
    section="Labels",
    help="Names that are written begin with it.",
)
@option(
    "--out",
    type=NEW,
    required=True,
    section="Output",
    help="File to write: ends as QUERY does, or in .csv for a table.",
)
@force
@as_json
def predict(
    query: Path,
    model_path: Path,
    out: Path,
    device: str,
    layer: str | None,
    gene_aliases: str | None,
    reject_rate: float | None,
    key_added: str,
    force: bool,  # noqa: FBT001 - options
    as_json: bool,  # noqa: FBT001
) -> None:
    """Label the cells of QUERY, an .h5ad or .zarr file of any size, or an .h5mu.

    A few thousand cells are in memory at a time, of an .h5mu all. A run that was stopped goes on
    where it ended, of an .h5mu anew.
    """
    from cellclass.cli._session import session

    again = "The same command goes on where this one ended."
    new = None if force else out
    with session("predict", as_json=as_json, new=new, goes_on=again) as talk:
        with talk.step("Loading libraries"):
            from cellclass.cli._predict import run_predict
        talk.answer = run_predict(
            talk,
            query,
            model_path,
            out,
            device=device,
            layer=layer,
            gene_aliases=gene_aliases,
            reject_rate=reject_rate,
            key_added=key_added,
            force=force,
        )
