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


def test_parts_and_minibatches(tiny):
    contract, reference = learn(tiny)
    assert len(reference.validation) == pytest.approx(18, abs=2)
    data = reference.datamodule(batch_size=8, seed=0)
    assert (data.n_train, data.n_val) == (len(reference.train), len(reference.validation))
    (part,) = data.val_dataloader()
    expected = reference.bound.read(reference.validation)
    np.testing.assert_array_equal(part["X"].numpy(), expected)
    np.testing.assert_array_equal(
        part["labels"].view(-1).numpy(), reference.codes[reference.validation]
    )
    assert contract.n_genes == 10


def test_cells_without_label_stay_out(tiny):
    contract, reference = learn(tiny, unlabeled_category="mono")
    assert contract.labels == ("B cell", "NK/T")
    used = np.union1d(reference.train, reference.validation)
    assert (tiny.obs["label"].iloc[used] != "mono").all()
    assert len(used) == 60
    assert reference.datamodule(batch_size=8, seed=0).n_obs == 60


def test_every_batch_gives_its_share(tiny):
    tiny.obs["batch"] = np.repeat(["x", "y", "z"], 30)
    _, reference = learn(tiny, batch_key="batch")
    shares = tiny.obs["batch"].iloc[reference.validation].value_counts() / 30
    assert shares.min() > 0.08
    assert len(shares) == 3
