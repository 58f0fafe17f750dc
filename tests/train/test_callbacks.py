"""Early stopping stops on evidence, and goes back."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from cellclass.train import StopWhenWorse

CODES = np.arange(60) % 2


class Plan:
    """Stands in for a plan: a weight that says which look this is, and answers."""

    def __init__(self):
        self.module = nn.Linear(1, 1, bias=False)
        self.validation_outputs = None

    def look(self, number, quality):
        with torch.no_grad():
            self.module.weight.fill_(number)
        # not all right, so that no temperature makes the loss vanish
        truth = np.where(np.arange(60) < 60 * quality, CODES, 1 - CODES)
        self.validation_outputs = (np.eye(2)[truth] * 4, CODES)


def one_process():
    return SimpleNamespace(should_stop=False, world_size=1)


def run(qualities, patience=2):
    plan, trainer, stop = Plan(), one_process(), StopWhenWorse(patience)
    for number, quality in enumerate(qualities):
        plan.look(number, quality)
        stop.on_validation_end(trainer, plan)
        if trainer.should_stop:
            break
    stop.on_train_end(trainer, plan)
    return trainer.should_stop, number, plan.module.weight.item()


def test_stops_when_worse_and_goes_back_to_the_best():
    assert run([0.7, 0.9, 0.5, 0.5, 0.5]) == (True, 3, 1.0)


def test_goes_on_while_it_gets_better():
    assert run([0.6, 0.7, 0.8, 0.9]) == (False, 3, 3.0)


def test_one_bad_look_is_no_reason():
    assert run([0.7, 0.9, 0.5, 0.9, 0.5, 0.9]) == (False, 5, 5.0)


def test_a_difference_within_chance_is_no_reason():
    stopped, _, weight = run([0.90, 0.885, 0.885, 0.885, 0.885])
    assert not stopped
    assert weight == 4


def test_ends_on_the_best_weights_when_the_last_look_was_worse():
    assert run([0.9, 0.5], patience=3) == (False, 1, 0.0)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_being_too_sure_is_not_worse(scale):
    """A temperature mends it, so the loss does not change."""
    plan, trainer, stop = Plan(), one_process(), StopWhenWorse(1)
    plan.look(0, 0.8)
    stop.on_validation_end(trainer, plan)
    logits, codes = plan.validation_outputs
    plan.validation_outputs = (logits * scale, codes)
    stop.on_validation_end(trainer, plan)
    assert not trainer.should_stop


def test_it_goes_on_from_what_it_kept():
    plan, trainer, stop = Plan(), one_process(), StopWhenWorse(2)
    for number, quality in enumerate([0.9, 0.5]):
        plan.look(number, quality)
        stop.on_validation_end(trainer, plan)
    again = StopWhenWorse(2)
    again.load_state_dict(stop.state_dict())
    plan.look(2, 0.5)
    again.on_validation_end(trainer, plan)
    assert trainer.should_stop
    again.on_train_end(trainer, plan)
    assert plan.module.weight.item() == 0
