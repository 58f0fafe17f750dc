"""A reference is split by label and batch, and its cells become minibatches."""

import numpy as np
import pytest

from cellclass.model._reference import learn_reference

SETUP = {"labels_key": "label", "layer": None, "batch_key": None, "unlabeled_category": None}


def learn(adata, *, seed=0, validation_size=0.2, **setup):
    return learn_reference(
        adata,
        SETUP | setup,
        expression="log1p_normalized",
        n_top_genes=10,
        validation_size=validation_size,
        seed=seed,
    )


def minibatches(reference):
    """All cells that come out of either loader, and their codes."""
    data = reference.datamodule(batch_size=8, seed=0)
    assert (data.n_train, data.n_val) == (len(reference.train), len(reference.validation))
    parts = [*data.train_dataloader(), *data.val_dataloader()]
    X = np.concatenate([part["X"].numpy() for part in parts])
    return X, np.concatenate([part["labels"].numpy().ravel() for part in parts])


def in_order(X, codes):
    rows = np.column_stack([X, codes])
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("unlabeled", [None, "mono"])
def test_every_labelled_cell_comes_once_as_model_input_with_its_label(tiny, unlabeled):
    contract, reference = learn(tiny, unlabeled_category=unlabeled)
    names = tiny.obs["label"].astype(str).to_numpy()
    labelled = np.flatnonzero(names != unlabeled)
    assert contract.labels == tuple(sorted(set(names[labelled])))
    assert len(reference.validation) == pytest.approx(0.2 * len(labelled), abs=3)
    codes = np.array([contract.labels.index(name) for name in names[labelled]])
    expected = in_order(contract.bind(tiny).read(labelled), codes)
    np.testing.assert_array_equal(in_order(*minibatches(reference)), expected)


def test_every_batch_gives_its_share(tiny):
    tiny.obs["batch"] = np.repeat(["x", "y", "z"], 30)
    _, reference = learn(tiny, batch_key="batch")
    shares = tiny.obs["batch"].iloc[reference.validation].value_counts() / 30
    assert shares.min() > 0.08
    assert len(shares) == 3
