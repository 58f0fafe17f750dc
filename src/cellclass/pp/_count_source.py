"""Count tables of a matrix wherever it is: in memory, in a file, or in the chunks of Dask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import h5py
import numpy as np
from anndata.abc import CSCDataset, CSRDataset
from scipy import sparse

from cellclass._checks import is_dask
from cellclass._dask import compute
from cellclass._progress import Bar
from cellclass.contract._rows import rows_of_file
from cellclass.errors import ValuesError
from cellclass.kernels import (
    Counter,
    CountTables,
    bin_rule,
    count_tables,
    depths,
    factors_of,
    factors_to,
    median_depth,
    not_counts,
    plan_counts,
    takes_fractions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import NDArray

    from cellclass.kernels import BinRule, Bins

    Part = tuple[slice, slice, Any]

CHUNK_BYTES = 1 << 26
SAMPLES, SAMPLE_ROWS = 8, 64
TREE = 4
"""Tables that a task of Dask adds up."""


def count_tables_of(
    X: Any,  # noqa: ANN401 - any array kind
    codes: NDArray[np.integer],
    n_labels: int,
    *,
    bins: Bins = None,
    normalize: bool = False,
    n_threads: int | None = None,
    progress: bool | None = None,
) -> CountTables:
    """Count the cells of each label that have each value of each gene, wherever the matrix is.

    Parameters
    ----------
    X
        Values `(n_obs, n_vars)`. NumPy and SciPy arrays in memory. Of a file: CSR (read by
        chunks of cells), CSC (by blocks of genes) and dense arrays of h5ad or zarr (by chunks of
        cells), one chunk ahead of the count. Dask: dense or CSR chunks that span all genes, or
        CSC chunks that span all cells; computed by the scheduler that is set.
    codes
        Label codes `(n_obs,)`; -1 leaves a cell out.
    n_labels
        Number of labels.
    bins
        As `count_tables` takes it. Numbers of bins and quantiles take a further pass.
    normalize
        Whether to scale the counts of each cell to the median depth and round them. Takes a
        further pass.
    n_threads
        As `count_tables` takes it.
    progress
        Whether to show a progress bar; by default in a terminal, when a file takes long.

    Raises
    ------
    ValuesError
        A value has no bin; its positions in the message are those in the whole matrix.
    ValueError
        Chunks of Dask split what they should span.
    """
    codes = np.asarray(codes)
    if is_dask(X):
        return _of_dask(X, codes, n_labels, bins=bins, normalize=normalize)
    if isinstance(X, np.ndarray) or sparse.issparse(X):
        factors = factors_of(depths(X), codes) if normalize else None
        return count_tables(X, codes, n_labels, bins=bins, factors=factors, n_threads=n_threads)
    source = _FileSource(X, progress=progress)
    factors = factors_of(source.depths(), codes) if normalize else None

    if source.by_gene:
        return _of_gene_blocks(source, codes, n_labels, bins, factors, n_threads)

    def over(function: Callable[..., Any], merge: Callable[[list[Any]], Any]) -> Any:  # noqa: ANN401
        result = None
        for cells, _, part in source.parts("Finding the bins"):
            some = None if factors is None else factors[cells]
            one = function(part, codes[cells], some, n_threads=n_threads)
            result = one if result is None else merge([result, one])
        return result

    rule = bin_rule(bins, over)
    sample, rows = source.sample()
    plan = plan_counts(
        sample,
        codes[rows],
        n_labels,
        rule=rule,
        factors=None if factors is None else factors[rows],
        n_cells=int((codes >= 0).sum()),
    )
    counter = Counter(plan, n_threads=n_threads)
    fractions = rule.takes_fractions and factors is None
    for cells, _, part in source.parts("Counting"):
        with _positions(part, codes[cells], fractions, cells.start, 0):
            counter.add(part, codes[cells], None if factors is None else factors[cells])
    return counter.result()


class _positions:  # noqa: N801 - reads as a statement
    """Give the positions in an error message of a part their place in the whole matrix."""

    def __init__(
        self,
        part: Any,  # noqa: ANN401
        codes: NDArray[np.integer],
        fractions: bool,  # noqa: FBT001 - private
        first_cell: int,
        first_gene: int,
    ) -> None:
        self.part, self.codes, self.fractions = part, codes, fractions
        self.first_cell, self.first_gene = first_cell, first_gene

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, ValuesError):
            raise not_counts(
                self.part,
                self.codes,
                fractions=self.fractions,
                first_cell=self.first_cell,
                first_gene=self.first_gene,
            ) from None


class _FileSource:
    """A matrix in a file, read part by part, one part ahead."""

    def __init__(self, X: Any, *, progress: bool | None) -> None:  # noqa: ANN401
        if not (
            isinstance(X, CSRDataset | CSCDataset | h5py.Dataset)
            or (type(X).__module__.startswith("zarr") and hasattr(X, "ndim"))
        ):
            raise TypeError(
                f"The matrix is a {type(X).__module__}.{type(X).__qualname__}, which is not "
                "supported. Load it first, with adata.to_memory()."
            )
        self.X = X
        self.by_gene = isinstance(X, CSCDataset)
        self.progress = progress
        axis = 1 if self.by_gene else 0
        self.bounds = self._bounds(X.shape[axis])

    def _bounds(self, n: int) -> NDArray[np.int64]:
        """Split the rows (CSC: columns) into parts of about `CHUNK_BYTES`."""
        if isinstance(self.X, CSRDataset | CSCDataset):
            indptr = np.asarray(self.X.group["indptr"][:], dtype=np.int64)
            entry = self.X.dtype.itemsize + self.X.group["indices"].dtype.itemsize
            size = indptr * entry
        else:
            size = np.arange(n + 1, dtype=np.int64) * self.X.shape[1] * self.X.dtype.itemsize
        marks = np.arange(0, size[-1], CHUNK_BYTES)
        return np.unique(np.concatenate([[0], np.searchsorted(size, marks), [n]]))

    def read(self, start: int, stop: int) -> Part:
        """Read one part."""
        every, some = slice(None), slice(start, stop)
        part = rows_of_file(self.X, (every, some) if self.by_gene else some)
        if self.by_gene:
            return slice(0, self.X.shape[0]), some, part
        return some, slice(0, self.X.shape[1]), part

    def parts(self, what: str) -> Iterator[Part]:
        """Read all parts, each while the caller works on the one before."""
        bounds = list(zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True))
        with ThreadPoolExecutor(1) as reader, Bar(what, len(bounds), show=self.progress) as bar:
            following = reader.submit(self.read, *bounds[0]) if bounds else None
            for i in range(len(bounds)):
                assert following is not None  # noqa: S101 - for mypy
                part = following.result()
                following = (
                    reader.submit(self.read, *bounds[i + 1]) if i + 1 < len(bounds) else None
                )
                yield part
                del part
                bar.advance()

    def sample(self) -> tuple[Any, NDArray[np.int64]]:
        """Read a few runs of rows, spread over all."""
        n = self.X.shape[0]
        starts = np.linspace(0, max(0, n - SAMPLE_ROWS), SAMPLES).astype(np.int64)
        if n <= SAMPLES * SAMPLE_ROWS:
            return rows_of_file(self.X, slice(0, n)), np.arange(n)
        runs = [rows_of_file(self.X, slice(k, k + SAMPLE_ROWS)) for k in starts.tolist()]
        rows = np.concatenate([np.arange(start, start + SAMPLE_ROWS) for start in starts])
        stack = sparse.vstack if sparse.issparse(runs[0]) else np.concatenate
        return stack(runs), rows

    def depths(self) -> NDArray[np.float64]:
        """Return the sum of each cell's values, float64 `(n_obs,)`."""
        total = np.zeros(self.X.shape[0])
        for cells, _, part in self.parts("Summing"):
            total[cells] += depths(part)
        return total


