"""The encoder: no order, no trace of padding, features that are drawn anew."""

from itertools import pairwise

import pytest
import torch

from cellclass.module._encoder import Encoder, choose_attention, count_features

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
        encoder.begin_step()
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
    fixed.begin_step()
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


def test_a_backward_pass_after_a_redraw_is_that_of_the_old_features():
    x = torch.randn(1, 5, 12)
    found = []
    for redraw in (False, True):
        encoder = made(attention="favor", redraw_every=1)
        loss = encoder(x).square().sum()
        if redraw:
            encoder.begin_step()
        loss.backward()
        found.append(encoder.blocks[0].attention.to_qkv.weight.grad)
    torch.testing.assert_close(*found, atol=0, rtol=0)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_first_token_alone_is_that_of_all(kind):
    encoder, x = made(**kind).eval(), torch.randn(3, 20, 12)
    mask = torch.arange(20) < torch.tensor([[20], [9], [1]])
    torch.testing.assert_close(encoder(x, mask, first_only=True), encoder(x, mask)[:, :1])


def test_exact_attention_for_few_tokens_and_random_features_for_many():
    assert count_features(64) == 266  # scBERT's
    found = [choose_attention(n, 10, "cpu") for n in (1, 29, 30, 5000)]
    assert found == ["softmax", "softmax", "favor", "favor"]
    assert choose_attention(30, 10, "cuda") == "softmax"


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"attention": "flash"}, "attention='flash'"),
        ({"kernel": "cosine"}, "kernel='cosine'"),
        ({"attention": "softmax", "kernel": "relu"}, "say attention='favor'"),
        ({"norm": "batch"}, "norm='batch'"),
        ({"redraw_every": 0}, "redraw_every=0"),
    ],
)
def test_bad_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        made(**kwargs)
