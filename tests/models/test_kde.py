import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import logsumexp
from sklearn.neighbors import KernelDensity as SklearnKDE

from genlab.datasets import old_faithful
from genlab.models import kde
from genlab.models.kde import KernelDensity


def rows(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


@pytest.mark.parametrize("rule", ["scott", "silverman", 0.3])
@pytest.mark.parametrize(("n", "d"), [(20, 1), (700, 2), (1500, 5)])
def test_densities_and_bandwidths_are_those_of_scipy(n, d, rule):
    data, x = rows(1, n, d), rows(2, 300, d)
    ours, peer = kde.fit(data, rule), stats.gaussian_kde(data.T, bw_method=rule)
    assert_allclose(ours.covariance, np.reshape(peer.covariance, (d, d)))
    assert_allclose(ours.log_prob(x), peer.logpdf(x.T), rtol=1e-10)


def test_densities_are_those_of_scikit_learn():
    data = rows(3, 600, 3)
    x = data[::2] + 0.1  # further from the data, scikit-learn's tree loses digits and scipy's sum does not
    peer = SklearnKDE(bandwidth=0.4).fit(data)
    ours = KernelDensity(data, 0.16 * np.eye(3))
    assert_allclose(ours.log_prob(x), peer.score_samples(x), rtol=1e-10)


@pytest.mark.parametrize("away", [30, 1e3, 1e7])
def test_far_from_all_data_the_density_is_the_nearest_samples(away):
    data = np.random.default_rng(5).normal(size=(1300, 1))
    exact = logsumexp(stats.norm(data, 0.1).logpdf(away), axis=0) - np.log(1300)
    assert_allclose(KernelDensity(data, [[0.01]]).log_prob([[away]]), exact, rtol=1e-9)


@pytest.mark.parametrize("shift", [1e5, 1e9])
def test_data_far_from_zero_keeps_its_digits(shift):
    data = np.random.default_rng(6).integers(-500, 500, size=(400, 2)) / 64.0  # exact also when shifted
    expected = kde.fit(data).log_prob(data)
    assert_allclose(kde.fit(data + shift).log_prob(data + shift), expected, rtol=1e-6)


def test_the_density_of_old_faithful_integrates_to_one_and_has_two_modes():
    model = kde.fit(old_faithful()[:, 1:])
    grid = np.arange(0, 150, 0.05)
    p = np.exp(model.log_prob(grid[:, None]))
    assert_allclose(p.sum() * 0.05, 1, rtol=1e-9)
    assert np.sum((p[1:-1] > p[:-2]) & (p[1:-1] > p[2:])) == 2


def test_rules_and_numbers_of_the_bandwidth_agree():
    data = rows(7, 50, 2)
    assert_allclose(kde.fit(data, 50 ** (-1 / 6)).covariance, kde.fit(data).covariance)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kde.fit(rows(0, 9, 2), "wide"), 'bandwidth must be positive and finite, "scott" or'),
        (lambda: kde.fit(rows(0, 9, 2), 0), "bandwidth must be positive"),
        (lambda: kde.fit(rows(0, 9, 2), np.inf), "bandwidth must be positive and finite"),
        (lambda: kde.fit([[1.0]]), "data must have more rows than columns"),
        (
            lambda: kde.fit([[1.0], [1.0]]),
            "data must have more rows than columns, and no column that is constant",
        ),
        (lambda: KernelDensity([[0.0, 1.0]], [[1.0]]), r"covariance must have shape \(2, 2\)"),
        (lambda: kde.fit(rows(0, 9, 2)).log_prob([[1.0]]), r"x must have shape \(N, 2\)"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
