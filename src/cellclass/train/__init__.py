"""Lightning plans: how a network is fitted.

`ClassifierPlan`, `Recipe`
    Cross-entropy with one optimiser and schedule, and their settings.
`KeepBestWeights`
    Callback that ends a training with the weights of the best validation loss.
`quiet_lightning`
    A training without Lightning's remarks about the machine.
"""

from cellclass.train._callbacks import KeepBestWeights
from cellclass.train._plan import ClassifierPlan, Recipe
from cellclass.train._quiet import quiet_lightning

__all__ = ["ClassifierPlan", "KeepBestWeights", "Recipe", "quiet_lightning"]
