"""The files of a dataset of the UCSC Cell Browser: what there is, and how to get it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from cellclass._checks import listed
from cellclass._download import cache_folder, fetch
from cellclass._warn import warn
from cellclass.errors import DownloadError, FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

MATRIX, META, DESCRIPTION = "exprMatrix.tsv.gz", "meta.tsv", "dataset.json"
VERSIONS = {MATRIX: "outMatrix", META: "outMeta"}
"""Under which name `dataset.json` tells size and MD5 of a file."""


@dataclass(frozen=True)
class BrowserDataset:
    """A dataset of a Cell Browser."""

    name: str
    base_url: str
    description: dict[str, Any]
    verify: bool

    @property
    def page(self) -> str:
        """Address of the dataset's page for people."""
        return f"{self.base_url}/?ds={self.name.replace('/', '+')}"

    def version(self, file: str) -> dict[str, Any]:
        """Return what `dataset.json` tells of a file, if it does; old ones do not."""
        versions = self.description.get("fileVersions", {})
        found = versions.get(VERSIONS.get(file, ""), {})
        return found if PurePosixPath(found.get("fname", "")).name == file else {}

    def fetch(self, file: str) -> Path:
        """Download a file; the server is asked for a newer one where no checksum is known."""
        version = self.version(file) if self.verify else {}
        return _fetch(
            f"{self.base_url}/{self.name}/{file}",
            _name_in_cache(self.base_url, self.name, file),
            md5_start=version.get("md5"),
            n_bytes=version.get("size"),
        )

    def check_matrix(self) -> None:
        """Refuse a dataset without a text matrix."""
        versions = self.description.get("fileVersions", {})
        name = PurePosixPath(versions.get("outMatrix", {}).get("fname", MATRIX)).name
        if name != MATRIX:
            raise FileFormatError(
                f"The matrix of the dataset {self.name!r} is published as {name}, not as {MATRIX}. "
                f"Download {self.base_url}/{self.name}/{name} and the barcodes and features beside "
                "it, and read them with scanpy.read_10x_mtx."
            )


def find_dataset(dataset: str, base_url: str, *, verify: bool) -> BrowserDataset:
    """Ask a Cell Browser what there is of a dataset."""
    base_url = base_url.rstrip("/")
    name = dataset_name(dataset)
    url = f"{base_url}/{name}/{DESCRIPTION}"
    try:
        path = _fetch(url, _name_in_cache(base_url, name, DESCRIPTION))
    except DownloadError as error:
        error.add_note(
            f"{base_url} lists the datasets. The name is what stands after 'ds=' in the address "
            "of a dataset's page."
        )
        raise
    try:
        description = json.loads(path.read_bytes())
    except ValueError as error:
        raise FileFormatError(
            f"{url} is not JSON: {error}. Is {base_url} a Cell Browser?"
        ) from error
    found = BrowserDataset(name, base_url, description, verify)
    _check_is_one(found)
    return found


def dataset_name(dataset: str) -> str:
    """Return the path of a dataset, of its name or the address of its page."""
    name = dataset
    if "://" in dataset:
        asked = parse_qs(urlsplit(dataset).query.replace("+", "/")).get("ds", [""])
        name = asked[0]
    name = name.replace("+", "/").replace(" ", "/").strip("/")
    parts = name.split("/")
    if not all(re.fullmatch(r"[\w.-]+", part) for part in parts) or ".." in parts:
        raise ValueError(
            f"dataset={dataset!r} is not the name of a dataset: what stands after 'ds=' in the "
            "address of its page is needed, such as 'adultPancreas' or 'mg-models/organoids'."
        )
    return name


def _check_is_one(dataset: BrowserDataset) -> None:
    """Refuse a collection, which has datasets and no cells of its own."""
    children = dataset.description.get("datasets")
    if children:
        names = [str(child.get("name", "?")) for child in children]
        raise ValueError(
            f"{dataset.name!r} is a collection of {len(names)} datasets: "
            f"{listed(map(repr, names), 10)}. Ask for one of "
            "these."
        )


def _fetch(
    url: str, file_name: str, *, md5_start: str | None = None, n_bytes: int | None = None
) -> Path:
    """Download a file; if that fails, take the one of an earlier call unless it was verified."""
    try:
        return fetch(
            url,
            sha256=None,
            md5_start=md5_start,
            n_bytes=n_bytes,
            file_name=file_name,
            refresh=True,
        )
    except DownloadError as error:
        earlier = cache_folder() / file_name
        if md5_start is not None or n_bytes is not None or not earlier.is_file():
            raise
        warn(f"{error} The file of an earlier call is taken, {earlier}.")
        return earlier


def _name_in_cache(base_url: str, name: str, file: str) -> str:
    site = re.sub(r"[^\w.-]", "_", urlsplit(base_url).netloc + urlsplit(base_url).path)
    return f"ucsc_cell_browser/{site}/{name}/{file}"
