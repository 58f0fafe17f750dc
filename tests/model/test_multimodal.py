"""A model of RNA and proteins: both, or what a cell has of them."""

import numpy as np
import pytest

import cellclass as cc
from cellclass.errors import GeneError, NotTrainedError, ScaleError
from cellclass.model import CellClassifierCNN, CellClassifierMLP, CellPerformer

MODALITIES = {"rna_layer": "rna", "protein_layer": "prot"}


def truth(mdata):
    return mdata.obs["cell_type"].astype(str).to_numpy()


@pytest.fixture
def only(make_mudata):
    """A MuData of some modalities of another one."""

    def take(mdata, *names):
        return make_mudata({name: mdata[name].copy() for name in names})

    return take


def test_both_beat_either(paired_model, paired_query, only):
    accuracy = {
        "both": (paired_model.predict(paired_query) == truth(paired_query)).mean(),
        "rna": (paired_model.predict(paired_query["rna"]) == truth(paired_query)).mean(),
        "prot": (paired_model.predict(only(paired_query, "prot")) == truth(paired_query)).mean(),
    }
    assert accuracy["both"] > max(accuracy["rna"], accuracy["prot"])
    assert min(accuracy.values()) > 0.5


@pytest.mark.parametrize("validation_size", [0.25, None])
def test_rna_alone_is_answered_as_by_a_model_of_rna(
    paired, paired_query, only, fit, fit_paired, validation_size
):
    kwargs = {"n_top_genes": 40, "n_hidden": (8,), "validation_size": validation_size}
    model = fit_paired(paired, epochs=2, **kwargs)
    rna = paired["rna"].copy()
    rna.obs["cell_type"] = paired.obs["cell_type"]
    alone = fit(rna, layer=None, **kwargs)
    wanted = alone.score_cells(paired_query["rna"])
    for query in (paired_query["rna"], only(paired_query, "rna")):
        found = model.score_cells(query)
        np.testing.assert_array_equal(found.probability, wanted.probability)
        np.testing.assert_array_equal(found.novelty_pvalue, wanted.novelty_pvalue)
    sets = model.predict_sets(only(paired_query, "rna"))
    assert sets.equals(alone.predict_sets(paired_query["rna"]))


@pytest.fixture
def mixed(paired_query, make_mudata):
    """Cells 0–39 RNA alone, 40–79 both, 80–119 proteins alone; padded cells among them."""
    rna, proteins = paired_query["rna"][:80].copy(), paired_query["prot"][40:][::-1].copy()
    X = rna.X.toarray()
    X[60] = 0
    rna.X = X
    proteins.X[proteins.obs_names.get_loc(paired_query.obs_names[61])] = 0
    return make_mudata({"rna": rna, "prot": proteins})


def test_each_cell_is_answered_by_what_it_has(paired_model, paired_query, mixed, only):
    places = mixed.obs_names.get_indexer(paired_query.obs_names)
    found = paired_model.score_cells(mixed).probability[places]
    both = paired_model.score_cells(paired_query).probability
    rna = paired_model.score_cells(paired_query["rna"]).probability
    proteins = paired_model.score_cells(only(paired_query, "prot")).probability
    by_rna, by_both = [*range(40), 61], [*range(40, 60), *range(62, 80)]
    by_proteins = [60, *range(80, 120)]
    # Products of matrices of other sizes are grouped differently.
    for cells, wanted in ((by_rna, rna), (by_both, both), (by_proteins, proteins)):
        np.testing.assert_allclose(found[cells], wanted[cells], atol=1e-5)
    assert np.abs(both - rna).max() > 0.05
    report = paired_model.score_cells(mixed).report
    assert report["n_cells_rna_only"] == 41
    assert report["n_cells_proteins_only"] == 41
    assert report["n_cells_rna_and_proteins"] == 38
    assert report["n_obs"] == 120


def test_cells_in_neither_modality_are_unassigned(paired_model, paired_query, make_mudata):
    query = make_mudata({"rna": paired_query["rna"][:20].copy(), "x": paired_query["rna"].copy()})
    scores = paired_model.score_cells(query)
    rows = query.obs_names.get_indexer(paired_query.obs_names[20:])
    assert scores.empty[rows].all()
    assert scores.empty.sum() == 100
    assert set(paired_model.predict(query)[rows]) == {"unassigned"}
    np.testing.assert_allclose(scores.probability.sum(axis=1), 1, atol=1e-5)
    assert np.isnan(scores.novelty_pvalue[rows]).all()
    assert not paired_model.predict_sets(query).iloc[rows].to_numpy().any()


def test_a_query_of_neither_is_refused(paired_model, paired_query, make_mudata):
    query = make_mudata({"gex": paired_query["rna"].copy(), "adt": paired_query["prot"].copy()})
    with pytest.raises(ValueError, match=r"no cells in 'rna' nor 'prot'.*'gex', 'adt'"):
        paired_model.predict(query)


