"""The comparison as a whole: what it writes, and that known proportions are found."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc

pytestmark = pytest.mark.filterwarnings("ignore:.*single sample")
KNOWN = {"neuron": 0.5, "radial glia": 0.2, "IPC": 0.2, "interneuron": 0.1}


def test_fields(organoids, unchanged):
    but = ("adata.uns.cellclass_composition",)
    with unchanged(organoids, but=but):
        done = cc.tl.compare_composition(organoids, "sample", "condition", reference="cortex")
    assert done is None
    found = organoids.uns["cellclass_composition"]
    tables = {"samples", "conditions", "differences", "distances", "cells"}
    assert set(found) == {"params", "labels", "confusion"} | tables
    assert found["params"]["reference"] == "cortex"
    assert found["labels"].tolist() == list(KNOWN)
    np.testing.assert_array_equal(
        found["confusion"], organoids.uns["cellclass"]["model"]["confusion"]
    )
    assert found["cells"]["n_cells"].tolist() == [300] * 10


def test_known_proportions_are_found(organoids):
    cc.tl.compare_composition(organoids, "sample", "condition", reference="cortex")
    table = cc.get.composition_df(organoids)
    alike = table[table["condition"] == "A"]
    known = alike["label"].map(KNOWN).astype(float)
    assert ((alike["lower"] <= known) & (known <= alike["upper"])).all()
    assert (alike["proportion"] - known).abs().max() < (alike["raw"] - known).abs().max()
    differences = cc.get.composition_df(organoids, table="differences")
    found = differences[differences["pval_adj"] < 0.05]
    pairs = set(zip(found["condition"], found["other"], strict=True))
    assert ("A", "B") in pairs
    assert not pairs & {("A", "cortex"), ("B", "C")}
    distances = cc.get.composition_df(organoids, table="distances").set_index("condition")
    assert distances["js_distance"].idxmin() == "A"
    assert distances.loc["A", "share_closest"] > 0.9


def test_copy_and_other_key(organoids, unchanged):
    with unchanged(organoids):
        done = cc.tl.compare_composition(
            organoids, "sample", "condition", key_added="mix", copy=True
        )
    assert "distances" not in done.uns["mix"]
    assert "cellclass_composition" not in done.uns
    cc.tl.compare_composition(done, "sample", key_added="mix")  # its own entry is replaced
    assert done.uns["mix"]["params"]["condition_key"] == ""
    done.uns["taken"] = {"something": "else"}
    with pytest.raises(ValueError, match="would overwrite uns\\['taken'\\]"):
        cc.tl.compare_composition(done, "sample", key_added="taken")


def test_same_seed_same_numbers(organoids):
    twice = [
        cc.tl.compare_composition(organoids, "sample", "condition", rng=rng, copy=True)
        for rng in (3, np.random.default_rng(3), 4)
    ]
    first, second, third = (cc.get.composition_df(adata) for adata in twice)
    pd.testing.assert_frame_equal(first, second)
    assert not first["lower"].equals(third["lower"])


def test_numbers_do_not_depend_on_the_order_of_the_cells(organoids):
    organoids.obs["sample"] = organoids.obs["sample"].astype("category")
    organoids.obs["condition"] = organoids.obs["condition"].astype("category")
    other = organoids[np.random.default_rng(0).permutation(organoids.n_obs)].copy()
    for adata in (organoids, other):
        cc.tl.compare_composition(adata, "sample", "condition")
    pd.testing.assert_frame_equal(cc.get.composition_df(organoids), cc.get.composition_df(other))


def test_single_samples_are_said_to_be_single(organoids):
    with pytest.warns(
        UserWarning, match="1 of 4 conditions have a single sample: 'C'.*two samples"
    ):
        cc.tl.compare_composition(organoids, "sample", "condition")
    with pytest.warns(UserWarning, match="10 of 10 conditions have a single sample"):
        cc.tl.compare_composition(organoids, "sample")
    table = cc.get.composition_df(organoids, table="differences")
    assert set(table["test"]) == {"cells"}


def test_halves_of_a_sample_do_not_differ(organoids):
    one = organoids[organoids.obs["sample"] == "A0"].copy()
    n_false = 0
    for seed in range(40):
        half = np.random.default_rng(seed).permutation(one.n_obs) % 2
        one.obs["half"] = np.array(["x", "y"])[half]
        cc.tl.compare_composition(one, "half", n_resamples=200)
        table = cc.get.composition_df(one, table="differences")
        n_false += (table["pval_adj"] < 0.05).any()
    assert n_false <= 5  # two are expected at most; six have a probability of 1.4 %


def test_counting_without_correction(organoids):
    organoids.uns["cellclass"]["model"] = {}
    with pytest.raises(KeyError, match="correct=False"):
        cc.tl.compare_composition(organoids, "sample", "condition")
    cc.tl.compare_composition(organoids, "sample", "condition", correct=False)
    table = cc.get.composition_df(organoids)
    np.testing.assert_allclose(table["raw"], table["proportion"])


def test_merged_labels_unassigned_cells_and_files(organoids, tmp_path):
    names = organoids.obs_names[::7]
    organoids.obs.loc[names, "cellclass"] = "unassigned"
    cc.tl.compare_composition(
        organoids,
        "sample",
        "condition",
        reference={"neuron": 60, "radial glia": 20, "IPC": 20},
        merge={"neuron": "neuronal", "interneuron": "neuronal"},
        unassigned="keep",
    )
    found = organoids.uns["cellclass_composition"]
    assert found["labels"].tolist() == ["neuronal", "radial glia", "IPC", "unassigned"]
    assert found["tissue"]["share"].tolist() == [0.6, 0.2, 0.2, 0]
    assert found["cells"]["n_unassigned"].sum() == len(names)
    organoids.write_h5ad(tmp_path / "organoids.h5ad")
    again = ad.read_h5ad(tmp_path / "organoids.h5ad")
    for table in ("conditions", "samples", "differences", "distances", "cells", "tissue"):
        pd.testing.assert_frame_equal(
            cc.get.composition_df(again, table=table),
            cc.get.composition_df(organoids, table=table),
            check_dtype=False,
            check_categorical=False,
        )
    cc.tl.compare_composition(again, "sample", "condition")


def test_samples_that_were_annotated_one_by_one(organoids):
    parts = []
    for number, name in enumerate(["A0", "B0"]):
        part = organoids[organoids.obs["sample"] == name].copy()
        part.uns["cellclass"]["contract_report"] = {"missing_importance": 0.01 * number}
        parts.append(part)
    together = ad.concat(parts, uns_merge="same")
    cc.tl.compare_composition(together, "sample")
    cc.tl.compare_composition(organoids, "sample")
    alone, among = (
        cc.get.composition_df(adata).set_index(["condition", "label"])["proportion"]
        for adata in (together, organoids)
    )
    np.testing.assert_allclose(alone, among.loc[["A0", "B0"]])
    del together.uns["cellclass"]
    with pytest.raises(KeyError, match="uns_merge"):
        cc.tl.compare_composition(together, "sample")


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"reference": "fetal"}, KeyError, "no condition.*'cortex'.*value_counts"),
        ({"confidence_level": 95}, ValueError, "confidence_level=95 is outside"),
        ({"n_resamples": 10}, ValueError, "n_resamples=10"),
        ({"unassigned": "drop"}, ValueError, "'exclude' or 'keep'"),
        ({"confusion": pd.DataFrame(), "correct": False}, ValueError, "Leave one out"),
        ({"key": "other"}, KeyError, "no annotation under key='other'"),
    ],
)
def test_arguments_that_make_no_sense(organoids, unchanged, kwargs, error, match):
    with unchanged(organoids), pytest.raises(error, match=match):
        cc.tl.compare_composition(organoids, "sample", "condition", **kwargs)


def test_the_reference_alone(organoids):
    cortex = organoids[organoids.obs["condition"] == "cortex"].copy()
    with pytest.raises(ValueError, match="only condition"):
        cc.tl.compare_composition(cortex, "sample", "condition", reference="cortex")
    cc.tl.compare_composition(cortex, "sample", "condition")
    assert len(cc.get.composition_df(cortex, table="differences")) == 0


def test_from_a_trained_model(query, model):
    cc.tl.annotate(query, model)
    query.obs["half"] = np.arange(query.n_obs) % 2
    merge = {label: "T" for label in model.labels if label.startswith("CD4+/") or "T Reg" in label}
    merge |= {label: "CD8" for label in model.labels if label.startswith("CD8+")}
    cc.tl.compare_composition(query, "half", merge=merge)
    table = cc.get.composition_df(query)
    counts = query.obs["cell_type"].astype(str).replace(merge).value_counts(normalize=True)
    known = table["label"].astype(str).map(counts).fillna(0)
    assert (table["proportion"] - known).abs().mean() < 0.06
    assert query.uns["cellclass_composition"]["confusion"].sum() == model.card["n_validation_cells"]
