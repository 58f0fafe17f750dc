"""The options of `cellclass train`: what the Python API takes, by its names."""

from __future__ import annotations

from functools import partial

import click

from cellclass.cli._options import FILE, FOLDER, MANY, SHARE, NumberOr, Numbers, option

_WHOLE = click.IntRange(min=0)
_AMOUNT = click.FloatRange(min=0)

_data = partial(option, section="Data", to="setup")
DATA = (
    _data("--labels-key", required=True, help="Column of obs with the labels."),
    _data("--layer", help="Layer with the expression, counts for preference; by default X."),
    _data("--batch-key", help="Column of obs with the technical batch."),
    _data("--unlabeled-category", help="Label that means that none was given; not trained on."),
    _data(
        "--previous-layer",
        models=("performer",),
        why="it reads two time points of a cell, the others one.",
        help="Layer with an earlier time point of each cell. [performer]",
    ),
    option(
        "--backed",
        is_flag=True,
        section="Data",
        help="Leave the matrix of an .h5ad in the file, where it does not fit into memory.",
    ),
)

_model = partial(option, section="Model", to="init")
_mlp = partial(
    _model, models=("mlp",), why="it is about the perceptron's layers, which the others lack."
)
MODEL = (
    option(
        "--model",
        "kind",
        type=click.Choice(["mlp", "cnn", "performer"]),
        default="mlp",
        show_default=True,
        section="Model",
        help="Perceptron with a linear path and prototypes; convolutional network; transformer.",
    ),
    _model(
        "--n-top-genes",
        type=NumberOr({"all": None}),
        help="Genes that the model reads, or all that differ. [mlp: 2000, cnn: 1000, performer: "
        "2000]",
    ),
    _model(
        "--validation-size",
        type=SHARE,
        help="Share (0-1) of the labelled cells kept aside. [0.1; mlp below 3,000 cells: five "
        "networks, each without a fifth]",
    ),
    _model("--seed", type=_WHOLE, help="Of split, initial weights and training. [0]"),
    _model(
        "--preset",
        type=click.Choice(["default", "published"]),
        models=("mlp", "cnn"),
        why="the published settings of a transformer are sizes of it: --size.",
        help="Settings of ours, or as published. [mlp, cnn]",
    ),
    _mlp(
        "--n-hidden",
        type=Numbers(int, least=1),
        help="Widths of the blocks, such as 128,128. [mlp]",
    ),
    _mlp("--activation", type=click.Choice(["gelu", "relu"]), help="Of the blocks. [mlp]"),
    _mlp("--layer-norm/--no-layer-norm", default=None, help="LayerNorm in the blocks. [mlp]"),
    _mlp("--n-members", type=MANY, help="Perceptrons to average. [mlp]"),
    _model(
        "--dropout",
        type=Numbers(float, single=True),
        models=("mlp", "performer"),
        why="the dropout of the convolutional network is that of its preset.",
        help="Share (0-1) dropped after each block; several for several blocks. [mlp, performer]",
    ),
    _model(
        "--gene-order",
        type=click.Choice(["correlation", "js", "reference", "random"]),
        models=("cnn",),
        why="only convolutions read genes in an order.",
        help="Which genes are neighbours. [cnn]",
    ),
)

_performer = partial(
    option,
    section="Transformer (--model performer)",
    to="init",
    models=("performer",),
    why="it is about the tokens and blocks of the transformer, which the others lack.",
)
PERFORMER = (
    _performer("--size", type=click.Choice(["small", "medium", "scbert", "rank"]), help="[small]"),
    _performer(
        "--encoding",
        type=click.Choice(["value", "bins", "quantile", "rank"]),
        help="What stands for a gene's value.",
    ),
    _performer("--n-tokens", type=MANY, help="Most tokens of a cell."),
    _performer("--n-bins", type=MANY, help="Bins of values, and of what pre-training tells."),
    _performer(
        "--gene-embedding",
        type=FILE,
        help="Vectors of genes to begin with, such as Gene2Vec's: text of word2vec.",
    ),
    _performer("--tune-gene-embedding", is_flag=True, help="Train these vectors, too."),
    _performer("--attention", type=click.Choice(["auto", "softmax", "favor"]), help="Its kind."),
    _performer("--n-features", type=MANY, help="Random features of a head."),
    _performer("--kernel", type=click.Choice(["softmax", "relu"]), help="What favor estimates."),
    _performer(
        "--redraw-every",
        type=NumberOr({"never": None}),
        help="Steps after which random features are drawn anew.",
    ),
    _performer("--depth", type=MANY, help="Blocks."),
    _performer("--norm", type=click.Choice(["pre", "post", "rezero"]), help="Where LayerNorm is."),
    _performer(
        "--pooling",
        type=click.Choice(["sum", "cls", "mean", "attention", "convolution"]),
        help="What becomes of a cell's tokens.",
    ),
    _performer("--token-dropout", type=SHARE, help="Share (0-1) of tokens left out in training."),
    _performer(
        "--shallow-paths/--no-shallow-paths",
        default=None,
        help="Logistic regression and prototypes beside the transformer.",
    ),
    _performer("--recompute/--no-recompute", default=None, help="Less memory, a third more time."),
)

