import matplotlib as mpl
import numpy as np
import pytest

import cellclass as cc

pytestmark = pytest.mark.filterwarnings("ignore:Labels of obs")  # of fewer than 20 cells

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def adata():
    adata = cc.datasets.pbmc68k_reduced()
    cc.pp.rank_genes_js(adata, "cell_type", layer="counts", n_top_genes=15, top_by="overall")
    return adata


def shown(ax):
    """Return names and values from top to bottom, as drawn."""
    points = np.concatenate([np.asarray(dots.get_offsets()) for dots in dots_of(ax)])
    points = points[np.argsort(points[:, 1])]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert points[:, 1].tolist() == ax.get_yticks().tolist()
    return names, points[:, 0]


def dots_of(ax):
    return [part for part in ax.collections if isinstance(part, mpl.collections.PathCollection)]


def test_draws_the_ranking(adata):
    ax = cc.pl.rank_genes_js(adata)
    frame = cc.get.rank_genes_js_df(adata, n_genes=20)
    names, values = shown(ax)
    assert names == frame["names"].tolist()
    np.testing.assert_array_equal(values, frame["js_divergence"])
    assert ax.yaxis_inverted()
    assert ax.get_xlim()[0] == 0
    assert "(nats)" in ax.get_xlabel()
    for word in ("cell_type", "10 labels", "700 cells", "uniform weights"):
        assert word in ax.get_title()
    ax.figure.canvas.draw()


def test_selection_is_told_apart(adata):
    ax = cc.pl.rank_genes_js(adata)
    assert [len(dots.get_offsets()) for dots in dots_of(ax)] == [15, 5]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["selected", "not selected"]
    assert cc.pl.rank_genes_js(adata, n_genes=15).get_legend() is None


def test_draws_on_the_axes_given(adata):
    figure = mpl.figure.Figure()
    ax = figure.subplots()
    assert cc.pl.rank_genes_js(adata, n_genes=3, ax=ax) is ax
    assert len(shown(ax)[0]) == 3


def test_key(adata):
    cc.pp.rank_genes_js(
        adata, "phase", layer="counts", weights="frequency", key_added="phase_genes"
    )
    title = cc.pl.rank_genes_js(adata, n_genes=2, key="phase_genes").get_title()
    assert "phase" in title
    assert "frequency weights" in title


@pytest.mark.parametrize(
    ("show", "interactive", "given_ax", "expected"),
    [
        (None, False, False, 0),
        (None, True, False, 1),
        (None, True, True, 0),
        (True, False, False, 1),
        (True, False, True, 1),
        (False, True, False, 0),
    ],
)
def test_show(adata, monkeypatch, show, interactive, given_ax, expected):
    import matplotlib.pyplot as plt

    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    monkeypatch.setattr(mpl, "is_interactive", lambda: interactive)
    ax = mpl.figure.Figure().subplots() if given_ax else None
    cc.pl.rank_genes_js(adata, n_genes=2, ax=ax, show=show)
    assert len(calls) == expected


def test_genes_without_any_difference(adata):
    adata.layers["counts"] = np.ones(adata.shape)
    cc.pp.rank_genes_js(adata, "cell_type", layer="counts")
    ax = cc.pl.rank_genes_js(adata, n_genes=3)
    assert shown(ax)[1].tolist() == [0, 0, 0]
    ax.figure.canvas.draw()


def test_errors(adata):
    with pytest.raises(ValueError, match="n_genes=0"):
        cc.pl.rank_genes_js(adata, n_genes=0)
    with pytest.raises(KeyError, match="key_added='other'"):
        cc.pl.rank_genes_js(adata, key="other")


@pytest.mark.parametrize("kind", [None, "ranking", "distributions"])
def test_no_genes_are_left(adata, kind):
    with pytest.raises(ValueError, match=r"adata has 0 genes, .* Call cc\.pp\.rank_genes_js again"):
        cc.pl.rank_genes_js(adata[:, []].copy(), kind=kind)


def test_no_gene_with_distributions_is_left(adata):
    kept = set(cc.get.rank_genes_js_df(adata, table="distributions")["names"])
    adata = adata[:, ~adata.var_names.isin(kept)].copy()
    assert adata.n_vars
    assert cc.pl.rank_genes_js(adata, show=False).get_xlabel().startswith("Jensen")
    with pytest.raises(ValueError, match="something to draw"):
        cc.pl.rank_genes_js(adata, kind="distributions")


def test_both_side_by_side(adata):
    ax = cc.pl.rank_genes_js(adata)
    ranking, grid = ax.figure.axes
    assert ranking is ax
    labels = list(adata.obs["cell_type"].cat.categories)
    assert [text.get_text() for text in grid.get_xticklabels()] == labels
    genes = [text.get_text() for text in grid.get_yticklabels()]
    best = [cc.get.rank_genes_js_df(adata, label=label, n_genes=3)["names"] for label in labels]
    assert genes == list(np.concatenate(best))
    assert len(grid.patches) == len(genes)
    ax.figure.canvas.draw()


def test_bars_are_the_shares_of_cells(adata):
    ax = cc.pl.rank_genes_js(adata, label="CD19+ B", kind="distributions")
    frame = cc.get.rank_genes_js_df(adata, table="distributions", label="CD19+ B")
    drawn = frame[frame["share"] > 0]
    bars = ax.collections[0].get_paths()
    assert len(bars) == len(drawn)
    widths = [bar.get_extents().width for bar in bars]
    np.testing.assert_allclose(widths, 0.9 * drawn["share"], atol=1e-9)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"0", "1", "2", "3", "4–7", "8–15"} <= set(texts)
    notes = [text.get_text() for text in ax.texts]
    scores = cc.get.rank_genes_js_df(adata, label="CD19+ B", n_genes=3)["scores"]
    assert notes == ["nats", *(f"{score:.2f}" for score in scores)]


def test_label(adata):
    ax = cc.pl.rank_genes_js(adata, label="CD19+ B", n_genes=5, kind="ranking")
    frame = cc.get.rank_genes_js_df(adata, label="CD19+ B", n_genes=5)
    names, values = shown(ax)
    assert names == frame["names"].tolist()
    np.testing.assert_allclose(values, frame["scores"])
    assert "CD19+ B: 95 of 700 cells" in ax.get_title()
    assert len(ax.figure.axes) == 1


def test_distributions_on_the_axes_given(adata):
    ax = mpl.figure.Figure().subplots()
    assert cc.pl.rank_genes_js(adata, kind="distributions", ax=ax) is ax
    assert len(ax.get_yticks()) == 30


def test_unknown_kind_and_label(adata):
    with pytest.raises(ValueError, match="kind='heatmap' is neither"):
        cc.pl.rank_genes_js(adata, kind="heatmap")
    with pytest.raises(KeyError, match="label='B'"):
        cc.pl.rank_genes_js(adata, label="B")
