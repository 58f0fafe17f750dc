"""Save small models of every class, and what they answer, as this stack of releases writes them.

Usage: python tests/golden/make.py oldest|newest

`tests/test_golden.py` loads them on every stack. They are made once and kept: a version that can
no longer read them, or answers something else, breaks the models that users have saved.
"""

import sys
from pathlib import Path

import anndata as ad
import pandas as pd

import cellclass as cc

FOLDER = Path(__file__).parent
QUERY = FOLDER / "query.csv"
N_QUERY = 24
MODELS = {
    "mlp": (cc.model.CellClassifierMLP, {"n_top_genes": 40, "n_hidden": (8,)}),
    "cnn": (cc.model.CellClassifierCNN, {"n_top_genes": 40}),
    "performer": (
        cc.model.CellPerformer,
        {"n_top_genes": 40, "n_features": 16, "attention": "favor"},
    ),
}


def query() -> ad.AnnData:
    """Return the cells that the golden models label."""
    counts = pd.read_csv(QUERY, index_col=0).astype("float32")
    return ad.AnnData(counts)


def answers(model: cc.model.CellClassifierMLP, cells: ad.AnnData) -> pd.DataFrame:
    """Return label, confidence, p-value of novelty and probabilities of each cell."""
    written = cc.tl.annotate(cells, model, copy=True).obs
    return written.join(model.predict(cells, soft=True))


def main() -> None:
    """Train, save, and write the answers beside the models."""
    stack = sys.argv[1]
    cells = cc.datasets.simulate_counts(150 + N_QUERY, 60, 3, n_markers=8, depth=150.0, rng=0)
    if not QUERY.exists():
        cells[150:].to_df().astype(int).to_csv(QUERY)
    for name, (model_class, arguments) in MODELS.items():
        reference = cells[:150].copy()
        model_class.setup_anndata(reference, labels_key="cell_type")
        model = model_class(reference, **arguments)
        model.train(max_epochs=5, enable_progress_bar=False)
        model.save(FOLDER / stack / name, overwrite=True)
        answers(model, query()).to_csv(FOLDER / stack / f"{name}.csv")


if __name__ == "__main__":
    main()
