"""The spread of cells within their labels, and the space in which it is the same on all sides."""

from __future__ import annotations

import numpy as np


def label_means(cells: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean of each label, `(n_labels, D)`; every code up to the largest has cells."""
    return np.stack([cells[codes == k].mean(axis=0) for k in range(int(codes.max()) + 1)])


def whitening(cells: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the matrix `(D, D)` that makes the shared covariance within labels the identity.

    With few cells the covariance is shrunk towards a sphere, fully so at one cell.

    Parameters
    ----------
    cells
        Coordinates, `(n_cells, D)`.
    codes
        Label codes, `(n_cells,)`; every code up to the largest has cells.
    """
    cells = np.asarray(cells, dtype=np.float64)
    centred = cells - label_means(cells, codes)[codes]
    n_labels = int(codes.max()) + 1
    covariance = centred.T @ centred / max(len(cells) - n_labels, 1)
    n_dims = covariance.shape[0]
    weight = n_dims / (n_dims + len(cells))
    sphere = np.eye(n_dims) * max(np.trace(covariance) / n_dims, np.finfo(float).eps)
    values, vectors = np.linalg.eigh((1 - weight) * covariance + weight * sphere)
    return vectors / np.sqrt(values)
