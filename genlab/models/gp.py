"""Gaussian process regression: a distribution over functions, and what observations leave of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import OptimizeResult, minimize
from scipy.spatial.distance import cdist

from genlab.models._arguments import Array, at_least, parameter, samples

JITTER = (
    1e-10  # share of the variance added to it for draws, where rounding could make a covariance indefinite
)


@dataclass(frozen=True)
class GaussianProcess:
    """Functions of mean 0 with covariance `variance exp(-|a - b|^2 / (2 length_scale^2))`, plus noise.

    Args:
        variance: of a function's value at a point, in squared units of y.
        length_scale: how far apart points are whose values hardly depend on each other, in units of x.
        noise: variance of an observation about the function, in squared units of y. For exact observations
            give a small one, such as 1e-8 of the variance: without any, rounding rules the result.

    Raises:
        ValueError: if a value is not positive and finite.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapters 2 and 5.

    >>> process = GaussianProcess(variance=1, length_scale=1, noise=1)
    >>> process.posterior([[0.0]], [2.0]).mean([[0.0], [9.0]]).round(3)
    array([1., 0.])
    """

    variance: float
    length_scale: float
    noise: float

    def __post_init__(self) -> None:
        for name in ("variance", "length_scale", "noise"):
            value = float(parameter(name, getattr(self, name)))
            if value <= 0:
                raise ValueError(f"{name} must be positive, got {value}")
            vars(self)[name] = value

    def covariance(self, a: ArrayLike, b: ArrayLike) -> Array:
        """Covariances (N, M) of a function's values at the rows of a (N, d) and b (M, d), without noise."""
        a = samples("a", a)
        return self._covariance(cdist(a, samples("b", b, a.shape[1]), "sqeuclidean"))

    def log_marginal_likelihood(self, x: ArrayLike, y: ArrayLike) -> float:
        """Log density, in nats, of observations y (N,) at the rows of x (N, d), over all functions."""
        x, y = _observations(x, y)
        return _log_density(self._factor(self.covariance(x, x)), y)

    def gradient(self, x: ArrayLike, y: ArrayLike) -> tuple[float, Array]:
        """Log marginal likelihood, and its derivatives (3,) by log variance, log length_scale, log noise."""
        x, y = _observations(x, y)
        squares = cdist(x, x, "sqeuclidean")
        covariance = self._covariance(squares)
        factor = self._factor(covariance)
        # By any parameter t of the observations' covariance K, the derivative is the sum of slope * dK/dt.
        slope = cho_solve((factor, True), np.eye(len(y)))
        weights = slope @ y
        slope = 0.5 * (np.outer(weights, weights) - slope)
        noise = self.noise * np.trace(slope)
        slope *= covariance
        length_scale = np.vdot(slope, squares) / self.length_scale**2
        return _log_density(factor, y), np.array([slope.sum(), length_scale, noise])

    def sample(self, n: int, rng: np.random.Generator, *, x: ArrayLike) -> Array:
        """Draw the values (n, N) of n functions at the rows of x (N, d), without noise."""
        covariance = self.covariance(x, x)
        return _draw(np.zeros(len(covariance)), covariance, JITTER * self.variance, n, rng)

    def posterior(self, x: ArrayLike, y: ArrayLike) -> "Posterior":
        """What observations y (N,) at the rows of x (N, d) leave of the process."""
        return Posterior(self, *_observations(x, y))

    def _covariance(self, squares: Array) -> Array:
        p = squares / (-2 * self.length_scale**2)
        np.maximum(p, -700, out=p)  # below -708, exp gives denormal numbers, which are slow
        np.exp(p, out=p)
        p *= self.variance
        return p

    def _factor(self, covariance: Array) -> Array:
        """Lower Cholesky factor of the observations' covariance, which is the function's with the noise."""
        observed = covariance.copy()
        np.einsum("nn->n", observed)[:] += self.noise
        try:
            return np.asarray(np.linalg.cholesky(observed))
        except np.linalg.LinAlgError:
            raise ValueError(
                f"noise must be larger: {self.noise} is lost in rounding beside a variance of {self.variance}"
            ) from None


