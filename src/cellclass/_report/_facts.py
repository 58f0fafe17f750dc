"""What a report rests on: the annotation, the truth where it is known, and the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anndata as ad

from cellclass._checks import check_annotated, check_not_empty, check_obs_key
from cellclass._keys import (
    CONTRACT_REPORT,
    LABELS,
    MODEL_CARD,
    PARAMS,
    UNASSIGNED,
    confidence_key,
    evaluation_key,
)
from cellclass.contract import doubts_of, gene_names_of, look_up_genes
from cellclass.errors import LabelError
from cellclass.get import evaluation_df, predictions_df
from cellclass.model._card import fingerprint
from cellclass.tl import annotate, evaluate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from cellclass.contract import GeneAliases


@dataclass(frozen=True)
class Facts:
    """A query and what is known of its labels.

    Attributes
    ----------
    adata
        The annotated query; what is written to it the caller's AnnData does not see.
    key
        The annotation in it.
    model
        The model, where it was given.
    layer, gene_aliases
        As in `annotate`.
    labels_key
        Column with the true labels; `None` where they are not known.
    scored
        The cells with a true label, as `evaluate` left them, without expression.
    doubts
        What makes matched genes questionable, in words.
    was_annotated
        Whether the caller had annotated the query.
    is_reference
        Whether these are the cells that the model was made with; `None` where nothing tells.
    """

    adata: AnnData
    key: str
    model: Any
    layer: str | None
    gene_aliases: GeneAliases | None
    labels_key: str | None
    scored: AnnData | None
    doubts: tuple[str, ...] = ()
    was_annotated: bool = True
    is_reference: bool | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contract(self) -> Mapping[str, Any]:
        """What the input contract found and did; empty where no record is left."""
        return self.about.get(CONTRACT_REPORT, {})

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card; empty where neither a model nor a record of it is there."""
        return self.about.get(MODEL_CARD, {}) if self.model is None else self.model.card

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Label (text), confidence and novelty p-value of each cell."""
        frame = predictions_df(self.adata, key=self.key)
        return frame.assign(label=frame["label"].astype(str))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can give, in its order."""
        if self.model is not None:
            return tuple(self.model.labels)
        if LABELS in self.about:
            return tuple(str(label) for label in self.about[LABELS])
        column = self.adata.obs[self.key].astype("category")
        return tuple(str(name) for name in column.cat.categories if str(name) != UNASSIGNED)

    @cached_property
    def assigned(self) -> np.ndarray:
        """Cells with a label, bool `(n_obs,)`."""
        return (self.predictions["label"] != UNASSIGNED).to_numpy()

    def some(self, rows: np.ndarray) -> AnnData:
        """Return cells at increasing positions, in memory."""
        part = self.adata[rows]
        return part.to_memory() if self.adata.isbacked else part.copy()

    def table(self, name: Any) -> pd.DataFrame:  # noqa: ANN401 - a table of `evaluation_df`
        """Return a table of the evaluation, for a query with truth."""
        return evaluation_df(self.scored, key=self.key, table=name)  # type: ignore[arg-type]

    @cached_property
    def scores(self) -> dict[str, float]:
        """Scores over the cells with a true label, and what a report adds; empty without truth."""
        if self.scored is None or self.labels_key is None:
            return {}
        truth = self.scored.obs[self.labels_key].astype(str)
        right = (truth == self.scored.obs[self.key].astype(str)).to_numpy()
        known = truth.isin(self.labels).to_numpy()
        given = (self.scored.obs[self.key].astype(str) != UNASSIGNED).to_numpy()
        return self.table("scores").iloc[0].to_dict() | {
            "n_known": int(known.sum()),
            "accuracy_known": float(right[known].mean()) if known.any() else float("nan"),
            "accuracy_given": float(right[given].mean()) if given.any() else float("nan"),
        }


