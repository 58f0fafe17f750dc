import pytest

from cellclass.io._memory_size import n_bytes


@pytest.mark.parametrize(
    ("size", "number"),
    [("1GB", 10**9), ("2 GiB", 2**31), ("1.5kb", 1500), ("70", 70), ("8b", 8), (5, 5)],
)
def test_sizes(size, number):
    assert n_bytes(size, "max_memory") == number


@pytest.mark.parametrize("size", ["", "GB", "1 XB", "-1GB", "1ib", "0", 0, -5])
def test_no_size(size):
    with pytest.raises(ValueError, match="max_memory="):
        n_bytes(size, "max_memory")


def test_not_whole():
    with pytest.raises(TypeError):
        n_bytes(1.5, "max_memory")
