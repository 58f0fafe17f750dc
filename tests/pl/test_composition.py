"""The pictures show the numbers of the tables."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import cellclass as cc

pytestmark = pytest.mark.filterwarnings("ignore:.*single sample")


@pytest.fixture(scope="module")
def compared(planted):
    samples = {("cortex", f"c{i}"): [0.5, 0.3, 0.2] for i in range(2)}
    samples |= {("A $x$", f"A{i}"): [0.5, 0.3, 0.2] for i in range(2)}
    samples |= {("B", "B0"): [0.2, 0.3, 0.5]}
    rates = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    adata = planted(samples, rates, ["neuron", "glia/x", "$other"])
    cc.tl.compare_composition(adata, "sample", "condition", reference="cortex", n_resamples=200)
    return adata


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def texts(axis):
    return [label.get_text() for label in axis]


def test_bars(compared, unchanged):
    with unchanged(compared):
        ax = cc.pl.composition(compared, show=False)
    table = cc.get.composition_df(compared, table="samples")
    wide = table.pivot_table("proportion", "sample", "label", observed=True)
    names = texts(ax.get_xticklabels())
    assert names == ["A0", "A1", "B0", "c0", "c1"]
    for bars, label in zip(ax.containers, table["label"].cat.categories, strict=True):
        np.testing.assert_allclose([bar.get_height() for bar in bars], wide.loc[names, label])
    assert texts(ax.get_legend().get_texts()) == ["$other", "glia/x", "neuron"]
    assert texts(ax.texts) == ["A $x$", "B", "cortex"]
    assert "corrected for confusion" in ax.get_title()
    ax.figure.canvas.draw()


def test_bars_beside_a_reference_in_numbers_in_scanpys_colours(compared):
    adata = compared.copy()
    adata.uns["cellclass_colors"] = ["#ff0000", "#00ff00", "#0000ff", "#d3d3d3"]
    cc.tl.compare_composition(
        adata, "sample", reference={"neuron": 3, "glia/x": 1}, unassigned="keep", n_resamples=200
    )
    ax = cc.pl.composition(adata, show=False)
    assert texts(ax.get_xticklabels())[-1] == "reference"
    assert [bars[-1].get_height() for bars in ax.containers] == [0.75, 0.25, 0, 0]
    colors = [mpl.colors.to_hex(bars[0].get_facecolor()) for bars in ax.containers]
    assert colors == adata.uns["cellclass_colors"]
    assert not list(ax.texts)  # each sample is a condition, and named already
    ax = cc.pl.composition(adata, kind="forest", show=False)
    assert "reference" in texts(ax.get_legend().get_texts())


def test_forest(compared):
    ax = cc.pl.composition(compared, kind="forest", show=False)
    table = cc.get.composition_df(compared)
    for points, condition in zip(ax.collections[1::2], ["A $x$", "B", "cortex"], strict=True):
        rows = table[table["condition"] == condition]
        np.testing.assert_allclose(points.get_offsets()[:, 0], rows["proportion"])
    lines = np.concatenate([np.array(part.get_segments()) for part in ax.collections[::2]])
    np.testing.assert_allclose(lines[:, 0, 0], table["lower"])
    np.testing.assert_allclose(lines[:, 1, 0], table["upper"])
    assert texts(ax.get_yticklabels()) == ["neuron", "glia/x", "$other"]
    assert "A $x$ (2 samples)" in texts(ax.get_legend().get_texts())
    assert "B (1 sample)" in texts(ax.get_legend().get_texts())
    assert "95% interval" in ax.get_xlabel()
    ax.figure.canvas.draw()


def test_differences_to_a_baseline(compared):
    ax = cc.pl.composition(compared, kind="differences", show=False)
    assert texts(ax.get_legend().get_texts()) == ["A $x$ − cortex", "B − cortex"]
    table = cc.get.composition_df(compared, table="differences")
    rows = table[(table["condition"] == "B") & (table["other"] == "cortex")]
    np.testing.assert_allclose(ax.collections[3].get_offsets()[:, 0], rows["difference"])
    filled = [tuple(color) != (1, 1, 1, 1) for color in ax.collections[3].get_facecolor()]
    assert filled == (rows["pval_adj"] < 0.05).tolist()
    ax = cc.pl.composition(compared, kind="differences", baseline="B", show=False)
    np.testing.assert_allclose(ax.collections[3].get_offsets()[:, 0], -rows["difference"])
    segments = np.array(ax.collections[2].get_segments())
    np.testing.assert_allclose(segments[:, 0, 0], -rows["upper"])
    with pytest.raises(ValueError, match=r"baseline='none'.*'B'"):
        cc.pl.composition(compared, kind="differences", baseline="none", show=False)
    with pytest.raises(ValueError, match="leave it out"):
        cc.pl.composition(compared, baseline="B", show=False)


def test_distances(compared):
    ax = cc.pl.composition(compared, kind="distances", show=False)
    table = cc.get.composition_df(compared, table="distances").sort_values("js_distance")
    np.testing.assert_allclose(ax.collections[1].get_offsets()[:, 0], table["js_distance"])
    shares = [f"{share:.0%}" for share in table["share_closest"]]
    assert texts(ax.texts) == ["closest", *shares]
    assert "to cortex" in ax.get_xlabel()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("kind", ["bars", "forest", "differences", "distances"])
def test_own_axes_are_used(compared, kind):
    _, ax = plt.subplots()
    assert cc.pl.composition(compared, kind=kind, ax=ax, show=False) is ax


def test_what_is_not_there(compared, cells):
    with pytest.raises(ValueError, match="kind='pie'; the kinds are 'bars'"):
        cc.pl.composition(compared, kind="pie")
    with pytest.raises(KeyError, match="compare_composition"):
        cc.pl.composition(cells)
    adata = compared.copy()
    cc.tl.compare_composition(adata, "sample", correct=False, n_resamples=200)
    with pytest.raises(KeyError, match="without a reference"):
        cc.pl.composition(adata, kind="distances")
    ax = cc.pl.composition(adata, kind="forest", show=False)
    assert "as counted" in ax.get_title()


def test_many_samples_are_not_named(planted):
    samples = {("A", f"s{i}"): [0.5, 0.5] for i in range(61)}
    adata = planted(samples, np.eye(2), ["a", "b"], n=50)
    cc.tl.compare_composition(adata, "sample", "condition", n_resamples=200)
    assert texts(cc.pl.composition(adata, show=False).get_xticklabels()) == []
