import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose, assert_array_equal

from genlab.sampling.diagnostics import autocorrelation, bulk_ess, ess, rank_rhat, split_rhat, standard_error


def autoregressive(phi, chains, n, rng, noise=None):
    """x_t = phi x_(t-1) + noise, of variance 1, from equilibrium."""
    noise = np.sqrt(1 - phi**2) * rng.standard_normal((chains, n))
    x = np.empty((chains, n))
    x[:, 0] = rng.standard_normal(chains)
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    return x


def various():
    """Chains as they come: slow, antithetic, apart, drifting, heavy-tailed, with ties, one alone."""
    rng = np.random.default_rng(0)
    slow = autoregressive(0.95, 4, 1001, rng)
    return {
        "independent": rng.standard_normal((4, 1000)),
        "slow": slow,
        "antithetic": autoregressive(-0.5, 3, 500, rng),
        "apart": slow + np.arange(4)[:, None],
        "drifting": slow + np.linspace(0, 3, 1001),
        "heavy tails": rng.standard_cauchy((4, 300)),
        "ties": rng.integers(3, size=(2, 400)).astype(float),
        "one chain": autoregressive(0.7, 1, 801, rng),
        "different spreads": rng.standard_normal((4, 500)) * np.array([[1], [1], [1], [4]]),
    }


@pytest.mark.parametrize("name", various())
@pytest.mark.parametrize(
    ("ours", "theirs", "method"),
    [
        (ess, array_stats.ess, "mean"),
        (bulk_ess, array_stats.ess, "bulk"),
        (split_rhat, array_stats.rhat, "split"),
        (rank_rhat, array_stats.rhat, "rank"),
        (standard_error, array_stats.mcse, "mean"),
    ],
)
def test_diagnostics_are_arvizs(name, ours, theirs, method):
    draws = various()[name]
    if len(draws) == 1 and theirs == array_stats.rhat:
        pytest.skip("arviz wants two chains, though halves of one would do")
    expected = theirs(draws, chain_axis=0, draw_axis=1, method=method)
    assert_allclose(ours(draws), expected, rtol=1e-9)


def test_coordinates_are_judged_one_by_one():
    rng = np.random.default_rng(1)
    x, y = autoregressive(0.5, 3, 600, rng), autoregressive(0.9, 3, 600, rng)
    both = np.stack([x, y], axis=2)
    for f in (ess, bulk_ess, split_rhat, rank_rhat, standard_error):
        assert_allclose(f(both), [f(x), f(y)], rtol=1e-12)
    assert_allclose(
        autocorrelation(both), np.column_stack([autocorrelation(x), autocorrelation(y)]), atol=1e-12
    )


def test_autocorrelation_is_its_definition():
    x = autoregressive(0.6, 2, 37, np.random.default_rng(2)) + np.array([[3], [-5]])
    centred = x - x.mean(axis=1, keepdims=True)
    covariance = [sum(c[: 37 - t] @ c[t:] for c in centred) for t in range(37)]
    assert_allclose(autocorrelation(x), np.array(covariance) / covariance[0], atol=1e-14)


@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.5, 0.9])
def test_ess_of_an_autoregression(phi):
    """Known: N (1 - phi) / (1 + phi). The estimate's own error is about 3 per cent here."""
    x = autoregressive(phi, 100, 2000, np.random.default_rng(3))
    assert ess(x) == pytest.approx(x.size * (1 - phi) / (1 + phi), rel=0.15)
    assert autocorrelation(x)[:4] == pytest.approx(phi ** np.arange(4), abs=0.02)
    assert split_rhat(x) < 1.01


def test_rhat_finds_what_it_is_for():
    cases = various()
    assert split_rhat(cases["apart"]) > 1.2 and rank_rhat(cases["apart"]) > 1.2
    assert split_rhat(cases["drifting"]) > 1.1
    assert split_rhat(cases["different spreads"]) < 1.02 < 1.1 < rank_rhat(cases["different spreads"])


def test_bulk_ess_does_not_change_with_the_scale():
    x = various()["slow"]
    assert bulk_ess(np.exp(3 * x)) == bulk_ess(x)


def test_what_never_changes_has_no_answer():
    x = np.random.default_rng(4).standard_normal((3, 50, 2))
    x[..., 1] = 0.1
    for f in (ess, bulk_ess, split_rhat, rank_rhat, standard_error):
        assert np.isfinite(f(x)[0]) and np.isnan(f(x)[1])
    assert np.isnan(autocorrelation(x)[:, 1]).all()


FUNCTIONS = [autocorrelation, ess, bulk_ess, split_rhat, rank_rhat, standard_error]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_draws_are_left_as_they_were(f):
    x = various()["slow"]
    before = x.copy()
    f(x)
    assert_array_equal(x, before)


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize(
    ("draws", "message"),
    [
        (np.zeros(10), r"draws must have shape \(chains, n\)"),
        (np.zeros((2, 3)), "draws must have shape.*n >= 4"),
        (np.zeros((0, 10)), "draws must have shape"),
        (np.zeros((2, 10, 0)), "draws must have shape"),
        ([[0, 1, 2, np.nan]], "draws must be finite"),
    ],
)
def test_bad_draws(f, draws, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        f(draws)
