"""The tables of an evaluation."""

import pytest

import cellclass as cc


@pytest.fixture
def scored(query, model):
    cc.tl.annotate(query, model)
    cc.tl.evaluate(query, "cell_type")
    return query


def test_tables(scored):
    labels = cc.get.evaluation_df(scored)
    assert list(labels) == ["precision", "recall", "f1", "support"]
    assert labels["support"].sum() == scored.n_obs
    confusion = cc.get.evaluation_df(scored, table="confusion")
    assert (confusion.index.name, confusion.columns.name) == ("truth", "predicted")
    assert (confusion.sum(axis=1) == labels["support"]).all()
    scores = cc.get.evaluation_df(scored, table="scores")
    assert len(scores) == 1
    assert scores["n_obs"].item() == scored.n_obs
    assert cc.get.evaluation_df(scored, table="reliability").shape == (15, 5)


@pytest.mark.parametrize("table", ["labels", "confusion", "scores", "reliability"])
def test_changing_a_table_leaves_the_anndata(scored, table, unchanged):
    with unchanged(scored):
        frame = cc.get.evaluation_df(scored, table=table)
        frame.iloc[:, 0] = 0


def test_what_is_missing(scored, unchanged):
    with unchanged(scored), pytest.raises(ValueError, match="table='roc'; the tables are"):
        cc.get.evaluation_df(scored, table="roc")
    with pytest.raises(KeyError, match=r"cc.tl.evaluate\(adata, labels_key, key='other'\)"):
        cc.get.evaluation_df(scored, key="other")


@pytest.mark.parametrize("table", ["labels", "confusion", "scores", "reliability"])
def test_an_entry_of_something_else(scored, table):
    scored.uns["cellclass_evaluation"] = {"params": {}}
    with pytest.raises(KeyError, match=r"lacks '.*'\. Call cc.tl.evaluate"):
        cc.get.evaluation_df(scored, table=table)
    scored.uns["cellclass_evaluation"] = "text"
    with pytest.raises(KeyError, match=r"There is no evaluation in uns\['cellclass_evaluation'\]"):
        cc.get.evaluation_df(scored, table=table)
