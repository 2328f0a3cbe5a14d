import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from genlab.models import gp
from genlab.models.gp import GaussianProcess

PROCESS = GaussianProcess(variance=2.0, length_scale=0.7, noise=0.1)


def problem(n=25, d=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, size=(n, d))
    return x, np.sin(2 * x).sum(axis=1) + 0.3 * rng.normal(size=n)


def peer(process, **options):
    kernel = ConstantKernel(process.variance) * RBF(process.length_scale) + WhiteKernel(process.noise)
    return GaussianProcessRegressor(kernel, alpha=0, **options)


def parameters(process):
    return np.array([process.variance, process.length_scale, process.noise])


# Against scipy and scikit-learn.


@pytest.mark.parametrize("d", [1, 3])
def test_the_marginal_likelihood_is_scipys_and_scikit_learns(d):
    x, y = problem(d=d)
    covariance = PROCESS.covariance(x, x) + 0.1 * np.eye(len(x))
    found = PROCESS.log_marginal_likelihood(x, y)
    assert_allclose(found, stats.multivariate_normal(np.zeros(len(x)), covariance).logpdf(y))
    fitted = peer(PROCESS, optimizer=None).fit(x, y)
    value, gradient = fitted.log_marginal_likelihood(fitted.kernel_.theta, eval_gradient=True)
    assert_allclose(found, value)
    assert_allclose(PROCESS.gradient(x, y)[0], value)
    assert_allclose(PROCESS.gradient(x, y)[1], gradient, rtol=1e-7)


@pytest.mark.parametrize("logs", [(0, 0, -2), (2, -1, 1), (-1, 0.5, -4)])
def test_the_gradient_is_that_of_finite_differences(logs):
    x, y = problem()

    def value(logs):
        return GaussianProcess(*np.exp(logs)).log_marginal_likelihood(x, y)

    numeric = optimize.approx_fprime(np.array(logs, dtype=float), value, 1e-6)
    assert_allclose(GaussianProcess(*np.exp(logs)).gradient(x, y)[1], numeric, rtol=1e-4, atol=1e-3)


def test_the_posterior_is_scikit_learns():
    x, y = problem()
    new = np.random.default_rng(1).uniform(-3, 3, size=(7, 2))
    posterior = PROCESS.posterior(x, y)
    mean, covariance = peer(PROCESS, optimizer=None).fit(x, y).predict(new, return_cov=True)
    assert_allclose(posterior.mean(new), mean)
    # scikit-learn's covariance is of new observations: its kernel includes the noise.
    assert_allclose(posterior.covariance(new), covariance - 0.1 * np.eye(7), atol=1e-10)


def test_the_posterior_is_the_joint_gaussian_given_observations():
    x, y = problem(n=6, d=1)
    new = np.array([[0.0], [5.0]])
    both = np.concatenate([x, new])
    joint = PROCESS.covariance(both, both)
    joint[:6, :6] += 0.1 * np.eye(6)
    gain = joint[6:, :6] @ np.linalg.inv(joint[:6, :6])
    posterior = PROCESS.posterior(x, y)
    assert_allclose(posterior.mean(new), gain @ y, atol=1e-12)
    assert_allclose(posterior.covariance(new), joint[6:, 6:] - gain @ joint[:6, 6:], atol=1e-12)
    assert_allclose(posterior.covariance([[500.0]]), [[2.0]])  # far away, nothing was learnt


def test_with_little_noise_the_posterior_passes_through_observations():
    x, y = problem(n=8, d=1)
    posterior = GaussianProcess(1, 0.2, 1e-8).posterior(x, y)
    assert_allclose(posterior.mean(x), y, atol=1e-4)
    assert np.diag(posterior.covariance(x)).max() < 1e-6


# Draws.


@pytest.mark.parametrize("source", ["prior", "posterior"])
def test_functions_drawn_have_the_mean_and_covariance(source):
    n, new = 20_000, np.linspace(-3, 3, 6)[:, None]
    if source == "prior":
        drawn = PROCESS.sample(n, np.random.default_rng(2), x=new)
        mean, covariance = np.zeros(6), PROCESS.covariance(new, new)
    else:
        posterior = PROCESS.posterior(*problem(d=1))
        drawn = posterior.sample(n, np.random.default_rng(2), x=new)
        mean, covariance = posterior.mean(new), posterior.covariance(new)
    variances = np.diag(covariance)
    assert (np.abs(drawn.mean(axis=0) - mean) < 6 * np.sqrt(variances / n)).all()
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    found = (drawn - mean).T @ (drawn - mean) / n
    assert (np.abs(found - covariance) < 6 * error).all()


