"""The same cells, spoilt in every way that users know: what is found, and what comes of it.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/corruption.py [dataset …]

A model is trained on two thirds of a dataset's cells (counts). The others are given to it as
counts, and then spoilt as `tests/test_corruption.py` does. The table has the accuracy on clean
counts, its change (points) or "refused" for every way to spoil them, and what was found on the
first dataset. "!": the user was warned that genes are missing.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from _data import read

import cellclass as cc

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from test_corruption import CORRUPTIONS, WARNED, answer

DATASETS = (
    "pbmc3k",
    "pbmc_zheng_facs",
    "pbmc_kang_8donors",
    "mouse_bladder_mca",
    "ipsc_cardiac_d2d5",
    "mouse_embryo_deng",
    "human_lines_pollen",
    "mouse_cortex_osmfish",
)
MOST_CELLS = 1500


def main() -> None:
    warnings.filterwarnings("ignore", message="Labels of obs")
    names = sys.argv[1:] or DATASETS
    table: dict[str, list[str]] = {corruption: [] for corruption in CORRUPTIONS}
    found = {}
    n_repaired = n_refused = n_wrong = 0
    for name in names:
        adata = read(name)
        adata = adata[np.random.default_rng(0).permutation(adata.n_obs)[: 3 * MOST_CELLS]].copy()
        test = np.arange(adata.n_obs) % 3 == 0
        reference, query = adata[~test].copy(), adata[test].copy()
        cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
        model = cc.model.CellClassifierMLP(reference)
        model.train(enable_progress_bar=False)
        clean, _ = answer(model, query, "raw")
        for corruption, row in table.items():
            accuracy, words = answer(model, query, corruption)
            mark = " !" if WARNED in words else ""
            found.setdefault(corruption, words.partition(" → ")[0].partition(": ")[0])
            if np.isnan(accuracy):
                n_refused += 1
                row.append("refused")
                continue
            gap = 100 * (accuracy - clean)
            n_repaired += abs(gap) <= 0.5
            n_wrong += abs(gap) > 0.5
            row.append(f"{clean:.3f}" if corruption == "raw" else f"{gap:+.1f}{mark}")
        print(f"done: {name}", file=sys.stderr, flush=True)
    print(f"| cells | found | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|", sep="\n")
    for corruption, row in table.items():
        print(f"| {corruption} | {found[corruption]} | {' | '.join(row)} |")
    print(f"\n{n_repaired} repaired to within 0.5 points, {n_refused} refused, {n_wrong} worse.")


if __name__ == "__main__":
    main()
