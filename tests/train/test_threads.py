"""Small steps take one thread; the number comes back."""

import pytest
import torch

from cellclass.train import threads_for_step


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("n_parameters", "batch_size", "expected"), [(10_000, 128, 1), (3_000_000, 1024, 2)]
)
def test_threads(n_parameters, batch_size, expected):
    with threads_for_step(n_parameters, batch_size):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2


def test_threads_come_back_after_an_error():
    with pytest.raises(RuntimeError, match="boom"), threads_for_step(1, 1):
        raise RuntimeError("boom")
    assert torch.get_num_threads() == 2
