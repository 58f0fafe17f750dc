"""Break what can break, and count what is lost: kills, full disks, files that are damaged.

    python benchmarks/faults.py                          # all of it, an hour
    python benchmarks/faults.py --kills 3 --every 9000   # some minutes

Prints tables of what was done, and of what came of it. Ends with 1 if anything was half written,
lost, silently wrong or foreign.
"""

import argparse
import hashlib
import http.server
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
from _children import call, kill_at, say, start
from _damage import damage, obstacles

import cellclass as cc
import cellclass.cli._convert
import cellclass.cli._train
from cellclass._download import fetch
from cellclass.io._rewrite_cells import rewrite_cells
from cellclass.io._whole_file import whole_file
from cellclass.tl import _annotate_file

FIT = {"max_epochs": 6, "accelerator": "cpu", "enable_progress_bar": False, "batch_size": 32}


def make_inputs(folder):
    """Write a reference, a query in each format, a table of counts and two models."""
    cells = cc.datasets.simulate_counts(240, 60, n_labels=3, n_markers=10, rng=0)
    reference, query = cells[:150].copy(), cells[150:].copy()
    reference.write_h5ad(folder / "reference.h5ad")
    query.write_h5ad(folder / "query.h5ad")
    query.write_h5ad(folder / "gzip.h5ad", compression="gzip")
    for version in (2, 3):
        with ad.settings.override(zarr_write_format=version):
            query.write_zarr(folder / f"query{version}.zarr")
    rng = np.random.default_rng(0)
    X = rng.poisson(2.0, (600, 200))
    with (folder / "counts.csv").open("w") as file:
        file.write(",".join(f"cell{i}" for i in range(X.shape[1])) + "\n")
        for gene, row in enumerate(X.tolist()):
            file.write(f"gene{gene}," + ",".join(map(str, row)) + "\n")
    for name, seed in (("model", 0), ("other", 1)):
        model = made(folder, seed)
        model.train(**FIT | {"max_epochs": 2})
        model.save(folder / name)


def made(folder, seed=0):
    reference = ad.read_h5ad(folder / "reference.h5ad")
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    return cc.model.CellClassifierMLP(reference, seed=seed, validation_size=0.2)


def loaded(folder):
    return cc.model.CellClassifierMLP.load(folder, device="cpu")


