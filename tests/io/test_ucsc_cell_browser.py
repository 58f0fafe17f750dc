"""A dataset as a Cell Browser publishes it, served from 127.0.0.1."""

import gzip
import hashlib
import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cellclass as cc

CELLS = ["c3", "c1", "c2", "c4"]
GENES = ["ENSG00000000003|TSPAN6", "ENSG00000000005|TNMD", "ENSG00000000419|DPM1"]
COUNTS = np.array([[0, 1, 0, 7], [2, 0, 0, 0], [0, 0, 5, 1]])  # genes in rows
META = "cellId\tcluster\tage\nc1\t2\t8.5\nc2\t10\t\nc3\t2\t9\nc4\t7\t1\n"


def matrix_text(genes, cells, values) -> bytes:
    rows = ["\t".join(["gene", *cells])]
    rows += ["\t".join([gene, *map(str, row)]) for gene, row in zip(genes, values, strict=True)]
    return gzip.compress(("\n".join(rows) + "\n").encode(), mtime=0)


@pytest.fixture
def publish(server):
    """Publish a dataset, of which the test may change files and what the site tells of them."""

    def put(
        name="brain/organoid", *, matrix=None, meta=META, layouts=None, versions=True, **description
    ):
        files = {
            "exprMatrix.tsv.gz": matrix or matrix_text(GENES, CELLS, COUNTS),
            "meta.tsv": meta.encode(),
        }
        told = {
            key: {
                "fname": f"/usr/local/apache/htdocs-cells/{name}/{file}",
                "md5": hashlib.md5(files[file]).hexdigest()[:10],
                "size": len(files[file]),
                "mtime": "2021-11-02 10:00:00",
            }
            for key, file in (("outMatrix", "exprMatrix.tsv.gz"), ("outMeta", "meta.tsv"))
        }
        coords = []
        for i, (label, text) in enumerate((layouts or {}).items()):
            file = f"{label.replace(' ', '_')}.coords.tsv.gz"
            coords.append({"name": f"coords_{i}", "shortLabel": label, "textFname": file})
            if text is not None:
                files[file] = gzip.compress(text.encode())
        described = {
            "name": name,
            "shortLabel": "Organoids",
            "coords": coords,
            "metaFields": [
                {"name": "cellId", "label": "cellId", "type": "uniqueString"},
                {"name": "cluster", "label": "cluster", "type": "enum"},
                {"name": "age", "label": "age", "type": "float"},
            ],
            **({"fileVersions": told} if versions else {}),
            **description,
        }
        files["dataset.json"] = json.dumps(described).encode()
        server.files |= {f"/{name}/{file}": content for file, content in files.items()}

    return put


@pytest.fixture
def read(server):
    def call(name="brain/organoid", **kwargs):
        return cc.io.read_ucsc_cell_browser(name, base_url=server.url, **kwargs)

    return call


LAYOUTS = {
    "UMAP": "c1\t1.000000\t2.000000\nc2\t3.5\t4\nc3\t5\t6\nc4\t7\t8\n",
    "t-SNE": "c1\t1\t1\nc3\t-2\t0.25\n",
}


@pytest.mark.parametrize("versions", [True, False])
def test_a_dataset(publish, read, server, versions):
    publish(layouts=LAYOUTS, versions=versions, unit="UMI counts")
    adata = read()
    assert list(adata.obs_names) == CELLS
    assert list(adata.var_names) == ["TSPAN6", "TNMD", "DPM1"]
    assert list(adata.var["gene_ids"]) == [gene.split("|")[0] for gene in GENES]
    np.testing.assert_array_equal(adata.X.toarray(), COUNTS.T)
    assert list(adata.obs["cluster"]) == ["2", "2", "10", "7"]
    assert isinstance(adata.obs["cluster"].dtype, pd.CategoricalDtype)
    np.testing.assert_array_equal(adata.obs["age"], [9, 8.5, np.nan, 1])
    np.testing.assert_array_equal(adata.obsm["X_umap"], [[5, 6], [1, 2], [3.5, 4], [7, 8]])
    np.testing.assert_array_equal(adata.obsm["X_tsne"][:2], [[-2, 0.25], [1, 1]])
    assert np.isnan(adata.obsm["X_tsne"][2:]).all()
    assert adata.uns["source"].startswith(f"{server.url}/?ds=brain+organoid (")
    assert ("MD5" in adata.uns["source"]) is versions
    assert "not stated" in adata.uns["licence"]
    assert adata.uns["unit"] == "UMI counts"


def test_a_second_call_downloads_nothing(publish, read, server):
    publish(layouts=LAYOUTS)
    first = read()
    before = sum(server.sent)
    second = read("brain+organoid")
    assert sum(server.sent) == before
    np.testing.assert_array_equal(first.X.toarray(), second.X.toarray())


def test_the_files_are_where_the_environment_says(publish, read, tmp_path):
    publish()
    read()
    (matrix,) = (tmp_path / "cache").rglob("exprMatrix.tsv.gz")
    assert matrix.parent.parts[-2:] == ("brain", "organoid")


