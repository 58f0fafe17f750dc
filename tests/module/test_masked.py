"""Masked expression modelling: what is asked for, what is seen of it, and what is told."""

import pytest
import torch

from cellclass.module import MaskedExpression, MaskRules, Performer, Tokens

N_CELLS, N_TOKENS, N_GENES = 200, 50, 60


def made(encoding="bins", **rules):
    torch.manual_seed(0)
    performer = Performer(
        N_GENES,
        2,
        dim=8,
        encoder={"depth": 1, "n_heads": 2, "head_dim": 4, "attention": "softmax"},
        tokens={"encoding": encoding, "n_bins": 4},
    )
    return MaskedExpression(performer, MaskRules(**rules)).eval()


def cells():
    generator = torch.Generator().manual_seed(1)
    genes = torch.rand((N_CELLS, N_GENES), generator=generator).argsort(dim=1)[:, :N_TOKENS]
    values = torch.rand((N_CELLS, N_TOKENS), generator=generator) * 3
    mask = torch.arange(N_TOKENS) < torch.randint(1, N_TOKENS, (N_CELLS, 1), generator=generator)
    return Tokens(genes, torch.where(mask, values, 0.0), mask, N_TOKENS)


def test_shares_are_those_of_the_rules_and_padding_is_never_asked_for():
    tokens = cells()
    module = made(mask_prob=0.3, replace_prob=0.8, random_token_prob=0.5)
    seen, hidden, asked = module.corrupt(tokens, torch.Generator().manual_seed(0))
    assert not (asked & ~tokens.mask).any()
    assert not (hidden & ~asked).any()
    n = asked.sum()
    assert n / tokens.mask.sum() == pytest.approx(0.3, abs=0.03)
    assert hidden.sum() / n == pytest.approx(0.8, abs=0.05)
    changed = seen.values != tokens.values
    assert not (changed & ~(asked & ~hidden)).any()
    assert changed.sum() / (asked & ~hidden).sum() == pytest.approx(0.5, abs=0.1)
    assert torch.isin(seen.values[changed], tokens.values[tokens.mask]).all()


def test_ranks_swap_genes_and_leave_values():
    tokens = cells()
    module = made("rank", mask_prob=0.5, replace_prob=0.0, random_token_prob=1.0)
    seen, hidden, _ = module.corrupt(tokens)
    assert torch.equal(seen.values, tokens.values)
    assert (seen.genes != tokens.genes).any()
    assert not hidden.any()


@pytest.mark.parametrize("encoding", ["bins", "value", "rank"])
def test_what_is_hidden_is_not_told_from_itself(encoding):
    tokens, module = cells(), made(encoding, mask_prob=0.15, replace_prob=1.0)
    seen, hidden, asked = module.corrupt(tokens)
    told = module(seen, hidden, asked)
    n_targets = N_GENES if encoding == "rank" else 4
    assert told.shape == (asked.sum(), n_targets)
    if encoding == "rank":
        other = seen._replace(genes=torch.where(hidden, 0, seen.genes))
    else:
        other = seen._replace(values=torch.where(hidden, 9.0, seen.values))
    torch.testing.assert_close(module(other, hidden, asked), told)


def test_begins_with_what_is_usual_for_the_gene():
    module, tokens = made(mask_prob=1.0), cells()
    with torch.no_grad():
        module.decoder.weight.zero_()
        module.decoder.bias.zero_()
    counts = torch.zeros(N_GENES, 4)
    counts[torch.arange(N_GENES), torch.arange(N_GENES) % 4] = 10
    module.set_usual(counts)
    seen, hidden, asked = module.corrupt(tokens)
    told = module(seen, hidden, asked)
    assert torch.equal(told.argmax(dim=1), tokens.genes[asked] % 4)
    torch.testing.assert_close(told.exp().sum(dim=1), torch.ones(len(told)))


def test_learns_what_the_other_tokens_say():
    """The bin of every gene is that of the cell: one token tells the others."""
    module = made(mask_prob=0.3).train()
    generator = torch.Generator().manual_seed(0)
    level = torch.randint(4, (128, 1), generator=generator)
    values = torch.log1p(2.0**level - 1).expand(128, 20).contiguous() + 1e-4
    genes = torch.arange(20).expand(128, 20)
    tokens = Tokens(genes, values, torch.ones(128, 20, dtype=torch.bool), 20)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(150):
        seen, hidden, asked = module.corrupt(tokens, generator)
        target = module.targets(tokens)[asked]
        loss = torch.nn.functional.cross_entropy(module(seen, hidden, asked), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3
