"""How often is each scale called by its name?

Usage: CELLCLASS_TEST_DATA=… python benchmarks/scale_names.py [dataset …]

Counts of every dataset are transformed, and the scale of the result is identified: on all cells
(2,000 at most), on 40 random sets of 1, 2, 5 and 50 cells, with all genes and with 33 or 500 of
them (drawn with a probability that grows with their counts, as panels are). Printed is how often
each name was found for each transformation; a name in brackets means a refusal.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import scipy.sparse as sp
from _data import DATASETS, read

from cellclass.contract import identify_scale

N_DRAWS = 40


def elementwise(function):
    def transform(X):
        Y = X.copy()
        Y.data = function(Y.data)
        return Y

    return transform


def normalize(X, target):
    total = np.asarray(X.sum(axis=1)).ravel()
    factor = np.divide(target, total, out=np.zeros_like(total), where=total > 0)
    return sp.csr_matrix(sp.diags(factor) @ X)


def ambient(X):
    """Subtract a tenth of the mean expression of the soup, as SoupX does."""
    soup = np.asarray(X.sum(axis=0)).ravel()
    soup = soup / max(soup.sum(), 1)
    total = np.asarray(X.sum(axis=1)).ravel()
    Y = X.tocoo()
    Y.data = np.maximum(Y.data - 0.1 * total[Y.row] * soup[Y.col], 0)
    Y = sp.csr_matrix(Y)
    Y.eliminate_zeros()
    return Y


def shared(X):
    """Move parts of a tenth of the counts, to two decimals, as RSEM shares reads out."""
    rng = np.random.default_rng(0)
    Y = X.copy()
    some = rng.random(Y.nnz) < 0.2
    Y.data[some] = np.maximum(Y.data[some] + rng.uniform(-0.9, 0.9, some.sum()).round(2), 0.01)
    return Y


def transcripts(X):
    lengths = np.random.default_rng(0).lognormal(7.5, 0.8, X.shape[1])
    return normalize(sp.csr_matrix(X @ sp.diags(1e3 / lengths)), 1e6)


def dense(function):
    return lambda X: function(X.toarray())


ln, log2, log10 = map(elementwise, (np.log1p, lambda x: np.log2(1 + x), lambda x: np.log10(1 + x)))
root = elementwise(np.sqrt)
MEDIAN = 1234.5

TRANSFORMATIONS = {
    "counts": lambda X: X,
    "counts + 0.0019": dense(lambda X: X + 0.0019),
    "counts + 1": dense(lambda X: X + 1),
    "counts, noise in the last digits": elementwise(lambda x: np.expm1(np.log1p(x))),
    "counts less ambient RNA": ambient,
    "counts of shared reads": shared,
    "CP10k": lambda X: normalize(X, 1e4),
    "CPM": lambda X: normalize(X, 1e6),
    "1234.5 per cell": lambda X: normalize(X, MEDIAN),
    "TPM": transcripts,
    "log1p CP10k": lambda X: ln(normalize(X, 1e4)),
    "log1p CPM": lambda X: ln(normalize(X, 1e6)),
    "log1p 1234.5 per cell": lambda X: ln(normalize(X, MEDIAN)),
    "log1p CP10k, 3 decimals": lambda X: elementwise(lambda x: x.round(3))(ln(normalize(X, 1e4))),
    "log1p TPM": lambda X: ln(transcripts(X)),
    "log1p counts": ln,
    "log2 CP10k": lambda X: log2(normalize(X, 1e4)),
    "log2 TPM": lambda X: log2(transcripts(X)),
    "log2 counts": log2,
    "log10 CP10k": lambda X: log10(normalize(X, 1e4)),
    "log10 counts": log10,
    "sqrt counts": root,
    "sqrt CP10k": lambda X: root(normalize(X, 1e4)),
    "log1p twice, CP10k": lambda X: ln(ln(normalize(X, 1e4))),
    "log1p twice, counts": lambda X: ln(ln(X)),
    "log1p counts, then normalised": lambda X: normalize(ln(X), 1e4),
    "log1p CP10k, then normalised": lambda X: normalize(ln(normalize(X, 1e4)), 1e4),
    "log1p CP10k + 0.1": lambda X: ln(normalize(X, 1e4)).toarray() + 0.1,
    "0–1 per gene": lambda X: X @ sp.diags(1 / np.maximum(X.max(axis=0).toarray().ravel(), 1)),
    "scaled by gene, not centred": lambda X: (
        ln(normalize(X, 1e4)) @ sp.diags(1 / deviation(ln(normalize(X, 1e4))))
    ),
    "z-scored": dense(lambda X: (X - X.mean(axis=0)) / X.std(axis=0).clip(1e-3)),
    "half counts, half log1p CP10k": lambda X: sp.vstack(
        [X[::2], ln(normalize(X, 1e4))[1::2]], format="csr"
    ),
    "half counts, half CP10k": lambda X: sp.vstack([X[::2], normalize(X, 1e4)[1::2]], format="csr"),
    "1 % log1p twice in log1p CP10k": lambda X: rare(X),
}


def deviation(X):
    mean = np.asarray(X.mean(axis=0)).ravel()
    square = np.asarray(X.multiply(X).mean(axis=0)).ravel()
    return np.sqrt(np.maximum(square - mean**2, 1e-6))


def rare(X):
    log = ln(normalize(X, 1e4))
    n = max(1, X.shape[0] // 100)
    return sp.vstack([log[:-n], ln(log[-n:])], format="csr")


def subsets(X, rng):
    """Yield what is looked at, and the function that cuts it out."""
    n_obs, n_vars = X.shape
    weight = np.asarray(X.sum(axis=0)).ravel() + 1e-9
    panels = {"all genes": [np.arange(n_vars)] * N_DRAWS}
    for n_genes in (500, 33):
        if n_vars > n_genes:
            panels[f"{n_genes} genes"] = [
                np.sort(rng.choice(n_vars, n_genes, replace=False, p=weight / weight.sum()))
                for _ in range(N_DRAWS)
            ]
    for panel, genes in panels.items():
        yield f"all cells, {panel}", [(np.arange(n_obs), genes[0])]
        for n_cells in (50, 5, 2, 1):
            draws = [np.sort(rng.choice(n_obs, n_cells, replace=False)) for _ in range(N_DRAWS)]
            yield f"{n_cells} cells, {panel}", list(zip(draws, genes, strict=True))


def main() -> None:
    tables: dict[str, dict[str, Counter]] = {}
    for name in sys.argv[1:] or DATASETS:
        rng = np.random.default_rng(0)
        X = sp.csr_matrix(read(name).X).astype(np.float64)
        if X.shape[0] > 2000:
            X = X[np.sort(rng.choice(X.shape[0], 2000, replace=False))]
        looks = list(subsets(X, rng))
        for kind, transform in TRANSFORMATIONS.items():
            Y = transform(X)
            Y = (sp.csr_matrix(Y) if sp.issparse(Y) else Y).astype(np.float32)
            for look, draws in looks:
                table = tables.setdefault(look, {}).setdefault(kind, Counter())
                for cells, genes in draws:
                    scale = identify_scale(Y[cells][:, genes])
                    text = str(scale).split(" of values normalized")[0].split(" (")[0]
                    if scale.name == "normalized":
                        text = "normalized"
                    if scale.name == "log1p" and scale.base != np.e:
                        text += f" base {scale.base:g}"
                    if scale.of_counts and scale.name not in ("counts",):
                        text = text.removesuffix(" of counts") + " of counts"
                    table[text if scale.is_convertible else f"({text})"] += 1
        print(f"done: {name}", file=sys.stderr, flush=True)
    for look, table in tables.items():
        print(f"\n## {look}\n\n| transformation | found |\n|---|---|")
        for kind, names in table.items():
            total = names.total()
            found = ", ".join(f"{text} {n / total:.1%}" for text, n in names.most_common())
            print(f"| {kind} | {found} |")


if __name__ == "__main__":
    main()
