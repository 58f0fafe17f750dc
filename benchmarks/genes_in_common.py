"""A query that lacks genes: is a label that the reference lacks told from the others?

Usage: CELLCLASS_TEST_DATA=… python benchmarks/genes_in_common.py [reference--query …]

Each broad label that both datasets have is left out of the reference in turn. One model is trained
on all genes of the reference, one on those that the query has, too. Printed are the shares (0–1)
of cells with a novelty p-value up to 0.05, of the label left out and of the others, and the
accuracy on the others. The row "none" leaves no label out. Cells of labels that the reference
never had do not count. One thread.
"""

from __future__ import annotations

import sys
import warnings

import torch
from _data import read
from threadpoolctl import threadpool_limits

import cellclass as cc

PAIRS = ("pbmc_zheng_facs--pbmc10k_citeseq_rna", "pbmc3k--pbmc10k_citeseq_rna")
KEY = "cell_type_broad"


def row(reference, query, left_out):
    """Return what a model of a reference without a label says of the query."""
    reference = reference[reference.obs[KEY] != left_out].copy()
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key=KEY)
    model = cc.model.CellClassifierMLP(reference)
    model.train(accelerator="cpu", enable_progress_bar=False)
    found = cc.tl.annotate(query, model, copy=True).obs
    new = found[KEY] == left_out
    flagged = found["cellclass_novelty_pvalue"] <= 0.05
    right = (found["cellclass"].astype(str) == found[KEY].astype(str))[~new].mean()
    shown = [f"{flagged[new].mean():.2f}" if new.any() else "", f"{flagged[~new].mean():.2f}"]
    missing = model.contract.bind(query).report()["missing_importance"]
    return missing, [*shown, f"{right:.3f}"]


def main(pairs):
    warnings.filterwarnings("ignore")
    print(
        "| reference → query | left out | cells of it | divergence missing "
        "| all genes: flagged of it | of others | accuracy "
        "| genes in common: flagged of it | of others | accuracy |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for pair in pairs:
        reference, query = (read(name) for name in pair.split("--"))
        both = sorted(set(reference.obs[KEY]) & set(query.obs[KEY]))
        reference, query = (one[one.obs[KEY].isin(both)].copy() for one in (reference, query))
        common = reference[:, reference.var_names.isin(query.var_names)]
        for left_out in ("none", *both):
            missing, whole = row(reference, query, left_out)
            _, shared = row(common, query, left_out)
            cells = (query.obs[KEY] == left_out).sum()
            first = f"{pair.replace('--', ' → ')} | {left_out} | {cells or ''} | {missing:.0%}"
            print("|", " | ".join([first, *whole, *shared]), "|", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main(sys.argv[1:] or PAIRS)
