"""Shallow paths: their logits are added by weight, in the perceptron and the transformer alike."""

import pytest
import torch

from cellclass.module import MLP, Performer

ENCODER = {"depth": 1, "n_heads": 2, "head_dim": 4, "attention": "softmax"}


def made(kind, shallow):
    torch.manual_seed(0)
    if kind == "mlp":
        return MLP(20, 3, n_hidden=(8,), shallow=shallow).eval()
    return Performer(20, 3, dim=8, encoder=ENCODER, tokens={}, shallow=shallow).eval()


@pytest.mark.parametrize("kind", ["mlp", "performer"])
def test_logits_are_the_weighted_sum_of_the_paths(kind):
    module, x = made(kind, shallow=True), torch.rand(5, 20)
    latent = module.embed(x)
    paths = module.path_logits(latent, x)
    assert paths.shape == (3, 5, 3)
    torch.testing.assert_close(paths[1], module.linear(x))
    torch.testing.assert_close(module(x), paths[0])  # until the others are fitted
    module.path_weights.copy_(torch.tensor([0.5, 2.0, 1.0]))
    torch.testing.assert_close(module(x), 0.5 * paths[0] + 2 * paths[1] + paths[2])


def test_prototypes_read_cells_whatever_their_scale():
    module, x = made("performer", shallow=True), torch.rand(5, 20)
    torch.testing.assert_close(
        module.standardised(x), module.standardised(3 * x + 1), atol=1e-3, rtol=0
    )
    weights = [p for n, p in module.named_parameters() if n.startswith(("linear", "prototypes"))]
    assert len(weights) == 4
    assert not any(p.requires_grad for p in weights)


def test_without_them_there_is_one_path():
    module = made("performer", shallow=False)
    assert module.path_weights.tolist() == [1.0]
    assert module.path_logits(torch.rand(2, 8), torch.rand(2, 20)).shape == (1, 2, 3)
