"""Laws of every model: what is told of a cell depends on its counts, and on nothing else.

A law puts the same cells in another way; one alone, and several on top of each other.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anndata as ad
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cellclass as cc

# Of a single cell, 100% may be novel.
pytestmark = pytest.mark.filterwarnings("ignore:.* of the cells are unlike all cells:UserWarning")

MODELS = {
    "perceptron": (cc.model.CellClassifierMLP, {"n_hidden": (16,)}),
    "convolutions": (cc.model.CellClassifierCNN, {}),
    "ranks": (cc.model.CellPerformer, {"encoding": "rank", "n_tokens": 24, "attention": "favor"}),
    "bins": (cc.model.CellPerformer, {"encoding": "bins", "n_tokens": 24, "attention": "softmax"}),
    "values": (cc.model.CellPerformer, {"encoding": "value", "n_tokens": 24, "attention": "favor"}),
}
N_REFERENCE, N_QUERY, N_GENES = 150, 40, 60
N_EXAMPLES = 12 * int(os.environ.get("CELLCLASS_FUZZ", "1"))


class Answers(NamedTuple):
    """What is told of each cell."""

    label: np.ndarray
    numbers: np.ndarray  # confidence and the probability of each label
    novelty: np.ndarray

    def of(self, rows: np.ndarray) -> Answers:
        return Answers(*(values[rows] for values in self))


@dataclass
class Cells:
    """Cells in some arrangement, and which of the query each of them is (-1: a stranger)."""

    adata: ad.AnnData
    rows: np.ndarray


def answers(adata: ad.AnnData) -> Answers:
    obs, table = adata.obs, adata.obsm["cellclass_probability"]
    return Answers(
        obs["cellclass"].to_numpy(str),
        np.column_stack([obs["cellclass_confidence"], table.to_numpy()]),
        obs["cellclass_novelty_pvalue"].to_numpy(),
    )


# How a query is arranged. Each takes cells and a generator, and returns them in another way.


def cells_in_another_order(cells, rng):
    order = rng.permutation(cells.adata.n_obs)
    return Cells(cells.adata[order].copy(), cells.rows[order])


def genes_in_another_order(cells, rng):
    return Cells(cells.adata[:, rng.permutation(cells.adata.n_vars)].copy(), cells.rows)


def some_of_the_cells(cells, rng):
    n = int(rng.integers(1, cells.adata.n_obs + 1))
    kept = np.sort(rng.permutation(cells.adata.n_obs)[:n])
    return Cells(cells.adata[kept].copy(), cells.rows[kept])


def one_cell(cells, rng):
    row = rng.integers(cells.adata.n_obs, size=1)
    return Cells(cells.adata[row].copy(), cells.rows[row])


def cells_twice(cells, _rng):
    twice = ad.concat([cells.adata, cells.adata], index_unique="-")
    return Cells(twice, np.tile(cells.rows, 2))


def beside_strangers(cells, rng):
    counts = rng.poisson(rng.gamma(0.5, 4.0, cells.adata.n_vars), (17, cells.adata.n_vars))
    others = ad.AnnData(counts.astype(np.float32), var=cells.adata.var[[]])
    first = ad.AnnData(cells.adata.X.astype(np.float32), cells.adata.obs[[]], others.var)
    first.X = sp.csr_matrix(first.X)
    others.X = sp.csr_matrix(others.X)
    whole = ad.concat([first, others], index_unique="-")
    return Cells(whole, np.concatenate([cells.rows, np.full(17, -1)]))


def beside_silent_genes(cells, rng):
    n = cells.adata.n_vars
    silent = ad.AnnData(
        sp.csr_matrix((cells.adata.n_obs, 5), dtype=np.float32),
        obs=cells.adata.obs[[]],
        var=pd.DataFrame(index=[f"silent{n}-{k}" for k in range(5)]),
    )
    first = ad.AnnData(
        sp.csr_matrix(native(cells.adata.X)), cells.adata.obs[[]], cells.adata.var[[]]
    )
    whole = ad.concat([first, silent], axis=1)
    return Cells(whole[:, rng.permutation(n + 5)].copy(), cells.rows)


def other_columns(cells, _rng):
    adata = cells.adata.copy()
    adata.obs["cell_type"] = pd.Categorical(["x"] * adata.n_obs, categories=["unused", "x"])
    adata.obs_names = [f"another{i}" for i in range(adata.n_obs)]
    return Cells(adata, cells.rows)


def of_matrix(change, cells, _rng):
    adata = cells.adata
    return Cells(ad.AnnData(change(native(adata.X)), adata.obs, adata.var), cells.rows)


def in_a_layer(cells, _rng):
    adata = cells.adata.copy()
    adata.layers["counts"] = adata.X.copy()
    adata.X = sp.csr_matrix(native(adata.X)).astype(np.float32).log1p()
    return Cells(adata, cells.rows)


def as_view(cells, _rng):
    return Cells(cells.adata[np.arange(cells.adata.n_obs)], cells.rows)


def native(X):
    return X.astype(X.dtype.newbyteorder("="))


def by_rows(X):
    return X.tocsr() if sp.issparse(X) else native(X)


def dense(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


ARRANGEMENTS = {
    one.__name__: one
    for one in (
        cells_in_another_order, genes_in_another_order, some_of_the_cells, one_cell, cells_twice,
        beside_strangers, beside_silent_genes, other_columns, in_a_layer, as_view,
    )
} | {
    f"as {kind.__name__}": partial(of_matrix, kind)
    for kind in (sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array)
} | {
    f"as {dtype}": partial(of_matrix, lambda X, dtype=dtype: X.astype(dtype))
    for dtype in ("uint8", "int32", "int64", "uint16", "float64")
} | {
    "dense": partial(of_matrix, dense),
    "dense by columns": partial(of_matrix, lambda X: np.asfortranarray(dense(X))),
    "strided": partial(of_matrix, lambda X: np.repeat(dense(X), 2, axis=1)[:, ::2]),
    "big-endian": partial(of_matrix, lambda X: dense(X).astype(">f4")),
}  # fmt: skip


# How it is handed over.


def in_memory(model, adata, _folder):
    return answers(cc.tl.annotate(adata, model, copy=True))


def two_threads(model, adata, folder):
    torch.set_num_threads(2)
    try:
        return in_memory(model, adata, folder)
    finally:
        torch.set_num_threads(1)


def three_at_a_time(model, adata, folder):
    from cellclass.contract._bound import BoundInput

    whole = BoundInput.chunks.__defaults__
    BoundInput.chunks.__defaults__ = (3,)
    try:
        return in_memory(model, adata, folder)
    finally:
        BoundInput.chunks.__defaults__ = whole


def written(adata, path):
    """Write cells as files hold them: in rows, in the machine's own byte order."""
    adata = adata.copy()
    adata.X = by_rows(adata.X)
    for name in set(adata.layers) - {None}:  # which is X in newer versions of anndata
        adata.layers[name] = by_rows(adata.layers[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata's own, of formats to come
        (adata.write_h5ad if path.suffix == ".h5ad" else adata.write_zarr)(path)
    return path


def backed(model, adata, folder):
    query = ad.read_h5ad(written(adata, folder / "query.h5ad"), backed="r")
    cc.tl.annotate(query, model)
    return answers(query)


def by_dask(model, adata, folder):
    query = adata.copy()
    query.X = da.from_array(query.X, chunks=(7, -1))
    for name in set(query.layers) - {None}:  # which is X in newer versions of anndata
        query.layers[name] = da.from_array(query.layers[name], chunks=(11, -1))
    return in_memory(model, query, folder)


def file_to_file(ending, model, adata, folder):
    query, out = written(adata, folder / f"query{ending}"), folder / f"out{ending}"
    cc.tl.annotate(query, model, out=out)
    return answers((ad.read_h5ad if ending == ".h5ad" else ad.read_zarr)(out))


WAYS = {
    "in memory": in_memory,
    "two threads": two_threads,
    "three at a time": three_at_a_time,
    "backed": backed,
    "by Dask": by_dask,
    ".h5ad to .h5ad": partial(file_to_file, ".h5ad"),
    ".zarr to .zarr": partial(file_to_file, ".zarr"),
}


def fitted(model_class, reference, **settings):
    model_class.setup_anndata(reference, labels_key="cell_type")
    model = model_class(reference, n_top_genes=40, validation_size=0.2, **settings)
    model.train(max_epochs=3, accelerator="cpu", enable_progress_bar=False)
    return model


def simulated():
    return cc.datasets.simulate_counts(
        N_REFERENCE + N_QUERY, N_GENES, 3, n_markers=8, depth=150.0, rng=0
    )


@pytest.fixture(scope="module")
def query():
    cells = simulated()[N_REFERENCE:].copy()
    cells.X = sp.csr_matrix(cells.X)
    return ad.AnnData(cells.X, cells.obs[[]], cells.var[[]])


@pytest.fixture(scope="module", params=MODELS)
def trained(request, query):
    """A model, and what it tells of the query as it is."""
    model_class, settings = MODELS[request.param]
    model = fitted(model_class, simulated()[:N_REFERENCE].copy(), **settings)
    return model, in_memory(model, query, None)


def held(trained, query, names, way, seed, folder):
    model, expected = trained
    rng = np.random.default_rng(seed)
    cells = Cells(query.copy(), np.arange(query.n_obs))
    for name in sorted(names, key="in_a_layer".__eq__):  # last: the others look at X
        cells = ARRANGEMENTS[name](cells, rng)
    found = WAYS[way](model, cells.adata, folder)
    known = cells.rows >= 0
    found, expected = found.of(known), expected.of(cells.rows[known])
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_allclose(found.numbers, expected.numbers, rtol=0, atol=1e-6)
    # One over the number of cells that it is counted in, where the last bit decides.
    np.testing.assert_allclose(found.novelty, expected.novelty, rtol=0, atol=1 / N_REFERENCE)


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_each_arrangement(trained, query, name, tmp_path):
    held(trained, query, [name], "in memory", 0, tmp_path)


@pytest.mark.parametrize("way", WAYS)
def test_each_way(trained, query, way, tmp_path):
    held(trained, query, [], way, 0, tmp_path)


@settings(max_examples=N_EXAMPLES)
@given(
    names=st.lists(st.sampled_from(sorted(ARRANGEMENTS)), min_size=2, max_size=4, unique=True),
    way=st.sampled_from(sorted(WAYS)),
    seed=st.integers(0, 2**16),
)
def test_on_top_of_each_other(trained, query, names, way, seed, tmp_path_factory):
    held(trained, query, names, way, seed, Path(tmp_path_factory.mktemp("laws")))
