"""Pictures of the proportions of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from cellclass._checks import listed
from cellclass._keys import (
    COMPOSITION,
    CONDITIONS,
    DIFFERENCES,
    DISTANCES,
    PARAMS,
    SAMPLES,
    TISSUE,
    UNASSIGNED,
)
from cellclass.get import composition_df
from cellclass.get._label_colors import label_colors
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

_GREY, _TISSUE_COLOR = "#d3d3d3", "black"
_SURE = 0.05
# Beyond this number of bars their names can no longer be read.
_MOST_NAMES = 60


def composition(
    adata: AnnData,
    *,
    kind: Literal["bars", "forest", "differences", "distances"] = "bars",
    baseline: str | None = None,
    key: str = COMPOSITION,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Show the proportions of the labels, how conditions differ, or how far they are from a tissue.

    Parameters
    ----------
    adata
        AnnData that `cc.tl.compare_composition` has written to.
    kind
        `bars`: a stacked bar for each sample, beside those of its condition. `forest`: for each
        label the proportion in each condition with its interval, and the share before correction as
        a cross. `differences`: for each label the difference of the other conditions to `baseline`
        with its interval, filled where the adjusted p-value is below 0.05. `distances`:
        the Jensen–Shannon distance of each condition to the reference, the closest one on top, and
        the share of draws in which it is the closest.
    baseline
        Condition that the others are compared with, for `differences`: by default the reference, if
        it is a condition, else the first one.
    key
        The `key_added` of `compare_composition`.
    ax
        Axes to draw into; `None` for a figure of its own.
    show
        Whether to show the figure; `None` for: in an interactive session.

    Returns
    -------
    The axes.

    Raises
    ------
    KeyError
        `compare_composition` has not been called for `key`, or without a reference for `distances`.
    ValueError
        There is no such `kind`, or `baseline` is no condition.

    Examples
    --------
    >>> cc.pl.composition(adata, kind="forest")  # doctest: +SKIP
    """
    if kind not in _KINDS:
        raise ValueError(f"kind={kind!r}; the kinds are {', '.join(map(repr, _KINDS))}.")
    if baseline is not None and kind != "differences":
        raise ValueError(f"baseline is for kind='differences'; with kind={kind!r} leave it out.")
    composition_df(adata, key=key)  # or say that there is none
    found, is_new = adata.uns[key], ax is None
    if kind == "differences":
        ax = _draw_differences(adata, key, baseline, ax)
    else:
        ax = _KINDS[kind](adata, key, ax)
    params = found[PARAMS]
    counted = "corrected for confusion" if params["correct"] else "as counted"
    # Above the bars stand the names of the conditions.
    pad = 20 if kind in ("bars", "distances") else 6
    ax.set_title(f"{_TITLES[kind]}, {counted}", fontsize="medium", pad=pad, parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    return finish(ax, show=show, is_new=is_new)


def _draw_bars(adata: AnnData, key: str, ax: Axes | None) -> Axes:
    table = composition_df(adata, key=key, table=SAMPLES)
    wide = table.pivot_table("proportion", "sample", "label", observed=False, sort=False)
    owner = table.drop_duplicates("sample").set_index("sample")["condition"]
    names = sorted(wide.index, key=lambda name: owner.cat.codes[name])
    groups = [str(owner[name]) for name in names]
    wide = wide.loc[names]
    if TISSUE in adata.uns[key]:
        tissue = composition_df(adata, key=key, table=TISSUE).set_index("label")["share"]
        wide.loc["reference"] = tissue.reindex(wide.columns).to_numpy()
        groups.append("")
    steps = [1.0 + 0.6 * (one != other) for one, other in zip(groups[1:], groups, strict=False)]
    places = np.concatenate([[0.0], np.cumsum(steps)])
    ax = get_axes(ax, (3.4 + 0.34 * places[-1], 4.0))
    bottom = np.zeros(len(wide))
    for label, color in _colors(adata, key, list(wide.columns)).items():
        height = wide[label].to_numpy()
        ax.bar(places, height, 0.86, bottom, color=color, label=str(label), linewidth=0)
        bottom += height
    many = len(wide) > _MOST_NAMES
    ax.set_xticks(
        [] if many else places,
        [] if many else wide.index.astype(str),
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        parse_math=False,
    )
    if list(map(str, wide.index[: len(names)])) != groups[: len(names)]:
        for group in dict.fromkeys(groups):
            own = places[[g == group for g in groups]]
            ax.text(own.mean(), 1.02, group, ha="center", fontsize="small", parse_math=False)
    ax.set_ylim(0, 1)
    ax.set_ylabel(_share(adata, key))
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1],
        labels[::-1],
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize="small",
    )
    for text in ax.get_legend().get_texts():  # type: ignore[union-attr]
        text.set_parse_math(False)
    return ax


