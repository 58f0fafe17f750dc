"""Two processes train as one does."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cellclass as cc
from cellclass.train import all_alive

pytestmark = pytest.mark.oldest

PROGRAM = Path(__file__).with_name("_distributed.py")


def run(folder, *names, launcher=()):
    """Run the program in two processes, and return what each has."""
    done = subprocess.run(
        [sys.executable, *launcher, str(PROGRAM), str(folder), *names],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert done.stdout.count("Masked tokens told") == 0  # it was to be quiet
    return {
        name: [
            (
                dict(np.load(folder / f"{name}-{rank}.npz")),
                json.loads((folder / f"{name}-{rank}.json").read_text()),
            )
            for rank in range(2)
        ]
        for name in names
    }


def check_alike(first, second):
    assert first[0].keys() == second[0].keys()
    for name, array in first[0].items():
        np.testing.assert_array_equal(array, second[0][name], err_msg=name)
    assert first[1] == second[1]


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("_distributed", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_script_trains_an_mlp_as_one_process_does(cells, program, tmp_path):
    first, second = run(tmp_path, "MLP")["MLP"]
    check_alike(first, second)
    together = cc.model.CellClassifierMLP.load(tmp_path / "MLP")
    alone = program.model_of("MLP", cells)
    alone.train(accelerator="cpu", enable_progress_bar=False, **program.MLP_TRAINING)
    for name, array in program.arrays_of(alone).items():
        if name.startswith("module."):
            np.testing.assert_allclose(first[0][name], array, rtol=1e-3, atol=1e-3, err_msg=name)
    ours, theirs = (first[0]["history.train_loss"], alone.history["train_loss"].to_numpy(float))
    np.testing.assert_allclose(ours, theirs[:, 0], rtol=0.02)
    ours, theirs = (
        first[0]["history.validation_loss"],
        alone.history["validation_loss"].to_numpy(float),
    )
    np.testing.assert_allclose(ours, theirs[:, 0], rtol=1e-3)
    truth = cells.obs["cell_type"].to_numpy()
    accuracy = [np.mean(model.predict(cells) == truth) for model in (together, alone)]
    assert abs(accuracy[0] - accuracy[1]) <= 0.005
    assert accuracy[0] > 0.8


def test_the_system_kills_a_process(tmp_path):
    program = [sys.executable, str(PROGRAM.with_name("_one_dies.py")), str(tmp_path)]
    how = {"capture_output": True, "text": True, "timeout": 300, "check": False}
    how["env"] = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, **how)
    assert done.returncode != 0
    assert "RuntimeError: Another process of this training has ended" in done.stderr
    assert (tmp_path / "checkpoints" / "training.safetensors").exists()
    done = subprocess.run([*program, "on"], **how)
    assert done.returncode == 0, done.stderr


def test_what_went_wrong_here_is_no_death_elsewhere():
    for text in ("Distributed package doesn't have NCCL built in", "size mismatch"):
        with pytest.raises(RuntimeError, match=text), all_alive():
            raise RuntimeError(text)


def test_torchrun_trains_the_other_models(cells, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    found = run(tmp_path, "CNN", "CellPerformer", launcher=launcher)
    for first, second in found.values():
        check_alike(first, second)
    assert 0 < found["CellPerformer"][0][1]["pretraining"]["accuracy_model"] < 1
    for name, kind in (
        ("CNN", cc.model.CellClassifierCNN),
        ("CellPerformer", cc.model.CellPerformer),
    ):
        answers = kind.load(tmp_path / name).predict(cells[:20].copy())
        assert set(answers) <= set(cells.obs["cell_type"])
