"""Scores are scikit-learn's, over the true labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from cellclass.metrics import classification_report_df, classification_scores, confusion_df

LABELS = st.sampled_from(["B", "NK/T", "mono cyte"])


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30))
def test_scores_are_those_of_scikit_learn(pairs):
    truth, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    labels = sorted(set(truth))
    found = classification_scores(truth, predicted)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    recall = metrics.recall_score(truth, predicted, labels=labels, average="macro")
    assert found["balanced_accuracy"] == pytest.approx(recall)
    f1 = metrics.f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(f1)
    report = classification_report_df(truth, predicted)
    assert report.index.tolist() == labels
    assert report["support"].sum() == len(pairs)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30))
def test_confusion_counts_every_cell_once(pairs):
    truth, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    table = confusion_df(truth, predicted)
    for true in table.index:
        for given_ in table.columns:
            assert table.loc[true, given_] == ((truth == true) & (predicted == given_)).sum()
    assert table.to_numpy().sum() == len(pairs)
    assert table.index.tolist() == sorted(set(truth))
    assert set(table.columns) == set(truth) | set(predicted)


def test_predictions_outside_the_true_labels_count_as_wrong():
    scores = classification_scores(["B", "B", "T"], ["B", "unassigned", "T"])
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["balanced_accuracy"] == pytest.approx(0.75)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_without_cells():
    assert all(np.isnan(value) for value in classification_scores([], []).values())


@pytest.mark.parametrize(
    "function", [classification_scores, classification_report_df, confusion_df]
)
def test_lengths_must_agree(function):
    with pytest.raises(ValueError, match=r"truth \(2,\) and predicted \(1,\)"):
        function(["a", "b"], ["a"])
