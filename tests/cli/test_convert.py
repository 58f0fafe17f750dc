"""`cellclass convert` makes one file of cells of whatever there is."""

import anndata as ad
import numpy as np
import pytest

from cellclass.cli import _convert


def test_text(run, run_json, folder):
    out = folder / "table.h5ad"
    found = run_json("convert", folder / "table.csv", "--out", out, "--max-memory", "10MB")
    assert (found["kind"], found["n_obs"], found["n_vars"]) == ("text", 2, 2)
    assert found["text_matrix"]["orientation"] == "genes_by_cells"
    assert ad.read_h5ad(out).to_df().loc["AAACCTGTC-1"].to_dict() == {"ACTB": 0, "GAPDH": 2}
    assert "--force" in run("convert", folder / "table.csv", "--out", out, code=1).stderr
    (folder / "t.txt").write_text("x\tACTB|a\nc1\t1\n")
    done = run(
        "convert", folder / "t.txt", "--out", folder / "t.zarr", "--delimiter", "tab",
        "--id-separator", "none", "--orientation", "cells_by_genes", "--dtype", "float64",
    )  # fmt: skip
    assert "1 cells × 1 genes" in done.stdout
    made = ad.read_zarr(folder / "t.zarr")
    assert list(made.var_names) == ["ACTB|a"]
    assert made.X.dtype == np.float64


@pytest.mark.parametrize(("of", "to"), [(".h5ad", ".zarr"), (".zarr", ".h5ad")])
def test_one_to_the_other(run_json, folder, of, to):
    out = folder / f"made{to}"
    found = run_json("convert", folder / f"reference{of}", "--out", out)
    assert found["kind"] == "cells"
    made = ad.read_zarr(out) if to == ".zarr" else ad.read_h5ad(out)
    source = ad.read_h5ad(folder / "reference.h5ad")
    assert (made.X != source.X).nnz == 0
    assert (made.layers["scaled"] == source.layers["scaled"]).all()
    assert made.obs.astype(str).equals(source.obs.astype(str))


def test_several(run, run_json, folder):
    for name in ("reference", "query"):
        adata = ad.read_h5ad(folder / f"{name}.h5ad")
        del adata.obs["batch"]
        adata.obs = adata.obs.rename(columns={"cell_type": f"of_{name}"})
        adata.write_h5ad(folder / f"{name}.h5ad")
    files = [folder / "reference.h5ad", folder / "query.h5ad"]
    keys = ["--labels-key", "of_reference", "--labels-key", "of_query"]
    out = folder / "both.h5ad"
    found = run_json("convert", *files, *keys, "--name", "a", "--name", "b", "--out", out)
    made = ad.read_h5ad(out)
    assert made.shape == (found["n_obs"], found["n_vars"]) == (360, 80)
    assert made.obs["batch"].value_counts().to_dict() == {"a": 180, "b": 180}
    assert sum(sum(row.values()) for row in found["labels"].values()) == 360
    done = run(
        "convert", *files, *keys, "--layer", "counts", "--genes", "outer", "--key-added", "type",
        "--batch-key", "file", "--out", out, "--force",
    )  # fmt: skip
    assert "reference" in done.stdout
    assert {"type", "file"} <= set(ad.read_h5ad(out).obs.columns)
    for options, message in (
        ([*keys, "--labels-key", "x"], "--labels-key 'of_reference', …: there are 3"),
        ([*keys, "--name", "a"], "--name once for each"),
        (["--labels-key", "none"], "none"),
    ):
        done = run("convert", *files, *options, "--out", folder / "x.h5ad", code=1)
        assert message in done.stderr
    assert not (folder / "x.h5ad").exists()


def test_the_cell_browser(run_json, folder, monkeypatch):
    asked = {}

    def read(dataset, *, out, **options):
        asked.update({"dataset": dataset, **options})
        ad.read_h5ad(folder / "query.h5ad").write_h5ad(out)

    monkeypatch.setattr(_convert, "read_ucsc_cell_browser", read)
    out = folder / "ucsc.h5ad"
    found = run_json("convert", "--ucsc", "adultPancreas", "--no-layouts", "--out", out)
    assert (found["kind"], found["n_obs"]) == ("ucsc", 180)
    assert asked == {
        "dataset": "adultPancreas",
        "layouts": False,
        "verify": True,
        "overwrite": False,
    }


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("query.h5ad", "x.h5ad", "is .h5ad already"),
        ("query.h5ad", "x.csv", "--out"),
        ("table.csv", "none/x.h5ad", "Make it first"),
        ("broken.csv", "x.h5ad", "line"),
        ("cells.h5mu", "x.h5ad", "MuData"),
        ("cells.h5", "x.h5ad", "scanpy.read_10x_h5"),
        ("folder", "x.h5ad", "scanpy.read_10x_mtx"),
    ],
)
def test_refused(run, folder, source, out, message):
    (folder / "broken.csv").write_text("gene,AAACCTGAG-1,AAACCTGTC-1\nACTB,3,x\n")
    (folder / "cells.h5mu").touch()
    (folder / "cells.h5").write_bytes((folder / "query.h5ad").read_bytes())
    (folder / "folder").mkdir()
    done = run("convert", folder / source, "--out", folder / out, code=1)
    assert message in done.stderr
    assert not (folder / out).exists()
