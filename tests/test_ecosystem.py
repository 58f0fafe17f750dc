"""Other packages of scverse, and loggers, take what we write and the classes that we give."""

from __future__ import annotations

import importlib.util
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

import cellclass as cc

# Others' own use of others; ours is tested elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def annotated(query, model):
    """A query with labels, confidence and places in a picture."""
    cc.tl.annotate(query, model)
    query.obsm["X_umap"] = np.random.default_rng(0).normal(size=(query.n_obs, 2))
    return query


@pytest.fixture
def ready():
    """A small reference that is set up."""
    ref = cc.datasets.simulate_counts(120, 60, n_labels=3)
    cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
    return cc.model.CellClassifierMLP(ref, validation_size=0.2)


def test_scanpy_colours_labels_as_the_reference(annotated, cells):
    import scanpy as sc

    ax = sc.pl.umap(annotated, color="cellclass", show=False)
    shown = {text.get_text(): text for text in ax.get_legend().get_texts()}
    handles = dict(zip(shown, ax.get_legend().legend_handles, strict=True))
    wanted = dict(
        zip(cells.obs["cell_type"].cat.categories, cells.uns["cell_type_colors"], strict=True)
    )
    present = annotated.obs["cellclass"].unique()
    assert set(present) <= set(shown)
    for label in set(present) - {"unassigned"}:
        assert to_hex(handles[label].get_facecolor()[0]) == to_hex(wanted[label]), label
    plt.close("all")


def test_scanpy_keeps_the_colours_after_a_vote(annotated):
    import scanpy as sc

    annotated.obs["group"] = annotated.obs["cellclass"].astype(str)
    cc.tl.majority_vote(annotated, "group")
    before = list(annotated.uns["cellclass_voted_colors"])
    sc.pl.umap(annotated, color="cellclass_voted", show=False)
    assert list(annotated.uns["cellclass_voted_colors"]) == before
    plt.close("all")


@pytest.mark.parametrize(
    ("plot", "options"),
    [
        ("umap", {"color": ["cellclass_confidence", "cellclass_novelty_pvalue"]}),
        ("violin", {"keys": "cellclass_confidence", "groupby": "cellclass"}),
        ("dotplot", {"var_names": ["CD79A", "CST3"], "groupby": "cellclass"}),
        ("matrixplot", {"var_names": ["CD79A", "CST3"], "groupby": "cellclass"}),
        ("stacked_violin", {"var_names": ["CD79A", "CST3"], "groupby": "cellclass"}),
        ("heatmap", {"var_names": ["CD79A", "CST3"], "groupby": "cellclass"}),
    ],
)
def test_scanpy_draws_what_annotate_wrote(annotated, plot, options):
    import scanpy as sc

    plt.close("all")
    # some of them stop at a label without cells
    getattr(sc.pl, plot)(annotated, show=False, **options)
    assert plt.get_fignums()
    plt.close("all")


@pytest.mark.parametrize("with_colors", [True, False])
def test_colours_are_the_same_whichever_labels_occur(query, model, with_colors, monkeypatch):
    if not with_colors:
        monkeypatch.setattr(model, "_label_colors", {})
    colors = {}
    for n_obs in (3, query.n_obs):
        adata = cc.tl.annotate(query[:n_obs].copy(), model, copy=True)
        labels = adata.obs["cellclass"].cat.categories
        assert set(labels) == set(adata.obs["cellclass"])
        found = dict(zip(labels, adata.uns["cellclass_colors"], strict=True))
        assert len(set(found.values())) == len(found)
        assert colors.items() <= found.items()
        colors = found


def test_scanpy_reads_the_ranking_of_predicted_labels(annotated):
    import scanpy as sc

    cc.pp.rank_genes_js(annotated, "cellclass", layer="counts")
    for label in annotated.uns["rank_genes_js"]["names"].dtype.names:
        theirs = sc.get.rank_genes_groups_df(annotated, group=label, key="rank_genes_js")
        ours = cc.get.rank_genes_js_df(annotated, label=label)
        assert theirs["names"].tolist() == ours["names"].tolist()
        np.testing.assert_array_equal(theirs["scores"], ours["scores"])
    sc.pl.rank_genes_groups_dotplot(annotated, key="rank_genes_js", n_genes=1, show=False)
    plt.close("all")


LOGGED = {"train_loss", "validation_loss", "validation_accuracy"}


def test_tensorboard(ready, tmp_path):
    from lightning.pytorch.loggers import TensorBoardLogger
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name="cells")
    ready.train(max_epochs=3, logger=logger, enable_progress_bar=False)
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    assert set(events.Tags()["scalars"]) >= LOGGED
    assert len(events.Scalars("train_loss")) == 3
    assert not ready.history  # it is where the logger puts it
    assert ready.predict().shape == (120,)


def test_a_logger_changes_no_answer(ready, tmp_path):
    from lightning.pytorch.loggers import CSVLogger

    other = cc.model.CellClassifierMLP(ready.adata, validation_size=0.2)
    ready.train(max_epochs=2, enable_progress_bar=False)
    other.train(max_epochs=2, enable_progress_bar=False, logger=CSVLogger(tmp_path))
    np.testing.assert_array_equal(ready.predict(soft=True), other.predict(soft=True))


def test_weights_and_biases(ready, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    from lightning.pytorch.loggers import WandbLogger

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(project="cells", save_dir=tmp_path, offline=True)
    ready.train(max_epochs=2, logger=logger, enable_progress_bar=False)
    assert set(dict(logger.experiment.summary)) >= LOGGED
    logger.experiment.finish()


def test_mlflow(ready, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    from lightning.pytorch.loggers import MLFlowLogger

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # else it wants a database
    logger = MLFlowLogger(tracking_uri=f"file:{tmp_path / 'runs'}")
    ready.train(max_epochs=2, logger=logger, enable_progress_bar=False)
    run = mlflow.MlflowClient(f"file:{tmp_path / 'runs'}").get_run(logger.run_id)
    assert set(run.data.metrics) >= LOGGED


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ray", "hyperopt", "scib_metrics")),
    reason="scvi.autotune is not installed (scvi-tools[autotune])",
)
def test_scvi_autotune(ready, tmp_path, monkeypatch):
    from ray import tune
    from scvi.autotune import run_autotune

    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    found = run_autotune(
        cc.model.CellClassifierMLP,
        ready.adata,
        metrics="validation_loss",
        mode="min",
        search_space={
            "model_params": {
                "validation_size": tune.choice([0.2]),
                "n_top_genes": tune.choice([20]),
            },
            "train_params": {"max_epochs": 2, "plan_kwargs": {"lr": tune.choice([1e-3, 1e-2])}},
        },
        num_samples=2,
        searcher="random",
        scheduler="fifo",
        seed=0,
        resources={"cpu": 1},
        logging_dir=str(tmp_path),
    )
    assert not found.result_grid.errors
    losses = [result.metrics["validation_loss"] for result in found.result_grid]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
