"""The command's verbs and their options; the work is loaded when a verb is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@main.command()
@click.argument("query", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--model",
    "model_path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of a saved model.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write: ends as the query does, or in .csv for a table.",
)
@click.option("--layer", help="Layer with the expression; X for X.")
@click.option(
    "--reject-rate",
    type=float,
    help="Share (0-1) of cells like the training cells that may go without a label.",
)
@click.option("--key-added", default="cellclass", show_default=True, help="Names begin with it.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def predict(
    query: Path,
    model_path: Path,
    out: Path,
    layer: str | None,
    reject_rate: float | None,
    key_added: str,
    force: bool,  # noqa: FBT001 - options
    as_json: bool,  # noqa: FBT001
) -> None:
    """Label the cells of QUERY, an .h5ad or .zarr file of any size.

    A few thousand cells are in memory at a time. A run that was stopped goes on where it ended.
    """
    from cellclass.cli._errors import said_in_words

    with said_in_words():
        from cellclass.cli._predict import run_predict

        run_predict(
            query,
            model_path,
            out,
            layer=layer,
            reject_rate=reject_rate,
            key_added=key_added,
            force=force,
            as_json=as_json,
        )


@main.command()
@click.argument("query", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--model",
    "model_path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the model that labelled the cells; without it, no map and genes are made.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Page to write."
)
@click.option("--labels-key", help="Column of obs with the true labels.")
@click.option("--layer", help="Layer with the expression; X for X.")
@click.option("--key", default="cellclass", show_default=True, help="Name of the annotation.")
@click.option("--title", help="Heading of the page; by default the name of QUERY.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print what stands first as JSON.")
def report(query: Path, model_path: Path | None, out: Path, **options: Any) -> None:  # noqa: ANN401
    """Say on one page how far the labels of QUERY can be trusted.

    QUERY is an .h5ad or .zarr file that `cellclass predict` wrote; with --model, any that the model
    can label. The page is one HTML file that needs no network.
    """
    from cellclass.cli._errors import said_in_words

    with said_in_words():
        from cellclass.cli._report import run_report

        run_report(query, model_path, out, **options)