@dataclass(frozen=True, eq=False)
class Posterior:
    """A process given observations y (N,) at x (N, d): again a Gaussian process, with a mean of its own."""

    process: GaussianProcess
    x: Array
    y: Array

    def __post_init__(self) -> None:
        x, y = _observations(self.x, self.y)
        factor = self.process._factor(self.process.covariance(x, x))
        vars(self).update(
            x=parameter("x", x, ndim=2),
            y=parameter("y", y, ndim=1),
            _factor=factor,
            _weights=cho_solve((factor, True), y),
        )

    def mean(self, x: ArrayLike) -> Array:
        """Mean (M,) of the function at the rows of x (M, d)."""
        return np.asarray(self._cross(x) @ vars(self)["_weights"])

    def covariance(self, x: ArrayLike) -> Array:
        """Covariance (M, M) of the function's values at the rows of x (M, d), without noise."""
        explained = solve_triangular(vars(self)["_factor"], self._cross(x).T, lower=True)
        return np.asarray(self.process.covariance(x, x) - explained.T @ explained)

    def sample(self, n: int, rng: np.random.Generator, *, x: ArrayLike) -> Array:
        """Draw the values (n, M) of n functions at the rows of x (M, d), without noise."""
        return _draw(self.mean(x), self.covariance(x), JITTER * self.process.variance, n, rng)

    def _cross(self, x: ArrayLike) -> Array:
        return self.process.covariance(samples("x", x, self.x.shape[1]), self.x)


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted process, its log marginal likelihood (nats) at the start and after each iteration, and
    whether the optimiser was satisfied."""

    model: GaussianProcess
    log_marginal_likelihoods: Array
    converged: bool


def fit(x: ArrayLike, y: ArrayLike, *, start: GaussianProcess | None = None, max_iter: int = 100) -> Fit:
    """Find the parameters with the greatest log marginal likelihood, by L-BFGS-B on their logarithms.

    There may be several maxima, such as one that takes all for noise: another start may find another. Each
    parameter stays within some orders of magnitude of the data's scales, so that rounding stays small.

    Args:
        x: (N, d), a point a row, at least two of them different.
        y: (N,), observations, not all 0. The process has mean 0: subtract a mean first.
        start: where to begin; by default the data's own variance and spread, and a tenth of it noise.
        max_iter: iterations at most.

    Raises:
        ValueError: if an argument is not as above.
    """
    x, y = _observations(x, y)
    at_least(1, max_iter=max_iter)
    power, spread = float(np.mean(y**2)), float(np.sqrt(x.var(axis=0).sum()))
    if not power > 0:
        raise ValueError("y must not be 0 everywhere")
    if not spread > 0:
        raise ValueError(f"x must have at least two different rows, got {x[0]} alone")
    start = start or GaussianProcess(power, spread, 0.1 * power)
    limits = np.log([[1e-4 * power, 1e4 * power], [1e-4 * spread, 1e4 * spread], [1e-6 * power, 1e2 * power]])

    def loss(logs: Array) -> tuple[float, Array]:
        value, gradient = GaussianProcess(*np.exp(logs)).gradient(x, y)
        return -value, -gradient

    def record(intermediate_result: OptimizeResult) -> None:
        trace.append(-intermediate_result.fun)

    first = np.clip(np.log([start.variance, start.length_scale, start.noise]), *limits.T)
    trace = [-loss(first)[0]]
    best = minimize(
        loss,
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        callback=record,
        options={"maxiter": max_iter},
    )
    return Fit(GaussianProcess(*np.exp(best.x)), np.array(trace), bool(best.success))


def _observations(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    x = samples("x", x)
    return x, parameter("y", y, shape=(len(x),))


def _log_density(factor: Array, y: Array) -> float:
    """Log density at y of a Gaussian of mean 0, given its covariance's Cholesky factor."""
    white = solve_triangular(factor, y, lower=True)
    return float(-0.5 * white @ white - np.log(np.diag(factor)).sum() - 0.5 * len(y) * np.log(2 * np.pi))


def _draw(mean: Array, covariance: Array, jitter: float, n: int, rng: np.random.Generator) -> Array:
    at_least(0, n=n)
    factor = np.linalg.cholesky(covariance + jitter * np.eye(len(mean)))
    return np.asarray(mean + rng.standard_normal((n, len(mean))) @ factor.T)
