"""Which genes a model's answers come from."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from cellclass._checks import check_obs_key, check_whole
from cellclass.errors import LabelError
from cellclass.model._save_load import SavedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

    from cellclass.contract import BoundInput, GeneAliases

# Values of model input on the paths that go through the network together (16 MB).
_AT_ONCE = 2**22


class AttributedModel(SavedModel):
    """A model that can say which genes its answers come from."""

    @property
    @abstractmethod
    def _rna(self) -> AnnData | None:
        """The reference as an AnnData of RNA."""

    @abstractmethod
    def _bind(
        self, adata: AnnData | None, layer: str | None, gene_aliases: GeneAliases | None
    ) -> BoundInput:
        """Make a query, or the reference, readable as the model's input."""

    def get_gene_attributions(
        self,
        adata: AnnData | None = None,
        *,
        labels_key: str | None = None,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
        n_cells_per_label: int | None = 100,
        n_steps: int = 32,
        seed: int = 0,
    ) -> pd.DataFrame:
        r"""Say how much each gene adds to the answer for the cells of each label.

        Integrated gradients (Sundararajan et al. 2017), computed by Captum: the gradient of a
        label's score is integrated along the straight line from the mean training cell :math:`b`
        to the cell :math:`x`,

        .. math:: a_g = (x_g - b_g) \int_0^1 \partial_g f(b + t (x - b))\, dt,

        and averaged over the label's cells. The score :math:`f` is the label's logit over the
        temperature, less the mean of all labels': what all labels share tells none of them apart.
        The attributions of all genes add up to :math:`f(x) - f(b)`. For a linear network they are
        exact; else the integral is a Gauss–Legendre sum. A gene that the query lacks has 0.

        An attribution says what this model makes of a gene. Genes that vary together share it
        between them in a way that differs from one training to the next:
        :func:`cellclass.metrics.attribution_stability` says how much.

        Needs `pip install 'cellclass[attribution]'`.

        Parameters
        ----------
        adata
            Cells on any scale that can be converted. `None` for the reference.
        labels_key
            Column of `obs` with the labels of the cells; cells of other labels than the model's are
            left out. `None`: the labels that the reference was registered with; for other cells,
            those that the model gives.
        layer, gene_aliases
            As in `predict`.
        n_cells_per_label
            At most so many cells of each label, drawn at random; `None` for all.
        n_steps
            Places on the line where the gradient is taken.
        seed
            Of the cells that are drawn.

        Returns
        -------
        DataFrame `(n_genes, n_labels)` of float32, nats: the model's genes in rows, in its order;
        labels in columns. NaN for a label without cells. `attrs["n_cells"]` has the cells of each
        label that were used.

        Raises
        ------
        NotTrainedError
            `train` has not been called.
        KeyError
            `labels_key` is not a column of `obs`.
        LabelError
            No cell has a label of the model.
        ValueError
            `n_cells_per_label` or `n_steps` is no whole number from 1 on.
        ScaleError, ValuesError, GeneError
            The cells cannot be brought to what the model expects.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(100, 50, n_labels=2)
        >>> cc.model.CellClassifierMLP.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellClassifierMLP(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> model.get_gene_attributions().shape  # genes, labels
        (50, 2)
        """
        if n_cells_per_label is not None:
            check_whole(n_cells_per_label, "n_cells_per_label", 1)
        check_whole(n_steps, "n_steps", 1)
        bound = self._bind(adata, layer, gene_aliases)
        if adata is None:
            adata, of_reference = self._rna, self.registry["setup_args"]["labels_key"]
            labels_key = labels_key or of_reference
        codes = self._codes(adata, bound, labels_key)
        rows = _drawn(codes, n_cells_per_label, seed)
        if rows.size == 0:
            raise LabelError(
                f"No cell has a label of the model: obs[{labels_key!r}] holds none of "
                f"{', '.join(self._contract.labels[:5])}. Leave labels_key out for the labels that "
                "the model gives."
                if labels_key is not None
                else "Every cell is empty: there is nothing to explain."
            )
        found = self._attributed(bound.read(rows), codes[rows], n_steps=n_steps)
        labels = self._contract.labels
        n_cells = np.bincount(codes[rows], minlength=len(labels))
        sums = np.zeros((len(labels), found.shape[1]))
        np.add.at(sums, codes[rows], found)
        with np.errstate(invalid="ignore"):
            mean = (sums / n_cells[:, None]).astype(np.float32)
        genes = self._contract.model_genes
        if len(genes) < found.shape[1]:
            genes = genes.append(genes + " (previous)")
        frame = pd.DataFrame(mean.T, index=genes, columns=list(labels))
        frame.attrs["n_cells"] = {k: int(n) for k, n in zip(labels, n_cells, strict=True)}
        return frame

    def _attributed(self, x: np.ndarray, codes: np.ndarray, *, n_steps: int) -> np.ndarray:
        """Attribute each cell's score of its label to its input, float32 `(n_cells, n_inputs)`."""
        return integrated_gradients(
            self._score,
            x,
            codes,
            baseline=self._contract.fill,
            n_steps=n_steps,
            device=self.module.device,
        )

    def _score(self, x: torch.Tensor) -> torch.Tensor:
        """Calibrated logits of the labels, less their mean, `(B, L)`."""
        logits = self.module(x) / self._trust.temperature
        return logits - logits.mean(dim=1, keepdim=True)

    def _codes(self, adata: AnnData, bound: BoundInput, labels_key: str | None) -> np.ndarray:
        """Return the label of each cell, -1 for none."""
        if labels_key is not None:
            check_obs_key(adata, labels_key, "labels_key")
            labels = pd.Index(self._contract.labels)
            return labels.get_indexer(adata.obs[labels_key].astype(str))
        self.module.eval()
        codes = np.full(bound.n_obs, -1)
        with torch.inference_mode():
            for rows, x in bound.chunks():
                scores = self._score(torch.from_numpy(x).to(self.module.device))
                codes[rows] = scores.argmax(dim=1).cpu().numpy()
        codes[bound.empty_cells()] = -1
        return codes


