"""How far the attributions of several trainings agree."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from cellclass._checks import check_whole
from cellclass.errors import GeneError

if TYPE_CHECKING:
    from collections.abc import Sequence


def attribution_stability(
    attributions: Sequence[pd.DataFrame], *, n_top_genes: int = 20
) -> pd.DataFrame:
    r"""Say how far models that were trained on other cells, or by other seeds, agree on the genes.

    Each pair of models is compared, and the mean over the pairs returned. A gene that one of the
    models does not read has 0 there.

    Parameters
    ----------
    attributions
        What `get_gene_attributions` of each model gave: DataFrames `(n_genes, n_labels)`. The
        genes may differ.
    n_top_genes
        How many genes of highest attribution are compared.

    Returns
    -------
    One row per label, in the order of the first frame: `rank_correlation`, Spearman's of the
    genes that either model reads (−1 to 1); `top_overlap`, the share (0–1) of the `n_top_genes`
    genes of one model that are among those of the other; `chance_overlap`, what to expect of
    genes drawn by chance from those that either reads; `n_models` that have the label. NaN where
    fewer than two do.

    Raises
    ------
    ValueError
        There are fewer than two models, or `n_top_genes` is less than 1.
    GeneError
        A gene has several rows.

    Examples
    --------
    >>> import pandas as pd
    >>> first = pd.DataFrame({"B": [3.0, 1.0, 0.0]}, index=["CD79A", "MS4A1", "CD3D"])
    >>> second = pd.DataFrame({"B": [2.0, 1.5, -1.0]}, index=["CD79A", "MS4A1", "CD3D"])
    >>> attribution_stability([first, second], n_top_genes=2).round(2)
           rank_correlation  top_overlap  chance_overlap  n_models
    label
    B                   1.0          1.0            0.67         2
    """
    if len(attributions) < 2:
        raise ValueError(
            f"{len(attributions)} model: stability is a matter of two at least. Train others on "
            "other folds, or with other seeds."
        )
    check_whole(n_top_genes, "n_top_genes", 1)
    for frame in attributions:
        if not frame.index.is_unique:
            twice = frame.index[frame.index.duplicated()][0]
            raise GeneError(f"attributions: the gene {twice!r} has several rows; one is needed.")
    labels = list(dict.fromkeys(label for frame in attributions for label in frame.columns))
    rows = [_of_label([f[k] for f in attributions if k in f], n_top_genes) for k in labels]
    return pd.DataFrame(
        rows,
        columns=["rank_correlation", "top_overlap", "chance_overlap", "n_models"],
        index=pd.Index(labels, name="label"),
    ).astype({"n_models": int})


def _of_label(columns: list[pd.Series], n_top: int) -> tuple[float, float, float, int]:
    columns = [column.astype(np.float64) for column in columns if column.notna().all()]
    pairs = [_of_pair(*pair, n_top) for pair in combinations(columns, 2)]
    if not pairs:
        return np.nan, np.nan, np.nan, len(columns)
    correlation, overlap, chance = np.mean(pairs, axis=0).tolist()
    return correlation, overlap, chance, len(columns)


def _of_pair(first: pd.Series, second: pd.Series, n_top: int) -> tuple[float, float, float]:
    genes = first.index.union(second.index, sort=False)
    a, b = (s.reindex(genes, fill_value=0.0).to_numpy(np.float64) for s in (first, second))
    n_top = min(n_top, len(genes))
    best = [set(np.argsort(-values, kind="stable")[:n_top].tolist()) for values in (a, b)]
    return _spearman(a, b), len(best[0] & best[1]) / n_top, n_top / len(genes)


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (a, b)]
    norm = np.sqrt(np.square(ranks[0]).sum() * np.square(ranks[1]).sum())
    return float(ranks[0] @ ranks[1] / norm) if norm > 0 else np.nan
