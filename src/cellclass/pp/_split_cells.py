"""Split cells into those to train on, to validate with and to test on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cellclass._checks import check_fraction, check_not_empty, check_obs_key, listed
from cellclass._keys import SPLIT, TEST, TRAIN, VALIDATION
from cellclass._own import check_writable, own
from cellclass._warn import warn
from cellclass.pp._hold_out import hold_out
from cellclass.pp._split_groups import assign_groups

if TYPE_CHECKING:
    from anndata import AnnData

_PARTS = (TRAIN, VALIDATION, TEST)


def split_cells(
    adata: AnnData,
    *,
    groups_key: str | None = None,
    labels_key: str | None = None,
    test_size: float = 0.2,
    validation_size: float = 0.1,
    rng: int | np.random.Generator = 0,
    key_added: str = SPLIT,
    copy: bool = False,
) -> AnnData | None:
    """Split cells into train, validation and test, over cells or over whole groups.

    Cells of one donor, file or batch resemble each other, so a test on cells of donors that were
    trained on is too good. With `groups_key` no group is in two parts, and the test says what to
    expect of a new donor. The test part is for the final judgement; the validation part is for
    choices on the way. Models of :mod:`cellclass.model` keep validation cells of their own aside:
    to train one on the train part alone, pass it ``adata[adata.obs["split"] == "train"].copy()``.

    **Over cells**, with `labels_key`, each label is shared out in proportion, and keeps at least
    one training cell; a share that is not a whole number of cells is rounded up or down at random.
    **Over groups**, the assignment is searched for in which, in this order of weight, every label
    has training cells, the sizes are nearest to those asked for, and each label is shared out in
    proportion. `rng` then decides only between assignments that are as good, or nearly.

    Parameters
    ----------
    adata
        Cells `(n_obs, n_vars)`; the matrix is not read.
    groups_key
        Column of `.obs` with the groups to keep together: donors, files, batches.
    labels_key
        Column of `.obs` with the labels. Cells without one are shared out like a label of their
        own.
    test_size, validation_size
        Shares (0–1) of the cells; 0 leaves the part out.
    rng
        Seed, or generator, which is advanced.
    key_added
        Column of `.obs` to write.
    copy
        Whether to return a copy instead of writing into `adata`.

    Returns
    -------
    None, or with `copy` an AnnData. Sets the following field, and no field on an error:

    obs["split"] : category `(n_obs,)`
        ``"train"``, ``"validation"`` or ``"test"``, for every cell; the name is `key_added`.

    Raises
    ------
    KeyError
        A column is not in `.obs`.
    ValueError
        The shares leave nothing to train on, or no part to keep aside; a cell has no group; there
        are fewer groups, or cells, than the parts need.

    Warns
    -----
    UserWarning
        Over groups: a label has no training cell.

    Examples
    --------
    >>> import cellclass as cc
    >>> adata = cc.datasets.simulate_counts(600, n_batches=10)
    >>> cc.pp.split_cells(adata, groups_key="batch", labels_key="cell_type")
    >>> adata.obs["split"].value_counts().to_dict()
    {'train': 420, 'test': 120, 'validation': 60}
    >>> int(adata.obs.groupby("batch", observed=True)["split"].nunique().max())
    1
    """
    check_not_empty(adata)
    check_fraction(test_size, "test_size", zero=True)
    check_fraction(validation_size, "validation_size", zero=True)
    shares = np.array([1 - test_size - validation_size, validation_size, test_size])
    if shares[0] < 1e-9 or shares[0] == 1:
        raise ValueError(
            f"test_size={test_size!r} and validation_size={validation_size!r} leave "
            f"{'nothing to train on' if shares[0] < 1 else 'nothing aside'}: together they must be "
            "more than 0 and less than 1."
        )
    check_writable(adata, copy=copy)
    codes, labels = _codes(adata, labels_key, "labels_key")
    generator = np.random.default_rng(rng)
    if groups_key is None:
        parts = _over_cells(codes, shares, generator)
    else:
        groups, names = _codes(adata, groups_key, "groups_key")
        _check_groups(adata, groups_key, groups, n_groups=len(names), n_parts=(shares > 0).sum())
        parts = _over_groups(groups, codes, labels, shares, generator)
    target = own(adata, copy=copy)
    target.obs[key_added] = pd.Categorical.from_codes(parts, categories=list(_PARTS))
    return target if copy else None


def _codes(adata: AnnData, key: str | None, argument: str) -> tuple[np.ndarray, list[str]]:
    """Return a code for each cell, -1 for a missing value, and what the codes mean."""
    if key is None:
        return np.zeros(adata.n_obs, dtype=np.int64), []
    check_obs_key(adata, key, argument)
    column = adata.obs[key].astype("category").cat.remove_unused_categories()
    return column.cat.codes.to_numpy(dtype=np.int64), [str(name) for name in column.cat.categories]


def _check_groups(
    adata: AnnData, key: str, groups: np.ndarray, *, n_groups: int, n_parts: int
) -> None:
    missing = groups < 0
    if missing.any():
        raise ValueError(
            f"obs[{key!r}] is missing for {missing.sum()} of {adata.n_obs} cells, the first of "
            f"them {adata.obs_names[missing.argmax()]!r}: where they belong cannot be told. Give "
            f"them a group, or drop them with adata[adata.obs[{key!r}].notna()].copy()."
        )
    if n_groups < n_parts:
        raise ValueError(
            f"obs[{key!r}] has {n_groups} group(s), and {n_parts} parts are asked for; each needs "
            "a group of its own. Set validation_size=0 or test_size=0, or split over cells "
            "(groups_key=None)."
        )


def _over_cells(codes: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    strata = np.where(codes < 0, codes.max(initial=0) + 1, codes)
    rest, test = hold_out(strata, held_out=shares[2], seed=rng)
    train, validation = hold_out(strata[rest], held_out=shares[1] / (1 - shares[2]), seed=rng)
    parts = np.zeros(codes.size, dtype=np.int64)
    parts[test] = 2
    parts[rest[validation]] = 1
    sizes = (train.size, validation.size, test.size)
    for part, size, share in zip(_PARTS, sizes, shares, strict=True):
        if size == 0 and share > 0:
            raise ValueError(
                f"The {part} part would get none of the {codes.size} cells in "
                f"{np.unique(strata).size} label(s): a share of {share:.3g} is too small, or the "
                "labels have too few cells. Ask for a larger share, or leave labels_key out."
            )
    return parts


def _over_groups(
    groups: np.ndarray,
    codes: np.ndarray,
    labels: list[str],
    shares: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    n_labels = len(labels)
    counts = np.zeros((groups.max() + 1, n_labels + 1), dtype=np.int64)
    columns = np.where(codes < 0, n_labels, codes) if n_labels else np.zeros_like(codes)
    np.add.at(counts, (groups, columns), 1)
    asked = np.flatnonzero(shares > 0)
    found = asked[assign_groups(counts, shares[asked], n_labels=n_labels, rng=rng)]
    absent = np.flatnonzero(counts[found == 0, :n_labels].sum(axis=0) == 0)
    if absent.size:
        warn(
            f"{absent.size} label(s) have no training cell, as every group that has them is needed "
            f"elsewhere: {listed((labels[code] for code in absent), 8)}. A model trained on this "
            "split cannot name them. Ask for fewer parts, or split over cells.",
        )
    return found[groups]
