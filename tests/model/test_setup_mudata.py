"""A reference of several modalities is checked before anything is written."""

import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.errors import GeneError, LabelError, ScaleError, ValuesError

MODELS = (cc.model.CellClassifierMLP, cc.model.CellClassifierCNN, cc.model.CellPerformer)
MLP = MODELS[0]
MODALITIES = {"rna_layer": "rna", "protein_layer": "prot"}


@pytest.fixture
def unwritten():
    def check(mdata):
        assert not any(name.startswith("_scvi") for name in [*mdata.obs, *mdata.uns])
        for adata in mdata.mod.values():
            assert not any(name.startswith("_scvi") for name in [*adata.obs, *adata.uns])

    return check


@pytest.mark.parametrize("model", MODELS)
def test_every_class_takes_a_mudata(paired, model):
    before = paired["rna"].X.copy(), paired["prot"].X.copy()
    model.setup_mudata(paired, labels_key="cell_type", modalities=MODALITIES)
    assert "_scvi_labels" in paired.obs
    assert (before[0] != paired["rna"].X).nnz == 0
    np.testing.assert_array_equal(paired["prot"].X, before[1])


def put(paired, value):
    X = paired["prot"].X.copy()
    X[3, 2] = value
    paired["prot"].X = X


def rename(paired):
    paired["prot"].var_names = ["CD0"] * 8


def no_label(paired):
    paired.obs["cell_type"] = paired.obs["cell_type"].astype(object)
    paired.obs.iloc[4, 0] = None


BAD = {
    "no modalities": (lambda m: {"modalities": None}, ValueError, "Say which modality"),
    "no such labels": (lambda m: {"labels_key": "label"}, KeyError, "labels_key='label'"),
    "no such batch": (lambda m: {"batch_key": "donor"}, KeyError, "batch_key='donor'"),
    "no such RNA layer": (lambda m: {"rna_layer": "counts"}, KeyError, "layer='counts'"),
    "no such protein layer": (lambda m: {"protein_layer": "adt"}, KeyError, "layer='adt'"),
    "a missing label": (no_label, LabelError, "no label for 1 of 240"),
    "proteins not counts": (lambda m: put(m, 2.5), ScaleError, r"mdata\['prot'\]\.X"),
    "proteins not numbers": (lambda m: put(m, np.nan), ValuesError, "NaN"),
    "twice a protein": (rename, GeneError, "duplicated protein names"),
}


@pytest.mark.filterwarnings("ignore:.*names are not unique")
@pytest.mark.parametrize("name", BAD)
def test_bad_references_are_refused_unwritten(paired, unwritten, name):
    change, error, words = BAD[name]
    given = {"labels_key": "cell_type", "modalities": MODALITIES} | (change(paired) or {})
    with pytest.raises(error, match=words):
        MLP.setup_mudata(paired, **given)
    unwritten(paired)


def test_errors_of_the_rna_say_so(paired):
    paired["rna"].X = paired["rna"].X * -1
    with pytest.raises(ScaleError) as caught:
        MLP.setup_mudata(paired, labels_key="cell_type", modalities=MODALITIES)
    assert "mdata['rna']" in caught.value.__notes__[0]


def test_an_anndata_is_not_a_mudata(paired):
    with pytest.raises(TypeError, match="set up with setup_anndata"):
        MLP.setup_mudata(paired["rna"], labels_key="cell_type", modalities=MODALITIES)


def test_a_view_is_refused(paired):
    with pytest.raises(ValueError, match="view"):
        MLP.setup_mudata(paired[:100], labels_key="cell_type", modalities=MODALITIES)


def test_unpaired_reference_is_refused(paired, make_mudata, unwritten):
    mdata = make_mudata(
        {"rna": paired["rna"].copy(), "prot": paired["prot"][:200].copy()},
        cell_type=paired.obs["cell_type"],
    )
    with pytest.raises(ValueError, match="has 200 of the 240 cells"):
        MLP.setup_mudata(mdata, labels_key="cell_type", modalities=MODALITIES)
    unwritten(mdata)


def test_other_modalities_may_lack_cells(paired, make_mudata):
    mdata = make_mudata(
        {"rna": paired["rna"], "prot": paired["prot"], "atac": paired["rna"][:9].copy()},
        cell_type=paired.obs["cell_type"],
    )
    MLP.setup_mudata(mdata, labels_key="cell_type", modalities=MODALITIES)
    assert "_scvi_labels" in mdata.obs


def test_labels_and_batches_of_a_modality(paired, fit_paired):
    paired["rna"].obs["fine"] = np.asarray(paired.obs["cell_type"])
    paired["prot"].obs["donor"] = pd.Categorical(np.where(np.arange(240) % 2, "a", "b"))
    model = fit_paired(
        paired,
        setup={
            "labels_key": "fine",
            "batch_key": "donor",
            "modalities": MODALITIES | {"labels_key": "rna", "batch_key": "prot"},
        },
        epochs=1,
    )
    assert model.labels == ("type_0", "type_1", "type_2")


def test_unlabelled_cells_are_left_out(paired, fit_paired):
    labels = paired.obs["cell_type"].astype(str).to_numpy()
    labels[:50] = "unknown"
    paired.obs["cell_type"] = labels
    model = fit_paired(paired, setup={"unlabeled_category": "unknown"}, epochs=1)
    assert "unknown" not in model.labels
    assert model.card["n_training_cells"] + model.card["n_validation_cells"] == 190
    assert min(model.train_indices) >= 50
