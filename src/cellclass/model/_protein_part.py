"""What a model makes of surface proteins, beside the RNA and without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from cellclass.contract import MissingGenes, ProteinContract
from cellclass.metrics import softmax
from cellclass.metrics._discriminant import Discriminant
from cellclass.metrics._novelty import conformal_pvalue
from cellclass.model._trust import Trust

if TYPE_CHECKING:
    from cellclass.contract import BoundProteins

_DISCRIMINANT = "discriminant"


class ProteinCells(NamedTuple):
    """Proteins of the labelled cells of a reference, in its order."""

    contract: ProteinContract
    """Names and scale; what is learned from training cells is still to come."""
    x: np.ndarray
    """Centred log ratios, float32 `(n_cells, n_proteins)`."""
    told: np.ndarray
    """Which cells say something, bool `(n_cells,)`."""


@dataclass(frozen=True)
class ProteinPart:
    """Discriminants on proteins, and how their answers join those of the RNA.

    A cell has one of three answers, each with a calibration of its own: RNA alone, which is that of
    the model as if there were no proteins; proteins alone; or both: the mean of the two logits,
    each over its own temperature. So each counts by how sure it may be; weights that were learned
    beside that did no better (benchmarks/citeseq.py). Temperatures are learned on cells that
    neither network nor discriminant has seen.

    Attributes
    ----------
    contract
        What is expected of the proteins.
    discriminants
        One for each network of the model, fitted to the same cells.
    alone
        Calibration, novelty and sets of cells with proteins only.
    both
        Calibration and sets of cells with both.
    surprise
        Increasing values of how unlike the training cells held-out cells with both are, see
        `surprise_of`, `(n_calibration,)`.
    alone_missing, both_missing
        What missing proteins cost; `None` where no cells were held out.
    """

    contract: ProteinContract
    discriminants: tuple[Discriminant, ...]
    alone: Trust
    both: Trust
    surprise: np.ndarray
    alone_missing: MissingGenes | None = None
    both_missing: MissingGenes | None = None

    def logits(self, x: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Logits of cells by each discriminant, float64 `(K, n_obs, n_labels)`."""
        return np.stack([one.logits(x, known) for one in self.discriminants])

    def latent(self, x: np.ndarray) -> np.ndarray:
        """Return what novelty sees beside the input: the input, once for each discriminant."""
        return np.tile(x, (1, len(self.discriminants)))

    def given(self, bound: BoundProteins) -> ProteinPart:
        """Return what fits a query that lacks proteins, as held-out cells showed."""
        if bound.known.all() or self.alone_missing is None or self.both_missing is None:
            return self
        at = 1 - float(bound.known.mean()), bound.missing_share
        joint = self.both_missing.at(*at)
        both = replace(self.both, temperature=joint.temperature, losses=joint.losses)
        return replace(self, alone=self.alone.given(self.alone_missing.at(*at)), both=both)

    def joined(self, rna: np.ndarray, proteins: np.ndarray, rna_trust: Trust) -> np.ndarray:
        """Logits by both, of those by RNA and by proteins, of any shape that is the same."""
        return mean_of(rna / rna_trust.temperature, proteins / self.alone.temperature)

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities by both, float64 `(n_obs, n_labels)`."""
        return softmax(logits, temperature=self.both.temperature)

    def pvalue(self, rna: np.ndarray, proteins: np.ndarray) -> np.ndarray:
        """Conformal p-values by both, of those by RNA and by proteins, float64 `(n_obs,)`."""
        return conformal_pvalue(surprise_of(rna, proteins), self.surprise)

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is written as JSON."""
        return {
            "contract": self.contract.to_dict(),
            "temperatures": [self.alone.temperature, self.both.temperature],
            "n_discriminants": len(self.discriminants),
        }

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, by dotted name."""
        nested = {
            "contract": self.contract.to_arrays(),
            "alone": self.alone.to_arrays(),
            "both": {} if self.both.sets is None else vars(self.both.sets),
            "alone_missing": {} if self.alone_missing is None else self.alone_missing.to_arrays(),
            "both_missing": {} if self.both_missing is None else self.both_missing.to_arrays(),
        }
        for k, one in enumerate(self.discriminants):
            nested[f"{_DISCRIMINANT}.{k}"] = one.to_arrays()
        arrays = {f"{part}.{name}": a for part, own in nested.items() for name, a in own.items()}
        return {**arrays, "surprise": self.surprise}

    @classmethod
    def from_parts(cls, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> ProteinPart:
        """Put together what `to_dict` and `to_arrays` gave."""

        def under(part: str) -> dict[str, np.ndarray]:
            head = f"{part}."
            return {k.removeprefix(head): a for k, a in arrays.items() if k.startswith(head)}

        alone, both = fields["temperatures"]
        missing = [under("alone_missing"), under("both_missing")]
        curves = [MissingGenes.from_arrays(own) if own else None for own in missing]
        numbers = range(int(fields["n_discriminants"]))
        return cls(
            contract=ProteinContract.from_parts(fields["contract"], under("contract")),
            discriminants=tuple(Discriminant(**under(f"{_DISCRIMINANT}.{k}")) for k in numbers),
            alone=Trust.from_parts(alone, under("alone.novelty"), under("alone.sets")),
            both=Trust.from_parts(both, {}, under("both")),
            surprise=arrays["surprise"],
            alone_missing=curves[0],
            both_missing=curves[1],
        )


def mean_of(rna: np.ndarray, proteins: np.ndarray) -> np.ndarray:
    """Join calibrated logits of the two, of any shape that is the same."""
    return (rna + proteins) / 2


def surprise_of(rna: np.ndarray, proteins: np.ndarray) -> np.ndarray:
    r"""Join the p-values of two modalities, `(n_obs,)` each: :math:`-\Phi^{-1}(p) - \Phi^{-1}(q)`.

    Stouffer's sum. RNA and proteins of a cell are not independent, so it is ranked among held-out
    cells and not looked up in a table.
    """
    rna, proteins = (np.minimum(p.astype(np.float64), 1 - 1e-3) for p in (rna, proteins))
    return -ndtri(rna) - ndtri(proteins)