def integrated_gradients(
    score: Callable[[torch.Tensor], torch.Tensor],
    x: np.ndarray,
    codes: np.ndarray,
    *,
    baseline: np.ndarray,
    n_steps: int,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Attribute each cell's score of its label to its genes, float32 `(n_cells, n_genes)`.

    Parameters
    ----------
    score
        Scores of all labels `(B, L)` for model input `(B, G)`.
    x
        Model input, float32 `(n_cells, n_genes)`.
    codes
        Label of each cell, `(n_cells,)`.
    baseline
        Where the line to each cell begins, float32 `(n_genes,)`.
    n_steps
        Places on that line.
    device
        Where the network is.
    """
    start = torch.from_numpy(baseline).to(device)[None]
    n_cells = max(1, _AT_ONCE // (x.shape[1] * n_steps))
    out = np.empty_like(x)
    for first in range(0, len(x), n_cells):
        part = slice(first, first + n_cells)
        found = captum_gradients(
            score, torch.from_numpy(x[part]).to(device), start, (), codes[part], n_steps=n_steps
        )
        out[part] = found.detach().cpu().numpy()
    return out


def captum_gradients(
    score: Callable[..., torch.Tensor],
    x: torch.Tensor,
    baseline: torch.Tensor,
    others: tuple[torch.Tensor, ...],
    codes: np.ndarray,
    *,
    n_steps: int,
    at_once: int | None = None,
) -> torch.Tensor:
    """Integrated gradients of each cell's score of its label, of the shape of `x`.

    Parameters
    ----------
    score
        Scores of all labels `(B, L)` for input `(B, …)`, and `others`.
    x, baseline
        Where the lines end and begin.
    others
        What else the score takes, along all of the line.
    codes
        Label of each cell, `(B,)`.
    n_steps
        Places on the line.
    at_once
        How many of them go through the network together; `None` for all.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        error.add_note("pip install 'cellclass[attribution]'")
        raise
    return IntegratedGradients(score).attribute(
        x,
        baselines=baseline,
        target=torch.from_numpy(codes).to(x.device),
        additional_forward_args=others or None,
        n_steps=n_steps,
        internal_batch_size=at_once,
    )


def _drawn(codes: np.ndarray, n_per_label: int | None, seed: int) -> np.ndarray:
    """Return positions of the cells to use, increasing."""
    order = np.random.default_rng(seed).permutation(len(codes))
    kept = [order[codes[order] == code][:n_per_label] for code in np.unique(codes[codes >= 0])]
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, dtype=np.int64)
