"""What a trained model expects of its input, and the one way by which data get there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cellclass._checks import check_not_empty, check_unique_genes, near
from cellclass.contract._bound import BoundInput, Earlier
from cellclass.contract._gene_forms import gene_namespace
from cellclass.contract._gene_names import gene_names_of, names_beside
from cellclass.contract._genes import match_genes, refuse_poor_match
from cellclass.contract._learn import learn_genes, training_gene_share
from cellclass.contract._missing_genes import MissingGenes
from cellclass.contract._refusal import require_convertible
from cellclass.contract._rows import prepare_rows
from cellclass.contract._scale import Scale, identify_scale
from cellclass.contract._source import Source, locate
from cellclass.contract._transposed import refuse_transposed
from cellclass.errors import GeneError, ScaleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from cellclass.contract._aliases import GeneAliases
    from cellclass.contract._gene_names import GeneNames

Expression = Literal["log1p_normalized", "log1p_counts"]

#: Least share of the selected genes' divergence that a query must carry.
MIN_GENE_SHARE = 0.2
_CURVE = "missing_genes."


@dataclass(frozen=True)
class InputContract:
    """What a model expects: genes, scale, labels.

    Every matrix that a model sees, in training and in prediction, passes through `bind`.

    Attributes
    ----------
    genes
        All genes of the reference, `(n_genes,)`; cell totals are taken over them.
    selected
        Places in `genes` of the genes that the model reads, in the order in which the labels bring
        them in, `(n_selected,)`.
    importance
        JS divergence of the selected genes over the training cells (nats), `(n_selected,)`.
    gene_share
        Mean share (0–1) of a training cell's counts per gene, `(n_genes,)`; sums to 1.
    fill
        Mean model input per selected gene over the training cells, which stands in for a missing
        gene, float32 `(n_selected,)`; twice as long with an earlier time point.
    labels
        The labels in the order of the model's outputs.
    layer
        The layer that the reference's expression came from; `None` for `X`.
    expression
        `log1p_normalized`: `log1p` of counts scaled to `target_sum` per cell; `log1p_counts`:
        `log1p` of the counts themselves.
    target_sum
        Counts per cell after normalisation: those of the median training cell, 10,000 at most.
        `None` for `log1p_counts`.
    scale
        The scale that the reference was found on.
    namespace
        `symbol` or `ensembl`.
    other_names
        The genes' names in the other namespace, `""` for none, `(n_genes,)`; `None` where the
        reference had none.
    missing_genes
        What missing genes cost, measured on validation cells once the model is trained.
    previous_layer
        The layer with an earlier time point of each cell, where the model reads one.
    """

    genes: pd.Index
    selected: np.ndarray
    importance: np.ndarray
    gene_share: np.ndarray
    fill: np.ndarray
    labels: tuple[str, ...]
    layer: str | None
    expression: Expression
    target_sum: float | None
    scale: str
    namespace: str
    other_names: pd.Index | None = None
    missing_genes: MissingGenes | None = None
    previous_layer: str | None = None

    @classmethod
    def learn(
        cls,
        adata: AnnData,
        *,
        layer: str | None,
        codes: np.ndarray,
        labels: tuple[str, ...],
        parts: Sequence[np.ndarray],
        n_top_genes: int | None,
        expression: Expression = "log1p_normalized",
        previous_layer: str | None = None,
    ) -> tuple[InputContract, BoundInput, np.ndarray]:
        """Learn a contract from a reference, and bind the reference to it.

        Parameters
        ----------
        adata
            The reference.
        layer
            Where its expression stands; `None` for `X`.
        codes
            Label codes, `(n_obs,)`; -1 for no label.
        labels
            Names of the codes.
        parts
            Positions of the training cells of each network that will read the contract's input.
            Each network has genes of its own, ranked on its own training cells; depth, shares and
            fill values, which know no labels, come from the training cells of any of them.
        n_top_genes
            How many genes the model reads, all networks together; `None` for all that differ
            between labels.
        expression
            What the model reads, see the class.
        previous_layer
            Layer with an earlier time point of each cell; genes are then ranked at both.

        Returns
        -------
        The contract, the reference bound to it, and the genes of each network, best first: int64
        array `(n_parts, n)` of places among the selected genes.

        Raises
        ------
        ScaleError
            The reference is on a scale that cannot be converted.
        GeneError
            Gene names are duplicated, or no gene differs between the labels.
        """
        source, X, scale = _inspect(adata, layer)
        _check_expression(expression, scale, source)
        earlier = None if previous_layer is None else _earlier(adata, previous_layer)
        times = [(X, scale)] if earlier is None else [(X, scale), earlier]
        found = learn_genes(times, codes, parts, n_labels=len(labels), n_top_genes=n_top_genes)
        order, rows = found.selected, np.unique(np.concatenate(parts))
        if order.size == 0:
            raise GeneError(
                f"No gene of {source.where} differs between the labels: the matrix is empty or "
                "constant over the training cells."
            )
        contract = cls(
            genes=pd.Index(adata.var_names.astype(str)),
            selected=order,
            importance=found.importance,
            gene_share=training_gene_share(X, scale, rows),
            fill=np.zeros(order.size * len(times), dtype=np.float32),
            labels=labels,
            layer=layer,
            expression=expression,
            target_sum=None if expression == "log1p_counts" else found.depth,
            scale=scale.name,
            namespace=gene_namespace(adata.var_names),
            other_names=gene_names_of(adata).others,
            previous_layer=previous_layer,
        )
        bound = contract._read_from(adata, source, X, scale)
        # The reference has every gene, so that what it was read with needs no fill values.
        fill = bound.mean(rows).astype(np.float32)
        return replace(contract, fill=fill), replace(bound, fill=fill), found.of_parts

    @property
    def n_genes(self) -> int:
        """How many genes the model reads."""
        return len(self.selected)

    @property
    def n_inputs(self) -> int:
        """How wide the model's input is: its genes, at one time point or two."""
        return len(self.fill)

    @property
    def model_genes(self) -> pd.Index:
        """Names of the genes that the model reads, in its order."""
        return self.genes[self.selected]

    @property
    def gene_names(self) -> GeneNames:
        """All names of the reference's genes."""
        return names_beside(self.genes, self.other_names)

    def bind(
        self,
        adata: AnnData,
        *,
        layer: str | None = None,
        gene_aliases: GeneAliases | None = None,
    ) -> BoundInput:
        """Make a query readable as the model's input; nothing in `adata` changes.

        Parameters
        ----------
        adata
            The query, on any scale that can be converted, its genes in any order.
        layer
            Where its expression stands; `"X"` for `X`. `None`: the layer of the reference if the
            query has it, else `X`.
        gene_aliases
            Old and current names of genes, for those that have been renamed.

        Raises
        ------
        ScaleError, ValuesError
            The expression is z-scored, mixed, unrecognised, NaN or infinite.
        GeneError
            The query looks transposed, gene names are duplicated, or the query lacks too many of
            the model's genes.
        """
        if layer is None and self.layer is not None and self.layer in adata.layers:
            layer = self.layer
        refuse_transposed(adata, self.model_genes)
        source, X, scale = _inspect(adata, layer)
        _check_expression(self.expression, scale, source)
        return self._read_from(adata, source, X, scale, gene_aliases)

    def _read_from(
        self,
        adata: AnnData,
        source: Source,
        X: Any,  # noqa: ANN401
        scale: Scale,
        gene_aliases: GeneAliases | None = None,
    ) -> BoundInput:
        match = match_genes(
            self.gene_names,
            self.selected,
            gene_names_of(adata),
            importance=self.importance,
            gene_share=self.gene_share,
            aliases=gene_aliases,
        )
        refuse_poor_match(match, self.selected, floor=MIN_GENE_SHARE)
        return BoundInput(
            X=X,
            source=source,
            scale=scale,
            match=match,
            fill=self.fill,
            target_sum=self.target_sum,
            model_genes=self.model_genes,
            missing_genes=self.missing_genes,
            earlier=None if self.previous_layer is None else _earlier(adata, self.previous_layer),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is written as JSON: everything but the arrays."""
        kept_apart = (*self.to_arrays(), "genes", "missing_genes", "other_names")
        fields = {name: value for name, value in vars(self).items() if name not in kept_apart}
        others = None if self.other_names is None else self.other_names.tolist()
        lists = {"labels": list(self.labels), "genes": self.genes.tolist(), "other_names": others}
        return {**fields, **lists}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by name."""
        curves = {} if self.missing_genes is None else self.missing_genes.to_arrays()
        return {
            "selected": self.selected,
            "importance": self.importance,
            "gene_share": self.gene_share,
            "fill": self.fill,
            **{_CURVE + name: values for name, values in curves.items()},
        }

    @classmethod
    def from_parts(cls, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> InputContract:
        """Put together what `to_dict` and `to_arrays` gave."""
        others = fields.get("other_names")  # older files hold one name for each gene
        lists = {
            "genes": pd.Index(fields["genes"], dtype=str),
            "labels": tuple(fields["labels"]),
            "other_names": None if others is None else pd.Index(others, dtype=object),
        }
        curves = {
            name.removeprefix(_CURVE): values
            for name, values in arrays.items()
            if name.startswith(_CURVE)
        }
        plain = {name: values for name, values in arrays.items() if not name.startswith(_CURVE)}
        missing_genes = MissingGenes.from_arrays(curves) if curves else None
        parts: dict[str, Any] = {**fields, **lists, **plain, "missing_genes": missing_genes}
        return cls(**parts)


def check_input(adata: AnnData, *, layer: str | None = None) -> Scale:
    """Check that a reference or query can be used, as far as no model is needed.

    Parameters
    ----------
    adata
        Cells × genes.
    layer
        Where the expression stands; `None` for `X`.

    Returns
    -------
    The scale that was found.

    Raises
    ------
    ScaleError, ValuesError, GeneError
        As `InputContract.bind`.
    """
    return _inspect(adata, layer)[2]


def _inspect(adata: AnnData, layer: str | None) -> tuple[Source, Any, Scale]:
    """Find the matrix and its scale; refuse what cannot be used."""
    check_not_empty(adata)
    check_unique_genes(adata)
    source = locate(adata, layer)
    X = prepare_rows(source.matrix)
    scale = identify_scale(X, var_names=adata.var_names, where=source.where)
    require_convertible(scale, source)
    return source, X, scale


def _earlier(adata: AnnData, layer: str) -> Earlier:
    """Find the layer of an earlier time point, and its scale."""
    if layer not in adata.layers:
        raise KeyError(
            f"There is no layer {layer!r}, which holds the earlier time point of each cell that "
            f"this model reads; layers: {near(layer, adata.layers)}. Put it there: counts "
            "of the same genes, a row for each cell."
        )
    _, X, scale = _inspect(adata, layer)
    return Earlier(X, scale)


def _check_expression(expression: Expression, scale: Scale, source: Source) -> None:
    if expression == "log1p_counts" and not (scale.of_counts or scale.name == "counts"):
        raise ScaleError(
            f"This model reads log1p of raw counts, and {source.where} holds {scale}: the "
            f"counts cannot be told from it exactly. Give raw counts: {source.alternatives}."
        )
