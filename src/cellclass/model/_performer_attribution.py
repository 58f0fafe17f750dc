"""Which genes a transformer's answers come from: through its embedded tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from cellclass.model._attribution import AttributedModel, captum_gradients, integrated_gradients
from cellclass.module import attention_rollout

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from cellclass.contract import GeneAliases
    from cellclass.module import Performer

# Numbers of embedded tokens on the paths that go through the network together (64 MB).
_AT_ONCE = 2**24


class PerformerAttribution(AttributedModel):
    """Attributions of a model whose input becomes tokens before it becomes numbers."""

    module: Performer

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
        method: Literal["integrated_gradients", "rollout"] = "integrated_gradients",
    ) -> pd.DataFrame:
        """Say how much each gene adds to the answer for the cells of each label.

        Which genes are tokens changes in jumps, where no gradient sees it. So integrated gradients
        are taken along the line of the *embedded* tokens, from those of the same genes with the
        value 0 (with ranks: of the mean gene) to those of the cell, and summed over the width of
        each token; those of the shallow paths are added, along the line from the mean training
        cell. All of a cell's attributions add up to its score less that of both beginnings.

        `rollout` is weaker evidence: how much of each token reaches what is pooled if attention
        alone moved anything (Abnar & Zuidema 2020), from the random features' own attention
        (multiplied out by a one-hot matrix of values). It knows no labels, no signs and no shallow
        paths, and has been found to say little about what an answer rests on: read it as a
        description of the attention.

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
        method
            `integrated_gradients`, or `rollout`.

        Returns
        -------
        DataFrame `(n_genes, n_labels)` of float32, nats (`rollout`: shares): the model's genes in
        rows, in its order; labels in columns. With a previous time point its genes follow as
        `"<gene> (previous)"`. NaN for a label without cells. `attrs["n_cells"]` has the cells of
        each label that were used, `attrs["method"]` the method.

        Raises
        ------
        NotTrainedError, KeyError, LabelError, ScaleError, ValuesError, GeneError
            As for the other models.
        ValueError
            `method` is neither of the two.

        Examples
        --------
        >>> import cellclass as cc
        >>> ref = cc.datasets.simulate_counts(60, 40, n_labels=2)
        >>> cc.model.CellPerformer.setup_anndata(ref, labels_key="cell_type")
        >>> model = cc.model.CellPerformer(ref, validation_size=0.2)
        >>> model.train(max_epochs=1, enable_progress_bar=False)
        >>> found = model.get_gene_attributions(n_cells_per_label=3, n_steps=4)
        >>> found.shape, found.attrs["method"]
        ((40, 2), 'integrated_gradients')
        """
        if method not in ("integrated_gradients", "rollout"):
            raise ValueError(f"method={method!r}; there are 'integrated_gradients' and 'rollout'.")
        self._method = method
        found = super().get_gene_attributions(
            adata,
            labels_key=labels_key,
            layer=layer,
            gene_aliases=gene_aliases,
            n_cells_per_label=n_cells_per_label,
            n_steps=n_steps,
            seed=seed,
        )
        found.attrs["method"] = method
        return found

    def _attributed(self, x: np.ndarray, codes: np.ndarray, *, n_steps: int) -> np.ndarray:
        self.module.eval()
        rows = range(len(x))
        if self._method == "rollout":
            return np.stack([self._rolled_out(x[row : row + 1]) for row in rows])
        found = np.concatenate(
            [self._of_tokens(x[row : row + 1], codes[row : row + 1], n_steps) for row in rows]
        )
        if self.module.linear is not None:
            found += integrated_gradients(
                self._shallow_score,
                x,
                codes,
                baseline=self._contract.fill,
                n_steps=n_steps,
                device=self.module.device,
            )
        return found

    def _deep_score(self, x: torch.Tensor, mask: torch.Tensor, genes: torch.Tensor) -> torch.Tensor:
        """Return the transformer's share of the score, of embedded tokens: `(B, L)`."""
        logits = self.module.deep_logits(self.module.encode(x, mask, genes))
        return self._centred(self.module.path_weights[0] * logits)

    def _shallow_score(self, x: torch.Tensor) -> torch.Tensor:
        """Return the shallow paths' share of the score: `(B, L)`."""
        module: Any = self.module
        linear, prototypes = module.linear(x), module.prototypes(module.standardised(x))
        return self._centred(module.path_weights[1] * linear + module.path_weights[2] * prototypes)

    def _centred(self, logits: torch.Tensor) -> torch.Tensor:
        logits = logits / self._trust.temperature
        return logits - logits.mean(dim=1, keepdim=True)

    def _of_tokens(self, x: np.ndarray, codes: np.ndarray, n_steps: int) -> np.ndarray:
        """Attribute the deep score of a cell to the input `(1, n_inputs)`."""
        device, embedding = self.module.device, self.module.tokens
        with torch.inference_mode():
            tokens = embedding.choose(torch.from_numpy(x).to(device))
            whole, mask = embedding(tokens)
            start = embedding.without_values(tokens)
        # Out of inference mode, which captum's gradients cannot go through.
        whole, start, mask, genes = (t.clone() for t in (whole, start, mask, tokens.genes))
        most = max(1, _AT_ONCE // (whole.shape[1] * whole.shape[2] * n_steps))
        found = captum_gradients(
            self._deep_score, whole, start, (mask, genes), codes, n_steps=n_steps, at_once=most
        )
        return self._by_input(found.sum(dim=-1), tokens, x.shape[1])  # (B, 1 + T)

    def _rolled_out(self, x: np.ndarray) -> np.ndarray:
        embedding = self.module.tokens
        with torch.inference_mode():
            tokens = embedding.choose(torch.from_numpy(x).to(self.module.device))
            seen = attention_rollout(self.module.encoder, *embedding(tokens))  # (T', T')
        pooled = seen[:1] if self.module.pooling == "cls" else seen.mean(dim=0, keepdim=True)
        return self._by_input(pooled, tokens, x.shape[1])[0]

    def _by_input(self, found: torch.Tensor, tokens: Any, n_inputs: int) -> np.ndarray:  # noqa: ANN401
        """Bring numbers of `<CLS>`, tokens and `<SEP>` `(B, T')` to their genes `(B, G)`."""
        n, place = tokens.n_current, tokens.genes
        own = found[:, 1:]
        if self.module.tokens.previous:
            own = torch.cat([own[:, :n], own[:, n + 1 :]], dim=1)  # without <SEP>
            place = torch.cat([place[:, :n], place[:, n:] + self.module.n_genes], dim=1)
        own = torch.where(tokens.mask, own, 0.0)
        out = own.new_zeros(len(own), n_inputs)
        return out.scatter_add(1, place, own).detach().cpu().numpy()
