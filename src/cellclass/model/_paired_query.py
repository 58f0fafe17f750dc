"""A query of several modalities, each of which has passed its contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cellclass.model._modalities import names_of, noted, take_modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mudata import MuData

    from cellclass.contract import BoundInput, BoundProteins, GeneAliases
    from cellclass.model._multimodal import MultimodalPredictor
    from cellclass.model._protein_part import ProteinPart
    from cellclass.model._trust import Trust

# Cells with proteins only that are answered together.
_CHUNK = 4096


class Answered(NamedTuple):
    """Some cells, by what they have."""

    rows: np.ndarray
    """Positions in the MuData, `(n_rows,)`."""
    rna: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    """Model input, latent representation and logits of the RNA; `None` without it."""
    proteins: np.ndarray | None
    """Input of the proteins, `(n_rows, n_proteins)`; `None` without them."""
    empty: np.ndarray
    """Which are as good as empty, bool `(n_rows,)`."""


@dataclass(frozen=True)
class PairedQuery:
    """The modalities of a MuData as a model reads them.

    Attributes
    ----------
    n_obs
        Cells of the MuData.
    rna, rna_rows
        Its RNA, and which cell of the MuData each row is; `None` and empty without RNA.
    rna_trust
        Calibration of the RNA alone for the genes that there are.
    proteins, protein_of
        Its proteins, and which row of them each cell of the MuData is, int64 `(n_obs,)`; -1 for a
        cell without proteins, or whose proteins say nothing.
    part
        What the model makes of them; `None` where the query has none.
    """

    n_obs: int
    rna: BoundInput | None
    rna_rows: np.ndarray
    rna_trust: Trust
    proteins: BoundProteins | None
    protein_of: np.ndarray
    part: ProteinPart | None

    @classmethod
    def of(
        cls,
        model: MultimodalPredictor,
        mdata: MuData,
        layer: str | None,
        gene_aliases: GeneAliases | None,
        *,
        for_labels: bool = True,
    ) -> PairedQuery:
        """Check each modality that there is against the contract; one of the two is enough."""
        model._check_trained(for_labels=for_labels)  # noqa: SLF001
        names = names_of(model.registry["setup_args"])
        own = model._proteins  # noqa: SLF001
        rna = take_modality(mdata, names[0])
        proteins = None if own is None else take_modality(mdata, names[1])
        if rna is None and proteins is None:
            wanted = repr(names[0]) if own is None else f"{names[0]!r} nor {names[1]!r}"
            raise ValueError(
                f"The MuData has no cells in {wanted}, which the model reads, but the modalities "
                f"{', '.join(map(repr, mdata.mod))}. Name them as the reference does: "
                f"mudata.MuData({{{names[0]!r}: mdata[…]}})."
            )
        bound, trust, rows = None, model._trust, np.zeros(0, dtype=np.int64)  # noqa: SLF001
        if rna is not None:
            with noted(rna.name):
                bound = model._bind(  # noqa: SLF001
                    rna.adata, layer, gene_aliases, for_labels=for_labels
                )
            trust, rows = model._trust_for(bound), rna.rows  # noqa: SLF001
        protein_of = np.full(mdata.n_obs, -1, dtype=np.int64)
        read = None
        if own is not None and proteins is not None:
            read = own.contract.bind(proteins.adata, modality=proteins.name)
            read.warn()
            told = np.flatnonzero(read.told)
            protein_of[proteins.rows[told]] = told
            own = own.given(read)
        return cls(mdata.n_obs, bound, rows, trust, read, protein_of, own if read else None)

    def walk(self, model: MultimodalPredictor) -> Iterator[Answered]:
        """Yield cells of the same kind together: both modalities, RNA alone, proteins alone.

        A cell in whose RNA hardly a gene is expressed is answered by its proteins, if it has them.
        """
        left = self.protein_of >= 0
        if self.rna is not None:
            for found, latent, logits in model._walk(self.rna):  # noqa: SLF001
                rows = self.rna_rows[found.places]
                has_proteins = self.protein_of[rows] >= 0
                both = has_proteins & ~found.empty
                left[rows[both]] = False
                for own, with_proteins in ((both, True), (~has_proteins, False)):
                    if own.any():
                        yield Answered(
                            rows[own],
                            (found.x[own], latent[own], logits[own]),
                            self._proteins_of(rows[own]) if with_proteins else None,
                            found.empty[own],
                        )
        rows = np.flatnonzero(left)
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            yield Answered(some, None, self._proteins_of(some), np.zeros(len(some), dtype=bool))

    def _proteins_of(self, rows: np.ndarray) -> np.ndarray:
        assert self.proteins is not None  # noqa: S101 - for the type checker
        return self.proteins.x[self.protein_of[rows]]

    @property
    def known(self) -> np.ndarray:
        """Which proteins of the model there are, bool `(n_proteins,)`."""
        return np.zeros(0, dtype=bool) if self.proteins is None else self.proteins.known

    def report(self, model: MultimodalPredictor, kinds: np.ndarray) -> dict[str, Any]:
        """Say what was found and done, in types that a file can hold.

        Parameters
        ----------
        model
            The model.
        kinds
            By what each cell was answered, as `KINDS` has it, `(n_obs,)`.
        """
        report = _no_rna(model) if self.rna is None else self.rna.report()
        names = names_of(model.registry["setup_args"])
        report["source"] = str(report["source"]).replace("adata", f"mdata[{names[0]!r}]", 1)
        n_cells = np.bincount(kinds, minlength=len(KINDS))
        report |= {
            "n_obs": self.n_obs,
            **{f"n_cells_{name}": int(n) for name, n in zip(KINDS, n_cells, strict=True)},
        }
        if self.proteins is None or self.part is None:
            return report
        accuracy, error = self._expected(report, n_cells, self.part, self.proteins)
        return (
            report
            | self.proteins.report()
            | {"expected_accuracy": accuracy, "expected_accuracy_error": error}
        )

    def _expected(
        self,
        report: dict[str, Any],
        n_cells: np.ndarray,
        part: ProteinPart,
        proteins: BoundProteins,
    ) -> tuple[float, float]:
        """Accuracy to expect of all cells, from that of each kind; the largest of their errors."""
        found = {RNA_ONLY: (report["expected_accuracy"], report["expected_accuracy_error"])}
        at = 1 - float(self.known.mean()), proteins.missing_share
        for kind, curves in ((PROTEINS_ONLY, part.alone_missing), (BOTH, part.both_missing)):
            if curves is not None:
                accuracy = curves.at(*at).accuracy
                found[kind] = accuracy, curves.error(accuracy)
        there = [kind for kind in found if n_cells[kind]]
        if not there:
            return np.nan, np.nan
        mean = np.average([found[kind][0] for kind in there], weights=n_cells[there])
        return float(mean), float(max(found[kind][1] for kind in there))


#: By what a cell may be answered.
KINDS = ("rna_only", "proteins_only", "rna_and_proteins", "neither")
RNA_ONLY, PROTEINS_ONLY, BOTH, NEITHER = range(4)


def _no_rna(model: MultimodalPredictor) -> dict[str, Any]:
    """Return the RNA's part of a report where there is no RNA."""
    contract = model._contract  # noqa: SLF001
    return {
        "source": "",
        "scale": "",
        "scale_target_sum": np.nan,
        "conversion": "no RNA",
        "n_genes_expected": contract.n_genes,
        "n_genes_matched": 0,
        "n_genes_missing": contract.n_genes,
        "n_genes_extra": 0,
        "genes_missing": np.asarray(contract.model_genes.astype(str), dtype=object),
        "missing_importance": 1.0,
        "expected_accuracy": np.nan,
        "expected_accuracy_error": np.nan,
    }
