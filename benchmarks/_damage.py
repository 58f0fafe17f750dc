"""Obstacles to writing, and files that are damaged: what a user is told of them."""

import contextlib
import hashlib
import io
import resource
import shutil
import signal
import subprocess
from collections import Counter

import anndata as ad
import click
import numpy as np
import pandas as pd
from _children import call, say
from anndata.io import read_elem

import cellclass as cc
from cellclass.cli._main import main as command
from cellclass.errors import CellclassError
from cellclass.io._lazy_cells import open_group

SHORTEST = 50  # letters of an error that says what is to be done


def loaded(path):
    return cc.model.CellClassifierMLP.load(path, device="cpu")


def hashed(*parts):
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else str(part).encode())
    return found.hexdigest()


def answers(path):
    """What the columns say that were added to a file; what it held before is copied as it is."""
    with open_group(path) as group:
        table = read_elem(group["obsm/cellclass_probability"]).to_numpy()
        columns = {name: read_elem(group["obs"][name]) for name in sorted(group["obs"])
                   if name.startswith("cellclass")}  # fmt: skip
    return hashed(*(pd.Series(one).to_csv() for one in columns.values()), table.tobytes())


# What reads a file, and what must be the same if it is not refused.


def label(path, inputs, folder):
    out = folder / f"out{path.suffix}"
    cc.tl.annotate(path, loaded(inputs / "model"), out=out)
    return answers(out)


def shell(*arguments):
    """Run the command: its output, or what was raised below an error that the shell shows."""
    with io.StringIO() as out, contextlib.redirect_stdout(out):
        try:
            command([str(one) for one in arguments], standalone_mode=False)
        except click.UsageError as error:  # found before anything is read
            raise CellclassError(str(error)) from error
        except click.ClickException as error:
            raise error.__cause__ from None
        return out.getvalue()


def info(path, _inputs, _folder):
    return hashed(shell("info", path, "--json").partition('"seconds"')[0].replace(str(path), ""))


def rank(path, _inputs, folder):
    out = folder / "genes.csv"
    shell("rank-genes", path, "--labels-key", "cell_type", "--out", out, "--json")
    return hashed(out.read_bytes())


def put_below(path, inputs, _folder):
    made = cc.io.concat_references(
        {"a": path, "b": inputs / "reference.h5ad"},
        labels_key="cell_type",
        batch_key="source",
    )
    return hashed(made.X.data.tobytes(), made.X.indices.tobytes(), made.obs.to_csv())


def rewrite(path, _inputs, folder):
    out = folder / ("new.zarr" if path.suffix == ".h5ad" else "new.h5ad")
    shell("convert", path, "--out", out, "--json")
    return plain(out)


def use_model(path, inputs, _folder):
    probability = loaded(path).predict(ad.read_h5ad(inputs / "query.h5ad"), soft=True)
    return hashed(probability.to_csv())


def resume(path, inputs, _folder):
    from faults import FIT, made

    model = made(inputs)
    model.train(**FIT, checkpoint_dir=path, resume=True)
    return hashed(*(t.numpy().tobytes() for t in model.module.state_dict().values()))


def plain(path):
    """What anndata makes of a file: a digest of all that is compared."""
    adata = ad.read_h5ad(path) if path.suffix == ".h5ad" else ad.read_zarr(path)
    X = adata.X
    parts = (X.data, X.indices, X.indptr) if hasattr(X, "indptr") else (np.asarray(X),)
    wide = [np.asarray(part, dtype=np.float64).tobytes() for part in parts]
    return hashed(*wide, adata.obs.to_csv(), adata.var.to_csv(), sorted(adata.layers))


READERS = {
    "query.h5ad": (label, info, rank, put_below, rewrite),
    "gzip.h5ad": (label, rank),
    "query2.zarr": (label, info, rank, put_below, rewrite),
    "query3.zarr": (label, info, rank),
    "model": (use_model,),
    "checkpoints": (resume,),
    "labelled": (label,),
}


