"""Networks in torch; no AnnData here.

Letters in shape comments: B cells in the minibatch, G genes, C channels, H hidden width, L labels.

`CNN`
    Convolutional network over the selected genes in an order.
`CrossFitted`
    Networks side by side, each with genes of its own and trained without some of the cells.
`MLP`
    Multi-layer perceptron over the selected genes.
"""

from cellclass.module._cnn import CNN
from cellclass.module._cross_fitted import CrossFitted
from cellclass.module._mlp import MLP

__all__ = ["CNN", "MLP", "CrossFitted"]