def gather(
    adata: AnnData,
    model: Any,  # noqa: ANN401 - any of the models, or None
    *,
    labels_key: str | None,
    layer: str | None,
    gene_aliases: GeneAliases | None,
    key: str,
) -> Facts:
    """Annotate what is not annotated, and score what has true labels, in an AnnData of our own."""
    check_not_empty(adata)
    if model is not None and not hasattr(model, "score_cells"):
        raise TypeError(
            f"model is a {type(model).__name__}; a trained model is needed, such as "
            "cc.model.CellClassifierMLP.load(path), or None."
        )
    if labels_key is not None:
        check_obs_key(adata, labels_key, "labels_key")
    was_annotated = key in adata.obs.columns and confidence_key(key) in adata.obs.columns
    if model is None or was_annotated:
        check_annotated(adata, key)
    own = _beside(adata)
    if not was_annotated:
        annotate(own, model, layer=layer, gene_aliases=gene_aliases, key_added=key)
    about = own.uns.get(key, {})
    about = about if isinstance(about, Mapping) else {}
    _check_same_model(about.get(MODEL_CARD, {}), model, key)
    labels_key = labels_key or _evaluated_with(own, key)
    doubts: list[str] = []
    if model is not None:
        names = gene_names_of(own), model.contract.gene_names
        doubts = doubts_of(look_up_genes(*names, gene_aliases))
    card = about.get(MODEL_CARD, {}) if model is None else model.card
    return Facts(
        adata=own,
        key=key,
        model=model,
        layer=layer,
        gene_aliases=gene_aliases,
        labels_key=labels_key,
        scored=None if labels_key is None else _scored(own, labels_key, key),
        doubts=tuple(doubts),
        was_annotated=was_annotated,
        is_reference=card["fingerprint"] == fingerprint(own) if "fingerprint" in card else None,
        about=about,
    )


def _beside(adata: AnnData) -> AnnData:
    """Return an AnnData with the same matrices, whose columns and entries are its own."""
    if adata.isbacked:
        own = ad.read_h5ad(adata.filename, backed="r")
        if own.shape != adata.shape or not own.obs_names.equals(adata.obs_names):
            raise ValueError(
                f"The AnnData holds {adata.n_obs} of the {own.n_obs} cells of {adata.filename}. "
                "Read them first: adata.to_memory()."
            )
        own.obs, own.uns = adata.obs.copy(), dict(adata.uns)
        return own
    return ad.AnnData(
        X=adata.X,
        obs=adata.obs.copy(),
        var=adata.var.copy(),
        uns=dict(adata.uns),
        obsm=dict(adata.obsm),
        varm=dict(adata.varm),
        layers={name: adata.layers[name] for name in adata.layers if name is not None},
    )


def _check_same_model(noted: Mapping[str, Any], model: Any, key: str) -> None:  # noqa: ANN401
    """Refuse a model other than the one that annotated: its genes would explain nothing."""
    if model is None or not noted:
        return
    for name in ("class", "trained", "fingerprint"):
        ours, theirs = str(model.card.get(name)), str(noted.get(name))
        if ours != theirs:
            raise ValueError(
                f"The annotation under key={key!r} was made by another model than the one given: "
                f"{name} {theirs} instead of {ours}. Pass that model; or annotate again with "
                f"cc.tl.annotate(adata, model, key_added={key!r}); or pass model=None."
            )


def _evaluated_with(adata: AnnData, key: str) -> str | None:
    """Return the true labels that `evaluate` was given, if they are still there."""
    found = adata.uns.get(evaluation_key(key), {})
    name = found.get(PARAMS, {}).get("labels_key") if isinstance(found, Mapping) else None
    return str(name) if name is not None and name in adata.obs.columns else None


def _scored(adata: AnnData, labels_key: str, key: str) -> AnnData:
    """Score the cells that have a true label, in an AnnData without expression."""
    truth = adata.obs[labels_key]
    known = ~(truth.isna() | (truth.astype(str).str.strip() == "")).to_numpy(dtype=bool)
    if not known.any():
        raise LabelError(
            f"obs[{labels_key!r}] has no label for any of {adata.n_obs} cells. Name the column "
            "with the true labels, or leave labels_key out for a report without scores."
        )
    columns = list(dict.fromkeys([labels_key, key, confidence_key(key)]))
    scored = ad.AnnData(obs=adata.obs.loc[known, columns].copy(), var=adata.var[[]].copy())
    evaluate(scored, labels_key, key=key)
    return scored
