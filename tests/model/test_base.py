"""Training and prediction keep their promises."""

import gc
import logging
import random
import weakref

import anndata as ad
import lightning.pytorch as pl
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

import cellclass as cc
from cellclass import module
from cellclass.errors import GeneError, NotTrainedError, ScaleError, ValuesError

MLP = cc.model.CellClassifierMLP


def same_answers(scores, expected, rows=slice(None)):
    np.testing.assert_array_equal(scores.codes, expected.codes[rows])
    np.testing.assert_allclose(scores.probability, expected.probability[rows], atol=1e-6)


@pytest.fixture(scope="module")
def expected(model, _cells, _split):
    return model.score_cells(_cells[_split[1]].copy())


def test_learns_something(model, query):
    assert (model.predict(query) == query.obs["cell_type"]).mean() > 0.6


def test_labels_and_probabilities(model, query):
    soft = model.predict(query, soft=True)
    assert soft.shape == (query.n_obs, 10)
    assert soft.columns.tolist() == list(model.labels)
    assert soft.index.equals(query.obs_names)
    assert set(soft.dtypes) == {np.dtype("float32")}
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    assert (soft.to_numpy() >= 0).all()
    hard = model.predict(query)
    np.testing.assert_array_equal(hard, soft.columns.to_numpy(str)[soft.to_numpy().argmax(axis=1)])
    np.testing.assert_array_equal(hard, model.predict(query, soft=False))


def test_scores(model, query):
    scores = model.score_cells(query)
    assert scores.labels == model.labels
    assert scores.probability.dtype == scores.novelty_pvalue.dtype == np.float32
    assert ((scores.novelty_pvalue > 0) & (scores.novelty_pvalue <= 1)).all()
    assert not scores.empty.any()
    np.testing.assert_array_equal(scores.confidence, scores.probability.max(axis=1))


def test_latent_representation(model, query):
    latent = model.get_latent_representation(query)
    assert latent.shape == (query.n_obs, 5 * 64)
    assert latent.dtype == np.float32
    assert np.isfinite(latent).all()
    assert latent.std() > 0


def test_shuffled_genes(model, query, expected):
    order = np.random.default_rng(0).permutation(query.n_vars)
    same_answers(model.score_cells(query[:, order]), expected)
    same_answers(model.score_cells(query[:, order].copy()), expected)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("scale", ["counts", "CP10k", "CPM", "log1p", "log1p float32"])
def test_scales_of_the_same_cells(model, query, expected, scale, dense):
    X = query.layers["counts"].toarray().astype(np.float64)
    if scale != "counts":
        X = X / X.sum(axis=1, keepdims=True) * (1e6 if scale == "CPM" else 1e4)
    if scale.startswith("log1p"):
        X = np.log1p(X)
    if scale.endswith("float32"):
        X = X.astype(np.float32)
    other = ad.AnnData(X if dense else sp.csr_matrix(X), obs=query.obs, var=query.var)
    scores = model.score_cells(other)
    np.testing.assert_array_equal(scores.codes, expected.codes)
    np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-4)
    assert scores.report["scale"] == {"CP10k": "normalized", "CPM": "normalized"}.get(
        scale, scale.split()[0]
    )


def test_installed_log_values_are_the_same_cells_too(model, query, expected):
    """`X` is log1p per 10,000 of all genes measured; the total of the 765 is not 10,000."""
    scores = model.score_cells(query[:, :], layer=None)
    assert scores.report["source"] == "adata.layers['counts']"
    del query.layers["counts"]
    scores = model.score_cells(query)
    assert (scores.report["source"], scores.report["scale"]) == ("adata.X", "log1p")
    np.testing.assert_array_equal(scores.codes, expected.codes)


def test_z_scored_is_refused(model, query, unchanged):
    X = query.X.toarray()
    query.X = (X - X.mean(axis=0)) / X.std(axis=0).clip(0.1)
    del query.layers["counts"]
    with unchanged(query), pytest.raises(ScaleError, match=r"adata.X.*negative.*z-scored"):
        model.predict(query)


