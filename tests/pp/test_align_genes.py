"""Genes are found under whatever name, and everything that was not found is said."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc
from cellclass.contract import OUTCOMES, gene_names_of, look_up_genes
from cellclass.errors import GeneError

GENES = ["CD3D", "MS4A1", "NKG7", "LYZ", "ACTB"]
FIELDS = ("adata.var", "adata.var.{0}", "adata.var.{0}_rule", "adata.uns.{0}")


def written(key="gene_match"):
    return tuple(field.format(key) for field in FIELDS)


def cells(names, **columns):
    X = sp.csr_matrix(np.arange(2 * len(names), dtype=np.float32).reshape(2, -1))
    return ad.AnnData(X, var=pd.DataFrame(columns, index=pd.Index(names).astype(str)))


@pytest.fixture
def other():
    return cells(["LYZ", "NKG7 ", "OLD", "lyz ", "ms4a1", "NEW", "AC1.1", "AC2.2"])


def test_what_is_written(other, unchanged):
    reference = cells(GENES)
    with unchanged(other, reference, but=written()):
        assert cc.pp.align_genes(other, reference, gene_aliases={"OLD": "ACTB"}) is None
    assert other.var["gene_match"].astype(object).where(
        other.var["gene_match"].notna(), ""
    ).tolist() == [
        "LYZ",
        "NKG7",
        "ACTB",
        "",
        "MS4A1",
        "",
        "",
        "",
    ]
    assert other.var["gene_match_rule"].tolist() == [
        "exact",
        "spaces",
        "alias",
        "extra",
        "case",
        "extra",
        "extra",
        "extra",
    ]
    about = other.uns["gene_match"]
    assert about["params"] == {"subset": False, "gene_aliases": True}
    numbers = ("expected", "matched", "missing", "extra", "ambiguous")
    assert [about[f"n_genes_{name}"] for name in numbers] == [5, 4, 1, 4, 0]
    assert about["genes_missing"].tolist() == ["CD3D"]
    assert np.isnan(about["missing_importance"])
    assert about["genes_renamed"]["rule"].tolist() == ["spaces", "alias", "case"]


def test_a_file_keeps_it(other, tmp_path):
    for reference in (cells(GENES), cells(other.var_names)):
        cc.pp.align_genes(other, reference)
        other.write_h5ad(tmp_path / "cells.h5ad")
        back = ad.read_h5ad(tmp_path / "cells.h5ad")
        for column in ("gene_match", "gene_match_rule"):
            pd.testing.assert_series_equal(back.var[column], other.var[column])
        about = back.uns["gene_match"]
        assert about.keys() == other.uns["gene_match"].keys()
        assert about["genes_missing"].tolist() == other.uns["gene_match"]["genes_missing"].tolist()


def test_copy_and_key(other, unchanged):
    with unchanged(other):
        aligned = cc.pp.align_genes(other, GENES, key_added="genes", copy=True)
    assert {"genes", "genes_rule"} <= set(aligned.var.columns)
    assert aligned.uns["genes"]["n_genes_matched"] == 3


def test_a_view_becomes_an_anndata_of_its_own(other, unchanged):
    for subset in (False, True):
        view = other[:, ::-1]
        with unchanged(other):
            cc.pp.align_genes(view, GENES, subset=subset)
        assert not view.is_view
        assert view.uns["gene_match"]["n_genes_matched"] == 3


def test_subset_gives_the_genes_of_the_reference_in_its_order(other):
    other.layers["twice"] = other.X * 2
    other.varm["place"] = np.arange(8)[:, None]
    other.raw = other.copy()
    before = other.copy()
    cc.pp.align_genes(other, GENES, gene_aliases={"OLD": "ACTB"}, subset=True)
    assert other.var_names.tolist() == ["MS4A1", "NKG7", "LYZ", "ACTB"]
    was = ["ms4a1", "NKG7 ", "LYZ", "OLD"]
    assert other.var["gene_match_original"].tolist() == was
    assert other.var["gene_match"].tolist() == other.var_names.tolist()
    np.testing.assert_array_equal(other.X.toarray(), before[:, was].X.toarray())
    np.testing.assert_array_equal(other.layers["twice"].toarray(), 2 * other.X.toarray())
    assert other.varm["place"][:, 0].tolist() == [4, 1, 0, 2]
    assert other.raw.n_vars == 8
    assert other.obs_names.equals(before.obs_names)


def test_subset_twice_changes_nothing(other):
    once = cc.pp.align_genes(other, GENES, subset=True, copy=True)
    twice = cc.pp.align_genes(once, GENES, subset=True, copy=True)
    assert twice.var_names.equals(once.var_names)
    np.testing.assert_array_equal(twice.X.toarray(), once.X.toarray())


def test_references_of_every_kind(model, query, cells):
    contract = model.contract
    some = query[:, ~query.var_names.isin(contract.model_genes[:3])].copy()
    for reference in (model, contract):
        cc.pp.align_genes(some, reference)
        about = some.uns["gene_match"]
        share = contract.importance[:3].sum() / contract.importance.sum()
        assert about["missing_importance"] == pytest.approx(share)
        assert about["n_genes_expected"] == len(contract.genes)
    for reference in (cells.var_names, list(cells.var_names), pd.Series(cells.var_names), cells):
        cc.pp.align_genes(some, reference)
        assert np.isnan(some.uns["gene_match"]["missing_importance"])
        assert some.uns["gene_match"]["n_genes_missing"] == 3
    ranked = pd.Series(np.linspace(0, 1, cells.n_vars), index=cells.var_names)
    cells.var["js_divergence"] = ranked
    cc.pp.align_genes(some, cells)
    share = ranked[contract.model_genes[:3]].sum() / ranked.sum()
    assert some.uns["gene_match"]["missing_importance"] == pytest.approx(share)


def test_the_lookup_is_that_of_the_contract(model, query):
    query.var_names = [
        name.lower() if j % 2 else f"{name} " for j, name in enumerate(query.var_names)
    ]
    cc.pp.align_genes(query, model)
    known = model.contract.bind(query).match.known
    np.testing.assert_array_equal(query.var["gene_match"].notna(), known)


def test_what_is_refused(other, unchanged):
    mouse = cells(["Cd3d", "Lyz2", "Actb", "Nkg7"])
    twice = cells(["LYZ", "NKG7"])
    twice.var.index = ["LYZ", "LYZ"]
    for adata, reference, error, words in (
        (mouse, GENES, GeneError, "None of the 4 genes.*two organisms"),
        (cells(["X1", "Y2"]), GENES, GeneError, "None of the 2 genes.*same organism"),
        (twice, GENES, GeneError, "duplicated gene names"),
        (other, twice, GeneError, "duplicated gene names"),
        (other, ["LYZ", "LYZ"], GeneError, "twice the gene 'LYZ'"),
        (other, [], GeneError, "no genes"),
        (other, "LYZ", TypeError, "str; an AnnData"),
        (other, 5, TypeError, "int; an AnnData"),
        (other, pd.DataFrame(index=GENES), TypeError, "DataFrame; an AnnData"),
        (other[:, :0], GENES, ValueError, "0 genes"),
    ):
        with unchanged(adata), pytest.raises(error, match=words):
            cc.pp.align_genes(adata, reference)


def test_backed(other, tmp_path):
    other.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    for argument in ("subset", "copy"):
        with pytest.raises(ValueError, match="to_memory"):
            cc.pp.align_genes(backed, GENES, **{argument: True})
    cc.pp.align_genes(backed, GENES)
    assert backed.uns["gene_match"]["n_genes_matched"] == 3
    backed.file.close()


def test_another_organism_through_a_column_is_said():
    orthologues = cells([f"ENSMUSG{j:011d}" for j in range(5)], human=GENES)
    reference = cells(GENES, ids=[f"ENSG{j:011d}" for j in range(5)])
    with pytest.warns(UserWarning, match="identifiers of the query are those of mouse"):
        cc.pp.align_genes(orthologues, reference)
    assert orthologues.uns["gene_match"]["organism_query"] == "mouse"
    assert orthologues.uns["gene_match"]["organism_reference"] == "human"


FILES = {
    "human": (
        "pbmc3k",
        "pbmc_zheng_facs",
        "pbmc10k_citeseq_rna",
        "human_organoid100",
        "pbmc_3tech",
    ),
    "mouse": ("mouse_embryo_deng", "mouse_embryo_seqfish", "mouse_cortex_osmfish"),
}


def test_real_files_of_one_organism_and_of_two(real_data):
    organism = {name: kind for kind, names in FILES.items() for name in names}
    adatas = {name: ad.read_h5ad(real_data / f"{name}.h5ad", backed="r") for name in organism}
    for one, query in adatas.items():
        for other, reference in adatas.items():
            lookup = look_up_genes(gene_names_of(query), gene_names_of(reference))
            renamed = np.flatnonzero((lookup.outcome > 0) & (lookup.place >= 0))
            if organism[one] != organism[other]:
                assert renamed.size == 0
                assert (lookup.place >= 0).sum() < 10
                assert cc.contract.doubts_of(lookup)
                continue
            assert not cc.contract.doubts_of(lookup)
            assert not (lookup.outcome == OUTCOMES.index("ambiguous")).any()
            for gene in renamed:  # only C1ORF54 for C1orf54 and the like
                name = lookup.query.names[gene]
                assert "ORF" in name.upper()
                assert lookup.reference.names[lookup.place[gene]].upper() == name.upper()
    assert len(adatas) == 8


def test_a_reference_without_genes(other):
    query, reference = other, other[:, :0].copy()
    with pytest.raises(GeneError, match="The reference has no genes"):
        cc.pp.align_genes(query, reference)