def test_layouts_can_be_left_out(publish, read, server):
    publish(layouts=LAYOUTS)
    assert list(read(layouts=False).obsm) == []
    assert not any("coords" in path for path, _ in server.log)


def test_a_layout_that_is_missing_is_reported(publish, read):
    publish(layouts=LAYOUTS | {"force": None}, unit=None)
    with pytest.warns(UserWarning, match="layout 'force' of 'brain/organoid' is left out: .*404"):
        adata = read()
    assert set(adata.obsm) == {"X_umap", "X_tsne"}
    assert "unit" not in adata.uns


def test_a_layout_without_a_file_is_reported(publish, read):
    publish(coords=[{"name": "coords_0", "shortLabel": "UMAP"}])
    with pytest.warns(UserWarning, match="names no file"):
        assert list(read().obsm) == []


def test_layouts_of_one_name(publish, read):
    publish(layouts={"UMAP": LAYOUTS["UMAP"], "umap": LAYOUTS["t-SNE"]})
    assert set(read().obsm) == {"X_umap", "X_umap_2"}


def test_cells_that_do_not_match_are_reported(publish, read):
    publish(meta=META.replace("c1", "c9"))
    with (
        pytest.warns(UserWarning, match="no row for 1 of 4 cells"),
        pytest.warns(UserWarning, match="no column for 1 of 4 cells of meta.tsv, such as 'c9'"),
    ):
        adata = read()
    assert list(adata.obs_names) == CELLS
    assert list(adata.obs["cluster"].isna()) == [False, True, False, False]


def test_a_matrix_that_is_not_what_the_site_tells(publish, read, server):
    publish()
    server.files["/brain/organoid/exprMatrix.tsv.gz"] = matrix_text(GENES, CELLS, COUNTS * 2)
    with pytest.raises(cc.errors.DownloadError, match="expected"):
        read()
    np.testing.assert_array_equal(read(verify=False).X.toarray(), 2 * COUNTS.T)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (gzip.compress(b"gene\tc1\tc2\nA\t1\tx\n"), "line 2"),
        (matrix_text(GENES, CELLS, COUNTS)[:-9], "exprMatrix"),
        (matrix_text(GENES, ["c1", "c1", "c2", "c4"], COUNTS), "c1"),
    ],
)
def test_a_matrix_that_is_damaged(publish, read, matrix, message):
    publish(matrix=matrix)
    with pytest.raises(cc.errors.FileFormatError, match=message):
        read()


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_to_a_file(publish, read, tmp_path, suffix):
    publish(layouts=LAYOUTS)
    out = tmp_path / f"cells{suffix}"
    adata = read(out=out)
    assert adata.isbacked is (suffix == ".h5ad")
    expected = read()
    stored = ad.read_zarr(out) if suffix == ".zarr" else ad.read_h5ad(out)
    np.testing.assert_array_equal(stored.X.toarray(), expected.X.toarray())
    pd.testing.assert_frame_equal(stored.obs, expected.obs)
    pd.testing.assert_frame_equal(stored.var, expected.var)
    for key, places in expected.obsm.items():
        np.testing.assert_array_equal(stored.obsm[key], places)
    assert stored.uns["source"] == expected.uns["source"]
    if adata.isbacked:
        adata.file.close()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        read(out=out)
    replaced = read(out=out, overwrite=True)
    assert replaced.shape == (4, 3)
    if replaced.isbacked:
        replaced.file.close()


def test_a_file_of_another_kind(read, server, tmp_path):
    with pytest.raises(ValueError, match=r"ends with \.h5ad or \.zarr"):
        read(out=tmp_path / "cells.csv")
    assert server.log == []


def test_an_error_leaves_no_file(publish, read, tmp_path):
    publish(meta="cellId\tx\nc1\t1\nc1\t1\n")
    with pytest.raises(cc.errors.FileFormatError, match="twice"):
        read(out=tmp_path / "cells.h5ad")
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_any_cells_in_any_order(publish, read, data):
    names = st.text("abcXYZ019_.:-", min_size=1, max_size=6).map(lambda name: f"n{name}")
    cells = data.draw(st.lists(names, min_size=2, max_size=6, unique=True))
    order = data.draw(st.permutations(cells))
    values = data.draw(
        st.lists(
            st.lists(st.integers(0, 9), min_size=len(cells), max_size=len(cells)),
            min_size=3,
            max_size=3,
        )
    )
    labels = {cell: data.draw(st.sampled_from(["B cell", "NA", "1", "T/NK"])) for cell in cells}
    meta = "cellId\tcluster\n" + "".join(f"{cell}\t{labels[cell]}\n" for cell in order)
    publish(matrix=matrix_text(GENES, cells, values), meta=meta)
    adata = read()
    assert list(adata.obs_names) == cells
    assert list(adata.obs["cluster"]) == [labels[cell] for cell in cells]
    np.testing.assert_array_equal(adata.X.toarray(), np.array(values).T)
