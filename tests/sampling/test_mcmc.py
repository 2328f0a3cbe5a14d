"""Chains against exact distributions.

Two kinds of check. Invariance: thousands of chains start from exact draws and make a few steps; where they
end are then independent exact draws again, judged by Kolmogorov-Smirnov tests. Convergence: from anywhere,
the means of long runs lie within 5.5 standard errors (by the effective sample size) of the truth, which a
normal exceeds with probability 4e-8. No test makes false alarms at a rate above 1e-6; seeds are fixed.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from genlab.sampling.diagnostics import ess, split_rhat, standard_error
from genlab.sampling.hamiltonian import HamiltonianMonteCarlo, UnadjustedLangevin, langevin
from genlab.sampling.mcmc import Gibbs, MetropolisHastings, bivariate_normal, random_walk, run

FALSE_ALARM = 1e-8  # of one test of a distribution


# Targets whose moments are known: log density and gradient (chains, d), exact draws.


@dataclass(frozen=True)
class CorrelatedGaussian:
    """Mean and covariance as given."""

    mean: np.ndarray
    covariance: np.ndarray

    def log_prob(self, x):
        return 0.5 * np.einsum("cd,cd->c", self.grad(x), x - self.mean)

    def grad(self, x):
        return -np.linalg.solve(self.covariance, (x - self.mean).T).T

    def sample(self, n, rng):
        noise = rng.standard_normal((n, len(self.mean)))
        return self.mean + noise @ np.linalg.cholesky(self.covariance).T

    def standardise(self, x):
        """Columns that are independent standard normals, where x is a draw."""
        return np.linalg.solve(np.linalg.cholesky(self.covariance), (x - self.mean).T).T


@dataclass(frozen=True)
class Banana:
    """x0 ~ N(m, s^2), x1 given x0 ~ N(b (x0^2 - c), t^2). Rosenbrock with a = 1/20, b = 5: m = 1, s^2 = 10,
    b = 1, c = 0, t^2 = 1/10."""

    m: float
    s: float
    b: float
    c: float
    t: float

    def log_prob(self, x):
        u, v = self.standardise(x).T
        return -0.5 * (u * u + v * v)

    def grad(self, x):
        u, v = self.standardise(x).T
        return np.column_stack([-u / self.s + 2 * self.b * x[:, 0] * v / self.t, -v / self.t])

    def sample(self, n, rng):
        u, v = rng.standard_normal((2, n))
        x0 = self.m + self.s * u
        return np.column_stack([x0, self.b * (x0**2 - self.c) + self.t * v])

    def standardise(self, x):
        return np.column_stack(
            [(x[:, 0] - self.m) / self.s, (x[:, 1] - self.b * (x[:, 0] ** 2 - self.c)) / self.t]
        )


class Funnel:
    """Neal (2003): v ~ N(0, 9), x given v ~ N(0, exp(v)). Columns v, x."""

    def log_prob(self, z):
        v, x = z.T
        return -0.5 * (v * v / 9 + v + x * x * np.exp(-v))

    def grad(self, z):
        v, x = z.T
        scaled = x * np.exp(-v)
        return np.column_stack([-v / 9 - 0.5 + 0.5 * x * scaled, -scaled])

    def sample(self, n, rng):
        u, w = rng.standard_normal((2, n))
        return np.column_stack([3 * u, w * np.exp(1.5 * u)])

    def standardise(self, z):
        return np.column_stack([z[:, 0] / 3, z[:, 1] * np.exp(-z[:, 0] / 2)])


class EightSchools:
    """Rubin (1981): effects y and standard errors s; mu ~ N(0, 5^2), tau ~ half-Cauchy(5), effects given them
    N(mu, tau^2). Effects are integrated out: columns mu and log tau."""

    Y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    S = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

    def log_prob(self, x):
        mu, log_tau = x.T
        variances = self.S**2 + np.exp(2 * log_tau)[:, None]
        log_likelihood = -0.5 * ((self.Y - mu[:, None]) ** 2 / variances + np.log(variances)).sum(axis=1)
        return log_likelihood - mu**2 / 50 - np.log1p(np.exp(2 * log_tau) / 25) + log_tau

    def grad(self, x):
        mu, log_tau = x.T
        squared = np.exp(2 * log_tau)
        variances = self.S**2 + squared[:, None]
        residuals = self.Y - mu[:, None]
        by_tau = squared * ((residuals**2 / variances - 1) / variances).sum(axis=1)
        by_tau += 1 - 2 * squared / (25 + squared)
        return np.column_stack([(residuals / variances).sum(axis=1) - mu / 25, by_tau])


ROSENBROCK = Banana(1, np.sqrt(10), 1, 0, np.sqrt(0.1))
MILD = Banana(0, 1, 0.5, 1, 1)
PAIR = CorrelatedGaussian(np.array([1.0, -2.0]), np.array([[2.0, 0.9], [0.9, 0.5]]))
FIVE = CorrelatedGaussian(
    np.arange(5.0),
    0.6 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5))) * np.outer(*[[1, 2, 1, 3, 1]] * 2),
)


def metropolis(target, scale):
    return MetropolisHastings(target.log_prob, random_walk(scale))


def hmc(target, step_size, n_leapfrog):
    return HamiltonianMonteCarlo(target.log_prob, target.grad, step_size, n_leapfrog)


def mala(target, step_size):
    return langevin(target.log_prob, target.grad, step_size)


def skewed_walk(x, rng):
    """Steps to the right only: exponential, so that going back is as likely only through the ratio."""
    step = rng.standard_exponential(x.shape) - 1.0
    # q(y|x) = exp(-(y - x) - 1) for y - x > -1, so log q(x|y) - log q(y|x) is twice the step, or -inf.
    return x + step, np.where((step < 1).all(axis=1), 2 * step.sum(axis=1), -np.inf)


INVARIANCE = {
    "metropolis, pair": (PAIR, metropolis(PAIR, [1.0, 0.5])),
    "metropolis, banana": (MILD, metropolis(MILD, 1.5)),
    "metropolis, rosenbrock": (ROSENBROCK, metropolis(ROSENBROCK, 0.7)),
    "metropolis, funnel": (Funnel(), metropolis(Funnel(), 1.0)),
    "skewed proposal, pair": (PAIR, MetropolisHastings(PAIR.log_prob, skewed_walk)),
    "skewed proposal, banana": (MILD, MetropolisHastings(MILD.log_prob, skewed_walk)),
    "gibbs, pair": (PAIR, bivariate_normal(PAIR.mean, PAIR.covariance)),
    "hmc, five": (FIVE, hmc(FIVE, 0.6, 4)),
    "hmc, five, its own steps": (FIVE, hmc(FIVE, [0.5, 0.8, 0.5, 1.2, 0.5], 3)),
    "hmc, banana": (MILD, hmc(MILD, 0.7, 4)),
    "hmc, rosenbrock": (ROSENBROCK, hmc(ROSENBROCK, 0.12, 8)),
    "hmc, funnel": (Funnel(), hmc(Funnel(), 0.5, 5)),
    "langevin, five": (FIVE, mala(FIVE, 0.7)),
    "langevin, banana": (MILD, mala(MILD, 0.9)),
    "langevin, rosenbrock": (ROSENBROCK, mala(ROSENBROCK, 0.3)),
    "langevin, funnel": (Funnel(), mala(Funnel(), 0.7)),
}


@pytest.mark.parametrize("name", INVARIANCE)
def test_the_target_is_invariant(name):
    target, kernel = INVARIANCE[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    start = target.sample(20_000, rng)
    chains = run(kernel, start, 5, rng)
    assert chains.acceptance_rate.mean() > 0.1 and (chains.draws[:, -1] != start).any(axis=1).mean() > 0.4
    end = target.standardise(chains.draws[:, -1])
    for column in (*end.T, (end[:, 0] + end[:, 1]) / np.sqrt(2)):
        assert stats.kstest(column, stats.norm.cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "name", ["metropolis, banana", "skewed proposal, banana", "hmc, banana", "langevin, banana"]
)
def test_moves_there_and_back_are_as_frequent(name):
    """Detailed balance: at equilibrium, moves from a set A to a set B are as many as from B to A."""
    target, kernel = INVARIANCE[name]
    rng = np.random.default_rng(11)
    start = target.sample(50_000, rng)
    end = run(kernel, start, 1, rng).draws[:, 0]
    where = [(0.7 * x[:, 0] + 0.3 * x[:, 1] > 0.3).astype(int) + (x[:, 1] > 1) for x in (start, end)]
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        there = int(((where[0] == a) & (where[1] == b)).sum())
        back = int(((where[0] == b) & (where[1] == a)).sum())
        assert there + back > 100
        assert stats.binomtest(there, there + back, 0.5).pvalue > FALSE_ALARM


def assert_means(values, truths):
    """values (chains, n, q) have these means (q,), by their effective sample sizes."""
    assert ess(values).min() > 1000
    assert split_rhat(values).max() < 1.02
    error = (values.mean(axis=(0, 1)) - truths) / standard_error(values)
    assert np.abs(error).max() < 5.5, error


CONVERGENCE = {
    "metropolis": (metropolis(MILD, 1.5), 6000),
    "hmc": (hmc(MILD, 0.3, 6), 1000),  # with longer steps, chains stick in the arms, where curvature is high
    "langevin": (mala(MILD, 0.4), 10_000),
}


@pytest.mark.parametrize("name", CONVERGENCE)
def test_moments_of_a_banana_from_afar(name):
    kernel, n = CONVERGENCE[name]
    rng = np.random.default_rng(12)
    x = run(kernel, rng.normal(size=(30, 2)) * 3, n, rng, warmup=500).draws
    # x0 is standard normal, x1 = (x0^2 - 1) / 2 + noise: mean 0, variance 1/2 + 1.
    values = np.concatenate([x, x**2, x[..., :1] ** 2 * x[..., 1:]], axis=2)
    assert_means(values, [0, 0, 1, 1.5, 1])


def test_rosenbrock_a_1_20_b_5_by_independent_proposals():
    """Mean (1, 11), variances (10, 240.1). Proposals are from a wider banana, whatever the position."""
    wider = Banana(1, 4, 1, 0, 0.5)

    def propose(x, rng):
        y = wider.sample(len(x), rng)
        return y, wider.log_prob(x) - wider.log_prob(y)

    kernel = MetropolisHastings(ROSENBROCK.log_prob, propose)
    x = run(kernel, np.zeros((100, 2)), 3000, np.random.default_rng(13), warmup=100).draws
    assert_means(np.concatenate([x, (x - [1, 11]) ** 2], axis=2), [1, 11, 10, 240.1])


def test_funnel_of_neal_2003_has_variances_9_and_90_0171():
    funnel = Funnel()
    v, x = np.meshgrid(np.linspace(-30, 39, 1400), np.linspace(-13, 13, 400), indexing="ij")
    z = np.column_stack([v.ravel(), (x * np.exp(v / 2)).ravel()])  # x in units of its deviation, given v
    density = np.exp(funnel.log_prob(z) + v.ravel() / 2)
    density /= density.sum()
    assert density @ z[:, 0] ** 2 == pytest.approx(9, rel=1e-9)
    assert density @ z[:, 1] ** 2 == pytest.approx(90.0171, abs=5e-5)


def test_neals_funnel_sampled_where_it_is_round():
    """In v / 3 and x exp(-v / 2) the funnel is a standard normal: the standard cure, by every kernel."""
    round_one = CorrelatedGaussian(np.zeros(2), np.eye(2))
    for kernel in (hmc(round_one, 1.0, 2), mala(round_one, 1.2), metropolis(round_one, 1.7)):
        rng = np.random.default_rng(14)
        u = run(kernel, np.zeros((50, 2)), 2000, rng, warmup=100).draws
        v, x = 3 * u[..., 0], u[..., 1] * np.exp(1.5 * u[..., 0])
        # Moments of x itself have errors without end; those of log |x| = log |w| + v / 2 do not.
        log_x = np.log(np.abs(x))
        euler = 0.5772156649015329
        mean = -(euler + np.log(2)) / 2
        values = np.stack([v, v**2, log_x, (log_x - mean) ** 2], axis=2)
        assert_means(values, [0, 9, mean, np.pi**2 / 8 + 9 / 4])


def test_eight_schools_of_rubin_1981_by_quadrature_and_by_chains():
    """Posterior means of mu and tau: 4.39682 and 3.59771."""
    schools = EightSchools()
    mu, log_tau = np.meshgrid(np.linspace(-25, 35, 400), np.linspace(-18, 7, 1600), indexing="ij")
    density = np.exp(schools.log_prob(np.column_stack([mu.ravel(), log_tau.ravel()])) + 30)
    exact = [density @ mu.ravel() / density.sum(), density @ np.exp(log_tau.ravel()) / density.sum()]
    assert_allclose(exact, [4.39682, 3.59771], rtol=0, atol=5e-6)
    for kernel, n in ((hmc(schools, 0.9, 6), 2000), (metropolis(schools, [4.0, 1.5]), 6000)):
        rng = np.random.default_rng(15)
        x = run(kernel, rng.normal([4, 1], 1, size=(50, 2)), n, rng, warmup=500).draws
        assert_means(np.stack([x[..., 0], np.exp(x[..., 1])], axis=2), [4.39682, 3.59771])


def test_gibbs_forgets_by_the_square_of_the_correlation():
    """Of the chain's second coordinate, drawn last: autocorrelation at lag t is rho^(2t), exactly."""
    rho = 0.8
    gibbs = bivariate_normal([3, -1], [[4, 2 * rho], [2 * rho, 1]])
    rng = np.random.default_rng(16)
    target = CorrelatedGaussian(np.array([3.0, -1.0]), np.array([[4, 2 * rho], [2 * rho, 1]]))
    start = target.sample(40_000, rng)
    end = run(gibbs, start, 3, rng).draws
    before = start[:, 1] + 1
    for t in range(3):
        after = end[:, t, 1] + 1
        noise = (after - rho ** (2 * t + 2) * before) / np.sqrt(1 - rho ** (4 * t + 4))
        assert stats.kstest(noise, stats.norm.cdf).pvalue > FALSE_ALARM
        assert abs(np.corrcoef(noise, before)[0, 1]) < 5.5 / np.sqrt(40_000)


