"""Tables hold the known proportions, with intervals and tests as they are described."""

import numpy as np
import pytest

from cellclass.tl._composition_samples import Samples
from cellclass.tl._composition_tables import Composition

RATES = np.array([[0.8, 0.15, 0.05], [0.2, 0.75, 0.05], [0.02, 0.03, 0.95]])
LABELS = ("T", "B/x", "NK")


def samples_of(counts, conditions, labels=LABELS):
    names = tuple(dict.fromkeys(conditions))
    return Samples(
        labels=labels,
        names=tuple(f"s{i}" for i in range(len(counts))),
        conditions=names,
        condition=np.array([names.index(c) for c in conditions]),
        counts=np.asarray(counts),
        n_cells=np.sum(counts, axis=1),
        n_unassigned=np.zeros(len(counts), dtype=int),
    )


def made(counts, conditions, *, confusion=True, labels=LABELS, level=0.95):
    cells = np.round(1000 * RATES).astype(int) if confusion else None
    return Composition(
        samples_of(counts, conditions, labels),
        cells,
        level=level,
        n=800,
        rng=np.random.default_rng(0),
    )


def drawn(known, n_samples, *, n=500, spread=80, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.multinomial(n, rng.dirichlet(np.multiply(spread, known)) @ RATES)
        for _ in range(n_samples)
    ]


def test_samples_and_conditions():
    known = np.array([0.5, 0.2, 0.3])
    counts = drawn(known, 3) + drawn([0.1, 0.3, 0.6], 2, seed=1)
    found = made(counts, "aaabb")
    table = found.sample_table()
    assert len(table) == 15
    sums = table.groupby("sample", observed=True)[["raw", "proportion"]].sum()
    np.testing.assert_allclose(sums, 1)
    np.testing.assert_array_equal(table["n_cells"], np.concatenate(counts))
    assert table["condition"].tolist() == ["a"] * 9 + ["b"] * 6
    assert (table["lower"] <= table["proportion"]).all()
    assert (table["proportion"] <= table["upper"]).all()
    by_condition = found.condition_table()
    assert by_condition["n_samples"].tolist() == [3] * 3 + [2] * 3
    first = by_condition[by_condition["condition"] == "a"]
    mean = table[table["condition"] == "a"].groupby("label", observed=True)["proportion"].mean()
    np.testing.assert_allclose(first["proportion"], mean, atol=1e-9)  # none is negative
    assert (first["lower"] <= known).all()
    assert (known <= first["upper"]).all()
    assert np.abs(first["proportion"] - known).max() < np.abs(first["raw"] - known).max()


def test_without_correction_the_cells_are_counted():
    found = made([[60, 30, 10], [50, 30, 20]], "ab", confusion=False).condition_table()
    np.testing.assert_allclose(found["raw"], found["proportion"])
    np.testing.assert_allclose(found["proportion"], [0.6, 0.3, 0.1, 0.5, 0.3, 0.2])


def test_a_condition_of_samples_that_happen_to_agree_is_as_wide_as_its_cells():
    several = made([[30, 60, 10]] * 3, "aaa", confusion=False).condition_table()
    pooled = made([[90, 180, 30]], "a", confusion=False).condition_table()
    width = several["upper"] - several["lower"]
    np.testing.assert_allclose(width, pooled["upper"] - pooled["lower"], rtol=0.15)
    none = made([[40, 60, 0]] * 3, "aaa", confusion=False).condition_table()
    assert 0.003 < none["upper"].iloc[2] < 0.03


def test_level_of_the_intervals():
    counts = drawn([0.5, 0.2, 0.3], 4)
    wide = made(counts, "aaaa", level=0.99).condition_table()
    narrow = made(counts, "aaaa", level=0.5).condition_table()
    assert (wide["lower"] < narrow["lower"]).all()
    assert (narrow["upper"] < wide["upper"]).all()


