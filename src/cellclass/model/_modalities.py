"""The modalities of a MuData as AnnData, and which cells are in which."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from cellclass._checks import is_mudata, near
from cellclass._keys import colors_key
from cellclass.contract import ProteinContract
from cellclass.errors import CellclassError
from cellclass.model._protein_part import ProteinCells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mudata import MuData

#: The modality that a model of RNA alone reads in a MuData, by the custom of muon.
RNA = "rna"
#: Arguments of `setup_mudata` that stand in some modality, or in the MuData itself.
ARGUMENTS = ("rna_layer", "protein_layer", "labels_key", "batch_key")


class Modality(NamedTuple):
    """One modality of a MuData."""

    name: str
    adata: AnnData
    rows: np.ndarray
    """Position in the MuData of each of its cells, int64 `(n_obs,)`."""


def take_modality(mdata: MuData, name: str | None) -> Modality | None:
    """Return a modality and where its cells stand; `None` where there is none, or it is empty."""
    if name is None or name not in mdata.mod or mdata.mod[name].n_obs == 0:
        return None
    if getattr(mdata, "axis", 0) != 0:
        raise ValueError(
            f"The modalities of this MuData share genes, not cells (axis={mdata.axis}). Make one "
            "whose modalities are measured on the same cells: mudata.MuData({…}, axis=0)."
        )
    adata = mdata.mod[name]
    places = np.asarray(mdata.obsmap[name]).ravel().astype(np.int64)  # 0 for none, else from 1 on
    there = np.flatnonzero(places)
    rows = np.full(adata.n_obs, -1, dtype=np.int64)
    if len(there) == adata.n_obs and places.max() <= adata.n_obs:
        rows[places[there] - 1] = there
    if (rows < 0).any() or (mdata.obs_names[rows] != adata.obs_names).any():
        raise ValueError(
            f"The cells of mdata[{name!r}] are not those that the MuData knows of: the modality "
            "was changed since. Call mdata.update()."
        )
    return Modality(name, adata, rows)


def names_of(setup: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the names of the RNA and the protein modality that a model was set up with."""
    modalities = setup.get("modalities") or {}
    return modalities.get("rna_layer", RNA), modalities.get("protein_layer")


def check_modalities(mdata: MuData, modalities: Mapping[str, str] | None) -> dict[str, str]:
    """Return the mapping of `setup_mudata`, or say what is wrong with it."""
    there = ", ".join(map(repr, mdata.mod))
    example = 'modalities={"rna_layer": "rna", "protein_layer": "prot"}'
    if not modalities or "rna_layer" not in modalities:
        raise ValueError(
            "Say which modality is the RNA, and which the proteins, by the argument that says "
            f"where they stand: {example}. This MuData has {there}."
        )
    unknown = sorted(set(modalities) - set(ARGUMENTS))
    if unknown:
        raise ValueError(
            f"modalities: {unknown[0]!r} is none of {', '.join(map(repr, ARGUMENTS))}, the "
            f"arguments that may stand in a modality: {example}."
        )
    for argument, name in modalities.items():
        if name not in mdata.mod:
            raise KeyError(
                f"modalities[{argument!r}]={name!r} is no modality of the MuData: "
                f"{near(str(name), mdata.mod)}."
            )
    if modalities.get("protein_layer") == modalities["rna_layer"]:
        raise ValueError(
            f"modalities name {modalities['rna_layer']!r} for both RNA and proteins: {example}."
        )
    return {argument: str(name) for argument, name in modalities.items()}


def rna_reference(mdata: MuData, setup: Mapping[str, Any]) -> AnnData:
    """Return the RNA of a paired MuData as a reference: its cells in the order of the MuData.

    Matrices are not copied. `obs` holds the columns that `setup_mudata` was told of, from wherever
    they stand.
    """
    rna = paired(mdata, names_of(setup)[0])
    columns: dict[str, pd.Series] = {}
    uns: dict[str, Any] = {}
    for argument in ("labels_key", "batch_key"):
        key = setup[argument]
        if key is not None:
            holder = _holder(mdata, setup["modalities"], argument, key)
            columns[key] = holder.obs.loc[mdata.obs_names, key]
            if colors_key(key) in holder.uns:
                uns[colors_key(key)] = holder.uns[colors_key(key)]
    return AnnData(
        X=rna.X,
        layers={name: matrix for name, matrix in rna.layers.items() if name is not None},
        obs=pd.DataFrame(columns, index=mdata.obs_names),
        var=rna.var,
        uns=uns,
    )


def protein_cells(
    adata: AnnData | MuData | None, setup: Mapping[str, Any], cells: np.ndarray
) -> ProteinCells | None:
    """Return the proteins of the labelled cells of a reference; `None` where it has none.

    Parameters
    ----------
    adata
        The reference.
    setup
        What it was set up with.
    cells
        Positions of the labelled cells, increasing.
    """
    name = names_of(setup)[1]
    if not is_mudata(adata) or name is None:
        return None
    found, layer = paired(adata, name), setup["protein_layer"]
    contract = ProteinContract.of(found, layer=layer, modality=name)
    bound = contract.bind(found, layer=layer or "X", modality=name)
    return ProteinCells(contract, bound.x[cells], bound.told[cells])


def paired(mdata: MuData, name: str) -> AnnData:
    """Return a modality that has every cell of a reference, in the order of the MuData."""
    found = take_modality(mdata, name)
    if found is None or len(found.rows) < mdata.n_obs:
        n = 0 if found is None else len(found.rows)
        raise ValueError(
            f"mdata[{name!r}] has {n} of the {mdata.n_obs} cells. A reference needs every cell in "
            "RNA and proteins (a query does not): keep those in both with "
            "muon.pp.intersect_obs(mdata)."
        )
    order = np.argsort(found.rows)
    return found.adata if (np.diff(found.rows) == 1).all() else found.adata[order]


def _holder(mdata: MuData, modalities: Mapping[str, str], argument: str, key: str) -> Any:  # noqa: ANN401
    """Return the MuData or the modality in whose `obs` a column stands."""
    name = modalities.get(argument)
    holder = mdata if name is None else mdata.mod[name]
    if key in holder.obs.columns:
        return holder
    where = "mdata" if name is None else f"mdata[{name!r}]"
    elsewhere = [other for other, adata in mdata.mod.items() if key in adata.obs.columns]
    if elsewhere:
        raise KeyError(
            f"{argument}={key!r} is not a column of {where}.obs, but of "
            f"mdata[{elsewhere[0]!r}].obs: say so with modalities={{…, {argument!r}: "
            f"{elsewhere[0]!r}}}."
        )
    if name is not None and key in mdata.obs.columns:
        raise KeyError(
            f"{argument}={key!r} is not a column of {where}.obs, but of mdata.obs: leave "
            f"{argument!r} out of modalities."
        )
    raise KeyError(
        f"{argument}={key!r} is not a column of {where}.obs. Columns: "
        f"{near(str(key), holder.obs.columns)}."
    )


@contextmanager
def noted(name: str) -> Iterator[None]:
    """Say on errors about `adata` which modality that is."""
    try:
        yield
    except (CellclassError, KeyError, TypeError, ValueError) as error:
        error.add_note(f"Here adata is the RNA, mdata[{name!r}].")
        raise
