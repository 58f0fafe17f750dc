"""Prediction sets: the labels that a cell may have, at a stated coverage."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_fraction
from cellclass.model._save_load import SavedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from cellclass.contract import BoundInput, GeneAliases
    from cellclass.model._trust import Trust


class SetPredictor(SavedModel):
    """A saved model that answers with sets of labels."""

    def predict_sets(
        self,
        adata: AnnData | None = None,
        coverage: float = 0.9,
        *,
        allow_empty: bool = True,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> pd.DataFrame:
        """Give each cell the labels that it may have, so that the true one is among them.

        Split conformal prediction with a threshold for each label, learned from cells that the
        weights did not see; where several networks were trained, most of their sets decide. Of the
        cells of kinds that the reference has, a share of `coverage` has its true label in its set;
        so it is for the cells of each label, about. A set of several labels says that these cannot
        be told apart for the cell. An empty one says that no label is as likely as it usually is
        for its own cells: where nearly every best label is right, the remaining share of the cells
        gets it, and novel cells do so more often.

        Parameters
        ----------
        adata
            Query, as for `predict`. `None` for the reference.
        coverage
            Share (0–1) of the cells whose set is to hold the true label.
        allow_empty
            Whether a set may be empty. If not, the best label is in it in any case, and the
            coverage is what was asked for or more.
        layer, gene_aliases
            As for `predict`.

        Returns
        -------
        DataFrame `(n_obs, n_labels)` of bool: cells in rows, labels in columns, true where the
        label is in the set. All false for a cell with hardly an expressed gene.

        Raises
        ------
        ValueError
            `coverage` is outside (0, 1), or no cells were held out in training.
        NotTrainedError, ScaleError, ValuesError, GeneError
            As `predict`.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> sets = model.predict_sets(ref, coverage=0.8, allow_empty=False)
        >>> bool(sets.any(axis=1).all())
        True
        """
        check_fraction(coverage, "coverage")
        bound = self._bind(adata, layer, gene_aliases)
        trust = self._trust_for(bound)
        thresholds = trust.thresholds(len(self._contract.labels), coverage)
        held = np.zeros((bound.n_obs, len(self._contract.labels)), dtype=bool)
        for rows, logits in self._logits_of_networks(bound):  # (K, B, L)
            held[rows] = trust.contains(logits, thresholds)
            if not allow_empty:
                best = logits.mean(axis=0).argmax(axis=1)
                held[rows][np.arange(len(best)), best] = True
        held[bound.empty_cells()] = False
        adata = self._adata if adata is None else adata
        return pd.DataFrame(held, index=adata.obs_names, columns=list(self._contract.labels))

    @abstractmethod
    def _bind(
        self, adata: AnnData | None, layer: str | None, gene_aliases: GeneAliases | None
    ) -> BoundInput:
        """Check a query against the contract."""

    @abstractmethod
    def _trust_for(self, bound: BoundInput) -> Trust:
        """Return calibration, novelty and sets for the genes that a query has."""

    @abstractmethod
    def _logits_of_networks(self, bound: BoundInput) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield rows, and logits of each network by itself, `(n_networks, n_rows, n_labels)`."""
