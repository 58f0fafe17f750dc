"""The transformer as a model: it learns, answers each cell by itself, and comes back from files."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from lightning.pytorch import Callback

import cellclass as cc
from cellclass.errors import NotTrainedError

Performer = cc.model.CellPerformer
ENCODINGS = ["value", "bins", "quantile", "rank"]
POOLINGS = ["cls", "mean", "attention", "convolution"]


def made(adata, labels_key="label", layer=None, setup=None, **kwargs):
    Performer.setup_anndata(adata, labels_key=labels_key, layer=layer, **(setup or {}))
    return Performer(adata, **kwargs)


def trained(adata, epochs=2, train=None, **kwargs):
    model = made(adata, **kwargs)
    model.train(max_epochs=epochs, enable_progress_bar=False, **(train or {}))
    return model


def learned(adata, **kwargs):
    """Train long enough for an easy problem, by the transformer alone."""
    recipe = {"lr": 2e-3, "gene_dropout": 0.0}
    train = {"batch_size": 15, "early_stopping": False, "plan_kwargs": recipe}
    return trained(adata, 15, train, shallow_paths=False, token_dropout=0.0, **kwargs)


def right(model, adata, key="label"):
    return (model.predict(adata) == adata.obs[key].astype(str)).mean()


def weights(model):
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


@pytest.fixture(scope="module")
def blood(_cells, _split):
    """A model that has learned something."""
    reference = _cells[_split[0]].copy()
    return trained(reference, 12, labels_key="cell_type", layer="counts", n_top_genes=300)


def test_it_learns(blood, query, unchanged):
    with unchanged(query):
        assert right(blood, query, "cell_type") > 0.65
        soft = blood.predict(query, soft=True)
    assert soft.columns.tolist() == list(blood.labels)
    assert soft.index.equals(query.obs_names)
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-5)


def test_the_query_is_annotated(blood, query):
    cc.tl.annotate(query, blood)
    assert query.obs["cellclass"].isin([*blood.labels, "unassigned"]).all()
    assert query.obs["cellclass_confidence"].between(0, 1).all()
    cc.tl.evaluate(query, "cell_type")
    assert len(cc.get.evaluation_df(query))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_learn(tiny, encoding):
    assert right(learned(tiny, encoding=encoding), tiny) > 0.9


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings_learn(tiny, pooling):
    assert right(learned(tiny, pooling=pooling), tiny) > 0.9


@pytest.mark.parametrize("attention", ["softmax", "favor"])
@pytest.mark.parametrize("norm", ["pre", "post", "rezero"])
def test_attentions_and_norms_learn(tiny, attention, norm):
    model = learned(tiny, attention=attention, norm=norm)
    assert model.card["attention"] == attention
    assert right(model, tiny) > 0.9


def test_the_relu_kernel_learns(tiny):
    assert right(learned(tiny, attention="favor", kernel="relu"), tiny) > 0.9
    assert made(tiny, kernel="relu")._settings["attention"] == "favor"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("attention", ["softmax", "favor"])
def test_answers_do_not_depend_on_other_cells(tiny, encoding, attention, monkeypatch):
    model = trained(tiny, encoding=encoding, attention=attention, n_tokens=20)
    whole = model.predict(tiny, soft=True)
    turned = np.random.default_rng(0).permutation(90)
    for rows in (turned, [3]):
        some = model.predict(tiny[rows].copy(), soft=True)
        np.testing.assert_allclose(some, whole.iloc[rows], atol=1e-5)
    monkeypatch.setattr("cellclass.model._predictor._CHUNK", 7)
    np.testing.assert_allclose(model.predict(tiny, soft=True), whole, atol=1e-5)
    monkeypatch.setitem(cc.module._performer._TOKENS_TOGETHER, "cpu", 50)
    np.testing.assert_allclose(model.predict(tiny, soft=True), whole, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_empty_cell_gets_no_label(tiny, pooling):
    model = trained(tiny, pooling=pooling)
    expected = model.predict(tiny, soft=True)
    X = tiny.X.toarray()
    X[4] = 0
    tiny.X = sp.csr_matrix(X)
    found = model.predict(tiny, soft=True)
    assert np.isfinite(found.to_numpy()).all()
    np.testing.assert_allclose(found.drop(index="cell4"), expected.drop(index="cell4"), atol=1e-5)
    assert np.flatnonzero(model.predict(tiny) == "unassigned").tolist() == [4]
    nothing = tiny[4:5].copy()
    assert model.predict(nothing).tolist() == ["unassigned"]


def test_genes_in_another_order(blood, query):
    turned = query[:, ::-1].copy()
    np.testing.assert_array_equal(blood.predict(turned, soft=True), blood.predict(query, soft=True))


def test_missing_genes(blood, query):
    part = query[:, ::2].copy()
    with pytest.warns(UserWarning, match="The query lacks"):
        assert right(blood, part, "cell_type") > 0.5


def test_extra_genes_that_the_reference_lacks(tiny):
    model = trained(tiny[:, :50].copy())
    # Their counts are no part of the total: the others' scale stays.
    np.testing.assert_array_equal(
        model.predict(tiny, soft=True), model.predict(tiny[:, :50].copy(), soft=True)
    )


def test_same_seed_same_bits(tiny):
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(found))
        found.append(weights(trained(tiny.copy(), attention="favor", seed=seed)))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not torch.equal(found[0]["head.1.weight"], found[2]["head.1.weight"])


@pytest.mark.parametrize(
    ("pooling", "width"), [("sum", 64), ("cls", 64), ("mean", 64), ("convolution", 128)]
)
def test_latent_representation(tiny, pooling, width):
    latent = trained(tiny, pooling=pooling).get_latent_representation(tiny)
    assert (latent.shape, latent.dtype) == ((90, width), np.float32)
    assert np.isfinite(latent).all()
    assert latent.std(axis=0).max() > 0


@pytest.mark.parametrize("format", ["cellclass", "scvi"])
def test_there_and_back(blood, query, tmp_path, format):  # noqa: A002
    blood.save(tmp_path / "m", format=format)
    again = Performer.load(tmp_path / "m", format=format)
    ours, theirs = blood.score_cells(query), again.score_cells(query)
    for name in ("probability", "novelty_pvalue", "empty", "codes"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    np.testing.assert_array_equal(blood.predict_sets(query), again.predict_sets(query))
    assert again.card == blood.card
    with pytest.raises(cc.errors.ModelFileError, match="holds a CellPerformer"):
        cc.model.CellClassifierMLP.load(tmp_path / "m", format=format)


def test_every_argument_comes_back(tiny, tmp_path):
    chosen = {
        "size": "medium",
        "n_top_genes": 17,
        "encoding": "quantile",
        "n_tokens": 11,
        "n_bins": 4,
        "attention": "favor",
        "n_features": 9,
        "kernel": "relu",
        "redraw_every": None,
        "depth": 1,
        "norm": "rezero",
        "pooling": "attention",
        "dropout": 0.2,
        "token_dropout": 0.1,
        "shallow_paths": False,
        "recompute": True,
        "validation_size": 0.2,
        "seed": 3,
    }
    model = trained(tiny, **chosen)
    model.save(tmp_path / "m")
    again = Performer.load(tmp_path / "m")
    assert str(again.module) == str(model.module)
    assert {name: again.init_params_["non_kwargs"][name] for name in chosen} == chosen
    assert again._settings == model._settings
    np.testing.assert_array_equal(again.predict(tiny, soft=True), model.predict(tiny, soft=True))


def test_a_saved_model_keeps_to_its_attention(tiny, tmp_path, monkeypatch):
    model = trained(tiny)
    assert model.card["attention"] == "softmax"
    model.save(tmp_path / "m")
    monkeypatch.setattr("cellclass.model._performer.choose_attention", lambda *_: "favor")
    assert made(tiny)._settings["attention"] == "favor"
    assert Performer.load(tmp_path / "m")._settings["attention"] == "softmax"


def test_calibration(blood, query):
    assert blood.card["temperature"] > 0
    soft = blood.predict(query, soft=True).to_numpy()
    hit = blood.predict(query) == query.obs["cell_type"].astype(str)
    assert abs(soft.max(axis=1).mean() - hit.mean()) < 0.15


def test_novelty(blood, query):
    known = blood.score_cells(query).novelty_pvalue
    assert 0.3 < np.mean(known) < 0.7
    counts = query.layers["counts"].toarray()
    query.layers["counts"] = sp.csr_matrix(np.random.default_rng(0).permuted(counts, axis=1))
    with pytest.warns(UserWarning, match="of the cells"):
        assert np.median(blood.score_cells(query).novelty_pvalue) < 0.1


def test_prediction_sets(blood, query):
    held = blood.predict_sets(query, 0.8)
    truth = held.columns.get_indexer(query.obs["cell_type"].astype(str))
    assert 0.65 < held.to_numpy()[np.arange(query.n_obs), truth].mean() < 0.95


def test_class_weights(tiny):
    few = tiny[np.r_[0:90:3, 1:90:3, 2:20:3]].copy()
    plain, weighted = (
        trained(few, 1, {"plan_kwargs": {"class_weights": how}}, seed=0, shallow_paths=False)
        for how in (None, "balanced")
    )
    rare, often = (model.predict(few, soft=True)["mono"].mean() for model in (plain, weighted))
    assert often > rare


def test_half_precision_trains(tiny):
    model = trained(tiny, train={"precision": "bf16-mixed"})
    assert {tensor.dtype for tensor in model.module.parameters()} == {torch.float32}
    assert np.isfinite(model.predict(tiny, soft=True).to_numpy()).all()


def test_early_stopping_goes_back_to_the_best(tiny, monkeypatch):
    """The random features too, without which the best weights would be worth nothing."""
    looks = []

    class Look(Callback):
        def on_validation_end(self, trainer, pl_module):
            state = pl_module.module.state_dict().items()
            looks.append({name: tensor.clone() for name, tensor in state})

    def worse_and_worse(logits, codes):
        return np.full(len(codes), float(len(looks)))

    monkeypatch.setattr("cellclass.train._callbacks._calibrated_loss", worse_and_worse)
    train = {"callbacks": [Look()]}
    model = trained(tiny, 9, train, attention="favor", redraw_every=1, shallow_paths=False)
    assert len(looks) == 4
    assert len(model.history["train_loss"]) == 4
    for name, tensor in weights(model).items():
        assert torch.equal(tensor, looks[0][name]), name
    name = "encoder.blocks.0.attention.features"
    assert not torch.equal(looks[0][name], looks[3][name])


def test_redrawn_features(tiny):
    def features(redraw_every):
        model = made(tiny, attention="favor", redraw_every=redraw_every)
        before = weights(model)
        model.train(max_epochs=1, enable_progress_bar=False)
        name = "encoder.blocks.0.attention.features"
        return torch.equal(before[name], weights(model)[name])

    assert features(None)
    assert not features(1)


def test_recomputing_changes_no_weight(tiny):
    one, other = (weights(trained(tiny, dropout=0.0, recompute=how)) for how in (True, False))
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=1e-4, rtol=1e-3, msg=name)


def test_few_tokens_are_the_best_genes(tiny):
    tokens = made(tiny, n_tokens=5).module.tokens.eval()
    genes = tokens.choose(torch.ones(2, 60)).genes
    assert genes.tolist() == [[0, 1, 2, 3, 4]] * 2


def test_ranks_do_not_read_values(tiny):
    """Every value times the same number gives the same ranks, and no other token."""
    model = learned(tiny, encoding="rank")
    x = torch.from_numpy(model.contract.bind(tiny).read(slice(None)))
    model.module.eval()
    with torch.inference_mode():
        torch.testing.assert_close(
            model.module.embed(torch.log1p(torch.expm1(x) * 3)), model.module.embed(x)
        )


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"size": "huge"}, "size='huge'; the sizes are 'small', 'medium', 'scbert', 'rank'"),
        ({"encoding": "log"}, "encoding='log'; there are 'value', 'bins', 'quantile', 'rank'"),
        (
            {"pooling": "max"},
            "pooling='max'; there are 'sum', 'cls', 'mean', 'attention', 'convolution'",
        ),
        ({"attention": "flash"}, "attention='flash'; there are 'favor' and 'softmax'"),
        ({"attention": "auto", "kernel": "cos"}, "kernel='cos'; the kernels are 'softmax'"),
        ({"attention": "softmax", "kernel": "relu"}, "kernel='relu'.*attention='favor'"),
        ({"norm": "batch"}, "norm='batch'; there are 'pre', 'post' and 'rezero'"),
        ({"n_tokens": 0}, "n_tokens=0; a whole number"),
        ({"depth": 0}, "depth=0; a whole number"),
        ({"n_bins": 0}, "n_bins=0; a whole number"),
        ({"n_features": 0}, "n_features=0; a whole number"),
        ({"redraw_every": 0}, "redraw_every=0; at least 1 is needed, or None"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"token_dropout": -0.1}, "token_dropout=-0.1"),
        ({"token_dropout": 1.0}, "token_dropout=1.0"),
        ({"n_top_genes": 0}, "n_top_genes=0"),
        ({"validation_size": 1.0}, "validation_size=1.0"),
    ],
)
def test_bad_arguments(tiny, kwargs, words):
    with pytest.raises(ValueError, match=words):
        made(tiny, **kwargs)


def test_untrained(tiny):
    with pytest.raises(NotTrainedError, match=r"model.train\(\)"):
        made(tiny).predict(tiny)


def test_onnx_is_refused_with_a_way_out(tiny, tmp_path):
    model = trained(tiny, 1)
    with pytest.raises(NotImplementedError, match=r"tokens.*Export a CellClassifierMLP"):
        model.export_onnx(tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_cross_validation(tiny):
    found = cc.tl.cross_validate(
        tiny, Performer, "label", n_folds=2, train_kwargs={"max_epochs": 2}
    )
    assert "CellPerformer" in str(found)
    assert "logistic regression" in str(found)


def test_layer_decay_is_for_transformers(tiny, fit):
    trained(tiny, 1, {"plan_kwargs": {"layer_decay": 0.5}})
    model = fit(tiny, labels_key="label", layer=None, epochs=1)
    with pytest.raises(ValueError, match=r"layer_decay=0\.5 is for transformers"):
        model.train(max_epochs=1, plan_kwargs={"layer_decay": 0.5}, enable_progress_bar=False)


def test_batches_and_unlabelled_cells(tiny):
    tiny.obs["batch"] = pd.Categorical(np.array(["x", "y"])[np.arange(90) // 3 % 2])
    tiny.obs["label"] = tiny.obs["label"].cat.add_categories("unknown")
    tiny.obs.iloc[:9, 0] = "unknown"
    model = trained(tiny, setup={"batch_key": "batch", "unlabeled_category": "unknown"})
    assert "unknown" not in model.labels
    assert len(model.train_indices) + len(model.validation_indices) == 81


@pytest.mark.parametrize("pooling", ["sum", "convolution", "attention"])
def test_adam_trains_all_of_it(tiny, pooling):
    Performer.setup_anndata(tiny, labels_key="label")
    model = Performer(tiny, pooling=pooling, shallow_paths=False)
    before = {name: p.detach().clone() for name, p in model.module.named_parameters()}
    model.train(max_epochs=2, plan_kwargs={"optimizer": "adam"}, enable_progress_bar=False)
    same = {name for name, p in model.module.named_parameters() if p.equal(before[name])}
    assert same <= {"tokens.hidden", "encoder.last.weight", "encoder.last.bias"}


@pytest.mark.parametrize("setting", [{"n_tokens": 9.0}, {"depth": 1.5}, {"n_bins": "auto"}])
def test_sizes_are_whole_numbers(tiny, setting):
    Performer.setup_anndata(tiny, labels_key="label")
    with pytest.raises(ValueError, match="a whole number from 1 on"):
        Performer(tiny, **setting)
