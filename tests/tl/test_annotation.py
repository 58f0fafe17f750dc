"""An annotation is read whole, or the part that is not there is named."""

import numpy as np
import pytest

from cellclass.errors import LabelError
from cellclass.tl._annotation import check_added, label_column, read_annotation, to_write

P = [[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]]


def test_what_is_read(annotated):
    adata = annotated(P, ["NK/T", "B"], unassigned=[2])
    found = read_annotation(adata, "cellclass")
    assert found.labels == ("NK/T", "B")
    assert found.codes.tolist() == [0, 1, -1]
    assert found.assigned.tolist() == [True, True, False]
    np.testing.assert_allclose(found.probability, P, atol=1e-7)
    assert label_column(found.labels, found.codes).equals(adata.obs["cellclass"].array)


def test_categories_that_no_cell_has_may_be_gone(annotated):
    adata = annotated(P, ["NK/T", "B"])[[1]].copy()
    assert adata.obs["cellclass"].cat.categories.tolist() == ["B"]
    assert read_annotation(adata, "cellclass").codes.tolist() == [1]


def test_parts_that_are_not_there(annotated):
    adata = annotated(P, ["T", "B"])
    with pytest.raises(TypeError, match="AnnData"):
        read_annotation("query.h5ad", "cellclass")
    with pytest.raises(KeyError, match=r"no annotation under key='other'.*annotate"):
        read_annotation(adata, "other")
    adata.obsm["cellclass_probability"] = adata.obsm["cellclass_probability"].iloc[:, :1]
    with pytest.raises(KeyError, match=r"has 1 columns.*2 labels.*annotate"):
        read_annotation(adata, "cellclass")
    del adata.obsm["cellclass_probability"]
    with pytest.raises(KeyError, match=r"cellclass_probability.*missing"):
        read_annotation(adata, "cellclass")
    del adata.uns["cellclass"]
    with pytest.raises(KeyError, match=r"uns_merge.*annotate"):
        read_annotation(adata, "cellclass")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Bcell", "holds 'Bcell', which is none.*'T'"),
        (None, "no label for 1 of 3 cells.*cc.tl.annotate"),
    ],
)
def test_labels_that_were_edited(annotated, value, words):
    adata = annotated(P, ["T", "B"])
    adata.obs["cellclass"] = ["T", value, "B"]
    with pytest.raises(LabelError, match=words):
        read_annotation(adata, "cellclass")


def test_nothing_of_the_callers_is_overwritten(annotated):
    adata = annotated(P, ["T", "B"])
    check_added(adata, "new", ["new", "new_plain"], "cc.tl.vote")
    adata.obs["new_plain"] = 1
    with pytest.raises(ValueError, match=r"obs\['new_plain'\], which cc.tl.vote did not write"):
        check_added(adata, "new", ["new", "new_plain"], "cc.tl.vote")
    adata.uns["new"] = {"params": {"function": "cc.tl.vote"}}
    check_added(adata, "new", ["new", "new_plain"], "cc.tl.vote")
    with pytest.raises(ValueError, match=r"obs\['new_plain'\], which cc.tl.other"):
        check_added(adata, "new", ["new", "new_plain"], "cc.tl.other")
    with pytest.raises(ValueError, match=r"uns\['cellclass'\]"):
        check_added(adata, "cellclass", [], "cc.tl.vote")
    for name in ("", "a/b"):
        with pytest.raises(ValueError, match="is no name for a column"):
            check_added(adata, name, [], "cc.tl.vote")


def test_written_before_and_concatenated(annotated):
    adata = annotated(P, ["T", "B"])
    adata.obs["new"], adata.obs["new_plain"] = 1, 1
    check_added(adata, "new", ["new", "new_plain"], "cc.tl.vote")
    assert "new" not in adata.uns


def test_where_to_write(annotated, tmp_path):
    adata = annotated(P, ["T", "B"])
    assert to_write(adata, copy=False) is adata
    assert to_write(adata, copy=True) is not adata
    view = adata[:2]
    assert not to_write(view, copy=False).is_view
    adata.write_h5ad(tmp_path / "q.h5ad")
    import anndata as ad

    backed = ad.read_h5ad(tmp_path / "q.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"to_memory\(\)"):
        to_write(backed, copy=True)
    backed.file.close()
