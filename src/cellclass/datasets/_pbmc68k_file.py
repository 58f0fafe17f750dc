"""Read the file of blood cells that scanpy ships, in either of its two layouts."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

EMBEDDINGS = ("X_pca", "X_umap")


class Content(NamedTuple):
    """What is used of the file, the same from both layouts."""

    log1p: sparse.csr_matrix  # (n_obs, n_vars), rounded to three decimals
    obs: pd.DataFrame
    genes: pd.Index
    obsm: dict[str, NDArray[np.floating]]
    colors: NDArray[np.object_]


def read_content() -> Content:
    """Read the parts that are needed; the rest of the file is left alone."""
    with h5py.File(_path(), "r") as file:
        # scanpy 1.12 rewrote the file in today's layout; before, it had that of anndata 0.6,
        # which read_elem takes only with warnings that nobody could act on
        return _read_current(file) if "raw/X" in file else _read_legacy(file)


def _path() -> Path:
    spec = find_spec("scanpy")  # finds the folder without importing the package
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "These cells are shipped with scanpy, which is not installed: pip install scanpy",
            name="scanpy",
        )
    path = Path(spec.submodule_search_locations[0], "datasets", "10x_pbmc68k_reduced.h5ad")
    if not path.is_file():
        raise FileNotFoundError(
            f"The installed scanpy has no file {path}. Reinstall it (pip install "
            "--force-reinstall --no-deps scanpy), or use cellclass.datasets.simulate_counts()."
        )
    return path


def _read_current(file: h5py.File) -> Content:
    obs = read_elem(file["obs"])
    obs.index.name = None
    return Content(
        log1p=sparse.csr_matrix(read_elem(file["raw/X"])),
        obs=obs,
        genes=pd.Index(read_elem(file["raw/var"]).index, name=None),
        obsm={key: read_elem(file[f"obsm/{key}"]) for key in EMBEDDINGS},
        colors=read_elem(file["uns/bulk_labels_colors"]),
    )


def _read_legacy(file: h5py.File) -> Content:
    table, matrix, embeddings = file["obs"][:], file["raw.X"], file["obsm"][:]
    columns: dict[str, Any] = {}
    for name in table.dtype.names[1:]:
        values = table[name]
        if (categories := f"uns/{name}_categories") in file:
            values = pd.Categorical.from_codes(values, file[categories].asstr()[:])
        columns[name] = values
    parts = tuple(matrix[part][:] for part in ("data", "indices", "indptr"))
    return Content(
        log1p=sparse.csr_matrix(parts, shape=tuple(matrix.attrs["h5sparse_shape"])),
        obs=pd.DataFrame(columns, index=pd.Index(table["index"].astype(str))),
        genes=pd.Index(file["raw.var"]["index"].astype(str)),
        obsm={key: np.ascontiguousarray(embeddings[key]) for key in EMBEDDINGS},
        colors=file["uns/bulk_labels_colors"].asstr()[:],
    )
