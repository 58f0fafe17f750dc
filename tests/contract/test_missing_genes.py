"""What missing genes cost: curves, and the input that they are measured on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellclass as cc
from cellclass._checks import label_codes
from cellclass.contract import SHARES, InputContract, MissingGenes, with_fewer_genes

MISSING = np.array([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]])
CURVES = MissingGenes(
    missing=MISSING,
    importance=np.array([[0.0, 0.5, 1.0], [0.0, 0.9, 1.0]]),
    accuracy=np.array([[0.9, 0.8, 0.1], [0.9, 0.4, 0.1]]),
    temperature=np.array([[1.0, 2.0, 3.0], [1.0, 4.0, 5.0]]),
    distances=np.arange(12.0).reshape(2, 3, 2),
    n_cells=2,
    losses=np.arange(12.0).reshape(2, 3, 2) / 2,
)


@pytest.mark.parametrize(
    ("missing", "importance", "expected"),
    [
        (0.0, 0.0, (0.9, 1.0)),
        (0.5, 0.5, (0.8, 2.0)),
        (0.5, 0.9, (0.4, 4.0)),
        (0.7, 0.9, (0.32, 3.4)),  # half-way from 0.5 to the 0.9 that it takes at random
        (0.25, 0.25, (0.85, 1.5)),
        (0.6, 0.5, (0.8, 2.0)),
    ],
)
def test_between_the_points(missing, importance, expected):
    found = CURVES.at(missing, importance)
    np.testing.assert_allclose((found.accuracy, found.temperature), expected)


@given(st.floats(0, 1), st.floats(0, 1))
def test_never_outside_what_was_measured(missing, importance):
    accuracy, temperature, distances, losses = CURVES.at(missing, importance)
    assert 0.1 <= accuracy <= 0.9
    assert 1.0 <= temperature <= 5.0
    assert 0 <= distances[0] < distances[1] <= 11
    np.testing.assert_allclose(losses, distances / 2)


def test_standard_error():
    assert replace(CURVES, n_cells=100).error(0.5) == pytest.approx(0.05)
    assert CURVES.error(1.0) == 0.0


def test_arrays_give_the_same_back():
    found = MissingGenes.from_arrays(CURVES.to_arrays())
    for name, values in vars(CURVES).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    older = replace(CURVES, losses=None)
    assert MissingGenes.from_arrays(older.to_arrays()).at(0.5, 0.5).losses is None


def test_input_is_that_of_a_query_without_the_genes(cells):
    codes, labels = label_codes(cells.obs["cell_type"], "cell_type")
    contract, bound, _ = InputContract.learn(
        cells,
        layer="counts",
        codes=codes,
        labels=tuple(labels),
        parts=[np.arange(0, cells.n_obs, 2)],
        n_top_genes=40,
        expression="log1p_normalized",
    )
    some = np.arange(1, 101, 2)
    few = bound.only(some)
    assert few.n_obs == 50
    np.testing.assert_array_equal(few.read(slice(None)), bound.read(some))
    points = set()
    for row, place, fewer in with_fewer_genes(
        few, contract.gene_share, contract.importance, seed=0
    ):
        points.add((row, place))
        query = cells[some, fewer.match.known].copy()
        asked = [0.0, *SHARES][place]
        if row == 0:
            assert query.n_vars == cells.n_vars - round(asked * cells.n_vars)
        else:
            assert fewer.match.missing.size == round(asked * contract.n_genes)
            best = np.argsort(-contract.importance, kind="stable")[: fewer.match.missing.size]
            assert set(fewer.match.missing) == set(best)
        if fewer.match.missing_share < 0.8 and place:
            expected = contract.bind(query)
            assert expected.match.missing.tolist() == fewer.match.missing.tolist()
            assert expected.match.missing_share == pytest.approx(fewer.match.missing_share)
            np.testing.assert_allclose(
                fewer.read(slice(None)), expected.read(slice(None)), rtol=1e-6
            )
    assert points == {(row, place) for row in (0, 1) for place in range(len(SHARES) + 1)}


def test_a_gene_without_a_name():
    """It is selected, but not found, not even in the reference."""
    cells = cc.datasets.simulate_counts(90, 40, n_labels=3, n_markers=10)
    cells.var_names = ["", *cells.var_names[1:]]
    cc.model.CellClassifierMLP.setup_anndata(cells, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(cells, validation_size=0.2)
    bound = model.contract.bind(cells)
    assert (bound.match.position < 0).sum() == 1
    contract = model.contract
    made = with_fewer_genes(bound, contract.gene_share, contract.importance, seed=0)
    n_known = [int(fewer.match.known.sum()) for row, _, fewer in made if row == 1]
    assert n_known == sorted(n_known, reverse=True)
    assert n_known[0] == 39
