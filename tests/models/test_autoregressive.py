import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats
from scipy.linalg import toeplitz

from genlab.models import autoregressive
from genlab.models.autoregressive import Autoregression

MODELS = [
    Autoregression([0.7], 1.0, 0.5),
    Autoregression([-0.9], 0.0, 2.0),
    Autoregression([1.2, -0.5], -2.0, 1.0),
    Autoregression([0.1, 0.2, 0.3, -0.4], 3.0, 0.1),
]


def joint(model, n):
    """Mean and covariance of n values in a row, from the response to noise: no equation is solved."""
    response = np.zeros(4000)
    response[0] = 1
    for t in range(1, len(response)):
        past = response[max(t - len(model.coefficients), 0) : t][::-1]
        response[t] = past @ model.coefficients[: len(past)]
    covariances = [model.variance * response[: len(response) - k] @ response[k:] for k in range(n)]
    return np.full(n, model.intercept * response.sum()), toeplitz(covariances)


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_the_density_is_the_joint_gaussian_of_scipy(model, length):
    mean, covariance = joint(model, length)
    x = np.random.default_rng(0).normal(mean, 2, size=(5, length))
    assert_allclose(model.mean, mean[0])
    assert_allclose(model.autocovariance(length), covariance[0], atol=1e-12)
    expected = stats.multivariate_normal(mean, covariance).logpdf(x)
    assert_allclose(model.log_prob(x), np.atleast_1d(expected))


def test_autocovariances_in_closed_form():
    assert_allclose(MODELS[0].autocovariance(5), 0.5 / (1 - 0.49) * 0.7 ** np.arange(5))
    first, second = MODELS[2].coefficients
    covariances = MODELS[2].autocovariance(3)
    assert_allclose(covariances[1] / covariances[0], first / (1 - second))  # Yule and Walker


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_forecast_is_the_joint_gaussian_given_its_past(model):
    n, steps = 8, 6
    mean, covariance = joint(model, n + steps)
    history = np.random.default_rng(1).normal(mean[:n], 1)
    gain = np.linalg.solve(covariance[:n, :n], covariance[:n, n:]).T
    found, deviation = model.forecast(history, steps)
    assert_allclose(found, mean[n:] + gain @ (history - mean[:n]))
    assert_allclose(deviation**2, np.diag(covariance[n:, n:] - gain @ covariance[:n, n:]))


def test_far_ahead_a_forecast_is_the_mean_of_the_series():
    mean, deviation = MODELS[2].forecast([50, 60], 400)
    assert_allclose([mean[-1], deviation[-1] ** 2], [MODELS[2].mean, MODELS[2].autocovariance(1)[0]])


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_draws_have_the_joint_gaussians_moments(model):
    n, length = 20_000, 7
    mean, covariance = joint(model, length)
    x = model.sample(n, np.random.default_rng(2), length=length) - mean
    scale = np.sqrt(np.diag(covariance))
    assert (np.abs(x.mean(axis=0)) < 6 * scale / np.sqrt(n)).all()
    error = np.sqrt((np.outer(scale, scale) ** 2 + covariance**2) / n)
    assert (np.abs(x.T @ x / n - covariance) < 6 * error).all()
    assert model.sample(3, np.random.default_rng(0), length=1).shape == (3, 1)


# Fitting.


def test_the_fit_maximises_the_conditional_likelihood():
    x = MODELS[2].sample(3, np.random.default_rng(3), length=60)
    model = autoregressive.fit(x, 2)

    def loss(parameters):
        a, b, c, log_variance = parameters
        noise = x[:, 2:] - a * x[:, 1:-1] - b * x[:, :-2] - c
        return -stats.norm(0, np.exp(0.5 * log_variance)).logpdf(noise).sum()

    best = optimize.minimize(loss, [0, 0, 0, 0], tol=1e-9, method="BFGS", options={"gtol": 1e-4})
    assert_allclose([*model.coefficients, model.intercept], best.x[:3], atol=1e-5)
    assert_allclose(np.log(model.variance), best.x[3], atol=1e-5)


@pytest.mark.parametrize("truth", MODELS, ids=repr)
def test_the_fit_of_much_data_is_near_the_truth(truth):
    x = truth.sample(1, np.random.default_rng(4), length=100_000)
    model = autoregressive.fit(x, len(truth.coefficients))
    assert_allclose(model.coefficients, truth.coefficients, atol=6 / np.sqrt(x.size))  # 1 / sqrt(T) at most
    assert_allclose(model.variance, truth.variance, rtol=6 * np.sqrt(2 / x.size))


@pytest.mark.parametrize(("unit", "shift"), [(1e-6, 0), (1e6, 0), (1, 1e8)])
def test_the_fit_does_not_depend_on_the_unit_or_the_zero(unit, shift):
    x = MODELS[2].sample(1, np.random.default_rng(5), length=200)
    expected, model = autoregressive.fit(x, 2), autoregressive.fit(unit * x + shift, 2)
    assert_allclose(model.coefficients, expected.coefficients, rtol=1e-6)
    assert_allclose(model.variance, unit**2 * expected.variance, rtol=1e-6)
    assert_allclose(model.mean, unit * expected.mean + shift, rtol=1e-6)


# Bad input.

WALK = np.random.default_rng(6).normal(size=(1, 300)).cumsum(axis=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Autoregression([1.0], 0, 1),
            "coefficients must leave the series stationary, got a root of modulus 1,",
        ),
        (lambda: Autoregression([0.5, 0.6], 0, 1), "coefficients must leave the series stationary"),
        (lambda: Autoregression([0.5], 0, 0), "variance must be positive, got 0"),
        (lambda: Autoregression([0.5], np.nan, 1), "intercept must be finite"),
        (lambda: Autoregression([0.5], [1, 2], 1), "intercept must have"),
        (lambda: MODELS[0].autocovariance(0), "n must be at least 1"),
        (lambda: MODELS[2].forecast([1.0], 3), "history must have at least 2 values, got 1"),
        (lambda: MODELS[2].forecast([1, np.inf], 3), "history must be finite"),
        (lambda: MODELS[2].forecast([1, 2], 0), "steps must be at least 1"),
        (lambda: MODELS[0].sample(2, np.random.default_rng(0), length=0), "length must be at least 1"),
        (lambda: autoregressive.fit(WALK, 0), "order must be at least 1"),
        (lambda: autoregressive.fit(np.ones((1, 50)), 1), "data must not follow a linear recurrence exactly"),
        (lambda: autoregressive.fit([2.0 ** -np.arange(30)], 1), "data must not follow a linear recurrence"),
        (
            lambda: autoregressive.fit([[1, 2, 3, 5]], 2),
            "data must have more than 3 values after the first 2",
        ),
        (
            lambda: autoregressive.fit([1.05 ** np.arange(99) + 0.1 * WALK[0, :99]], 1),
            "coefficients must leave",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