def test_gibbs_on_a_poisson_and_its_gamma_rate():
    """Rate ~ gamma(3), count given rate ~ Poisson: the count is negative binomial, the rate gamma."""
    conditionals = [
        lambda x, rng: rng.gamma(3 + x[:, 1], 0.5),  # rate given count
        lambda x, rng: rng.poisson(x[:, 0]),
    ]
    end = run(Gibbs(conditionals), np.ones((20_000, 2)), 60, np.random.default_rng(17)).draws[:, -1]
    assert stats.kstest(end[:, 0], stats.gamma(3).cdf).pvalue > FALSE_ALARM
    for count in range(6):
        p = stats.nbinom.pmf(count, 3, 0.5)
        assert stats.binomtest(int((end[:, 1] == count).sum()), len(end), p).pvalue > FALSE_ALARM


# Hamiltonian and Langevin dynamics, exactly.


@pytest.mark.parametrize("target", [FIVE, MILD, ROSENBROCK, Funnel(), EightSchools()])
def test_gradients_of_the_targets(target):
    x = np.random.default_rng(18).normal(size=(4, 5 if target is FIVE else 2))
    for j, e in enumerate(1e-6 * np.eye(x.shape[1])):
        slope = (target.log_prob(x + e) - target.log_prob(x - e)) / 2e-6
        assert_allclose(target.grad(x)[:, j], slope, rtol=1e-6, atol=1e-6)


