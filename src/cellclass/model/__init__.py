"""Classifiers with the verbs of scvi-tools.

`CellClassifierMLP`
    Multi-layer perceptron on the genes of highest JS divergence: the model to start with.
`CellScores`
    What a model says of each cell of a query.
"""

from cellclass.model._mlp import CellClassifierMLP
from cellclass.model._scores import CellScores

__all__ = ["CellClassifierMLP", "CellScores"]