def flips(path, every):
    """Yield the files of a damaged copy: single bytes changed, and files cut short or emptied."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    places = [(file, at) for file in files for at in range(file.stat().st_size)]
    for file, at in places[:: max(1, every)]:
        whole = file.read_bytes()
        yield file, whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :]
    for file in files:
        whole = file.read_bytes()
        for size in sorted({0, len(whole) // 3, len(whole) - 1}):
            yield file, whole[:size]
        yield file, None


WORDS = {
    "label": "label",
    "info": "info",
    "rank": "rank genes",
    "put_below": "put below another",
    "rewrite": "convert",
    "use_model": "predict",
    "resume": "resume training",
}


def damage(inputs, work, every, names):
    print("\n| file | read by | damaged copies | refused in words | same answer | other content "
          "| **silently wrong** | **foreign or crashed** |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    folder, wrong = work / "damage", 0
    checkpoints = inputs / "checkpoints"
    call(resume, checkpoints, inputs, folder)
    chosen = [name for name in READERS if name in names] or [*READERS]
    for name, readers in READERS.items():
        if name == "labelled" or name not in chosen:
            continue
        for reader in readers:
            seen = Counter()
            copy = work / "copy" / name
            whole = inputs / name
            folder.mkdir(exist_ok=True)
            expected = call(reader, whole, inputs, folder)["value"]
            intact = call(plain, whole).get("value")
            step = every if whole.is_file() else max(1, every // 4)
            for file, data in flips(whole, step):
                shutil.rmtree(work / "copy", ignore_errors=True)
                shutil.rmtree(folder)
                folder.mkdir()
                copy.parent.mkdir()
                (shutil.copytree if whole.is_dir() else shutil.copyfile)(whole, copy)
                target = copy / file.relative_to(whole) if whole.is_dir() else copy
                target.unlink() if data is None else target.write_bytes(data)
                kind = judged(call(reader, copy, inputs, folder), expected)
                if kind == "different" and call(plain, copy).get("value") != intact:
                    kind = "other content"
                seen[kind] += 1
                if kind in ("different", "foreign"):
                    say(name, reader.__name__, file.name, kind)
            n = sum(seen.values())
            columns = ("refused", "same", "other content", "different", "foreign")
            numbers = " | ".join(str(seen[kind]) for kind in columns)
            print(f"| {name} | {WORDS[reader.__name__]} | {n} | {numbers} |", flush=True)
            wrong += seen["different"] + seen["foreign"]
    shutil.rmtree(work / "copy", ignore_errors=True)
    shutil.rmtree(folder)
    return wrong


def judged(found, expected):
    if "value" in found:
        return "same" if found["value"] == expected else "different"
    # Those of ours name the file, or what it holds.
    named = found.get("ours") and len(found["text"]) > SHORTEST
    if not named:
        say({k: str(v)[:300] for k, v in found.items()})
    return "refused" if named else "foreign"


# Places that cannot be written to. Root may write to a folder without permission, so a disk is
# mounted where that is allowed, and otherwise files may not grow.


_SHARES = [0.0, 0.2, 0.5, 0.8, 1.5, 5.0]
# How much room there is, in shares of what is written.
OBSTACLES = {
    "files may not grow": _SHARES,
    "full disk": _SHARES,
    "read-only disk": [0],
    "a file for a folder": [0],
}


def limited(size, function, inputs, folder):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return function(inputs, folder)


def mounted(folder, options):
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True
    )
    return done.returncode == 0


def obstacles(inputs, work, actions):
    print("\n| obstacle | action | tries | refused in words | done all the same "
          "| **foreign or crashed** | **half-written** |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    place, wrong = work / "place", 0
    for name, (function, out, told) in actions.items():
        whole = work / "whole"
        whole.mkdir()
        call(function, inputs, whole)
        allowed = {call(told, whole / out)["value"]}
        if out == "saved":
            allowed |= {call(told, inputs / one)["value"] for one in ("model", "other")}
        size = sum(p.stat().st_size for p in whole.rglob("*") if p.is_file())
        shutil.rmtree(whole)
        for obstacle in (
            "files may not grow",
            "full disk",
            "read-only disk",
            "a file for a folder",
        ):
            seen, tries = Counter(), [0.0, 0.2, 0.5, 0.8, 1.5, 5.0]
            for share in tries if obstacle in ("files may not grow", "full disk") else [0]:
                place.mkdir()
                disk = False
                if obstacle == "full disk":
                    kilobytes = max(4, int(share * size / 1024))
                    disk = mounted(place, f"size={kilobytes}k")
                elif obstacle == "read-only disk":
                    disk = mounted(place, "ro")
                elif obstacle == "a file for a folder":
                    place.rmdir()
                    place.touch()
                if "disk" in obstacle and not disk:
                    place.rmdir()
                    continue
                if obstacle == "files may not grow":
                    found = call(limited, max(1, int(share * size)), function, inputs, place)
                else:
                    found = call(function, inputs, place)
                made = place.is_dir() and (place / out).exists()
                kind = judged(found | ({"value": None} if found.get("value", 0) is None else {}),
                              None)  # fmt: skip
                seen[kind] += 1
                if made and call(told, place / out).get("value") not in allowed:
                    seen["half"] += 1
                if kind == "foreign" or seen["half"]:
                    say(obstacle, name, kind)
                if disk:
                    subprocess.run(["umount", place], check=True)
                place.unlink() if place.is_file() else shutil.rmtree(place)
            n = seen["refused"] + seen["same"] + seen["foreign"]
            if n:
                columns = ("refused", "same", "foreign", "half")
                numbers = " | ".join(str(seen[kind]) for kind in columns)
                print(f"| {obstacle} | {name} | {n} | {numbers} |", flush=True)
            wrong += seen["foreign"] + seen["half"]
    return wrong