def test_missing_genes(model, query, expected):
    keep = np.sort(np.random.default_rng(0).permutation(query.n_vars)[: query.n_vars * 4 // 5])
    part = query[:, keep]
    missing = model.contract.model_genes[~model.contract.model_genes.isin(part.var_names)]
    with pytest.warns(UserWarning, match="The query lacks") if missing.size > 60 else noop():
        scores = model.score_cells(part)
    assert sorted(scores.report["genes_missing"]) == sorted(missing)
    assert (scores.codes == expected.codes).mean() > 0.8


class noop:  # noqa: N801
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


ROWS = {
    "backwards": slice(None, None, -1),
    "a few": np.array([7, 3, 100]),
    "one": slice(5, 6),
    "twice the same": np.array([4, 4, 9]),
}


@pytest.mark.parametrize("which", ROWS)
def test_an_answer_does_not_depend_on_the_other_cells(model, query, expected, which):
    rows = ROWS[which]
    with pytest.warns(UserWarning, match="not unique") if "twice" in which else noop():
        part = query[rows].copy()
    scores = model.score_cells(part)
    same_answers(scores, expected, rows)
    np.testing.assert_allclose(scores.novelty_pvalue, expected.novelty_pvalue[rows], atol=0.02)


@pytest.mark.parametrize("size", [1, 11, 100])
def test_an_answer_does_not_depend_on_the_chunk(model, query, expected, size, monkeypatch):
    from cellclass.contract import _bound

    monkeypatch.setattr(_bound.BoundInput.chunks, "__defaults__", (size,))
    same_answers(model.score_cells(query), expected)


def test_nor_on_the_number_of_threads(model, query, expected):
    torch.set_num_threads(2)
    try:
        same_answers(model.score_cells(query), expected)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(
    "kind", [sp.csc_matrix, sp.csc_array, sp.csr_array, np.asarray, np.asfortranarray]
)
def test_array_kinds(model, query, expected, kind, unchanged):
    X = query.layers["counts"].toarray()
    other = ad.AnnData(kind(X), obs=query.obs[[]], var=query.var)
    with unchanged(other):
        same_answers(model.score_cells(other), expected)


def test_backed_file(model, query, expected, tmp_path):
    other = ad.AnnData(query.layers["counts"], obs=query.obs[[]], var=query.var)
    other.write_h5ad(tmp_path / "q.h5ad")
    backed = ad.read_h5ad(tmp_path / "q.h5ad", backed="r")
    same_answers(model.score_cells(backed), expected)
    assert backed.isbacked


def test_query_without_labels_or_with_new_ones(model, query, expected):
    query.obs["cell_type"] = "never seen"
    same_answers(model.score_cells(query), expected)
    query.obs = query.obs[[]]
    same_answers(model.score_cells(query), expected)


@pytest.mark.parametrize("as_view", [False, True])
def test_prediction_writes_nothing(model, cells, as_view, unchanged):
    cells.raw = cells
    query = cells[::3] if as_view else cells
    with unchanged(query, cells):
        model.predict(query)
        model.predict(query, soft=True)
        model.get_latent_representation(query)
        model.score_cells(query)
    assert query.is_view == as_view


def test_refused_queries_are_left_alone(model, query, unchanged):
    def nan(a):
        a.layers["counts"].data[a.layers["counts"].indptr[2]] = np.nan

    def renamed(a):
        a.var_names = [f"ENSG{j:011d}" for j in range(a.n_vars)]

    for spoil, error, words in (
        (nan, ValuesError, "nan in cell number 2"),
        (renamed, GeneError, "the reference has gene symbols, the query has Ensembl identifiers"),
    ):
        other = query.copy()
        spoil(other)
        with unchanged(other), pytest.raises(error, match=words):
            model.predict(other)
    with pytest.raises(ValueError, match="0 cells"):
        model.predict(query[:0])
    with pytest.raises(KeyError, match="layer='nope'"):
        model.predict(query, layer="nope")


def test_queries_are_not_kept(model, query):
    alive = []
    for rows in (slice(0, 50), slice(50, 99)):
        part = query[rows].copy()
        model.predict(part)
        model.score_cells(part)
        alive.append(weakref.ref(part))
        del part
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_untrained(tiny, unchanged):
    MLP.setup_anndata(tiny, labels_key="label")
    model = MLP(tiny)
    for ask in (model.predict, model.score_cells, model.get_latent_representation):
        with unchanged(tiny), pytest.raises(NotTrainedError, match=r"Call model.train\(\) first"):
            ask(tiny)


def test_reference_is_the_default_query(model, reference):
    np.testing.assert_array_equal(model.predict(), model.predict(reference))


class Modes(pl.Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_start(self, trainer, plan, *_):
        self.seen.append(plan.module.training)


def test_dropout_is_active_in_every_training(tiny, fit):
    model = fit(tiny, labels_key="label", layer=None)
    before = model.module.parts[0].head[0].weight.detach().clone()
    for _ in range(2):
        modes = Modes()
        model.train(max_epochs=2, enable_progress_bar=False, callbacks=[modes])
        assert modes.seen
        assert all(modes.seen)
    assert not torch.equal(before, model.module.parts[0].head[0].weight)


def test_random_states_and_settings_are_left_alone(tiny, fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    level = logging.getLogger("lightning.pytorch").level
    states = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())  # noqa: NPY002
    callbacks = [Modes()]
    model = fit(tiny, labels_key="label", layer=None)
    model.train(max_epochs=1, enable_progress_bar=False, callbacks=callbacks)
    model.predict(tiny)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]
    assert logging.getLogger("lightning.pytorch").level == level
    assert len(callbacks) == 1
    assert list(tmp_path.iterdir()) == []


def test_training_is_silent(tiny, fit, capsys, caplog):
    fit(tiny, labels_key="label", layer=None)
    out = capsys.readouterr()
    assert out.out == out.err == ""
    assert caplog.text == ""


def test_history(model):
    assert {"train_loss", "validation_loss", "validation_accuracy"} <= set(model.history)
    loss = model.history["train_loss"]["train_loss"].astype(float)
    assert len(loss) == 12
    assert loss.iloc[-1] < loss.iloc[0]


def test_every_cell_of_a_small_reference_is_learned_from_and_held_out_once(model, reference):
    every = np.arange(reference.n_obs)
    np.testing.assert_array_equal(model.train_indices, every)
    np.testing.assert_array_equal(model.validation_indices, every)


def test_splits_are_places_in_the_reference(reference, fit):
    model = fit(reference, validation_size=0.1)
    train, validation = model.train_indices, model.validation_indices
    assert np.intersect1d(train, validation).size == 0
    np.testing.assert_array_equal(np.union1d(train, validation), np.arange(reference.n_obs))
    assert len(validation) == pytest.approx(0.1 * reference.n_obs, abs=10)


def test_unlabeled_cells_are_not_used(tiny, fit):
    labels = tiny.obs["label"].astype(str)
    labels.iloc[:30] = "Unknown"
    tiny.obs["label"] = labels
    setup = {"unlabeled_category": "Unknown"}
    model = fit(tiny.copy(), labels_key="label", layer=None, setup=setup)
    assert model.labels == ("B cell", "NK/T", "mono")
    assert min(*model.train_indices, *model.validation_indices) >= 30
    other = tiny.copy()
    X = other.X.toarray()
    X[:30] = X[:30, ::-1] * 5
    other.X = sp.csr_matrix(X)
    again = fit(other, labels_key="label", layer=None, setup=setup)
    assert again.contract.model_genes.tolist() == model.contract.model_genes.tolist()
    heads = [m.module.parts[0].head[0].weight for m in (again, model)]
    assert torch.equal(*heads)
    assert "Unknown" not in model.predict(tiny)


@pytest.mark.parametrize("n", [1, 2])
def test_labels_with_one_or_two_cells(tiny, fit, n):
    labels = tiny.obs["label"].astype(str)
    labels.iloc[:n] = "rare"
    tiny.obs["label"] = labels
    with pytest.warns(UserWarning, match=rf"'rare' \({n}\)"):
        model = fit(tiny, labels_key="label", layer=None, validation_size=0.3)
    assert "rare" in model.labels
    assert np.intersect1d(model.train_indices, np.arange(n)).size >= 1
    assert model.predict(tiny, soft=True).notna().all(axis=None)


def test_without_validation_cells(tiny, fit, tmp_path):
    model = fit(tiny, labels_key="label", layer=None, validation_size=0)
    assert len(model.validation_indices) == 0
    assert len(model.train_indices) == 90
    scores = model.score_cells(tiny)
    assert np.isnan(scores.novelty_pvalue).all()
    np.testing.assert_allclose(scores.probability.sum(axis=1), 1, atol=1e-6)
    cc.tl.annotate(tiny, model)
    model.save(tmp_path / "m")
    again = MLP.load(tmp_path / "m")
    np.testing.assert_array_equal(again.score_cells(tiny).probability, scores.probability)
    cc.tl.annotate(tiny, again)
    tiny.write_h5ad(tmp_path / "a.h5ad")
    assert (tmp_path / "a.h5ad").stat().st_size > 0


def test_arguments_of_train(tiny, fit):
    model = fit(tiny, labels_key="label", layer=None)
    for arguments in (
        {"max_epochs": 0},
        {"max_epochs": 1.5},
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"plan_kwargs": {"n_steps": -1}},
        {"checkpoint_every": 1.5},
    ):
        with pytest.raises(ValueError, match="a whole number from 1 on is needed"):
            model.train(**arguments)
    with pytest.raises((TypeError, ValueError), match="learning_rate"):
        model.train(plan_kwargs={"learning_rate": 1})
    model.train(2, batch_size=7, plan_kwargs={"lr": 1e-4}, enable_progress_bar=False)
    assert model.history["train_loss"].index.tolist() == [0, 1, 2, 3]  # goes on, as in scvi-tools


def test_a_reference_on_other_scales_and_kinds(tiny, fit):
    raw = fit(tiny.copy(), labels_key="label", layer=None, epochs=20)
    expected = raw.predict(tiny)
    total = np.asarray(tiny.X.sum(axis=1))
    log = np.log1p(tiny.X.toarray() / total * 1e4)
    for X in (log, sp.csc_matrix(log), sp.csr_array(log)):
        other = ad.AnnData(X, obs=tiny.obs, var=tiny.var)
        model = fit(other, labels_key="label", layer=None, epochs=20)
        assert model.contract.scale == "log1p"
        assert (model.predict(tiny) == expected).mean() > 0.85


def test_a_copy_of_a_reference_is_not_the_reference(tiny):
    MLP.setup_anndata(tiny, labels_key="label")
    with pytest.raises(ValueError, match="copy"):
        MLP(tiny.copy())


def test_repr_and_card(model):
    text = model._model_summary_string
    assert "300 genes, 10 labels" in text
    card = model.card
    assert card["n_training_cells"] == 466
    assert 0 <= card["validation"]["accuracy"] <= 1
    card["class"] = "changed"
    card["validation"]["accuracy"] = 2
    assert model.card["class"] == "CellClassifierMLP"
    assert model.card["validation"]["accuracy"] <= 1


def test_real_data_transfer(real_data, fit):
    reference = ad.read_h5ad(real_data / "pbmc3k.h5ad")
    query = ad.read_h5ad(real_data / "pbmc10k_citeseq_rna.h5ad")[:1500].copy()
    model = fit(
        reference,
        labels_key="cell_type_broad",
        layer=None,
        epochs=8,
        n_top_genes=1000,
        n_hidden=(64,),
    )
    # the query has C1ORF54 where the reference has C1orf54
    missing = ~model.contract.model_genes.str.upper().isin(query.var_names.str.upper())
    with (
        pytest.warns(UserWarning, match=f"lacks {missing.sum()} of the {len(missing)} genes")
        if (model.contract.importance[missing].sum() > 0.2 * model.contract.importance.sum())
        else noop()
    ):
        predicted = model.predict(query)
    assert (predicted == query.obs["cell_type_broad"].astype(str)).mean() > 0.75
    assert isinstance(query.obs, pd.DataFrame)


class Own(cc.model.CellClassifier):
    """A class as a user writes it."""

    def __init__(self, adata=None, *, width=16, **kwargs):
        self.width = width
        super().__init__(adata, settings={"width": width}, **kwargs)

    def make_module(self, n_genes, n_labels, n_networks):
        return module.MLP(n_genes, n_labels, n_hidden=[self.width], shallow=False)


@pytest.mark.parametrize("validation_size", [None, 0.2])
def test_a_class_of_ones_own_is_saved_with_its_settings(tmp_path, validation_size):
    adata = cc.datasets.simulate_counts(200, 60, n_labels=2)
    Own.setup_anndata(adata, labels_key="cell_type")
    model = Own(adata, width=5, n_top_genes=20, validation_size=validation_size, seed=4)
    model.train(max_epochs=2, enable_progress_bar=False)
    model.save(tmp_path / "own")
    again = Own.load(tmp_path / "own")
    assert again.width == 5
    expected = {"n_top_genes": 20, "validation_size": validation_size, "seed": 4, "width": 5}
    assert again.init_params_["non_kwargs"] == expected
    np.testing.assert_array_equal(again.predict(adata, soft=True), model.predict(adata, soft=True))


def test_a_class_without_a_network_is_abstract():
    with pytest.raises(TypeError, match=r"abstract.*make_module"):
        cc.model.CellClassifier(None)
