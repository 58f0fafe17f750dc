"""Networks in torch; no AnnData here.

Letters in shape comments: B cells in the minibatch, G genes, H hidden width, L labels.

`MLP`
    Multi-layer perceptron over the selected genes.
"""

from cellclass.module._mlp import MLP

__all__ = ["MLP"]
