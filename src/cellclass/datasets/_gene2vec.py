"""Published vectors of human genes, from their co-expression."""

from __future__ import annotations

from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING

from cellclass._download import fetch
from cellclass.errors import FileFormatError
from cellclass.io._gene_vectors import read_gene_vectors

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

# The commit that announces the file in word2vec's format. No published checksum of it was found,
# so what comes is verified by its content.
_FOLDER = (
    "https://raw.githubusercontent.com/jingcheng-du/Gene2vec/"
    "7617af73d612a085157bb0ca804e784eaab49164/pre_trained_emb"
)
_FILE = "gene2vec_dim_200_iter_9_w2v.txt"
_N_GENES = 24_447
_N_DIMS = 200


def gene2vec(path: str | PathLike[str] | None = None) -> pd.DataFrame:
    r"""Read the vectors of Gene2Vec: 200 numbers for each of 24,447 human genes.

    Genes that are expressed together in 984 datasets of the Gene Expression Omnibus have similar
    vectors [1]_; word2vec (skip-gram) has learned them from pairs of co-expressed genes. They know
    nothing of the cells at hand, and can stand for the identity of a gene in a network.

    The first call downloads some 50 MB into the folder that the environment variable
    `CELLCLASS_DATA_DIR` names, or the system's cache; later calls find them there. The address
    names one commit of the authors' repository, which is under the MIT licence. **No published
    checksum of the file is known to us**, so it is verified at every call by what it holds: 24,447
    different genes, each with 200 finite numbers, to the end of the last line. Anything else, such
    as a part of the file, is refused and not kept; other numbers in a file of that shape would not
    be noticed.

    The symbols are of the time of the paper, such as ``"MARCH7"`` for today's ``"MARCHF7"``;
    :func:`cellclass.datasets.hgnc_symbols` knows which are which.

    Parameters
    ----------
    path
        A file of such vectors that is there already, with any number of genes and with or
        without a header: word2vec text, plain or compressed with gzip or zstd.

    Returns
    -------
    Data frame `(n_genes, 200)` of float32, with the gene symbols in the order of the file as its
    index, unique, and the columns ``"0"`` to ``"199"``.

    Raises
    ------
    DownloadError
        The file cannot be downloaded, or is not as described; nothing incomplete is kept.
    FileFormatError
        What is at `path` is no word2vec text, or has another number of columns than 200. The
        message says in which line, and `line` of the error, too.

    References
    ----------
    .. [1] J. Du, P. Jia, Y. Dai, C. Tao, Z. Zhao and D. Zhi, Gene2vec: distributed representation
       of genes based on co-expression, BMC Genomics 20 (Suppl 1), 82, 2019,
       doi:10.1186/s12864-018-5370-x

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import cellclass as cc
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "vectors.txt"
    ...     _ = path.write_text("CD4" + " 0.5" * 200 + "\nCD8A" + " 0.25" * 200 + "\n")
    ...     vectors = cc.datasets.gene2vec(path)
    >>> vectors.shape, vectors.loc["CD8A", "0"].item()
    ((2, 200), 0.25)

    The vectors of the genes of an AnnData, NaN where there is none:

    >>> adata = cc.datasets.pbmc68k_reduced()
    >>> adata.varm["gene2vec"] = vectors.reindex(adata.var_names)
    """
    if path is not None:
        vectors = read_gene_vectors(path)
        if vectors.shape[1] != _N_DIMS:
            error = FileFormatError(
                f"{str(path)!r} has {vectors.shape[1]} numbers for each gene, where {_N_DIMS} are "
                f"expected: {_FILE} is needed, of {_FOLDER}."
            )
            error.path = Path(path)
            raise error
        return vectors

    found: list[pd.DataFrame] = []
    fetch(
        f"{_FOLDER}/{_FILE}",
        sha256=None,
        file_name=f"datasets/gene2vec/{_FILE}",
        defect=lambda file: _defect(file, found),
    )
    return found[-1]


def _defect(path: Path, found: list[pd.DataFrame]) -> str | None:
    """Say how a file differs from the published one; what was read is put into `found`."""
    try:
        vectors = read_gene_vectors(path)
    except FileFormatError as error:
        return str(error).replace(repr(str(path)), "what came").rstrip(".")
    if vectors.shape != (_N_GENES, _N_DIMS):
        n_genes, n_dims = vectors.shape
        return (
            f"{_N_GENES:,} genes with {_N_DIMS} numbers each are expected, and {n_genes:,} with "
            f"{n_dims} came"
        )
    with path.open("rb") as file:
        file.seek(-1, SEEK_END)
        if not file.read().isspace():  # a number that is cut short is a number, too
            return "it breaks off in its last line"
    found.append(vectors)
    return None
