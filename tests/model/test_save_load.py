"""A loaded model answers as the saved one."""

import io
import json
import pickle
import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

import cellclass as cc
from cellclass.errors import ModelFileError, NotTrainedError

MLP = cc.model.CellClassifierMLP


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return (Path.touch, (Path(self.mark),))


@pytest.fixture
def small(tiny, fit, tmp_path):
    """Folder of a model of a few kilobytes."""
    few = tiny[:, :6].copy()
    fit(few, labels_key="label", layer=None, n_top_genes=3, n_hidden=(2,)).save(tmp_path / "s")
    return tmp_path / "s"


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "m"
    model.save(folder)
    return folder


def test_round_trip(model, saved, query, unchanged):
    with unchanged(query):
        again = MLP.load(saved)
        ours, theirs = model.score_cells(query), again.score_cells(query)
    assert type(again) is MLP
    for name in ("probability", "novelty_pvalue", "empty", "codes"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    np.testing.assert_array_equal(
        model.get_latent_representation(query), again.get_latent_representation(query)
    )
    assert again.labels == model.labels
    assert again.card == model.card
    assert again.label_colors == model.label_colors
    assert again.contract.to_dict() == model.contract.to_dict()
    assert again.is_trained
    for name, tensor in model.module.state_dict().items():
        assert torch.equal(tensor.cpu(), again.module.state_dict()[name].cpu()), name


def test_history_round_trip(model, saved):
    again = MLP.load(saved)
    assert set(again.history) == set(model.history)
    for name, frame in model.history.items():
        pd.testing.assert_frame_equal(
            again.history[name], frame.astype(float), check_index_type=False
        )


def test_saved_again_is_the_same(model, saved, tmp_path):
    MLP.load(saved).save(tmp_path / "again")
    for name in ("model.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes(), name


def test_every_argument_comes_back(tiny, fit, tmp_path):
    chosen = {
        "n_hidden": (9, 5),
        "activation": "relu",
        "layer_norm": False,
        "dropout": (0.1, 0.0),
        "n_top_genes": 17,
        "validation_size": 0.2,
        "seed": 3,
    }
    model = fit(tiny, labels_key="label", layer=None, **chosen)
    model.save(tmp_path / "m")
    again = MLP.load(tmp_path / "m")
    assert str(again.module) == str(model.module)
    assert again.init_params_["non_kwargs"]["n_top_genes"] == 17
    assert again._seed == 3


def test_plain_files(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["model.json", "model.safetensors"]
    text = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    assert text["format"] == 1
    assert text["class"] == "CellClassifierMLP"
    assert text["card"]["labels"] == text["contract"]["labels"]


def test_no_cells_are_saved(saved, reference):
    text = (saved / "model.json").read_text(encoding="utf-8")
    assert not any(name in text for name in reference.obs_names[:50])


def test_reference_attached(model, saved, reference):
    again = MLP.load(saved, reference)
    assert again.adata is reference
    np.testing.assert_array_equal(again.predict(), model.predict())
    assert "_scvi_labels" in reference.obs


def test_a_reference_that_does_not_fit_is_left_alone(saved, reference, unchanged):
    del reference.obs["cell_type"]
    with unchanged(reference), pytest.raises(KeyError, match="cell_type"):
        MLP.load(saved, reference)


def test_without_reference(saved):
    again = MLP.load(saved)
    with pytest.raises(ValueError, match="has no reference of its own"):
        again.predict()
    with pytest.raises(ValueError, match="cannot be trained further"):
        again.train()


def test_untrained_is_not_saved(tiny, tmp_path):
    MLP.setup_anndata(tiny, labels_key="label")
    with pytest.raises(NotTrainedError, match=r"model.train\(\)"):
        MLP(tiny).save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_scvi_tools_is_refused(tmp_path):
    (tmp_path / "m").mkdir()
    torch.save({"model_state_dict": Bomb(tmp_path / "mark")}, tmp_path / "m" / "model.pt")
    words = r"can execute code.*load\(…, format='scvi'\)"
    with pytest.raises(ModelFileError, match=words):
        MLP.load(tmp_path / "m")
    assert not (tmp_path / "mark").exists()


def test_truncation_at_any_byte_of_the_text_is_refused(small):
    path = small / "model.json"
    whole = path.read_bytes()
    for n_bytes in range(len(whole)):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(ModelFileError, match=r"model\.json is truncated or was altered"):
            MLP.load(small)
    path.write_bytes(whole)
    assert MLP.load(small).labels


def test_truncation_of_the_tensors_is_refused(small):
    """At every byte of the header, at the tensors' ends, and at places in between."""
    path = small / "model.safetensors"
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8:start])
    ends = {start + end for entry in header.values() for end in entry["data_offsets"]}
    places = {*range(start + 1), *ends, *np.linspace(start, len(whole) - 1, 200).astype(int)}
    for n_bytes in places - {len(whole)}:
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(ModelFileError, match=r"model\.safetensors is not the file"):
            MLP.load(small)
    path.write_bytes(whole)
    assert MLP.load(small).labels


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_flipped_bit_or_an_added_byte_is_refused(small, name):
    path = small / name
    whole = path.read_bytes()
    bits = np.random.default_rng(0).integers(8, size=len(whole))
    for place in range(0, len(whole), 3):
        altered = bytearray(whole)
        altered[place] ^= 1 << int(bits[place])
        path.write_bytes(altered)
        with pytest.raises(ModelFileError):
            MLP.load(small)
    for more in (b" ", b"\n", b"\0"):
        path.write_bytes(whole + more)
        with pytest.raises(ModelFileError):
            MLP.load(small)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "model.pt"])
