"""The model knows what missing genes cost it, and says so."""

import numpy as np
import pytest

import cellclass as cc

MLP = cc.model.CellClassifierMLP


def test_curves_go_down(model):
    curves = model.contract.missing_genes
    assert curves.n_cells == len(model.validation_indices)
    assert (np.diff(curves.missing, axis=1) > 0).all()
    assert (curves.importance[1] >= curves.importance[0] - 1e-12).all()
    assert curves.accuracy[:, 0] == pytest.approx(model.card["validation"]["accuracy"])
    assert (curves.accuracy[:, -1] < curves.accuracy[:, 0]).all()
    assert (curves.temperature > 0).all()


def test_statement_for_a_query(model, query):
    whole = model.score_cells(query).report
    curves = model.contract.missing_genes
    confidence = model.score_cells(query).confidence.mean(dtype=float)
    assert whole["expected_accuracy"] == pytest.approx((curves.accuracy[0, 0] + confidence) / 2)
    part = query[:, ~query.var_names.isin(model.contract.model_genes[:100])].copy()
    with pytest.warns(UserWarning, match=r"of the validation cells got their label; with all of"):
        few = model.score_cells(part)
    assert few.report["expected_accuracy"] < whole["expected_accuracy"]
    assert 0 < few.report["expected_accuracy_error"] < 0.1
    missing = few.report["n_genes_missing"] / few.report["n_genes_expected"]
    accuracy = curves.at(missing, few.report["missing_importance"]).accuracy
    expected = (accuracy + few.confidence.mean(dtype=float)) / 2
    assert few.report["expected_accuracy"] == pytest.approx(expected)


def test_confidence_fits_what_is_missing(model, query):
    part = query[:, ::3].copy()
    with pytest.warns(UserWarning, match="The query lacks"):
        found = model.score_cells(part).probability
    bound = model.contract.bind(part)
    logits = model._forward(bound.read(slice(None)))[1]
    trust = model._trust.given(bound.expected())
    assert trust.temperature == bound.expected().temperature
    np.testing.assert_allclose(found, trust.probability(logits), atol=1e-6)


def test_cells_that_lack_genes_are_not_novel_for_that(model, query):
    with pytest.warns(UserWarning, match="The query lacks"):
        pvalue = model.score_cells(query[:, ::3].copy()).novelty_pvalue
    assert (pvalue < 0.05).mean() < 0.15
    assert 0.3 < np.median(pvalue) < 0.7


def test_nothing_is_promised_of_cells_unlike_the_training_cells(model, query):
    rng = np.random.default_rng(0)
    strange = query.copy()
    strange.layers["counts"] = strange.layers["counts"][:, rng.permutation(query.n_vars)]
    with pytest.warns(UserWarning, match=r"\d+% of the cells are unlike all cells"):
        report = model.score_cells(strange).report
    assert report["share_novel"] > 0.5
    assert np.isnan(report["expected_accuracy"])
    assert model.score_cells(query).report["share_novel"] < 0.2


def test_curves_are_saved(model, query, tmp_path):
    model.save(tmp_path / "model")
    loaded = MLP.load(tmp_path / "model", device="cpu")
    for name, values in vars(model.contract.missing_genes).items():
        np.testing.assert_array_equal(getattr(loaded.contract.missing_genes, name), values)


def test_without_validation_cells_nothing_is_stated(reference, query):
    MLP.setup_anndata(reference, labels_key="cell_type", layer="counts")
    model = MLP(reference, n_top_genes=30, validation_size=0)
    model.train(max_epochs=2, enable_progress_bar=False)
    assert model.contract.missing_genes is None
    assert np.isnan(model.score_cells(query).report["expected_accuracy"])


def test_known_cells_that_lack_genes_do_not_look_novel(model, query):
    for start in range(2):
        with pytest.warns(UserWarning, match="The query lacks"):
            pvalue = model.score_cells(query[:, start::2].copy()).novelty_pvalue
        assert (pvalue <= 0.05).mean() < 0.1
