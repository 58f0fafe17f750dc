"""The encoder: no order, no trace of padding, features that are drawn anew."""

from itertools import pairwise

import pytest
import torch

from cellclass.module._encoder import Encoder, SelfAttention

KINDS = [
    {"attention": "favor"},
    {"attention": "softmax"},
    {"attention": "favor", "kernel": "relu"},
    {"attention": "favor", "norm": "rezero"},
    {"attention": "favor", "norm": "post"},
]


def made(**kwargs):
    torch.manual_seed(0)
    encoder = Encoder(12, **{"depth": 2, "n_heads": 2, "head_dim": 6} | kwargs)
    with torch.no_grad():  # ReZero starts as the identity
        for block in encoder.blocks:
            if block.norm == "rezero":
                block.scales.fill_(0.5)
    return encoder


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_tokens_have_no_order(kind):
    encoder = made(**kind).eval()
    x, order = torch.randn(3, 40, 12), torch.randperm(40)
    with torch.no_grad():
        torch.testing.assert_close(encoder(x[:, order]), encoder(x)[:, order], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_padding_changes_no_answer(kind):
    encoder = made(**kind).eval()
    x = torch.randn(3, 40, 12)
    padded = torch.cat([x, 50 * torch.randn(3, 25, 12)], dim=1)
    mask = torch.arange(65).expand(3, 65) < 40
    with torch.no_grad():
        torch.testing.assert_close(encoder(padded, mask)[:, :40], encoder(x), atol=1e-5, rtol=1e-5)


def test_many_features_come_near_exact_attention():
    x = torch.randn(2, 30, 12)
    exact, estimated = made(attention="softmax"), made(attention="favor", n_features=4096)
    weights = {k: v for k, v in exact.state_dict().items() if not k.endswith("features")}
    estimated.load_state_dict(weights, strict=False)
    with torch.no_grad():
        difference = estimated.eval()(x) - exact.eval()(x)
    assert difference.norm() / exact(x).norm() < 0.05


def drawn(encoder):
    return encoder.blocks[0].attention.features.clone()


def test_features_are_drawn_anew_in_training_only():
    encoder, x = made(attention="favor", redraw_every=3), torch.randn(1, 5, 12)
    seen = []
    for _ in range(7):
        encoder(x)
        seen.append(drawn(encoder))
    changed = [not torch.equal(a, b) for a, b in pairwise(seen)]
    assert changed == [False, False, True, False, False, True]
    encoder.eval()
    first = encoder(x)
    torch.testing.assert_close(encoder(x), first, atol=0, rtol=0)
    assert torch.equal(drawn(encoder), seen[-1])
    again = made(attention="favor").eval()
    again.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(again(x), first, atol=0, rtol=0)
    fixed = made(attention="favor", redraw_every=None)
    before = drawn(fixed)
    fixed(x)
    assert torch.equal(drawn(fixed), before)


def test_recomputing_gives_the_same_gradients():
    x = torch.randn(2, 20, 12)
    found = []
    for recompute in (False, True):
        encoder = made(attention="favor", recompute=recompute, redraw_every=1)
        torch.manual_seed(1)
        encoder(x).square().sum().backward()
        found.append([p.grad for p in encoder.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_auto_takes_exact_attention_for_few_tokens():
    attention = SelfAttention(8, n_heads=1, head_dim=8, n_features=10)
    assert [attention.is_exact(n) for n in (1, 29, 30, 5000)] == [True, True, False, False]
    assert not SelfAttention(8, n_heads=1, head_dim=8, attention="favor").is_exact(1)
    assert SelfAttention(8, n_heads=1, head_dim=8, attention="softmax").is_exact(10**6)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"attention": "flash"}, "attention='flash'"),
        ({"kernel": "cosine"}, "kernel='cosine'"),
        ({"kernel": "relu"}, "say attention='favor'"),
        ({"norm": "batch"}, "norm='batch'"),
        ({"redraw_every": 0}, "redraw_every=0"),
    ],
)
def test_bad_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        made(**kwargs)
