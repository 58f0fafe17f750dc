"""`cellclass info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cellclass.cli._options import FILE, Verb, as_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Verb, short_help="Tell versions, what a model expects, or what is in a file.")
@click.argument("path", type=FILE, required=False, metavar="[MODEL|FILE]")
@as_json
def info(path: Path | None, as_json: bool) -> None:  # noqa: FBT001 - an option
    """Tell the versions and the device; what MODEL expects; or what is in FILE.

    MODEL is the folder of a saved model, FILE an .h5ad or .zarr, of which the columns of the cells
    and the scale of each matrix are told: what to give to the other verbs.
    """
    from cellclass.cli._session import session

    with session("info", as_json=as_json) as talk:
        from cellclass.cli._info import run_info

        talk.answer = run_info(talk, path)
