"""What a trained classifier says of cells."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from threadpoolctl import ThreadpoolController

from cellclass._checks import check_anndata, is_mudata
from cellclass._keys import UNASSIGNED
from cellclass.contract import ahead
from cellclass.errors import NotTrainedError
from cellclass.model._attribution import AttributedModel
from cellclass.model._modalities import rna_reference
from cellclass.model._scores import CellScores, ScoredPart
from cellclass.model._sets import SetPredictor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from cellclass.contract import BoundInput, GeneAliases, ReadCells
    from cellclass.model._trust import Trust

# Cells that go through the network together outside training.
_CHUNK = 4096
#: The libraries that multiply matrices; which there are is looked up once.
blas = cache(ThreadpoolController)


class Predictor(SetPredictor, AttributedModel):
    """A saved model that labels cells; every answer passes the input contract."""

    def predict(
        self,
        adata: AnnData | None = None,
        soft: bool = False,  # noqa: FBT001, FBT002 - the second argument in scvi-tools too
        *,
        reject_rate: float | None = None,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> np.ndarray | pd.DataFrame:
        """Label cells.

        Parameters
        ----------
        adata
            Query on any scale that can be converted, genes in any order; it needs no labels and
            is not changed. `None` for the reference. Or a MuData, each cell of which is answered by
            the modalities that it has and the model was set up with, or by its RNA.
        soft
            Whether to return the probability of every label instead of the best label.
        reject_rate
            Share (0–1) of cells like the training cells that may go without a label, so that
            novel ones do; `None` gives every cell one that expresses genes.
        layer
            Where the query's expression stands; `"X"` for `X`. `None`: the reference's layer if
            the query has it, else `X`.
        gene_aliases
            Old and current names of genes, for those that have been renamed: a mapping, or a data
            frame with the columns `alias` and `symbol`.

        Returns
        -------
        Labels, str array `(n_obs,)`, `"unassigned"` for a cell with hardly an expressed gene, or
        with a novelty p-value up to `reject_rate`; with `soft`, calibrated probabilities as a
        float32 DataFrame `(n_obs, n_labels)` whose rows sum to 1, cells in rows and labels in
        columns.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        ScaleError, ValuesError, GeneError
            The query cannot be brought to what the model expects.
        ValueError
            `reject_rate` is outside (0, 1), or too few cells were held out for it.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> labels = model.predict(ref)
        >>> probability = model.predict(ref, soft=True)
        >>> bool((probability.idxmax(axis=1) == labels).all())
        True
        """
        scores = self.score_cells(adata, layer=layer, gene_aliases=gene_aliases)
        left_out = scores.unassigned(reject_rate)
        if not soft:
            return np.where(left_out, UNASSIGNED, np.asarray(self.labels)[scores.codes])
        adata = self._adata if adata is None else adata
        return pd.DataFrame(scores.probability, index=adata.obs_names, columns=list(self.labels))

    def score_cells(
        self,
        adata: AnnData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> CellScores:
        """Give probabilities, novelty and the contract's report for each cell of a query.

        Takes and raises what `predict` does.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> scores = model.score_cells(ref)
        >>> scores.confidence.shape, scores.novelty_pvalue.shape
        ((100,), (100,))
        """
        bound = self._bind(adata, layer, gene_aliases)
        probability = np.empty((bound.n_obs, len(self.labels)), dtype=np.float32)
        pvalue = np.empty(bound.n_obs, dtype=np.float32)
        empty = np.empty(bound.n_obs, dtype=bool)
        for part in self.score_parts(bound):
            probability[part.rows] = part.probability
            pvalue[part.rows] = part.novelty_pvalue
            empty[part.rows] = part.empty
        scores = CellScores(
            labels=self.labels,
            probability=probability,
            novelty_pvalue=pvalue,
            empty=empty,
            report=bound.report(),
            n_calibration=self._trust_for(bound).n_calibration,
        )
        return scores.judged()

    def score_parts(self, bound: BoundInput, *, first: int = 0) -> Iterator[ScoredPart]:
        """Give probabilities and novelty of a few thousand cells at a time, in their order.

        Parameters
        ----------
        bound
            A query that the model's contract has passed.
        first
            The cell to begin with.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> bound = model.contract.bind(ref)
        >>> [part.rows for part in model.score_parts(bound)]
        [slice(0, 100, None)]
        """
        trust = self._trust_for(bound)
        for found, latent, logits in self._walk(bound, first):
            with blas().limit(limits=1, user_api="blas"):  # the other cores have their work
                probability, pvalue = trust.probability(logits), trust.pvalue(latent, found.x)
            yield ScoredPart(
                rows=slice(first + found.places.start, first + found.places.stop),
                probability=probability.astype(np.float32),
                novelty_pvalue=pvalue.astype(np.float32),
                empty=found.empty,
            )

    def _walk(
        self, bound: BoundInput, first: int = 0
    ) -> Iterator[tuple[ReadCells, np.ndarray, np.ndarray]]:
        """Yield some cells at a time, their latent representation and their logits.

        While the caller works on them, the next ones go through the network, and those after are
        read.
        """
        cells = bound.cells(np.arange(first, bound.n_obs))
        yield from ahead((found, *self._forward(found.x)) for found in cells)

    def get_latent_representation(
        self,
        adata: AnnData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> np.ndarray:
        """Return what the last layer of the deep path reads, float32 `(n_obs, n_hidden)`.

        Where several networks were trained, theirs stand side by side.

        Takes and raises what `predict` does.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> model.get_latent_representation(ref).shape
        (100, 128)
        """
        bound = self._bind(adata, layer, gene_aliases, for_labels=False)
        return np.concatenate([self._forward(x)[0] for _, x in bound.chunks()])

    def _bind(
        self,
        adata: AnnData | None,
        layer: str | None,
        gene_aliases: GeneAliases | None,
        *,
        for_labels: bool = True,
    ) -> BoundInput:
        self._check_trained(for_labels=for_labels)
        if adata is not None:
            check_anndata(adata)
            bound = self._contract.bind(adata, layer=layer, gene_aliases=gene_aliases)
            bound.warn()
            return bound
        if self._adata is None:
            raise ValueError(
                "The model was loaded from files and has no reference of its own: pass the cells, "
                "model.predict(adata)."
            )
        return self._contract.bind(self._rna, layer=layer or self._contract.layer)

    def _check_trained(self, *, for_labels: bool = True) -> None:
        pretrained = "pretraining" in self._card or "pretrained_genes" in self._card
        if not self.is_trained and (for_labels or not pretrained):
            what = "pre-trained, but knows no labels yet" if pretrained else "not trained"
            raise NotTrainedError(
                f"The model is {what}: its answers would be noise. Call model.train() first."
            )

    @property
    def _rna(self) -> AnnData | None:
        """The reference as an AnnData of RNA."""
        if not is_mudata(self._adata):
            return self._adata
        return rna_reference(self._adata, self.registry["setup_args"])

    def _trust_for(self, bound: BoundInput) -> Trust:
        return self._trust.given(bound.expected() if bound.match.missing.size else None)

    def _logits_of_networks(self, bound: BoundInput) -> Iterator[tuple[slice, np.ndarray]]:
        for rows, x in bound.chunks():
            yield rows, self._logits_by_network(x)

    def _logits_by_network(self, x: np.ndarray, whole: np.ndarray | None = None) -> np.ndarray:
        """Logits of each network, `(K, n_rows, n_labels)`; of one, `whole` where it is known."""
        networks = self._networks
        if len(networks) == 1:
            return (self._forward(x)[1] if whole is None else whole)[None]
        genes = self.module.genes_of_parts.cpu().numpy()
        pairs = zip(networks, genes, strict=True)
        return np.stack([self._forward(x[:, own], network)[1] for network, own in pairs])

    def _forward(
        self,
        x: np.ndarray,
        network: Any = None,  # noqa: ANN401 - any of the networks
    ) -> tuple[np.ndarray, np.ndarray]:
        """Latent representation and logits of input, by the model's network or one of its parts."""
        network = self.module if network is None else network
        network.eval()
        device = self.module.device
        parts = [x[start : start + _CHUNK] for start in range(0, len(x), _CHUNK)] or [x]
        with torch.inference_mode():
            inputs = [torch.from_numpy(part).to(device) for part in parts]
            latent = [network.embed(part) for part in inputs]
            logits = [network.classify(*pair) for pair in zip(latent, inputs, strict=True)]
        return (
            torch.cat(latent).float().cpu().numpy(),
            torch.cat(logits).float().cpu().numpy(),
        )
