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

The import is light: neither torch, lightning, scvi nor scanpy is loaded before it is needed.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from cellclass import datasets, errors, get, io, metrics, model, pl, pp, tl

__all__ = ["datasets", "errors", "get", "io", "metrics", "model", "pl", "pp", "tl"]

__version__ = version("cellclass")


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
