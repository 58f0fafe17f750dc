"""Agreement of attributions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from cellclass.metrics import attribution_stability

GENES = [f"G{j}" for j in range(30)]


def frame(values, genes=GENES, labels=("B", "T")):
    return pd.DataFrame(values, index=genes, columns=list(labels))


@given(
    values=arrays(np.float32, (3, 30, 2), elements=st.floats(-9, 9, width=16)),
    n_top=st.integers(1, 40),
)
def test_bounds_order_and_scale_do_not_matter(values, n_top):
    frames = [frame(v) for v in values]
    found = attribution_stability(frames, n_top_genes=n_top)
    assert found["rank_correlation"].dropna().between(-1, 1 + 1e-12).all()
    assert found["top_overlap"].between(0, 1).all()
    assert (found["n_models"] == 3).all()
    other = attribution_stability([f * 3 for f in frames[::-1]], n_top_genes=n_top)
    pd.testing.assert_frame_equal(found, other)


def test_as_scipy():
    rng = np.random.default_rng(0)
    first, second = frame(rng.random((30, 2))), frame(rng.random((30, 2)))
    found = attribution_stability([first, second], n_top_genes=10)
    for label in ("B", "T"):
        expected = spearmanr(first[label], second[label]).statistic
        assert found.loc[label, "rank_correlation"] == pytest.approx(expected)
        best = [set(one[label].nlargest(10).index) for one in (first, second)]
        assert found.loc[label, "top_overlap"] == len(best[0] & best[1]) / 10
    assert found["chance_overlap"].tolist() == pytest.approx([1 / 3, 1 / 3])


def test_equal_and_opposite():
    one = frame(np.random.default_rng(0).random((30, 2)))
    assert attribution_stability([one, one])["top_overlap"].tolist() == [1, 1]
    opposite = attribution_stability([one, -one], n_top_genes=5)
    assert opposite["rank_correlation"].tolist() == pytest.approx([-1, -1])
    assert opposite["top_overlap"].tolist() == [0, 0]


def test_other_genes_count_as_zero():
    first = frame([[2.0], [1.0]], ["a", "b"], ["B"])
    second = frame([[1.0], [2.0]], ["c", "a"], ["B"])
    found = attribution_stability([first, second], n_top_genes=1)
    assert found.loc["B", "top_overlap"] == 1
    assert found.loc["B", "chance_overlap"] == pytest.approx(1 / 3)


def test_labels_that_only_some_have():
    values = np.arange(60.0).reshape(30, 2)
    without = frame(values).assign(T=np.nan)
    found = attribution_stability([frame(values), without, frame(values, labels=("B", "NK"))])
    assert found["n_models"].to_dict() == {"B": 3, "T": 1, "NK": 1}
    assert found.loc[["T", "NK"], "rank_correlation"].isna().all()


def test_too_few():
    with pytest.raises(ValueError, match="1 model: stability is a matter of two"):
        attribution_stability([frame(np.ones((30, 2)))])
    with pytest.raises(ValueError, match="n_top_genes=0"):
        attribution_stability([frame(np.ones((30, 2)))] * 2, n_top_genes=0)
