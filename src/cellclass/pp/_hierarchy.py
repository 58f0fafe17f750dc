"""Which label is a kind of which, however the caller says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx
import pandas as pd

from cellclass._checks import check_obs_key
from cellclass._keys import CHILD, PARENT
from cellclass.errors import LabelError
from cellclass.pp._label_hierarchy import check_tree
from cellclass.pp._ontology import read_obo_parents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

HierarchySource: TypeAlias = (
    pd.DataFrame
    | Mapping[str, str | Iterable[str] | None]
    | Iterable[str]
    | Iterable[tuple[str, str]]
    | str
    | PathLike[str]
)


@dataclass(frozen=True)
class Hierarchy:
    """Labels and what they are kinds of; without cycles.

    Attributes
    ----------
    graph
        Directed edges from parent to child.
    depth
        How far down each label stands, from 0 for the top: the position of the last column it is
        in, or the length of the longest way from the top.
    levels
        Names of the columns, from coarse to fine, where it came from columns.
    """

    graph: nx.DiGraph
    depth: dict[str, int]
    levels: tuple[str, ...] = ()

    def ancestors(self, label: str) -> set[str]:
        """Return a label and all that it is a kind of."""
        return {label} | nx.ancestors(self.graph, label)


def read_hierarchy(source: HierarchySource, adata: AnnData) -> Hierarchy:
    """Bring a hierarchy to one form.

    Parameters
    ----------
    source
        Columns of labels from coarse to fine: a data frame, or names of columns of `adata.obs`.
        Edges: a data frame with the columns `child` and `parent`, pairs of child and parent, or a
        mapping from child to parent or parents (`None` for none). Or a file in OBO format.
    adata
        The AnnData whose columns are named.

    Raises
    ------
    LabelError
        There is a cycle, no label at all, or, in columns, a label without exactly one parent.
    KeyError
        A column is not in `adata.obs`.
    TypeError, ValueError
        It is none of the forms above.
    """
    if isinstance(source, pd.DataFrame):
        if {CHILD, PARENT} <= set(source.columns):
            return _of_edges(_pairs(source[[CHILD, PARENT]].itertuples(index=False, name=None)))
        return _of_columns(source)
    if isinstance(source, Mapping):
        return _of_edges(_pairs(_flat(source)))
    if isinstance(source, str) and source in adata.obs.columns:
        raise ValueError(
            f"hierarchy={source!r} is one column of adata.obs; two or more are needed, from coarse "
            f"to fine: hierarchy=[…, {source!r}]."
        )
    if isinstance(source, str | PathLike):
        return _of_edges(_pairs(read_obo_parents(source)))
    if not hasattr(source, "__iter__"):
        raise TypeError(
            f"hierarchy is a {type(source).__name__}; columns of labels from coarse to fine, "
            "edges (child, parent) or a mapping from child to parent are needed."
        )
    entries = list(source)
    if not all(isinstance(entry, str) for entry in entries):
        return _of_edges(_pairs(entries))
    for column in entries:
        check_obs_key(adata, column, "hierarchy")
    return _of_columns(adata.obs[entries])


def _of_columns(columns: pd.DataFrame) -> Hierarchy:
    """Return the hierarchy of columns from coarse to fine."""
    names = [str(name) for name in columns.columns]
    if len(names) < 2:
        raise ValueError(
            f"hierarchy has one column of labels ({', '.join(names)}); two or more are needed, "
            "from coarse to fine, or the columns 'child' and 'parent'."
        )
    levels = [columns.iloc[:, place] for place in range(len(names))]
    try:
        check_tree([levels[::-1]], names[::-1])
    except LabelError as error:
        error.add_note(f"Columns must go from coarse to fine; they were {', '.join(names)}.")
        raise
    depth: dict[str, int] = {}
    for place, level in enumerate(levels):
        depth |= dict.fromkeys(map(str, level.dropna().unique()), place)
    pairs = [
        # A label that is not divided further is often repeated in the finer column.
        (child, None if child == parent else parent)
        for coarse, fine in pairwise(levels)
        for child, parent in _pairs(
            pd.DataFrame({CHILD: fine.astype(object), PARENT: coarse.astype(object)})
            .dropna()
            .drop_duplicates()
            .itertuples(index=False, name=None)
        )
    ]
    return Hierarchy(_graph(pairs), depth, tuple(names))


def _of_edges(pairs: list[tuple[str, str | None]]) -> Hierarchy:
    graph = _graph(pairs)
    depth: dict[str, int] = {}
    for label in nx.topological_sort(graph):
        depth[label] = max((depth[parent] + 1 for parent in graph.predecessors(label)), default=0)
    return Hierarchy(graph, depth)


def _graph(pairs: list[tuple[str, str | None]]) -> nx.DiGraph:
    """Return the graph of pairs of child and parent, or name a cycle in it."""
    graph = nx.DiGraph()
    graph.add_nodes_from(child for child, _ in pairs)
    graph.add_edges_from((parent, child) for child, parent in pairs if parent is not None)
    if not graph:
        raise LabelError("The hierarchy is empty: it names no label.")
    try:
        cycle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return graph
    way = [cycle[0][0], *(child for _, child in cycle)]
    raise LabelError(
        f"The hierarchy has a cycle, from parent to child: {' → '.join(map(repr, way))}. A label "
        "cannot be a kind of itself: take one of these edges out."
    )


def _flat(parents: Mapping[str, str | Iterable[str] | None]) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    for child, above in parents.items():
        several = isinstance(above, Iterable) and not isinstance(above, str)
        found = list(above) if several else [above]  # type: ignore[arg-type]
        pairs += [(child, parent) for parent in found or [None]]
    return pairs


def _pairs(entries: Iterable[Sequence[object]]) -> list[tuple[str, str | None]]:
    """Return pairs of child and parent as text, `None` for a missing parent."""
    pairs: list[tuple[str, str | None]] = []
    for entry in entries:
        if isinstance(entry, str) or len(entry) != 2:
            raise ValueError(f"hierarchy holds {entry!r}; pairs (child, parent) are needed.")
        child, parent = (None if _missing(value) else str(value) for value in entry)
        if child is None:
            raise LabelError(f"The hierarchy has a child without a name, of parent {parent!r}.")
        pairs.append((child, parent))
    return pairs


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value != value or not str(value).strip()
