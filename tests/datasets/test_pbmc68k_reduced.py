import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from scipy import sparse

import cellclass as cc
from cellclass.datasets import _pbmc68k_file
from cellclass.datasets._pbmc68k_file import read_content
from cellclass.datasets._pbmc68k_reduced import recover_counts


@pytest.fixture(scope="module")
def adata() -> AnnData:
    return cc.datasets.pbmc68k_reduced()


def test_fields(adata):
    assert adata.shape == (700, 765)
    assert adata.obs_names.is_unique
    assert adata.var_names.is_unique
    assert {"CD3D", "NKG7", "MS4A1", "LYZ"} <= set(adata.var_names)
    assert adata.obs_names[0] == "AAAGCCTGGCTAAC-1"
    assert list(adata.obs.columns) == [
        "bulk_labels",
        "n_genes",
        "percent_mito",
        "n_counts",
        "S_score",
        "G2M_score",
        "phase",
        "louvain",
        "cell_type",
    ]
    assert adata.obsm["X_umap"].shape == (700, 2)
    assert adata.obsm["X_pca"].shape == (700, 50)
    assert "Zheng" in adata.uns["source"]
    assert adata.raw is None


def test_labels(adata):
    labels = adata.obs["cell_type"]
    assert isinstance(labels.dtype, pd.CategoricalDtype)
    assert labels.value_counts().to_dict() == {
        "Dendritic": 240,
        "CD14+ Monocyte": 129,
        "CD19+ B": 95,
        "CD4+/CD25 T Reg": 68,
        "CD8+/CD45RA+ Naive Cytotoxic": 43,
        "CD8+ Cytotoxic T": 54,
        "CD56+ NK": 31,
        "CD4+/CD45RO+ Memory": 19,
        "CD34+": 13,
        "CD4+/CD45RA+/CD25- Naive T": 8,
    }
    pd.testing.assert_series_equal(labels, adata.obs["bulk_labels"], check_names=False)
    for key in ("cell_type_colors", "bulk_labels_colors"):
        assert len(adata.uns[key]) == len(labels.cat.categories)
        assert all(color.startswith("#") for color in adata.uns[key])


def test_counts_are_whole_and_below_the_total(adata):
    counts = adata.layers["counts"]
    assert sparse.issparse(counts)
    assert counts.format == "csr"
    assert counts.dtype == np.float32
    assert np.array_equal(counts.data, np.rint(counts.data))
    assert counts.data.min() == 1
    assert counts.data.max() == 259
    assert (adata.obs["n_counts"] > counts.sum(axis=1).A1).all()
    assert (np.diff(counts.indptr) < adata.obs["n_genes"]).all()


def test_x_is_log_normalised_and_within_the_rounding_of_the_file(adata):
    assert adata.X.format == "csr"
    assert adata.X.dtype == np.float32
    per_ten_thousand = adata.layers["counts"].toarray() * (
        1e4 / adata.obs["n_counts"].to_numpy(dtype=np.float64)[:, None]
    )
    np.testing.assert_allclose(adata.X.toarray(), np.log1p(per_ten_thousand), rtol=1e-6)
    stored = read_content().log1p.toarray()
    assert np.abs(adata.X.toarray() - stored).max() <= 0.51e-3
    assert np.abs(adata.X.toarray() - stored).max() > 0  # the rounding is gone


def test_each_call_gives_a_new_object(adata):
    before = adata.layers["counts"].sum()
    other = cc.datasets.pbmc68k_reduced()
    other.layers["counts"].data[:] = 0
    other.uns["cell_type_colors"][0] = "changed"
    other.obs["cell_type"] = "changed"
    again = cc.datasets.pbmc68k_reduced()
    assert again.layers["counts"].sum() == before
    assert again.uns["cell_type_colors"][0] != "changed"
    assert again.obs["cell_type"].equals(adata.obs["cell_type"])


# anndata 0.13 asks for an option that pandas 3 deprecates, when it writes any index
@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option is deprecated")
def test_survives_writing(adata, tmp_path):
    adata.write_h5ad(tmp_path / "pbmc.h5ad")
    again = read_h5ad(tmp_path / "pbmc.h5ad")
    assert (again.layers["counts"] != adata.layers["counts"]).nnz == 0
    assert again.obs["cell_type"].astype(str).equals(adata.obs["cell_type"].astype(str))
    assert again.uns["source"] == adata.uns["source"]


@pytest.mark.parametrize("scale", [0.999, 1.01, 2.0])
def test_values_that_are_not_log_counts_are_refused(scale):
    content = read_content()
    n_counts = content.obs["n_counts"].to_numpy(dtype=np.float64)
    with pytest.raises(cc.errors.ScaleError, match="Counts cannot be recovered"):
        recover_counts(content.log1p * scale, n_counts)


def test_one_altered_value_is_refused():
    content = read_content()
    n_counts = content.obs["n_counts"].to_numpy(dtype=np.float64)
    content.log1p.data[content.log1p.data.argmax()] += 0.01
    with pytest.raises(cc.errors.ScaleError, match="1 of 174400 stored values"):
        recover_counts(content.log1p, n_counts)


def test_wrong_totals_are_refused():
    content = read_content()
    n_counts = content.obs["n_counts"].to_numpy(dtype=np.float64)
    with pytest.raises(cc.errors.ScaleError, match="in 700 of 700 cells"):
        recover_counts(content.log1p, 1.01 * n_counts)


def test_missing_scanpy(monkeypatch):
    monkeypatch.setattr(_pbmc68k_file, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install scanpy"):
        cc.datasets.pbmc68k_reduced()


def test_missing_file(monkeypatch):
    import json

    spec = json.__spec__
    monkeypatch.setattr(_pbmc68k_file, "find_spec", lambda name: spec)
    with pytest.raises(FileNotFoundError, match="simulate_counts"):
        cc.datasets.pbmc68k_reduced()


def test_nothing_heavy_is_imported():
    code = (
        "import sys, cellclass as cc; cc.datasets.pbmc68k_reduced(); "
        "print(*sorted({'scanpy', 'torch', 'scvi', 'lightning'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
