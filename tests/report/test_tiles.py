"""The numbers at the head fit what is known."""

from cellclass._report._tiles import tiles_of


def tiles(facts):
    return {tile.name: tile for tile in tiles_of(facts)}


def test_with_truth(by_hand, facts_of):
    adata = by_hand(["A", "A", "B", "unassigned"], ["A", "B", "B", "C"], labels=["A", "B", "D"])
    found = tiles(facts_of(adata, labels_key="truth"))
    assert found["Accuracy"].value == "0.500"
    assert found["Accuracy, known labels"].value == "0.667"
    assert found["Accuracy, known labels"].note == "3 of 4 cells"
    assert found["Without a label"].value == "1"
    assert found["Labels given"].note == "of 3 that the model knows"
    assert "Expected share right" not in found


def test_beside_the_validation_cells(annotated, model, facts_of):
    found = tiles(facts_of(annotated, model, labels_key="cell_type"))
    assert found["Accuracy"].note == f"validation cells: {model.card['validation']['accuracy']:.3f}"


def test_without_truth(annotated, facts_of):
    found = tiles(facts_of(annotated))
    assert "Accuracy" not in found
    assert found["Expected share right"].value.endswith("%")


def test_nothing_is_known(by_hand, facts_of):
    found = tiles(facts_of(by_hand(["unassigned"] * 2, pvalue=float("nan"))))
    assert found["Mean confidence"].value == found["Unlike the reference"].value == "–"
