"""Direct samplers: exact tests at 1e-8 each, so that no test makes false alarms at a rate above 1e-6."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from genlab.sampling.direct import categorical, importance, inverse_cdf, rejection, tabulated_quantile

FALSE_ALARM = 1e-8


def follows(x, cdf):
    return stats.kstest(x, cdf).pvalue > FALSE_ALARM


def independent(x):
    """Neighbours are unrelated, and so are value and place."""
    return (
        stats.spearmanr(x[1:], x[:-1]).pvalue > FALSE_ALARM
        and stats.spearmanr(x, np.arange(len(x))).pvalue > FALSE_ALARM
    )


@pytest.mark.parametrize("law", [stats.expon(), stats.cauchy(2, 3), stats.beta(0.5, 2)])
def test_inverse_cdf(law):
    x = inverse_cdf(law.ppf, 20_000, np.random.default_rng(0))
    assert follows(x, law.cdf) and independent(x)


def test_a_table_is_linear_between_its_points():
    knots, cdf = [0.0, 1.0, 2.0, 4.0], [0.0, 0.5, 0.5, 1.0]
    x = inverse_cdf(tabulated_quantile(knots, cdf), 20_000, np.random.default_rng(1))
    assert follows(x, lambda t: np.interp(t, knots, cdf))
    assert not ((x > 1) & (x < 2)).any()


def test_a_fine_table_is_the_distribution():
    grid = np.linspace(-9, 9, 20_001)
    x = inverse_cdf(tabulated_quantile(grid, stats.norm.cdf(grid)), 20_000, np.random.default_rng(2))
    assert follows(x, stats.norm.cdf)


def test_a_table_is_not_changed_by_changes_to_its_arrays():
    knots, cdf = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    quantile = tabulated_quantile(knots, cdf)
    knots[:], cdf[:] = 7, 7
    assert quantile(np.array([0.5])) == [0.5]


def test_categorical():
    p = np.array([0.0, 0.2, 0.0, 0.05, 0.75, 0.0])
    x = categorical(p, 20_000, np.random.default_rng(3))
    for value, probability in enumerate(p):
        count = int((x == value).sum())
        assert stats.binomtest(count, len(x), probability).pvalue > FALSE_ALARM if probability else count == 0
    assert independent(x)


def test_categorical_never_draws_what_is_impossible():
    class Extremes:
        def random(self, n):
            return np.resize([0.0, np.nextafter(1.0, 0.0)], n)

    for p in ([0.0, 1.0, 0.0], [0.0] + [0.1] * 10 + [0.0], np.append(np.full(3, 1 / 3), 0)):
        assert (np.asarray(p)[categorical(p, 4, Extremes())] > 0).all()


# Rejection.


def wedge(m, rng):
    return rng.uniform(-1, 1, m)


def test_rejection_from_a_semicircle():
    """Wigner's law under a uniform: of the box, pi / 4 is under it."""
    with np.errstate(divide="ignore"):
        x, rate = rejection(
            lambda t: 0.5 * np.log(np.maximum(1 - t**2, 0)),
            wedge,
            lambda t: np.full(len(t), -np.log(2)),
            np.log(2),
            20_000,
            np.random.default_rng(4),
        )
    assert x.shape == (20_000,) and independent(x)
    assert follows(x, stats.semicircular.cdf)
    assert abs(rate - np.pi / 4) < 5.8 * np.sqrt(np.pi / 4 * (1 - np.pi / 4) / 20_000)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_rejection_of_a_normal_from_a_laplace_with_any_constants(shift):
    def propose(m, rng):
        return rng.laplace(size=m)

    x, _ = rejection(
        lambda t: -(t**2) / 2 + shift,
        propose,
        lambda t: -np.abs(t),
        shift + 0.5,
        20_000,
        np.random.default_rng(5),
    )
    assert follows(x, stats.norm.cdf)


def test_rejection_in_two_dimensions():
    """The unit disc: the squared radius and the angle are uniform."""
    x, _ = rejection(
        lambda z: np.where((z**2).sum(axis=1) <= 1, 0, -np.inf),
        lambda m, rng: rng.uniform(-1, 1, (m, 2)),
        lambda z: np.zeros(len(z)),
        0,
        20_000,
        np.random.default_rng(6),
    )
    assert x.shape == (20_000, 2)
    assert follows((x**2).sum(axis=1), stats.uniform.cdf)
    assert follows(np.arctan2(*x.T) / (2 * np.pi) + 0.5, stats.uniform.cdf)


