"""Answers to a MuData: by RNA and proteins together, or by the one that a cell has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cellclass._checks import check_fraction, is_mudata
from cellclass.model._paired_answers import (
    answer,
    kind_of,
    logits_of_networks,
    n_calibration_of,
    trust_of,
)
from cellclass.model._paired_query import NEITHER, PairedQuery
from cellclass.model._predictor import Predictor, blas
from cellclass.model._scores import CellScores
from cellclass.model._setup_mudata import register_mudata

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from cellclass.contract import GeneAliases


class MultimodalPredictor(Predictor):
    """A model of RNA that may have learned from surface proteins, too.

    What it says of an AnnData is what it would say without them.
    """

    @classmethod
    def setup_mudata(
        cls,
        mdata: MuData,
        labels_key: str,
        rna_layer: str | None = None,
        protein_layer: str | None = None,
        batch_key: str | None = None,
        unlabeled_category: str | None = None,
        modalities: dict[str, str] | None = None,
        **kwargs: Any,  # noqa: ANN401 - scvi-tools passes its own through
    ) -> None:
        """Register a labelled reference of RNA and surface proteins, such as CITE-seq gives.

        The RNA is learned from as `setup_anndata` has it learned from, and answers a query of RNA
        alone in the same way. As in scvi-tools, this writes `obs["_scvi_labels"]` and
        `obs["_scvi_batch"]`, where the labels and batches stand, and two identifiers in `uns`.

        Parameters
        ----------
        mdata
            Reference whose cells are all in both modalities. RNA on any scale that `setup_anndata`
            takes; proteins as counts, or as log1p or a centred log ratio of counts.
        labels_key
            Column of `mdata.obs` with one label per cell.
        rna_layer, protein_layer
            Layers of the two modalities, with counts for preference; `None` for `X`.
        batch_key
            Column of `mdata.obs` with the technical batch.
        unlabeled_category
            Label that means "no label given"; its cells are not trained on.
        modalities
            Which modality each argument stands in, `{"rna_layer": "rna", "protein_layer": "prot"}`,
            as in scvi-tools. `"labels_key"` and `"batch_key"` may be named, too, where these
            columns stand in the `obs` of a modality. Without `"protein_layer"` the RNA is read
            alone.

        Raises
        ------
        KeyError
            A column, a layer or a modality does not exist.
        ValueError
            Cells of the reference are in one of the modalities only, or `modalities` names none.
        LabelError
            A label is missing or empty, or fewer than two labels have cells.
        ScaleError, ValuesError
            RNA or proteins are on a scale that cannot be undone, or are NaN or infinite.
        GeneError
            Names of genes or proteins are duplicated.

        Examples
        --------
        >>> import warnings
        >>> from mudata import MuData
        >>> import cellclass as cc
        >>> rna = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> prot = cc.datasets.simulate_counts(100, 10, n_labels=2, n_markers=2)
        >>> prot.var_names = [f"protein_{i}" for i in range(10)]
        >>> with warnings.catch_warnings(action="ignore"):  # of its next release
        ...     mdata = MuData({"rna": rna, "prot": prot})
        >>> mdata.obs["cell_type"] = rna.obs["cell_type"]
        >>> cc.model.CellClassifierMLP.setup_mudata(
        ...     mdata,
        ...     labels_key="cell_type",
        ...     modalities={"rna_layer": "rna", "protein_layer": "prot"},
        ... )
        >>> cc.model.CellClassifierMLP(mdata, validation_size=0.2).labels
        ('type_0', 'type_1')
        """
        arguments = cls._get_setup_method_args(
            cls=cls,
            mdata=mdata,
            labels_key=labels_key,
            rna_layer=rna_layer,
            protein_layer=protein_layer,
            batch_key=batch_key,
            unlabeled_category=unlabeled_category,
            modalities=modalities,
        )
        cls.register_manager(register_mudata(mdata, arguments, **kwargs))

    def score_cells(
        self,
        adata: AnnData | MuData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> CellScores:
        """Give probabilities, novelty and the contract's report for each cell of a query.

        Takes and raises what `predict` does. Of a MuData, a cell is answered by RNA and proteins
        together, or by the one that it has.
        """
        mdata: Any = self._adata if adata is None else adata
        if not is_mudata(mdata):
            return super().score_cells(adata, layer=layer, gene_aliases=gene_aliases)
        query = PairedQuery.of(self, mdata, layer, gene_aliases)
        n_labels = len(self.labels)
        probability = np.full((query.n_obs, n_labels), 1 / n_labels, dtype=np.float32)
        pvalue = np.full(query.n_obs, np.nan, dtype=np.float32)
        kinds = np.full(query.n_obs, NEITHER)
        for found in query.walk(self):
            with blas().limit(limits=1, user_api="blas"):  # as where there is RNA alone
                probability[found.rows], pvalue[found.rows] = answer(found, query)
            kinds[found.rows] = np.where(found.empty, NEITHER, kind_of(found))
        there = np.unique(kinds[kinds != NEITHER])
        scores = CellScores(
            labels=self.labels,
            probability=probability,
            novelty_pvalue=pvalue,
            empty=kinds == NEITHER,
            report=query.report(self, kinds),
            n_calibration=min((n_calibration_of(query, kind) for kind in there), default=0),
        )
        return scores.judged()

    def predict_sets(
        self,
        adata: AnnData | MuData | None = None,
        coverage: float = 0.9,
        *,
        allow_empty: bool = True,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> pd.DataFrame:
        mdata: Any = self._adata if adata is None else adata
        if not is_mudata(mdata):
            return super().predict_sets(
                adata, coverage, allow_empty=allow_empty, layer=layer, gene_aliases=gene_aliases
            )
        check_fraction(coverage, "coverage")
        query = PairedQuery.of(self, mdata, layer, gene_aliases)
        n_labels = len(self.labels)
        held = np.zeros((query.n_obs, n_labels), dtype=bool)
        thresholds: dict[int, np.ndarray] = {}
        for found in query.walk(self):
            kind = kind_of(found)
            trust = trust_of(query, kind)
            if kind not in thresholds:
                thresholds[kind] = trust.thresholds(n_labels, coverage)
            logits = logits_of_networks(found, query, self._logits_by_network)
            own = trust.contains(logits, thresholds[kind])
            if not allow_empty:
                own[np.arange(len(own)), logits.mean(axis=0).argmax(axis=1)] = True
            own[found.empty] = False
            held[found.rows] = own
        return pd.DataFrame(held, index=mdata.obs_names, columns=list(self.labels))

    def get_latent_representation(
        self,
        adata: AnnData | MuData | None = None,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> np.ndarray:
        mdata: Any = self._adata if adata is None else adata
        if not is_mudata(mdata):
            return super().get_latent_representation(adata, layer=layer, gene_aliases=gene_aliases)
        query = PairedQuery.of(self, mdata, layer, gene_aliases, for_labels=False)
        parts = []
        if query.rna is not None:
            latent = np.concatenate([self._forward(x)[0] for _, x in query.rna.chunks()])
            parts.append(np.full((query.n_obs, latent.shape[1]), np.nan, dtype=np.float32))
            parts[-1][query.rna_rows] = latent
        if query.proteins is not None:
            have = query.protein_of >= 0
            parts.append(np.full((query.n_obs, len(query.known)), np.nan, dtype=np.float32))
            parts[-1][have] = query.proteins.x[query.protein_of[have]]
        return np.hstack(parts)
