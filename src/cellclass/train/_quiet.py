"""Remarks of Lightning and scikit-learn that a caller cannot act on, kept out of a normal run."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

_TALKERS = ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric")

_OTHERS_WARNINGS = (
    ".*LeafSpec.*is deprecated",
    ".*does not have many workers",
    ".*Checkpoint directory .* exists and is not empty",
    # scvi-tools' own, which is not used here
    "early_stopping was automatically disabled due to the use of DDP",
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Let Lightning log only what the caller can act on, while the context lasts."""
    loggers = [logging.getLogger(name) for name in _TALKERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Lightning's own use of torch, of torchmetrics and of its loaders, which the caller
            # cannot change.
            for message in _OTHERS_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def quiet_regression() -> Iterator[None]:
    """Let scikit-learn fit a logistic regression on one thread, without remarks."""
    # On busy cores the threads of BLAS wait for each other.
    with warnings.catch_warnings(), threadpool_limits(1):
        # What is not quite converged is judged as it is, by cells that were held out.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # labels of two cells are labels all the same
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        yield
