"""Picture of the confusion table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass._keys import ANNOTATE, PARAMS, evaluation_key
from cellclass.get import evaluation_df
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

# Above this number of labels the numbers in the squares can no longer be read.
_MOST_NUMBERS = 25


def confusion_matrix(
    adata: AnnData,
    *,
    key: str = ANNOTATE,
    normalize: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Show which labels are taken for which.

    Parameters
    ----------
    adata
        Query that `cc.tl.evaluate` has scored.
    key
        The `key` of `evaluate`.
    normalize
        Whether colour and numbers are shares of the true label's cells (0–1) instead of cells.
    ax
        Axes to draw into; `None` for a figure of its own.
    show
        Whether to show the figure; `None` for: in an interactive session.

    Returns
    -------
    The axes; true labels in rows with their number of cells, predicted ones in columns.

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
    >>> ax = cc.pl.confusion_matrix(adata, show=False)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['type_0 (50)', 'type_1 (50)']
    """
    counts = evaluation_df(adata, key=key, table="confusion")
    support = counts.sum(axis=1)
    values = counts.div(support, axis=0) if normalize else counts
    n_rows, n_columns = counts.shape
    is_new = ax is None
    ax = get_axes(ax, (2.6 + 0.48 * n_columns, 1.9 + 0.42 * n_rows))
    top = 1.0 if normalize else float(values.to_numpy().max())
    image = ax.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    ax.set_xticks(
        range(n_columns),
        counts.columns,
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        parse_math=False,
    )
    rows = [f"{label} ({n:,})" for label, n in zip(counts.index, support, strict=True)]
    ax.set_yticks(range(n_rows), rows, parse_math=False)
    ax.set_xlabel("predicted label")
    ax.set_ylabel("true label (cells)")
    scores = evaluation_df(adata, key=key, table="scores").iloc[0]
    ax.set_title(
        f"{adata.uns[evaluation_key(key)][PARAMS]['labels_key']}: accuracy "
        f"{scores['accuracy']:.3f}, macro-F1 {scores['macro_f1']:.3f}, "
        f"{scores['n_obs']:,.0f} cells",
        fontsize="medium",
        parse_math=False,
    )
    if max(n_rows, n_columns) <= _MOST_NUMBERS:
        for i, row in enumerate(values.to_numpy()):
            for j, value in enumerate(row):
                if counts.iat[i, j]:
                    text = f"{value:.2f}" if normalize else f"{int(value)}"
                    colour = "white" if value > 0.55 * top else "black"
                    ax.text(j, i, text, ha="center", va="center", color=colour, fontsize="small")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
    bar.set_label("share of the true label's cells" if normalize else "cells")
    return finish(ax, show=show, is_new=is_new)
