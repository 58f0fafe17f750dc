"""Warnings name the line of whoever called."""

import warnings
from functools import partial

import pytest

import cellclass as cc
from cellclass._warn import warn


def called_from(module, function):
    """Return what calls a function from a module of that name."""
    names = {"__name__": module, "function": function}
    exec("def call():\n    function()", names)
    return names["call"]


@pytest.mark.parametrize(
    "modules",
    [
        ("cellclass.tl._annotate",),
        ("cellclass.contract", "cellclass.model", "cellclass.tl"),
        ("cellclass.contract", "scvi.model.base", "cellclass.model"),  # a library calls us back
        (),
    ],
)
def test_the_line_is_that_of_the_caller_of_the_outermost(modules):
    function = partial(warn, "look here")
    for module in modules:
        function = called_from(module, function)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    assert [(str(one.message), one.filename) for one in caught] == [("look here", __file__)]


def test_another_package_of_a_similar_name_is_not_ours():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        called_from("cellclass_helpers", partial(warn, "look here"))()
    assert caught[0].filename == "<string>"


def test_a_query_without_genes_is_told_of_where_it_was_annotated():
    adata = cc.datasets.simulate_counts(200, 60, n_labels=2)
    cc.model.CellClassifierMLP.setup_anndata(adata, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(adata, validation_size=0.2)
    model.train(max_epochs=1, enable_progress_bar=False)
    query = adata[:, ::3].copy()
    for function in (model.predict, partial(cc.tl.annotate, model=model)):
        with pytest.warns(UserWarning, match="The query lacks") as caught:
            function(query)
        assert caught[0].filename == __file__
