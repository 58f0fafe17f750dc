"""Random numbers are drawn on from where they were."""

import random

import numpy as np
import torch

from cellclass.train import KeepCheckpoint
from cellclass.train._resuming import random_state, set_random_state

CPU = torch.device("cpu")


def drawn():
    """What torch, numpy and Python draw next."""
    return torch.randn(2).tolist(), np.random.random(2).tolist(), random.random()  # noqa: NPY002


def test_all_draw_on():
    state = random_state(CPU)
    first = drawn()
    assert drawn() != first
    set_random_state(state, CPU, 0)
    assert drawn() == first


def test_other_processes_draw_numbers_of_their_own():
    state, seen = random_state(CPU), []
    for rank in (0, 1, 2, 1):
        set_random_state(state, CPU, rank)
        seen.append(torch.randn(4).tolist())
    assert seen[1] == seen[3]
    assert seen[0] != seen[1] != seen[2]


def test_checkpoints_of_others_stay_as_they_are(tmp_path):
    checkpoint = {"loops": {}}
    KeepCheckpoint(tmp_path / "x", {}).on_save_checkpoint(None, None, checkpoint)
    assert checkpoint == {"loops": {}}
