"""The picture shows the losses of the history."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import cellclass as cc
from cellclass.errors import NotTrainedError


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_lines(model):
    ax = cc.pl.training_history(model, show=False)
    lines = {line.get_label(): line for line in ax.lines}
    assert set(lines) == {"training cells", "validation cells"}
    for label, name in (("training cells", "train_loss"), ("validation cells", "validation_loss")):
        loss = model.history[name][name].astype(float)
        np.testing.assert_allclose(lines[label].get_ydata(), loss)
        np.testing.assert_allclose(lines[label].get_xdata(), loss.index + 1)
    assert "nats" in ax.get_ylabel()
    ax.figure.canvas.draw()


def test_without_validation_cells(tiny, fit):
    model = fit(tiny, labels_key="label", layer=None, validation_size=0)
    ax = cc.pl.training_history(model)
    assert [line.get_label() for line in ax.lines] == ["training cells"]


def test_loaded_model_and_own_axes(model, tmp_path):
    model.save(tmp_path / "m")
    _, ax = plt.subplots()
    again = cc.model.CellClassifierMLP.load(tmp_path / "m")
    assert cc.pl.training_history(again, ax=ax) is ax
    assert len(ax.lines) == 2


def test_untrained(tiny):
    cc.model.CellClassifierMLP.setup_anndata(tiny, labels_key="label")
    with pytest.raises(NotTrainedError, match=r"model.train\(\)"):
        cc.pl.training_history(cc.model.CellClassifierMLP(tiny))
    assert plt.get_fignums() == []
