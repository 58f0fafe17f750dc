"""The public function, and the order of its work."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cellclass._keys import ANNOTATE
from cellclass._report._facts import gather
from cellclass._report._findings import find
from cellclass._report._genes import rank_for_labels
from cellclass._report._map import place_cells
from cellclass._report._page import render
from cellclass._warn import warn
from cellclass.io._whole_file import check_free, whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from anndata import AnnData

    from cellclass._report._findings import Finding
    from cellclass.contract import GeneAliases
    from cellclass.model import CellClassifierCNN, CellClassifierMLP, CellPerformer

    Model = CellClassifierMLP | CellClassifierCNN | CellPerformer

_ENDINGS = (".html", ".htm")


def report(
    adata: AnnData,
    model: Model | None,
    path: str | PathLike[str],
    *,
    labels_key: str | None = None,
    layer: str | None = None,
    gene_aliases: GeneAliases | None = None,
    key: str = ANNOTATE,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write one page on how far the labels of a query can be trusted.

    A single HTML file that needs no network, for the screen, a phone and paper. What went wrong
    comes first: what the input contract repaired or left out, labels that fewer than 0.7 of their
    cells get, cells unlike the reference, confidence that cannot be believed. Then scores, the
    confusion table, calibration, novelty, a map of the cells, the genes behind each label, and the
    model card. The AnnData is not changed.

    Where `adata.obsm` has no `X_umap`, the map is a UMAP of what the model makes of at most 3,000
    cells, drawn at random. The genes of the labels are those of `cc.tl.attribute_genes` if it was
    called; else they are found for at most 25 cells of each label, if Captum is installed.

    Parameters
    ----------
    adata
        Query, annotated under `key`; one that is not is annotated first, in a copy. In memory, or
        backed by a file.
    model
        The model that annotated it; `None` for a report without a map and genes that the AnnData
        does not have.
    path
        Where to write, ending in `.html`.
    labels_key
        Column of `obs` with the true labels; cells without one are not scored. `None`: those that
        `cc.tl.evaluate` was given, and if it was not called no scores.
    layer, gene_aliases
        As in `cc.tl.annotate`.
    key
        The `key_added` of `annotate`.
    title
        Heading of the page, such as the name of the sample.
    overwrite
        Whether `path` may replace a file.

    Returns
    -------
    `None`. The file has its name only when it is complete.

    Raises
    ------
    KeyError
        There is no annotation under `key` and no model; or `labels_key` does not exist.
    ValueError
        `path` does not end in `.html`; or the annotation was made by another model than `model`.
    FileExistsError
        `path` exists and `overwrite` is false.
    LabelError
        No cell has a true label, or a cell has no label of the annotation.
    NotTrainedError, ScaleError, ValuesError, GeneError
        As `cc.tl.annotate`, for a query that is not annotated; nothing is written.

    Examples
    --------
    >>> import tempfile
    >>> import cellclass as cc
    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type", layer="counts")
    >>> model = cc.model.CellClassifierMLP(adata, n_top_genes=100, validation_size=0.2)
    >>> model.train(max_epochs=5, enable_progress_bar=False)
    >>> cc.tl.annotate(adata, model)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cc.report(adata, model, f"{folder}/report.html", labels_key="cell_type")
    """
    make_report(
        adata,
        model,
        path,
        labels_key=labels_key,
        layer=layer,
        gene_aliases=gene_aliases,
        key=key,
        title=title,
        overwrite=overwrite,
    )


def make_report(
    adata: AnnData,
    model: Model | None,
    path: str | PathLike[str],
    *,
    labels_key: str | None,
    layer: str | None,
    gene_aliases: GeneAliases | None,
    key: str,
    title: str | None,
    overwrite: bool,
) -> list[Finding]:
    """Write the report, and return what stands first in it."""
    path = Path(path)
    if path.suffix.lower() not in _ENDINGS:
        raise ValueError(f"path={str(path)!r} does not end in .html, which a report is.")
    check_free(path, overwrite=overwrite)
    with _each_warning_once():
        facts = gather(
            adata, model, labels_key=labels_key, layer=layer, gene_aliases=gene_aliases, key=key
        )
        findings = find(facts)
        page = render(facts, findings, place_cells(facts), rank_for_labels(facts), title=title)
    with whole_file(path, overwrite=overwrite) as folder:
        (folder / path.name).write_text(page, encoding="utf-8")
    return findings


@contextmanager
def _each_warning_once() -> Iterator[None]:
    """Pass on each warning once, however many of the steps come upon its cause."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for message, category in dict.fromkeys((str(one.message), one.category) for one in caught):
        warn(message, category)
