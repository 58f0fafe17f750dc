"""`cellclass info FILE` tells what there is to give to the other verbs."""

import numpy as np
import pytest

from cellclass.cli._files import read_cells


@pytest.mark.parametrize("name", ["reference.h5ad", "reference.zarr"])
def test_columns_and_scales(run, run_json, folder, name):
    found = run_json("info", folder / name)
    cells = read_cells(folder / name)
    assert (found["n_obs"], found["n_vars"]) == cells.shape
    assert found["scales"]["X"] == {"name": "counts", "text": "counts", "usable": True}
    assert found["scales"]["layer 'counts'"]["usable"]
    assert not found["scales"]["layer 'scaled'"]["usable"]
    assert found["obs"]["cell_type"]["levels"] == cells.obs["cell_type"].value_counts().to_dict()
    text = run("info", folder / name).stdout
    assert "180 × 80" in text
    assert "type_0" in text


def test_other_columns(run_json, folder):
    cells = read_cells(folder / "query.h5ad")
    cells.obs["depth"] = np.arange(180.0)
    cells.obs.loc[cells.obs_names[:3], "depth"] = np.nan
    cells.obs["barcode"] = [f"c{i}" for i in range(180)]
    cells.obs["good"] = cells.obs["depth"] > 9
    cells.X[0, 0] = np.nan
    cells.write_h5ad(folder / "other.h5ad")
    found = run_json("info", folder / "other.h5ad")
    assert found["obs"]["depth"]["text"] == "numbers from 3 to 179; 3 missing"
    assert found["obs"]["barcode"]["n_levels"] == 180
    assert "levels" not in found["obs"]["barcode"]
    assert found["obs"]["good"]["levels"] == {"True": 170, "False": 10}
    assert found["scales"]["X"]["text"].startswith("not usable: ")
