"""Tables of a comparison of proportions."""

import pytest

import cellclass as cc


@pytest.fixture
def compared(organoids):
    several = organoids[organoids.obs["condition"] != "C"].copy()
    cc.tl.compare_composition(several, "sample", "condition", n_resamples=200)
    return several


@pytest.mark.parametrize(
    ("table", "n_rows"), [("conditions", 12), ("samples", 36), ("differences", 12), ("cells", 9)]
)
def test_tables_are_copies(compared, table, n_rows, unchanged):
    with unchanged(compared):
        frame = cc.get.composition_df(compared, table=table)
        assert len(frame) == n_rows
        frame.iloc[:, -1] = frame.iloc[::-1, -1].to_numpy()


def test_what_is_not_there(compared, cells):
    with pytest.raises(KeyError, match=r"compare_composition.*key_added='cellclass_composition'"):
        cc.get.composition_df(cells)
    with pytest.raises(KeyError, match="without a reference for distances"):
        cc.get.composition_df(compared, table="distances")
    with pytest.raises(KeyError, match="without a reference as cells or shares"):
        cc.get.composition_df(compared, table="tissue")
    with pytest.raises(ValueError, match="table='labels'; the tables are 'conditions'"):
        cc.get.composition_df(compared, table="labels")