def test_scale_order_and_names_of_proteins_do_not_matter(paired_model, paired_query):
    wanted = paired_model.score_cells(paired_query)
    proteins = paired_query["prot"]
    proteins.X = np.log1p(proteins.X)
    proteins.var_names = [f"{name}_TotalSeqB" for name in proteins.var_names]
    found = paired_model.score_cells(paired_query)
    np.testing.assert_allclose(found.probability, wanted.probability, atol=1e-5)
    assert found.report["protein_scale"] == "log1p"
    assert len(found.report["proteins_renamed"]) == 8


def test_proteins_that_cannot_be_told_are_refused(paired_model, paired_query):
    paired_query["prot"].X = paired_query["prot"].X - 3.5
    with pytest.raises(ScaleError, match=r"mdata\['prot'\]\.X holds negative values"):
        paired_model.predict(paired_query)


def test_genes_that_are_missing_are_refused_as_in_an_anndata(paired_model, paired_query, only):
    paired_query["rna"].var_names = [f"other{i}" for i in range(80)]
    with pytest.raises(GeneError) as caught:
        paired_model.predict(paired_query)
    assert "mdata['rna']" in caught.value.__notes__[0]


def test_missing_proteins_make_less_sure(paired_model, paired_query, make_mudata):
    order = np.argsort(-paired_model._proteins.contract.importance)
    proteins = paired_query["prot"][:, np.sort(order[2:])].copy()
    fewer = make_mudata({"rna": paired_query["rna"].copy(), "prot": proteins})
    with pytest.warns(UserWarning, match="lacks 2 of the 8 proteins"):
        found = paired_model.score_cells(fewer)
    whole = paired_model.score_cells(paired_query)
    assert found.report["expected_accuracy"] < whole.report["expected_accuracy"]
    correct = np.asarray(found.labels)[found.codes] == truth(paired_query)
    assert found.confidence.mean() < whole.confidence.mean()
    assert found.confidence.mean() < correct.mean() + 0.05


def test_sets_of_each_kind_hold_the_label(paired_model, paired_query, mixed):
    sets = paired_model.predict_sets(mixed, coverage=0.8)
    assert sets.index.equals(mixed.obs_names)
    labels = paired_query.obs["cell_type"].reindex(mixed.obs_names).astype(str)
    hit = np.array([sets.loc[cell, label] for cell, label in labels.items()])
    assert hit.mean() > 0.65
    fuller = paired_model.predict_sets(mixed, coverage=0.8, allow_empty=False)
    assert (fuller.sum(axis=1) >= 1).all()
    assert (fuller | sets).equals(fuller)


def test_novelty_is_uniform_on_cells_like_those_of_training(paired_model, paired_query):
    p = paired_model.score_cells(paired_query).novelty_pvalue
    assert 0.3 < p.mean() < 0.7
    assert p.min() > 0


def test_strange_proteins_are_novel(paired_model, paired_query):
    proteins = paired_query["prot"]
    proteins.X = np.random.default_rng(0).permuted(proteins.X, axis=1) ** 2
    whole = paired_model.score_cells(paired_query).novelty_pvalue
    rna = paired_model.score_cells(paired_query["rna"]).novelty_pvalue
    assert (whole < 0.1).mean() > (rna < 0.1).mean() + 0.2


def test_latent_representation(paired_model, paired_query, mixed, only):
    rna = paired_model.get_latent_representation(paired_query["rna"])
    both = paired_model.get_latent_representation(paired_query)
    assert both.shape == (120, rna.shape[1] + 8)
    assert both.dtype == np.float32
    np.testing.assert_array_equal(both[:, :-8], rna)
    np.testing.assert_allclose(both[:, -8:].sum(axis=1), 0, atol=1e-4)
    some = paired_model.get_latent_representation(mixed)
    assert np.isnan(some).any(axis=1).sum() == 40 + 40 + 1
    assert paired_model.get_latent_representation(only(paired_query, "prot")).shape == (120, 8)


def test_without_a_query_the_reference_is_answered(paired, fit_paired):
    model = fit_paired(paired, epochs=1, n_hidden=(8,))
    assert (model.predict() == model.predict(paired)).all()
    assert model.predict(soft=True).index.equals(paired.obs_names)
    assert model.predict_sets().shape == (240, 3)


def test_saved_models_answer_the_same(paired, paired_query, fit_paired, tmp_path):
    model = fit_paired(paired, epochs=1, n_hidden=(8,), validation_size=None)
    wanted = model.score_cells(paired_query)
    for name in ("cellclass", "scvi"):
        model.save(tmp_path / name, format=name)
        again = CellClassifierMLP.load(tmp_path / name, format=name)
        found = again.score_cells(paired_query)
        np.testing.assert_array_equal(found.probability, wanted.probability)
        np.testing.assert_array_equal(found.novelty_pvalue, wanted.novelty_pvalue)
        assert again.predict_sets(paired_query).equals(model.predict_sets(paired_query))
        assert again.card["proteins"] == model.card["proteins"]
    attached = CellClassifierMLP.load(tmp_path / "cellclass", paired)
    assert (attached.predict() == model.predict()).all()
    with pytest.raises(TypeError, match="attach the MuData"):
        CellClassifierMLP.load(tmp_path / "cellclass", paired["rna"])


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        (CellClassifierCNN, {"n_top_genes": 30}),
        (CellPerformer, {"n_top_genes": 20, "depth": 1, "shallow_paths": False}),
    ],
)
def test_the_other_classes_join_proteins_too(paired, paired_query, fit_paired, kind, kwargs):
    model = fit_paired(paired, model=kind, epochs=1, **kwargs)
    both = (model.predict(paired_query) == truth(paired_query)).mean()
    rna = (model.predict(paired_query["rna"]) == truth(paired_query)).mean()
    assert both > rna


