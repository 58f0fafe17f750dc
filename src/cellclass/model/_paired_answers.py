"""What a model says of cells that have RNA, proteins or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cellclass.model._paired_query import BOTH, PROTEINS_ONLY, RNA_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable

    from cellclass.model._paired_query import Answered, PairedQuery
    from cellclass.model._trust import Trust


def kind_of(found: Answered) -> int:
    """Return by what these cells are answered."""
    if found.rna is None:
        return PROTEINS_ONLY
    return RNA_ONLY if found.proteins is None else BOTH


def trust_of(query: PairedQuery, kind: int) -> Trust:
    """Return the calibration of cells that are answered so."""
    if kind == RNA_ONLY:
        return query.rna_trust
    part: Any = query.part
    return part.alone if kind == PROTEINS_ONLY else part.both


def n_calibration_of(query: PairedQuery, kind: int) -> int:
    """How many held-out cells their novelty is ranked among."""
    part: Any = query.part
    return len(part.surprise) if kind == BOTH else trust_of(query, kind).n_calibration


def answer(found: Answered, query: PairedQuery) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `(n_rows, n_labels)` and novelty p-values `(n_rows,)`, float32."""
    part: Any = query.part
    pvalues, logits = [], []
    if found.rna is not None:
        x, latent, by_rna = found.rna
        logits.append(by_rna)
        pvalues.append(query.rna_trust.pvalue(latent, x))
    if found.proteins is not None:
        logits.append(part.logits(found.proteins, query.known).mean(axis=0))
        pvalues.append(part.alone.pvalue(part.latent(found.proteins), found.proteins))
    kind = kind_of(found)
    if kind == BOTH:
        joined, pvalue = part.joined(*logits, query.rna_trust), part.pvalue(*pvalues)
    else:
        joined, pvalue = logits[0], pvalues[0]
    probability = trust_of(query, kind).probability(joined)
    return probability.astype(np.float32), pvalue.astype(np.float32)


def logits_of_networks(
    found: Answered, query: PairedQuery, by_network: Callable[..., np.ndarray]
) -> np.ndarray:
    """Logits of each network, or of its discriminant, or of both, `(K, n_rows, n_labels)`.

    Parameters
    ----------
    found
        The cells.
    query
        Where they are from.
    by_network
        Gives the logits of each network by RNA, of model input and the logits of the whole.
    """
    part: Any = query.part
    if found.rna is None:
        return part.logits(found.proteins, query.known)
    by_rna = by_network(found.rna[0], found.rna[2])
    if found.proteins is None:
        return by_rna
    return part.joined(by_rna, part.logits(found.proteins, query.known), query.rna_trust)