def test_a_trajectory_runs_back_to_where_it_began_and_keeps_volume():
    kernel = hmc(MILD, [0.3, 0.2], 7)
    rng = np.random.default_rng(19)
    x, momentum = rng.normal(size=(2, 3, 2))
    state = kernel.init(x)
    end, last = kernel.trajectory(state, momentum)
    back, first = kernel.trajectory(end, -last)
    assert_allclose(back.position, x, atol=1e-13)
    assert_allclose(-first, momentum, atol=1e-13)

    def flow(z):
        there, p = kernel.trajectory(kernel.init(z[:, :2]), z[:, 2:])
        return np.column_stack([there.position, p])

    z = np.column_stack([x, momentum])
    for row in range(3):
        tilted = z[row] + 1e-6 * np.vstack([np.eye(4), -np.eye(4)])
        moved = flow(tilted)
        jacobian = (moved[:4] - moved[4:]) / 2e-6
        assert np.linalg.det(jacobian) == pytest.approx(1, abs=1e-7)


def test_the_energy_error_falls_with_the_square_of_the_step():
    errors = []
    for step, n in [(0.2, 5), (0.1, 10), (0.05, 20)]:
        kernel = hmc(MILD, step, n)
        state = kernel.init(MILD.sample(200, np.random.default_rng(20)))
        errors.append(np.abs(kernel.step(state, np.random.default_rng(21))[1].energy_error).mean())
    assert 3.5 < errors[0] / errors[1] < 4.5 and 3.5 < errors[1] / errors[2] < 4.5


