"""Recipes for AnnData that users and files come up with, and strategies that draw them."""

import warnings
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import strategies as st

N_GENES = 60  # of the reference that the models were trained on
SHAPES = [(0, 5), (5, 0), (1, N_GENES), (40, 1), (2, 3), (7, 20), (30, N_GENES), (80, N_GENES)]
FLOATS = ["float16", "float32", "float64", "longdouble", ">f4", ">f8"]
WHOLE = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4", ">u8"]
ODD_TYPES = ["complex64", "object", "str"]
GOOD_VALUES = ["counts", "deep counts", "CP10k", "log1p"]
BAD_VALUES = [
    "zeros", "ones", "one cell empty", "z-scored", "one negative", "one NaN", "all NaN", "one inf",
    "one -inf", "2**31", "2**53 + 1", "tiny", "mixed", "fractions",
]  # fmt: skip
KINDS = [
    "C", "F", "strided", "csr_matrix", "csc_matrix", "csr_array", "csc_array", "unsorted",
    "duplicates", "stored zeros", "int64 indices", "view", "view of genes", "dask", "dask csr",
    "backed", "backed csr", "backed csc", "masked",
]  # fmt: skip
NAMES = ["plain", "twice the same", "unicode", "numbers", "all the same", "long", "empty"]
GENES = ["known", "turned", "half known", "strange", *NAMES[1:]]
LABELS = [
    "three", "three", "one", "each its own", "text", "missing", "all missing", "unused", "ordered",
    "unicode", "empty text", "numbers", "booleans", "text and numbers", "rare", "strings", "path",
]  # fmt: skip
_PLAIN = ["float16", "float32", "float64"]
PLACES = ["X", "layer", "layer, no X"]


@dataclass(frozen=True)
class Recipe:
    """What an AnnData is made of; printed where a case fails."""

    shape: tuple[int, int] = (30, N_GENES)
    holds: str = "counts"
    dtype: str = "float32"
    kind: str = "csr_matrix"
    place: str = "X"
    labels: str = "three"
    cells: str = "plain"
    genes: str = "known"
    raw: bool = False
    read_only: bool = False
    seed: int = 0
    plainly: bool = False  # in the nearest of three types of floats

    @property
    def layer(self) -> str | None:
        """Where the expression stands, as functions take it."""
        return None if self.place == "X" else "counts"

    def plain(self) -> "Recipe":
        """Return the recipe of the same values in a plain array in memory."""
        return replace(self, kind="C", read_only=False, plainly=True)

    @property
    def is_plain(self) -> bool:
        """Whether `plain` would change nothing."""
        return self.kind == "C" and not self.read_only and self.dtype in _PLAIN


_FOLDER = TemporaryDirectory()
_NUMBER = count()


def new_path(ending: str) -> Path:
    """Return the path of a file that is not there."""
    return Path(_FOLDER.name) / f"{next(_NUMBER)}{ending}"


def make(recipe: Recipe) -> ad.AnnData:
    """Make the AnnData of a recipe, the same one each time."""
    rng = np.random.default_rng(recipe.seed)
    n_obs, n_vars = recipe.shape
    codes = np.arange(n_obs) % 3
    values = typed(expression(codes, n_vars, recipe.holds, rng), recipe.dtype)
    if recipe.plainly:
        dtype = values.dtype.newbyteorder("=")
        values = values.astype(dtype if str(dtype) in _PLAIN else np.float64)
    obs = pd.DataFrame(index=names(recipe.cells, n_obs, "cell"))
    obs["label"] = labels(recipe.labels, codes, obs.index)
    obs["sample"] = pd.Categorical([f"s{i % 4}" for i in range(n_obs)])
    obs["condition"] = [f"c{i % 2}" for i in range(n_obs)]
    obs["depth"] = np.arange(n_obs, dtype=float)
    var = pd.DataFrame({"note": ["x"] * n_vars}, index=gene_names(recipe.genes, n_vars))
    with warnings.catch_warnings():  # what anndata and pandas say of the odd ones is not ours
        warnings.simplefilter("ignore")
        return assemble(recipe, values, obs, var)


def assemble(recipe, values, obs, var) -> ad.AnnData:
    """Put the parts together in the array kind that is asked for."""
    kind = recipe.kind if storable(values.dtype, recipe.kind) else "C"
    if kind.startswith("backed") and recipe.labels == "text and numbers":
        kind = "C"  # a column that no file holds
    rows, columns = np.arange(len(obs)), np.arange(len(var))
    if kind == "view":
        rows = np.repeat(rows, 2)
    if kind == "view of genes":
        columns = np.repeat(columns, 2)
    matrix = of_kind(values[np.ix_(rows, columns)], kind, recipe.read_only)
    adata = ad.AnnData(
        matrix if recipe.place == "X" else None,
        obs=obs.iloc[rows],
        var=var.iloc[columns],
        uns={"note": {"depth": np.arange(3)}},
        obsm={"X_pca": np.zeros((len(rows), 2))},
    )
    if recipe.place != "X":
        adata.layers["counts"] = matrix
        if recipe.place == "layer":
            adata.X = np.zeros((len(rows), len(columns)), dtype=np.float32)
    if recipe.raw and recipe.place == "X" and matrix.dtype.isnative and "dask" not in kind:
        adata.raw = adata.copy()
    if kind.startswith("backed"):
        path = new_path(".h5ad")
        adata.write_h5ad(path)
        return ad.read_h5ad(path, backed="r")
    if kind == "view":
        return adata[::2]
    if kind == "view of genes":
        return adata[:, ::2]
    return adata


