"""A network as an ONNX file, with what a program in another language needs to use it."""

from __future__ import annotations

import json
import logging
import warnings
from contextlib import contextmanager
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cellclass.io._whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from cellclass.contract import InputContract

# The first opset with all operators of torch's exporter, and read by every runtime since 2023.
_OPSET = 18
_INPUT, _OUTPUT = "genes", "logits"
_N_CHECKED = 256
# Logits of the two runtimes may differ by rounding, relative to the largest one.
_ROUNDING = 1e-4


def write_onnx(
    path: str | PathLike[str],
    module: torch.nn.Module,
    contract: InputContract,
    about: dict[str, str],
    *,
    overwrite: bool,
) -> None:
    """Write a network that takes model input and gives logits; the file is checked first.

    Parameters
    ----------
    path
        The file to make.
    module
        Trained network, `(B, G)` to `(B, L)`.
    contract
        What the model expects; genes, labels and scale are written from it.
    about
        Further entries of the metadata.
    overwrite
        Whether an existing file is replaced.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401 - torch's exporter asks for it late and at length
    except ImportError as error:
        error.add_note("pip install 'cellclass[onnx]'")
        raise
    module = deepcopy(module).cpu().eval()
    with whole_file(Path(path).absolute(), overwrite=overwrite) as folder:
        proto = _exported(module, contract.n_inputs)
        onnx.helper.set_model_props(proto, _metadata(contract) | about)
        onnx.checker.check_model(proto)
        made = folder / Path(path).name
        made.write_bytes(proto.SerializeToString(deterministic=True))
        session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
        _check_answers(session, module, contract)


def _exported(module: torch.nn.Module, n_genes: int) -> Any:  # noqa: ANN401 - onnx.ModelProto
    """Return the graph, without the notes that the exporter leaves of this computer's files."""
    with _quiet_exporter():
        program = torch.onnx.export(
            module,
            (torch.zeros(2, n_genes),),
            dynamo=True,  # the other exporter is deprecated
            input_names=[_INPUT],
            output_names=[_OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("n_obs")},),
            opset_version=_OPSET,
            verbose=False,
        )
    proto = program.model_proto  # type: ignore[union-attr]
    proto.graph.doc_string = ""
    del proto.graph.metadata_props[:]
    for entry in (*proto.graph.node, *proto.graph.input, *proto.graph.output):
        entry.doc_string = ""
        del entry.metadata_props[:]
    return proto


def _metadata(contract: InputContract) -> dict[str, str]:
    scale = "log1p of counts"
    if contract.target_sum is not None:
        scale = (
            f"log1p of counts per {contract.target_sum:g} of the cell, whose total is that of all "
            f"{len(contract.genes)} genes of the reference"
        )
    return {
        "cellclass": version("cellclass"),
        "labels": json.dumps(list(contract.labels)),
        "genes": json.dumps(contract.model_genes.tolist()),
        "fill": json.dumps([float(np.format_float_positional(x)) for x in contract.fill]),
        "expression": contract.expression,
        "target_sum": "" if contract.target_sum is None else repr(float(contract.target_sum)),
        "input": f"{scale}; a gene that was not measured is given its number in fill",
    }


def _check_answers(session: Any, module: torch.nn.Module, contract: InputContract) -> None:  # noqa: ANN401
    """Compare both runtimes on cells around the mean training cell, one of them alone."""
    rng = np.random.default_rng(0)
    x = contract.fill * rng.gamma(1.0, 1.0, size=(_N_CHECKED, contract.n_inputs))
    x = x.astype(np.float32)
    with torch.inference_mode():
        ours = module(torch.from_numpy(x)).numpy()
    for rows in (slice(None), slice(0, 1)):
        theirs = session.run([_OUTPUT], {_INPUT: x[rows]})[0]
        error = np.abs(theirs - ours[rows]).max()
        if not error <= _ROUNDING * max(1.0, np.abs(ours).max()):
            raise RuntimeError(
                f"The ONNX file answers otherwise than the model, by {error:.2g} in the logits; it "
                "was not kept. Please report this with the versions of torch and onnxscript, and "
                "try others."
            )


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep to themselves what torch and its exporter remark about one another."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")
            yield
    finally:
        logger.setLevel(level)
