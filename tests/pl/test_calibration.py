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


def test_numbers(scored, unchanged):
    with unchanged(scored):
        ax = cc.pl.calibration(scored, show=False)
    curve = cc.get.evaluation_df(scored, table="reliability")
    curve = curve[curve["n_obs"] > 0]
    points = np.concatenate([part.get_offsets() for part in ax.collections[-2:]])
    points = points[np.argsort(points[:, 0])]
    np.testing.assert_allclose(points, curve[["confidence", "accuracy"]])
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights / heights.max(), curve["n_obs"] / curve["n_obs"].max())
    error = cc.get.evaluation_df(scored, table="scores")["expected_calibration_error"].item()
    assert f"calibration error {error:.3f}" in ax.get_title()
    ax.figure.canvas.draw()


def test_colours_say_on_which_side_a_point_is(scored):
    ax = cc.pl.calibration(scored)
    over, under = ax.collections[-2:]
    assert (over.get_offsets()[:, 1] < over.get_offsets()[:, 0]).all()
    assert (under.get_offsets()[:, 1] >= under.get_offsets()[:, 0]).all()


def test_own_axes_are_used(scored):
    figure, ax = plt.subplots()
    assert cc.pl.calibration(scored, ax=ax) is ax
    assert ax.figure is figure
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(("show", "expected"), [(True, 1), (False, 0), (None, 0)])
def test_show(scored, show, expected, monkeypatch):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    cc.pl.calibration(scored, show=show)
    assert len(calls) == expected


def test_not_evaluated(query):
    with pytest.raises(KeyError, match=r"cc.tl.evaluate"):
        cc.pl.calibration(query)
    assert plt.get_fignums() == []
