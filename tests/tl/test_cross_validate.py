"""Cross-validation: no leak, honest numbers, fallbacks, and nothing left behind."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.errors import LabelError
from cellclass.metrics import classification_report_df, classification_scores

MLP = cc.model.CellClassifierMLP
QUICK = {
    "model_kwargs": {"n_top_genes": 30, "n_hidden": (16,)},
    "train_kwargs": {"max_epochs": 3},
}


@pytest.fixture(scope="module")
def cells():
    adata = cc.datasets.simulate_counts(240, n_batches=4, rng=0)
    adata.obs["half"] = np.where(adata.obs["batch"].isin(adata.obs["batch"].unique()[:2]), "x", "y")
    return adata


@pytest.fixture(scope="module")
def found(cells):
    return cc.tl.cross_validate(cells, MLP, "cell_type", n_folds=3, **QUICK)


@pytest.fixture(scope="module")
def grouped(cells):
    return cc.tl.cross_validate(
        cells, MLP, "cell_type", groups_key="batch", batch_key="half", n_folds=6, **QUICK
    )


def test_answers_are_aligned_and_scores_are_theirs(cells, found):
    answers = found.predictions
    assert answers.index.equals(cells.obs_names)
    assert answers["truth"].tolist() == cells.obs["cell_type"].astype(str).tolist()
    assert answers["scored"].all()
    truth = answers["truth"].to_numpy(str)
    for name, column in (("CellClassifierMLP", "predicted"), ("logistic regression", "baseline")):
        predicted = answers[column].to_numpy(str)
        for fold, rows in found.scores.xs(name, level="classifier").iterrows():
            cells_of = (answers["fold"] == fold).to_numpy(bool)
            expected = classification_scores(truth[cells_of], predicted[cells_of])
            assert {key: rows[key] for key in expected} == pytest.approx(expected)
            assert rows["n_obs"] == cells_of.sum()
        pooled = classification_scores(truth, predicted)
        where = "model" if column == "predicted" else "baseline"
        for score in ("accuracy", "macro_f1"):
            assert found.difference.loc[score, where] == pytest.approx(pooled[score])
    report = classification_report_df(truth, answers["predicted"].to_numpy(str))
    pd.testing.assert_frame_equal(found.labels[report.columns], report)


def test_probabilities_are_those_of_the_answers(found):
    for frame, label, confidence in (
        (found.probability, "predicted", "confidence"),
        (found.baseline_probability, "baseline", "baseline_confidence"),
    ):
        np.testing.assert_allclose(frame.sum(axis=1), 1, atol=1e-5)
        assert (frame.idxmax(axis=1) == found.predictions[label]).all()
        np.testing.assert_allclose(frame.max(axis=1), found.predictions[confidence], atol=1e-6)


def test_summary_names_a_winner_only_where_the_interval_does(found, grouped):
    for result in (found, grouped):
        assert str(result) == result.summary
        for name, row in result.difference.iterrows():
            clear = row["lower"] > 0 or row["upper"] < 0
            assert (result.winner[name] != "neither") == clear
            assert f"{row['difference']:+.3f}" in result.summary
    assert "cells held out" in found.summary
    assert "whole groups of 'batch' held out" in grouped.summary
    assert "fewer than 5 groups" in grouped.summary


def test_groups_are_held_out_whole_and_shared_batches_are_said(cells, grouped):
    fold = grouped.predictions["fold"]
    assert (fold.groupby(cells.obs["batch"].to_numpy()).nunique().to_numpy() == 1).all()
    assert grouped.params["n_folds"] == 4
    assert any("4 groups" in note for note in grouped.notes)
    assert any("2 of 2 batches of 'half' are in several folds" in note for note in grouped.notes)


def test_a_batch_key_groups_too(cells):
    result = cc.tl.cross_validate(
        cells, MLP, "cell_type", batch_key="half", n_folds=2, baseline=None, **QUICK
    )
    fold = result.predictions["fold"]
    assert (fold.groupby(cells.obs["half"].to_numpy()).nunique().to_numpy() == 1).all()
    assert result.difference is None
    assert result.baseline_probability is None
    assert result.winner == {}
    assert "logistic" not in result.summary


def test_nothing_is_written_and_nothing_stays(cells, unchanged):
    before = len(MLP._setup_adata_manager_store), len(MLP._per_instance_manager_store)
    with unchanged(cells):
        cc.tl.cross_validate(cells, MLP, "cell_type", n_folds=2, baseline=None, **QUICK)
    assert (len(MLP._setup_adata_manager_store), len(MLP._per_instance_manager_store)) == before


def test_models_never_see_the_cells_that_they_are_tested_on(cells, monkeypatch):
    """Cells are told by their counts; a model gets some, and answers the others."""
    seen = []

    class Spy(MLP):
        def __init__(self, adata=None, **kwargs):
            super().__init__(adata, **kwargs)
            self.trained_on = {row.tobytes() for row in adata.X.toarray()}

        def score_cells(self, adata=None, **kwargs):
            asked = {row.tobytes() for row in adata.X.toarray()}
            seen.append((len(self.trained_on), len(asked), len(self.trained_on & asked)))
            return super().score_cells(adata, **kwargs)

    result = cc.tl.cross_validate(cells, Spy, "cell_type", n_folds=3, baseline=None, **QUICK)
    assert [row[2] for row in seen] == [0, 0, 0]
    assert all(trained + asked == cells.n_obs for trained, asked, _ in seen)
    assert result.params["model"] == "Spy"


def test_labels_without_meaning_score_by_chance(cells):
    """Genes ranked, or anything tuned, on test cells would lift this above chance."""
    noise = cells.copy()
    rng = np.random.default_rng(0)
    noise.obs["cell_type"] = rng.permutation(np.arange(noise.n_obs) % 2).astype(str)
    result = cc.tl.cross_validate(noise, MLP, "cell_type", n_folds=3, **QUICK)
    assert (result.difference.loc["accuracy", ["model", "baseline"]] < 0.62).all()


def test_same_seed_same_result(cells, found):
    again = cc.tl.cross_validate(cells, MLP, "cell_type", n_folds=3, **QUICK)
    pd.testing.assert_frame_equal(again.predictions, found.predictions)
    pd.testing.assert_frame_equal(again.difference, found.difference)


def test_all_genes_and_a_layer(cells):
    moved = cells.copy()
    moved.layers["counts"] = moved.X
    moved.X = None
    result = cc.tl.cross_validate(
        moved, MLP, "cell_type", n_folds=2, layer="counts", baseline="all_genes", **QUICK
    )
    assert result.difference.loc["accuracy", "baseline"] > 0.8
    assert result.params["baseline_input"] == "all_genes"


def test_rare_and_unlabelled_cells(cells):
    odd = cells.copy()
    labels = odd.obs["cell_type"].astype(str).to_numpy()
    labels[:3], labels[3], labels[4:9] = "rare", "single", "?"
    odd.obs["cell_type"] = labels
    with pytest.warns(UserWarning, match=r"'rare' \(3\), 'single' \(1\)") as record:
        result = cc.tl.cross_validate(
            odd, MLP, "cell_type", n_folds=4, unlabeled_category="?", baseline=None, **QUICK
        )
    assert len(record) == 1
    answers = result.predictions
    assert answers["fold"].iloc[:3].nunique() == 3
    assert answers["scored"].iloc[:3].all()
    assert not answers["scored"].iloc[3]
    assert answers["predicted"].iloc[3] != "single"
    assert answers.iloc[4:9][["fold", "predicted", "confidence"]].isna().all(axis=None)
    assert result.probability.iloc[4:9].isna().all(axis=None)
    assert result.scores["n_novel"].sum() == 1
    assert "1 cells have labels that the training cells of their fold lack" in result.summary
    assert "single" not in result.labels.index


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_folds": 1}, ValueError, "n_folds=1; a whole number from 2 on"),
        ({"groups_key": "doner"}, KeyError, "groups_key='doner' is not a column"),
        ({"groups_key": "one"}, ValueError, r"single group, 'd1'.*leaving groups_key out"),
        ({"batch_key": "one"}, ValueError, "leaving batch_key out"),
        ({"baseline": "all"}, ValueError, "'model_genes', 'all_genes' and None"),
        ({"labels_key": "type"}, KeyError, "labels_key='type'"),
        ({"groups_key": "cell_type"}, LabelError, "No label occurs in two folds"),
        ({"layer": "raw"}, KeyError, "layer='raw' is not in adata.layers"),
        ({"model_cls": "MLP"}, TypeError, "a class of models is needed"),
    ],
)
def test_refusals(cells, unchanged, change, error, message):
    cells = cells.copy()
    cells.obs["one"] = "d1"
    given = {"model_cls": MLP, "labels_key": "cell_type"} | change
    positional = given.pop("model_cls"), given.pop("labels_key")
    with unchanged(cells), pytest.raises(error, match=message):
        cc.tl.cross_validate(cells, *positional, **given)


def test_a_previous_time_point(tiny):
    tiny.layers["before"] = tiny.X.copy()
    tiny.X = sp.csr_matrix(np.random.default_rng(1).poisson(1.5, (90, 60)).astype(np.float32))
    found = [
        cc.tl.cross_validate(
            tiny,
            cc.model.CellPerformer,
            "label",
            n_folds=2,
            baseline=None,
            previous_layer=layer,
            train_kwargs={"max_epochs": 3},
        )
        .scores["accuracy"]
        .mean()
        for layer in ("before", None)
    ]
    assert found[0] > 0.8 > found[1]


def test_repeated_genes_are_refused_at_once(cells):
    cells = cells.copy()
    cells.var_names = [cells.var_names[1], *cells.var_names[1:]]
    with pytest.raises(cc.errors.GeneError, match="duplicated gene names"):
        cc.tl.cross_validate(cells, MLP, "cell_type", n_folds=2)
