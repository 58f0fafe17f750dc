"""Lightning is quiet inside the context and itself again outside."""

import logging
import warnings

import pytest

from cellclass.train import quiet_lightning

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
