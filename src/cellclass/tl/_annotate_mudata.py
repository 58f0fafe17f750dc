"""Label the cells of a MuData file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellclass._keys import confidence_key, novelty_key
from cellclass.io._mudata_file import MUDATA, read_mudata, write_mudata
from cellclass.io._whole_file import check_free, whole_file
from cellclass.tl._annotate_file import out_path, write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from mudata import MuData


def annotate_mudata_file(
    query: str | PathLike[str],
    out: str | PathLike[str],
    annotate: Callable[[MuData], Any],
    *,
    key_added: str,
    overwrite: bool,
) -> None:
    """Read a MuData file into memory, label it, and write it in one step.

    Parameters
    ----------
    query
        An `.h5mu` file.
    out
        A file of the same kind, or a `.csv` table.
    annotate
        Labels the cells of a MuData in place.
    key_added, overwrite
        As in `annotate`.
    """
    source, to = Path(query), out_path(out, query)
    check_free(to, overwrite=overwrite)
    if to.exists() and source.exists() and to.samefile(source):
        raise ValueError(f"out={str(out)!r} is the query itself. Give another name.")
    mdata = read_mudata(source)
    annotate(mdata)
    with whole_file(to, overwrite=overwrite) as made:
        if to.suffix == MUDATA:
            write_mudata(mdata, made / to.name)
        else:
            columns = (key_added, confidence_key(key_added), novelty_key(key_added))
            write_table(
                made / to.name, mdata.obs_names, {name: mdata.obs[name] for name in columns}
            )
