"""Published files, served from 127.0.0.1 in place of the real ones."""

import hashlib

import pytest

from cellclass.datasets import _remote


@pytest.fixture
def publish(server, monkeypatch):
    """Serve content as a file of a dataset, with its checksum in the table."""

    def put(dataset, name, content):
        server.files[f"/{dataset}/{name}"] = content
        listed = _remote.FILES[dataset][name]
        served = listed._replace(
            url=f"{server.url}/{dataset}/{name}",
            sha256=hashlib.sha256(content).hexdigest(),
            n_bytes=len(content),
        )
        monkeypatch.setitem(_remote.FILES[dataset], name, served)

    return put
