"""The picture shows the numbers of the table."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import cellclass as cc


@pytest.fixture
def scored(query, model):
    cc.tl.annotate(query, model)
    cc.tl.evaluate(query, "cell_type")
    yield query
    plt.close("all")


@pytest.mark.parametrize("normalize", [True, False])
def test_numbers(scored, normalize, unchanged):
    with unchanged(scored):
        ax = cc.pl.confusion_matrix(scored, normalize=normalize, show=False)
    counts = cc.get.evaluation_df(scored, table="confusion")
    expected = counts.div(counts.sum(axis=1), axis=0) if normalize else counts
    np.testing.assert_allclose(ax.images[0].get_array(), expected)
    assert len(ax.texts) == np.count_nonzero(counts)
    for text in ax.texts:
        column, row = text.get_position()
        value = expected.iat[row, column]
        assert text.get_text() == (f"{value:.2f}" if normalize else str(value))
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == list(counts.columns)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows == [f"{label} ({n:,})" for label, n in counts.sum(axis=1).items()]
    scores = cc.get.evaluation_df(scored, table="scores").iloc[0]
    assert f"accuracy {scores['accuracy']:.3f}" in ax.get_title()
    assert f"macro-F1 {scores['macro_f1']:.3f}" in ax.get_title()
    ax.figure.canvas.draw()


def test_own_axes_are_used(scored):
    figure, ax = plt.subplots()
    assert cc.pl.confusion_matrix(scored, ax=ax) is ax
    assert ax.figure is figure
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(("show", "expected"), [(True, 1), (False, 0), (None, 0)])
def test_show(scored, show, expected, monkeypatch):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    cc.pl.confusion_matrix(scored, show=show)
    assert len(calls) == expected


def test_not_evaluated(query):
    with pytest.raises(KeyError, match=r"cc.tl.evaluate"):
        cc.pl.confusion_matrix(query)
    assert plt.get_fignums() == []
