"""What a model makes of proteins is fitted on training cells and calibrated on others."""

import numpy as np
import pytest

from cellclass.errors import LabelError
from cellclass.metrics._discriminant import Discriminant
from cellclass.model._fit_proteins import _fewer, _left_out, _without


def test_discriminants_see_training_cells_alone(paired, fit_paired):
    model = fit_paired(paired, epochs=1, validation_size=None)
    reference, cells = model._reference, model._protein_cells
    assert len(model._proteins.discriminants) == 5
    for part, found in enumerate(model._proteins.discriminants):
        own = reference.trained_on(part)
        wanted = Discriminant.fit(cells.x[own], reference.codes[own])
        np.testing.assert_array_equal(found.means, wanted.means)
        np.testing.assert_array_equal(found.covariance, wanted.covariance)


def test_labels_of_validation_cells_do_not_move_the_discriminant(paired, fit_paired):
    first = fit_paired(paired, epochs=1)
    labels = paired.obs["cell_type"].astype(str).to_numpy()
    kept = first.validation_indices
    paired["prot"].X[kept] = paired["prot"].X[kept][:, ::-1]
    paired.obs["cell_type"] = labels
    second = fit_paired(paired, epochs=1)
    assert (second.validation_indices == kept).all()
    np.testing.assert_array_equal(
        first._proteins.discriminants[0].means, second._proteins.discriminants[0].means
    )
    assert first._proteins.alone.temperature != second._proteins.alone.temperature


def test_the_card_says_how_each_did(paired_model):
    about = paired_model.card["proteins"]
    assert about["n_proteins"] == 8
    assert about["n_cells"] == paired_model.card["n_validation_cells"]
    validation = about["validation"]
    assert validation["rna"]["accuracy"] == paired_model.card["validation"]["accuracy"]
    assert validation["both"]["accuracy"] > validation["rna"]["accuracy"]


def test_cells_without_counts_of_proteins_are_left_out(paired, fit_paired):
    paired["prot"].X[:60] = 0
    model = fit_paired(paired, epochs=1)
    assert model._protein_cells.told.sum() == 180
    assert model.card["proteins"]["n_cells"] < model.card["n_validation_cells"]
    assert np.isfinite(model.score_cells(paired).probability).all()


def test_a_label_without_proteins_is_refused(paired, fit_paired):
    rows = (paired.obs["cell_type"] == "type_1").to_numpy()
    paired["prot"].X[rows] = 0
    with pytest.raises(LabelError, match="'type_1' has counts of proteins"):
        fit_paired(paired, epochs=1)


def test_fewer_and_fewer_proteins():
    importance = np.array([5.0, 1.0, 3.0, 2.0])
    found = list(_fewer(importance, seed=0))
    assert all(known.sum() >= 2 for *_, known in found)
    assert sum(known.all() for *_, known in found) >= 2
    most = [known for row, place, known in found if (row, place) == (1, 5)]
    assert most[0].tolist() == [False, True, False, True]


def test_cells_that_lack_proteins_are_as_the_contract_makes_them(paired_model, paired_query):
    contract = paired_model._proteins.contract
    whole = contract.bind(paired_query["prot"], modality="prot").x
    known = np.array([True, False, True, True, True, False, True, True])
    fewer = contract.bind(paired_query["prot"][:, known], modality="prot").x
    np.testing.assert_allclose(_without(whole, known, contract.mean), fewer, atol=1e-5)


def test_a_calibration_cell_is_not_ranked_against_itself():
    calibration = np.array([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(_left_out(calibration, calibration), [1, 0.75, 0.5, 0.25])