def test_functions_can_be_drawn_at_points_close_together():
    fine = np.linspace(0, 1, 300)[:, None]
    for process in (PROCESS, PROCESS.posterior(*problem(d=1))):
        drawn = process.sample(2, np.random.default_rng(3), x=fine)
        assert np.abs(np.diff(drawn, n=2, axis=1)).max() < 1e-3  # smooth


# Fitting.


@pytest.mark.parametrize("seed", range(3))
def test_the_fit_is_at_least_as_likely_as_scikit_learns(seed):
    x, y = problem(n=40, seed=seed)
    fit = gp.fit(x, y)
    best = peer(fit.model, n_restarts_optimizer=0).fit(x, y)
    assert fit.converged
    assert_allclose(fit.log_marginal_likelihoods[-1], best.log_marginal_likelihood_value_, atol=1e-3)
    assert_allclose(fit.model.log_marginal_likelihood(x, y), fit.log_marginal_likelihoods[-1])
    assert np.diff(fit.log_marginal_likelihoods).min() >= 0


def test_parameters_are_found_again():
    x = np.random.default_rng(4).uniform(0, 60, size=(400, 1))
    rng = np.random.default_rng(5)
    y = PROCESS.sample(1, rng, x=x)[0] + np.sqrt(0.1) * rng.normal(size=400)
    found = np.log(parameters(gp.fit(x, y).model) / parameters(PROCESS))
    assert (np.abs(found) < [1.0, 0.3, 0.5]).all()


@pytest.mark.parametrize(("unit_x", "unit_y"), [(1e-5, 1), (1, 1e6), (1e4, 1e-4)])
def test_the_fit_scales_with_the_units(unit_x, unit_y):
    x, y = problem(n=40)
    expected = parameters(gp.fit(x, y).model) * [unit_y**2, unit_x, unit_y**2]
    assert_allclose(parameters(gp.fit(unit_x * x, unit_y * y).model), expected, rtol=1e-2)


def test_a_start_and_a_limit_of_iterations_are_kept():
    x, y = problem()
    fit = gp.fit(x, y, start=PROCESS, max_iter=1)
    assert not fit.converged and len(fit.log_marginal_likelihoods) == 2
    assert_allclose(fit.log_marginal_likelihoods[0], PROCESS.log_marginal_likelihood(x, y))


# Good manners of the posterior, which the contract's test does not see.


def test_a_posterior_keeps_its_own_copy_and_can_be_pickled():
    x, y = problem()
    posterior = PROCESS.posterior(x, y)
    expected = posterior.mean(x)
    again = pickle.loads(pickle.dumps(posterior))
    x[:], y[:] = 7, 7
    assert_allclose(posterior.mean(again.x), expected, rtol=1e-12)
    assert_allclose(again.mean(again.x), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        posterior.y[0] = 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianProcess(0, 1, 1), "variance must be positive, got 0"),
        (lambda: GaussianProcess(1, -1, 1), "length_scale must be positive"),
        (lambda: GaussianProcess(1, 1, 0), "noise must be positive"),
        (lambda: GaussianProcess(1, 1, np.nan), "noise must be finite"),
        (lambda: GaussianProcess([1, 2], 1, 1), "variance must have"),
        (lambda: GaussianProcess(1, 1, 1e-30).posterior([[0.0], [1e-9]], [0, 0]), "noise must be larger"),
        (lambda: PROCESS.log_marginal_likelihood([[0.0]], [1, 2]), r"y must have shape \(1,\)"),
        (lambda: PROCESS.covariance([[0.0]], [[1.0, 2.0]]), r"b must have shape \(N, 1\)"),
        (lambda: PROCESS.posterior([[0.0]], [1]).mean([[1.0, 2.0]]), r"x must have shape \(N, 1\)"),
        (
            lambda: PROCESS.posterior([[0.0]], [1]).sample(-1, np.random.default_rng(0), x=[[0.0]]),
            "n must be",
        ),
        (lambda: gp.fit([[0.0], [1.0]], [0, 0]), "y must not be 0 everywhere"),
        (lambda: gp.fit([[1.0], [1.0]], [0, 1]), "x must have at least two different rows"),
        (lambda: gp.fit([[0.0], [1.0]], [0, 1], max_iter=0), "max_iter must be at least 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