def _of_gene_blocks(
    source: _FileSource,
    codes: NDArray[np.integer],
    n_labels: int,
    bins: Bins,
    factors: NDArray[np.float64] | None,
    n_threads: int | None,
) -> CountTables:
    """Count block by block of genes; each has its own plan and its own bins."""
    tables = []
    for _, genes, part in source.parts("Counting"):
        tables.append(_of_genes(part, codes, n_labels, bins, factors, n_threads, genes.start))
    return CountTables.side_by_side(tables)


def _of_genes(
    part: Any,  # noqa: ANN401
    codes: NDArray[np.integer],
    n_labels: int,
    bins: Bins,
    factors: NDArray[np.float64] | None,
    n_threads: int | None,
    first_gene: int,
) -> CountTables:
    with _positions(part, codes, takes_fractions(bins) and factors is None, 0, first_gene):
        return count_tables(part, codes, n_labels, bins=bins, factors=factors, n_threads=n_threads)


def _of_dask(
    X: Any,  # noqa: ANN401
    codes: NDArray[np.integer],
    n_labels: int,
    *,
    bins: Bins,
    normalize: bool,
) -> CountTables:
    """Count each chunk in one task and one thread, and add up the tables in a tree."""
    import dask

    by_gene = _spans_cells(X)
    # a code for each cell goes out with the tasks, in a byte where that is enough
    codes = codes.astype(np.min_scalar_type(-max(1, n_labels)))
    blocks = X.to_delayed().ravel().tolist()
    ends = np.cumsum(X.chunks[1 if by_gene else 0]).tolist()
    parts = [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    sums: Any = ()
    if normalize:
        sums = compute(*[dask.delayed(depths)(block) for block in blocks])
    if by_gene:
        factors = factors_of(np.sum(sums, axis=0), codes) if normalize else None
        shared = dask.delayed(codes), n_labels, bins, dask.delayed(factors), 1
        count = dask.delayed(_of_genes)
        tables = [
            count(block, *shared, genes.start) for block, genes in zip(blocks, parts, strict=True)
        ]
        return CountTables.side_by_side(compute(*tables))

    given: list[list[Any]] = [blocks, [codes[cells] for cells in parts], [None] * len(parts)]
    if normalize:  # eight bytes a cell, which are made again where the cells are
        scale = dask.delayed(_factors_in)
        median = median_depth(np.concatenate(sums), codes)
        given[2] = [scale(block, median) for block in blocks]

    def over(
        function: Callable[..., Any],
        merge: Callable[[list[Any]], Any],
        *more: list[Any],
    ) -> Any:  # noqa: ANN401
        results = [
            dask.delayed(function)(*one, n_threads=1) for one in zip(*given, *more, strict=True)
        ]
        while len(results) > 1:
            results = [
                dask.delayed(merge)(results[i : i + TREE]) for i in range(0, len(results), TREE)
            ]
        return compute(results[0])[0]

    rule = dask.delayed(bin_rule(bins, over), traverse=False)  # once for each worker
    starts = [cells.start for cells in parts]
    same = [[value] * len(parts) for value in (n_labels, rule)]
    return over(_of_cells, CountTables.merged, *same, starts)


def _factors_in(part: Any, median: float) -> NDArray[np.float64]:  # noqa: ANN401
    return factors_to(median, depths(part))


def _of_cells(
    part: Any,  # noqa: ANN401
    codes: NDArray[np.integer],
    factors: NDArray[np.float64] | None,
    n_labels: int,
    rule: BinRule,
    first_cell: int,
    *,
    n_threads: int | None,
) -> CountTables:
    plan = plan_counts(part, codes, n_labels, rule=rule, factors=factors)
    counter = Counter(plan, n_threads=n_threads)
    fractions = rule.takes_fractions and factors is None
    with _positions(part, codes, fractions, first_cell, 0):
        counter.add(part, codes, factors)
    return counter.result()


def _spans_cells(X: Any) -> bool:  # noqa: ANN401
    """Tell whether the chunks are blocks of genes (CSC); refuse chunks that split both."""
    if np.isnan(np.concatenate(X.chunks)).any():
        raise ValueError("The chunks have unknown sizes: call X.compute_chunk_sizes() first.")
    by_gene = getattr(X._meta, "format", None) == "csc"  # noqa: SLF001 - as anndata does
    if X.numblocks[0 if by_gene else 1] > 1:
        kind, axis, shape = (
            ("CSC", "cells", (-1, "auto")) if by_gene else ("CSR or dense", "genes", ("auto", -1))
        )
        raise ValueError(
            f"The chunks of the Dask array split the {axis}: {X.numblocks} blocks, where those of "
            f"a {kind} array span all {axis}. Call X.rechunk({shape}) first."
        )
    return by_gene
