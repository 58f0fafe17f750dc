"""Datasets of the UCSC Cell Browser, by name."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import h5py
import zarr
from anndata.io import read_elem, write_elem

from cellclass._warn import warn
from cellclass.errors import DownloadError
from cellclass.io._cell_file import SUFFIXES
from cellclass.io._gene_by_cell import convert_gene_by_cell, read_gene_by_cell
from cellclass.io._ucsc_files import MATRIX, META, find_dataset
from cellclass.io._ucsc_tables import layout_key, match_cells, read_coordinates, read_meta
from cellclass.io._whole_file import whole_file

if TYPE_CHECKING:
    import os

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from cellclass.io._ucsc_files import BrowserDataset

LICENCE = (
    "not stated by the Cell Browser: the rights are those of the authors, see the dataset's page"
)


def read_ucsc_cell_browser(
    dataset: str,
    *,
    base_url: str = "https://cells.ucsc.edu",
    out: str | os.PathLike[str] | None = None,
    layouts: bool = True,
    max_memory: int | str = "1GB",
    verify: bool = True,
    overwrite: bool = False,
) -> ad.AnnData:
    """Read a dataset of the UCSC Cell Browser, or of another Cell Browser, by its name.

    Many atlases are published there and nowhere else in a form that opens at once [1]_. The
    matrix (`exprMatrix.tsv.gz`), the table of cells (`meta.tsv`) and the layouts
    (`*.coords.tsv.gz`) are downloaded into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache. An interrupted download goes on at the next
    call. Where the site tells size and MD5 of a file, they are verified at every call; else the
    server is asked whether the file has changed.

    The matrix holds what the authors have published: counts, or values on a logarithmic scale.
    `uns["unit"]` tells if the site does; `cc.pp.identify_scale` tells from the values.

    Parameters
    ----------
    dataset
        Name of the dataset: what stands after ``ds=`` in the address of its page. A dataset of a
        collection has a name such as ``"organoidreportcard/primary10X"``; ``+`` for ``/`` and the
        whole address are taken, too.
    base_url
        Address of the Cell Browser.
    out
        A file to write to, `.h5ad` or `.zarr`, for a matrix that is too big for the memory. It is
        converted piece by piece with at most `max_memory`. An `.h5ad` is opened in backed mode; a
        `.zarr`, for which anndata has none, is read.
    max_memory
        Memory for the conversion to `out`, in bytes or such as ``"1GB"``.
    layouts
        Whether to download the layouts, such as UMAP and t-SNE.
    verify
        Whether to compare files with the size and MD5 that the site tells. The site's table of
        them may be older than the files; then this is the way to read them nonetheless.
    overwrite
        Whether to replace `out`.

    Returns
    -------
    AnnData `(n_obs, n_vars)` with the fields:

    X : CSR `(n_obs, n_vars)`
        The values of the matrix; of the type that `read_gene_by_cell` gives.
    obs
        The columns of `meta.tsv`: categories where the browser shows them as such, numbers where
        all values are. Cells that it lacks have missing values.
    var["gene_ids"] : str
        Identifiers, where genes are named such as ``ENSG…|SYMBOL``; the index has the symbols.
    obsm["X_…"] : float32 `(n_obs, 2)`
        Each layout as the browser draws it, such as `X_umap`; NaN for cells that it leaves out.
        The site may have scaled the coordinates.
    uns["source"], uns["licence"], uns["unit"] : str
        Address and version of the dataset; that its licence is not stated; and what the values
        of the matrix are, if the site says so.

    Raises
    ------
    ValueError
        `dataset` is no name, or that of a collection; or `out` is no `.h5ad` or `.zarr`.
    DownloadError
        A file cannot be downloaded, or differs from what the site says.
    FileFormatError
        A file is not what it should be, or the matrix is published in another format.
    FileExistsError
        `out` exists, and `overwrite` is false.

    Warns
    -----
    UserWarning
        Matrix and table have different cells, a layout is missing, or the site cannot be reached
        and the files of an earlier call are taken.

    References
    ----------
    .. [1] Speir et al. (2021), UCSC Cell Browser: visualize your single-cell data, Bioinformatics
       37, 4578.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.io.read_ucsc_cell_browser("adultPancreas")  # doctest: +SKIP
    """
    if out is not None and Path(out).suffix not in SUFFIXES:
        raise ValueError(f"out={str(out)!r}: a name that ends with .h5ad or .zarr is needed.")
    found = find_dataset(dataset, base_url, verify=verify)
    found.check_matrix()
    if out is None:
        adata = read_gene_by_cell(found.fetch(MATRIX))
        return _with_tables(adata, found, layouts=layouts)
    path = Path(out)
    with whole_file(path, overwrite=overwrite) as folder:
        made = folder / path.name
        convert_gene_by_cell(found.fetch(MATRIX), made, max_memory=max_memory)
        _write_tables(made, found, layouts=layouts)
    return ad.read_zarr(path) if path.suffix == ".zarr" else ad.read_h5ad(path, backed="r")


def _with_tables(adata: ad.AnnData, found: BrowserDataset, *, layouts: bool) -> ad.AnnData:
    """Add what stands beside the matrix."""
    adata.obs = _cells(found, adata.obs_names)
    if layouts:
        adata.obsm.update(_layouts(found, adata.obs_names))
    adata.uns.update(_about(found))
    return adata


def _write_tables(path: Path, found: BrowserDataset, *, layouts: bool) -> None:
    """Add what stands beside the matrix to a file that holds only that."""
    with ExitStack() as stack:
        file: Any = (
            zarr.open_group(path, mode="r+")
            if path.suffix == ".zarr"
            else stack.enter_context(h5py.File(path, "r+"))
        )
        obs = _cells(found, read_elem(file["obs"]).index)
        write_elem(file, "obs", obs)
        write_elem(file, "obsm", _layouts(found, obs.index) if layouts else {})
        write_elem(file, "uns", {**read_elem(file["uns"]), **_about(found)})


def _cells(found: BrowserDataset, names: pd.Index) -> pd.DataFrame:
    return match_cells(read_meta(found.fetch(META), found.description), names, found.name)


def _layouts(found: BrowserDataset, cells: pd.Index) -> dict[str, NDArray[np.float32]]:
    """Read the layouts that can be had; one that is missing is no reason to refuse the cells."""
    read: dict[str, NDArray[np.float32]] = {}
    for layout in found.description.get("coords", []):
        label, file = layout.get("shortLabel", "layout"), layout.get("textFname")
        problem = "the site names no file with its coordinates"
        if file:
            try:
                places = read_coordinates(found.fetch(file), cells)
            except DownloadError as error:
                problem = str(error)
            else:
                read[_free(layout_key(label), read)] = places
                continue
        warn(f"The layout {label!r} of {found.name!r} is left out: {problem}")
    return read


def _free(key: str, taken: dict[str, Any]) -> str:
    """Return a key that is not taken: layouts may bear one name in two spellings."""
    tries = (key if i == 1 else f"{key}_{i}" for i in range(1, len(taken) + 2))
    return next(name for name in tries if name not in taken)


def _about(found: BrowserDataset) -> dict[str, str]:
    version = found.version(MATRIX)
    told = {
        "source": f"{found.page} (UCSC Cell Browser"
        + (f", matrix of {version['mtime']}, MD5 {version['md5']}…)" if version else ")"),
        "licence": LICENCE,
    }
    unit = found.description.get("unit")
    return told | ({"unit": str(unit)} if unit else {})
