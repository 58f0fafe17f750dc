"""`cellclass evaluate` scores as `evaluate` does."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cellclass as cc


def test_scores(run, run_json, folder):
    cells = folder / "labelled.h5ad"
    found = run_json("evaluate", cells, "--labels-key", "cell_type")
    expected = ad.read_h5ad(cells)
    cc.tl.evaluate(expected, "cell_type")
    scores = expected.uns["cellclass_evaluation"]["scores"]
    assert found["scores"] == pytest.approx(scores)
    report = cc.get.evaluation_df(expected)
    assert pd.DataFrame.from_dict(found["labels"], orient="index").loc[report.index].equals(report)
    assert np.array(found["confusion"]["n_cells"]).sum() == 180
    assert sum(part["n_obs"] for part in found["reliability"]) == 180
    assert found["unknown_labels"] == []
    text = run("evaluate", cells, "--labels-key", "cell_type", "--show", "2").stdout
    assert f"{scores['macro_f1']:.3f}" in text
    assert "Labels, worst first (2 of 3)" in text


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_a_copy_with_the_scores(run, folder, suffix):
    out = folder / f"scored{suffix}"
    cells = folder / f"labelled{suffix}"
    if suffix == ".zarr":
        run("convert", folder / "labelled.h5ad", "--out", cells)
    run("evaluate", cells, "--labels-key", "cell_type", "--out", out)
    made = ad.read_h5ad(out) if suffix == ".h5ad" else ad.read_zarr(out)
    assert 0 < cc.get.evaluation_df(made, table="scores")["accuracy"].item() <= 1
    assert (made.X != ad.read_h5ad(folder / "labelled.h5ad").X).nnz == 0


def test_a_table(run, folder):
    out = folder / "scores.csv"
    arguments = ["evaluate", folder / "labelled.h5ad", "--labels-key", "cell_type", "--out", out]
    run(*arguments)
    table = pd.read_csv(out, index_col=0)
    assert list(table.columns) == ["precision", "recall", "f1", "support"]
    assert table["f1"].is_monotonic_increasing
    assert "--force" in run(*arguments, code=1).stderr


def test_labels_that_the_model_does_not_know(run, run_json, folder):
    cells = ad.read_h5ad(folder / "labelled.h5ad")
    cells.obs["truth"] = cells.obs["cell_type"].astype(str).replace("type_0", "novel [x]")
    cells.write_h5ad(folder / "novel.h5ad")
    arguments = ["evaluate", folder / "novel.h5ad", "--labels-key", "truth"]
    assert run_json(*arguments)["unknown_labels"] == ["novel [x]"]
    text = " ".join(run(*arguments).stdout.split())
    assert "does not know, and so misses: 'novel [x]'. It knows 'type_0'" in text
    assert "type_0 (" in text  # what they were taken for


def test_no_precision_of_a_label_that_no_cell_got(run, folder):
    cells = ad.read_h5ad(folder / "labelled.h5ad")
    cells.obs["truth"] = cells.obs["cell_type"].astype(str).replace("type_0", "novel")
    cells.write_h5ad(folder / "never_given.h5ad")
    text = run("evaluate", folder / "never_given.h5ad", "--labels-key", "truth").stdout
    [row] = [line for line in text.splitlines() if "novel" in line and "│" in line]
    assert [cell.strip() for cell in row.split("│")[3:5]] == ["–", "0.000"]


def test_a_wrong_column_is_said_first(run, folder):
    cells = ad.read_h5ad(folder / "labelled.h5ad")
    cells.obs["tissue"] = "blood"
    cells.write_h5ad(folder / "blood.h5ad")
    text = run("evaluate", folder / "blood.h5ad", "--labels-key", "tissue").stdout
    assert text.startswith("The model knows none of these labels. Is this the right column?")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels-key", "truth"], "--labels-key 'truth' is not a column"),
        (["--labels-key", "cellclass"], "--labels-key 'cellclass' is the annotation itself"),
        (["--labels-key", "cell_type", "--key", "other"], "they stand under 'cellclass'"),
        (["--labels-key", "cell_type", "--out", "x.txt"], "--out 'x.txt' ends in"),
    ],
)
def test_refused(run, folder, options, message):
    assert message in run("evaluate", folder / "labelled.h5ad", *options, code=1).stderr


def test_cells_that_were_not_labelled(run, folder):
    done = run("evaluate", folder / "query.h5ad", "--labels-key", "cell_type", code=1)
    assert "cellclass predict" in done.stderr
