"""The ONNX file answers as the model does, and says what it needs."""

import json
import sys

import numpy as np
import pytest
import torch

import cellclass as cc
from cellclass import module as networks
from cellclass.errors import NotTrainedError
from cellclass.model import _onnx

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

MLP = cc.model.CellClassifierMLP


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    model.export_onnx(path)
    return path


@pytest.fixture(scope="module")
def session(exported):
    return runtime.InferenceSession(exported, providers=["CPUExecutionProvider"])


def metadata(session):
    return session.get_modelmeta().custom_metadata_map


def answers(session, x):
    return session.run(["logits"], {"genes": x})[0]


def test_every_label_is_that_of_torch(model, session, query, reference):
    for adata in (query, reference):
        x = model.contract.bind(adata).read(slice(None))
        ours = model._forward(x)[1]
        theirs = answers(session, x)
        np.testing.assert_array_equal(theirs.argmax(axis=1), ours.argmax(axis=1))
        np.testing.assert_allclose(theirs, ours, atol=1e-4)


def test_networks_that_read_many_genes_each(tmp_path):
    """Tables of more than 8,192 places stay tables in the file, under their own names."""
    torch.manual_seed(0)
    genes = torch.stack([torch.randperm(2100)[:2000] for _ in range(5)])
    module = networks.CrossFitted(
        [networks.MLP(2000, 3, n_hidden=(4,)) for _ in genes], genes
    ).eval()
    proto = _onnx._exported(module, 2100)
    session = runtime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = torch.rand(7, 2100)
    with torch.inference_mode():
        ours = module(x).numpy()
    np.testing.assert_allclose(answers(session, x.numpy()), ours, atol=1e-4)


@pytest.mark.parametrize("n_cells", [0, 1, 3, 300])
def test_any_number_of_cells(session, model, n_cells):
    x = np.ones((n_cells, model.contract.n_genes), dtype=np.float32)
    assert answers(session, x).shape == (n_cells, len(model.labels))


def test_metadata_are_enough_to_label_cells(model, session, query):
    """As a program without cellclass does: by the file and the counts alone."""
    about = metadata(session)
    genes, labels = json.loads(about["genes"]), np.array(json.loads(about["labels"]))
    counts = query.layers["counts"].toarray()
    total = counts.sum(axis=1, keepdims=True)
    scaled = np.log1p(counts / total * float(about["target_sum"]))
    x = scaled[:, query.var_names.get_indexer(genes)].astype(np.float32)
    logits = answers(session, x) / float(about["temperature"])
    assert (labels[logits.argmax(axis=1)] == model.predict(query)).all()
    probability = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probability, model.predict(query, soft=True), atol=1e-5)
    np.testing.assert_array_equal(np.float32(json.loads(about["fill"])), model.contract.fill)
    assert about["class"] == "CellClassifierMLP"
    assert "all 765 genes of the reference" in about["input"]


def test_the_file_is_plain(exported):
    proto = onnx.load(exported)
    assert proto.opset_import[0].version == 18
    assert b"/" not in b"".join(node.SerializeToString() for node in proto.graph.node)
    assert {node.domain for node in proto.graph.node} == {""}


def test_a_loaded_model_exports_the_same(model, exported, tmp_path):
    model.save(tmp_path / "m")
    MLP.load(tmp_path / "m").export_onnx(tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()


def test_an_existing_file_is_kept_unless_told(model, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.export_onnx(path)
    assert path.read_text() == "mine"


def test_a_file_that_answers_otherwise_is_not_kept(model, tmp_path, monkeypatch):
    monkeypatch.setattr(_onnx, "_ROUNDING", -1.0)
    with pytest.raises(RuntimeError, match="answers otherwise than the model"):
        model.export_onnx(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_published_preset_reads_counts(tiny, fit, tmp_path):
    model = fit(tiny, labels_key="label", layer=None, preset="published", n_hidden=(4, 3))
    model.export_onnx(tmp_path / "m.onnx")
    about = metadata(runtime.InferenceSession(tmp_path / "m.onnx"))
    assert (about["expression"], about["target_sum"]) == ("log1p_counts", "")
    assert about["input"].startswith("log1p of counts; ")


def test_untrained(tiny, tmp_path):
    MLP.setup_anndata(tiny, labels_key="label")
    with pytest.raises(NotTrainedError, match=r"model.train\(\)"):
        MLP(tiny).export_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_without_the_packages(model, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as caught:
        model.export_onnx(tmp_path / "m.onnx")
    assert caught.value.__notes__ == ["pip install 'cellclass[onnx]'"]
