"""Refuse HDF5 files that would have other files read.

An HDF5 file can name another one in place of its own content. Whoever sends such a file would have
that other one read on this machine, and its bytes copied into what is written from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from cellclass.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path


def check_one_file(group: h5py.Group, path: Path) -> None:
    """Refuse a file of which a part lies in another file.

    Parameters
    ----------
    group
        The opened file.
    path
        Its name, for the error.

    Raises
    ------
    FileFormatError
        A link, the numbers of an array or a part of a virtual one are in another file.
    """
    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise _refused(path, f"{group.name.rstrip('/')}/{name}", link.filename)
        if isinstance(link, h5py.SoftLink):  # to what is looked at under its own name
            continue
        found = group[name]
        if isinstance(found, h5py.Group):
            check_one_file(found, path)
        elif isinstance(found, h5py.Dataset):
            others = [part[0] for part in found.external or ()]
            if found.is_virtual:
                others += [part.file_name for part in found.virtual_sources()]
            outside = [other for other in others if other != "."]
            if outside:
                raise _refused(path, found.name, outside[0])


def _refused(path: Path, name: str, other: str) -> FileFormatError:
    error = FileFormatError(
        f"{str(path)!r} holds no content for {name!r} but names another file, {other!r}, which is "
        "not opened: a file from elsewhere could have any file of yours read in this way. If both "
        "are yours, make one file of them: anndata.read_h5ad(path).write_h5ad(new_path)."
    )
    error.path = path
    return error
