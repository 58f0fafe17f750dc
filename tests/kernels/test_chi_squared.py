import numpy as np
import pytest
from scipy.stats import chi2

from cellclass.kernels import chi_squared_tail


@pytest.mark.parametrize("ratio", [1e-3, 0.3, 0.9, 1.0, 1.1, 3.0, 30.0])
def test_equals_scipy(ratio):
    dof = np.arange(1, 700)
    statistic = ratio * dof
    expected = chi2.sf(statistic, dof)
    normal = expected > 1e-290
    result = chi_squared_tail(statistic, dof)
    np.testing.assert_allclose(result[normal], expected[normal], rtol=1e-10)
    assert (result[~normal] < 1e-289).all()


def test_far_tail_with_few_degrees_of_freedom():
    statistic = np.array([100.0, 500.0, 1300.0, 5000.0])
    for dof in (1, 2, 3, 10):
        result = chi_squared_tail(statistic, np.full(4, dof))
        np.testing.assert_allclose(result, chi2.sf(statistic, dof), rtol=1e-10, atol=1e-300)


def test_nothing_to_test():
    result = chi_squared_tail(np.array([[0.0, 3.0, 0.0]]), np.array([[0, 0, 4]]))
    assert result.tolist() == [[1.0, 1.0, 1.0]]
    assert chi_squared_tail(np.empty((2, 0)), np.empty((2, 0), dtype=int)).shape == (2, 0)
