"""Networks in torch; no AnnData here.

Letters in shape comments: B cells in the minibatch, G genes, C channels, H hidden width, L labels;
in attention T tokens, W their width, H heads, D width of a head, M random features.

`favor_attention`, `draw_features`
    Softmax attention in time and memory linear in tokens, through random features.
`Encoder`
    Transformer over tokens in no order, with exact attention or that one.
`Performer`, `TokenEmbedding`
    Transformer classifier over the expressed genes of a cell, and what makes tokens of them.
`CNN`
    Convolutional network over the selected genes in an order.
`CrossFitted`
    Networks side by side, each with genes of its own and trained without some of the cells.
`MLP`
    Multi-layer perceptron over the selected genes.
"""

from cellclass.module._attention import draw_features, favor_attention
from cellclass.module._cnn import CNN
from cellclass.module._cross_fitted import CrossFitted
from cellclass.module._encoder import Encoder
from cellclass.module._mlp import MLP
from cellclass.module._performer import Performer
from cellclass.module._tokens import TokenEmbedding

__all__ = [
    "CNN",
    "MLP",
    "CrossFitted",
    "Encoder",
    "Performer",
    "TokenEmbedding",
    "draw_features",
    "favor_attention",
]
