"""All forms of a hierarchy say the same; what is no hierarchy is named."""

import anndata as ad
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellclass.errors import LabelError
from cellclass.pp._hierarchy import read_hierarchy

COLUMNS = pd.DataFrame(
    {
        "lineage": ["lymphoid", "lymphoid", "lymphoid", "myeloid", "myeloid"],
        "broad": ["T", "T", "B", "Mono", "Mono"],
        "fine": ["CD4 T", "CD8 T", "B", "CD14 Mono", None],
    }
)
MAPPING = {
    "CD4 T": "T",
    "CD8 T": ["T"],
    "CD14 Mono": ("Mono",),
    "T": "lymphoid",
    "B": "lymphoid",
    "Mono": "myeloid",
    "lymphoid": None,
}
PAIRS = [(child, parent) for child, parent in MAPPING.items() if isinstance(parent, str)]
PAIRS += [("CD8 T", "T"), ("CD14 Mono", "Mono"), ("myeloid", np.nan)]
OBO = "".join(
    f"[Term]\nid: X:{child}\nname: {child}\n"
    + "".join(f'is_a: X:{p} {{source="x"}} ! {p}\n' for c, p in PAIRS if c == child and p == p)
    + "\n"
    for child in dict.fromkeys(name for pair in PAIRS for name in pair if name == name)
)


@pytest.fixture
def adata():
    return ad.AnnData(obs=COLUMNS.astype("category").set_axis([f"c{i}" for i in range(5)]))


def edges(hierarchy):
    return {(child, parent) for parent, child in hierarchy.graph.edges}


EXPECTED = {(child, parent) for child, parent in PAIRS if parent == parent}


def test_columns(adata):
    for source in (COLUMNS, ["lineage", "broad", "fine"], ("lineage", "broad", "fine")):
        found = read_hierarchy(source, adata)
        assert edges(found) == EXPECTED
        assert found.levels == ("lineage", "broad", "fine")
        assert found.depth["lymphoid"] == 0
        assert found.depth["T"] == 1
        assert found.depth["B"] == found.depth["CD4 T"] == 2  # B is not divided further
        assert found.ancestors("CD8 T") == {"CD8 T", "T", "lymphoid"}


def test_edges(adata, tmp_path):
    table = pd.DataFrame(PAIRS, columns=["child", "parent"])
    (tmp_path / "cl.obo").write_text(OBO)
    sources = (MAPPING, PAIRS, iter(PAIRS), table, tmp_path / "cl.obo", str(tmp_path / "cl.obo"))
    for source in sources:
        found = read_hierarchy(source, adata)
        assert edges(found) == EXPECTED
        assert found.levels == ()
        assert found.depth["lymphoid"] == found.depth["myeloid"] == 0
        assert found.depth["B"] == 1
        assert found.depth["CD4 T"] == 2


def test_several_parents_where_they_are_allowed(adata):
    found = read_hierarchy({"NKT": ["T", "NK"], "T": "lymphoid"}, adata)
    assert found.ancestors("NKT") == {"NKT", "T", "NK", "lymphoid"}
    assert found.depth == {"lymphoid": 0, "NK": 0, "T": 1, "NKT": 2}


def test_numbers_are_labels_too(adata):
    found = read_hierarchy(pd.DataFrame({"a": [1, 1, 2], "b": [10, 11, 12]}), adata)
    assert edges(found) == {("10", "1"), ("11", "1"), ("12", "2")}


@pytest.mark.parametrize(
    "source",
    [
        {"a": "b", "b": "c", "c": "a", "d": "a"},
        [("a", "b"), ("b", "c"), ("c", "a")],
        pd.DataFrame({"child": ["a", "b", "c"], "parent": ["b", "c", "a"]}),
        pd.DataFrame({"x": ["b", "c", "a"], "y": ["a", "b", "c"]}),
    ],
)
def test_a_cycle_is_named(adata, source):
    with pytest.raises(LabelError, match="cycle, from parent to child") as caught:
        read_hierarchy(source, adata)
    way = str(caught.value).split("child: ")[1].split(". ")[0].split(" → ")
    assert way[0] == way[-1]
    assert set(way) == {"'a'", "'b'", "'c'"}


def test_a_label_that_is_its_own_parent(adata):
    with pytest.raises(LabelError, match="'a' → 'a'"):
        read_hierarchy({"a": "a"}, adata)


def test_two_parents_where_one_is_needed(adata):
    two = pd.DataFrame({"broad": ["T", "NK"], "fine": ["NKT", "NKT"]})
    with pytest.raises(LabelError, match=r"no tree.*'NKT': 'NK' \(1 cells\), 'T' \(1 cells\)"):
        read_hierarchy(two, adata)
    with pytest.raises(LabelError) as caught:
        read_hierarchy(["fine", "broad"], adata)
    assert caught.value.__notes__ == ["Columns must go from coarse to fine; they were fine, broad."]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (["broad", "finest"], KeyError, "hierarchy='finest' is not a column.*'fine'"),
        ("broad", ValueError, "hierarchy='broad' is one column"),
        (["broad"], ValueError, r"one column of labels \(broad\)"),
        ("nope.obo", FileNotFoundError, "nope.obo"),
        (3, TypeError, "hierarchy is a int"),
        ({}, LabelError, "empty"),
        ([], ValueError, "one column"),
        ([("a", "b", "c")], ValueError, r"\('a', 'b', 'c'\); pairs"),
        ([("a", "b"), "ab"], ValueError, "'ab'; pairs"),
        ([(None, "b")], LabelError, "child without a name, of parent 'b'"),
        ([(" ", "b")], LabelError, "child without a name"),
    ],
)
def test_what_is_no_hierarchy(adata, source, error, message):
    with pytest.raises(error, match=message):
        read_hierarchy(source, adata)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20))
def test_cycles_are_found_where_there_are_any(pairs):
    graph = nx.DiGraph((parent, child) for child, parent in pairs)
    if nx.is_directed_acyclic_graph(graph):
        found = read_hierarchy(pairs, ad.AnnData())
        for child, parent in pairs:
            assert found.depth[str(child)] > found.depth[str(parent)]
            assert found.ancestors(str(parent)) < found.ancestors(str(child))
    else:
        with pytest.raises(LabelError, match="cycle"):
            read_hierarchy(pairs, ad.AnnData())
