"""The transformer as a network: poolings, shallow paths, published sizes."""

import pytest
import torch

from cellclass.module._performer import Performer, groups_of_like_length

POOLINGS = ["sum", "cls", "mean", "attention", "convolution"]
ENCODER = {"depth": 1, "n_heads": 2, "head_dim": 4, "attention": "favor", "n_features": 16}


def made(**kwargs):
    torch.manual_seed(0)
    arguments = {"dim": 8, "encoder": ENCODER, "tokens": {}, "shallow": False} | kwargs
    return Performer(20, 3, **arguments).eval()


def cells(n=6):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand((n, 20), generator=generator) * 3
    return torch.where(torch.rand((n, 20), generator=generator) < 0.6, 0.0, x)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_logits(pooling):
    module, x = made(pooling=pooling), cells()
    logits = module(x)
    assert logits.shape == (6, 3)
    torch.testing.assert_close(module.classify(module.embed(x), x), logits)
    torch.testing.assert_close(module.member_logits(x)[0], logits)
    for row in range(6):  # padding to the longest cell changes nothing
        torch.testing.assert_close(module(x[row : row + 1])[0], logits[row], atol=1e-5, rtol=1e-5)
    assert module(torch.zeros(2, 20)).isfinite().all()


def test_sum_is_of_tokens_before_the_last_norm():
    module, x = made(pooling="sum"), cells()[:1]
    tokens, mask = module.tokens(module.tokens.choose(x))
    summed = module.encoder.blocks[0](tokens, mask).sum(dim=1) / mask.sum() ** 0.5
    torch.testing.assert_close(module.embed(x), summed)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_learns(pooling):
    module = made(pooling=pooling).train()
    x, codes = cells(60), torch.arange(60) % 3
    x[torch.arange(60), codes] += 4
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), codes)
        loss.backward()
        optimizer.step()
    assert loss < 0.3


def test_shallow_paths_start_at_nothing():
    with_paths, without = made(shallow=True), made()
    without.load_state_dict(
        {k: v for k, v in with_paths.state_dict().items() if k != "path_weights"}, strict=False
    )
    torch.testing.assert_close(with_paths(cells()), without(cells()))
    with_paths.path_weights.copy_(torch.tensor([1.0, 0.5, 0.0]))
    linear = with_paths.linear(cells())
    torch.testing.assert_close(with_paths(cells()), without(cells()) + 0.5 * linear)


def test_cells_of_like_length_go_together():
    lengths = torch.tensor([3, 90, 4, 88, 5])
    groups = [group.tolist() for group in groups_of_like_length(lengths, 182)]
    assert groups == [[1, 3], [4, 2, 0]]
    assert [g.tolist() for g in groups_of_like_length(lengths[:2], 1)] == [[1], [0]]
    assert [g.tolist() for g in groups_of_like_length(lengths[:0], 10)] == [[]]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_groups_change_no_answer(monkeypatch, pooling):
    module, x = made(pooling=pooling), cells(9)
    whole = module(x)
    monkeypatch.setattr("cellclass.module._performer._TOKENS_TOGETHER", {"cpu": 20})
    torch.testing.assert_close(module(x), whole, atol=1e-5, rtol=1e-5)


def test_layers_from_the_embedding_to_the_head():
    module = made(encoder=ENCODER | {"depth": 2})
    layers = {module.layer_of(name) for name, _ in module.named_parameters()}
    assert layers == set(range(module.n_layers))
    assert module.layer_of("tokens.genes.weight") == 0
    assert module.layer_of("encoder.blocks.1.attention.to_out.bias") == 2
    assert module.layer_of("head.1.weight") == 3


def test_scberts_dimensions():
    """Width 200, depth 6, 10 heads of 64, 266 features; the head over 16,906 genes and a token."""
    module = Performer(
        16_906,
        10,
        dim=200,
        encoder={"depth": 6, "n_heads": 10, "head_dim": 64, "redraw_every": 1000},
        tokens={"encoding": "bins", "n_bins": 6, "n_tokens": 16_906},
        pooling="convolution",
        shallow=False,
    )
    assert module.encoder.blocks[0].attention.features.shape == (10, 266, 64)
    n_head = 201 + 16_907 * 512 + 512 + 512 * 128 + 128
    found = sum(p.numel() for part in (module.pool, module.dense) for p in part.parameters())
    assert found == n_head


def test_unknown_pooling():
    with pytest.raises(ValueError, match="pooling='max'"):
        made(pooling="max")
