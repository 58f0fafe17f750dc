"""Models that earlier stacks of releases saved are read by this one, and answer as they did."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parent / "golden"
STACKS = ("oldest", "newest")


@pytest.fixture(scope="module")
def golden():
    """The script that made the models."""
    spec = importlib.util.spec_from_file_location("golden_make", FOLDER / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", ["mlp", "cnn", "performer"])
def test_saved_models_answer_as_they_did(golden, stack, name):
    model = golden.MODELS[name][0].load(FOLDER / stack / name)
    found = golden.answers(model, golden.query())
    expected = pd.read_csv(FOLDER / stack / f"{name}.csv", index_col=0)
    assert list(found.columns) == list(expected.columns)
    assert list(found.index) == list(expected.index)
    for column in expected:
        if pd.api.types.is_float_dtype(expected[column]):
            np.testing.assert_allclose(found[column], expected[column], rtol=0, atol=1e-5)
        else:
            assert found[column].astype(str).tolist() == expected[column].astype(str).tolist()