_pretraining = partial(
    option,
    section="Pre-training (--model performer)",
    models=("performer",),
    why="only the transformer is pre-trained.",
)
_masked = partial(_pretraining, to="pretrain")
_other = partial(_pretraining, to="from_pretrained")
PRETRAINING = (
    _pretraining("--pretrain", is_flag=True, help="First on REFERENCE, without its labels."),
    _pretraining("--pretrain-cells", type=FILE, help="First on the cells of another file."),
    _masked("--pretrain-layer", python="layer", help="Layer with their expression."),
    _masked(
        "--mask-prob", type=SHARE, help="Share (0-1) of the tokens that are to be told. [0.15]"
    ),
    _masked("--replace-prob", type=SHARE, help="Share (0-1) of these that are hidden. [0.9]"),
    _masked("--random-token-prob", type=SHARE, help="Share (0-1) of the rest shown wrong. [0]"),
    _masked("--pretrain-epochs", type=MANY, python="max_epochs", help="[as many as 300 steps]"),
    _masked("--pretrain-batch-size", type=MANY, python="batch_size", help="[64]"),
    _masked("--pretrain-learning-rate", type=_AMOUNT, python="lr", help="[0.002]"),
    _masked("--pretrain-weight-decay", type=_AMOUNT, python="weight_decay", help="[0.01]"),
    _masked(
        "--tokens-dir",
        type=click.Path(file_okay=False),
        help="Folder for the tokens, where they do not fit into memory.",
    ),
    _other(
        "--from-pretrained",
        type=FOLDER,
        python="pretrained",
        help="Begin with the weights of a saved CellPerformer.",
    ),
    _other(
        "--freeze",
        type=click.Choice(["none", "partial", "encoder"]),
        help="What training leaves of these weights as it is.",
    ),
    _other(
        "--gene-aliases",
        help="Old and current names of genes: a .csv with the columns alias and symbol, or hgnc.",
    ),
)

_training = partial(option, section="Training", to="train")
_recipe = partial(option, section="Training", to="recipe")
TRAINING = (
    _training("--epochs", type=MANY, python="max_epochs", help="Passes over the training cells."),
    _recipe("--learning-rate", type=_AMOUNT, python="lr", help="Highest learning rate."),
    _training("--batch-size", type=MANY, help="Cells in a minibatch."),
    _training(
        "--early-stopping/--no-early-stopping",
        default=None,
        help="Stop when validation cells are answered worse.",
    ),
    _training(
        "--precision",
        type=click.Choice(["32-true", "bf16-mixed", "16-mixed"]),
        help="In which numbers are multiplied. [32-true]",
    ),
    _training(
        "--accelerator",
        type=click.Choice(["auto", "cpu", "gpu", "cuda", "mps"]),
        help="auto takes a GPU if there is one. [auto]",
    ),
    _training(
        "--checkpoint-dir",
        type=click.Path(file_okay=False),
        help="Folder for a checkpoint after each epoch.",
    ),
    _training("--checkpoint-every", type=MANY, help="After so many epochs of training. [1]"),
    _training(
        "--resume",
        is_flag=True,
        help="Go on from the checkpoint in --checkpoint-dir, if there is one. (A pre-training does "
        "so anyway.)",
    ),
    _training(
        "--compare-baseline",
        is_flag=True,
        help="Fit a tuned logistic regression, too, and say which is better.",
    ),
    _recipe(
        "--class-weights",
        type=click.Choice(["balanced", "effective_number"]),
        help="Let rare labels count more.",
    ),
    _recipe("--balanced-sampling", is_flag=True, help="Draw as many cells of each label."),
    _recipe("--n-steps", type=MANY, help="Steps to aim at where --epochs is not given."),
    _recipe("--weight-decay", type=_AMOUNT, help="Of AdamW."),
    _recipe("--gene-dropout", type=SHARE, help="Share (0-1) of a minibatch that loses genes."),
    _recipe("--optimizer", type=click.Choice(["adamw", "adam"]), help="[adamw]"),
    _recipe("--l2", type=_AMOUNT, help="Factor of the weights' squares in the loss (Adam)."),
    _recipe("--schedule", type=click.Choice(["cosine", "constant"]), help="Of the learning rate."),
    _recipe("--warmup", type=SHARE, help="Share (0-1) of the steps that warm up."),
    _recipe(
        "--layer-decay",
        type=click.FloatRange(0, 1, min_open=True),
        models=("performer",),
        why="only the transformer has layers that were trained before.",
        help="Factor of the learning rate from each layer to the one before. [performer]",
    ),
)
