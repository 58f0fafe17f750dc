"""Label single cells in AnnData and say how far to trust each label.

>>> import cellclass as cc

``cc.pp``
    Preprocessing: rank genes by Jensen–Shannon divergence, choose panels of them.
``cc.model``
    Classifiers with the verbs of scvi-tools; loaded on first use.
``cc.tl``
    Annotate a query and evaluate the labels.
``cc.pl``, ``cc.get``
    Pictures and data frames of what the tools wrote.
``cc.datasets``
    Real and simulated cells.
``cc.io``
    Read, convert and join files.
``cc.metrics``
    Scores and calibration on plain arrays.
``cc.errors``
    What can go wrong, as exceptions.
``cc.report``
    A page for people on how far the labels of a query can be trusted.

The import is light: neither torch, lightning, scvi nor scanpy is loaded before it is needed.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from cellclass import datasets, errors, get, io, metrics, model, pl, pp, tl
    from cellclass._report import report

__all__ = ["datasets", "errors", "get", "io", "metrics", "model", "pl", "pp", "report", "tl"]

__version__ = version("cellclass")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a namespace, or the one function
    if name == "report":  # its package has another name, which the function would hide
        return importlib.import_module(f"{__name__}._report").report
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
