"""Lightning plans: how a network is fitted.

`ClassifierPlan`, `Recipe`
    Cross-entropy with one optimiser and schedule, and their settings.
`PretrainingPlan`
    Masked expression modelling on cells without labels.
`SafeCheckpointIO`, `KeepCheckpoint`
    Lightning's checkpoints without a pickle, and trainings that go on from one.
`fit_shallow_paths`, `weigh_paths`
    The shallow paths beside the deep one, and how much each of them counts.
`class_weights`, `prior_of_training`
    How much a cell of each label counts, and the shares of the labels as a fit saw them.
`fit_logistic_regression`
    The baseline of every model: a logistic regression, tuned.
`StopWhenWorse`
    Early stopping that a small validation set does not trigger by chance.
`all_alive`, `of_first_process`, `only_used`
    Several processes that train together.
`quiet_lightning`
    A training without Lightning's remarks about the machine.
`threads_for_step`
    One thread for steps too small to share.
"""

from cellclass.train._baseline import fit_logistic_regression
from cellclass.train._callbacks import StopWhenWorse
from cellclass.train._checkpoint import SafeCheckpointIO
from cellclass.train._class_weights import class_weights, prior_of_training
from cellclass.train._paths import fit_shallow_paths, weigh_paths
from cellclass.train._plan import ClassifierPlan, Recipe
from cellclass.train._pretraining import PretrainingPlan
from cellclass.train._processes import all_alive, of_first_process, only_used
from cellclass.train._quiet import quiet_lightning
from cellclass.train._resuming import OURS, KeepCheckpoint
from cellclass.train._threads import threads_for_step

__all__ = [
    "OURS",
    "ClassifierPlan",
    "KeepCheckpoint",
    "PretrainingPlan",
    "Recipe",
    "SafeCheckpointIO",
    "StopWhenWorse",
    "all_alive",
    "class_weights",
    "fit_logistic_regression",
    "fit_shallow_paths",
    "of_first_process",
    "only_used",
    "prior_of_training",
    "quiet_lightning",
    "threads_for_step",
    "weigh_paths",
]
