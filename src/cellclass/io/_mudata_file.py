"""Read and write MuData files, without remarks of mudata that the caller cannot act on."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import h5py

from cellclass._disk import reading
from cellclass.io._one_file import check_one_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mudata import MuData

MUDATA = ".h5mu"
"""How the name of a MuData file ends."""


@contextmanager
def without_remarks() -> Iterator[None]:
    """Leave out what mudata says of its own calls to pandas and of its next release.

    Nor that a gene and a protein have the same name, which is so in most CITE-seq data, or that
    another library wrote a file.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="mudata")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="var_names are not unique")
        warnings.filterwarnings("ignore", message="The HDF5 file was not created by muon")
        warnings.filterwarnings("ignore", message="Cannot join columns with the same name")
        yield


def read_mudata(path: Path) -> MuData:
    """Read a MuData file into memory, or say that it is none."""
    from mudata import read_h5mu

    if not path.exists():
        raise FileNotFoundError(f"There is no {str(path)!r}.")
    with reading(path):
        with h5py.File(path) as file:
            file["mod"]
            check_one_file(file, path)
        with without_remarks():
            return read_h5mu(path)


def write_mudata(mdata: MuData, path: Path) -> None:
    """Write a MuData to a file."""
    with without_remarks():
        mdata.write_h5mu(path)


def copy_mudata(mdata: MuData) -> MuData:
    """Copy a MuData and all of its modalities."""
    with without_remarks():
        return mdata.copy()