def _draw_forest(adata: AnnData, key: str, ax: Axes | None) -> Axes:
    table = composition_df(adata, key=key, table=CONDITIONS)
    labels, conditions = (table[c].cat.categories for c in ("label", "condition"))
    ax = get_axes(ax, (6.2, 1.5 + len(labels) * (0.22 + 0.13 * len(conditions))))
    for number, condition in enumerate(conditions):
        rows = table[table["condition"] == condition]
        n = rows["n_samples"].iloc[0]
        _draw_intervals(
            ax,
            rows["label"].cat.codes + _dodge(number, len(conditions)),
            rows,
            "proportion",
            color=f"C{number}",
            label=f"{condition} ({n} sample{'s' if n > 1 else ''})",
        )
        if adata.uns[key][PARAMS]["correct"]:
            ax.plot(
                rows["raw"],
                rows["label"].cat.codes + _dodge(number, len(conditions)),
                "x",
                color=f"C{number}",
                markersize=4,
                alpha=0.6,
                label="before correction" if number == len(conditions) - 1 else None,
            )
    if TISSUE in adata.uns[key]:
        tissue = composition_df(adata, key=key, table=TISSUE)
        ax.plot(
            tissue["share"],
            tissue["label"].cat.codes,
            "|",
            color=_TISSUE_COLOR,
            markersize=16,
            markeredgewidth=1.5,
            label="reference",
        )
    _finish_rows(ax, labels)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{_share(adata, key)}, {_level(adata, key)} interval")
    return ax


def _draw_differences(adata: AnnData, key: str, baseline: str | None, ax: Axes | None) -> Axes:
    table = composition_df(adata, key=key, table=DIFFERENCES)
    conditions = list(composition_df(adata, key=key)["condition"].cat.categories)
    if baseline is None:
        reference = adata.uns[key][PARAMS]["reference"]
        baseline = reference if reference in conditions else conditions[0]
    if baseline not in conditions or len(conditions) < 2:
        raise ValueError(
            f"baseline={baseline!r}: two conditions are needed, one of them the baseline. "
            f"Conditions: {listed(map(repr, conditions), 12)}."
        )
    others = [name for name in conditions if name != baseline]
    labels = table["label"].cat.categories
    ax = get_axes(ax, (6.2, 1.5 + len(labels) * (0.22 + 0.13 * len(others))))
    ax.axvline(0, color="0.5", linewidth=0.8)
    tests = set()
    for number, other in enumerate(others):
        pair = [baseline, other]
        rows = table[table["condition"].isin(pair) & table["other"].isin(pair)]
        if rows["condition"].iloc[0] == baseline:
            turned = {"difference": "difference", "lower": "upper", "upper": "lower"}
            rows = rows.assign(**{name: -rows[source] for name, source in turned.items()})
        tests |= set(rows["test"])
        _draw_intervals(
            ax,
            rows["label"].cat.codes + _dodge(number, len(others)),
            rows,
            "difference",
            color=f"C{conditions.index(other)}",
            label=f"{other} − {baseline}",
            filled=(rows["pval_adj"] < _SURE).to_numpy(),
        )
    _finish_rows(ax, labels)
    ax.set_xlabel(
        f"difference of the {_share(adata, key)}, {_level(adata, key)} interval\n"
        f"filled: adjusted p < {_SURE:g} (test: {', '.join(sorted(tests))})"
    )
    return ax


