"""Picture of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellclass.errors import NotTrainedError
from cellclass.pl._axes import finish, get_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cellclass.model import CellClassifierMLP


def training_history(
    model: CellClassifierMLP, *, ax: Axes | None = None, show: bool | None = None
) -> Axes:
    """Show the loss of training and validation cells by epoch.

    Parameters
    ----------
    model
        Trained model.
    ax
        Axes to draw into; `None` for a figure of its own.
    show
        Whether to show the figure; `None` for: in an interactive session.

    Returns
    -------
    The axes; loss in nats per cell. The validation loss may rise while the labels still get better:
    the network grows too sure, which its temperature mends.

    Raises
    ------
    NotTrainedError
        The model has no history.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(100, 50, n_labels=2)
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    >>> model = cc.model.CellClassifierMLP(adata, validation_size=0.2)
    >>> model.train(max_epochs=1, enable_progress_bar=False)
    >>> ax = cc.pl.training_history(model, show=False)
    >>> ax.get_xlabel()
    'epoch'
    """
    if not hasattr(model, "history"):
        raise TypeError(
            f"model is a {type(model).__name__}; a model of cc.model that was trained is needed."
        )
    history = model.history or {}
    if "train_loss" not in history:
        raise NotTrainedError("The model has no training history. Call model.train() first.")
    is_new = ax is None
    ax = get_axes(ax, (5, 3.5))
    for name, text in (("train_loss", "training cells"), ("validation_loss", "validation cells")):
        if name in history:
            loss = history[name][name].astype(float)
            ax.plot(loss.index + 1, loss, label=text, marker="." if len(loss) < 50 else None)
    ax.set_xlabel("epoch")
    ax.set_ylabel("cross-entropy (nats per cell)")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return finish(ax, show=show, is_new=is_new)
