"""Networks in torch; no AnnData here.

Letters in shape comments: B cells in the minibatch, G genes, C channels, H hidden width, L labels;
in attention T tokens, W their width, H heads, D width of a head, M random features.

`favor_attention`, `draw_features`
    Softmax attention in time and memory linear in tokens, through random features.
`Encoder`
    Transformer over tokens in no order, with exact attention or that one.
`Performer`, `TokenEmbedding`
    Transformer classifier over the expressed genes of a cell, and what makes tokens of them.
`MaskedExpression`, `MaskRules`
    The head that tells masked tokens in pre-training, and which tokens are masked.
`attention_rollout`
    What of each token reaches each other one by attention alone.
`CNN`
    Convolutional network over the selected genes in an order.
`CrossFitted`
    Networks side by side, each with genes of its own and trained without some of the cells.
`MLP`
    Multi-layer perceptron over the selected genes.
`WithShallowPaths`
    Base of networks with a linear path and prototypes beside the deep one.
`choose_attention`, `count_features`
    Exact attention or random features, whichever is the faster one; and how many of these.
"""

from cellclass.module._attention import Kernel, draw_features, favor_attention
from cellclass.module._cnn import CNN
from cellclass.module._cross_fitted import CrossFitted
from cellclass.module._encoder import (
    AttentionKind,
    Encoder,
    Norm,
    choose_attention,
    count_features,
)
from cellclass.module._masked import MaskedExpression, MaskRules
from cellclass.module._mlp import MLP
from cellclass.module._performer import Performer, Pooling
from cellclass.module._rollout import attention_rollout
from cellclass.module._shallow import WithShallowPaths
from cellclass.module._tokens import Encoding, TokenEmbedding, Tokens

__all__ = [
    "CNN",
    "MLP",
    "AttentionKind",
    "CrossFitted",
    "Encoder",
    "Encoding",
    "Kernel",
    "MaskRules",
    "MaskedExpression",
    "Norm",
    "Performer",
    "Pooling",
    "TokenEmbedding",
    "Tokens",
    "WithShallowPaths",
    "attention_rollout",
    "choose_attention",
    "count_features",
    "draw_features",
    "favor_attention",
]