def test_differences_and_what_they_rest_on():
    counts = drawn([0.5, 0.2, 0.3], 3) + drawn([0.2, 0.5, 0.3], 3, seed=1)
    counts += drawn([0.5, 0.2, 0.3], 1, seed=2) + drawn([0.2, 0.5, 0.3], 1, seed=3)
    table = made(counts, "aaabbbcd").difference_table()
    assert len(table) == 6 * 3
    tests = table.groupby(["condition", "other"], observed=True)["test"].first()
    assert tests["a", "b"] == "samples"
    assert tests["a", "c"] == tests["b", "d"] == "samples of one condition"
    assert tests["c", "d"] == "cells"
    first = table[(table["condition"] == "a") & (table["other"] == "b")].set_index("label")
    assert first.loc["T", "lower"] < 0.3 < first.loc["T", "upper"]
    assert first.loc["B/x", "lower"] < -0.3 < first.loc["B/x", "upper"]
    assert (table["pval_adj"] >= table["pval"]).all()
    assert (table["lower"] <= table["difference"]).all()
    assert (table["difference"] <= table["upper"]).all()
    # One sample of c leaves more open than three of a do, but cells alone leave less.
    width = (
        (table["upper"] - table["lower"])
        .groupby([table["condition"], table["other"]], observed=True)
        .mean()
    )
    assert width["b", "c"] > width["a", "b"] > width["c", "d"]


def test_label_that_neither_condition_has_is_not_tested():
    table = made([[60, 40, 0], [50, 50, 0]], "ab", confusion=False).difference_table()
    assert table["pval"].isna().tolist() == [False, False, True]
    assert table["pval_adj"].isna().tolist() == [False, False, True]


def test_a_single_condition_has_no_differences():
    table = made([[60, 40, 0]], "a").difference_table()
    assert len(table) == 0
    assert {"condition", "other", "label", "difference", "pval_adj", "test"} <= set(table)


def test_distances_to_a_condition_and_to_numbers():
    near, far = [0.5, 0.2, 0.3], [0.1, 0.8, 0.1]
    counts = drawn(near, 3) + drawn(near, 3, seed=1) + drawn(far, 3, seed=2)
    found = made(counts, ["r"] * 3 + ["a"] * 3 + ["b"] * 3)
    table = found.distance_table(0).set_index("condition")
    assert table.index.tolist() == ["a", "b"]
    assert table.loc["a", "js_distance"] < 0.15 < 0.35 < table.loc["b", "js_distance"]
    assert table.loc["a", "share_closest"] > 0.95
    assert table["share_closest"].sum() == pytest.approx(1)
    assert (table["js_distance"] <= table["uncorrected"]).all()
    exact = found.distance_table((np.array(near), False)).set_index("condition")
    counted = found.distance_table((np.array([25.0, 10, 15]), True)).set_index("condition")
    assert exact.index.tolist() == ["r", "a", "b"]
    wider = (counted["upper"] - counted["lower"]) > (exact["upper"] - exact["lower"])
    assert wider["b"]
    assert found.tissue_table(np.array([25.0, 10, 15]))["share"].tolist() == [0.5, 0.2, 0.3]


def test_unassigned_cells_are_not_corrected():
    labels = (*LABELS, "unassigned")
    counts = [[400, 300, 200, 100], [400, 300, 200, 300]]
    kept = made(counts, "ab", labels=labels)
    table = kept.condition_table().set_index(["condition", "label"])
    assert table.loc[("a", "unassigned"), "proportion"] == pytest.approx(0.1)
    assert table.loc[("b", "unassigned"), "proportion"] == pytest.approx(0.25)
    given = made([[400, 300, 200]], "a").condition_table().set_index("label")
    np.testing.assert_allclose(
        table.loc["a"].loc[list(LABELS), "proportion"], 0.9 * given.loc[list(LABELS), "proportion"]
    )
    assert len(kept.distance_table((np.array([0.5, 0.3, 0.2]), False))) == 2
