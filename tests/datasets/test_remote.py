"""The table of published files, and how they are fetched."""

import csv
import re

import pytest

import cellclass as cc
from cellclass._download import cache_folder
from cellclass.datasets import _remote

FILES = [(dataset, name) for dataset, files in _remote.FILES.items() for name in files]


@pytest.mark.parametrize(("dataset", "name"), FILES)
def test_entries_name_one_version_of_a_file(dataset, name):
    file = _remote.FILES[dataset][name]
    assert file.url.startswith("https://")
    assert file.url.endswith("/" + name.replace(" ", "%20"))
    assert re.search(r"/[0-9a-f]{40}/", file.url), "an address that may change its content"
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert file.n_bytes > 0
    assert file.licence


def test_every_dataset_has_a_loader_and_a_paper():
    assert set(_remote.FILES) == set(_remote.PAPERS)
    assert set(_remote.FILES) <= set(cc.datasets.__all__)
    for dataset in _remote.FILES:
        text = getattr(cc.datasets, dataset).__doc__
        assert "CELLCLASS_DATA_DIR" in text
        assert "licence" in text.lower()
        size = sum(file.n_bytes for file in _remote.FILES[dataset].values()) / 1e6
        assert f"downloads {size:.1f} MB" in text


def test_the_table_is_that_of_the_sources(real_data):
    with (real_data / "SOURCES.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    listed = {(row["dataset"], row["file"]): row for row in rows}
    assert set(listed) == set(FILES)
    for (dataset, name), row in listed.items():
        file = _remote.FILES[dataset][name]
        assert (file.url, file.sha256, str(file.n_bytes)) == (
            row["url"],
            row["sha256"],
            row["bytes"],
        )


def test_a_file_that_changed_at_its_source(server, publish):
    publish("pbmc5k", "pbmc5k_harmo_rna.csv.gz", b"as it was")
    server.files["/pbmc5k/pbmc5k_harmo_rna.csv.gz"] = b"as it is."
    with pytest.raises(cc.errors.DownloadError, match="SHA-256"):
        cc.datasets.pbmc5k()
    assert not list(cache_folder().rglob("*.csv.gz"))


def test_the_cache_is_used(server, publish):
    publish("pbmc5k", "pbmc5k_harmo_rna.csv.gz", b"cells")
    first = _remote.fetch_file("pbmc5k", "pbmc5k_harmo_rna.csv.gz")
    assert first == cache_folder() / "datasets" / "pbmc5k" / "pbmc5k_harmo_rna.csv.gz"
    assert _remote.fetch_file("pbmc5k", "pbmc5k_harmo_rna.csv.gz") == first
    assert len(server.log) == 1


def test_what_uns_says():
    about = _remote.about("pbmc10k_citeseq")
    assert "Gayoso" in about["source"]
    assert about["source"].count("https://") == 3
    assert about["licence"] == "CC BY 4.0 (10x Genomics); GPL-3 (repository)"
