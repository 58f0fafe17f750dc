"""Simulated counts with known labels and known marker genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROWS_AT_ONCE = 2048  # dense rows in memory while drawing


def simulate_counts(
    n_obs: int = 1000,
    n_vars: int = 500,
    n_labels: int = 5,
    *,
    n_batches: int = 1,
    n_markers: int = 20,
    depth: float = 2000.0,
    fold_change: float = 4.0,
    dispersion: float = 0.2,
    batch_effect: float = 0.2,
    proportions: Sequence[float] | None = None,
    rng: int | np.random.Generator = 0,
) -> AnnData:
    r"""Simulate counts of cells whose labels and marker genes are known.

    The count of gene :math:`g` in cell :math:`c` is negative binomial with mean and variance

    .. math::

        \mu_{cg} = s_c \, \pi_{l(c)\,b(c)\,g}, \qquad
        \sigma^2_{cg} = \mu_{cg} + \phi \, \mu_{cg}^2 .

    The size :math:`s_c` is log-normal with median ``depth`` and a spread of 0.3 nats. The shares
    :math:`\pi` are log-normal over genes (spread 1 nat), times ``fold_change`` for the marker genes
    of the cell's label, times a log-normal factor of each batch and gene, and sum to 1 over genes.
    Markers are drawn at random, without overlap between labels, so weakly expressed genes are
    among them, as in real data. Batches are independent of labels.

    Parameters
    ----------
    n_obs
        Number of cells.
    n_vars
        Number of genes.
    n_labels
        Number of cell types, at least two.
    n_batches
        Number of technical batches; cells are spread over them evenly.
    n_markers
        Marker genes of each label.
    depth
        Median of the expected counts per cell.
    fold_change
        Expression of a marker gene in its own label over that in the others, before the shares
        are made to sum to 1; 1 gives labels that nothing can tell apart.
    dispersion
        The :math:`\phi` above; 0 gives Poisson counts.
    batch_effect
        Standard deviation in nats of the batches' factors; without effect when there is one batch.
    proportions
        Share of the cells for each label `(n_labels,)`, scaled to sum to 1. Equal without it.
    rng
        Seed, or a generator, which is advanced.

    Returns
    -------
    AnnData `(n_obs, n_vars)` with the fields:

    X : CSR float32 `(n_obs, n_vars)`
        Counts: whole numbers, stored once; there is no layer.
    obs["cell_type"] : category
        ``"type_0"`` …
    obs["batch"] : category
        ``"batch_0"`` …
    var["marker_of"] : category
        The label that the gene is a marker of; missing for the other genes.

    Raises
    ------
    ValueError
        An argument is out of range, the genes do not suffice for the markers, or a label or batch
        would get no cell.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(300, n_batches=2, proportions=[8, 4, 2, 1, 1])
    >>> adata.obs["cell_type"].value_counts().tolist()
    [150, 75, 37, 19, 19]
    """
    _check_numbers(n_obs, n_vars, n_labels, n_batches, n_markers)
    _check_sizes(depth, fold_change, dispersion, batch_effect)
    per_label = _cells_per_label(n_obs, n_labels, proportions)
    rng = np.random.default_rng(rng)

    labels = rng.permutation(np.repeat(np.arange(n_labels), per_label))
    batches = rng.permutation(np.arange(n_obs) % n_batches)
    marker_of = np.full(n_vars, -1)
    marker_of[: n_labels * n_markers] = np.repeat(np.arange(n_labels), n_markers)
    marker_of = rng.permutation(marker_of)

    log_share = rng.normal(0.0, 1.0, n_vars) + np.zeros((n_labels, n_batches, 1))  # (L, batches, G)
    log_share += np.log(fold_change) * (marker_of == np.arange(n_labels)[:, None])[:, None]
    if n_batches > 1:
        log_share += rng.normal(0.0, batch_effect, (n_batches, n_vars))
    with np.errstate(over="ignore", invalid="ignore"):
        share = np.exp(log_share)
        share /= share.sum(axis=-1, keepdims=True)
    if not np.isfinite(share).all():
        raise ValueError(
            f"fold_change={fold_change!r} or batch_effect={batch_effect!r} is so large that no "
            "shares of genes come of it; below 100 is usual."
        )

    size = depth * np.exp(rng.normal(0.0, 0.3, n_obs))
    parts = []
    for start in range(0, n_obs, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        mean = size[rows, None] * share[labels[rows], batches[rows]]
        parts.append(sparse.csr_matrix(_draw(mean, dispersion, rng).astype(np.float32)))

    label_names = pd.Index([f"type_{label}" for label in range(n_labels)])
    batch_names = pd.Index([f"batch_{batch}" for batch in range(n_batches)])
    return AnnData(
        X=sparse.vstack(parts, format="csr"),
        obs=pd.DataFrame(
            {
                "cell_type": pd.Categorical.from_codes(labels, label_names),
                "batch": pd.Categorical.from_codes(batches, batch_names),
            },
            index=[f"cell_{cell}" for cell in range(n_obs)],
        ),
        var=pd.DataFrame(
            {"marker_of": pd.Categorical.from_codes(marker_of, label_names)},
            index=[f"gene_{gene}" for gene in range(n_vars)],
        ),
    )


def _draw(
    mean: NDArray[np.float64], dispersion: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    if dispersion > 0:  # a negative binomial is a Poisson whose mean is gamma distributed
        mean = rng.gamma(1.0 / dispersion, mean * dispersion)
    return rng.poisson(mean)


def _check_numbers(n_obs: int, n_vars: int, n_labels: int, n_batches: int, n_markers: int) -> None:
    least = {"n_obs": 1, "n_vars": 1, "n_labels": 2, "n_batches": 1, "n_markers": 0}
    numbers = (n_obs, n_vars, n_labels, n_batches, n_markers)
    for (name, lowest), number in zip(least.items(), numbers, strict=True):
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < lowest:
            raise ValueError(f"{name}={number!r}: a whole number of at least {lowest} is needed.")
    if n_labels * n_markers > n_vars:
        raise ValueError(
            f"{n_labels} labels with {n_markers} marker genes each need more than {n_vars} genes. "
            f"Ask for n_vars={n_labels * n_markers} or more, or n_markers={n_vars // n_labels} "
            "or fewer."
        )
    if n_batches > n_obs:
        raise ValueError(f"{n_batches} batches are more than the {n_obs} cells.")


def _check_sizes(depth: float, fold_change: float, dispersion: float, batch_effect: float) -> None:
    if not (np.isfinite(depth) and depth > 0):
        raise ValueError(f"depth={depth!r}: a positive number of counts per cell is needed.")
    if not (np.isfinite(fold_change) and fold_change > 0):
        raise ValueError(f"fold_change={fold_change!r}: a positive ratio is needed, such as 4.")
    for name, value in (("dispersion", dispersion), ("batch_effect", batch_effect)):
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{name}={value!r}: zero or a positive number is needed.")


def _cells_per_label(
    n_obs: int, n_labels: int, proportions: Sequence[float] | None
) -> NDArray[np.int64]:
    weights = np.asarray([1.0] * n_labels if proportions is None else proportions, dtype=np.float64)
    if weights.shape != (n_labels,) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError(
            f"proportions={proportions!r}: {n_labels} positive numbers are needed, one per label."
        )
    edges = np.rint(np.cumsum(weights) / weights.sum() * n_obs).astype(np.int64)
    per_label = np.diff(edges, prepend=0)
    if per_label.min() == 0:
        raise ValueError(
            f"{n_obs} cells in these proportions leave no cell for label "
            f"{int(per_label.argmin())}. Ask for more cells (n_obs=…) or more equal proportions."
        )
    return per_label
