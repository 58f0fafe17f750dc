"""Options that do not apply are refused with the reason, before anything is loaded."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from cellclass.cli import main


def said(tmp_path, *options):
    (tmp_path / "r.h5ad").touch()
    given = ["train", str(tmp_path / "r.h5ad"), "--labels-key", "x", "--out", "m", *options]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--n-bins", "5"], "--n-bins is for --model performer: it is about the tokens"),
        (["--gene-embedding", __file__], "--gene-embedding is for --model performer"),
        (["--model", "cnn", "--n-hidden", "9"], "--n-hidden is for --model mlp"),
        (["--model", "cnn", "--dropout", "0.1"], "for --model mlp and --model performer"),
        (["--gene-order", "js"], "--gene-order is for --model cnn: only convolutions"),
        (["--model", "performer", "--preset", "default"], "sizes of it: --size"),
        (["--previous-layer", "x"], "it reads two time points"),
        (["--mask-prob", "0.2"], "--mask-prob is for --model performer"),
        (["--model", "performer", "--mask-prob", "0.2"], "give --pretrain or --pretrain-cells"),
        (["--model", "performer", "--freeze", "none"], "give --from-pretrained, too"),
        (["--pretrain"], "only the transformer is pre-trained"),
        (["--layer-decay", "0.5"], "only the transformer has layers"),
        (["--model", "forest"], "'forest' is not one of"),
        (["--epochs", "0"], "x>=1"),
    ],
)
def test_refused(tmp_path, options, message):
    assert message in said(tmp_path, *options)


def test_a_reference_that_is_not_there():
    done = CliRunner().invoke(main, ["train", "none.h5ad", "--labels-key", "x", "--out", "m"])
    assert done.exit_code == 2
    assert "does not exist" in done.output


def test_usage_needs_no_library(tmp_path):
    (tmp_path / "r.h5ad").touch()
    code = (
        "import sys\nfrom cellclass.cli import main\n"
        "try:\n    main(['train', *sys.argv[1:]])\n"
        "except SystemExit:\n    pass\nprint('torch' in sys.modules)"
    )
    arguments = [tmp_path / "r.h5ad", "--labels-key", "x", "--out", "m", "--n-bins", "3"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
