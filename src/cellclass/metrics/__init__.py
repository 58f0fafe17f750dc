"""Scores, calibration and novelty on plain arrays: numpy in, numbers out.

`expected_calibration_error`, `reliability_curve`
    How far confidence is from the share of right answers.
`classification_scores`, `classification_report_df`, `confusion_df`
    Accuracy, balanced accuracy and macro-F1; scores per label; the confusion table.
`attribution_stability`
    How far several trainings agree on the genes.
`fit_temperature`, `softmax`
    Calibrated probabilities from logits.
`NoveltyScorer`, `CrossNovelty`
    How unlike the training cells a cell is, as a conformal p-value; of one network or several.
`ConformalSets`, `log_losses`
    Sets of labels that hold the true one with a stated probability.
`correct_proportions`
    Proportions of labels, corrected with a confusion matrix.
`estimate_prior_shift`, `PriorShift`
    Other proportions of the labels in a query than in training.
"""

from cellclass.metrics._attribution import attribution_stability
from cellclass.metrics._calibration import (
    expected_calibration_error,
    fit_temperature,
    reliability_curve,
    softmax,
)
from cellclass.metrics._classification import (
    classification_report_df,
    classification_scores,
    confusion_df,
)
from cellclass.metrics._conformal import ConformalSets, log_losses
from cellclass.metrics._cross_novelty import CrossNovelty
from cellclass.metrics._novelty import NoveltyScorer
from cellclass.metrics._prior_shift import PriorShift, estimate_prior_shift
from cellclass.metrics._proportions import correct_proportions

__all__ = [
    "ConformalSets",
    "CrossNovelty",
    "NoveltyScorer",
    "PriorShift",
    "attribution_stability",
    "classification_report_df",
    "classification_scores",
    "confusion_df",
    "correct_proportions",
    "estimate_prior_shift",
    "expected_calibration_error",
    "fit_temperature",
    "log_losses",
    "reliability_curve",
    "softmax",
]