def expression(codes, n_vars, what, rng) -> np.ndarray:
    """Values of cells of three kinds, float64 `(n_obs, n_vars)`."""
    rates = np.random.default_rng(7).gamma(0.5, 1.0, (3, max(n_vars, N_GENES)))[:, :n_vars] + 0.05
    X = rng.poisson(rates[codes] * 8).astype(np.float64)
    if what == "deep counts":
        X *= rng.integers(1, 400, X.shape)
    total = np.maximum(X.sum(axis=1, keepdims=True), 1)
    if what == "CP10k":
        return X / total * 1e4
    if what == "log1p":
        return np.log1p(X / total * 1e4)
    if what == "z-scored":
        return (X - X.mean(axis=0)) / X.std(axis=0).clip(0.1) if len(X) else X
    if what in ("zeros", "ones", "all NaN"):
        return np.full_like(X, {"zeros": 0, "ones": 1, "all NaN": np.nan}[what])
    if what == "fractions":
        return rng.random(X.shape)
    if what == "tiny":
        return X * 1e-30
    if what == "mixed":
        X[::2] = np.log1p(X[::2] / total[::2] * 1e4)
    single = {
        "one negative": -1, "one NaN": np.nan, "one inf": np.inf, "one -inf": -np.inf,
        "2**31": 2.0**31, "2**53 + 1": 2.0**53,
    }  # fmt: skip
    if X.size and what in single:
        X.flat[X.size // 2] = single[what]
    if X.size and what == "one cell empty":
        X[len(X) // 2] = 0
    return X


def typed(X: np.ndarray, dtype: str) -> np.ndarray:
    """Cast without what a cast would warn of; values out of range are clipped."""
    if dtype in ("object", "str"):
        return X.astype(dtype)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        X = np.nan_to_num(X)
        top = float(limits.max) <= X
        whole = np.where(top, 0, np.clip(X, float(limits.min), None)).astype(kind)
        whole[top] = limits.max
        big = X == 2.0**53
        if limits.max > 2**53:
            whole[big] = 2**53 + 1
        return whole
    with np.errstate(over="ignore"):
        return X.astype(kind)


def of_kind(X: np.ndarray, kind: str, read_only: bool) -> object:
    """Return the matrix in another array kind, its arrays locked where that is asked for."""
    if not storable(X.dtype, kind):
        kind = "C"
    if kind in ("C", "view", "view of genes", "backed", "dask"):
        made = np.ascontiguousarray(X)
    elif kind == "F":
        made = np.asfortranarray(X)
    elif kind == "strided":
        made = np.repeat(X, 2, axis=1)[:, ::2]
    elif kind == "masked":
        made = np.ma.masked_array(X, mask=np.zeros(X.shape, dtype=bool))
        made.mask[:1, :1] = True
    else:
        made = compressed(X, kind)
    if read_only and not kind.startswith(("dask", "backed")):
        for array in [made.data, made.indices, made.indptr] if sp.issparse(made) else [made]:
            array.flags.writeable = False
    if kind == "dask":
        from dask.array import from_array

        return from_array(made, chunks=(max(len(made) // 2, 1), max(made.shape[1] // 2, 1)))
    if kind == "dask csr":
        from dask.array import from_array

        return from_array(made, chunks=(max(made.shape[0] // 2, 1), made.shape[1]), asarray=False)
    return made


def storable(dtype: np.dtype, kind: str) -> bool:
    """Tell whether SciPy, Dask and HDF5 have values of a type in an array kind."""
    if dtype.kind in "OU" or dtype == np.longdouble:
        return kind in ("C", "F", "view")
    sparse = "cs" in kind or kind in ("unsorted", "duplicates", "stored zeros", "int64 indices")
    if dtype == np.float16 and (sparse or kind == "masked"):
        return False
    return dtype.isnative or kind not in ("dask csr", "backed csr", "backed csc")


def compressed(X: np.ndarray, kind: str) -> object:
    """Return a sparse matrix of the values, with what its kind is named for."""
    if kind.endswith("csc"):
        kind = "csc_matrix"
    if kind in ("csc_matrix", "csr_array", "csc_array"):
        return in_order(X, getattr(sp, kind))
    made = in_order(X, sp.csr_matrix)
    if kind == "unsorted":
        for start, end in zip(made.indptr[:-1], made.indptr[1:], strict=True):
            made.data[start:end] = made.data[start:end][::-1].copy()
            made.indices[start:end] = made.indices[start:end][::-1].copy()
        made.has_sorted_indices = False
    if kind == "duplicates" and X.dtype.kind != "b":
        half = (made.data / 2).astype(made.dtype)
        data = np.stack([half, made.data - half], axis=1).ravel()
        twice = (data.astype(made.dtype), np.repeat(made.indices, 2), made.indptr * 2)
        made = sp.csr_matrix(twice, shape=X.shape)
    if kind == "stored zeros":
        n_obs, n_vars = X.shape
        indices = np.tile(np.arange(n_vars), n_obs)
        made = sp.csr_matrix((X.ravel(), indices, np.arange(n_obs + 1) * n_vars), shape=X.shape)
    if kind == "int64 indices":
        made.indices, made.indptr = made.indices.astype(np.int64), made.indptr.astype(np.int64)
    return made


def in_order(X: np.ndarray, kind: type) -> object:
    """Compress values of any type, also those in a foreign byte order."""
    native = X.astype(X.dtype.newbyteorder("=")) if not X.dtype.isnative else X
    made = kind(native.astype(np.float32) if native.dtype == np.float16 else native)
    made.data = made.data.astype(X.dtype)
    return made


def names(how: str, n: int, prefix: str) -> pd.Index:
    """Names of cells or genes."""
    plain = [f"{prefix}{i}" for i in range(n)]
    if how == "twice the same":
        plain = [plain[i // 2] for i in range(n)]
    if how == "unicode":
        plain = [f"{prefix} ß🧬\u200b{i}/'\"<b>" for i in range(n)]
    if how == "numbers":
        plain = [str(i) for i in range(n)]
    if how == "all the same":
        plain = [prefix] * n
    if how == "long":
        plain = [f"{'x' * 3000}{i}" for i in range(n)]
    if how == "empty" and n:
        plain[0] = ""
    return pd.Index(plain, dtype=object if n == 0 else None)


def gene_names(how: str, n: int) -> pd.Index:
    """Names of genes: those of the reference of the models, or others."""
    known = [f"Gene{i}" for i in range(n)]
    if how == "turned":
        return pd.Index(known[::-1])
    if how == "half known":
        return pd.Index([name if i % 2 else f"Other{i}" for i, name in enumerate(known)])
    if how == "strange":
        return pd.Index([f"Strange{i}" for i in range(n)])
    return names("plain" if how == "known" else how, n, "Gene")


def labels(how: str, codes: np.ndarray, index: pd.Index) -> object:
    """A column of labels."""
    n = len(codes)
    three = np.array(["B cell", "NK/T", "mono"], dtype=object)[codes]
    if how == "one":
        return pd.Categorical(["B cell"] * n)
    if how == "each its own":
        return pd.Categorical([f"type {i}" for i in range(n)])
    if how == "text":
        return three
    if how == "strings":
        return pd.array(three, dtype="string")
    if how in ("missing", "all missing"):
        gone = np.where(np.arange(n) % 7 == (2 if how == "missing" else np.arange(n) % 7))[0]
        three[gone] = None
        return pd.Categorical(three, categories=["B cell", "NK/T", "mono"])
    if how == "unused":
        return pd.Categorical(three, categories=["never", "mono", "B cell", "NK/T", "nor this"])
    if how == "ordered":
        return pd.Categorical(three, categories=["mono", "B cell", "NK/T"], ordered=True)
    if how == "unicode":
        return pd.Categorical(np.array(["β-cell 🧫", "<script>", "a\tb\nc"], dtype=object)[codes])
    if how == "empty text":
        return pd.Categorical(np.array(["", "NK/T", "mono"], dtype=object)[codes])
    if how == "numbers":
        return codes.astype(np.int32)
    if how == "booleans":
        return codes > 0
    if how == "text and numbers":
        return np.array([1, "1", "mono"], dtype=object)[codes]
    if how == "rare":
        three[:] = "B cell"
        three[:1] = "mono"
        return pd.Categorical(three)
    if how == "path":
        return pd.Categorical(np.array(["../../x", "a" * 2000, "nan"], dtype=object)[codes])
    return pd.Categorical(three)


@st.composite
def recipes(draw, *, good: bool = False, **fixed) -> Recipe:
    """Draw a recipe: mostly one that can be used, with a few things odd about it."""
    chosen = dict(fixed)
    odd = set() if good else draw(st.sets(st.sampled_from(list(_ODD)), max_size=3))
    for name, (usual, unusual) in _CHOICES.items():
        if name not in chosen:
            pool = unusual if name in odd else usual
            chosen[name] = draw(st.sampled_from(pool))
    chosen.setdefault("seed", draw(st.integers(0, 3)))
    return Recipe(**chosen)


_CHOICES = {
    "shape": (SHAPES[-3:], SHAPES),
    "holds": (GOOD_VALUES, [*BAD_VALUES, *GOOD_VALUES]),
    "dtype": (["float32", "float64"], [*FLOATS, *WHOLE, "bool", *ODD_TYPES]),
    "kind": (KINDS, KINDS),
    "place": (PLACES, PLACES),
    "labels": (["three", "text", "unused"], LABELS),
    "cells": (["plain"], NAMES),
    "genes": (["known", "turned"], GENES),
    "raw": ([False, True], [False, True]),
    "read_only": ([False], [True]),
}
_ODD = [name for name, (usual, unusual) in _CHOICES.items() if usual != unusual]
