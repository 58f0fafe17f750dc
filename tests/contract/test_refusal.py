"""A refusal says what was found, and what else can be used."""

import numpy as np
import pytest

from cellclass.contract import identify_scale, locate, require_convertible
from cellclass.errors import ScaleError


def refused(adata, X):
    adata.layers["given"] = X
    scale = identify_scale(X)
    with pytest.raises(ScaleError) as caught:
        require_convertible(scale, locate(adata, "given"))
    text = str(caught.value)
    assert text.startswith("adata.layers['given'] ")
    assert "adata.layers['counts'] (layer='counts') holds counts" in text
    return text


def test_z_scores(cells):
    X = cells.X.toarray() - 1
    assert f"negative values (minimum {X.min():.3g}): it looks z-scored" in refused(cells, X)


def test_negative_whole_numbers(cells):
    X = cells.layers["counts"].toarray()
    X[3, 5] = -2
    assert "whole numbers, but negative ones (minimum -2)" in refused(cells, X)


def test_logarithms_of_logarithms(cells):
    text = refused(cells, np.log1p(cells.X.toarray()))
    assert "log1p was taken twice. Undo it with cc.pp.normalize_scale(adata)" in text


def test_several_scales(cells):
    X = cells.X.toarray()
    X[500:] = np.expm1(X[500:])
    text = refused(cells, X)
    assert "200 of 700 cells differ" in text
    assert "first at positions 500, 501, 502, 503, 504" in text
    assert "most cells are log1p; 200 are counts or normalised counts" in text
    assert "cc.pp.normalize_scale(batch)" in text


def test_nothing_that_is_known(cells):
    rng = np.random.default_rng(0)
    X = cells.X.toarray() * rng.uniform(0.5, 1.5, cells.n_vars).astype(np.float32)
    text = refused(cells, X)
    assert f"between 0 and {X.max():.3g} that are neither counts" in text
    assert "no transformation leaves multiples of one unit or equal sums" in text


def test_a_constant_that_was_added(cells):
    assert "the smallest value is 0.1 in many places" in refused(cells, cells.X.toarray() + 0.1)


def test_whole_numbers_that_are_no_counts(cells):
    X = cells.layers["counts"].toarray().astype(np.float64)
    X[3, 5] = 2**24
    assert "counts up to 16,777,216; no gene has" in refused(cells, X)


@pytest.mark.parametrize("layer", ["counts", None])
def test_what_can_be_converted_passes(cells, layer):
    source = locate(cells, layer)
    assert require_convertible(identify_scale(source.matrix), source) is None
