"""A previous time point: read where it tells something, asked for where it is missing."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc

Performer = cc.model.CellPerformer
RECIPE = {"lr": 2e-3, "gene_dropout": 0.0}


@pytest.fixture
def moved(tiny):
    """Cells whose label shows in `layers["before"]` and not in `X`."""
    tiny.layers["before"] = tiny.X
    tiny.X = sp.csr_matrix(np.random.default_rng(1).poisson(1.5, (90, 60)).astype(np.float32))
    return tiny


def trained(adata, epochs=15, previous_layer="before", **kwargs):
    Performer.setup_anndata(adata, labels_key="label", previous_layer=previous_layer)
    model = Performer(adata, **{"token_dropout": 0.0} | kwargs)
    how = {"batch_size": 15, "plan_kwargs": RECIPE, "early_stopping": False}
    model.train(max_epochs=epochs, enable_progress_bar=False, **how)
    return model


def held_out(model):
    return model.card["validation"]["accuracy"]


@pytest.mark.parametrize(("epochs", "shallow_paths"), [(3, True), (35, False)])
def test_it_is_read(moved, epochs, shallow_paths):
    """Through the shallow paths at once, by the transformer alone in more epochs."""
    given = {"epochs": epochs, "shallow_paths": shallow_paths, "validation_size": 0.3}
    both, one = trained(moved, **given), trained(moved, previous_layer=None, **given)
    assert held_out(both) > 0.9 > 0.6 > held_out(one)


@pytest.mark.parametrize("encoding", ["value", "bins", "quantile", "rank"])
def test_which_time_is_which_matters(tiny, encoding):
    """The same tokens on the other side of `<SEP>` are another cell."""
    tiny.layers["before"] = tiny.X
    model = trained(tiny, 2, encoding=encoding)
    turned = tiny[np.random.default_rng(0).permutation(90)].copy()
    turned.X, turned.layers["before"] = tiny.X, turned.X
    other = turned.copy()
    other.X, other.layers["before"] = turned.layers["before"], turned.X
    ours, theirs = (model.get_latent_representation(cells) for cells in (turned, other))
    assert np.abs(ours - theirs).max() > 1e-3


def test_a_cell_does_not_depend_on_the_others(moved):
    model = trained(moved, 2, n_tokens=30)
    whole = model.predict(moved, soft=True)
    for rows in (np.arange(90)[::-1], [3]):
        some = model.predict(moved[rows].copy(), soft=True)
        np.testing.assert_allclose(some, whole.iloc[rows], atol=1e-5)


def test_there_and_back(moved, tmp_path):
    model = trained(moved, 2)
    model.save(tmp_path / "m")
    again = Performer.load(tmp_path / "m", moved)
    pd.testing.assert_frame_equal(again.predict(soft=True), model.predict(moved, soft=True))


def test_a_query_without_it(moved):
    model = trained(moved, 2)
    del moved.layers["before"]
    with pytest.raises(KeyError, match=r"no layer 'before'.*Put it there: counts"):
        model.predict(moved)


def test_a_layer_that_is_not_there(moved, unchanged):
    with unchanged(moved), pytest.raises(KeyError, match=r"previous_layer='after'.*'before'"):
        Performer.setup_anndata(moved, labels_key="label", previous_layer="after")


def test_a_layer_that_is_no_expression(moved, unchanged):
    moved.layers["before"] = np.random.default_rng(0).normal(size=(90, 60))
    with unchanged(moved), pytest.raises(cc.errors.ScaleError):
        Performer.setup_anndata(moved, labels_key="label", previous_layer="before")


def test_genes_that_tell_the_labels_apart_before(moved):
    """They are chosen in turn with those that do so now."""
    before = np.random.default_rng(2).poisson(1.5, (90, 60)).astype(np.float32)
    before[:, [31, 47]] = np.where(np.arange(90)[:, None] % 3 == [0, 1], 40, 1)
    moved.layers["before"] = sp.csr_matrix(before)
    model = trained(moved, 1, n_top_genes=4)
    assert {"Gene31", "Gene47"} < set(model.contract.model_genes)


def test_attributions_of_both_times(moved):
    pytest.importorskip("captum")
    model = trained(moved)
    found = model.get_gene_attributions(n_cells_per_label=4).abs().sum(axis=1)
    before = found.index.str.endswith(" (previous)")
    assert before.sum() == model.contract.n_genes
    assert found[before].sum() > found[~before].sum()


def test_pretraining_reads_one_time_and_keeps_both(moved):
    Performer.setup_anndata(moved, labels_key="label", previous_layer="before")
    model = Performer(moved)
    model.pretrain(max_epochs=1, enable_progress_bar=False)
    model.train(max_epochs=1, enable_progress_bar=False)
    assert model.predict(moved, soft=True).shape == (90, 3)


def test_the_convolutional_head_takes_one_time(moved):
    Performer.setup_anndata(moved, labels_key="label", previous_layer="before")
    with pytest.raises(ValueError, match="take another pooling"):
        Performer(moved, pooling="convolution")
