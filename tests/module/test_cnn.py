"""Shapes, sizes and order of the convolutional network."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cellclass.model._cnn import _MODULES
from cellclass.module import CNN

PUBLISHED, DEFAULT = _MODULES["published"], _MODULES["default"]
SMALL = {**DEFAULT, "n_dense": 6}


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_published_network_has_the_published_layers():
    """Kind, output without the cells, and parameters of each layer, as published."""
    module = CNN(19_232, 10, **PUBLISHED).eval()
    table = []

    def note(layer, _, output):
        shape = tuple(output.shape[:0:-1])  # positions before channels
        if n_parameters(layer) or isinstance(layer, nn.MaxPool1d | nn.Flatten | nn.Dropout):
            table.append((type(layer).__name__, shape, n_parameters(layer)))

    for layer in (*module.encoder, module.head):
        layer.register_forward_hook(note)
    with torch.no_grad():
        assert module(torch.rand(2, 19_232)).shape == (2, 10)
    assert table == [
        ("Conv1d", (19_232, 16), 176),
        ("MaxPool1d", (4808, 16), 0),
        ("Conv1d", (4808, 32), 5_152),
        ("MaxPool1d", (1202, 32), 0),
        ("Conv1d", (1201, 64), 4_160),
        ("MaxPool1d", (300, 64), 0),
        ("Conv1d", (300, 128), 41_088),
        ("MaxPool1d", (100, 128), 0),
        ("Flatten", (12_800,), 0),
        ("Linear", (512,), 6_554_112),
        ("Dropout", (512,), 0),
        ("Linear", (10,), 5_130),
    ]
    assert n_parameters(module) == 6_609_818
    convolutions = [layer for layer in module.encoder if isinstance(layer, nn.Conv1d)]
    assert [layer.kernel_size[0] for layer in convolutions] == [10, 10, 2, 5]
    kinds = [type(layer) for layer in module.encoder]
    assert kinds.count(nn.ReLU) == 5
    assert not {nn.GELU, nn.GroupNorm, nn.LayerNorm} & set(kinds)
    assert module.encoder[-1].p == 0.5


@pytest.mark.parametrize("kernel", [2, 5, 8, 10])
def test_padding_keeps_the_length(kernel):
    module = CNN(
        19, 2, channels=(3,), kernels=(kernel,), same=(True,), strides=(1,), pools=(1,), n_dense=4,
        modern=False, dropout=0.0,
    )  # fmt: skip
    assert module.encoder[:3](torch.rand(2, 19)).shape == (2, 3, 19)


def test_too_few_genes_for_the_published_network():
    assert CNN(208, 3, **PUBLISHED)(torch.rand(2, 208)).shape == (2, 3)
    for n_genes in (207, 33, 1):
        with pytest.raises(ValueError, match=f"{n_genes} genes are too few.*preset='default'"):
            CNN(n_genes, 3, **PUBLISHED)


@given(n_genes=st.integers(1, 300), n_labels=st.integers(2, 5), n_cells=st.integers(1, 4))
def test_shapes(n_genes, n_labels, n_cells):
    module = CNN(n_genes, n_labels, **SMALL).eval()
    x = torch.rand(n_cells, n_genes)
    assert module.embed(x).shape == (n_cells, 6)
    assert module(x).shape == (n_cells, n_labels)
    torch.testing.assert_close(module(x), module.head(module.embed(x)))
    torch.testing.assert_close(module(x)[:1], module(x[:1]))


@given(n_genes=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_order_is_that_of_the_genes(n_genes, seed):
    """To permute the order is to permute the input."""
    torch.manual_seed(seed)
    module = CNN(n_genes, 2, **SMALL).eval()
    x = torch.rand(3, n_genes)
    order = torch.randperm(n_genes)
    permuted = module(x[:, order])
    module.set_order(order)
    assert torch.equal(module(x), permuted)


def test_the_order_is_part_of_the_state():
    module = CNN(4, 2, **SMALL)
    module.set_order(torch.tensor([2, 0, 3, 1]))
    again = CNN(4, 2, **SMALL)
    again.load_state_dict(module.state_dict())
    assert again.order.tolist() == [2, 0, 3, 1]


@pytest.mark.parametrize("order", [[0, 1, 1], [0, 1], [1, 2, 3]])
def test_what_is_no_order(order):
    with pytest.raises(ValueError, match="no order of 3 genes"):
        CNN(3, 2, **SMALL).set_order(torch.tensor(order))


def test_neighbours_matter_and_strides_that_do_not_fit_are_left_out():
    strides = [
        [layer.stride[0] for layer in CNN(n, 2, **SMALL).encoder if isinstance(layer, nn.Conv1d)]
        for n in (1000, 128, 33, 31, 1)
    ]
    assert strides == [[4, 4], [4, 4], [4, 1], [1, 1], [1, 1]]


def test_large_minibatches_are_answered_in_parts():
    module = CNN(40, 2, **SMALL).eval()
    x = torch.rand(7, 40)
    with torch.no_grad():
        whole = module(x)
        module._at_once = 3
        torch.testing.assert_close(module(x), whole)


def test_dropout_acts_in_training_only():
    module = CNN(50, 3, **{**DEFAULT, "dropout": 0.5})
    x = torch.randn(4, 50)
    assert not torch.equal(module.train()(x), module(x))
    assert torch.equal(module.eval()(x), module(x))
