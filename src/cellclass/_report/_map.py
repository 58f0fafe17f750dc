"""Where the cells stand on a map, and in which colours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from cellclass._keys import UNASSIGNED
from cellclass._report._words import count
from cellclass.errors import CellclassError
from cellclass.get._label_colors import label_colors as colors_in

if TYPE_CHECKING:
    from cellclass._report._facts import Facts

_BASIS = "X_umap"
# A UMAP of so many cells takes ten seconds; so many can be drawn.
MOST_PLACED, MOST_DRAWN = 3_000, 50_000
_FEWEST = 10
_GREY = "#b5b5b5"


@dataclass(frozen=True)
class CellMap:
    """Some cells on a plane.

    Attributes
    ----------
    rows
        Which cells, increasing positions.
    xy
        Where they stand, `(n_rows, 2)`.
    about
        Where the map comes from, or why there is none.
    """

    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    xy: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    about: str = ""


def place_cells(facts: Facts) -> CellMap:
    """Take the UMAP that is there, or else make one of what the model makes of some cells."""
    adata = facts.adata
    if _BASIS in adata.obsm and adata.obsm[_BASIS].shape[1] >= 2:
        xy = np.asarray(adata.obsm[_BASIS], dtype=np.float64)[:, :2]
        rows = _drawn(np.flatnonzero(np.isfinite(xy).all(axis=1)), MOST_DRAWN)
        about = f"obsm[{_BASIS!r}] of the query{_how_many(len(rows), adata.n_obs)}."
        return CellMap(rows, xy[rows], about)
    if facts.model is None:
        return CellMap(about=f"There is no map: the query has no obsm[{_BASIS!r}].")
    filled = np.flatnonzero(facts.assigned)
    if len(filled) < _FEWEST:
        return CellMap(about=f"There is no map: {count(len(filled), 'cell')} are too few for one.")
    rows = _drawn(filled, MOST_PLACED)
    try:
        latent = facts.model.get_latent_representation(
            facts.some(rows), layer=facts.layer, gene_aliases=facts.gene_aliases
        )
    except CellclassError as error:
        return CellMap(about=f"There is no map. {error}")
    about = (
        f"UMAP of the model's latent representation{_how_many(len(rows), adata.n_obs)}, made for "
        f"this report, as the query has no obsm[{_BASIS!r}]. Cells that the model takes for one "
        "another stand together."
    )
    return CellMap(rows, _umap(latent), about)


def _umap(latent: np.ndarray) -> np.ndarray:
    import scanpy as sc

    cells = AnnData(latent)
    sc.pp.neighbors(cells, n_neighbors=min(15, cells.n_obs - 1), use_rep="X", random_state=0)
    sc.tl.umap(cells, random_state=0)
    return np.asarray(cells.obsm[_BASIS], dtype=np.float64)


def _drawn(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _how_many(n: int, n_obs: int) -> str:
    return "" if n == n_obs else f" ({n:,} of the query's {n_obs:,} cells, drawn at random)"


def label_colors(facts: Facts) -> dict[str, str]:
    """Return a colour for each label that was given or is true: the AnnData's, or others."""
    from matplotlib.colors import is_color_like, to_hex

    column = facts.adata.obs[facts.key].astype("category")
    names = [str(name) for name in column.cat.categories]
    kept = colors_in(facts.adata, facts.key).items()
    chosen = {name: to_hex(color) for name, color in kept if is_color_like(color)}
    chosen[UNASSIGNED] = _GREY
    labels = [*facts.labels, *names]
    if facts.scored is not None and facts.labels_key is not None:
        labels += sorted(facts.scored.obs[facts.labels_key].astype(str).unique())
    missing = [name for name in dict.fromkeys(labels) if name not in chosen]
    return chosen | dict(zip(missing, _unlike(set(chosen.values()), len(missing)), strict=True))


def _unlike(taken: set[str], n: int) -> list[str]:
    """Return `n` colours that are not taken, of the palette of scanpy that has as many."""
    from matplotlib.colors import to_hex
    from scanpy.plotting import palettes

    few = len(taken) + n <= len(palettes.default_20)
    palette = [to_hex(color) for color in (palettes.default_20 if few else palettes.default_102)]
    free = [color for color in palette if color not in taken] or [_GREY]
    return [free[place % len(free)] for place in range(n)]
