"""`cellclass info` tells what is installed, and looks at whatever it is given."""

from importlib.metadata import version


def test_the_installation(run, run_json):
    found = run_json("info")
    assert found["verb"] == "info"
    assert found["versions"]["cellclass"] == version("cellclass")
    assert found["versions"]["torch"] == version("torch")
    assert found["devices"][0] == "cpu"
    assert found["n_processors"] >= 1
    text = run("info").stdout
    assert version("anndata") in text
    assert "Installation" in text


def test_what_is_not_installed(run, run_json, monkeypatch):
    from cellclass.cli import _info

    monkeypatch.setattr(_info, "_PACKAGES", ("no-such-package",))
    assert run_json("info")["versions"] == {"no-such-package": None}
    assert "not installed" in run("info").stdout


def test_refused(run, folder):
    assert "model.json" in run("info", folder, code=1).stderr
    assert "cellclass convert" in run("info", folder / "table.csv", code=1).stderr
    assert "does not exist" in run("info", folder / "none", code=2).stderr
