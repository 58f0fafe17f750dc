"""scvi-tools' own format: theirs can read it, and ours executes nothing of it."""

import pickle

import numpy as np
import pytest
import torch
from scvi.model.base import BaseModelClass

import cellclass as cc
from cellclass.errors import ModelFileError
from cellclass.model import _scvi_format
from cellclass.model._scvi_format import read_scvi_format, write_scvi_format

MLP = cc.model.CellClassifierMLP
TEXTS = {
    "contract": {"genes": ["A", "B"]},
    "init_params": {"n_hidden": (3,), "seed": np.int64(2)},
    "registry": {"model_name": "Some", "mapping": np.array(["x", "y"], dtype=object)},
}
ARRAYS = {"contract.selected": np.arange(3), "contract.share": np.array([0.25, 0.75])}
WEIGHTS = {"module.head.weight": torch.arange(6.0).reshape(2, 3)}


@pytest.fixture
def folder(tmp_path):
    write_scvi_format(tmp_path / "m", "Some", TEXTS, ARRAYS, WEIGHTS, overwrite=False)
    return tmp_path / "m"


def test_there_and_back(folder):
    files = read_scvi_format(folder, "Some")
    assert files.text["init_params"] == {"n_hidden": [3], "seed": 2}
    assert files.text["registry"]["mapping"].tolist() == ["x", "y"]
    for name, array in files.part("contract").items():
        np.testing.assert_array_equal(array, ARRAYS[f"contract.{name}"])
        assert array.dtype == ARRAYS[f"contract.{name}"].dtype
    assert torch.equal(files.weights["head.weight"], WEIGHTS["module.head.weight"])
    assert [path.name for path in folder.iterdir()] == ["model.pt"]


def test_a_model_there_and_back(model, query, tmp_path):
    model.save(tmp_path / "m", format="scvi")
    again = MLP.load(tmp_path / "m", format="scvi")
    ours, theirs = model.score_cells(query), again.score_cells(query)
    for name in ("probability", "novelty_pvalue", "empty"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    assert again.card == model.card
    model.save(tmp_path / "plain")
    again.save(tmp_path / "again")
    for name in ("model.json", "model.safetensors"):
        plain, saved_again = ((tmp_path / k / name).read_bytes() for k in ("plain", "again"))
        assert plain == saved_again, name


def test_scvi_tools_reads_it(model, tmp_path):
    model.save(tmp_path / "m", format="scvi")
    registry = BaseModelClass.load_registry(str(tmp_path / "m"))
    assert registry["model_name"] == "CellClassifierMLP"
    assert registry["setup_args"]["labels_key"] == "cell_type"
    content = torch.load(tmp_path / "m" / "model.pt", weights_only=False)
    assert set(content) == {"model_state_dict", "var_names", "attr_dict"}
    assert content["var_names"] == model.contract.genes.tolist()
    assert content["attr_dict"]["is_trained_"]
    assert set(content["model_state_dict"]) == set(model.module.state_dict())


def test_truncated_or_altered(folder):
    path = folder / "model.pt"
    whole = path.read_bytes()
    for n_bytes in {0, 1, 2, *np.linspace(3, len(whole) - 1, 80).astype(int)}:
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(ModelFileError, match=r"model\.pt is truncated, was altered"):
            read_scvi_format(folder, "Some")
    # weights are stored as they are, each 4 bytes
    place = whole.index(np.arange(6, dtype=np.float32).tobytes())
    path.write_bytes(whole[:place] + b"\1" + whole[place + 1 :])
    with pytest.raises(ModelFileError, match=r"model\.pt"):
        read_scvi_format(folder, "Some")


def test_weights_that_are_not_those_that_were_saved(folder):
    content = torch.load(folder / "model.pt", weights_only=True)
    content["model_state_dict"]["head.weight"][0, 0] += 1
    torch.save(content, folder / "model.pt")
    with pytest.raises(ModelFileError, match="sha256 differs"):
        read_scvi_format(folder, "Some")


@pytest.mark.parametrize(
    "content", [{}, [], 3, {"attr_dict": {}}, {"attr_dict": {"cellclass_": {"text": 1}}}]
)
def test_not_ours(folder, content):
    torch.save(content, folder / "model.pt")
    with pytest.raises(ModelFileError, match="that cellclass did not save"):
        read_scvi_format(folder, "Some")


def test_another_class_or_no_file(folder, tmp_path):
    with pytest.raises(ModelFileError, match=r"holds a Some, not a Other"):
        read_scvi_format(folder, "Other")
    with pytest.raises(ModelFileError, match=r"model\.pt does not exist"):
        read_scvi_format(tmp_path, "Some")


def test_a_torch_with_a_hole_reads_no_pickle(folder, monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(ModelFileError, match=r"CVE-2025-32434.*pip install -U torch"):
        read_scvi_format(folder, "Some")


def test_only_plain_types_are_written(folder):
    """What torch's restricted reader takes, and nothing that names a class of ours or numpy's."""
    content = torch.load(folder / "model.pt", weights_only=False)
    assert b"numpy" not in pickle.dumps(content["attr_dict"]["registry_"])
    assert content["attr_dict"]["init_params_"]["non_kwargs"] == {"n_hidden": [3], "seed": 2}


def test_overwrite(folder, tmp_path):
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_scvi_format(folder, "Some", TEXTS, ARRAYS, WEIGHTS, overwrite=False)
    write_scvi_format(folder, "Other", TEXTS, ARRAYS, WEIGHTS, overwrite=True)
    assert read_scvi_format(folder, "Other")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"also holds 'notes.txt'"):
        write_scvi_format(folder, "Some", TEXTS, ARRAYS, WEIGHTS, overwrite=True)
    assert _scvi_format.read_scvi_format(folder, "Other")
