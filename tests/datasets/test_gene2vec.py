"""The vectors of Gene2Vec come once and whole, or not at all."""

import gzip
import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass._download import cache_folder
from cellclass.datasets import _gene2vec as module
from cellclass.errors import DownloadError, FileFormatError

GENES = ["CD4", "NA", "MARCH1", "HLA-A"]
NUMBERS = np.random.default_rng(0).normal(size=(4, 200)).astype(np.float32)
# As published: a header, and a blank before each line end.
TEXT = "4 200\n" + "".join(
    f"{gene} {' '.join(map(str, row))} \n" for gene, row in zip(GENES, NUMBERS, strict=True)
)
EXPECTED = pd.DataFrame(NUMBERS, index=GENES, columns=[str(dim) for dim in range(200)])


@pytest.fixture
def publish(server, monkeypatch):
    """Serve a text in place of the published file."""

    def put(text):
        server.files[f"/{module._FILE}"] = text.encode()

    monkeypatch.setattr(module, "_FOLDER", server.url)
    monkeypatch.setattr(module, "_N_GENES", len(GENES))
    put(TEXT)
    return put


def kept():
    return list(cache_folder().rglob("*.txt"))


def test_it_comes_once(server, publish):
    vectors = cc.datasets.gene2vec()
    pd.testing.assert_frame_equal(vectors, EXPECTED)
    pd.testing.assert_frame_equal(cc.datasets.gene2vec(), EXPECTED)
    assert len(server.log) == 1
    assert kept() == [cache_folder() / "datasets" / "gene2vec" / module._FILE]


def test_the_address_names_one_version():
    assert module._FOLDER.startswith("https://")
    assert re.search(r"/[0-9a-f]{40}/", module._FOLDER), "an address that may change its content"
    text = cc.datasets.gene2vec.__doc__
    assert f"{module._N_GENES:,}" in text
    assert "CELLCLASS_DATA_DIR" in text
    assert "licence" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT[: TEXT.index("HLA-A")], "what came, line 1: the header promises 4 lines with a gene"),
        (TEXT[:-40], "what came, line 5: 'HLA-A' has 19. numbers, where the header on line 1"),
        (TEXT[:-3], "it breaks off in its last line"),
        (TEXT[: TEXT.index("HLA-A")].replace("4 200", "3 200"), "4 genes with 200 numbers each"),
        ("4 2\n" + "".join(f"{gene} 1 2 \n" for gene in GENES), "and 4 with 2 came"),
        (TEXT.replace("MARCH1", "NA"), "what came, line 4: 'NA' has other numbers than on line 3"),
        ("<!DOCTYPE html>\n<html>Please log in</html>\n", "what came, line 1, column 2: found"),
        ("", "what came is empty"),
    ],
)
def test_another_file_is_not_kept(server, publish, text, words):
    publish(text)
    with pytest.raises(DownloadError, match=words):
        cc.datasets.gene2vec()
    assert kept() == []


def test_a_damaged_file_is_replaced(server, publish):
    cc.datasets.gene2vec()
    (path,) = kept()
    path.write_text(TEXT[:-500])
    pd.testing.assert_frame_equal(cc.datasets.gene2vec(), EXPECTED)
    assert path.read_text() == TEXT


def test_a_file_that_is_there(tmp_path):
    """Without a header and with a tab behind the gene, as in the authors' other file."""
    text = "".join(line.replace(" ", "\t", 1) for line in TEXT.splitlines(keepends=True)[1:])
    path = tmp_path / "gene2vec_dim_200_iter_9.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    for given in (path, str(path)):
        pd.testing.assert_frame_equal(cc.datasets.gene2vec(given), EXPECTED)


@pytest.mark.parametrize(
    ("text", "words"),
    [("CD4 1 2\n", "has 2 numbers for each gene, where 200 are"), ("", "is empty")],
)
def test_a_file_of_another_kind(tmp_path, text, words):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=words) as raised:
        cc.datasets.gene2vec(path)
    assert raised.value.path == path


def test_it_can_be_kept_with_the_genes(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(TEXT)
    adata = ad.AnnData(np.ones((1, 2)), var=pd.DataFrame(index=["NA", "CD4"]))
    adata.varm["gene2vec"] = cc.datasets.gene2vec(path).reindex(adata.var_names)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    stored = ad.read_h5ad(tmp_path / "cells.h5ad").varm["gene2vec"]
    np.testing.assert_array_equal(stored.to_numpy(), NUMBERS[[1, 0]])