def test_rejection_with_a_rare_acceptance():
    x, rate = rejection(
        lambda t: np.where(t < 1e-3, 0, -np.inf),
        lambda m, rng: rng.random(m),
        lambda t: np.zeros(len(t)),
        0,
        200,
        np.random.default_rng(7),
    )
    assert x.shape == (200,) and x.max() < 1e-3 and 3e-4 < rate < 3e-3
    with pytest.raises(ValueError, match=r"^log_bound must be close enough"):
        rejection(
            lambda t: np.full(len(t), -np.inf),
            lambda m, rng: np.zeros(m),
            lambda t: np.zeros(len(t)),
            0,
            1,
            np.random.default_rng(7),
        )


def test_a_bound_that_is_too_low_is_found():
    with pytest.raises(ValueError, match=r"^log_bound must be at least .*0\.1 is too low by 0\.[34]"):
        rejection(
            lambda t: -(t**2) / 2,
            lambda m, rng: rng.laplace(size=m),
            lambda t: -np.abs(t),
            0.1,
            1000,
            np.random.default_rng(8),
        )


# Importance.


@pytest.mark.parametrize("shift", [-1e4, 0, 1e4])
def test_importance_of_a_normal_from_a_wider_one(shift):
    """E f under N(1, 1) from N(0, 2^2): the estimate has variance integral p^2 (f - E f)^2 / q, over n."""
    n = 40_000
    sample = importance(
        lambda t: -((t - 1) ** 2) / 2 + shift,
        lambda n, rng: 2 * rng.standard_normal(n),
        lambda t: -(t**2) / 8,
        n,
        np.random.default_rng(9),
    )
    t = np.linspace(-15, 15, 100_001)
    p, q = stats.norm(1, 1).pdf(t), stats.norm(0, 2).pdf(t)
    for f, truth in [(lambda t: t, 1), (np.square, 2), (lambda t: t > 2, stats.norm.sf(1))]:
        deviation = np.sqrt(np.trapezoid(p**2 * (f(t) - truth) ** 2 / q, t) / n)
        assert abs(sample.expectation(f) - truth) < 5.8 * deviation
    # The mean of p / q under q is 1, of (p / q)^2 the integral of p^2 / q: hence ess and evidence.
    assert sample.ess == pytest.approx(n / np.trapezoid(p**2 / q, t), rel=0.05)
    assert sample.log_evidence - shift == pytest.approx(np.log(1 / 2), abs=0.02)
    assert sample.weights.sum() == pytest.approx(1, rel=1e-12)
    assert follows(sample.resample(1000, np.random.default_rng(10)), stats.norm(1, 1).cdf)


def test_importance_in_two_dimensions_on_neals_funnel():
    """Neal (2003): v ~ N(0, 9), x ~ N(0, e^v), from a wider v and a Student x. Var v is 9."""
    nu, wide = 5, 1.3

    def propose(n, rng):
        v = 3 * wide * rng.standard_normal(n)
        return np.column_stack([v, rng.standard_t(nu, n) * np.exp(v / 2)])

    def log_proposal(z):
        v, x = z.T
        return stats.norm.logpdf(v, 0, 3 * wide) + stats.t.logpdf(x * np.exp(-v / 2), nu) - v / 2

    def log_target(z):
        v, x = z.T
        return stats.norm.logpdf(v, 0, 3) + stats.norm.logpdf(x, 0, np.exp(v / 2))

    sample = importance(log_target, propose, log_proposal, 100_000, np.random.default_rng(11))
    found = sample.expectation(lambda z: np.column_stack([z[:, 0], z[:, 0] ** 2, np.abs(z[:, 1]) < 1]))
    truth = np.array(
        [0, 9, stats.norm.expect(lambda v: 1 - 2 * stats.norm.sf(np.exp(-v / 2)), scale=3, lb=-30, ub=30)]
    )
    values = np.column_stack([sample.x[:, 0], sample.x[:, 0] ** 2, np.abs(sample.x[:, 1]) < 1])
    deviation = np.sqrt((sample.weights[:, None] ** 2 * (values - truth) ** 2).sum(axis=0))
    assert (np.abs(found - truth) < 5.8 * deviation).all()
    assert sample.log_evidence == pytest.approx(0, abs=0.02)


