"""What is compared between references is compared by name, and contradictions are found."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cellclass.errors import GeneError, ScaleError
from cellclass.io._reference import open_reference
from cellclass.io._reference_summary import (
    agree,
    check_genes,
    check_namespaces,
    check_scales,
    finish_var,
    summarize,
)


def summary(name, genes=("a", "b", "c"), X=None, **var):
    X = np.arange(1, 4 * len(genes) + 1, dtype=np.float32).reshape(4, -1) if X is None else X
    adata = ad.AnnData(
        X,
        obs=pd.DataFrame({"label": ["B", "T", None, "B"] * (len(X) // 4)}).set_axis(
            [f"c{number}" for number in range(len(X))]
        ),
        var=pd.DataFrame(var, index=list(genes)),
    )
    with open_reference(adata, name=name, layer=None) as reference:
        return summarize(reference, labels_key="label", key_added="label", batch_key="batch")


def test_summary():
    found = summary("x", gene_ids=["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"])
    assert found.labels == {"B": 2, "T": 1}
    assert found.scale.name == "counts"
    assert (found.namespace, found.other_names) == ("symbol", {"ensembl": "gene_ids"})
    assert (found.name, found.where, found.place) == ("x", "an AnnData", "X")


def test_target_sums_are_compared():
    rng = np.random.default_rng(0)
    X = rng.poisson(3, (40, 50)).astype(np.float64)
    genes = [f"g{number}" for number in range(50)]
    logs = [
        summary(str(target), genes, np.log1p(X / X.sum(axis=1, keepdims=True) * target))
        for target in (1e4, 1e4, 1e6)
    ]
    assert check_scales(logs[:2]) is None
    with pytest.raises(
        ScaleError, match=r"log1p of .* to 10,000 per cell.*log1p of .* to 1,000,000"
    ):
        check_scales(logs)


def test_the_one_that_differs_is_named():
    usual = [summary("a"), summary("b")]
    other = summary("c", ["ENSG00000000001", "ENSG00000000002"])
    assert check_namespaces(usual) is None
    with pytest.raises(GeneError, match=r"Reference 'c'.*such as 'ENSG00000000001'.*'a'"):
        check_namespaces([*usual, other])


def test_genes_that_are_made_up_are_named():
    pair = [summary("a", "cab"), summary("b", "bcd")]
    with pytest.warns(UserWarning, match=r"share 2 genes, 67%.*cc\.pp\.align_genes"):
        check_genes(pair, "inner")
    with pytest.warns(
        UserWarning, match=r"2 of .* 4 genes.*'b' 25[.]0%, 'a' 25[.]0%.* the 2 genes"
    ):
        check_genes(pair, "outer")
    assert check_genes([pair[0], summary("c", "abc")], "outer") is None
    with pytest.raises(GeneError, match="no gene in common, such as 'c', 'x'"):
        check_genes([pair[0], summary("x", "xyz")], "outer")


def test_columns_that_contradict_each_other_are_left_out():
    one = pd.DataFrame({"id": ["1", None], "mean": [1.0, 2.0], "one": 1}, index=["a", "b"])
    two = pd.DataFrame({"mean": [1.5, 3.0], "id": [None, "3"]}, index=["b", "c"])
    agreed = agree(agree(None, one), two)
    found = finish_var(agreed, pd.Index(["c", "a", "b"]))
    assert list(found) == ["id"]
    assert found["id"].astype(object).where(found["id"].notna(), None).tolist() == ["3", "1", None]
    assert agree(agreed, pd.DataFrame({"id": ["9"]}, index=["a"])).shape == (3, 0)


def test_types_of_columns_come_back():
    var = pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "ok": [True, False], "s": ["p", "q"]})
    found = finish_var(agree(None, var.set_axis(["a", "b"])), pd.Index(["b", "a"]))
    assert [found[name].dtype.kind for name in ("n", "x", "ok")] == ["i", "f", "b"]
    assert found["s"].tolist() == ["q", "p"]
