"""Measure on validation cells what missing genes cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass.contract import SHARES, MissingGenes, with_fewer_genes
from cellclass.metrics import CrossNovelty, fit_temperature, log_losses

if TYPE_CHECKING:
    from collections.abc import Callable

    from cellclass.contract import BoundInput, InputContract
    from cellclass.model._base import CellClassifier
    from cellclass.model._reference import Reference


def measure_missing_genes(
    bound: BoundInput,
    codes: np.ndarray,
    contract: InputContract,
    answer: Callable[..., tuple[np.ndarray, np.ndarray]],
    *,
    seed: int,
) -> MissingGenes | None:
    """Answer validation cells while they lack more and more genes.

    Parameters
    ----------
    bound
        The cells, with all genes of the reference.
    codes
        Their label codes, `(n_obs,)`.
    contract
        What the model expects.
    answer
        Gives logits `(n_obs, n_labels)` and unlikeness to the training cells `(n_obs,)` of the
        cells, by networks that were not trained on them, from their model input; `whole` says
        whether no gene is missing in it.
    seed
        Of the genes that are missing at random.

    Returns
    -------
    The curves; None without validation cells.
    """
    if len(codes) == 0:
        return None
    shape = (2, len(SHARES) + 1)
    found = {name: np.zeros(shape) for name in ("missing", "importance", "accuracy")}
    distances, losses = np.zeros((2, *shape, len(codes)))
    own = (np.arange(len(codes)), codes)
    log_temperature, n = np.zeros(shape), np.zeros(shape)
    given = with_fewer_genes(bound, contract.gene_share, contract.importance, seed=seed)
    for row, place, fewer in given:
        x = fewer.read(slice(None))
        logits, unlikeness = answer(x, whole=fewer is bound)
        temperature = fit_temperature(logits, codes)
        n[row, place] += 1
        found["missing"][row, place] += fewer.match.missing.size / contract.n_genes
        found["importance"][row, place] += fewer.match.missing_share
        found["accuracy"][row, place] += (logits.argmax(axis=1) == codes).mean()
        distances[row, place] += np.sort(unlikeness)
        losses[row, place] += np.sort(log_losses(logits, temperature=temperature)[own])
        log_temperature[row, place] += np.log(temperature)
    means = {name: values / n for name, values in found.items()}
    return MissingGenes(
        **means,
        temperature=np.exp(log_temperature / n),
        distances=distances / n[:, :, None],
        n_cells=len(codes),
        losses=losses / n[:, :, None],
    )


def answer_held_out(
    model: CellClassifier, reference: Reference, x: np.ndarray, *, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and novelty scores of the cells in `looked_at`, from other input for them.

    Without genes, networks agree more on what is unlike the training cells: single scores then
    stand for the mean as they are, while those of whole cells are shrunken.
    """
    by = reference.held_out_by[reference.looked_at[0]]
    logits, scores = np.zeros((len(x), len(model.labels)), dtype=np.float32), np.zeros(len(x))
    novelty: Any = model._trust.novelty  # noqa: SLF001
    several = isinstance(novelty, CrossNovelty)
    for part, network in enumerate(model._networks):  # noqa: SLF001
        rows = np.flatnonzero(by == part)
        if rows.size:
            own = x[np.ix_(rows, reference.genes[part])] if several else x[rows]
            latent, logits[rows] = model._forward(own, network)  # noqa: SLF001
            scores[rows] = (novelty.scorers[part] if several else novelty).score(latent, own)
    return logits, novelty.shrunken(scores) if several and whole else scores
