"""Names of datasets, and what the site tells of their files."""

import hashlib
import json

import pytest

from cellclass._download import cache_folder
from cellclass.errors import DownloadError, FileFormatError
from cellclass.io._ucsc_files import dataset_name, find_dataset

CONTENT = b"cellId\tx\nc1\t1\n"


def describe(server, name="set", **description):
    server.files[f"/{name}/dataset.json"] = json.dumps({"name": name, **description}).encode()


def version(content, file="meta.tsv"):
    md5 = hashlib.md5(content).hexdigest()[:10]
    return {"fname": f"/hive/{file}", "md5": md5, "size": len(content), "mtime": "2024-05-06"}


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("adultPancreas", "adultPancreas"),
        ("organoidreportcard/primary10X", "organoidreportcard/primary10X"),
        ("/mg-models/organoids/", "mg-models/organoids"),
        ("pre-postnatal-cortex+ex-neu+rna", "pre-postnatal-cortex/ex-neu/rna"),
        ("https://cells.ucsc.edu/?ds=adultPancreas", "adultPancreas"),
        ("https://cells.ucsc.edu/?bp=brain&ds=dup15q+spatial&meta=x", "dup15q/spatial"),
    ],
)
def test_names(dataset, name):
    assert dataset_name(dataset) == name


@pytest.mark.parametrize("dataset", ["", "/", "a/../b", "https://cells.ucsc.edu", "a b?c", ".."])
def test_what_is_no_name(dataset):
    with pytest.raises(ValueError, match="not the name of a dataset"):
        dataset_name(dataset)


def test_a_collection_names_its_datasets(server):
    describe(server, datasets=[{"name": "set/a"}, {"name": "set/b"}])
    with pytest.raises(ValueError, match="collection of 2 datasets: 'set/a', 'set/b'"):
        find_dataset("set", server.url, verify=True)


def test_a_name_that_is_not_there(server):
    with pytest.raises(DownloadError, match="404") as caught:
        find_dataset("sett", server.url, verify=True)
    assert "lists the datasets" in caught.value.__notes__[0]


def test_a_site_that_is_no_cell_browser(server):
    server.files["/set/dataset.json"] = b"<html>"
    with pytest.raises(FileFormatError, match="not JSON"):
        find_dataset("set", server.url + "/", verify=True)


@pytest.mark.parametrize("fname", ["/hive/matrix.mtx.gz", "/hive/raw_matrix.mtx.gz"])
def test_a_matrix_in_another_format(server, fname):
    describe(server, fileVersions={"outMatrix": {"fname": fname}})
    with pytest.raises(FileFormatError, match=r"published as .*mtx.gz.*read_10x_mtx"):
        find_dataset("set", server.url, verify=True).check_matrix()


def test_files_are_verified_by_size_and_md5(server):
    describe(server, fileVersions={"outMeta": version(CONTENT)})
    server.files["/set/meta.tsv"] = CONTENT
    dataset = find_dataset("set", server.url, verify=True)
    assert dataset.fetch("meta.tsv").read_bytes() == CONTENT
    asked = len(server.log)
    assert dataset.fetch("meta.tsv").is_file()
    assert len(server.log) == asked


@pytest.mark.parametrize("other", [CONTENT + b"c2\t2\n", CONTENT.replace(b"1", b"2")])
def test_a_file_that_is_not_what_the_site_tells(server, other):
    describe(server, fileVersions={"outMeta": version(CONTENT)})
    server.files["/set/meta.tsv"] = other
    with pytest.raises(DownloadError, match="came"):
        find_dataset("set", server.url, verify=True).fetch("meta.tsv")
    assert not list(cache_folder().rglob("meta.tsv"))
    assert find_dataset("set", server.url, verify=False).fetch("meta.tsv").read_bytes() == other


def test_a_new_version_replaces_the_old_one(server):
    for content in (CONTENT, CONTENT + b"c2\t2\n"):
        describe(server, fileVersions={"outMeta": version(content)})
        server.files["/set/meta.tsv"] = content
        path = find_dataset("set", server.url, verify=True).fetch("meta.tsv")
        assert path.read_bytes() == content


def test_without_a_checksum_the_server_is_asked(server):
    describe(server)
    for content in (CONTENT, CONTENT, CONTENT + b"c2\t2\n"):
        server.files["/set/meta.tsv"] = content
        path = find_dataset("set", server.url, verify=True).fetch("meta.tsv")
        assert path.read_bytes() == content
    answers = [n for (path, _), n in zip(server.log, server.sent, strict=True) if "meta" in path]
    assert answers[1] == 0


def test_without_the_network_files_of_earlier_calls_are_taken(server):
    describe(server, fileVersions={"outMeta": version(CONTENT)})
    server.files |= {"/set/meta.tsv": CONTENT, "/set/UMAP.coords.tsv.gz": b"x"}
    dataset = find_dataset("set", server.url, verify=True)
    for file in ("meta.tsv", "UMAP.coords.tsv.gz"):
        dataset.fetch(file)
    server.shutdown()
    server.server_close()
    with pytest.warns(UserWarning, match=r"no connection.*earlier call is taken"):
        dataset = find_dataset("set", server.url, verify=True)
    assert dataset.fetch("meta.tsv").read_bytes() == CONTENT
    with pytest.warns(UserWarning, match="earlier call is taken"):
        assert dataset.fetch("UMAP.coords.tsv.gz").read_bytes() == b"x"
    with pytest.raises(DownloadError, match="no connection"):
        dataset.fetch("other.coords.tsv.gz")


def test_sites_do_not_meet_in_the_cache(server):
    describe(server, name="set")
    server.files["/mirror/set/dataset.json"] = server.files["/set/dataset.json"]
    for base in (server.url, f"{server.url}/mirror"):
        server.files[f"{base.removeprefix(server.url)}/set/meta.tsv"] = base.encode()
        path = find_dataset("set", base, verify=True).fetch("meta.tsv")
        assert path.read_text() == base


def test_the_page_for_people(server):
    describe(server, name="a/b")
    assert find_dataset("a/b", server.url, verify=True).page == f"{server.url}/?ds=a+b"
