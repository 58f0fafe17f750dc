"""The report says what was matched, how, and what was not; a file keeps it."""

import anndata as ad
import numpy as np
import pandas as pd

from cellclass.contract._gene_lookup import look_up_genes
from cellclass.contract._gene_names import GeneNames
from cellclass.contract._gene_report import gene_report


def looked_up(query, reference):
    return look_up_genes(GeneNames(pd.Index(query)), GeneNames(pd.Index(reference)))


LOOKUP = looked_up(
    ["LYZ", "CD3D ", "ms4a1", "ENSG00000000001.1", "ENSG00000000001.2", "NEW", "NKG7", "ACTB"],
    ["CD3D", "LYZ", "MS4A1", "ENSG00000000001", "NKG7", "GONE"],
)


def test_report():
    report = gene_report(LOOKUP)
    assert report["n_genes_by_rule"] == {
        "exact": 2,
        "spaces": 1,
        "version": 0,
        "case": 1,
        "column": 0,
        "alias": 0,
    }
    assert report["genes_renamed"].to_numpy().tolist() == [
        ["CD3D ", "CD3D", "spaces"],
        ["ms4a1", "MS4A1", "case"],
    ]
    assert report["n_genes_ambiguous"] == 2
    assert report["genes_ambiguous"].tolist() == ["ENSG00000000001.1", "ENSG00000000001.2"]
    assert report["organism_query"] == report["organism_reference"] == "human"


def test_renamed_genes_among_some():
    some = np.arange(len(LOOKUP.place)) == 2
    assert gene_report(LOOKUP, some)["genes_renamed"]["query"].tolist() == ["ms4a1"]


def test_a_file_keeps_the_report(tmp_path):
    for lookup in (LOOKUP, looked_up(["LYZ"], ["LYZ"])):
        report = gene_report(lookup)
        ad.AnnData(np.ones((1, 1)), uns={"about": report}).write_h5ad(tmp_path / "cells.h5ad")
        back = ad.read_h5ad(tmp_path / "cells.h5ad").uns["about"]
        assert back.keys() == report.keys()
        assert dict(back["n_genes_by_rule"]) == report["n_genes_by_rule"]
        assert (
            back["genes_renamed"].to_numpy().tolist() == report["genes_renamed"].to_numpy().tolist()
        )
        assert back["genes_ambiguous"].tolist() == report["genes_ambiguous"].tolist()
        assert back["organism_query"] == report["organism_query"]
