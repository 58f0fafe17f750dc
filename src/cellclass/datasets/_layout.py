"""Checks that a published file is laid out as the code that reads it expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from cellclass.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path


def check_layout(holds: bool, path: Path, what: str) -> None:  # noqa: FBT001 - as in assert
    """Refuse a file that is not laid out as the code expects, however right its checksum is."""
    if not holds:
        raise FileFormatError(
            f"{path} is not laid out as cellclass expects: {what}. The file is the published one, "
            "so the code that reads it is wrong. Please report this."
        )


def whole_counts(X: Any, path: Path) -> sparse.csr_matrix:  # noqa: ANN401 - any array kind
    """Return counts as CSR float32, or refuse values that are none."""
    counts = sparse.csr_matrix(X)
    counts.eliminate_zeros()
    values = counts.data
    whole = (np.isfinite(values) & (values >= 0) & (values == np.rint(values))).all()
    check_layout(bool(whole), path, "the matrix holds values that are not counts")
    return counts.astype(np.float32)