def test_langevin_is_the_textbooks_proposal_and_ratio():
    """Roberts and Tweedie (1996): y ~ N(x + h^2 grad / 2, h^2), accepted by Hastings' ratio."""
    h = 0.8
    kernel = mala(MILD, h)
    x = np.random.default_rng(22).normal(size=(500, 2))
    state, info = kernel.step(kernel.init(x), np.random.default_rng(23))
    y = x + 0.5 * h**2 * MILD.grad(x) + h * np.random.default_rng(23).standard_normal(x.shape)
    assert_allclose(state.position, np.where(info.accepted[:, None], y, x), rtol=1e-12)

    def log_q(to, start):
        return -0.5 * ((to - start - 0.5 * h**2 * MILD.grad(start)) ** 2).sum(axis=1) / h**2

    log_ratio = MILD.log_prob(y) + log_q(x, y) - MILD.log_prob(x) - log_q(y, x)
    assert_allclose(-info.energy_error, log_ratio, atol=1e-11)


def test_unadjusted_langevin_has_exactly_the_bias_of_its_docstring():
    """For N(0, 1): x' = (1 - h^2/2) x + h noise, of stationary variance 1 / (1 - h^2/4)."""
    h = 1.2
    kernel = UnadjustedLangevin(lambda x: -x, h)
    x = np.array([[1.0], [-3.0]])
    state, _ = kernel.step(kernel.init(x), np.random.default_rng(24))
    noise = np.random.default_rng(24).standard_normal(x.shape)
    assert_allclose(state.position, (1 - h**2 / 2) * x + h * noise, rtol=1e-14)
    rng = np.random.default_rng(24)
    start = rng.standard_normal((20_000, 1)) / np.sqrt(1 - h**2 / 4)
    end = run(kernel, start, 4, rng).draws[:, -1, 0]
    assert stats.kstest(end * np.sqrt(1 - h**2 / 4), stats.norm.cdf).pvalue > FALSE_ALARM
    assert stats.kstest(end, stats.norm.cdf).pvalue < 1e-20


