"""Attention rollout: shares of tokens that add up, by either kind of attention."""

import pytest
import torch

from cellclass.module import Encoder
from cellclass.module._rollout import attention_rollout


def made(**kwargs):
    torch.manual_seed(0)
    return Encoder(12, **{"depth": 2, "n_heads": 2, "head_dim": 6} | kwargs).eval()


@pytest.mark.parametrize("norm", ["pre", "post", "rezero"])
@pytest.mark.parametrize("attention", ["favor", "softmax"])
def test_rows_add_up_and_padding_gets_nothing(norm, attention):
    x, mask = torch.randn(1, 15, 12), (torch.arange(15) < 10)[None]
    with torch.no_grad():
        found = attention_rollout(made(norm=norm, attention=attention), x, mask)
    assert (found >= -1e-6).all()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(15))
    assert found[:10, 10:].abs().max() == 0


def test_one_block_is_half_its_attention_and_half_the_token():
    encoder, x = made(depth=1, attention="softmax", norm="post"), torch.randn(1, 9, 12)
    attention = encoder.blocks[0].attention
    q, k, _ = attention.to_qkv(x).unflatten(-1, (3, 2, 6)).permute(2, 0, 3, 1, 4)
    weights = (q @ k.mT / 6**0.5).softmax(dim=-1).mean(dim=1)[0]
    with torch.no_grad():
        found = attention_rollout(encoder, x, torch.ones(1, 9, dtype=torch.bool))
    torch.testing.assert_close(found, 0.5 * (weights + torch.eye(9)))


def test_random_features_come_near_exact_attention():
    x, mask = torch.randn(1, 9, 12), torch.ones(1, 9, dtype=torch.bool)
    exact, estimated = made(attention="softmax"), made(attention="favor", n_features=4096)
    weights = {k: v for k, v in exact.state_dict().items() if not k.endswith("features")}
    estimated.load_state_dict(weights, strict=False)
    with torch.no_grad():
        found, expected = (attention_rollout(e, x, mask) for e in (estimated, exact))
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)
