"""A colour for each label, by its place."""

from matplotlib.colors import is_color_like
from scanpy.plotting import palettes

from cellclass.tl._label_colors import colors_of_labels


def test_without_given_ones_they_are_those_of_scanpy():
    assert colors_of_labels([str(i) for i in range(20)], {}) == palettes.default_20


def test_given_ones_are_taken():
    assert colors_of_labels(["a", "b"], {"b": "pink"}) == [palettes.default_20[0], "pink"]


def test_many_labels_differ():
    colors = colors_of_labels([str(i) for i in range(120)], {})
    assert len(set(colors)) == 120
    assert all(is_color_like(color) for color in colors)
