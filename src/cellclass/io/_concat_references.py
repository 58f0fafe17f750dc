"""Put any number of labelled references one below the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from anndata.utils import make_index_unique

from cellclass._checks import check_name
from cellclass.io._concat_files import write_in_parts
from cellclass.io._reference import FILE_KINDS, Reference, obs_of, open_reference
from cellclass.io._reference_summary import (
    Summary,
    agree,
    check_genes,
    check_namespaces,
    check_scales,
    doubt_labels,
    finish_var,
    summarize,
)
from cellclass.io._whole_file import check_free, whole_file

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Source: TypeAlias = AnnData | str | PathLike[str]


def concat_references(
    references: Mapping[str, Source] | Sequence[Source],
    out: str | PathLike[str] | None = None,
    *,
    labels_key: str | Mapping[str, str] | Sequence[str],
    key_added: str | None = None,
    batch_key: str = "batch",
    join: Literal["inner", "outer"] = "inner",
    layer: str | Mapping[str, str | None] | Sequence[str | None] | None = None,
    overwrite: bool = False,
) -> AnnData | Path:
    """Put labelled references one below the other, in memory or in a file.

    What must agree is looked at first, file by file, and nothing is written before all of it does:
    every matrix is on the same scale (each is read once, in parts), genes are named in the same
    way, and no column is overwritten. The cells and genes are then put together as
    :func:`anndata.concat` does, in one order of the genes. The labels stay as they are, with a
    warning of those that look like one name in several spellings;
    :func:`cellclass.pp.harmonize_labels` merges them.

    With `out`, one file is open at a time, and its matrix is read and written in parts of up to 8
    million values, so memory does not depend on the number of files, nor on their size, but for
    names and columns of the cells. A matrix that is stored by gene (CSC) is an exception: it is
    read as a whole. (:func:`anndata.experimental.concat_on_disk` does the same job with all files
    open and a whole file at a time.)

    Parameters
    ----------
    references
        AnnData objects or paths of ``.h5ad`` or ``.zarr`` files, all of cells × genes with their
        labels; a mapping gives their names. Without names those are the file's without its ending
        (and with its folder, where two are the same), or the number of an AnnData object, ``"0"``
        …. Any array kind of an AnnData is taken.
    out
        File to write, ``.h5ad`` or ``.zarr``. Without it the result is returned in memory.
    labels_key
        Column of `.obs` with the labels; where it differs, a mapping or sequence like
        `references`.
    key_added
        What that column is called in the result; by default `labels_key` if there is one for all,
        else ``"cell_type"``.
    batch_key
        Column of `.obs` to write the names of the references to.
    join
        Whether to keep the genes (and columns of `.obs`) that all references have, or that any
        has. An outer join fills the missing genes with 0, which cannot be told from "not
        expressed".
    layer
        Layer with the expression, `.X` by default; where it differs, a mapping or sequence like
        `references`.
    overwrite
        Whether `out` may be there already.

    Returns
    -------
    An AnnData, or with `out` its path, a :class:`pathlib.Path`, with the fields:

    X : CSR `(n_obs, n_vars)`
        The expression, in a type that holds the values of all references. Other layers,
        `.raw`, `.obsm` and `.uns` are of one reference each and are left behind.
    obs[key_added] : category `(n_obs,)`
        The labels, as text.
    obs[batch_key] : category `(n_obs,)`
        Which reference the cell is from.
    obs
        The other columns, by `join`. Columns with text in one of the references are text in all.
    obs_names
        As they were; with the name of the reference and a ``-`` before them if two references share
        a name, and with ``-1``, ``-2`` … behind if one reference has it twice.
    var
        The columns that all references have and that nowhere contradict each other.

    Raises
    ------
    KeyError
        A reference lacks the column or layer.
    ScaleError
        References differ in scale, or one is on a scale that cannot be used; it is named.
    GeneError
        A reference names genes in another way (it is named, with the fix), has duplicated genes, or
        the references have none in common.
    ValueError
        There is no reference, two have the same name, a column would be overwritten, or a file is
        of another kind.
    FileExistsError
        `out` is there already.

    Warns
    -----
    UserWarning
        Labels look like others in another spelling, or are bare numbers in several references.
        References share less than half of their genes (inner join), or lack genes (outer join; with
        the share that is filled with 0).

    Examples
    --------
    >>> import cellclass as cc
    >>> references = {"ours": cc.datasets.simulate_counts(200, 300, 3, rng=1)}
    >>> references["theirs"] = cc.datasets.simulate_counts(100, 250, 3, rng=2)
    >>> for adata in references.values():
    ...     del adata.obs["batch"]
    >>> both = cc.io.concat_references(references, labels_key="cell_type")
    >>> both.shape, both.obs["batch"].value_counts().to_dict()
    ((300, 250), {'ours': 200, 'theirs': 100})
    """
    if join not in ("inner", "outer"):
        raise ValueError(f'join={join!r} is neither "inner" nor "outer".')
    sources = _sources(references)
    keys = _for_each(sources, labels_key, "labels_key")
    layers = _for_each(sources, layer, "layer")
    if key_added is None:
        key_added = next(iter(keys.values())) if len(set(keys.values())) == 1 else "cell_type"
    check_name(key_added, "key_added")
    check_name(batch_key, "batch_key")
    if key_added == batch_key:
        raise ValueError(f"The labels and the batch cannot both be obs[{batch_key!r}].")
    target = None if out is None else _target(Path(out), sources, overwrite=overwrite)

    summaries: list[Summary] = []
    agreed = None
    for name, source in sources.items():
        with open_reference(source, name=name, layer=layers[name]) as reference:
            summary = summarize(
                reference, labels_key=keys[name], key_added=key_added, batch_key=batch_key
            )
            agreed = agree(agreed, reference.adata.var)
        if summaries and summary.genes.equals(summaries[0].genes):
            summary = replace(summary, genes=summaries[0].genes)  # kept once, however many files
        summaries.append(summary)
    check_namespaces(summaries)
    check_scales(summaries)
    check_genes(summaries, join)
    doubt_labels(summaries)
    job = _Job(sources, keys, layers, summaries, agreed, key_added, batch_key, join)
    joined = _annotation(job)
    parts = _expression(job, joined.var_names)
    if target is None:
        joined.X = sp.vstack(list(parts), format="csr")
        return joined
    with whole_file(target, overwrite=overwrite) as folder:
        write_in_parts(folder / target.name, joined, parts)
    return target


@dataclass(frozen=True)
class _Job:
    """What is to be done, once it is known to be possible."""

    sources: dict[str, Source]
    keys: dict[str, str]
    layers: dict[str, str | None]
    summaries: list[Summary]
    agreed: pd.DataFrame
    key_added: str
    batch_key: str
    join: Literal["inner", "outer"]

    def open(self, name: str) -> AbstractContextManager[Reference]:
        return open_reference(self.sources[name], name=name, layer=self.layers[name])

    def text_columns(self) -> set[str]:
        """Return the columns that cannot stand below each other but as text."""
        kinds: dict[str, set[str]] = {}
        for summary in self.summaries:
            for column, kind in summary.kinds.items():
                kinds.setdefault(column, set()).add(kind)
        return {column for column, found in kinds.items() if found == {"text"} or len(found) > 1}

    def cell_names(self) -> list[pd.Index]:
        """Return the names of each reference's cells in the result, no two of them the same."""
        names = [make_index_unique(summary.cells) for summary in self.summaries]
        every = names[0].append(names[1:])
        if every.is_unique:
            return names
        every = make_index_unique(
            pd.Index(
                [
                    f"{summary.name}-{cell}"
                    for summary, cells in zip(self.summaries, names, strict=True)
                    for cell in cells
                ]
            )
        )
        ends = np.cumsum([len(cells) for cells in names])
        return [every[end - len(cells) : end] for cells, end in zip(names, ends, strict=True)]


