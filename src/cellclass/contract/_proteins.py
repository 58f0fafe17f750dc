"""What a trained model expects of proteins, and the one way by which they get there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cellclass._checks import check_not_empty, near
from cellclass._warn import warn
from cellclass.contract._protein_names import ProteinMatch, match_proteins
from cellclass.contract._protein_scale import ProteinScale, log_counts
from cellclass.contract._rows import prepare_rows, take_rows
from cellclass.contract._source import Source, locate
from cellclass.errors import GeneError

if TYPE_CHECKING:
    from anndata import AnnData

#: Least share of what the model's proteins tell that a query must carry.
MIN_PROTEIN_SHARE = 0.2
_WARN_MISSING = 0.2
_FEWEST = 2
# Logarithms that differ by less are the same.
_SAME = 1e-6


@dataclass(frozen=True)
class BoundProteins:
    """Proteins of some cells as a model reads them.

    Attributes
    ----------
    x
        Centred log ratio of each cell, float32 `(n_obs, n_proteins)`; where a protein is missing,
        the mean of the training cells.
    known
        Which of the model's proteins there are, bool `(n_proteins,)`.
    told
        Which cells say something: not all of their proteins have the same count, bool `(n_obs,)`.
    source, scale, match
        Where they stand, which scale they are on, and which are which.
    names
        Names of the model's proteins.
    missing_share
        Share (0–1) of what the proteins tell that is missing.
    n_extra
        How many proteins of the query the model does not know.
    """

    x: np.ndarray
    known: np.ndarray
    told: np.ndarray
    source: Source
    scale: ProteinScale
    match: ProteinMatch
    names: tuple[str, ...]
    missing_share: float
    n_extra: int

    @property
    def missing(self) -> list[str]:
        """Names of the model's proteins that the query lacks."""
        return [name for name, known in zip(self.names, self.known, strict=True) if not known]

    def warn(self) -> None:
        """Warn when many of the proteins that matter are missing."""
        if self.missing_share > _WARN_MISSING:
            warn(
                f"The query lacks {len(self.missing)} of the {len(self.names)} proteins that the "
                f"model reads ({self.missing_share:.0%} of what they tell of the labels), such as "
                f"{', '.join(self.missing[:3])}. Labels are told from the others and the RNA. "
                "Check that the proteins are named alike.",
            )

    def report(self) -> dict[str, Any]:
        """Say what was found, in types that an `.h5ad` file can hold."""
        return {
            "protein_source": self.source.where,
            "protein_scale": self.scale.name,
            "protein_conversion": f"{self.scale} → centred log ratio of each cell's counts",
            "n_proteins_expected": len(self.names),
            "n_proteins_matched": int(self.known.sum()),
            "n_proteins_extra": self.n_extra,
            "proteins_missing": np.asarray(self.missing, dtype=object),
            "proteins_renamed": np.asarray(
                [f"{found} → {name}" for name, found in self.match.renamed], dtype=object
            ),
            "protein_missing_importance": self.missing_share,
        }


