"""What every picture does at its beginning and at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def get_axes(ax: Axes | None, figsize: tuple[float, float]) -> Axes:
    """Return the caller's axes, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # loads with the first picture

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def finish(ax: Axes, *, show: bool | None, is_new: bool) -> Axes:
    """Show the figure if asked to, and return the axes.

    With ``show=None`` a new figure is shown in an interactive session; the figure of the caller's
    own axes never is.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    if show or (show is None and is_new and mpl.is_interactive()):
        plt.show()
    return ax