@pytest.mark.parametrize("how", ["pickle", "torch", "torch, before zip files"])
@pytest.mark.parametrize("read_as", ["cellclass", "scvi"])
def test_a_booby_trap_in_place_of_a_file_does_not_go_off(small, tmp_path, name, how, read_as):
    mark = tmp_path / "executed"
    bomb = {"model_state_dict": {}, "var_names": [], "attr_dict": {"cellclass_": Bomb(mark)}}
    if name == "model.pt":
        for path in small.iterdir():
            path.unlink()
    content = io.BytesIO(pickle.dumps(bomb))
    if how != "pickle":
        torch.save(bomb, content, _use_new_zipfile_serialization=how == "torch")
    (small / name).write_bytes(content.getvalue())
    with pytest.raises(ModelFileError):
        MLP.load(small, format=read_as)
    assert not mark.exists()
    if how == "pickle":
        pickle.loads(content.getvalue())
    else:
        content.seek(0)
        torch.load(content, weights_only=False)
    assert mark.exists(), "the trap is one"


def test_unknown_format(saved, model, tmp_path):
    words = "format='h5'; the formats are 'cellclass' and 'scvi'"
    with pytest.raises(ValueError, match=words):
        MLP.load(saved, format="h5")
    with pytest.raises(ValueError, match=words):
        model.save(tmp_path / "m", format="h5")


def test_overwrite(model, saved, tmp_path):
    model.save(tmp_path / "m")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "m")
    model.save(tmp_path / "m", overwrite=True)
    assert MLP.load(tmp_path / "m").labels == model.labels


def test_repr_of_a_loaded_model(saved, model, capsys):
    text = repr(MLP.load(saved))
    assert text == repr(model)
    assert re.fullmatch(r"CellClassifierMLP with .* parameters\nTraining status: Trained", text)
    assert capsys.readouterr().out == ""


def test_a_loaded_model_annotates_and_the_file_is_written(saved, query, tmp_path):
    again = MLP.load(str(saved), device="cpu")
    cc.tl.annotate(query, again)
    query.write_h5ad(tmp_path / "q.h5ad")
    assert ad.read_h5ad(tmp_path / "q.h5ad").obs["cellclass"].notna().all()
