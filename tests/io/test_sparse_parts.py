import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from cellclass.io._sparse_parts import SparseParts


def joined(parts, n_cells, n_genes, most_entries):
    indptr = parts.indptr(n_cells)
    blocks = list(parts.blocks(indptr, most_entries))
    assert [block[0] for block in blocks] == [0, *(block[1] for block in blocks)][:-1]
    for start, stop, indices, _ in blocks:
        assert indices.size <= most_entries or stop == start + 1
    indices = np.concatenate([block[2] for block in blocks])
    values = np.concatenate([block[3] for block in blocks])
    return sparse.csr_matrix((values, indices, indptr), shape=(n_cells, n_genes))


@pytest.mark.parametrize("on_disk", [True, False])
@given(data=st.data())
def test_parts_of_genes_and_of_cells(tmp_path_factory, on_disk, data):
    n_cells, n_genes = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    seed, most = data.draw(st.integers(0, 99)), data.draw(st.integers(1, 40))
    X = np.random.default_rng(seed).poisson(0.6, (n_cells, n_genes)).astype(np.float64)
    cuts = data.draw(st.lists(st.integers(0, max(n_cells, n_genes)), max_size=4).map(sorted))
    path = tmp_path_factory.mktemp("parts") / "parts" if on_disk else None
    for axis in (0, 1):
        ends = [min(cut, X.shape[axis]) for cut in cuts]
        with SparseParts(np.float64, path) as parts:
            for start, stop in zip([0, *ends], [*ends, X.shape[axis]], strict=True):
                some = sparse.csr_matrix(X[start:stop] if axis == 0 else X[:, start:stop])
                parts.add(
                    start if axis == 0 else 0,
                    some.indptr.astype(np.int64),
                    some.indices.astype(np.int32) + np.int32(start if axis == 1 else 0),
                    some.data,
                )
            found = joined(parts, n_cells, n_genes, most)
        np.testing.assert_array_equal(found.toarray(), X)
        assert found.has_canonical_format


def test_a_cell_in_two_parts():
    with SparseParts(np.float32) as parts:
        for gene in (0, 3):
            parts.add(
                1, np.array([0, 1]), np.array([gene], dtype=np.int32), np.ones(1, dtype=np.float32)
            )
        assert joined(parts, 3, 4, 1).toarray().tolist() == [[0] * 4, [1, 0, 0, 1], [0] * 4]
