"""The label that stands for a set is a lowest common ancestor of its labels."""

import anndata as ad
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.errors import LabelError
from cellclass.pp._hierarchy import read_hierarchy
from cellclass.tl._common_label import CommonLabels

TREE = {"CD4": "T", "CD8": "T", "T": "lymphoid", "B": "lymphoid", "Mono": "myeloid"}


def common(parents, labels):
    return CommonLabels.of(read_hierarchy(parents, ad.AnnData()), labels)


def names(found, places):
    return [found.names[place] if place >= 0 else None for place in places]


def test_what_can_stand_for_labels():
    found = common(TREE, ("CD8", "CD4", "B", "Mono"))
    assert found.names == ("CD8", "CD4", "B", "Mono", "T", "lymphoid")  # "myeloid" is "Mono" alone
    assert found.depth.tolist() == [2, 2, 1, 1, 1, 0]
    assert found.below.sum(axis=1).tolist() == [1, 1, 1, 1, 2, 3]


def test_sets():
    found = common(TREE, ("CD4", "CD8", "B", "Mono"))
    sets = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]], bool)
    p = np.tile([0.4, 0.3, 0.2, 0.1], (5, 1))
    places, pooled = found.of_sets(sets, p)
    assert names(found, places) == ["CD4", "T", "lymphoid", None, None]
    np.testing.assert_allclose(pooled, [0.4, 0.7, 0.9, 0, 0])


def test_a_label_that_is_a_kind_of_another_one():
    found = common({"CD4": "T", "CD8": "T"}, ("CD4", "CD8", "T"))
    sets = np.array([[0, 0, 1], [1, 0, 1], [1, 0, 0]], bool)
    assert names(found, found.of_sets(sets, np.full((3, 3), 1 / 3))[0]) == ["T", "T", "CD4"]


def test_of_two_lowest_ones_the_narrower_then_the_likelier():
    parents = {"a": ["x", "y"], "b": ["x", "y"], "c": "x", "d": "y", "e": "y"}
    found = common(parents, ("a", "b", "c", "d", "e"))
    both, p = np.array([[1, 1, 0, 0, 0]], bool), np.array([[0.3, 0.3, 0.0, 0.2, 0.2]])
    assert names(found, found.of_sets(both, p)[0]) == ["x"]
    found = common(parents, ("a", "b", "c", "d"))
    p = np.array([[0.3, 0.3, 0.1, 0.3]])
    assert names(found, found.of_sets(both[:, :4], p)[0]) == ["y"]


def test_probabilities():
    found = common(TREE, ("CD4", "CD8", "B", "Mono"))
    p = np.array([[0.95, 0.03, 0.01, 0.01], [0.5, 0.41, 0.05, 0.04], [0.4, 0.2, 0.1, 0.3]])
    places, pooled = found.of_probabilities(p, 0.9)
    assert names(found, places) == ["CD4", "T", None]
    np.testing.assert_allclose(pooled, [0.95, 0.91, 0])
    assert names(found, found.of_probabilities(p, 0.25)[0]) == ["CD4", "CD4", "CD4"]


def test_a_share_that_is_met_exactly_in_single_precision():
    found = common({"a": "x", "b": "x", "c": None}, ("a", "b", "c"))
    p = np.array([[0.45, 0.45, 0.1]], dtype=np.float32).astype(np.float64)
    assert names(found, found.of_probabilities(p, 0.9)[0]) == ["x"]


def test_labels_that_are_not_there():
    with pytest.raises(LabelError, match=r"lacks 2 of the 3 labels.*'CD4 T', 'NK'.*'CD4'"):
        common(TREE, ("CD4 T", "B", "NK"))


@st.composite
def cases(draw):
    """A hierarchy without cycles in which labels may have several parents, and labels in it."""
    n_nodes = draw(st.integers(1, 9))
    pairs = [(str(node), None) for node in range(n_nodes)]
    for child in range(1, n_nodes):
        parents = draw(st.sets(st.integers(0, child - 1), max_size=3))
        pairs += [(str(child), str(parent)) for parent in parents]
    labels = draw(st.lists(st.integers(0, n_nodes - 1).map(str), min_size=1, unique=True))
    return pairs, tuple(labels), draw(st.integers(0, 2**32 - 1)), draw(st.floats(0.05, 0.95))


@given(cases())
def test_lowest_common_ancestor(case):
    pairs, labels, seed, _ = case
    rng = np.random.default_rng(seed)
    sets = rng.random((12, len(labels))) < 0.5
    probability = rng.dirichlet(np.full(len(labels), 0.5), 12)
    tree = read_hierarchy(pairs, ad.AnnData())
    found = CommonLabels.of(tree, labels)
    places, pooled = found.of_sets(sets, probability)
    for row, place in enumerate(places):
        members = [label for label, within in zip(labels, sets[row], strict=True) if within]
        shared = set.intersection(*map(tree.ancestors, members)) if members else set()
        lowest = {name for name in shared if not nx.descendants(tree.graph, name) & shared}
        assert names(found, [place])[0] in (lowest or {None})
        assert pooled[row] >= probability[row, sets[row]].sum() * bool(lowest) - 1e-9


@given(cases())
def test_the_label_of_a_share_is_never_above_that_of_the_smallest_set(case):
    pairs, labels, seed, coverage = case
    probability = np.random.default_rng(seed).dirichlet(np.full(len(labels), 0.5), 12)
    found = common(pairs, labels)
    order = np.argsort(-probability, axis=1)
    before = np.cumsum(np.take_along_axis(probability, order, 1), axis=1)
    sizes = (before < coverage).sum(axis=1) + 1
    sets = np.zeros_like(probability, dtype=bool)
    for row, size in enumerate(sizes):
        sets[row, order[row, :size]] = True
    of_sets, _ = found.of_sets(sets, probability)
    places, pooled = found.of_probabilities(probability, coverage)
    width = np.append(found.below.sum(axis=1), len(labels) + 1)
    assert (width[places] <= width[of_sets]).all()
    assert (pooled[places >= 0] >= coverage - 1e-5).all()
