import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellclass as cc


def test_fields():
    adata = cc.datasets.simulate_counts(300, 80, 4, n_batches=3, n_markers=10)
    assert adata.shape == (300, 80)
    assert adata.X.format == "csr"
    assert adata.X.dtype == np.float32
    assert np.array_equal(adata.X.data, np.rint(adata.X.data))
    assert adata.X.data.min() >= 1
    assert not adata.layers
    for key, names in {"cell_type": "type", "batch": "batch"}.items():
        assert isinstance(adata.obs[key].dtype, pd.CategoricalDtype)
        assert adata.obs[key].str.startswith(names).all()
    assert adata.obs["cell_type"].value_counts().tolist() == [75] * 4
    assert adata.obs["batch"].value_counts().tolist() == [100] * 3
    assert adata.var["marker_of"].value_counts().tolist() == [10] * 4
    assert adata.var["marker_of"].isna().sum() == 40


def test_marker_genes_are_higher_in_their_label():
    adata = cc.datasets.simulate_counts(2000, 200, 3, fold_change=4.0, depth=5000)
    share = adata.X.toarray() / adata.X.sum(axis=1).A1[:, None]
    for label in adata.obs["cell_type"].cat.categories:
        inside = (adata.obs["cell_type"] == label).to_numpy()
        ratio = share[inside].mean(axis=0) / share[~inside].mean(axis=0)
        own = (adata.var["marker_of"] == label).to_numpy()
        free = adata.var["marker_of"].isna().to_numpy()
        # making the shares sum to 1 scales all genes of a label alike
        assert np.median(ratio[own]) / np.median(ratio[free]) == pytest.approx(4.0, rel=0.1)


def test_fold_change_of_one_separates_nothing():
    adata = cc.datasets.simulate_counts(2000, 50, 2, fold_change=1.0, n_markers=5)
    mean = [
        adata.X[(adata.obs["cell_type"] == t).to_numpy()].mean(axis=0).A1
        for t in adata.obs["cell_type"].cat.categories
    ]
    np.testing.assert_allclose(mean[0], mean[1], rtol=0.15)


def test_depth_and_dispersion():
    counts = cc.datasets.simulate_counts(4000, 300, 2, depth=3000, dispersion=0.5).X.toarray()
    assert np.median(counts.sum(axis=1)) == pytest.approx(3000, rel=0.03)
    poisson = cc.datasets.simulate_counts(4000, 300, 2, depth=3000, dispersion=0).X.toarray()
    assert counts.var(axis=0).sum() > 2 * poisson.var(axis=0).sum()


def test_batches_differ_and_are_independent_of_labels():
    adata = cc.datasets.simulate_counts(4000, 100, 2, n_batches=2, batch_effect=0.5)
    mean = [
        adata.X[(adata.obs["batch"] == b).to_numpy()].mean(axis=0).A1
        for b in adata.obs["batch"].cat.categories
    ]
    assert np.log(mean[0] / mean[1]).std() == pytest.approx(0.5 * np.sqrt(2), rel=0.3)
    table = pd.crosstab(adata.obs["batch"], adata.obs["cell_type"])
    assert (table.to_numpy() > 900).all()


def test_seed_decides():
    one, same, other = (
        cc.datasets.simulate_counts(50, 40, 2, n_markers=3, rng=s) for s in (1, 1, 2)
    )
    assert (one.X != same.X).nnz == 0
    assert one.obs.equals(same.obs)
    assert one.var.equals(same.var)
    assert (one.X != other.X).nnz > 0
    generator = np.random.default_rng(1)
    first, second = (
        cc.datasets.simulate_counts(50, 40, 2, n_markers=3, rng=generator) for _ in range(2)
    )
    assert (one.X != first.X).nnz == 0
    assert (first.X != second.X).nnz > 0


def test_rows_are_drawn_in_pieces_without_a_seam():
    adata = cc.datasets.simulate_counts(2100, 20, 2, n_markers=2)
    assert adata.X.shape == (2100, 20)
    assert adata.X[2048:].sum(axis=1).mean() == pytest.approx(adata.X.sum(axis=1).mean(), rel=0.2)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.01, 100), min_size=2, max_size=6),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_proportions(proportions, n_batches, seed):
    n_labels, n_obs = len(proportions), 700
    share = np.array(proportions) / sum(proportions)
    if (share * n_obs).min() < 1.01:
        return
    adata = cc.datasets.simulate_counts(
        n_obs, 12, n_labels, n_markers=2, n_batches=n_batches, proportions=proportions, rng=seed
    )
    counts = adata.obs["cell_type"].value_counts(sort=False)
    assert np.abs(counts.to_numpy() - share * n_obs).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_obs": 0}, "n_obs=0"),
        ({"n_obs": 10.5}, "n_obs=10.5: a whole number"),
        ({"n_vars": -1}, "n_vars=-1"),
        ({"n_labels": 1}, "n_labels=1: a whole number of at least 2"),
        ({"n_batches": True}, "n_batches=True"),
        ({"n_markers": -1}, "n_markers=-1"),
        ({"n_markers": 101}, "n_vars=505 or more, or n_markers=100 or fewer"),
        ({"n_obs": 5, "n_batches": 6}, "6 batches are more than the 5 cells"),
        ({"n_obs": 4}, "leave no cell for label"),
        ({"proportions": [1, 1]}, "5 positive numbers"),
        ({"proportions": [1, 1, 1, 1, 0]}, "5 positive numbers"),
        ({"proportions": [1, 1, 1, 1, float("nan")]}, "5 positive numbers"),
        ({"proportions": [1e6, 1, 1, 1, 1]}, "more equal proportions"),
        ({"depth": 0}, "depth=0"),
        ({"depth": float("inf")}, "depth=inf"),
        ({"fold_change": 0}, "fold_change=0"),
        ({"dispersion": -0.1}, "dispersion=-0.1"),
        ({"batch_effect": float("nan")}, "batch_effect=nan"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        cc.datasets.simulate_counts(**arguments)


def test_effects_beyond_all_numbers():
    with pytest.raises(ValueError, match="batch_effect=1e\\+300 is so large"):
        cc.datasets.simulate_counts(20, 50, n_markers=5, n_batches=2, batch_effect=1e300)
