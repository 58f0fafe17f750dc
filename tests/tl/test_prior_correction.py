"""Prior correction is off by default, reported, and only moves what it should."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.model import CellScores
from cellclass.tl._prior_correction import correct_prior


def test_off_by_default(query, model):
    cc.tl.annotate(query, model)
    assert "prior_correction" not in query.uns["cellclass"]
    assert not query.uns["cellclass"]["params"]["prior_correction"]


def test_labels_follow_the_query(query, model, tmp_path):
    plain = cc.tl.annotate(query, model, copy=True)
    cc.tl.annotate(query, model, prior_correction=True)
    found = query.uns["cellclass"]["prior_correction"]
    assert found["converged"]
    assert found["applied"]
    assert found["query_prior"].sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found["training_prior"], model.card["training_prior"])
    probability = query.obsm["cellclass_probability"].to_numpy()
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)
    # at the fixed point the mean of the corrected probabilities is the estimate
    np.testing.assert_allclose(probability.mean(axis=0), found["query_prior"], atol=1e-4)
    best = query.uns["cellclass"]["labels"][probability.argmax(axis=1)]
    np.testing.assert_array_equal(query.obs["cellclass"].astype(str), best)
    np.testing.assert_allclose(query.obs["cellclass_confidence"], probability.max(axis=1))
    pd.testing.assert_series_equal(
        query.obs["cellclass_novelty_pvalue"], plain.obs["cellclass_novelty_pvalue"]
    )
    query.write_h5ad(tmp_path / "query.h5ad")
    again = ad.read_h5ad(tmp_path / "query.h5ad").uns["cellclass"]["prior_correction"]
    np.testing.assert_array_equal(again["query_prior"], found["query_prior"])


def test_empty_cells_stay_unassigned_and_do_not_count(query, model):
    full = cc.tl.annotate(query, model, prior_correction=True, copy=True)
    counts = query.layers["counts"].tolil()
    empty = ad.AnnData(counts[:50].tocsr() * 0, var=query.var)
    empty.layers["counts"] = empty.X.copy()
    empty.obs_names = [f"empty{i}" for i in range(50)]
    both = ad.concat([ad.AnnData(query.layers["counts"], obs=query.obs, var=query.var), empty])
    cc.tl.annotate(both, model, prior_correction=True)
    assert (both.obs["cellclass"][-50:] == "unassigned").all()
    np.testing.assert_allclose(
        both.uns["cellclass"]["prior_correction"]["query_prior"],
        full.uns["cellclass"]["prior_correction"]["query_prior"],
        atol=1e-5,
    )


def test_a_few_cells_are_warned_of(query, model):
    with pytest.warns(UserWarning, match="estimated from 20 cells"):
        cc.tl.annotate(query[:20].copy(), model, prior_correction=True)


def runaway():
    """Every cell has a trace of a label that is rarer still in training."""
    probability = np.tile(np.float32([0.55, 0.4, 0.05]), (200, 1))
    probability[:150] = np.float32([0.93, 0.02, 0.05])
    return CellScores(
        labels=("a", "b", "rare"),
        probability=probability,
        novelty_pvalue=np.ones(200, np.float32),
        empty=np.zeros(200, dtype=bool),
        report={},
    )


def test_an_estimate_that_runs_away_is_left_out():
    scores = runaway()
    with pytest.warns(UserWarning, match=r"left out: it would change .*%"):
        same, found = correct_prior(scores, {"training_prior": [0.795, 0.2, 0.005]})
    assert same is scores
    assert not found["applied"]
    assert found["share_changed"] > 1 - scores.confidence.mean()
    assert found["query_prior"][2] > 0.5
    moved, found = correct_prior(scores, {"training_prior": [0.7, 0.1, 0.2]})
    assert found["applied"]
    assert found["share_changed"] <= 1 - scores.confidence.mean()
    assert not np.array_equal(moved.probability, scores.probability)


def test_a_card_without_shares_is_refused(query, model):
    scores = model.score_cells(query)
    with pytest.raises(ValueError, match="Train it again"):
        correct_prior(scores, {})


def test_no_convergence_is_warned_of(query, model, monkeypatch):
    from cellclass.tl import _prior_correction

    estimate = _prior_correction.estimate_prior_shift
    monkeypatch.setattr(
        _prior_correction,
        "estimate_prior_shift",
        lambda *given: replace(estimate(*given), converged=False),
    )
    with pytest.warns(UserWarning, match="hard to tell apart"):
        cc.tl.annotate(query, model, prior_correction=True)
