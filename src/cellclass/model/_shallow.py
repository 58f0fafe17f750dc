"""Fit the shallow paths of a model's networks, and weigh them against the deep one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cellclass.train import fit_shallow_paths, weigh_paths

if TYPE_CHECKING:
    from cellclass.model._reference import Reference

# Validation cells that go through the network together.
_CHUNK = 4096


def complete_paths(
    networks: list[Any], reference: Reference, *, seed: int, device: torch.device
) -> None:
    """Fit the shallow paths, and weigh all paths on cells that their network has not seen.

    Parameters
    ----------
    networks
        :class:`cellclass.module.WithShallowPaths`, trained; nothing is done where they have none.
    reference
        The cells.
    seed
        Of the training cells that are taken where there are many.
    device
        Where the networks are.
    """
    if networks[0].linear is None:
        return
    logits, codes = [], []
    for part, network in enumerate(networks):
        rows = reference.trained_on(part)
        read = partial(_read, reference, rows, part)
        fit_shallow_paths(network, read, reference.codes[rows], seed=seed)
        rows = reference.held_out(part)
        logits.append(_path_logits(network, reference.read(rows, part), device))
        codes.append(reference.codes[rows])
    weights = weigh_paths(np.concatenate(logits, axis=1), np.concatenate(codes))
    for network in networks:
        network.path_weights.copy_(torch.from_numpy(weights))


def _read(reference: Reference, rows: np.ndarray, part: int, places: np.ndarray) -> np.ndarray:
    return reference.read(rows[places], part)


def _path_logits(network: Any, X: np.ndarray, device: torch.device) -> np.ndarray:  # noqa: ANN401
    """Logits of each path of a network by itself, `(n_paths, n_obs, n_labels)`."""
    network.eval()
    with torch.inference_mode():
        inputs = [part.to(device) for part in torch.from_numpy(X).split(_CHUNK)]
        logits = [network.path_logits(network.embed(x), x).cpu() for x in inputs]
    return torch.cat(logits, dim=1).numpy()
