"""What several processes do not wait for."""

import pytest
import torch
from torch import nn

from cellclass.train import only_used


@pytest.fixture
def network():
    return nn.ModuleDict(
        {"used": nn.Linear(2, 2), "unused": nn.Linear(2, 2), "frozen": nn.Linear(2, 2)}
    )


def asked(network):
    return {name for name, part in network.items() if part.weight.requires_grad}


def test_unused_parameters_are_left_out_for_a_while(network):
    network["frozen"].requires_grad_(False)
    network.train()
    state = torch.get_rng_state()
    with only_used(network, lambda: network["used"](torch.ones(1, 2))):
        assert asked(network) == {"used"}
        assert network.training
    assert asked(network) == {"used", "unused"}
    assert all(p.grad is None for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_they_are_back_after_an_error(network):
    with (
        pytest.raises(RuntimeError, match="stop"),
        only_used(network, lambda: network["used"](torch.ones(1, 2))),
    ):
        raise RuntimeError("stop")
    assert asked(network) == {"used", "unused", "frozen"}