def test_too_large_a_step_is_reported_as_divergence_and_nothing_moves():
    kernel = hmc(MILD, 60.0, 20)
    start = np.random.default_rng(25).normal(size=(10, 2))
    chains = run(kernel, start, 30, np.random.default_rng(26))
    assert_array_equal(chains.divergences, 30)
    assert_array_equal(chains.acceptance_rate, 0)
    assert_array_equal(chains.draws, np.repeat(start[:, None], 30, axis=1))
    assert run(hmc(MILD, 0.3, 5), start, 30, np.random.default_rng(26)).divergences.sum() == 0


def test_divergence_is_an_energy_error_of_a_thousand():
    # On a standard normal, steps longer than 2 are unstable: errors grow geometrically with the start.
    kernel = HamiltonianMonteCarlo(lambda x: -0.5 * (x**2).sum(axis=1), lambda x: -x, 2.05, 3)
    start = np.geomspace(0.1, 100, 200)[:, None]
    _, info = kernel.step(kernel.init(start), np.random.default_rng(0))
    assert_array_equal(info.diverged, info.energy_error > 1000)
    assert 20 < info.diverged.sum() < 180 and np.isfinite(info.energy_error).all()


def test_unadjusted_langevin_reports_chains_that_blow_up():
    chains = run(
        UnadjustedLangevin(lambda x: -(x**3), 1.0), np.array([[0.1], [30.0]]), 20, np.random.default_rng(0)
    )
    assert chains.divergences[1] > 10


