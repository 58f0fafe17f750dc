"""`cellclass info MODEL` tells what a saved model expects."""

import cellclass as cc


def test_what_a_model_expects(run, run_json, folder):
    found = run_json("info", folder / "model")
    model = cc.model.CellClassifierMLP.load(folder / "model")
    assert found["class"] == "CellClassifierMLP"
    assert found["labels"] == list(model.labels)
    assert found["genes"] == model.contract.model_genes.tolist()
    assert found["target_sum"] == model.contract.target_sum
    assert (found["labels_key"], found["layer"], found["n_genes"]) == ("cell_type", None, 40)
    assert found["validation"] == model.card["validation"]
    text = " ".join(run("info", folder / "model").stdout.split())
    assert "type_0, type_1, type_2" in text
    assert f"accuracy {model.card['validation']['accuracy']:.3f}" in text


def test_an_altered_model_is_refused(run, folder):
    text = folder / "model" / "model.json"
    text.write_text(text.read_text().replace("type_0", "type_9"))
    assert "altered" in run("info", folder / "model", code=1).stderr
