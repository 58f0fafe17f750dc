import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellclass.kernels import best_first, round_robin


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(1, 30)),
        elements=st.sampled_from([-1.0, -0.5, -1e-9, -0.0, 0.0, 1e-30, 0.25, 0.5, 3.0]),
    )
)
def test_best_first_is_a_stable_sort(scores):
    expected = np.argsort(-scores.astype(np.float32), axis=1, kind="stable")
    assert best_first(scores).tolist() == expected.tolist()


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 12)),
        elements=st.floats(-1, 1, width=32),
    )
)
def test_round_robin_takes_turns(scores):
    sizes = np.where(scores < 0, -scores / 2, scores)
    order = np.argsort(-sizes, axis=1, kind="stable")
    assert round_robin(scores).tolist() == list(dict.fromkeys(order.T.ravel().tolist()))


def test_a_gene_that_is_down_counts_half():
    scores = np.array([[-0.3, 0.2, 0.1], [0.0, 0.0, 0.3]])
    assert round_robin(scores).tolist() == [1, 2, 0]
