"""Classifiers with the verbs of scvi-tools.

`CellClassifierMLP`
    Multi-layer perceptron on the genes of highest JS divergence: the model to start with.
`CellClassifierCNN`
    Convolutional network over genes in an order, for comparison.
`CellPerformer`
    Transformer over the expressed genes of each cell, which can be pre-trained.
`CellClassifier`
    Base of these, for a class with a network of your own.
`CellScores`
    What a model says of each cell of a query.
"""

from cellclass.model._base import CellClassifier
from cellclass.model._cnn import CellClassifierCNN
from cellclass.model._mlp import CellClassifierMLP
from cellclass.model._performer import CellPerformer
from cellclass.model._scores import CellScores

__all__ = [
    "CellClassifier",
    "CellClassifierCNN",
    "CellClassifierMLP",
    "CellPerformer",
    "CellScores",
]
