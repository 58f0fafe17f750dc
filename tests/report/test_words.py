"""Numbers and lists as people read them."""

import math

import pytest

from cellclass._report._words import UNKNOWN, count, percent, score


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.5, "50%"),
        (0.004, "0.4%"),
        (0.996, "99.6%"),
        (0.0003, "<0.1%"),
        (0.9999, ">99.9%"),
        (math.nan, UNKNOWN),
    ],
)
def test_percent(share, text):
    assert percent(share) == text


def test_score():
    assert score(0.12345) == "0.123"
    assert score(math.nan) == UNKNOWN


def test_count():
    assert count(1, "cell") == "1 cell"
    assert count(12345, "cell") == "12,345 cells"
