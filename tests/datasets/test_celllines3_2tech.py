"""The loader of three cell lines, on files of the published layout."""

import gzip

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc

CELSEQ = pd.DataFrame(
    [[0, 3, 1], [2, 0, 0], [0, 0, 5], [0, 8, 0]],
    index=["SRRM5", "ENSG00000275454", "ACAD11", "BZRAP1-AS1"],
    columns=["A1", "A10", "B2"],
)
DROPSEQ = pd.DataFrame(
    [[1, 0], [0, 9], [4, 4], [0, 0]],
    index=["ACAD11", "SRRM5", "MIR1539", "BZRAP1-AS1"],
    columns=["CELL_000001", "CELL_000002"],
)


def about(cells, lines, kinds) -> pd.DataFrame:
    return pd.DataFrame(
        {"unaligned": 5, "cell_line_demuxlet": lines, "demuxlet_cls": kinds}, index=cells
    )


CELSEQ_CELLS = about(["B2", "A1", "A10"], ["H1975", "H2228", "HCC827"], ["SNG", "SNG", "DBL"])
DROPSEQ_CELLS = about(DROPSEQ.columns, ["HCC827", "H1975"], ["SNG", "SNG"])


def as_r_writes(frame, *, corner=False) -> bytes:
    """CSV of R's `write.table`, which names no column for the names of the rows, or `write.csv`."""
    text = frame.to_csv(quoting=2)
    return gzip.compress((text if corner else text.removeprefix('"",')).encode())


@pytest.fixture
def put(publish):
    def call(corner=False, **changes):
        tables = {
            "sc_celseq2.count": CELSEQ,
            "sc_celseq2.metadata": CELSEQ_CELLS,
            "sc_dropseq.count": DROPSEQ,
            "sc_dropseq.metadata": DROPSEQ_CELLS,
        }
        for name, frame in {**tables, **changes}.items():
            publish("celllines3_2tech", f"{name}.csv.gz", as_r_writes(frame, corner=corner))

    return call


@pytest.mark.parametrize("corner", [False, True])
def test_the_cells(put, corner):
    put(corner=corner)
    adata = cc.datasets.celllines3_2tech()
    assert list(adata.obs_names) == [
        "CEL-seq2_A1",
        "CEL-seq2_B2",
        "Drop-seq_CELL_000001",
        "Drop-seq_CELL_000002",
    ]
    assert list(adata.var_names) == ["SRRM5", "ACAD11"]
    np.testing.assert_array_equal(adata.X.toarray(), [[0, 0], [1, 5], [0, 1], [9, 0]])
    assert list(adata.obs["cell_type"]) == ["H2228", "H1975", "HCC827", "H1975"]
    assert list(adata.obs["tech"]) == ["CEL-seq2"] * 2 + ["Drop-seq"] * 2
    assert (adata.obs.dtypes == "category").all()
    assert adata.uns["licence"] == "MIT"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sc_celseq2.metadata": CELSEQ_CELLS.rename(columns={"demuxlet_cls": "cls"})},
            "its columns are .*'cls'",
        ),
        ({"sc_celseq2.metadata": CELSEQ_CELLS.iloc[:2]}, "not those of the table of lines"),
        ({"sc_dropseq.count": DROPSEQ + 0.25}, "not counts"),
    ],
)
def test_another_layout(put, changes, message):
    put(**changes)
    with pytest.raises(cc.errors.FileFormatError, match=message):
        cc.datasets.celllines3_2tech()


def test_the_real_cells(put, real_data):
    real = ad.read_h5ad(real_data / "celllines3_2tech.h5ad")[:, ::20].copy()
    tables = {}
    for tech, name in (("CEL-seq2", "sc_celseq2"), ("Drop-seq", "sc_dropseq")):
        part = real[real.obs["tech"] == tech]
        cells = part.obs_names.str.removeprefix(f"{tech}_")
        tables[f"{name}.count"] = pd.DataFrame(
            part.X.toarray().T, index=part.var_names, columns=cells
        )
        tables[f"{name}.metadata"] = about(cells, list(part.obs["cell_type"]), "SNG")
    put(**tables)
    adata = cc.datasets.celllines3_2tech()
    assert adata.shape == real.shape
    assert (adata.X != real.X).nnz == 0
    for names in ("obs_names", "var_names"):
        assert list(getattr(adata, names)) == list(getattr(real, names))
    for column in ("cell_type", "tech"):
        assert list(adata.obs[column]) == list(real.obs[column])
