"""Other packages are quiet inside the contexts and themselves again outside."""

import logging
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cellclass.train import quiet_lightning
from cellclass.train._quiet import quiet_regression

NAME = "lightning.pytorch.utilities.rank_zero"


def test_levels_come_back_even_after_an_error():
    logger = logging.getLogger(NAME)
    before = logger.level
    with quiet_lightning():
        assert logger.level == logging.WARNING
    assert logger.level == before
    with pytest.raises(RuntimeError, match="boom"), quiet_lightning():
        raise RuntimeError("boom")
    assert logger.level == before


def test_warnings_that_a_caller_can_act_on_still_come():
    with quiet_lightning(), pytest.warns(UserWarning, match="act on this"):
        warnings.warn("act on this", stacklevel=1)


def test_filters_are_left_as_they_were():
    before = list(warnings.filters)
    with quiet_lightning():
        warnings.warn("DataLoader does not have many workers", stacklevel=1)
    assert warnings.filters == before


def test_a_regression_of_many_rare_labels_that_does_not_converge_says_nothing():
    X = np.random.default_rng(0).normal(size=(30, 5))
    with quiet_regression():  # warnings are errors here
        LogisticRegression(C=1e6, max_iter=2).fit(X, np.arange(30) % 20)
