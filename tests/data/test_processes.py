"""Processes share every minibatch."""

import numpy as np
import pytest

from cellclass.data import place_among, share_of


@pytest.mark.parametrize("n_cells", [2, 3, 7, 64])
@pytest.mark.parametrize("world_size", [1, 2])
def test_every_cell_is_in_one_share(n_cells, world_size):
    cells = np.arange(n_cells)
    shares = [cells[share_of(n_cells, rank, world_size)] for rank in range(world_size)]
    assert sorted(np.concatenate(shares)) == cells.tolist()
    assert np.ptp([len(share) for share in shares]) <= 1


def test_too_few_cells_are_taken_whole():
    assert [list(range(2))[share_of(2, rank, 3)] for rank in range(3)] == [[0, 1]] * 3


def test_without_a_trainer_there_is_one_process():
    assert place_among(None) == (0, 1)
