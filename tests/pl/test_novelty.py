"""The picture shows the p-values that annotate wrote."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cellclass as cc

EDGES = np.linspace(0, 1, 21)


@pytest.fixture
def annotated(query, model):
    cc.tl.annotate(query, model)
    yield query
    plt.close("all")


def shares(pvalue):
    return np.histogram(pvalue, EDGES)[0] / len(pvalue)


def test_all_cells(annotated, unchanged):
    with unchanged(annotated):
        ax = cc.pl.novelty(annotated, show=False)
    pvalue = annotated.obs["cellclass_novelty_pvalue"]
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], shares(pvalue), atol=1e-6)
    assert ax.get_title().startswith(f"{(pvalue <= 0.05).mean():.1%} of {len(pvalue)} cells")
    ax.figure.canvas.draw()


def test_by_group(annotated, unchanged):
    annotated.obs["group"] = pd.Categorical(
        np.array(["b$", "a"])[np.arange(annotated.n_obs) % 2], categories=["b$", "a", "none"]
    )
    with unchanged(annotated):
        ax = cc.pl.novelty(annotated, groupby="group", show=False)
    found = ax.collections[0].get_array().reshape(2, 20)
    percent = []
    for row, name in enumerate(["b$", "a"]):
        pvalue = annotated.obs["cellclass_novelty_pvalue"][annotated.obs["group"] == name]
        np.testing.assert_allclose(found[row], shares(pvalue), atol=1e-6)
        percent.append(f"{(pvalue <= 0.05).mean():.0%}")
    assert [text.get_text() for text in ax.texts[1:]] == percent
    assert [text.get_text() for text in ax.get_yticklabels()] == ["b$ (117)", "a (117)"]
    ax.figure.canvas.draw()


def test_labels_that_were_given(annotated):
    ax = cc.pl.novelty(annotated, groupby="cellclass")
    given = annotated.obs["cellclass"].cat.remove_unused_categories().cat.categories
    assert [text.get_text().rpartition(" ")[0] for text in ax.get_yticklabels()] == list(given)


def test_own_axes_are_used(annotated):
    figure, ax = plt.subplots()
    assert cc.pl.novelty(annotated, ax=ax) is ax
    assert ax.figure is figure
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(("show", "expected"), [(True, 1), (False, 0), (None, 0)])
def test_show(annotated, show, expected, monkeypatch):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    cc.pl.novelty(annotated, show=show)
    assert len(calls) == expected


def test_what_cannot_be_drawn(query, annotated):
    with pytest.raises(KeyError, match=r"cc.tl.annotate.*key_added='other'"):
        cc.pl.novelty(query, key="other")
    with pytest.raises(KeyError, match="groupby='nope'"):
        cc.pl.novelty(query, groupby="nope")
    query.obs["cellclass_novelty_pvalue"] = np.float32(np.nan)
    with pytest.raises(ValueError, match="validation_size above 0"):
        cc.pl.novelty(query)
    assert plt.get_fignums() == []
