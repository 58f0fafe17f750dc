"""A labelled reference, in memory or in a file, of which only what is asked for is read."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from anndata.io import read_elem, sparse_dataset

from cellclass._checks import matrix_of
from cellclass._disk import reading
from cellclass.contract._rows import prepare_rows, take_rows
from cellclass.io._one_file import check_one_file
from cellclass.io._whole_chunks import check_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

FILE_KINDS = (".h5ad", ".zarr")
_MOST_VALUES = 1 << 23  # of a dense part of a matrix: 400 cells of 20,000 genes


@dataclass(frozen=True)
class Reference:
    """A reference that is open.

    Attributes
    ----------
    name
        What its cells are marked with.
    where
        Where it comes from, for messages.
    adata
        The expression, backed where it is in a file, and the annotation of cells and genes; a file
        also has its layers, and nothing else.
    layer
        Where the expression stands; `None` for `X`.
    """

    name: str
    where: str
    adata: AnnData
    layer: str | None

    @property
    def matrix(self) -> Any:  # noqa: ANN401 - any array kind
        """The expression `(n_obs, n_vars)` as it is stored."""
        return matrix_of(self.adata, self.layer)

    @property
    def dtype(self) -> np.dtype:
        """The type of the values."""
        return np.dtype(self.matrix.dtype)

    def rows(self, dtype: np.dtype, genes: pd.Index) -> Iterator[sp.csr_matrix]:
        """Yield the expression of some cells at a time, as CSR.

        Parameters
        ----------
        dtype
            Type of the values.
        genes
            Names and order of the genes; those that are not there are 0.
        """
        matrix, place = prepare_rows(self.matrix), self._places(dtype, genes)
        if getattr(matrix, "format", "csr") != "csr":  # by gene: cells cannot be had one by one
            matrix = matrix.to_memory() if hasattr(matrix, "to_memory") else matrix
            matrix = matrix.tocsr()
        n_rows = max(1, _MOST_VALUES // matrix.shape[1])
        for start in range(0, matrix.shape[0], n_rows):
            chunk = take_rows(matrix, slice(start, start + n_rows))
            chunk = sp.csr_matrix(chunk).astype(dtype, copy=False)
            chunk = chunk if place is None else chunk @ place
            yield chunk.sorted_indices()  # a copy: a part may share its values with the caller's

    def _places(self, dtype: np.dtype, genes: pd.Index) -> sp.csr_matrix | None:
        """Return the matrix of 0 and 1 that brings the genes in order; `None` if they are."""
        own = pd.Index(self.adata.var_names.astype(str))
        if own.equals(genes):
            return None
        there = genes.get_indexer(own)
        here = np.flatnonzero(there >= 0)
        ones = np.ones(here.size, dtype=dtype)
        return sp.csr_matrix((ones, (here, there[here])), shape=(own.size, genes.size))


@contextmanager
def open_reference(
    source: AnnData | str | PathLike[str], *, name: str, layer: str | None
) -> Iterator[Reference]:
    """Open a reference; a file is closed again at the end.

    Parameters
    ----------
    source
        An AnnData, or the path of an ``.h5ad`` or ``.zarr`` file.
    name
        What its cells are marked with.
    layer
        Where its expression stands; `None` for `X`.
    """
    if isinstance(source, AnnData):
        yield Reference(name, "an AnnData", source, layer)
        return
    path = Path(source)
    _check_path(path)
    with ExitStack() as stack:
        stack.enter_context(reading(path))
        group = stack.enter_context(h5py.File(path, "r")) if path.is_file() else _zarr(path)
        if path.is_file():
            check_one_file(group, path)
        yield Reference(name, str(path), _adata_of(group, path), layer)


def _check_path(path: Path) -> None:
    if path.suffix not in FILE_KINDS:
        raise ValueError(
            f"{path} is no {' or '.join(FILE_KINDS)} file. Read it and pass the AnnData, or write "
            "it as .h5ad first: adata.write_h5ad(path)."
        )
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file {path}. Check how it is spelt, and whether it was moved."
        )


def _zarr(path: Path) -> Any:  # noqa: ANN401 - a group of zarr 2 or 3
    import zarr

    check_chunks(path)
    return zarr.open_group(str(path), mode="r")


def _adata_of(group: Any, path: Path) -> AnnData:  # noqa: ANN401
    """Return what is needed of a file, its matrices backed."""
    if "obs" not in group or "var" not in group:
        raise ValueError(
            f"{path} holds no AnnData: obs or var is missing. Write it with adata.write_h5ad(path)."
        )
    obs, var = read_elem(group["obs"]), read_elem(group["var"])
    adata = AnnData(
        X=_stored(group["X"]) if "X" in group else None,
        obs=pd.DataFrame(index=pd.RangeIndex(len(obs)).astype(str)),
        var=var,
        layers={name: _stored(group["layers"][name]) for name in group.get("layers", ())},
    )
    adata.obs = obs  # names that occur twice are told from each other later
    return adata


def _stored(element: Any) -> Any:  # noqa: ANN401 - a group or array of a file
    """Return a matrix of a file without reading it, where it is of a kind that allows that."""
    kind = element.attrs.get("encoding-type")
    if kind in ("csr_matrix", "csc_matrix"):
        return sparse_dataset(element)
    return element if hasattr(element, "shape") and kind != "null" else read_elem(element)


def obs_of(
    reference: Reference, *, labels_key: str, key_added: str, as_text: set[str]
) -> pd.DataFrame:
    """Return the columns of the cells, ready to be put below those of another reference.

    Parameters
    ----------
    reference
        The reference.
    labels_key
        The column with its labels.
    key_added
        What that column is called in the end.
    as_text
        Columns that hold text in any of the references.
    """
    obs = reference.adata.obs.rename(columns={labels_key: key_added})
    return obs.assign(
        **{
            name: pd.Categorical(obs[name].astype(object).map(str, na_action="ignore"))
            for name in obs.columns
            if name == key_added or name in as_text or column_kind(obs[name]) == "text"
        }
    )


def column_kind(column: pd.Series) -> str:
    """Return `number`, `truth`, or `text` for everything else."""
    if pd.api.types.is_bool_dtype(column) and not isinstance(column.dtype, pd.CategoricalDtype):
        return "truth"
    return "number" if pd.api.types.is_numeric_dtype(column) else "text"
