"""Cells of a MuData are taken together by what they have."""

import numpy as np
import pytest

from cellclass.model._paired_answers import kind_of, n_calibration_of, trust_of
from cellclass.model._paired_query import BOTH, NEITHER, PROTEINS_ONLY, RNA_ONLY, PairedQuery


@pytest.fixture
def query(paired_model, paired_query, make_mudata):
    mdata = make_mudata(
        {"rna": paired_query["rna"][:70].copy(), "prot": paired_query["prot"][50:].copy()}
    )
    return PairedQuery.of(paired_model, mdata, None, None)


def test_each_cell_comes_once(query, paired_model):
    found = list(query.walk(paired_model))
    rows = np.concatenate([some.rows for some in found])
    assert sorted(rows) == list(range(120))
    sizes = {kind_of(some): len(some.rows) for some in found}
    assert sizes == {BOTH: 20, RNA_ONLY: 50, PROTEINS_ONLY: 50}


def test_calibration_is_that_of_the_kind(query, paired_model):
    part = paired_model._proteins
    assert trust_of(query, RNA_ONLY) is paired_model._trust
    assert trust_of(query, PROTEINS_ONLY) is part.alone
    assert trust_of(query, BOTH) is part.both
    assert n_calibration_of(query, BOTH) == len(part.surprise)
    assert n_calibration_of(query, RNA_ONLY) == paired_model._trust.n_calibration


def test_report_counts_and_weighs_the_kinds(query, paired_model):
    kinds = np.repeat([RNA_ONLY, BOTH, PROTEINS_ONLY, NEITHER], [50, 20, 40, 10])
    report = query.report(paired_model, kinds)
    assert report["source"] == "mdata['rna'].X"
    assert report["n_cells_neither"] == 10
    part = paired_model._proteins
    shares = {RNA_ONLY: 50, BOTH: 20, PROTEINS_ONLY: 40}
    accuracy = {
        RNA_ONLY: paired_model.contract.missing_genes.accuracy[0, 0],
        BOTH: part.both_missing.accuracy[0, 0],
        PROTEINS_ONLY: part.alone_missing.accuracy[0, 0],
    }
    wanted = sum(accuracy[kind] * n for kind, n in shares.items()) / 110
    assert report["expected_accuracy"] == pytest.approx(wanted)


def test_report_without_rna_has_the_same_entries(paired_model, paired_query, make_mudata):
    whole = paired_model.score_cells(paired_query).report
    alone = paired_model.score_cells(make_mudata({"prot": paired_query["prot"].copy()})).report
    left_out = {name for name in whole if name.startswith(("genes_", "n_genes_", "organism_"))}
    assert set(whole) - left_out <= set(alone)
    assert alone["n_genes_matched"] == 0
    assert alone["missing_importance"] == 1
    assert alone["n_cells_proteins_only"] == 120
