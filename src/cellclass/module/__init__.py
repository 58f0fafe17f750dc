"""Networks in torch; no AnnData here.

Letters in shape comments: B cells in the minibatch, G genes, C channels, H hidden width, L labels.

`CNN`
    Convolutional network over the selected genes in an order.
`MLP`
    Multi-layer perceptron over the selected genes.
"""

from cellclass.module._cnn import CNN
from cellclass.module._mlp import MLP

__all__ = ["CNN", "MLP"]
