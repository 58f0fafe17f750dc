import numpy as np
from scipy import sparse

from cellclass.kernels import count_tables, divergences, split_tables
from cellclass.kernels._gene_histogram import read_gene


def make():
    rng = np.random.default_rng(0)
    X = rng.poisson(rng.gamma(0.5, 2, (1, 20)), (300, 20)) * 3
    X[rng.random(X.shape) < 0.02] = 50_000
    X[:, 4] = 7
    X[:, 5] = 0
    return X, rng.integers(0, 4, 300)


def test_reads_every_value_in_order():
    X, codes = make()
    tables = count_tables(sparse.csr_array(X), codes, 4)
    assert tables.overflow.size > 0
    n_most = tables.max_bins
    values, cells = np.empty(n_most, np.int64), np.empty((n_most, 4), np.int64)
    parts = (tables.table, tables.offsets, tables.overflow, tables.n_cells)
    key = 0
    for gene, x in enumerate(X.T):
        n_values, key = read_gene(*parts, gene, key, values, cells)
        expected = np.unique(x)
        assert values[:n_values].tolist() == expected.tolist()
        for value, found in zip(expected, cells, strict=False):
            assert found.tolist() == np.bincount(codes[x == value], minlength=4).tolist()
    assert key == tables.overflow.size


def test_parts_are_the_tables_of_their_cells():
    X, codes = make()
    batches = np.arange(300) % 3
    for batch, part in enumerate(split_tables(count_tables(X, batches * 4 + codes, 12), 3)):
        inside = batches == batch
        alone = count_tables(X[inside], codes[inside], 4)
        assert part.n_cells.tolist() == alone.n_cells.tolist()
        assert np.array_equal(divergences(part), divergences(alone))
