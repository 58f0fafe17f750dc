"""How many threads the kernels use."""

import torch

from cellclass.kernels._threads import threads_for


def test_asking_leaves_the_threads_of_torch_alone():
    before = torch.get_num_threads()
    assert 1 <= threads_for(1 << 30, None) <= 8
    assert torch.get_num_threads() == before
