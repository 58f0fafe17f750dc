"""The error tree: one base, and built-in kin."""

import inspect

import pytest

from cellclass import errors

KIN = {
    "DownloadError": OSError,
    "FileFormatError": ValueError,
    "GeneError": ValueError,
    "LabelError": ValueError,
    "ModelFileError": ValueError,
    "NotTrainedError": RuntimeError,
    "ScaleError": ValueError,
    "ValuesError": ValueError,
    "WriteError": OSError,
}


def test_all_errors_are_listed():
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert classes == set(errors.__all__) == {"CellclassError", *KIN}


@pytest.mark.parametrize("name", KIN)
def test_kin(name):
    error = getattr(errors, name)
    assert issubclass(error, errors.CellclassError)
    assert issubclass(error, KIN[name])
    assert error.__doc__


def test_a_wrong_scale_is_a_kind_of_wrong_values():
    assert issubclass(errors.ScaleError, errors.ValuesError)
