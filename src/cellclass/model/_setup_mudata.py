"""Registration of a reference of RNA and proteins with scvi-tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data._manager import AnnDataManagerValidationCheck
from scvi.data.fields import (
    MuDataCategoricalObsField,
    MuDataLabelsWithUnlabeledObsField,
    MuDataLayerField,
)

from cellclass._checks import is_mudata
from cellclass.contract import ProteinContract
from cellclass.model._modalities import (
    check_modalities,
    names_of,
    noted,
    paired,
    rna_reference,
)
from cellclass.model._setup import check_reference, refuse_view, registered

if TYPE_CHECKING:
    from mudata import MuData


def register_mudata(
    mdata: MuData,
    setup_method_args: dict[str, Any],
    **kwargs: Any,  # noqa: ANN401 - passed through to scvi-tools
) -> AnnDataManager:
    """Check a reference of several modalities, then register it; on an error it is as it was."""
    if not is_mudata(mdata):
        raise TypeError(
            f"mdata is a {type(mdata).__name__}; a MuData is needed. An AnnData of RNA is set up "
            "with setup_anndata."
        )
    setup = setup_method_args["setup_args"]
    setup["modalities"] = modalities = check_modalities(mdata, setup["modalities"])
    for holder in (mdata, *mdata.mod.values()):
        refuse_view(holder)
    names = names_of(setup)
    with noted(names[0]):
        check_reference(
            rna_reference(mdata, setup),
            labels_key=setup["labels_key"],
            layer=setup["rna_layer"],
            batch_key=setup["batch_key"],
            unlabeled_category=setup["unlabeled_category"],
        )
    fields = [
        MuDataLayerField(
            REGISTRY_KEYS.X_KEY,
            setup["rna_layer"],
            mod_key=names[0],
            mod_required=True,
            is_count_data=False,
            correct_data_format=False,
        )
    ]
    if names[1] is not None:
        ProteinContract.of(paired(mdata, names[1]), layer=setup["protein_layer"], modality=names[1])
        fields.append(
            MuDataLayerField(
                REGISTRY_KEYS.PROTEIN_EXP_KEY,
                setup["protein_layer"],
                mod_key=names[1],
                mod_required=True,
                is_count_data=False,
                correct_data_format=False,
            )
        )
    labels, where = setup["labels_key"], {"mod_key": modalities.get("labels_key")}
    if setup["unlabeled_category"] is None:
        fields.append(MuDataCategoricalObsField(REGISTRY_KEYS.LABELS_KEY, labels, **where))
    else:
        fields.append(
            MuDataLabelsWithUnlabeledObsField(
                REGISTRY_KEYS.LABELS_KEY, labels, setup["unlabeled_category"], **where
            )
        )
    fields.append(
        MuDataCategoricalObsField(
            REGISTRY_KEYS.BATCH_KEY, setup["batch_key"], mod_key=modalities.get("batch_key")
        )
    )
    # Other modalities than these two may have any cells.
    checks = AnnDataManagerValidationCheck(check_fully_paired_mudata=False)
    manager = AnnDataManager(
        fields=fields, setup_method_args=setup_method_args, validation_checks=checks
    )
    return registered(manager, mdata, **kwargs)
