"""Errors of the caller become a line with the option that was typed; others stay."""

import errno

import click
import pytest
from click.testing import CliRunner

from cellclass.cli._errors import in_options, said_in_words
from cellclass.cli._options import Verb, option
from cellclass.errors import NotTrainedError

_RAISED = {}


@click.command(cls=Verb)
@option("--labels-key", python="groupby")
@option("--force", is_flag=True, python="overwrite")
@option("--key")
@option("--gene-aliases")
def verb(**_):
    with said_in_words():
        raise _RAISED["error"]


def said(error):
    _RAISED["error"] = error
    return CliRunner().invoke(verb)


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("groupby='x' is no column."), "--labels-key 'x' is no column."),
        (ValueError("Pass overwrite=True."), "Pass --force."),
        (ValueError("labels_key='x' and key='y'"), "labels_key='x' and --key 'y'"),
        (ValueError("no column of adata.obs. Write adata.X."), "no column of obs. Write X."),
        (ValueError("adata[adata.obs['a']].copy()"), "adata[adata.obs['a']].copy()"),
        (
            ValueError("groupby='x': gene_aliases=cc.datasets.hgnc_symbols() for human genes"),
            "--labels-key 'x': --gene-aliases hgnc for human genes",
        ),
        (NotTrainedError("It is not trained."), "It is not trained."),
        (NotImplementedError("Not there."), "Not there."),
        (OSError(errno.EACCES, "denied", "/a/b"), "no permission to write or read '/a/b'"),
        (OSError(errno.ENOSPC, "full", "/a/b"), "disk is full"),
        (OSError("torn"), "torn"),
        (MemoryError("2 GiB"), "--backed"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "--backed"),
        (OutOfMemoryError("CUDA"), "--batch-size"),
    ],
)
def test_what_a_user_can_mend(error, text):
    done = said(error)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert text in done.output


def test_notes_are_told():
    error = ImportError("No module named 'x'")
    error.add_note("pip install 'cellclass[x]'")
    assert "pip install 'cellclass[x]'" in said(error).output


def test_an_error_of_click_is_left_as_it_is():
    assert said(click.UsageError("Not so.")).exit_code == 2


@pytest.mark.parametrize("error", [RuntimeError("broken"), ZeroDivisionError("broken")])
def test_defects_are_not_hidden(error):
    assert said(error).exception is error


def test_outside_of_a_verb_names_stay():
    assert in_options("groupby='x'") == "groupby='x'"
