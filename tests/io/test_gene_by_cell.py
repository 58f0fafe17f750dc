import csv
import gzip
import io
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import cellclass as cc
from cellclass import _progress
from cellclass.errors import FileFormatError
from cellclass.io import _gene_by_cell as module
from cellclass.io import _text_file
from cellclass.io._text_file import zstd

COMPRESS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd.compress}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_text_file, "BLOCK_BYTES", 200)
        patch.setattr(_text_file, "READ_BYTES", 90)
        patch.setattr(module, "FEWEST_ENTRIES", 1)
        yield


def text_of(frame, *, delimiter, quoting, corner, trailing, end, final, comments):
    """Write a table as one of the many programs does that write them."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerow([*([] if corner is None else [corner]), *frame.columns])
    for name, row in zip(frame.index, frame.to_numpy().tolist(), strict=True):
        writer.writerow([name, *row])
    lines = file.getvalue().splitlines()
    lines = [line + delimiter * trailing for line in lines]
    return comments + end.join(lines) + end * final


values = st.one_of(
    st.just(0),
    st.integers(0, 30),
    st.integers(-5, 2**24),
    st.floats(0, 1e6, width=32),
    st.floats(-1e30, 1e30).filter(lambda x: abs(x) < 2**24),
)


@st.composite
def tables(draw):
    shape = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    some = st.lists(values, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    number = np.array(draw(some), dtype=object).reshape(shape)
    genes = [
        f"ENSG{i:011d}|A{i}" if draw(st.booleans()) else f"ENSG{i:011d}|" for i in range(shape[0])
    ]
    cells = [f'cell {i}, "{i}"' if i % 2 else f"cell_{i}" for i in range(shape[1])]
    return pd.DataFrame(number, index=genes, columns=cells)


@given(
    frame=tables(),
    turned=st.booleans(),
    delimiter=st.sampled_from("\t,; "),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    corner=st.sampled_from([None, "", "id", "x y"]),
    trailing=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    final=st.integers(0, 3),
    comments=st.sampled_from(["", "# some\n# comments\n"]),
    compress=st.sampled_from(sorted(COMPRESS)),
    max_memory=st.sampled_from([1, 40, 200, "1GB"]),
    suffix=st.sampled_from([".h5ad", ".zarr"]),
)
def test_round_trip(tmp_path_factory, frame, turned, compress, max_memory, suffix, **layout):
    path = tmp_path_factory.mktemp("table") / "table.txt"
    text = text_of(frame.T if turned else frame, **layout)
    path.write_bytes(COMPRESS[compress](text.encode()))
    expected = frame.T.astype(np.float64).astype(np.float32).to_numpy()

    adata = cc.io.read_gene_by_cell(path)
    out = cc.io.convert_gene_by_cell(path, path.with_suffix(suffix), max_memory=max_memory)
    converted = (ad.read_h5ad if suffix == ".h5ad" else ad.read_zarr)(out)
    assert sorted(entry.name for entry in path.parent.iterdir()) == sorted([path.name, out.name])
    ids = [name.split("|")[0] for name in frame.index]
    for found in (adata, converted):
        assert isinstance(found.X, sparse.csr_matrix)
        assert found.X.dtype == np.float32
        assert found.X.has_canonical_format
        np.testing.assert_array_equal(found.X.toarray(), expected)
        assert found.obs_names.tolist() == frame.columns.tolist()
        assert found.var_names.tolist() == [
            symbol or identifier for identifier, symbol in (n.split("|") for n in frame.index)
        ]
        assert found.var["gene_ids"].tolist() == ids
        about = found.uns["text_matrix"]
        assert about["orientation"] == ("cells_by_genes" if turned else "genes_by_cells")
        assert "identifiers of genes" in about["orientation_from"]
        assert about["source"] == "table.txt"


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_equal_to_pandas(tmp_path, delimiter):
    rng = np.random.default_rng(0)
    X = rng.gamma(0.3, 4, (50, 40)) * (rng.random((50, 40)) < 0.3)
    frame = pd.DataFrame(X, [f"Gene{i}" for i in range(50)], [f"cell{i}" for i in range(40)])
    frame.to_csv(tmp_path / "x.csv.gz", sep=delimiter)
    texts = pd.read_csv(tmp_path / "x.csv.gz", sep=delimiter, index_col=0, dtype=str)
    expected = texts.map(float).T
    for dtype in ("float32", "float64"):
        found = cc.io.read_gene_by_cell(tmp_path / "x.csv.gz", dtype=dtype)
        assert found.X.dtype == dtype
        pd.testing.assert_frame_equal(found.to_df(), expected.astype(dtype), check_exact=True)


TEXT = "id,D1,D2\nx,1,2\ny,3,0\nz,0,4\n"


def test_orientation_is_asked_for_where_it_cannot_be_told(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(TEXT)
    with pytest.raises(FileFormatError, match="orientation='genes_by_cells' or orientation="):
        cc.io.read_gene_by_cell(path)
    genes = cc.io.read_gene_by_cell(path, orientation="genes_by_cells")
    assert genes.obs_names.tolist() == ["D1", "D2"]
    cells = cc.io.read_gene_by_cell(path, orientation="cells_by_genes")
    assert cells.obs_names.tolist() == ["x", "y", "z"]
    np.testing.assert_array_equal(cells.X.toarray(), genes.X.toarray().T)
    assert cells.uns["text_matrix"]["orientation_from"] == "orientation=…"


def test_whole_numbers_that_need_float64(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("gene,D1,D2\nx,16777217,0.1\n")
    with pytest.raises(FileFormatError, match=r"line 2, column 2.*dtype='float64'"):
        cc.io.read_gene_by_cell(path)
    for found in (
        cc.io.read_gene_by_cell(path, dtype="auto"),
        ad.read_h5ad(cc.io.convert_gene_by_cell(path, tmp_path / "x.h5ad", dtype="auto")),
    ):
        assert found.X.dtype == np.float64
        assert found.X.toarray().tolist() == [[16777217], [0.1]]
    path.write_text("gene,D1,D2\nx,16777218,0.1\n")
    assert cc.io.read_gene_by_cell(path, dtype="auto").X.dtype == np.float32


@pytest.mark.parametrize("was", [None, "old"])
@pytest.mark.parametrize("text", ["", TEXT + "w,1\n", TEXT + "w,1,NA\n", TEXT + "x,1,1\n"])
def test_nothing_is_left_of_a_file_with_a_defect(tmp_path, text, was):
    path, out = tmp_path / "x.csv", tmp_path / "x.h5ad"
    path.write_text(text)
    if was:
        out.write_text(was)
    with pytest.raises(FileFormatError, match=r"line 5, column|is empty"):
        cc.io.convert_gene_by_cell(path, out, orientation="genes_by_cells", overwrite=True)
    assert out.exists() == bool(was)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"x.csv", "x.h5ad"}
    assert not was or out.read_text() == was


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_overwrite(tmp_path, suffix):
    path, out = tmp_path / "x.csv", tmp_path / f"x{suffix}"
    path.write_text(TEXT)
    for _ in range(2):
        convert = cc.io.convert_gene_by_cell
        assert convert(path, str(out), orientation="genes_by_cells", overwrite=True) == out
    with pytest.raises(FileExistsError, match="overwrite=True"):
        convert(path, out, orientation="genes_by_cells")
    path.write_text(TEXT + "w,7,7\n")
    convert(path, out, orientation="genes_by_cells", overwrite=True)
    assert (ad.read_h5ad if suffix == ".h5ad" else ad.read_zarr)(out).n_vars == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"orientation": "genes"}, "orientation='genes'"),
        ({"delimiter": "ab"}, "delimiter='ab'"),
        ({"delimiter": "1"}, "delimiter='1'"),
        ({"delimiter": '"'}, "delimiter="),
        ({"delimiter": ""}, "delimiter=''"),
        ({"id_separator": ""}, "id_separator is empty"),
        ({"dtype": "int32"}, "dtype='int32'"),
    ],
)
def test_arguments(tmp_path, arguments, message):
    path = tmp_path / "x.csv"
    path.write_text(TEXT)
    with pytest.raises(ValueError, match=message):
        cc.io.read_gene_by_cell(path, **arguments)
    with pytest.raises(ValueError, match=message):
        cc.io.convert_gene_by_cell(path, tmp_path / "x.h5ad", **arguments)


@pytest.mark.parametrize(("out", "more"), [("x.csv", {}), ("x", {}), ("x.h5ad", {"max_memory": 0})])
def test_arguments_of_the_conversion(tmp_path, out, more):
    path = tmp_path / "in.csv"
    path.write_text(TEXT)
    with pytest.raises(ValueError, match=r"h5ad or x\.zarr|max_memory=0"):
        cc.io.convert_gene_by_cell(path, tmp_path / out, **more)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        cc.io.read_gene_by_cell(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError):
        cc.io.convert_gene_by_cell(tmp_path / "none.csv", tmp_path / "x.h5ad")
    assert list(tmp_path.iterdir()) == []


def test_progress(tmp_path, monkeypatch):
    bars, make = [], _progress.Progress
    monkeypatch.setattr(_progress, "Progress", lambda **kw: bars.append(make(**kw)) or bars[-1])
    monkeypatch.setattr(_progress, "PROGRESS_AFTER", -1.0)
    path = tmp_path / "x.csv"
    path.write_text(TEXT)
    convert = {"orientation": "genes_by_cells", "overwrite": True}
    cc.io.convert_gene_by_cell(path, tmp_path / "x.h5ad", progress=False, **convert)
    assert bars == []
    cc.io.convert_gene_by_cell(path, tmp_path / "x.h5ad", progress=True, **convert)
    assert [bar.tasks[0].description for bar in bars] == ["Reading x.csv", "Writing x.h5ad"]
    assert all(bar.finished for bar in bars)


def test_real_cells_both_ways(tmp_path, cells):
    counts = cells.layers["counts"].toarray()
    frame = pd.DataFrame(counts, cells.obs_names, cells.var_names).astype(int)
    frame.T.to_csv(tmp_path / "genes.csv.gz")
    frame.to_csv(tmp_path / "cells.tsv", sep="\t")
    for name, orientation in (("genes.csv.gz", "genes_by_cells"), ("cells.tsv", "cells_by_genes")):
        found = cc.io.read_gene_by_cell(tmp_path / name)
        assert found.uns["text_matrix"]["orientation"] == orientation
        np.testing.assert_array_equal(found.X.toarray(), counts)
        assert found.var_names.tolist() == cells.var_names.tolist()


def test_path_is_what_comes_back(tmp_path):
    (tmp_path / "x.csv").write_text(TEXT)
    out = cc.io.convert_gene_by_cell(
        str(tmp_path / "x.csv"), str(tmp_path / "x.zarr"), orientation="cells_by_genes"
    )
    assert out == Path(tmp_path / "x.zarr")
    assert out.is_dir()
