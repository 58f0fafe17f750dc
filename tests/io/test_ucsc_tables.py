"""Tables of a Cell Browser: nothing is guessed of them that the browser tells otherwise."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.errors import FileFormatError
from cellclass.io._ucsc_tables import layout_key, match_cells, read_coordinates, read_meta

META = (
    'cellId\tCluster\tage\tAuthor\'s "type"\tres/0.6|finest\tnote\n'
    "c1\t01\t3.5\tNA\t1\t\n"
    "c2\t1\tNA\tEx\t2\tNA\n"
    'c3\t01\t\t"In"\t1\tdied\n'
)
FIELDS = {
    "metaFields": [
        {"name": "Cluster", "label": "Cluster", "type": "enum"},
        {"name": "age", "label": "age", "type": "float"},
        {"name": "res_0_6", "label": "res/0.6", "type": "enum"},
    ]
}


@pytest.fixture
def meta(tmp_path):
    path = tmp_path / "meta.tsv"
    path.write_text(META)
    return path


def test_columns_have_the_types_of_the_browser(meta):
    table = read_meta(meta, FIELDS)
    assert list(table.index) == ["c1", "c2", "c3"]
    assert list(table["Cluster"]) == ["01", "1", "01"]
    assert isinstance(table["Cluster"].dtype, pd.CategoricalDtype)
    np.testing.assert_array_equal(table["age"], [3.5, np.nan, np.nan])
    assert list(table['Author\'s "type"']) == ["NA", "Ex", '"In"']
    assert list(table["res|0.6|finest"]) == ["1", "2", "1"]
    assert list(table["note"].isna()) == [True, False, False]


def test_without_the_browsers_types_numbers_are_numbers(meta):
    assert read_meta(meta, {})["Cluster"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table"),
        ("cellId\tx\n", "no rows"),
        ("cellId\tx\nc1\t1\nc1\t2\n", "1 cells twice, such as 'c1'"),
        ("cellId\tx\nc1\t1\t2\n", "not a table"),
        ("cellId\ta/b\ta|b\nc1\t1\t2\n", "two columns of one name"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, message):
    path = tmp_path / "meta.tsv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_meta(path, {})


def test_rows_come_in_the_order_of_the_matrix(meta):
    table = match_cells(read_meta(meta, FIELDS), pd.Index(["c3", "c1", "c2"]), "set")
    assert list(table.index) == ["c3", "c1", "c2"]
    assert list(table["Cluster"]) == ["01", "01", "1"]


def test_cells_without_a_row_are_reported(meta):
    with pytest.warns(UserWarning, match="no row for 1 of 4 cells of the matrix, such as 'c9'"):
        table = match_cells(read_meta(meta, FIELDS), pd.Index(["c3", "c9", "c1", "c2"]), "set")
    assert table.loc["c9"].isna().all()


def test_rows_without_a_cell_are_reported(meta):
    with pytest.warns(UserWarning, match="no column for 2 of 3 cells of meta.tsv, such as 'c1'"):
        table = match_cells(read_meta(meta, FIELDS), pd.Index(["c3"]), "set")
    assert list(table.index) == ["c3"]


def test_other_cells_are_refused(meta):
    with pytest.raises(FileFormatError, match="none of the cells of the matrix: 'c1' … against"):
        match_cells(read_meta(meta, FIELDS), pd.Index(["AAAC-1"]), "set")


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()))
    return path


@pytest.mark.parametrize("head", ["", "cellId\tx\ty\n"])
def test_coordinates(tmp_path, head):
    path = write(tmp_path / "UMAP.coords.tsv.gz", head + "c2\t1.5\t-2\nc1\t0\t4\nc8\t1\t1\n")
    places = read_coordinates(path, pd.Index(["c1", "c2", "c3"]))
    assert places.dtype == np.float32
    np.testing.assert_array_equal(places, [[0, 4], [1.5, -2], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("text", "message"),
    [("c1\t1\n", "2 columns"), ("c1\t1\t2\nc2\tx\t1\n", "no two numbers in row 2")],
)
def test_coordinates_that_are_refused(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message):
        read_coordinates(write(tmp_path / "x.tsv.gz", text), pd.Index(["c1"]))


def test_coordinates_that_were_cut_short(tmp_path):
    path = write(tmp_path / "x.tsv.gz", "c1\t1\t2\n" * 1000)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(FileFormatError, match="not a table"):
        read_coordinates(path, pd.Index(["c1"]))


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("UMAP", "X_umap"),
        ("t-SNE", "X_tsne"),
        ("tSNE", "X_tsne"),
        ("Seurat UMAP (batch 2)", "X_seurat_umap_batch_2"),
        ("–", "X_layout"),
    ],
)
def test_keys_of_layouts(label, key):
    assert layout_key(label) == key


@given(
    values=st.lists(
        st.text(st.characters(exclude_characters="\t\n\r\x00", codec="utf-8"), max_size=8),
        min_size=1,
        max_size=6,
    )
)
def test_labels_come_back_as_they_were(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("meta") / "meta.tsv"
    rows = "".join(f"c{i}\t{value}\n" for i, value in enumerate(values))
    path.write_bytes(f"cellId\tx\n{rows}".encode())
    table = read_meta(path, {"metaFields": [{"label": "x", "type": "enum"}]})
    assert ["" if pd.isna(value) else value for value in table["x"]] == values
