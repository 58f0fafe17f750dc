"""Shapes, sizes and dropout of the perceptron."""

import pytest
import torch
from torch import nn

from cellclass.module import MLP


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_published_network_has_the_published_size():
    module = MLP(
        1000, 10, n_hidden=(2048, 512), activation="relu", layer_norm=False, dropout=(0.0, 0.8)
    )
    assert n_parameters(module) == 3_104_266
    kinds = [type(layer) for layer in module.encoder[0]]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Dropout]
    assert module.encoder[0][-1].p == 0.8


@pytest.mark.parametrize("n_hidden", [(8,), (8, 4), ()])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_shapes(n_hidden, layer_norm):
    module = MLP(6, 3, n_hidden=n_hidden, layer_norm=layer_norm).eval()
    x = torch.randn(5, 6)
    assert module.embed(x).shape == (5, n_hidden[-1] if n_hidden else 6)
    assert module(x).shape == (5, 3)
    torch.testing.assert_close(module(x), module.head[0](module.embed(x)))


def test_a_cell_does_not_depend_on_the_others():
    module = MLP(6, 3, n_hidden=(8, 8)).eval()
    x = torch.randn(5, 6)
    torch.testing.assert_close(module(x)[2:3], module(x[2:3]))


def test_one_dropout_for_all_or_one_for_each():
    module = MLP(6, 3, n_hidden=(8, 8), dropout=0.4)
    assert [layer.p for layer in module.encoder[0] if isinstance(layer, nn.Dropout)] == [0.4, 0.4]
    module = MLP(6, 3, n_hidden=(8, 8), dropout=(0.1, 0.2))
    assert [layer.p for layer in module.encoder[0] if isinstance(layer, nn.Dropout)] == [0.1, 0.2]
    with pytest.raises(ValueError, match="1 shares for 2 blocks"):
        MLP(6, 3, n_hidden=(8, 8), dropout=(0.1,))


def test_unknown_activation():
    with pytest.raises(ValueError, match="activation='tanh'; the activations are gelu, relu"):
        MLP(6, 3, activation="tanh")


def test_dropout_acts_in_training_only():
    module = MLP(50, 3, n_hidden=(64,), dropout=0.5)
    x = torch.randn(4, 50)
    assert not torch.equal(module.train()(x), module(x))
    assert torch.equal(module.eval()(x), module(x))


def test_members_are_averaged_and_read_the_first_genes():
    module = MLP(6, 3, n_hidden=(8,), n_members=3, n_deep_genes=4).eval()
    x = torch.randn(5, 6)
    assert module.embed(x).shape == (5, 24)
    each = module.member_logits(x)
    assert each.shape == (3, 5, 3)
    assert not torch.equal(each[0], each[1])
    torch.testing.assert_close(module(x), each.mean(dim=0))
    changed = x.clone()
    changed[:, 4:] += 1
    assert torch.equal(module(changed), module(x))


def test_shallow_paths_count_as_weighed():
    module = MLP(400, 3, n_hidden=(8,), n_deep_genes=4, shallow=True).eval()
    x = torch.randn(5, 400)
    deep = module.member_logits(x)[0]
    torch.testing.assert_close(module(x), deep)  # the others are not fitted yet
    module.path_weights.copy_(torch.tensor([0.5, 2.0, 0.0]))
    torch.testing.assert_close(module(x), 0.5 * deep + 2 * module.linear(x))
    module.path_weights.copy_(torch.tensor([0.0, 0.0, 1.0]))
    torch.testing.assert_close(module(x), module(5 * x + 3))  # each cell is standardised
    changed = x.clone()
    changed[:, 300:] += 1
    assert torch.equal(module(changed), module(x))
    fixed = [*module.linear.parameters(), *module.prototypes.parameters()]
    assert not any(p.requires_grad for p in fixed)
