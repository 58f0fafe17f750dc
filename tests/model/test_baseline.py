"""A training can say whether it was worth it."""

import json

import numpy as np
import pytest

import cellclass as cc
from cellclass.metrics import classification_scores
from cellclass.train import fit_logistic_regression

MLP = cc.model.CellClassifierMLP


@pytest.fixture(scope="module")
def compared(_cells):
    adata = _cells.copy()
    MLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    model = MLP(adata, n_top_genes=100, n_hidden=(32,), validation_size=0.3)
    model.train(max_epochs=10, enable_progress_bar=False, compare_baseline=True)
    return model


def test_scores_are_those_of_the_validation_cells(compared):
    found = compared.card["baseline"]
    reference = compared._reference
    truth = np.array(compared.labels)[reference.codes[reference.validation]]
    mine = compared.predict(compared.adata)[compared.validation_indices]
    assert found["model"]["accuracy"] == classification_scores(truth, mine)["accuracy"]
    fitted = fit_logistic_regression(
        reference.inputs.read(reference.train), reference.codes[reference.train]
    )
    theirs = np.array(compared.labels)[fitted.predict(reference.inputs.read(reference.validation))]
    expected = classification_scores(truth, theirs)
    assert found["logistic_regression"]["macro_f1"] == pytest.approx(expected["macro_f1"])
    assert found["n_obs"] == len(truth)
    difference = np.mean((mine == truth).astype(float) - (theirs == truth))
    assert found["difference_in_accuracy"] == pytest.approx(difference)
    assert found["lower"] <= difference <= found["upper"]


def test_the_winner_is_said_only_where_the_interval_leaves_out_zero(compared):
    found = compared.card["baseline"]
    clear = found["lower"] > 0 or found["upper"] < 0
    assert (found["winner"] == "neither") == (not clear)
    words = {"neither": "neither is ahead", "logistic regression": "prefer it"}
    assert words.get(found["winner"], "CellClassifierMLP is ahead") in found["summary"]
    assert f"{found['logistic_regression']['accuracy']:.3f}" in found["summary"]


def test_an_unfit_model_loses(cells):
    MLP.setup_anndata(cells, labels_key="cell_type", layer="counts")
    model = MLP(cells, preset="published", n_hidden=(8,), dropout=0.0, validation_size=0.3)
    model.train(
        max_epochs=1,
        enable_progress_bar=False,
        compare_baseline=True,
        plan_kwargs={"lr": 1e-6},
    )
    assert model.card["baseline"]["winner"] == "logistic regression"
    assert "the logistic regression is ahead" in model.card["baseline"]["summary"]


def test_it_is_saved_with_the_model(compared, tmp_path):
    compared.save(tmp_path / "model")
    again = MLP.load(tmp_path / "model")
    assert again.card == compared.card
    assert json.loads(json.dumps(compared.card)) == compared.card


def test_prior_is_in_the_order_of_the_labels(compared, fit, tiny):
    prior = compared.card["training_prior"]
    truth = compared.adata.obs["cell_type"].iloc[compared.train_indices]
    shares = truth.value_counts(normalize=True)
    assert prior == pytest.approx([shares[label] for label in compared.labels])
    assert "baseline" not in fit(tiny, labels_key="label", layer=None).card


def test_without_validation_cells_it_is_refused_before_the_training(tiny):
    MLP.setup_anndata(tiny, labels_key="label")
    model = MLP(tiny, validation_size=0)
    with pytest.raises(ValueError, match=r"validation_size=0\.1"):
        model.train(max_epochs=1, compare_baseline=True)
    assert not model.is_trained