def _draw_distances(adata: AnnData, key: str, ax: Axes | None) -> Axes:
    table = composition_df(adata, key=key, table=DISTANCES).sort_values("js_distance")
    ax = get_axes(ax, (6.2, 1.5 + 0.36 * len(table)))
    places = np.arange(len(table))
    _draw_intervals(ax, places, table, "js_distance", color="C0", label="")
    names = [
        f"{name} ({n} sample{'s' if n > 1 else ''})"
        for name, n in zip(table["condition"], table["n_samples"], strict=True)
    ]
    ax.set_yticks(places, names, parse_math=False)
    ax.set_ylim(len(table) - 0.5, -0.5)
    across = ax.get_yaxis_transform()
    ax.text(1.02, -0.5, "closest", transform=across, color="0.3", va="bottom", fontsize="small")
    for place, share in enumerate(table["share_closest"]):
        ax.text(1.02, place, f"{share:.0%}", transform=across, va="center", color="0.3")
    ax.set_xlim(left=0)
    reference = adata.uns[key][PARAMS]["reference"] or "the reference"
    ax.set_xlabel(
        f"Jensen–Shannon distance to {reference}, {_level(adata, key)} interval", parse_math=False
    )
    return ax


_KINDS: dict[str, Any] = {
    "bars": _draw_bars,
    "forest": _draw_forest,
    "differences": _draw_differences,
    "distances": _draw_distances,
}
_TITLES = {
    "bars": "Proportions of the labels",
    "forest": "Proportions of the labels",
    "differences": "Differences of proportions",
    "distances": "Distance of proportions",
}


def _draw_intervals(
    ax: Axes,
    places: pd.Series | np.ndarray,
    rows: pd.DataFrame,
    column: str,
    *,
    color: str,
    label: str,
    filled: np.ndarray | None = None,
) -> None:
    """Draw a point and its interval for each row."""
    places, found = np.asarray(places), rows[column].to_numpy()
    ax.hlines(places, rows["lower"], rows["upper"], color=color, linewidth=1.5)
    filled = np.ones(len(found), dtype=bool) if filled is None else filled
    faces = np.where(filled, color, "white").tolist()
    # Points at 0 are drawn in full.
    ax.scatter(
        found, places, 28, color=faces, edgecolor=color, zorder=3, label=label, clip_on=False
    )


def _dodge(number: int, n: int) -> float:
    return 0.0 if n == 1 else 0.6 * (number / (n - 1) - 0.5)


def _finish_rows(ax: Axes, labels: pd.Index) -> None:
    """Name the rows, part them, and put the legend beside them."""
    ax.set_yticks(range(len(labels)), labels, parse_math=False)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    for edge in np.arange(0.5, len(labels) - 1):
        ax.axhline(edge, color="0.92", linewidth=1, zorder=0)
    legend = ax.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize="small"
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _colors(adata: AnnData, key: str, labels: list[str]) -> dict[str, Any]:
    """Colours of the labels as scanpy has them, or others."""
    import matplotlib as mpl

    annotation = adata.uns[key][PARAMS]["key"]
    known = label_colors(adata, annotation)
    palette = mpl.colormaps["tab10" if len(labels) <= 10 else "tab20"].colors  # type: ignore[attr-defined]
    others = {label: palette[i % len(palette)] for i, label in enumerate(labels)}
    return {label: known.get(label, others[label]) for label in labels}


def _share(adata: AnnData, key: str) -> str:
    kept = adata.uns[key][PARAMS][UNASSIGNED] == "keep"
    return "share of all cells" if kept else "share of the labelled cells"


def _level(adata: AnnData, key: str) -> str:
    return f"{100 * adata.uns[key][PARAMS]['confidence_level']:g}%"
