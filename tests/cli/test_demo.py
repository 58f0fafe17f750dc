"""The demonstration, once through, as a user starts it."""

import os
import re
import subprocess
import sys

import anndata as ad
import matplotlib.image
import pytest

PICTURES = ("confusion_matrix.png", "rank_genes_js.png", "training_history.png", "umap.png")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "cellclass", "demo", "--output", "out"],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        env=os.environ | {"COLUMNS": "120", "OMP_NUM_THREADS": "1"},
    )
    return folder, done


def test_ends_well_and_without_warnings(demo):
    _, done = demo
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == ""
    assert "Warning" not in done.stdout


def test_scores_of_both_classifiers(demo):
    text = demo[1].stdout
    assert "accuracy" in text
    assert "macro-F1" in text
    for name in ("MLP", "logistic regression"):
        (row,) = re.findall(rf"^\W*{name}\W+((?:[\d.]+\W+)+)$", text, flags=re.MULTILINE)
        accuracy, _, macro_f1 = map(float, re.findall(r"\d+\.\d+", row)[:3])
        assert 0.6 < accuracy < 1
        assert 0.3 < macro_f1 < 1


def test_files(demo):
    folder = demo[0]
    assert [path.name for path in folder.iterdir()] == ["out"]
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "annotated.h5ad",
        *PICTURES,
    ]
    for name in PICTURES:
        picture = matplotlib.image.imread(folder / "out" / name)
        assert min(picture.shape[:2]) > 300
        assert picture[..., :3].std() > 0.01
    adata = ad.read_h5ad(folder / "out" / "annotated.h5ad")
    assert 200 < adata.n_obs < 270
    assert adata.obs["cellclass"].notna().all()
    scores = adata.uns["cellclass_evaluation"]["scores"]
    assert f"{scores['accuracy']:.3f}" in demo[1].stdout
