"""Picture of how far confidence can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._keys import ANNOTATE, PARAMS, evaluation_key
from cellclass.get import evaluation_df
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

_OVER, _UNDER = "#c44e52", "#4c72b0"


def calibration(
    adata: AnnData, *, key: str = ANNOTATE, ax: Axes | None = None, show: bool | None = None
) -> Axes:
    """Show the share of right labels at each confidence, and how many cells have it.

    Parameters
    ----------
    adata
        Query that `cc.tl.evaluate` has scored.
    key
        The `key` of `evaluate`.
    ax
        Axes to draw into; `None` for a figure of its own.
    show
        Whether to show the figure; `None` for: in an interactive session.

    Returns
    -------
    The axes. A point for each bin of confidence that has cells: mean confidence (0–1) across,
    accuracy (0–1) upwards, the larger the more cells it has. Below the diagonal the model is too
    sure. The bars at the foot are the cells of the bins, beside the fullest one.

    Raises
    ------
    KeyError
        `evaluate` has not been called for `key`.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    >>> model = cc.model.CellClassifierMLP(adata, validation_size=0.2)
    >>> model.train(max_epochs=1, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> cc.tl.evaluate(adata, "cell_type")
    >>> ax = cc.pl.calibration(adata, show=False)
    >>> ax.get_xlabel()
    'confidence (mean of the bin)'
    """
    curve = evaluation_df(adata, key=key, table="reliability")
    scores = evaluation_df(adata, key=key, table="scores").iloc[0]
    filled = curve[curve["n_obs"] > 0]
    is_new = ax is None
    ax = get_axes(ax, (4.6, 4.6))
    ax.bar(
        filled["low"],
        0.22 * filled["n_obs"] / filled["n_obs"].max(),
        width=filled["high"] - filled["low"],
        align="edge",
        color="0.88",
        edgecolor="white",
        label=f"cells (highest bar: {filled['n_obs'].max():,})",
        zorder=0,
    )
    ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="as sure as right")
    too_sure = filled["accuracy"] < filled["confidence"]
    ax.vlines(
        filled["confidence"],
        filled[["accuracy", "confidence"]].min(axis=1),
        filled[["accuracy", "confidence"]].max(axis=1),
        colors=[_OVER if over else _UNDER for over in too_sure],
        linewidth=2,
        alpha=0.5,
    )
    ax.plot(filled["confidence"], filled["accuracy"], color="0.5", linewidth=0.8)
    for mask, color, text in (
        (too_sure, _OVER, "too sure"),
        (~too_sure, _UNDER, "not sure enough"),
    ):
        part = filled[mask]
        if part.empty:
            continue
        size = 12 + 60 * part["n_obs"] / filled["n_obs"].max()
        ax.scatter(part["confidence"], part["accuracy"], size, color=color, zorder=3, label=text)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(0, 1.02)
    ax.set_aspect("equal")
    ax.set_xlabel("confidence (mean of the bin)")
    ax.set_ylabel("share of right labels")
    ax.set_title(
        f"{adata.uns[evaluation_key(key)][PARAMS]['labels_key']}: calibration error "
        f"{scores['expected_calibration_error']:.3f}, {scores['n_obs']:,.0f} cells",
        fontsize="medium",
        parse_math=False,
    )
    # Beside the picture, for inside it there is no place that a point could not be at.
    ax.legend(
        frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2
    )
    ax.spines[["top", "right"]].set_visible(False)
    return finish(ax, show=show, is_new=is_new)
