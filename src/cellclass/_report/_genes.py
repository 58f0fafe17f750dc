"""The genes behind each label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._keys import ATTRIBUTIONS, MODEL_CARD, NAMES, PARAMS, SCORES
from cellclass.errors import CellclassError
from cellclass.get import gene_attributions_df
from cellclass.tl import attribute_genes

if TYPE_CHECKING:
    from cellclass._report._facts import Facts

_N_GENES = 8
_N_CELLS = 25


@dataclass(frozen=True)
class LabelGenes:
    """The genes that speak for each label, best first.

    Attributes
    ----------
    by_label
        Genes with their mean attribution (nats), of each label that has cells.
    overall
        The genes that tell the labels apart, with their JS divergence (nats) over the training
        cells; empty without a model.
    about
        How they were found, or why they were not.
    """

    by_label: dict[str, list[tuple[str, float]]]
    overall: list[tuple[str, float]]
    about: str


def rank_for_labels(facts: Facts) -> LabelGenes:
    """Take the attributions that are there, or else find those of some cells."""
    overall: list[tuple[str, float]] = []
    if facts.model is not None:
        contract = facts.model.contract
        order = np.argsort(-contract.importance, kind="stable")[: 2 * _N_GENES]
        overall = [(str(contract.model_genes[i]), float(contract.importance[i])) for i in order]
    adata = facts.adata
    if _is_of_the_model(facts):
        how = f"by cc.tl.attribute_genes, for the labels in {_groupby(facts)}"
    elif facts.model is None:
        return LabelGenes({}, [], "Without the model, the genes behind the labels are not known.")
    else:
        adata = facts.some(_drawn(facts.predictions["label"]))
        try:
            attribute_genes(
                adata,
                facts.model,
                groupby=facts.key,
                layer=facts.layer,
                gene_aliases=facts.gene_aliases,
                n_cells_per_label=None,
            )
        except ImportError:
            return LabelGenes(
                {},
                overall,
                "The genes behind each label need pip install 'cellclass[attribution]'.",
            )
        except CellclassError as error:
            return LabelGenes({}, overall, str(error))
        how = f"for at most {_N_CELLS} cells of each label that was given"
    frame = gene_attributions_df(adata, n_genes=_N_GENES)
    by_label = {
        str(label): [(str(gene), float(score)) for gene, score in zip(*genes, strict=True)]
        for label, genes in (
            (label, (part[NAMES], part[SCORES])) for label, part in frame.groupby("label")
        )
    }
    order_of = {label: place for place, label in enumerate(facts.labels)}
    by_label = dict(sorted(by_label.items(), key=lambda item: order_of.get(item[0], len(order_of))))
    about = (
        f"Mean attribution in nats (integrated gradients), {how}: how much each gene adds to the "
        "score of the label in its cells, by being high or by being low."
    )
    return LabelGenes(by_label, overall, about)


def _drawn(labels: pd.Series) -> np.ndarray:
    """Draw cells of each label, increasing positions: no others have to be read."""
    order = np.random.default_rng(0).permutation(len(labels))
    kept = pd.Series(order).groupby(labels.to_numpy()[order]).head(_N_CELLS)
    return np.sort(kept.to_numpy())


def _is_of_the_model(facts: Facts) -> bool:
    """Tell whether attributions are there, and are those of the model that annotated."""
    entry = facts.adata.uns.get(ATTRIBUTIONS)
    if not isinstance(entry, Mapping) or NAMES not in entry:
        return False
    noted = entry.get(MODEL_CARD, {})
    same = ("class", "trained", "fingerprint")
    return all(str(noted.get(name)) == str(facts.card.get(name)) for name in same)


def _groupby(facts: Facts) -> str:
    return f"obs[{str(facts.adata.uns[ATTRIBUTIONS][PARAMS]['groupby'])!r}]"