def test_ess_of_equal_weights_is_n_and_of_one_weight_is_1():
    def zeros(x):
        return np.zeros(len(x))

    def first(x):
        return np.where(np.arange(len(x)) == 0, 0, -np.inf)

    rng = np.random.default_rng(12)
    assert importance(zeros, lambda n, rng: rng.random(n), zeros, 50, rng).ess == pytest.approx(50)
    alone = importance(first, lambda n, rng: rng.random(n), zeros, 50, rng)
    assert alone.ess == pytest.approx(1)
    assert_allclose(alone.expectation(lambda x: x), alone.x[0])


# What every sampler promises.

CALLS = {
    "inverse_cdf": lambda rng: inverse_cdf(np.sqrt, 20, rng),
    "categorical": lambda rng: categorical([0.25, 0.75], 20, rng),
    "rejection": lambda rng: rejection(np.log, lambda m, rng: rng.random(m), np.zeros_like, 0, 20, rng)[0],
    "importance": lambda rng: importance(np.log, lambda m, rng: rng.random(m), np.zeros_like, 20, rng).x,
}


@pytest.mark.parametrize("name", CALLS)
def test_draws_depend_on_the_generator_alone(name):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (CALLS[name](np.random.default_rng(13)) for _ in range(2))
    assert first.shape == (20,)
    assert_array_equal(first, again)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_probabilities_are_left_as_they_were():
    p = np.array([0.25, 0.75])
    categorical(p, 10, np.random.default_rng(0))
    assert_array_equal(p, [0.25, 0.75])


def some(m, rng):
    return rng.random(m)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: inverse_cdf(np.sqrt, -1, rng), "n must be at least 0, got -1"),
        (lambda rng: inverse_cdf(lambda u: 1.0, 3, rng), r"quantile must return shape \(3,\)"),
        (lambda rng: tabulated_quantile([0, 0], [0, 1]), "x must be two or more increasing"),
        (lambda rng: tabulated_quantile([0], [1]), "x must be two or more increasing"),
        (
            lambda rng: tabulated_quantile([0, 1], [0, 0.9]),
            r"cdf must have shape \(2,\) and rise from 0 to 1",
        ),
        (lambda rng: tabulated_quantile([0, 1, 2], [0, 0.6, 0.5]), "cdf must have shape"),
        (lambda rng: tabulated_quantile([0, 1, 2], [0, np.nan, 1]), "cdf must have shape"),
        (lambda rng: categorical([0.5, 0.6], 1, rng), "probabilities must be at least 0 and sum to 1"),
        (lambda rng: categorical([1.5, -0.5], 1, rng), "probabilities must be at least 0"),
        (lambda rng: categorical([np.nan, 1], 1, rng), "probabilities must"),
        (lambda rng: categorical([[1.0]], 1, rng), "probabilities must have 1 axes"),
        (lambda rng: categorical([], 1, rng), "probabilities must"),
        (lambda rng: categorical([1.0], -1, rng), "n must be at least 0"),
        (lambda rng: rejection(np.log, some, np.zeros_like, 0, 0, rng), "n must be at least 1"),
        (lambda rng: rejection(np.log, some, np.zeros_like, np.nan, 1, rng), "log_bound must be"),
        (lambda rng: importance(np.log, some, np.zeros_like, 0, rng), "n must be at least 1"),
        (
            lambda rng: importance(np.log, lambda n, r: r.random(2), np.zeros_like, 5, rng),
            "propose must return 5",
        ),
        (lambda rng: importance(lambda x: 1.0, some, np.zeros_like, 5, rng), "log_target must return shape"),
        (lambda rng: importance(np.log, some, lambda x: 1.0, 5, rng), "log_proposal must return shape"),
        (
            lambda rng: importance(lambda x: x * np.nan, some, np.zeros_like, 5, rng),
            "log_target must not be nan",
        ),
        (
            lambda rng: importance(lambda x: x + np.inf, some, np.zeros_like, 5, rng),
            "log_target must not be nan or inf",
        ),
        (
            lambda rng: importance(np.log, some, lambda x: x - np.inf, 5, rng),
            "log_proposal must not be nan or -inf",
        ),
        (
            lambda rng: importance(lambda x: x - np.inf, some, np.zeros_like, 5, rng),
            "log_target must be above -inf",
        ),
        (
            lambda rng: importance(np.log, some, np.zeros_like, 5, rng).expectation(lambda x: 1.0),
            "f must return a value a row",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call(np.random.default_rng(0))
