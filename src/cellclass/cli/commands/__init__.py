"""The verbs and their options; what a verb does is loaded when it is called."""

from cellclass.cli.commands._convert import convert
from cellclass.cli.commands._demo import demo
from cellclass.cli.commands._evaluate import evaluate
from cellclass.cli.commands._info import info
from cellclass.cli.commands._predict import predict
from cellclass.cli.commands._rank_genes import rank_genes
from cellclass.cli.commands._report import report
from cellclass.cli.commands._train import train

VERBS = (demo, info, rank_genes, train, predict, evaluate, report, convert)

__all__ = ["VERBS"]