# Metropolis, exactly.


def test_acceptance_is_the_ratio_of_densities():
    kernel = metropolis(PAIR, 0.7)
    x = np.random.default_rng(27).normal(size=(20_000, 2)) * 0 + PAIR.mean + [1.0, 0.3]
    state, info = kernel.step(kernel.init(x), np.random.default_rng(28))
    y = x + 0.7 * np.random.default_rng(28).standard_normal(x.shape)
    p = np.minimum(1, np.exp(PAIR.log_prob(y) - PAIR.log_prob(x)))
    assert_allclose(np.exp(-np.maximum(info.energy_error, 0)), p, rtol=1e-12)
    assert_array_equal(state.position, np.where(info.accepted[:, None], y, x))
    assert_allclose(state.log_density, PAIR.log_prob(state.position), rtol=1e-12)
    excess = (info.accepted - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(excess) < 5.7  # normal tail: 1.2e-8
    assert info.accepted[p == 1].all()


@pytest.mark.parametrize("outside", [-np.inf, np.nan])
def test_where_there_is_no_density_no_chain_goes(outside):
    def log_target(x):
        return np.where(x[:, 0] > 0, -x[:, 0], outside)

    rng = np.random.default_rng(29)
    start = rng.standard_exponential((20_000, 1))
    end = run(MetropolisHastings(log_target, random_walk(1.0)), start, 5, rng).draws
    assert end.min() > 0
    assert stats.kstest(end[:, -1, 0], stats.expon.cdf).pvalue > FALSE_ALARM


def test_a_target_that_warns_outside_its_support_does_not_stop_a_run():
    kernel = MetropolisHastings(
        lambda x: np.log(x[:, 0]) - x[:, 0], random_walk(2.0)
    )  # log of negative numbers
    assert run(kernel, np.ones((50, 1)), 50, np.random.default_rng(0)).draws.min() > 0


def test_chains_do_not_touch_each_other():
    """One chain of many is what it would be if the others started elsewhere."""
    kernel = hmc(MILD, 0.4, 3)
    start = np.random.default_rng(30).normal(size=(4, 2))
    moved = start + np.array([[0, 0], [0, 0], [1, 1], [-1, 0]])
    first, second = (run(kernel, x, 20, np.random.default_rng(31)).draws for x in (start, moved))
    assert_array_equal(first[:2], second[:2])
    assert (first[2:] != second[2:]).any()


# What every kernel promises.

KERNELS = {
    "metropolis": metropolis(MILD, 1.0),
    "hastings": MetropolisHastings(MILD.log_prob, skewed_walk),
    "gibbs": bivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]),
    "hmc": hmc(MILD, 0.5, 3),
    "langevin": mala(MILD, 0.5),
    "unadjusted": UnadjustedLangevin(MILD.grad, 0.5),
}


