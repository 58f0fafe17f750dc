"""Which genes become tokens, and what stands for their values."""

import pytest
import torch

from cellclass.module._tokens import TokenEmbedding

X = torch.tensor([[0.0, 2.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])


def made(**kwargs):
    torch.manual_seed(0)
    return TokenEmbedding(5, 8, **kwargs).eval()


def chosen(tokens, x=X):
    genes, _, mask, _ = tokens.choose(x)
    return [row[keep].tolist() for row, keep in zip(genes, mask, strict=True)]


def embedded(tokens, x=X):
    return tokens(tokens.choose(x))


def test_expressed_genes_become_tokens():
    assert chosen(made()) == [[1, 3, 4], [3], []]
    assert chosen(made(n_tokens=2)) == [[1, 3], [3], []]  # the most important genes
    x, mask = embedded(made())
    assert x.shape == (3, 4, 8)
    assert mask.tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]
    assert made().lengths(X).tolist() == [3, 1, 0]
    assert made(n_tokens=2).lengths(X).tolist() == [2, 1, 0]


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
    assert tokens.log2_bins(values).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]


def test_a_cells_tokens_do_not_depend_on_the_others():
    for encoding in ("value", "bins", "quantile", "rank"):
        tokens = made(encoding=encoding)
        together, mask = embedded(tokens)
        alone, _ = embedded(tokens, X[1:2])
        torch.testing.assert_close(together[1, mask[1]], alone[0])


def test_tokens_are_left_out_in_training():
    tokens = made(dropout=0.5).train()
    mask = tokens.choose(torch.ones(2000, 5)).mask
    assert 0.45 < mask.sum() / (2000 * 5) < 0.55
    assert made(dropout=0.5).choose(torch.ones(20, 5)).mask.all()


def test_gradients_reach_the_input():
    x = X[:2].clone().requires_grad_()
    tokens, mask = embedded(made(), x)
    tokens[mask].square().sum().backward()
    assert ((x.grad != 0) == (X[:2] > 0)).all()


def test_genes_that_were_not_measured_are_no_tokens():
    tokens = made()
    tokens.set_fill(torch.tensor([0.0, 2.0, 0.0, 0.5, 0.0]))
    assert chosen(tokens) == [[3, 4], [], []]


def test_quantiles_are_those_of_the_cell_and_equal_values_are_alike():
    tokens = made(encoding="quantile", n_bins=2)
    x = torch.tensor([[1.0, 4.0, 3.0, 2.0, 0.0], [1.0, 1.0, 1.0, 9.0, 0.0]])
    found = tokens.bins(tokens.choose(x))
    assert found.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
    assert torch.equal(tokens.bins(tokens.choose(x * 7)), found)


def test_the_earlier_time_point_follows_after_a_separator():
    tokens = made(previous=True, n_tokens=4)
    x = torch.cat([X[:2], X[[1, 0]]], dim=1)  # (2, 2 G)
    found = tokens.choose(x)
    assert found.n_current == 2
    assert found.genes[0].tolist()[:3] == [1, 3, 3]
    assert found.mask.tolist() == [[True, True, True, False], [True, False, True, True]]
    assert tokens.lengths(x).tolist() == [3, 3]
    embedded_, mask = tokens(found)
    assert embedded_.shape == (2, 6, 8)
    torch.testing.assert_close(embedded_[0, 3], tokens.separator)
    assert mask[:, [0, 3]].all()
    one, other = (embedded_ * mask[..., None]).sum(dim=1)  # the same tokens at swapped times
    assert not torch.allclose(one, other)


def test_given_vectors_stand_for_genes_and_others_are_learned():
    tokens = made(vector_dim=3)
    has_vector = torch.tensor([True, False, True, False, True])
    tokens.set_vectors(torch.arange(15.0).view(5, 3), has_vector)
    found = tokens.gene_vectors()
    torch.testing.assert_close(found[1], tokens.genes.weight[1])
    torch.testing.assert_close(found[2], tokens.project(tokens.vectors[2]))
    found.sum().backward()
    assert tokens.vectors.grad is None
    assert (tokens.genes.weight.grad.abs().sum(dim=1) > 0).tolist() == (~has_vector).tolist()


def test_a_hidden_value_is_not_to_be_seen():
    for encoding in ("value", "bins", "quantile"):
        tokens = made(encoding=encoding)
        one = tokens.choose(X[:1])
        hidden = torch.tensor([[False, True, False]])
        other = one._replace(values=torch.where(hidden, 7.0, one.values))
        if encoding == "quantile":  # it is one of the values that quantiles are taken of
            other = one._replace(values=torch.where(hidden, 0.1, one.values))
        torch.testing.assert_close(tokens(one, hidden)[0], tokens(other, hidden)[0])
    ranks = made(encoding="rank")
    one = ranks.choose(X[:1])
    hidden = torch.tensor([[False, True, False]])
    other = one._replace(genes=torch.where(hidden, 0, one.genes))
    torch.testing.assert_close(ranks(one, hidden)[0], ranks(other, hidden)[0])


def test_unknown_encoding():
    with pytest.raises(ValueError, match="encoding='order'"):
        made(encoding="order")
