"""References of extreme shapes train, predict and annotate with no argument changed.

Warnings are errors in the tests, so that those of other packages would end them.
"""

import numpy as np
import pytest

import cellclass as cc

pytestmark = pytest.mark.newest

SIMULATED = {
    "five cells a label": {"n_obs": 25, "n_vars": 300, "n_labels": 5},
    "two labels": {"n_obs": 10, "n_vars": 300, "n_labels": 2},
    "a hundred labels": {"n_obs": 500, "n_vars": 1000, "n_labels": 100, "n_markers": 10},
    "30 genes": {"n_obs": 200, "n_vars": 30, "n_labels": 3, "n_markers": 8, "depth": 300.0},
    "30,000 genes": {"n_obs": 90, "n_vars": 30_000, "n_labels": 3, "n_markers": 500},
}
# Simulated labels are easy; of 100 labels with five cells each logistic regression gets 0.38 right.
LEAST_ACCURACY = dict.fromkeys(SIMULATED, 0.8) | {"a hundred labels": 0.25}


def halves(**arguments):
    """Simulate twice the cells and give every second one of each label to the query."""
    cells = cc.datasets.simulate_counts(**arguments | {"n_obs": 2 * arguments["n_obs"]})
    place = cells.obs.groupby("cell_type", observed=True).cumcount().to_numpy()
    return cells[place % 2 == 0].copy(), cells[place % 2 == 1].copy()


def trained(reference):
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference)
    model.train(enable_progress_bar=False)
    return model


def check_answers(query, model):
    """Every answer is a number, and hard and soft answers say the same."""
    soft = model.predict(query, soft=True)
    assert np.isfinite(soft.to_numpy()).all()
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    cc.tl.annotate(query, model)
    assert (query.obs["cellclass"] == soft.idxmax(axis=1)).all()
    assert query.obs["cellclass_confidence"].between(0, 1).all()
    pvalue = query.obs["cellclass_novelty_pvalue"]
    assert pvalue.between(0, 1).all() or pvalue.isna().all()


@pytest.mark.parametrize("case", SIMULATED)
def test_extremes(case):
    reference, query = halves(**SIMULATED[case])
    model = trained(reference)
    assert len(model.labels) == SIMULATED[case]["n_labels"]
    check_answers(query, model)
    right = (query.obs["cellclass"].astype(str) == query.obs["cell_type"].astype(str)).mean()
    assert right >= LEAST_ACCURACY[case]


def test_a_label_of_one_cell_and_one_of_two():
    cells = cc.datasets.simulate_counts(
        133, 300, 4, proportions=[70, 60, 2, 1], depth=5000.0, fold_change=8.0
    )
    with pytest.warns(UserWarning, match=r"fewer than 3 cells: 'type_2' \(2\), 'type_3' \(1\)"):
        model = trained(cells)
    trained_on = cells.obs["cell_type"].iloc[model.train_indices]
    assert set(trained_on) == {"type_0", "type_1", "type_2", "type_3"}
    check_answers(cells, model)
    right = cells.obs["cellclass"].astype(str) == cells.obs["cell_type"].astype(str)
    common = cells.obs["cell_type"].isin(["type_0", "type_1"])
    assert right[~common].mean() > 0.5
    assert right[common].mean() > 0.95
