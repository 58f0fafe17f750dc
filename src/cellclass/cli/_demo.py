"""The demonstration: the main job, once through, on the cells that are installed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.lines import Line2D
from rich.console import Console
from rich.table import Table

from cellclass._keys import ANNOTATE, CONTRACT_REPORT, colors_key, confidence_key
from cellclass.datasets import pbmc68k_reduced
from cellclass.get import evaluation_df, rank_genes_js_df
from cellclass.metrics import classification_scores, expected_calibration_error
from cellclass.model import CellClassifierMLP
from cellclass.pl import confusion_matrix, training_history
from cellclass.pl import rank_genes_js as draw_genes
from cellclass.pp import rank_genes_js
from cellclass.pp._hold_out import hold_out
from cellclass.tl import annotate, evaluate
from cellclass.train import fit_logistic_regression

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

_LABELS = "cell_type"
_NEXT = (
    "cellclass train reference.h5ad --labels-key cell_type --out model",
    "cellclass predict query.h5ad --model model --out labelled.h5ad",
    "cellclass report labelled.h5ad --model model --out report.html",
)
_MANY_CELLS = 20  # of a label, for its genes to be ranked


def run_demo(output: Path, *, seed: int) -> None:
    """Split, rank, train, annotate, evaluate beside the baseline, draw, and say what was done."""
    mpl.use("Agg")
    console = Console()
    console.rule("cellclass demo")
    adata = pbmc68k_reduced()
    codes = adata.obs[_LABELS].cat.codes.to_numpy(np.int64)
    reference, query = (adata[rows].copy() for rows in hold_out(codes, held_out=1 / 3, seed=seed))
    truth = query.obs[_LABELS].astype(str).to_numpy(dtype=str)
    console.print(
        f"{adata.n_obs} blood cells × {adata.n_vars} genes, "
        f"{len(adata.obs[_LABELS].cat.categories)} sorted cell types: {reference.n_obs} reference "
        f"cells, {query.n_obs} query cells."
    )

    with console.status("Ranking genes …"):
        n_cells = reference.obs[_LABELS].map(reference.obs[_LABELS].value_counts()).astype(int)
        rank_genes_js(reference, _LABELS, layer="counts", mask_obs=n_cells >= _MANY_CELLS)
    best = rank_genes_js_df(reference, n_genes=5)["names"]
    console.print(f"Genes with the highest JS divergence: {', '.join(best)}.")

    with console.status("Training …"):
        start = time.perf_counter()
        CellClassifierMLP.setup_anndata(reference, labels_key=_LABELS, layer="counts")
        model = CellClassifierMLP(reference, seed=seed)
        model.train(enable_progress_bar=False)
        seconds = time.perf_counter() - start
    annotate(query, model)
    evaluate(query, _LABELS)
    ours = evaluation_df(query, table="scores").iloc[0].to_dict() | {"seconds": seconds}

    with console.status("Tuning a logistic regression on the same genes …"):
        baseline, theirs = _baseline(model, reference, query, truth, seed=seed)
    console.print(_table(f"{query.n_obs} held-out cells", ours, baseline))
    correct = query.obs[ANNOTATE].astype(str).to_numpy(dtype=str) == truth
    console.print(_verdict(correct.astype(float) - (theirs == truth)))

    with console.status("Drawing …"):
        output.mkdir(parents=True, exist_ok=True)
        query.write_h5ad(output / "annotated.h5ad")
        written = ["annotated.h5ad", *_draw(output, reference, query, model)]
    found = query.uns[ANNOTATE][CONTRACT_REPORT]
    console.print(
        f"The query holds {found['scale']}, and {found['n_genes_matched']} of the model's "
        f"{model.contract.n_genes} genes. Mean confidence {ours['mean_confidence']:.3f}, accuracy "
        f"{ours['accuracy']:.3f}: the nearer they are, the more a confidence can be taken at its "
        "word. Their mean distance, over groups of cells of like confidence, is the calibration "
        "error (cal. error)."
    )
    console.print(f"Written to {output}/:")
    for name in written:
        console.print(f"  {name}", highlight=False)
    console.print("With cells of your own:")
    for line in _NEXT:
        console.print(f"  {line}", highlight=False, soft_wrap=True)


def _baseline(
    model: CellClassifierMLP, reference: AnnData, query: AnnData, truth: np.ndarray, *, seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """Scores and labels of a tuned logistic regression on the same cells and genes."""
    everything = slice(None)
    start = time.perf_counter()
    fitted = fit_logistic_regression(
        model.contract.bind(reference).read(everything),
        reference.obs[_LABELS].astype(str).to_numpy(dtype=str),
        seed=seed,
    )
    seconds = time.perf_counter() - start
    probability = fitted.predict_proba(model.contract.bind(query).read(everything))
    predicted = fitted.classes_[probability.argmax(axis=1)]
    error = expected_calibration_error(probability.max(axis=1), predicted == truth)
    scores = classification_scores(truth, predicted)
    return scores | {"expected_calibration_error": error, "seconds": seconds}, predicted


def _verdict(difference: np.ndarray) -> str:
    """Say which classifier was right more often, and whether that means anything."""
    mean = difference.mean()
    margin = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
    ahead = "the MLP" if mean > 0 else "the logistic regression"
    who = f"{ahead} is ahead" if abs(mean) > margin else "neither is ahead"
    return (
        "Accuracy of the MLP minus that of the logistic regression: "
        f"{mean:+.3f}, 95% interval {mean - margin:+.3f} to {mean + margin:+.3f}: {who}."
    )


def _table(title: str, ours: dict[str, float], baseline: dict[str, float]) -> Table:
    table = Table(title=title)
    columns = {
        "accuracy": "accuracy",
        "balanced": "balanced_accuracy",
        "macro-F1": "macro_f1",
        "cal. error": "expected_calibration_error",
    }
    table.add_column("classifier")
    for name in (*columns, "fit (s)"):
        table.add_column(name, justify="right")
    for name, scores in (("MLP", ours), ("logistic regression", baseline)):
        numbers = [f"{scores[column]:.3f}" for column in columns.values()]
        table.add_row(name, *numbers, f"{scores['seconds']:.1f}")
    return table


def _draw(output: Path, reference: AnnData, query: AnnData, model: CellClassifierMLP) -> list[str]:
    figures = {
        "confusion_matrix.png": confusion_matrix(query).figure,
        "rank_genes_js.png": draw_genes(reference).figure,
        "training_history.png": training_history(model).figure,
        "umap.png": _draw_umap(query),
    }
    for name, figure in figures.items():
        figure.savefig(output / name, dpi=150, bbox_inches="tight")  # type: ignore[union-attr]
    return list(figures)


def _draw_umap(query: AnnData) -> mpl.figure.Figure:
    """Truth, prediction and confidence side by side, labels in the same colours."""
    import matplotlib.pyplot as plt
    import scanpy as sc

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    titles = {
        _LABELS: "true label",
        ANNOTATE: "predicted label",
        confidence_key(ANNOTATE): "confidence",
    }
    for ax, (column, title) in zip(axes, titles.items(), strict=True):
        sc.pl.umap(
            query,
            color=column,
            title=title,
            ax=ax,
            show=False,
            size=40,
            frameon=False,
            legend_loc=None,
            vmin=0,
            vmax=1,
        )
    labels = query.obs[ANNOTATE].cat.categories
    handles = [
        Line2D([], [], marker="o", linestyle="", color=color, label=label)
        for label, color in zip(labels, query.uns[colors_key(ANNOTATE)], strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return figure
