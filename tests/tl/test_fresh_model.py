"""Models of folds are made on copies and forgotten."""

import gc
import weakref

import numpy as np
import pytest

import cellclass as cc
from cellclass.tl._fresh_model import check_task, fresh_model, part_of

MLP = cc.model.CellClassifierMLP


def stores():
    return len(MLP._setup_adata_manager_store), len(MLP._per_instance_manager_store)


def train_one(tiny, alive, *, n_top_genes=20, max_epochs=1, fail=False):
    reference = part_of(tiny, np.arange(60), layer=None, keys=("label",))
    alive.append(weakref.ref(reference))
    with fresh_model(
        MLP,
        reference,
        labels_key="label",
        batch_key=None,
        model_kwargs={"n_top_genes": n_top_genes, "n_hidden": (8,)},
        train_kwargs={"max_epochs": max_epochs},
    ) as model:
        alive.append(weakref.ref(model))
        if fail:
            raise RuntimeError


FAILURES = {"model": {"n_top_genes": -1}, "training": {"max_epochs": -1}, "inside": {"fail": True}}


@pytest.mark.parametrize("fails", [None, *FAILURES])
def test_nothing_stays(tiny, fails):
    before, alive = stores(), []
    if fails is None:
        train_one(tiny, alive)
    else:
        with pytest.raises((RuntimeError, ValueError)):
            train_one(tiny, alive, **FAILURES[fails])
    assert len(alive) == (2 if fails in (None, "inside") else 1)
    assert stores() == before
    gc.collect()
    assert [ref() for ref in alive] == [None] * len(alive)


def test_part_holds_what_is_used_and_nothing_else(reference, unchanged):
    rows = np.array([3, 5, 600 % reference.n_obs, 400])
    rows = np.unique(rows)
    with unchanged(reference):
        part = part_of(reference, rows, layer="counts", keys=("cell_type", None))
        part.var["js_rank"] = 1
        part.X.data[:] = 7
    assert part.obs.columns.tolist() == ["cell_type"]
    assert part.obs["cell_type"].tolist() == reference.obs["cell_type"].iloc[rows].tolist()
    assert set(part.obs["cell_type"].cat.categories) == set(part.obs["cell_type"])
    assert not part.layers
    assert not part.obsm
    other = part_of(reference, rows, layer="X", keys=())
    np.testing.assert_array_equal(other.X.toarray(), reference.X[rows].toarray())


def test_no_class_of_models(tiny, fit):
    with pytest.raises(TypeError, match="model_cls is a CellClassifierMLP; a class of models"):
        check_task(tiny, fit(tiny, labels_key="label", layer=None), "label", None)
    with pytest.raises(TypeError, match="model_cls is the class int;"):
        check_task(tiny, int, "label", None)