@dataclass(frozen=True)
class ProteinContract:
    """What a model expects of proteins: names and scale.

    Attributes
    ----------
    names
        The proteins, in the model's order.
    mean
        Mean centred log ratio of each over the training cells, which stands in for a missing one,
        float64 `(n_proteins,)`; sums to 0.
    importance
        How far apart the labels are in each: the share (0–1) of its variance that is between
        labels, `(n_proteins,)`.
    layer
        The layer of the reference's modality; `None` for `X`.
    scale
        The scale that the reference was found on.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    importance: np.ndarray
    layer: str | None
    scale: str

    @classmethod
    def of(cls, adata: AnnData, *, layer: str | None, modality: str) -> ProteinContract:
        """Take the names of a reference; `learned` completes it.

        Parameters
        ----------
        adata
            The modality.
        layer
            Where the proteins stand; `None` for `X`.
        modality
            Its name, for messages.
        """
        source, _, scale = _inspect(adata, layer, modality)
        if adata.n_vars < _FEWEST:
            raise GeneError(
                f"{source.where} has {adata.n_vars} protein: a log ratio takes two. Give more "
                "proteins, or set up the RNA alone with setup_anndata."
            )
        zeros = np.zeros(adata.n_vars)
        return cls(tuple(adata.var_names.astype(str)), zeros, zeros + 1, layer, scale.name)

    def learned(self, x: np.ndarray, codes: np.ndarray) -> ProteinContract:
        """Learn from the input `(n_obs, n_proteins)` and label codes of training cells."""
        x = x.astype(np.float64)
        means = np.stack([x[codes == k].mean(axis=0) for k in range(int(codes.max()) + 1)])
        within = ((x - means[codes]) ** 2).mean(axis=0)
        between = means[codes].var(axis=0)
        share = between / np.maximum(between + within, _SAME)
        return replace(self, mean=x.mean(axis=0), importance=share)

    def bind(self, adata: AnnData, *, layer: str | None = None, modality: str) -> BoundProteins:
        """Bring the proteins of a query to what the model reads; nothing in `adata` changes.

        The centred log ratio of a cell is that of the proteins that query and model share, so a
        cell's answer does not hang on how deeply its proteins were sequenced, nor on other cells.

        Parameters
        ----------
        adata
            The modality: counts, or log1p or a centred log ratio of counts, proteins in any order.
        layer
            Where they stand. `None`: the layer of the reference if the query has it, else `X`.
        modality
            Its name, for messages.

        Raises
        ------
        ScaleError, ValuesError
            The counts cannot be told, or values are NaN or infinite.
        GeneError
            Names are duplicated, or too few of them are the model's.
        """
        if layer is None and self.layer is not None and self.layer in adata.layers:
            layer = self.layer
        source, logs, scale = _inspect(adata, layer, modality)
        found = adata.var_names.astype(str).tolist()
        match = match_proteins(self.names, found)
        known = match.column >= 0
        share = float(self.importance[~known].sum() / max(self.importance.sum(), _SAME))
        self._check(known, share, found, source)
        own = logs[:, match.column[known]]
        x = np.tile(self.mean.astype(np.float32), (len(own), 1))
        level = (own - self.mean[known]).mean(axis=1, keepdims=True)
        x[:, known] = own - level
        return BoundProteins(
            x=x,
            known=known,
            told=np.ptp(own, axis=1) > _SAME,
            source=source,
            scale=scale,
            match=match,
            names=self.names,
            missing_share=share,
            n_extra=len(found) - int(known.sum()),
        )

    def _check(self, known: np.ndarray, share: float, found: list[str], source: Source) -> None:
        if known.sum() >= _FEWEST and 1 - share >= MIN_PROTEIN_SHARE:
            return
        missing = [name for name, there in zip(self.names, known, strict=True) if not there]
        raise GeneError(
            f"{source.where} has {int(known.sum())} of the {len(self.names)} proteins that the "
            f"model reads, which carry {1 - share:.0%} of what tells the labels apart; at least "
            f"{MIN_PROTEIN_SHARE:.0%} and {_FEWEST} proteins are needed. Missing is "
            f"{missing[0]!r}; the query's names: {near(missing[0], found)}. Name them as the "
            "reference does, or leave the modality out, and RNA alone is read."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is written as JSON."""
        return {"names": list(self.names), "layer": self.layer, "scale": self.scale}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        return {"mean": self.mean, "importance": self.importance}

    @classmethod
    def from_parts(cls, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> ProteinContract:
        """Put together what `to_dict` and `to_arrays` gave."""
        return cls(**{**fields, "names": tuple(fields["names"]), **arrays})


def _inspect(
    adata: AnnData, layer: str | None, modality: str
) -> tuple[Source, np.ndarray, ProteinScale]:
    """Find the proteins and their scale; a panel is small enough to be read whole."""
    check_not_empty(adata)
    if not adata.var_names.is_unique:
        twice = adata.var_names[adata.var_names.duplicated()].unique()
        raise GeneError(
            f"mdata[{modality!r}].var_names holds {len(twice)} duplicated protein names, such as "
            f"{twice[0]!r}. Proteins are matched by name: call "
            f"mdata[{modality!r}].var_names_make_unique(), or drop one of them."
        )
    source = locate(adata, layer)
    source = replace(source, where=source.where.replace("adata", f"mdata[{modality!r}]", 1))
    X: Any = take_rows(prepare_rows(source.matrix), slice(None))
    X = X.toarray() if sp.issparse(X) else X
    scale, logs = log_counts(X, source, pd.Index(adata.var_names.astype(str)))
    return source, logs, scale
