"""Alias tables, as they are given to the command."""

import pandas as pd
import pytest

from cellclass.cli import _gene_aliases
from cellclass.cli._gene_aliases import read_gene_aliases


def test_a_table(tmp_path):
    for name, between in (("a.csv", ","), ("a.tsv", "\t")):
        path = tmp_path / name
        lines = [["alias", "symbol", "more"], ["MARCH1", "MARCHF1", "x"], ["NA", "NAA1", "y"]]
        path.write_text("\n".join(between.join(line) for line in lines) + "\n")
        found = read_gene_aliases(str(path))
        assert found.to_dict("list") == {"alias": ["MARCH1", "NA"], "symbol": ["MARCHF1", "NAA1"]}


def test_none_and_hgnc(monkeypatch):
    assert read_gene_aliases(None) is None
    table = pd.DataFrame({"alias": ["a"], "symbol": ["b"]})
    monkeypatch.setattr(_gene_aliases, "hgnc_symbols", lambda: table)
    assert read_gene_aliases("hgnc") is table


def test_refused(tmp_path):
    with pytest.raises(ValueError, match="neither a file nor hgnc"):
        read_gene_aliases(str(tmp_path / "none.csv"))
    (tmp_path / "a.csv").write_text("old,new\na,b\n")
    with pytest.raises(ValueError, match="'old', 'new'"):
        read_gene_aliases(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("content", [b"", b"\x80\x81,\n", b"\x00\x01", b'"alias,symbol\n'])
def test_what_is_no_table(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be read as a table|alias and symbol are needed"):
        read_gene_aliases(str(path))
