"""`cellclass rank-genes` ranks as `rank_genes_js` does, and writes a table or a copy."""

import anndata as ad
import pandas as pd
import pytest

import cellclass as cc
from cellclass.cli._files import read_cells


def ranked(folder, **options):
    adata = read_cells(folder / "reference.h5ad")
    cc.pp.rank_genes_js(adata, "cell_type", **options)
    return adata


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_a_copy_with_the_ranking(run_json, folder, suffix):
    cells, out = folder / f"reference{suffix}", folder / f"ranked{suffix}"
    found = run_json(
        "rank-genes", cells, "--labels-key", "cell_type", "--layer", "counts",
        "--batch-key", "batch", "--n-top-genes", "12", "--show", "3", "--out", out,
    )  # fmt: skip
    expected = ranked(folder, layer="counts", batch_key="batch", n_top_genes=12)
    made = read_cells(out)
    assert (made.X != expected.X).nnz == 0
    pd.testing.assert_frame_equal(made.var, expected.var)
    for label in (None, "type_1"):
        pd.testing.assert_frame_equal(
            cc.get.rank_genes_js_df(made, label=label),
            cc.get.rank_genes_js_df(expected, label=label),
            check_dtype=False,
        )
    best = cc.get.rank_genes_js_df(expected, n_genes=3)
    assert [gene["names"] for gene in found["best"]] == best["names"].tolist()
    assert found["n_selected"] == 12
    assert found["labels"]["type_0"][0] == expected.uns["rank_genes_js"]["names"]["type_0"][0]
    assert found["out"] == str(out)


def test_tables(run, folder):
    out = folder / "genes.csv"
    arguments = ["rank-genes", folder / "reference.h5ad", "--labels-key", "cell_type", "--out", out]
    done = run(*arguments)
    assert "Best of 80 genes, on 180 cells" in done.stdout
    expected = cc.get.rank_genes_js_df(ranked(folder))
    pd.testing.assert_frame_equal(pd.read_csv(out), expected, check_dtype=False)
    assert "--force" in run(*arguments, code=1).stderr
    run(*arguments, "--per-label", "--force")
    table = pd.read_csv(out)
    assert table["label"].value_counts().to_dict() == dict.fromkeys(
        ["type_0", "type_1", "type_2"], 80
    )
    assert list(table.columns[:3]) == ["label", "names", "scores"]


def test_only_told(run, run_json, folder):
    before = sorted(folder.iterdir())
    arguments = ["rank-genes", folder / "reference.h5ad", "--labels-key", "cell_type"]
    assert run_json(*arguments, "--bins", "log2,2", "--weights", "frequency")["out"] is None
    assert "Written" not in run(*arguments).stdout
    assert sorted(folder.iterdir()) == before


def test_a_ranking_under_another_name(run, folder):
    out = folder / "ranked.h5ad"
    run(
        "rank-genes", folder / "reference.h5ad", "--labels-key", "batch", "--key-added", "mine",
        "--n-permutations", "3", "--seed", "1", "--out", out,
    )  # fmt: skip
    assert ad.read_h5ad(out).uns["mine"]["params"]["n_permutations"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels-key", "cell_typ"], "--labels-key 'cell_typ' is not a column"),
        (["--labels-key", "cell_typ"], "'cell_type'"),
        (["--labels-key", "cell_type", "--layer", "count"], "--layer 'count'"),
        (["--labels-key", "cell_type", "--layer", "scaled"], "cellclass info"),
        (["--labels-key", "cell_type", "--n-top-genes", "81"], "--n-top-genes 81"),
        (["--labels-key", "cell_type", "--batch-key", "b"], "--batch-key 'b'"),
        (["--labels-key", "cell_type", "--out", "genes.txt"], "--out 'genes.txt' ends in '.txt'"),
    ],
)
def test_refused(run, folder, options, message):
    assert message in run("rank-genes", folder / "reference.h5ad", *options, code=1).stderr


def test_a_table_of_text_is_refused(run, folder):
    done = run("rank-genes", folder / "table.csv", "--labels-key", "x", code=1)
    assert "cellclass convert" in done.stderr
