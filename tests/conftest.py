"""What the tests of several folders share: real cells, one trained model, deep comparison."""

import hashlib
import os
import threading
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase as fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import settings
from mudata import MuData

import cellclass as cc
from cellclass.io._mudata_file import without_remarks

torch.set_num_threads(1)
settings.register_profile("cellclass", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("cellclass")


@pytest.fixture(scope="session")
def _cells() -> ad.AnnData:
    return cc.datasets.pbmc68k_reduced()


@pytest.fixture(scope="session")
def _split(_cells) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(_cells.n_obs)
    return rows[rows % 3 > 0], rows[rows % 3 == 0]


@pytest.fixture
def cells(_cells) -> ad.AnnData:
    """The 700 installed cells, a copy for each test."""
    return _cells.copy()


@pytest.fixture
def reference(_cells, _split) -> ad.AnnData:
    """Two thirds of the cells, a copy for each test."""
    return _cells[_split[0]].copy()


@pytest.fixture
def query(_cells, _split) -> ad.AnnData:
    """The other third, a copy for each test; `obs["cell_type"]` is the truth."""
    return _cells[_split[1]].copy()


def fit(adata, *, labels_key="cell_type", layer="counts", setup=None, epochs=2, **kwargs):
    """Set up, make and train a small model."""
    cc.model.CellClassifierMLP.setup_anndata(
        adata, labels_key=labels_key, layer=layer, **(setup or {})
    )
    model = cc.model.CellClassifierMLP(adata, **{"n_top_genes": 50, "n_hidden": (16,)} | kwargs)
    model.train(max_epochs=epochs, enable_progress_bar=False)
    return model


@pytest.fixture(name="fit", scope="session")
def _fit():
    return fit


@pytest.fixture(scope="session")
def model(_cells, _split):
    """A model that has learned something, for tests that do not change it."""
    return fit(_cells[_split[0]].copy(), epochs=12, n_top_genes=300, n_hidden=(64,))


MODALITIES = {"rna_layer": "rna", "protein_layer": "prot"}


def make_mudata(modalities, **obs):
    """A MuData, without what mudata says of its own calls."""
    with without_remarks():
        mdata = MuData(modalities)
        for name, column in obs.items():
            mdata.obs[name] = column
    return mdata


@pytest.fixture(name="make_mudata", scope="session")
def _make_mudata():
    return make_mudata


@pytest.fixture(scope="session")
def _paired() -> MuData:
    rna = cc.datasets.simulate_counts(
        360, n_vars=80, n_labels=3, n_markers=6, depth=120.0, fold_change=2.0, rng=0
    )
    rng = np.random.default_rng(0)
    codes = rna.obs["cell_type"].cat.codes.to_numpy()
    rates = rng.gamma(2.0, 10.0, 8) * np.exp(rng.normal(0, 0.7, (3, 8)))
    size = np.exp(rng.normal(0, 0.5, (360, 1)))
    counts = rng.poisson(size * rates[codes] * rng.gamma(3, 1 / 3, (360, 8))).astype(np.float32)
    labels = rna.obs.pop("cell_type")
    del rna.obs["batch"]
    proteins = ad.AnnData(
        counts,
        obs=pd.DataFrame(index=rna.obs_names),
        var=pd.DataFrame(index=[f"CD{j}" for j in range(8)]),
    )
    return make_mudata({"rna": rna, "prot": proteins}, cell_type=labels)


@pytest.fixture
def paired(_paired) -> MuData:
    """240 simulated cells with RNA and proteins, a copy for each test."""
    with without_remarks():
        return _paired[:240].copy()


@pytest.fixture
def paired_query(_paired) -> MuData:
    """120 others; `obs["cell_type"]` is the truth."""
    with without_remarks():
        return _paired[240:].copy()


def fit_paired(mdata, *, setup=None, epochs=4, model=cc.model.CellClassifierMLP, **kwargs):
    """Set up, make and train a small model of RNA and proteins."""
    setup = {"labels_key": "cell_type", "modalities": MODALITIES} | (setup or {})
    model.setup_mudata(mdata, **setup)
    made = model(mdata, **{"n_top_genes": 40, "validation_size": 0.25} | kwargs)
    made.train(max_epochs=epochs, enable_progress_bar=False)
    return made


@pytest.fixture(name="fit_paired", scope="session")
def _fit_paired():
    return fit_paired


@pytest.fixture(scope="session")
def paired_model(_paired):
    """A model of RNA and proteins, for tests that do not change it."""
    with without_remarks():
        reference = _paired[:240].copy()
    return fit_paired(reference, n_hidden=(16,))


@pytest.fixture
def tiny() -> ad.AnnData:
    """Simulated counts of 90 cells, 60 genes and 3 labels in `X`."""
    rng = np.random.default_rng(0)
    codes = np.arange(90) % 3
    rates = rng.gamma(0.5, 1.0, size=(3, 60)) + 0.05
    counts = rng.poisson(rates[codes] * 3).astype(np.float32)
    return ad.AnnData(
        sp.csr_matrix(counts),
        obs=pd.DataFrame(
            {"label": pd.Categorical(np.array(["B cell", "NK/T", "mono"])[codes])},
            index=[f"cell{i}" for i in range(90)],
        ),
        var=pd.DataFrame(index=[f"Gene{j}" for j in range(60)]),
    )


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real files, named by the environment."""
    folder = os.environ.get("CELLCLASS_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CELLCLASS_TEST_DATA names no folder with real data")
    return Path(folder)


def planted(samples, rates, labels, *, n=300, n_calibration=400, seed=0) -> ad.AnnData:
    """Annotated cells whose labels are confused at known rates.

    `samples` has the proportions of each sample by `(condition, sample)`.
    """
    rng = np.random.default_rng(seed)
    rates, n_labels = np.asarray(rates), len(labels)
    true = [rng.choice(n_labels, size=n, p=shares) for shares in samples.values()]
    codes = np.array([rng.choice(n_labels, p=rates[code]) for code in np.concatenate(true)])
    names = [f"cell{i}" for i in range(len(codes))]
    adata = ad.AnnData(np.zeros((len(codes), 1), np.float32), obs=pd.DataFrame(index=names))
    for place, column in enumerate(("condition", "sample")):
        adata.obs[column] = np.repeat([key[place] for key in samples], n)
    adata.obs["cellclass"] = pd.Categorical.from_codes(codes, [*labels, "unassigned"])
    adata.obs["cellclass_confidence"] = np.float32(0.9)
    adata.obs["cellclass_novelty_pvalue"] = np.float32(0.5)
    probability = np.full((len(codes), n_labels), 0.1 / (n_labels - 1), dtype=np.float32)
    probability[np.arange(len(codes)), codes] = 0.9
    columns = [label.replace("/", "|") for label in labels]
    adata.obsm["cellclass_probability"] = pd.DataFrame(probability, index=names, columns=columns)
    confusion = np.stack([rng.multinomial(n_calibration, row) for row in rates])
    adata.uns["cellclass"] = {
        "params": {"layer": "", "key_added": "cellclass"},
        "labels": np.asarray(labels, dtype=object),
        "contract_report": {"missing_importance": 0.0},
        "model": {"confusion": confusion},
    }
    return adata


@pytest.fixture(name="planted", scope="session")
def _planted():
    return planted


@pytest.fixture
def organoids() -> ad.AnnData:
    """Fetal cortex and protocols A (alike, 3 samples), B (more glia, 3) and C (as B, 1)."""
    alike, glial = [0.5, 0.2, 0.2, 0.1], [0.25, 0.5, 0.15, 0.1]
    samples = {("cortex", f"cortex {i}"): alike for i in range(3)}
    samples |= {("A", f"A{i}"): alike for i in range(3)}
    samples |= {("B", f"B{i}"): glial for i in range(3)} | {("C", "C0"): glial}
    rates = [[0.85, 0.02, 0.1, 0.03], [0.02, 0.9, 0.08, 0], [0.15, 0.15, 0.7, 0], [0.1, 0, 0, 0.9]]
    return planted(samples, rates, ["neuron", "radial glia", "IPC", "interneuron"])


def kind_of(matrix) -> str:
    """Name an array kind, the same one for a part of a view and for what becomes of it."""
    name = type(matrix).__name__.replace("_", "").lower()
    name = name.removesuffix("view").removeprefix("sparse")
    return "ndarray" if name == "array" else name


def frozen(value):
    """Return what can be compared with `==`, of anything that an AnnData holds."""
    if isinstance(value, ad.AnnData):
        parts = {
            name: frozen(dict(getattr(value, name)))
            for name in ("layers", "obsm", "varm", "obsp", "varp", "uns")
        }
        raw = None if value.raw is None else (frozen(value.raw.X), frozen(value.raw.var))
        return parts | {
            "X": frozen(None if value.isbacked and "X" not in value.file else value.X),
            "obs": frozen(value.obs),
            "var": frozen(value.var),
            "raw": raw,
            "is_view": value.is_view,
            "shape": value.shape,
        }
    if isinstance(value, pd.DataFrame):
        columns = {str(name): frozen(value[name]) for name in value.columns}
        return (tuple(value.columns), frozen(value.index), columns)
    if isinstance(value, pd.Series | pd.Index):
        categories = ()
        if isinstance(value.dtype, pd.CategoricalDtype):
            categories = (*map(repr, value.dtype.categories), value.dtype.ordered)
        return (str(value.dtype), value.name, categories, tuple(map(repr, value)))
    if sp.issparse(value):
        flags = (kind_of(value), value.shape)
        places = tuple(  # whose type SciPy chooses anew whenever it copies
            frozen(getattr(value, name).astype(np.int64))
            for name in ("indices", "indptr", "row", "col")
            if hasattr(value, name)
        )
        return (*flags, frozen(value.data), *places)
    if isinstance(value, np.ndarray):
        content = value.tobytes() if value.dtype != object else tuple(map(repr, value.ravel()))
        return (kind_of(value), value.dtype.str, value.shape, content)
    if hasattr(value, "to_memory"):  # sparse, in a file
        return frozen(value.to_memory())
    if hasattr(value, "compute") or hasattr(value, "fillvalue"):  # Dask, or dense in a file
        return frozen(np.asarray(value.compute() if hasattr(value, "compute") else value[()]))
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(name): frozen(entry) for name, entry in value.items()}
    return repr(value)


def _differences(before, after, where="adata"):
    """Yield where two frozen values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            if name not in before or name not in after:
                yield f"{where}.{name}"
            else:
                yield from _differences(before[name], after[name], f"{where}.{name}")
    elif before != after:
        if isinstance(before, tuple) and len(before) == 3 and isinstance(before[2], dict):
            if before[:2] != after[:2]:
                yield where
            yield from _differences(before[2], after[2], where)
        else:
            yield where


@pytest.fixture(scope="session")
def unchanged():
    """Context that fails if an AnnData is not as it was; `but`: patterns of what may be written."""

    @contextmanager
    def check(*adatas, but=()):
        before = [frozen(adata) for adata in adatas]
        yield
        for adata, was in zip(adatas, before, strict=True):
            changed = set(_differences(was, frozen(adata)))
            edited = {name for name in changed if not any(fnmatch(name, p) for p in but)}
            assert not edited, edited

    return check


class FileServer(ThreadingHTTPServer):
    """A server on 127.0.0.1 of the files in `files`, whose manners the tests choose."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.ranges, self.etags, self.lengths = True, True, True
        self.piece, self.pause = 1 << 20, 0.0  # bytes sent at once, seconds between them
        self.cuts: list[int] = []  # bytes after which the next answers break off
        self.status: dict[str, int] = {}
        self.log: list[tuple[str, str | None]] = []
        self.sent: list[int] = []  # bytes of each answer

    def handle_error(self, request, client_address):
        """Say nothing of clients that were killed."""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server: FileServer = self.server
        span = self.headers.get("Range")
        server.log.append((self.path, span))
        server.sent.append(0)
        place = len(server.sent) - 1
        content = server.files.get(self.path)
        status = server.status.get(self.path, 200 if content is not None else 404)
        if status != 200:
            self.send_error(status)
            return
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if server.etags and self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        if server.etags:
            self.send_header("ETag", etag)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        stop = start + server.cuts.pop(0) if server.cuts else len(content)
        for at in range(start, min(stop, len(content)), server.piece):
            piece = content[at : min(at + server.piece, stop)]
            self.wfile.write(piece)
            server.sent[place] += len(piece)
            time.sleep(server.pause)

    def log_message(self, *_):
        """Write nothing to the terminal."""


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server of files on 127.0.0.1, and an empty cache folder."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("CELLCLASS_DATA_DIR", str(tmp_path / "cache"))
    with FileServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
