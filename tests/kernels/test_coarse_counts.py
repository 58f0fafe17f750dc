import numpy as np

from cellclass.kernels import coarse_counts, count_tables


def test_equals_a_histogram():
    rng = np.random.default_rng(0)
    X = rng.negative_binomial(1, 0.02, (500, 8)) * (rng.random((500, 8)) < 0.7)
    X[3, 5] = 2**24 - 1
    codes = rng.integers(-1, 4, 500)
    lowest, cells = coarse_counts(count_tables(X, codes, 4), [5, 0])
    assert lowest[:7].tolist() == [0, 1, 2, 3, 4, 8, 16]
    assert lowest[-1] == 2**23
    edges = [*lowest, 2**24]
    for place, gene in enumerate([5, 0]):
        for label in range(4):
            expected = np.histogram(X[codes == label, gene], edges)[0]
            assert cells[place, label].tolist() == expected.tolist()


def test_ranges_end_with_the_largest_count():
    lowest, cells = coarse_counts(
        count_tables(np.array([[0, 3], [1, 9]]), np.array([0, 1]), 2), [0]
    )
    assert lowest.tolist() == [0, 1]
    assert cells.tolist() == [[[1, 0], [0, 1]]]


def test_lowest_counts_of_bins():
    X, codes = np.array([[0], [1], [2], [3]]), np.zeros(4, dtype=int)
    lowest, cells = coarse_counts(count_tables(X, codes, 1), [0], bin_values=[0, 1, 2, 4])
    assert dict(zip(lowest, cells[0, 0], strict=True)) == {0: 1, 1: 1, 2: 1, 3: 0, 4: 1}
