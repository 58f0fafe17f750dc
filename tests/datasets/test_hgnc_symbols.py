"""The HGNC's table is read as published, and names that may mean two genes are marked."""

import gzip

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc
from cellclass.datasets import _hgnc_symbols as module
from cellclass.errors import DownloadError, FileFormatError

# The layout of the complete set: quotes around cells with several values, and only there.
TEXT = """\
hgnc_id\tsymbol\tname\tlocus_group\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id
HGNC:26077\tMARCHF1\t"a ""ring-CH"" finger"\tgene\t"RNF171|MARCH-I"\tMARCH1\t1\tENSG00000145416
HGNC:26189\tMTARC1\tamidoxime reducing\tgene\tMARC1\t"MOSC1|MARCH1"\t2\tENSG00000186205
HGNC:1678\tCD4\tCD4 molecule\tgene\t"T4|Leu-3"\t\t3\tENSG00000010610
HGNC:6937\tMCAT\tmalonyl-CoA acyltransferase\tgene\tCD4\t\t4\t
HGNC:9999\tNA\ta gene of that name\tgene\tCD4NA\tNA\t5\tENSG00000000099
HGNC:3027\tDRD5P2\tpseudogene\tgene\t\t\t6\tENSG00000175658
HGNC:3028\tDRD5P3\tpseudogene\tgene\t\t\t7\tENSG00000175658
"""
FIRST = [
    ("MARCH1", "MARCHF1", "previous", True),
    ("MOSC1", "MTARC1", "previous", False),
    ("MARCH1", "MTARC1", "previous", True),
    ("RNF171", "MARCHF1", "alias", False),
    ("MARCH-I", "MARCHF1", "alias", False),
    ("MARC1", "MTARC1", "alias", False),
    ("T4", "CD4", "alias", False),
    ("Leu-3", "CD4", "alias", False),
    ("CD4", "MCAT", "alias", True),
    ("CD4NA", "NA", "alias", False),
    ("ENSG00000145416", "MARCHF1", "ensembl", False),
    ("ENSG00000186205", "MTARC1", "ensembl", False),
    ("ENSG00000010610", "CD4", "ensembl", False),
    ("ENSG00000000099", "NA", "ensembl", False),
    ("ENSG00000175658", "DRD5P2", "ensembl", True),
    ("ENSG00000175658", "DRD5P3", "ensembl", True),
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "hgnc.txt"
    path.write_text(TEXT)
    return path


def test_table(path):
    table = cc.datasets.hgnc_symbols(path)
    assert table.columns.tolist() == ["alias", "symbol", "kind", "ambiguous"]
    assert list(table.itertuples(index=False, name=None)) == FIRST
    assert table["kind"].cat.categories.tolist() == ["previous", "alias", "ensembl"]
    assert table["ambiguous"].dtype == bool


def test_compressed_and_as_text(path, tmp_path):
    packed = tmp_path / "hgnc.txt.gz"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    expected = cc.datasets.hgnc_symbols(path)
    for other in (packed, str(path)):
        pd.testing.assert_frame_equal(cc.datasets.hgnc_symbols(other), expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "symbol\talias_symbol\nA\tB\n",
            "no column 'prev_symbol'; it has 'symbol', 'alias_symbol'",
        ),
        (TEXT.splitlines()[0] + "\n", "holds no genes"),
        ("<!DOCTYPE html>\n", "no column 'symbol'"),
        ("", "cannot be read as a table: it is empty"),
        ("\udc80", "cannot be read as a table: it is empty, incomplete, or something else"),
    ],
)
def test_other_files(tmp_path, text, words):
    path = tmp_path / "other.txt"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=words):
        cc.datasets.hgnc_symbols(path)


def test_it_is_an_alias_table(path):
    table = cc.datasets.hgnc_symbols(path)
    names = ["RNF171", "MARCH1", "ENSG00000010610.2", "ENSG00000175658", "MCAT", "X"]
    genes = ["MARCHF1", "MTARC1", "CD4", "DRD5P2", "X"]
    query = ad.AnnData(np.ones((1, 6)), var=pd.DataFrame(index=names))
    cc.pp.align_genes(query, genes, gene_aliases=table)
    found = dict(zip(names, query.var["gene_match"].astype(object), strict=True))
    rules = query.var["gene_match_rule"].tolist()
    assert (found["RNF171"], found["ENSG00000010610.2"]) == ("MARCHF1", "CD4")
    assert rules == ["alias", "ambiguous", "alias", "ambiguous", "ambiguous", "exact"]


def test_the_download_is_verified_and_kept(server, monkeypatch, tmp_path):
    import hashlib

    name = module._FILE
    server.files[f"/{name}"] = TEXT.encode()
    monkeypatch.setattr(module, "_FOLDER", server.url)
    with pytest.raises(DownloadError, match="bytes are expected"):
        cc.datasets.hgnc_symbols()
    monkeypatch.setattr(module, "_N_BYTES", len(TEXT))
    with pytest.raises(DownloadError, match=module._SHA256):
        cc.datasets.hgnc_symbols()
    monkeypatch.setattr(module, "_SHA256", hashlib.sha256(TEXT.encode()).hexdigest())
    table = cc.datasets.hgnc_symbols()
    n_requests = len(server.log)
    pd.testing.assert_frame_equal(cc.datasets.hgnc_symbols(), table)
    assert len(server.log) == n_requests
    assert len(table) == len(FIRST)
    assert (tmp_path / "cache" / name).is_file()


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zip", ".bz2"])
def test_what_is_not_compressed(tmp_path, suffix):
    path = tmp_path / f"genes.txt{suffix}"
    path.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="cannot be read as a table"):
        cc.datasets.hgnc_symbols(path)
