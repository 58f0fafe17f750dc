"""`cellclass evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cellclass.cli._options import FILE, MANY, NEW, Verb, as_json, force, option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Verb, short_help="Score labels against known ones.")
@click.argument("cells", type=FILE)
@option("--labels-key", required=True, section="Data", help="Column of obs with the true labels.")
@option(
    "--key",
    default="cellclass",
    show_default=True,
    section="Data",
    help="The --key-added of predict.",
)
@option(
    "--show", type=MANY, default=10, show_default=True, section="Output", help="Labels to show."
)
@option(
    "--out",
    type=NEW,
    section="Output",
    help="A .csv table of the labels; or a copy of CELLS with the scores in it, named as CELLS is.",
)
@force
@as_json
def evaluate(
    cells: Path,
    labels_key: str,
    key: str,
    show: int,
    out: Path | None,
    force: bool,  # noqa: FBT001 - options
    as_json: bool,  # noqa: FBT001
) -> None:
    """Score the labels of CELLS, which predict has written, against known ones.

    Printed are the scores, how far the confidence is to be believed, the labels that were found
    worst, and what they were taken for. Matrices are not read, so CELLS may be of any size.
    """
    from cellclass.cli._session import session

    with session("evaluate", as_json=as_json, new=None if force else out) as talk:
        with talk.step("Loading libraries"):
            from cellclass.cli._evaluate import run_evaluate
        talk.answer = run_evaluate(
            talk, cells, labels_key=labels_key, key=key, show=show, out=out, force=force
        )
