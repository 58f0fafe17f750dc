"""Files by their endings, and what is wrong with one."""

import tempfile

import anndata as ad
import pytest
import scipy.sparse as sp

from cellclass.cli._files import (
    check_cells,
    check_folder,
    check_out,
    open_cells,
    read_cells,
    read_columns,
)


@pytest.mark.parametrize("name", ["reference.h5ad", "reference.zarr"])
def test_cells_are_read(folder, name):
    cells = read_cells(folder / name)
    assert cells.shape == (180, 80)
    with open_cells(folder / name) as adata:
        assert adata.shape == cells.shape
        assert adata.obs.equals(cells.obs)
        assert (adata.X[:5] != cells.X[:5]).nnz == 0
    columns = read_columns(folder / name)
    assert columns.X is None
    assert columns.obs.equals(cells.obs)
    assert columns.var_names.equals(cells.var_names)


def test_genes_in_rows_are_read_whole(folder):
    adata = read_cells(folder / "query.h5ad")
    adata.layers["by_gene"] = sp.csc_matrix(adata.X)
    adata.write_h5ad(folder / "by_gene.h5ad")
    with open_cells(folder / "by_gene.h5ad") as found:
        assert (found.layers["by_gene"] != adata.X).nnz == 0


def test_backed(folder):
    assert read_cells(folder / "query.h5ad", backed=True).isbacked
    with pytest.raises(ValueError, match=r"cellclass convert .*query\.zarr --out query\.h5ad"):
        read_cells(folder / "query.zarr", backed=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("table.csv", r"cellclass convert .*table\.csv --out table\.h5ad"),
        ("cells.h5mu", r"evaluate read and the other verbs do not.*cells\.rna\.h5ad"),
        ("cells.loom", r"cells are read from \.h5ad and \.zarr\.$"),
        ("text.h5ad", "cannot be read as an .h5ad"),
        ("folder.h5ad", "is a folder"),
        ("empty.zarr", "lacks its metadata"),
        ("other.zarr", "does not hold an AnnData"),
    ],
)
def test_what_is_no_file_of_cells(tmp_path, name, message):
    if name == "text.h5ad":
        (tmp_path / name).write_text("a,b\n")
    if name in ("folder.h5ad", "empty.zarr"):
        (tmp_path / name).mkdir()
    if name == "other.zarr":
        ad.io.write_elem(_zarr_group(tmp_path / name), "obs", {})
    with pytest.raises(ValueError, match=message):
        check_cells(tmp_path / name)


def _zarr_group(path):
    import zarr

    return zarr.open_group(path, mode="w", zarr_format=2)


def test_out(tmp_path):
    there = tmp_path / "a.csv"
    there.touch()
    check_out(there, (".csv",), overwrite=True)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        check_out(there, (".csv",), overwrite=False)
    with pytest.raises(ValueError, match=r"give a name in \.csv or \.h5ad\."):
        check_out(tmp_path / "a.txt", (".csv", ".h5ad"), overwrite=False)
    with pytest.raises(FileNotFoundError, match="Make it first"):
        check_out(tmp_path / "none" / "a.csv", (".csv",), overwrite=False)


def test_a_folder_that_is_not_to_be_written_to(tmp_path, monkeypatch):
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []

    def refuse(**_):
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)  # the superuser may write anywhere
    with pytest.raises(PermissionError, match=r"Nothing can be written .*Permission denied"):
        check_folder(tmp_path)