def digest(path):
    """Tell the content of a file or folder from others."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            found.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def content(path):
    """Tell the cells of a file from others, whatever order HDF5 has written them in."""
    adata = ad.read_h5ad(path) if path.suffix == ".h5ad" else ad.read_zarr(path)
    found = hashlib.sha256()
    X = adata.X
    for part in (X.data, X.indices, X.indptr) if hasattr(X, "indptr") else (np.asarray(X),):
        found.update(np.ascontiguousarray(part).astype(np.float64))
    found.update(adata.obs.to_csv().encode() + adata.var.to_csv().encode())
    for name in sorted(adata.obsm):
        found.update(np.ascontiguousarray(np.asarray(adata.obsm[name], dtype=np.float64)))
    return found.hexdigest()


# Each action: what does it, what of it is compared, and the names that must never be half there.


def train(inputs, folder):
    model = made(inputs)
    model.train(**FIT, checkpoint_dir=folder / "checkpoints", resume=True)
    model.save(folder / "trained", overwrite=True)


def digest_of_model(path):
    return hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()


def label(inputs, folder, suffix=".h5ad"):
    _annotate_file.PART_CELLS = 16
    query = inputs / ("query.h5ad" if suffix == ".h5ad" else "query2.zarr")
    cc.tl.annotate(query, loaded(inputs / "model"), out=folder / f"labelled{suffix}")


def convert(inputs, folder, suffix=".h5ad"):
    cc.io.convert_gene_by_cell(
        inputs / "counts.csv", folder / f"converted{suffix}", max_memory="1MB", overwrite=True
    )


def rewrite(inputs, folder):
    with whole_file(folder / "rewritten.zarr", overwrite=True) as made_in:
        rewrite_cells(inputs / "query.h5ad", made_in / "rewritten.zarr")


def save(inputs, folder):
    """Replace a model by another one, again and again."""
    first, second = loaded(inputs / "model"), loaded(inputs / "other")
    for turn in range(40):
        (second if turn % 2 else first).save(folder / "saved", overwrite=True)


class Slow(http.server.BaseHTTPRequestHandler):
    """Sends a file little by little."""

    data = random.Random(0).randbytes(400_000)

    def do_GET(self):
        span = self.headers.get("Range")
        begin = int(span.split("=")[1].split("-")[0]) if span else 0
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(self.data) - begin))
        self.send_header("ETag", '"1"')
        if span:
            size = len(self.data)
            self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        self.end_headers()
        for at in range(begin, len(self.data), 8000):
            self.wfile.write(self.data[at : min(at + 8000, len(self.data))])
            time.sleep(0.008)

    def log_message(self, *_):
        pass


def serve(port_file):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    port_file.with_suffix(".new").write_text(str(server.server_port))
    port_file.with_suffix(".new").rename(port_file)
    signal.alarm(0)
    server.serve_forever()


def download(inputs, folder):
    os.environ["CELLCLASS_DATA_DIR"] = str(folder)
    port = (inputs / "port").read_text()
    sha256 = hashlib.sha256(Slow.data).hexdigest()
    fetch(f"http://127.0.0.1:{port}/x", sha256=sha256, file_name="downloaded.bin", progress=False)


ACTIONS = {
    "train, with checkpoints": (train, "trained", digest_of_model),
    "label cells to .h5ad": (label, "labelled.h5ad", content),
    "label cells to .zarr": (lambda a, b: label(a, b, ".zarr"), "labelled.zarr", content),
    "convert a table to .h5ad": (convert, "converted.h5ad", content),
    "convert a table to .zarr": (lambda a, b: convert(a, b, ".zarr"), "converted.zarr", content),
    "convert .h5ad to .zarr": (rewrite, "rewritten.zarr", content),
    "download": (download, "downloaded.bin", digest),
    "replace a saved model": (save, "saved", digest_of_model),
}


def checkpoint_is_whole(folder):
    from cellclass.train import SafeCheckpointIO

    file = folder / "checkpoints" / "training.safetensors"
    if file.exists():
        SafeCheckpointIO().load_checkpoint(file)


def loads(path):
    loaded(path)


def kill(inputs, work, kills, names):
    """Kill each action at random moments; it is started again until it is done."""
    print(
        "| action | kills | half-written | lost | finished runs | equal to an uninterrupted run |"
    )
    print("|---|---|---|---|---|---|")
    wrong = 0
    for name, (function, out, told) in ACTIONS.items():
        if names and not any(one in name for one in names):
            continue
        whole, folder, draw = work / "whole", work / "killed", random.Random(0)
        whole.mkdir()
        folder.mkdir()
        call(function, inputs, whole)  # compiles what is not yet
        shutil.rmtree(whole)
        whole.mkdir()
        since = time.monotonic()
        done = call(function, inputs, whole)
        took = time.monotonic() - since
        expected = call(told, whole / out)["value"]
        allowed = {expected}
        if function is save:
            allowed |= {call(told, inputs / one)["value"] for one in ("model", "other")}
        n = half = lost = finished = equal = 0
        there = False
        while n < kills:
            killed = kill_at(start(function, inputs, folder), draw.uniform(0, 1.1 * took))
            n += killed
            exists = (folder / out).exists()
            if exists:
                found = call(told, folder / out)
                bad = found.get("value") not in allowed
                half += bad
                if bad:
                    say(name, found)
            elif there:
                lost += 1
            if function is train and "error" in call(checkpoint_is_whole, folder):
                half += 1
            if function is save:
                there = there or exists
            elif not killed or exists:
                finished += 1
                equal += exists and found.get("value") == expected
                shutil.rmtree(folder)
                folder.mkdir()
        # The last one is let through.
        found = call(function, inputs, folder)
        finished += "value" in found
        equal += call(told, folder / out).get("value") == expected
        left = sorted(
            one.name for one in folder.iterdir() if ".partial" in one.name or ".parts" in one.name
        )
        if left or "value" not in done or "value" not in found:
            say(name, left, done, found)
        wrong += half + lost + (finished - equal) + len(left)
        print(f"| {name} | {n} | {half} | {lost} | {finished} | {equal} |", flush=True)
        shutil.rmtree(whole)
        shutil.rmtree(folder)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="of each action")
    parser.add_argument("--every", type=int, default=1000, help="byte of a file to flip")
    parser.add_argument(
        "names",
        nargs="*",
        help="parts of names of actions, or obstacles, damage and names of files",
    )
    options = parser.parse_args()
    names = options.names
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        inputs = work / "inputs"
        inputs.mkdir()
        found = call(make_inputs, inputs)
        if "value" not in found:
            raise SystemExit(f"inputs: {found}")
        before = {path.name: digest(path) for path in inputs.iterdir()}
        server = start(serve, inputs / "port")
        while not (inputs / "port").exists():
            time.sleep(0.01)
        wrong = 0
        try:
            wrong += kill(inputs, work, options.kills, names)
            if not names or "obstacles" in names:
                wrong += obstacles(inputs, work, ACTIONS)
            if not names or "damage" in names:
                wrong += damage(inputs, work, options.every, names)
        finally:
            os.kill(server, signal.SIGKILL)
        changed = [name for name in before if digest(inputs / name) != before[name]]
        print(f"\n{len(changed)} of {len(before)} input files were changed.")
    sys.exit(1 if wrong or changed else 0)


if __name__ == "__main__":
    main()
