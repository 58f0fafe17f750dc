"""`cellclass rank-genes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cellclass.cli._options import FILE, MANY, NEW, Verb, as_json, force, given, in_python, option

if TYPE_CHECKING:
    from pathlib import Path


class _Bins(click.ParamType):
    """A way to pool counts: a word, a number, or both with a comma between them."""

    name = "bins"

    def get_metavar(self, *_: Any, **__: Any) -> str:  # noqa: ANN401 - click's
        """Show what can be given."""
        return "log2|N|log2,N|quantile,N"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - click's
        """Turn the text into what `rank_genes_js` takes."""
        kind, _, n = str(value).partition(",")
        if n.isdecimal() and kind in ("log2", "quantile"):
            return kind, int(n)
        if not n and (kind == "log2" or kind.isdecimal()):
            return int(kind) if kind.isdecimal() else kind
        return self.fail(f"{value!r} is none of log2, N, log2,N and quantile,N.", param, ctx)


@click.command(
    "rank-genes", cls=Verb, short_help="Rank genes by how much they differ between labels."
)
@click.argument("cells", type=FILE)
@option(
    "--labels-key",
    required=True,
    python="groupby",
    section="Data",
    help="Column of obs with the labels.",
)
@option("--layer", section="Data", help="Layer with the counts; by default X.")
@option("--batch-key", section="Data", help="Column of obs with batches to compare within.")
@option("--mask-obs", section="Data", help="Column of obs that is true for the cells to rank on.")
@option(
    "--n-top-genes",
    type=MANY,
    section="Ranking",
    help="How many genes to mark as selected; by default all.",
)
@option(
    "--top-by",
    type=click.Choice(["per_label", "overall"]),
    section="Ranking",
    help="Which those are: the best of each label in turn (default), or of largest divergence.",
)
@option(
    "--weights",
    type=click.Choice(["uniform", "frequency"]),
    section="Ranking",
    help="Whether every label counts the same (default), or as much as it has cells.",
)
@option(
    "--bins",
    type=_Bins(),
    section="Ranking",
    help="How to pool counts before they are compared; by default not at all.",
)
@option("--normalize", is_flag=True, section="Ranking", help="Scale cells to the median depth.")
@option(
    "--n-permutations",
    type=click.IntRange(min=0),
    section="Ranking",
    help="Shuffle the labels so often for the p-values; by default a G test gives them.",
)
@option(
    "--seed", type=click.IntRange(min=0), python="rng", section="Ranking", help="Of permutations."
)
@option("--n-threads", type=MANY, section="Ranking", help="Threads; the result is the same bits.")
@option(
    "--out",
    type=NEW,
    section="Output",
    help="A .csv table of genes; or a copy of CELLS with the ranking in it, named as CELLS is.",
)
@option(
    "--per-label",
    is_flag=True,
    section="Output",
    help="Write the ranking of each label to the .csv, instead of that over all labels.",
)
@option("--show", type=MANY, default=10, show_default=True, section="Output", help="Genes to show.")
@option("--n-genes", type=MANY, section="Output", help="Genes of each label to keep in a copy.")
@option("--key-added", section="Output", help="Entry of uns in a copy; by default rank_genes_js.")
@force
@as_json
def rank_genes(cells: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Rank the genes of CELLS by how much their counts differ between labels.

    CELLS is an .h5ad or .zarr of any size. The measure is the Jensen-Shannon divergence of the
    distributions of a gene's counts, over all labels and for each label against the rest.
    """
    from cellclass.cli._session import session

    new = None if options["force"] else options["out"]
    with session("rank-genes", as_json=as_json, new=new) as talk:
        with talk.step("Loading libraries"):
            from cellclass.cli._rank_genes import run_rank_genes
        written = {name: options.pop(name) for name in ("out", "per_label", "show", "force")}
        talk.answer = run_rank_genes(talk, cells, in_python(given(options)), **written)
