"""`cellclass train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cellclass.cli._options import (
    FILE,
    NEW,
    Verb,
    as_json,
    force,
    given,
    option,
    options_of,
    with_options,
)
from cellclass.cli.commands._train_options import DATA, MODEL, PERFORMER, PRETRAINING, TRAINING

if TYPE_CHECKING:
    from pathlib import Path

_OUTPUT = (
    option("--out", type=NEW, required=True, section="Output", help="Folder of the model to make."),
    force,
    as_json,
)


@click.command(cls=Verb, short_help="Train a classifier on labelled cells.")
@click.argument("reference", type=FILE)
@with_options([*DATA, *MODEL, *TRAINING, *PERFORMER, *PRETRAINING, *_OUTPUT])
def train(reference: Path, kind: str, out: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Train a classifier on REFERENCE, an .h5ad or .zarr of labelled cells.

    Options are those of the Python classes; where none is given, theirs hold, in brackets here.
    Genes are ranked on the training cells only, and the confidence is calibrated on others.
    """
    asked = _sorted_out(kind, given(options))
    new = None if options["force"] else out
    from cellclass.cli._session import session

    again = ""
    if options["checkpoint_dir"] is not None:
        again = "The same command with --resume goes on from the last checkpoint."
    with session("train", as_json=as_json, new=new, goes_on=again) as talk:
        with talk.step("Loading libraries"):
            from cellclass.cli._train import run_train
        talk.answer = run_train(
            talk, reference, kind, out, asked, backed=options["backed"], force=options["force"]
        )


def _sorted_out(kind: str, typed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments of each function, under their names in Python.

    Options that have no bearing on the model, or on what is to be done, are a matter of usage.
    """
    asked: dict[str, dict[str, Any]] = {}
    for name, one in options_of(click.get_current_context()).items():
        if name not in typed:
            continue
        if one.models is not None and kind not in one.models:
            models = " and ".join(f"--model {model}" for model in one.models)
            raise click.UsageError(f"{one.shown} is for {models}: {one.why}")
        asked.setdefault(one.to or "verb", {})[one.python] = typed[name]
        if one.to == "pretrain" and not {"pretrain", "pretrain_cells"} & set(typed):
            raise click.UsageError(
                f"{one.shown} is about pre-training: give --pretrain or --pretrain-cells, too."
            )
        if one.to == "from_pretrained" and "from_pretrained" not in typed:
            raise click.UsageError(
                f"{one.shown} is about the weights to begin with: give --from-pretrained, too."
            )
    return asked
