"""Which genes become tokens, and what stands for their values."""

import pytest
import torch

from cellclass.module._tokens import TokenEmbedding

X = torch.tensor([[0.0, 2.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])


def made(**kwargs):
    torch.manual_seed(0)
    return TokenEmbedding(5, 8, **kwargs).eval()


def chosen(tokens, x=X):
    genes, mask = tokens.choose(x)
    return [row[keep].tolist() for row, keep in zip(genes, mask, strict=True)]


def test_expressed_genes_become_tokens():
    assert chosen(made()) == [[1, 3, 4], [3], []]
    assert chosen(made(n_tokens=2)) == [[1, 3], [3], []]  # the most important genes
    embedded, mask, genes = made()(X)
    assert embedded.shape == (3, 4, 8)
    assert mask.tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]
    assert genes.shape == (3, 3)


def test_rank_takes_what_is_large_for_the_gene():
    tokens = made(encoding="rank", n_tokens=2)
    assert chosen(tokens) == [[4, 1], [3], []]
    tokens.set_typical(torch.tensor([1.0, 0.1, 1.0, 0.001, 10.0]))
    assert chosen(tokens) == [[3, 1], [3], []]
    equal = torch.full((1, 5), 2.0)
    tokens.set_typical(torch.ones(5))
    assert chosen(tokens, equal) == [[0, 1]]


@pytest.mark.parametrize("target_sum", [1e4, 777.0])
def test_bins_are_those_of_log2(target_sum):
    tokens = made(encoding="bins", n_bins=4, target_sum=target_sum)
    per_10k = torch.tensor([[0.5, 0.99, 1.0, 2.99, 3.0, 6.9, 7.0, 900.0]])
    values = torch.log1p(per_10k * target_sum / 1e4)
    assert tokens._bins(values).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]


def test_a_cells_tokens_do_not_depend_on_the_others():
    for encoding in ("value", "bins", "rank"):
        tokens = made(encoding=encoding)
        together, mask, _ = tokens(X)
        alone, _, _ = tokens(X[1:2])
        torch.testing.assert_close(together[1, mask[1]], alone[0])


def test_tokens_are_left_out_in_training():
    tokens = made(dropout=0.5).train()
    _, mask = tokens.choose(torch.ones(2000, 5))
    assert 0.45 < mask.sum() / (2000 * 5) < 0.55
    assert made(dropout=0.5).choose(torch.ones(20, 5))[1].all()


def test_gradients_reach_the_input():
    x = X[:2].clone().requires_grad_()
    tokens, mask, _ = made()(x)
    tokens[mask].square().sum().backward()
    assert ((x.grad != 0) == (X[:2] > 0)).all()


def test_unknown_encoding():
    with pytest.raises(ValueError, match="encoding='order'"):
        made(encoding="order")
