"""Arguments as people give them: mostly what is meant, and now and then something else."""

from hypothesis import strategies as st

NUMBERS = [1, 3, 50, 0, -1, 2.5, float("nan"), 10**9, "many", None, True]
COLUMNS = ["label", "sample", "depth", "nowhere", ""]
KEYS = ["mine", "", "a/b", "ß", "label"]


def number(draw, *usual):
    """Draw a number."""
    return draw(st.sampled_from([*usual] * 3 + NUMBERS))


def layer_of(draw, recipe):
    """Draw the layer that holds the expression, or seldom another one."""
    return draw(st.sampled_from([recipe.layer] * 8 + [None, "counts", "nowhere", "X"]))


def column(draw, usual):
    """Draw the name of a column of `obs`."""
    return draw(st.sampled_from([usual] * 8 + COLUMNS))


def key(draw, usual):
    """Draw a name to write under."""
    return draw(st.sampled_from([usual] * 8 + KEYS))


def one_of(draw, usual, *others):
    """Draw one of the usual values in two of three cases, else one of the others."""
    return draw(st.sampled_from([*usual] * (2 * len(others) // len(usual) + 1) + [*others]))
