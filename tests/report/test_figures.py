"""Pictures are text that a page can hold, and look alike wherever they are made."""

import base64

import matplotlib as mpl
import numpy as np

from cellclass._report._figures import draw_calibration, draw_confidence, draw_labels, draw_novelty
from cellclass._report._map import CellMap


def content(picture, kind):
    start = f"data:image/{kind};base64,"
    assert picture.source.startswith(start)
    return base64.b64decode(picture.source.removeprefix(start))


def test_calibration_and_novelty(annotated, facts_of):
    facts = facts_of(annotated, labels_key="cell_type")
    first = draw_calibration(facts)
    assert content(first, "svg+xml").startswith(b"<?xml")
    assert f"{facts.scores['expected_calibration_error']:.3f}" in first.alt
    with mpl.rc_context({"font.size": 30, "figure.facecolor": "black"}):
        assert draw_calibration(facts) == first
    second = draw_novelty(facts)
    assert f"of {annotated.n_obs} cells" in second.alt
    assert content(second, "svg+xml") != content(first, "svg+xml")


def test_no_pvalues_no_picture(by_hand, facts_of):
    assert draw_novelty(facts_of(by_hand(["A", "B"], pvalue=np.nan))) is None


def test_maps(annotated, facts_of):
    facts = facts_of(annotated)
    labels = facts.predictions["label"]
    cells = CellMap(np.arange(annotated.n_obs), np.asarray(annotated.obsm["X_umap"]))
    names = labels.unique()
    colors = dict.fromkeys(names, "#ff0000")
    numbers = {name: i for i, name in enumerate(names)}
    picture = draw_labels(cells, labels, colors, numbers, "given")
    assert content(picture, "png").startswith(b"\x89PNG")
    assert picture.width > picture.height > 100
    assert f"{len(names)} of them" in picture.alt
    sure = draw_confidence(cells, facts.predictions["confidence"].to_numpy())
    assert content(sure, "png").startswith(b"\x89PNG")
    assert "median" in sure.alt
    assert sure.width == picture.width
    assert sure.height > picture.height