def test_pretraining_on_the_rna_of_a_mudata(paired, paired_query):
    CellPerformer.setup_mudata(paired, labels_key="cell_type", modalities=MODALITIES)
    model = CellPerformer(paired, n_top_genes=20, depth=1, shallow_paths=False)
    model.pretrain(max_epochs=1, enable_progress_bar=False)
    assert model.get_latent_representation(paired_query["rna"]).shape[0] == 120
    with pytest.raises(NotTrainedError, match="pre-trained"):
        model.predict(paired_query)
    model.train(max_epochs=1, enable_progress_bar=False)
    assert model.card["proteins"]["n_proteins"] == 8
    assert model.predict(paired_query).shape == (120,)


def test_a_model_of_rna_reads_the_rna_of_a_mudata(paired, paired_query, fit, make_mudata):
    rna = paired["rna"].copy()
    rna.obs["cell_type"] = paired.obs["cell_type"]
    model = fit(rna, layer=None)
    assert (model.predict(paired_query) == model.predict(paired_query["rna"])).all()
    other = make_mudata({"gex": paired_query["rna"].copy(), "prot": paired_query["prot"].copy()})
    with pytest.raises(ValueError, match="no cells in 'rna'"):
        model.predict(other)


def test_a_mudata_of_rna_alone_can_be_learned_from(paired, paired_query, fit_paired):
    model = fit_paired(paired, setup={"modalities": {"rna_layer": "rna"}}, epochs=1)
    assert model._proteins is None
    assert (model.predict(paired_query) == model.predict(paired_query["rna"])).all()


def test_before_training(paired, paired_query):
    CellClassifierMLP.setup_mudata(paired, labels_key="cell_type", modalities=MODALITIES)
    model = CellClassifierMLP(paired, n_top_genes=20)
    with pytest.raises(NotTrainedError, match="not trained"):
        model.predict(paired_query)


def test_attributions_are_of_the_rna(paired_model, paired_query):
    pytest.importorskip("captum")
    with pytest.raises(TypeError, match=r"pass that one, such as mdata\['rna'\]"):
        paired_model.get_gene_attributions(paired_query)
    assert paired_model.get_gene_attributions(paired_query["rna"], n_steps=4).shape == (40, 3)


def test_without_validation_cells(paired, paired_query, fit_paired):
    model = fit_paired(paired, epochs=1, validation_size=0)
    scores = model.score_cells(paired_query)
    assert np.isnan(scores.novelty_pvalue).all()
    assert (model.predict(paired_query) == truth(paired_query)).mean() > 0.4
    with pytest.raises(ValueError, match="the model has none"):
        model.predict_sets(paired_query)


def test_real_citeseq_cells(real_data):
    from cellclass.io._mudata_file import read_mudata, without_remarks

    mdata = read_mudata(real_data / "pbmc10k_citeseq.h5mu")
    labels, rng = truth(mdata), np.random.default_rng(0)
    order = rng.permutation(mdata.n_obs)
    train = np.sort(np.concatenate([order[labels[order] == k][:12] for k in np.unique(labels)]))
    test = np.setdiff1d(order[:1500], train)
    with without_remarks():
        reference, query = mdata[train].copy(), mdata[test].copy()
    CellClassifierMLP.setup_mudata(reference, labels_key="cell_type", modalities=MODALITIES)
    model = CellClassifierMLP(reference, n_top_genes=500, validation_size=0.25)
    model.train(enable_progress_bar=False)
    both = cc.metrics.classification_scores(truth(query), model.predict(query))
    rna = cc.metrics.classification_scores(truth(query), model.predict(query["rna"]))
    assert both["macro_f1"] > rna["macro_f1"] + 0.03
    assert both["accuracy"] > 0.95


def test_proteins_that_say_nothing_do_no_harm(paired, paired_query, fit_paired):
    rng = np.random.default_rng(0)
    for mdata in (paired, paired_query):
        mdata["prot"].X = rng.poisson(20, mdata["prot"].shape).astype(np.float32)
    model = fit_paired(paired, n_hidden=(16,))
    both = (model.predict(paired_query) == truth(paired_query)).mean()
    rna = (model.predict(paired_query["rna"]) == truth(paired_query)).mean()
    assert both > rna - 0.03
