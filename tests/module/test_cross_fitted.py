"""Networks side by side: a mean of logits, each with genes of its own."""

import pytest
import torch

from cellclass.module import MLP, CrossFitted

GENES = torch.tensor([[0, 2, 4], [5, 1, 0]])


@pytest.fixture
def module():
    torch.manual_seed(0)
    return CrossFitted([MLP(3, 4, n_hidden=(6,), n_members=2) for _ in range(2)], GENES).eval()


def test_logits_are_the_mean_of_the_networks(module):
    x = torch.randn(7, 6)
    each = [part(x[:, genes]) for part, genes in zip(module.parts, GENES, strict=True)]
    torch.testing.assert_close(module(x), torch.stack(each).mean(dim=0))
    latent = module.embed(x)
    assert latent.shape == (7, 2 * 2 * 6)
    torch.testing.assert_close(module.classify(latent, x), module(x))
    members = module.member_logits(x)
    assert members.shape == (4, 7, 4)
    torch.testing.assert_close(members[2:].mean(dim=0), each[1])


def test_each_cell_is_answered_by_the_network_it_was_kept_from(module):
    x = torch.randn(7, 6)
    by = torch.tensor([1, 0, 0, 1, 1, 0, 1])
    found = module.held_out_logits(x, by)
    for row, part in enumerate(by.tolist()):
        expected = module.parts[part](x[row : row + 1, GENES[part]])
        torch.testing.assert_close(found[row : row + 1], expected)


def test_the_genes_are_saved_with_the_weights(module):
    again = CrossFitted([MLP(3, 4, n_hidden=(6,), n_members=2) for _ in range(2)], 0 * GENES).eval()
    again.load_state_dict(module.state_dict())
    x = torch.randn(3, 6)
    torch.testing.assert_close(again(x), module(x))
