import numpy as np
import pytest
from scipy import integrate, stats

from genlab.datasets import old_faithful
from genlab.models import gaussian
from genlab.models.gaussian import Gaussian

MEAN = np.array([1.0, -2.0])
COVARIANCE = np.array([[2.0, 0.9], [0.9, 0.5]])


def test_one_gaussian_on_old_faithful_azzalini_and_bowman_1990():
    data = old_faithful()
    assert gaussian.fit(data).log_prob(data).sum() == pytest.approx(-1289.7967, abs=5e-5)


def test_log_prob_is_scipys():
    x = np.random.default_rng(0).normal(size=(100, 2))
    expected = stats.multivariate_normal(MEAN, COVARIANCE).logpdf(x)
    np.testing.assert_allclose(Gaussian(MEAN, COVARIANCE).log_prob(x), expected, rtol=1e-12)


def test_density_integrates_to_one_in_one_dimension():
    model = Gaussian([3.0], [[0.25]])
    total, _ = integrate.quad(lambda t: np.exp(model.log_prob([[t]])[0]), -5, 11, points=[3])
    assert total == pytest.approx(1, abs=1e-9)


def test_samples_follow_the_density():
    x = Gaussian(MEAN, COVARIANCE).sample(20_000, np.random.default_rng(1))
    white = np.linalg.solve(np.linalg.cholesky(COVARIANCE), (x - MEAN).T)
    for axis in (*white, (white[0] + white[1]) / np.sqrt(2)):
        assert stats.kstest(axis, stats.norm.cdf).pvalue > 1e-7


def test_fit_is_the_mean_and_the_covariance_divided_by_n():
    data = np.random.default_rng(2).normal(size=(50, 3))
    model = gaussian.fit(data)
    np.testing.assert_allclose(model.mean, data.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(model.covariance, np.cov(data.T, bias=True), rtol=1e-12)


def test_no_other_gaussian_is_more_likely():
    rng = np.random.default_rng(3)
    data = rng.normal(size=(200, 2))
    best = gaussian.fit(data)
    for _ in range(20):
        step = 0.01 * rng.normal(size=(2, 2))
        other = Gaussian(best.mean + step[0], best.covariance + step @ step.T)
        assert other.log_prob(data).sum() < best.log_prob(data).sum()


def test_determinant_that_underflows():
    d = 100
    model = Gaussian(np.zeros(d), 1e-4 * np.eye(d))
    expected = -0.5 * d * np.log(2 * np.pi * 1e-4)
    np.testing.assert_allclose(model.log_prob(np.zeros((1, d))), expected, rtol=1e-13)


def test_a_thousand_standard_deviations_away():
    expected = -0.5 * 1000**2 - 0.5 * np.log(2 * np.pi * 4)
    np.testing.assert_allclose(Gaussian([0.0], [[4.0]]).log_prob([[2000.0]]), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        (0.0, [[1.0]], "mean must have 1 axes"),
        ([], np.zeros((0, 0)), "mean must have 1 axes"),
        ([np.nan, 0], np.eye(2), "mean must be finite"),
        ([0, 0], np.eye(3), r"covariance must have shape \(2, 2\), got shape \(3, 3\)"),
        ([0, 0], [[1, np.inf], [np.inf, 1]], "covariance must be finite"),
        ([0, 0], [[1, 0.5], [0, 1]], "covariance must be symmetric"),
        ([0, 0], [[1, 2], [2, 1]], "covariance must be positive definite"),
        ([0, 0], [[1, 1], [1, 1]], "covariance must be positive definite"),
        ([0], [[0]], "covariance must be positive definite"),
    ],
)
def test_bad_parameters(mean, covariance, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Gaussian(mean, covariance)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1.0, 2.0, 3.0], r"data must have shape \(N, d\).*got shape \(3,\)"),
        (np.zeros((0, 2)), r"data must have shape \(N, d\)"),
        ([[0.0, 1.0], [np.nan, 0.0]], r"data must be finite, got \[nan  0.\] in row 1"),
        ([[0.0, 1.0], [1.0, 0.0]], "data must have more rows than columns"),
        (np.outer(np.arange(9.0), [0.1, 0.3]), "data must have more rows than columns"),
        (np.random.default_rng(0).normal(size=(99, 1)) * [1, -0.3], "data must have more rows than columns"),
        ([[0.1, 1.0], [0.1, 2.0], [0.1, 4.0]], "data must have more rows than columns"),
    ],
)
def test_bad_data(data, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        gaussian.fit(data)


def test_bad_arguments():
    model = Gaussian(MEAN, COVARIANCE)
    with pytest.raises(ValueError, match=r"^x must have shape \(N, 2\)"):
        model.log_prob([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match=r"^n must be at least 0"):
        model.sample(-1, np.random.default_rng(0))
