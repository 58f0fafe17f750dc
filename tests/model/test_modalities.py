"""Modalities of a MuData: which cells are in which, and where their labels stand."""

import numpy as np
import pandas as pd
import pytest

from cellclass.io._mudata_file import without_remarks
from cellclass.model._modalities import (
    check_modalities,
    names_of,
    noted,
    protein_cells,
    rna_reference,
    take_modality,
)
from cellclass.model._modalities import (
    paired as take_paired,
)

SETUP = {
    "labels_key": "cell_type",
    "batch_key": None,
    "rna_layer": None,
    "protein_layer": None,
    "modalities": {"rna_layer": "rna", "protein_layer": "prot"},
}


@pytest.fixture
def unpaired(paired, make_mudata):
    """Cells 20 to 59 have both; those before RNA alone, those after proteins alone, reversed."""
    rna, proteins = paired["rna"][:60].copy(), paired["prot"][20:80][::-1].copy()
    return make_mudata({"rna": rna, "prot": proteins})


def test_cells_are_found_in_the_mudata(unpaired):
    for name in ("rna", "prot"):
        found = take_modality(unpaired, name)
        names = unpaired.obs_names[found.rows]
        assert names.tolist() == found.adata.obs_names.tolist()


def test_no_modality_and_an_empty_one_are_none(paired, make_mudata):
    assert take_modality(paired, "atac") is None
    assert take_modality(paired, None) is None
    empty = make_mudata({"rna": paired["rna"][:5].copy(), "prot": paired["prot"][:0].copy()})
    assert take_modality(empty, "prot") is None


def test_a_modality_changed_behind_the_mudata(paired):
    paired["rna"]._inplace_subset_obs(np.arange(10))
    with pytest.raises(ValueError, match=r"Call mdata\.update\(\)"):
        take_modality(paired, "rna")


def test_shared_genes_are_no_modalities(paired, make_mudata):
    with without_remarks():
        parts = {"a": paired["rna"][:5].copy(), "b": paired["rna"][5:9].copy()}
        mdata = type(paired)(parts, axis=1)
    with pytest.raises(ValueError, match="axis=1"):
        take_modality(mdata, "a")


def test_names():
    assert names_of(SETUP) == ("rna", "prot")
    assert names_of({"modalities": {"rna_layer": "gex"}}) == ("gex", None)
    assert names_of({"labels_key": "cell_type", "layer": None}) == ("rna", None)


BAD = {
    "none": (None, ValueError, r"modalities=\{.rna_layer.*'rna', 'prot'"),
    "no RNA": ({"protein_layer": "prot"}, ValueError, "Say which modality is the RNA"),
    "no such argument": ({"rna_layer": "rna", "adt": "prot"}, ValueError, "'adt' is none of"),
    "no such modality": (
        {"rna_layer": "rna", "protein_layer": "protein"},
        KeyError,
        "'protein' is no modality.*'prot'",
    ),
    "twice the same": ({"rna_layer": "rna", "protein_layer": "rna"}, ValueError, "for both"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_mappings_are_refused(paired, name):
    modalities, error, words = BAD[name]
    with pytest.raises(error, match=words):
        check_modalities(paired, modalities)


def test_reference_is_in_the_order_of_the_mudata(paired, make_mudata):
    mixed = make_mudata(
        {"rna": paired["rna"].copy(), "prot": paired["prot"][::-1].copy()},
        cell_type=paired.obs["cell_type"],
    )
    np.testing.assert_array_equal(take_paired(mixed, "prot").X, paired["prot"].X)
    rna = rna_reference(mixed, SETUP)
    assert rna.obs_names.equals(mixed.obs_names)
    assert rna.X is mixed["rna"].X  # nothing is copied
    found = protein_cells(mixed, SETUP, np.arange(3, 9))
    straight = protein_cells(paired, SETUP, np.arange(3, 9))
    np.testing.assert_array_equal(found.x, straight.x)


def test_unpaired_reference_is_refused(unpaired):
    with pytest.raises(ValueError, match=r"has 60 of the 80 cells.*intersect_obs"):
        take_paired(unpaired, "rna")


def test_labels_may_stand_in_a_modality(paired):
    paired["rna"].obs["fine"] = np.asarray(paired.obs["cell_type"])
    paired["rna"].uns["fine_colors"] = ["#ff0000", "#00ff00", "#0000ff"]
    setup = SETUP | {"labels_key": "fine"}
    with pytest.raises(KeyError, match=r"but of mdata\['rna'\]\.obs.*'labels_key': 'rna'"):
        rna_reference(paired, setup)
    setup["modalities"] = SETUP["modalities"] | {"labels_key": "rna"}
    found = rna_reference(paired, setup)
    assert list(found.obs["fine"]) == list(paired.obs["cell_type"])
    assert found.uns["fine_colors"] == ["#ff0000", "#00ff00", "#0000ff"]


def test_where_a_column_is_not(paired):
    setup = SETUP | {"modalities": SETUP["modalities"] | {"labels_key": "rna"}}
    with pytest.raises(KeyError, match="leave 'labels_key' out of modalities"):
        rna_reference(paired, setup)
    with pytest.raises(KeyError, match=r"not a column of mdata\.obs\. Columns: 'cell_type'"):
        rna_reference(paired, SETUP | {"labels_key": "cell_typ"})


def test_model_of_rna_has_no_proteins(paired):
    setup = SETUP | {"modalities": {"rna_layer": "rna"}}
    assert protein_cells(paired, setup, np.arange(3)) is None
    assert protein_cells(paired["rna"], {"layer": None}, np.arange(3)) is None


def test_errors_say_which_modality_adata_is():
    with pytest.raises(ValueError, match="of adata") as caught, noted("gex"):
        raise ValueError("something of adata")
    assert caught.value.__notes__ == ["Here adata is the RNA, mdata['gex']."]


def test_batches_come_along(paired):
    paired.obs["donor"] = pd.Categorical(np.where(np.arange(240) % 2, "a", "b"))
    found = rna_reference(paired, SETUP | {"batch_key": "donor"})
    assert found.obs["donor"].tolist() == paired.obs["donor"].tolist()
