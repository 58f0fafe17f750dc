"""The answer by both: calibrated logits averaged, p-values joined; the same after files."""

import numpy as np

from cellclass.model._protein_part import ProteinPart, mean_of, surprise_of


def test_parts_make_the_same(paired_model):
    part = paired_model._proteins
    again = ProteinPart.from_parts(part.to_dict(), part.to_arrays())
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    known = np.ones(8, dtype=bool)
    np.testing.assert_array_equal(again.logits(x, known), part.logits(x, known))
    np.testing.assert_array_equal(again.surprise, part.surprise)
    assert again.alone.temperature == part.alone.temperature
    assert again.both.temperature == part.both.temperature
    np.testing.assert_array_equal(again.both.thresholds(3, 0.8), part.both.thresholds(3, 0.8))
    np.testing.assert_array_equal(again.both_missing.accuracy, part.both_missing.accuracy)


def test_joined_logits_are_a_mean_of_calibrated_ones(paired_model):
    part, trust = paired_model._proteins, paired_model._trust
    rna, proteins = np.random.default_rng(0).normal(size=(2, 4, 3))
    wanted = mean_of(rna / trust.temperature, proteins / part.alone.temperature)
    np.testing.assert_allclose(part.joined(rna, proteins, trust), wanted)
    np.testing.assert_allclose(part.probability(wanted).sum(axis=1), 1)


def test_surprise_grows_with_either():
    small, large = np.array([0.01]), np.array([0.5])
    assert surprise_of(small, large) > surprise_of(large, large)
    assert surprise_of(large, small) == surprise_of(small, large)
    assert np.isfinite(surprise_of(np.ones(1), np.ones(1)))


def test_without_missing_proteins_nothing_changes(paired_model, paired_query):
    part = paired_model._proteins
    bound = part.contract.bind(paired_query["prot"], modality="prot")
    assert part.given(bound) is part


def test_missing_proteins_change_the_calibration(paired_model, paired_query):
    part = paired_model._proteins
    most = np.argsort(-part.contract.importance)[:3]
    left = np.setdiff1d(np.arange(8), most)
    bound = part.contract.bind(paired_query["prot"][:, left], modality="prot")
    given = part.given(bound)
    assert given.both.temperature != part.both.temperature
    assert given.both.losses.shape == (part.both_missing.n_cells,)
    assert given.alone.novelty.calibration.shape == (part.alone_missing.n_cells,)
    curve = part.alone_missing.accuracy
    assert (curve[:, 0] >= curve[:, -1]).all()
