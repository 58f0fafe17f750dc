"""Ways to pool counts, as they are typed."""

import click
import pytest

from cellclass.cli.commands._rank_genes import _Bins


@pytest.mark.parametrize(
    ("typed", "bins"),
    [("log2", "log2"), ("16", 16), ("log2,4", ("log2", 4)), ("quantile,8", ("quantile", 8))],
)
def test_bins(typed, bins):
    assert _Bins().convert(typed, None, None) == bins


@pytest.mark.parametrize("typed", ["quantile", "log10", "log2,a", "8,8", "-1", ""])
def test_no_bins(typed):
    with pytest.raises(click.BadParameter, match="none of log2, N"):
        _Bins().convert(typed, None, None)
