"""Read gzip text matrices of 30,000 genes: `text_matrix.py [--cells N …] [--large N]`.

For each of `--cells` (2,000 and 5,000), the time, CPU time and peak memory of
`cc.io.read_gene_by_cell`, `cc.io.convert_gene_by_cell`, `pandas.read_csv(…).T` and
`scanpy.read_text(…).T` on the same file, each in a process of its own, the fastest of `--repeats`
(3); the results must be equal element by element. Imports are not counted, the 0.2 s that numba
takes to start at its first call are.
For `--large` (100,000; 0 leaves it out), those of `convert_gene_by_cell` alone, and sums over each
gene and each cell must be those that were written. Files are made in a temporary folder
(`--folder` says where: 0.5 GB for the text and 2.5 GB for the result) and removed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_GENES, DENSITY = 30_000, 0.05


def gene_rows(n_cells: int):
    """Yield for each gene its name, the cells that have it and their counts."""
    rng = np.random.default_rng(0)
    shares = rng.beta(0.4, 0.4 * (1 / DENSITY - 1), N_GENES)
    for gene, share in enumerate(shares):
        cells = np.flatnonzero(rng.random(n_cells, dtype=np.float32) < share)
        yield f"ENSG{gene:011d}|SYM{gene}", cells, rng.geometric(0.6, cells.size)


def line_of(cells: np.ndarray, counts: np.ndarray, n_cells: int) -> bytes:
    """Write a row: a digit and a tab for each cell, more digits put between where needed."""
    row = np.full((n_cells, 2), (ord("0"), ord("\t")), dtype=np.uint8)
    row[cells, 0] += np.minimum(counts, 9).astype(np.uint8)
    text, pieces, done = row.tobytes()[:-1], [], 0
    for cell, count in zip(cells[counts > 9].tolist(), counts[counts > 9].tolist(), strict=True):
        pieces += [text[done : 2 * cell], str(count).encode()]
        done = 2 * cell + 1
    return b"".join([*pieces, text[done:]])


def write(path: Path, n_cells: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Write a file; return the sums over genes and cells, and its size before compression."""
    rng = np.random.default_rng(1)
    letters = np.array(list(b"ACGT"), dtype=np.uint8)[rng.integers(0, 4, (n_cells, 16))]
    of_genes, of_cells, n_bytes = np.zeros(N_GENES), np.zeros(n_cells), 0
    with gzip.open(path, "wb", compresslevel=4) as file:
        barcodes = [f"{bytes(word).decode()}-{i}" for i, word in enumerate(letters)]
        file.write("\t".join(["gene", *barcodes]).encode() + b"\n")
        for gene, (name, cells, counts) in enumerate(gene_rows(n_cells)):
            line = name.encode() + b"\t" + line_of(cells, counts, n_cells) + b"\n"
            n_bytes += file.write(line)
            of_genes[gene] = counts.sum()
            of_cells[cells] += counts
    return of_genes, of_cells, n_bytes


def read(how: str, path: Path):
    """Read the file in one of the ways."""
    if how == "pandas":
        import pandas as pd

        return lambda: pd.read_csv(path, sep="\t", index_col=0).T
    if how == "scanpy":
        import scanpy as sc

        return lambda: sc.read_text(path, delimiter="\t", first_column_names=True).T
    from cellclass.io import convert_gene_by_cell, read_gene_by_cell

    if how == "read":
        return lambda: read_gene_by_cell(path)
    return lambda: convert_gene_by_cell(path, path.with_name("out.h5ad"), overwrite=True)


def digest(result) -> str:
    """Return a hash of the values and the names of the cells."""
    import anndata as ad
    from scipy import sparse

    if isinstance(result, Path):
        result = ad.read_h5ad(result)
    frame = not isinstance(result, ad.AnnData)
    X = sparse.csr_matrix(result.to_numpy() if frame else result.X)
    X.sort_indices()
    names = "\n".join(result.index if frame else result.obs_names)
    parts = (X.indptr.astype("i8"), X.indices.astype("i4"), X.data.astype("f4"))
    return hashlib.sha256(b"".join([*map(bytes, parts), names.encode()])).hexdigest()


def measure(how: str, path: Path, *, compare: bool) -> None:
    """Print time, memory and the hash of the result, as JSON."""
    call = read(how, path)
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps([wall, cpu, memory, digest(result) if compare else ""]))


def in_process(how: str, path: Path, *, compare: bool) -> list:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--one", how, str(path), *["--compare"] * compare]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def check_sums(path: Path, of_genes: np.ndarray, of_cells: np.ndarray) -> None:
    """Compare the sums over genes and cells of the result with what was written."""
    import anndata as ad

    X = ad.read_h5ad(path, backed="r").X
    genes, cells = np.zeros(X.shape[1]), np.zeros(X.shape[0])
    for start in range(0, X.shape[0], 10_000):
        part = X[start : start + 10_000]
        cells[start : start + 10_000] = part.sum(axis=1, dtype=float).ravel()
        genes += np.asarray(part.sum(axis=0, dtype=float)).ravel()
    if not (np.array_equal(genes, of_genes) and np.array_equal(cells, of_cells)):
        sys.exit("The sums of the result are not those that were written.")


def show(how: str, wall: float, cpu: float, memory: float, slower: float | None = None) -> None:
    more = "" if slower is None else f"{slower:10.1f} ×"
    print(f"{how:22}{wall:8.1f} s{cpu:8.1f} s{memory:9.2f} GB{more}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="*", default=[2_000, 5_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--folder")
    parser.add_argument("--one", nargs=2, metavar=("HOW", "PATH"), help=argparse.SUPPRESS)
    parser.add_argument("--compare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], Path(options.one[1]), compare=options.compare)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "matrix.tsv.gz"
        for n_cells in options.cells:
            _, _, n_bytes = write(path, n_cells)
            print(
                f"\n{N_GENES:,} genes × {n_cells:,} cells, {n_bytes / 1e9:.2f} GB of text in gzip"
            )
            print(f"{'':22}{'wall':>10}{'CPU':>10}{'memory':>12}{'wall/read':>12}")
            in_process("read", path, compare=False)  # compiles
            rows: dict[str, list] = {}
            for _ in range(options.repeats):
                for how in ("read", "convert", "pandas", "scanpy"):
                    row = in_process(how, path, compare=True)
                    rows[how] = min(row, rows.get(how, row))
            for how, (wall, cpu, memory, _) in rows.items():
                show(how, wall, cpu, memory, wall / rows["read"][0])
            equal = len({row[-1] for row in rows.values()}) == 1
            print("equal element by element" if equal else "THE RESULTS DIFFER")
        if options.large:
            *sums, n_bytes = write(path, options.large)
            print(f"\n{N_GENES:,} genes × {options.large:,} cells, {n_bytes / 1e9:.2f} GB in gzip")
            show("convert", *in_process("convert", path, compare=False)[:3])
            check_sums(path.with_name("out.h5ad"), *sums)
            print("sums over each gene and each cell are those that were written")


if __name__ == "__main__":
    main()
