"""Cells stand where the query says, else where the model puts them."""

import numpy as np
import pytest

from cellclass._report import _map
from cellclass._report._map import label_colors, place_cells


def test_the_map_of_the_query(annotated, model, facts_of):
    annotated.obsm["X_umap"][3] = np.nan
    cells = place_cells(facts_of(annotated, model))
    assert len(cells.rows) == annotated.n_obs - 1
    assert 3 not in cells.rows
    np.testing.assert_array_equal(cells.xy, annotated.obsm["X_umap"][cells.rows])
    assert cells.about.startswith("obsm['X_umap'] of the query")


def test_not_more_than_can_be_drawn(annotated, facts_of, monkeypatch):
    monkeypatch.setattr(_map, "MOST_DRAWN", 20)
    cells = place_cells(facts_of(annotated))
    assert len(cells.rows) == 20
    assert (np.diff(cells.rows) > 0).all()
    assert f"20 of the query's {annotated.n_obs} cells, drawn at random" in cells.about


def test_a_map_of_what_the_model_makes_of_some_cells(
    annotated, model, facts_of, monkeypatch, unchanged
):
    del annotated.obsm["X_umap"]
    monkeypatch.setattr(_map, "MOST_PLACED", 60)
    facts = facts_of(annotated, model)
    with unchanged(annotated):
        cells = place_cells(facts)
    assert cells.xy.shape == (60, 2)
    assert np.isfinite(cells.xy).all()
    assert "60 of the query's" in cells.about
    assert "latent representation" in cells.about


def test_why_there_is_no_map(annotated, model, facts_of):
    del annotated.obsm["X_umap"]
    assert place_cells(facts_of(annotated)).about == (
        "There is no map: the query has no obsm['X_umap']."
    )
    annotated.obs["cellclass"] = "unassigned"
    assert "0 cells are too few" in place_cells(facts_of(annotated, model)).about


def test_colors_of_the_query_are_kept(by_hand, facts_of):
    adata = by_hand(["A", "B", "A"], ["A", "B", "C"])
    adata.uns["cellclass_colors"] = ["red", "#00FF00", "blue"]
    colors = label_colors(facts_of(adata, labels_key="truth"))
    assert colors["A"] == "#ff0000"
    assert colors["B"] == "#00ff00"
    assert colors["C"] not in {"#ff0000", "#00ff00"}


@pytest.mark.parametrize("kept", [["red"], ["x;background:url(http://a)", "none", "()"]])
def test_what_is_no_color_is_not_used(by_hand, facts_of, kept):
    adata = by_hand(["A", "B"])
    adata.uns["cellclass_colors"] = kept
    colors = label_colors(facts_of(adata))
    assert all(len(color) == 7 and color.startswith("#") for color in colors.values())


@pytest.mark.parametrize("n", [2, 60, 120])
def test_many_labels_have_colors(by_hand, facts_of, n):
    names = [f"label {i}" for i in range(n)]
    colors = label_colors(facts_of(by_hand(names)))
    assert len({colors[name] for name in names}) == min(n, 102)
