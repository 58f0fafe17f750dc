"""The loaders of blood cells with surface proteins, on files of the published layout."""

import gzip

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

import cellclass as cc

CELLS = [f"AAACCCAAGATT{tail}-1" for tail in ("GTGA", "CCCC", "AATT", "TTTT")]
RNA = pd.DataFrame([[0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 9, 1]], index=["HES4", "A1BG", "X"])
PROTEINS = pd.DataFrame([[5, 6, 7, 8], [1, 0, 0, 90]], index=["CD3_TotalSeqB", "CD8a"])
TRUTH = pd.DataFrame(
    {"Barcode": CELLS[::-1], "trueType": ["B cells", "unknown", "NK cells", "CD4+ T cells"]}
)


def table(frame, cells=CELLS) -> bytes:
    return gzip.compress(frame.set_axis(cells, axis=1).to_csv().encode())


def labels(frame) -> bytes:
    return frame.to_csv(index=False, quoting=2).encode()


@pytest.fixture
def put(publish):
    def call(rna=None, proteins=None, truth=None):
        publish("pbmc10k_citeseq", "pbmc10k_harmo_rna.csv.gz", rna or table(RNA))
        publish("pbmc10k_citeseq", "pbmc10k_harmo_pro.csv.gz", proteins or table(PROTEINS))
        publish("pbmc10k_citeseq", "truth_10X10k.csv", truth or labels(TRUTH))

    return call


@pytest.mark.parametrize("dotted", [False, True])
def test_the_labelled_cells(put, dotted):
    names = [cell.replace("-", ".") for cell in CELLS] if dotted else CELLS
    order = [2, 0, 3, 1]
    put(
        rna=table(RNA, names),
        proteins=table(PROTEINS.iloc[:, order], [names[i] for i in order]),
    )
    adata = cc.datasets.pbmc10k_citeseq()
    kept = [0, 1, 3]
    assert list(adata.obs_names) == [CELLS[i] for i in kept]
    np.testing.assert_array_equal(adata.X.toarray(), RNA.to_numpy().T[kept])
    assert adata.X.dtype == np.float32
    assert list(adata.obs["cell_type"]) == ["CD4+ T cells", "NK cells", "B cells"]
    assert list(adata.obs["cell_type"].cat.categories) == ["B cells", "CD4+ T cells", "NK cells"]
    assert list(adata.obsm["protein_expression"].columns) == ["CD3", "CD8a"]
    np.testing.assert_array_equal(
        adata.obsm["protein_expression"].to_numpy(), PROTEINS.to_numpy().T[kept]
    )
    assert set(adata.uns) == {"source", "licence"}


def test_the_unlabelled_cells(publish):
    publish("pbmc5k", "pbmc5k_harmo_rna.csv.gz", table(RNA))
    adata = cc.datasets.pbmc5k()
    np.testing.assert_array_equal(adata.X.toarray(), RNA.to_numpy().T)
    assert list(adata.var_names) == list(RNA.index)
    assert list(adata.obs.columns) == []
    assert "pbmc5k_harmo" in adata.uns["source"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rna": table(RNA, list("abcd"))}, "no barcodes of cells, such as 'a'"),
        ({"rna": table(RNA + 0.5)}, "not counts"),
        ({"proteins": table(PROTEINS, [f"{c[:-1]}2" for c in CELLS])}, "not those of the RNA"),
        ({"truth": labels(TRUTH.set_axis(["cell", "label"], axis=1))}, "columns are .*'cell'"),
        ({"truth": labels(pd.concat([TRUTH, TRUTH]))}, "twice"),
        ({"truth": labels(TRUTH.assign(Barcode=list("abcd")))}, "no label for any"),
    ],
)
def test_another_layout(put, changes, message):
    put(**changes)
    with pytest.raises(cc.errors.FileFormatError, match=message):
        cc.datasets.pbmc10k_citeseq()


def test_the_real_cells(put, publish, real_data):
    real = ad.read_h5ad(real_data / "pbmc10k_citeseq_rna.h5ad")[:300]
    with h5py.File(real_data / "pbmc10k_citeseq.h5mu") as file:
        counts = file["mod/prot/X"][:300].astype(int)
        names = file["mod/prot/var/_index"].asstr()[:]
    proteins = pd.DataFrame(counts.T, index=names)
    rna = pd.DataFrame(real.X.toarray().T, index=real.var_names)
    truth = pd.DataFrame({"Barcode": real.obs_names, "trueType": list(real.obs["cell_type"])})
    put(
        rna=table(rna, list(real.obs_names)),
        proteins=table(proteins, list(real.obs_names)),
        truth=labels(truth),
    )
    adata = cc.datasets.pbmc10k_citeseq()
    assert (adata.X != real.X).nnz == 0
    assert list(adata.obs["cell_type"]) == list(real.obs["cell_type"])
    assert list(adata.var_names) == list(real.var_names)
    np.testing.assert_array_equal(adata.obsm["protein_expression"].to_numpy(), counts)

    unlabelled = ad.read_h5ad(real_data / "pbmc5k_unlabelled.h5ad")[:300]
    rna = pd.DataFrame(unlabelled.X.toarray().T, index=unlabelled.var_names)
    publish("pbmc5k", "pbmc5k_harmo_rna.csv.gz", table(rna, list(unlabelled.obs_names)))
    adata = cc.datasets.pbmc5k()
    assert (adata.X != unlabelled.X).nnz == 0
    assert list(adata.obs_names) == list(unlabelled.obs_names)
    assert list(adata.var_names) == list(real.var_names)