@pytest.mark.parametrize("name", KERNELS)
def test_same_state_same_draws_inputs_and_global_state_stay(name):
    kernel = KERNELS[name]
    start = np.random.default_rng(32).normal(size=(7, 2))
    before, state = start.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (run(kernel, start, 10, np.random.default_rng(33), warmup=3) for _ in range(2))
    assert_array_equal(first.draws, again.draws)
    assert first.draws.shape == (7, 10, 2)
    assert first.acceptance_rate.shape == first.divergences.shape == (7,)
    assert_array_equal(start, before)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("name", KERNELS)
def test_a_step_is_pure_and_a_run_is_its_steps(name):
    kernel = KERNELS[name]
    state = kernel.init(np.random.default_rng(34).normal(size=(5, 2)))
    before = [field.copy() for field in state]
    chains = run(kernel, state.position, 4, np.random.default_rng(35), warmup=2)
    rng = np.random.default_rng(35)
    walking = state
    for t in range(6):
        walking, _ = kernel.step(walking, rng)
        if t >= 2:
            assert_array_equal(chains.draws[:, t - 2], walking.position)
    for field, copy in zip(state, before, strict=True):
        assert_array_equal(field, copy)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(
    ("position", "message"),
    [
        ([0.0, 0.0], "position must have shape"),
        (np.zeros((0, 2)), "position must have shape"),
        ([[0.0, np.nan]], "position must be finite"),
    ],
)
def test_bad_positions(name, position, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        run(KERNELS[name], position, 5, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: run(KERNELS["hmc"], [[0, 0]], 0, rng), "n_steps must be at least 1, got 0"),
        (lambda rng: run(KERNELS["hmc"], [[0, 0]], 1, rng, warmup=-1), "warmup must be at least 0"),
        (lambda rng: random_walk(0.0), "scale must be positive"),
        (lambda rng: random_walk([1.0, np.nan]), "scale must be positive"),
        (
            lambda rng: run(MetropolisHastings(np.ravel, random_walk([1, 2])), [[0]], 1, rng),
            "propose must return",
        ),
        (lambda rng: hmc(MILD, -1.0, 3), "step_size must be positive"),
        (lambda rng: hmc(MILD, 1.0, 0), "n_leapfrog must be at least 1"),
        (lambda rng: hmc(MILD, np.ones(3), 1).init([[0, 0]]), r"position must have shape \(N, 3\)"),
        (lambda rng: UnadjustedLangevin(MILD.grad, np.inf), "step_size must be positive"),
        (lambda rng: mala(MILD, np.ones((1, 2))), "step_size must be positive"),
        (lambda rng: bivariate_normal([0, 0, 0], np.eye(2)), r"mean must have shape \(2,\)"),
        (lambda rng: bivariate_normal([0, 0], [[1, 2], [2, 1]]), "covariance must be positive definite"),
        (
            lambda rng: Gibbs(KERNELS["gibbs"].conditionals).init([[0.0]]),
            r"position must have shape \(N, 2\)",
        ),
        (lambda rng: MetropolisHastings(lambda x: x, random_walk(1)).init([[0.0]]), "log_target must return"),
        (
            lambda rng: MetropolisHastings(lambda x: np.log(x[:, 0]), random_walk(1)).init([[0.0]]),
            "position must have a finite log_target, got -inf",
        ),
        (
            lambda rng: UnadjustedLangevin(lambda x: x[:, 0], 1).init([[0.0]]),
            "grad_log_target must return finite numbers",
        ),
    ],
)
def test_bad_arguments(call, message):
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=f"^{message}"):
        call(np.random.default_rng(0))


def test_eight_schools_density_is_the_integral_over_the_effects():
    """One school's effect integrated out by quadrature, against the formula of the target."""
    mu, tau, y, s = 3.0, 2.0, EightSchools.Y[0], EightSchools.S[0]
    by_hand, _ = integrate.quad(
        lambda t: stats.norm.pdf(y, t, s) * stats.norm.pdf(t, mu, tau), -100, 100, points=[mu]
    )
    assert by_hand == pytest.approx(stats.norm.pdf(y, mu, np.hypot(s, tau)), rel=1e-9)
