"""The command's verbs and their options; the work is loaded when a verb is called."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cellclass", message="%(package)s %(version)s")
def main() -> None:
    """Label single cells and say how far to trust each label."""


@main.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo_output"),
    show_default=True,
    help="Folder for the annotated cells and the pictures.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of split and training.",
)
def demo(output: Path, seed: int) -> None:
    """Rank genes, train, annotate and evaluate on 700 real blood cells.

    The cells come with the installation; nothing is downloaded. Two thirds are the labelled
    reference, a third is the query whose labels are kept aside. The classifier is scored beside a
    tuned logistic regression on the same cells and genes.
    """
    from cellclass.cli._demo import run_demo

    run_demo(output, seed=seed)