def _annotation(job: _Job) -> AnnData:
    """Return the cells and genes of the result, without the expression."""
    parts, as_text = [], job.text_columns()
    for summary, cells in zip(job.summaries, job.cell_names(), strict=True):
        with job.open(summary.name) as reference:
            key = job.keys[summary.name]
            obs = obs_of(reference, labels_key=key, key_added=job.key_added, as_text=as_text)
        var = pd.DataFrame(index=summary.genes)
        parts.append(AnnData(obs=obs.set_axis(cells), var=var))
    names = [summary.name for summary in job.summaries]
    joined = ad.concat(parts, join=job.join, label=job.batch_key, keys=names)
    joined.var = finish_var(job.agreed, joined.var_names)
    return joined


def _expression(job: _Job, genes: pd.Index) -> Iterator[sp.csr_matrix]:
    """Yield the expression of the result, some cells at a time."""
    dtype = np.result_type(*(summary.dtype for summary in job.summaries)).newbyteorder("=")
    if dtype == np.float16:  # which SciPy does not know
        dtype = np.dtype(np.float32)
    for summary in job.summaries:
        with job.open(summary.name) as reference:
            yield from reference.rows(dtype, genes)


def _sources(references: Mapping[str, Source] | Sequence[Source]) -> dict[str, Source]:
    """Return the references by name."""
    if isinstance(references, AnnData | str | PathLike):
        raise TypeError("references must be several, in a list or in a dictionary with names.")
    if isinstance(references, Mapping):
        sources = {str(name): source for name, source in references.items()}
        names = [str(name) for name in references]
    else:
        names = _names(references)
        sources = dict(zip(names, references, strict=True))
    if not names:
        raise ValueError("There is no reference to put together.")
    for name, source in sources.items():
        if not isinstance(source, AnnData | str | PathLike):
            raise TypeError(
                f"Reference {name!r} is a {type(source).__name__}; an AnnData, or the path of a "
                "file, is needed."
            )
    if len(sources) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(
            f"Two references are called {twice!r}. Pass a dictionary with a name for each."
        )
    return sources


def _names(references: Sequence[Source]) -> list[str]:
    paths = [None if isinstance(one, AnnData) else Path(str(one)) for one in references]
    short = [str(place) if path is None else path.stem for place, path in enumerate(paths)]
    return [
        f"{path.parent.name}/{path.stem}" if path is not None and short.count(name) > 1 else name
        for name, path in zip(short, paths, strict=True)
    ]


def _for_each(sources: Mapping[str, Source], value: Any, argument: str) -> dict[str, Any]:  # noqa: ANN401 - of either argument
    """Return what an argument says for each reference."""
    if value is None or isinstance(value, str):
        return dict.fromkeys(sources, value)
    if isinstance(value, Mapping):
        told = {str(name): one for name, one in value.items()}
    else:
        told = dict(zip(sources, value, strict=False))
    if set(told) != set(sources) or len(value) != len(sources):
        raise ValueError(
            f"{argument}={value!r} does not say one for each of the {len(sources)} references "
            f"({', '.join(sources)})."
        )
    return told


def _target(out: Path, sources: Mapping[str, Source], *, overwrite: bool) -> Path:
    if out.suffix not in FILE_KINDS:
        raise ValueError(f"out={str(out)!r} must end in {' or '.join(FILE_KINDS)}.")
    for name, source in sources.items():
        if not isinstance(source, AnnData) and Path(str(source)).resolve() == out.resolve():
            raise ValueError(f"out={str(out)!r} is also the reference {name!r}. Write elsewhere.")
    check_free(out, overwrite=overwrite)
    return out
