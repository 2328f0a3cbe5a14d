"""Mixtures of Gaussians: density, responsibilities, draws, and fitting by expectation-maximisation (EM)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlab.models._arguments import Array, at_least, cholesky, parameter, probabilities, samples
from genlab.models.gaussian import moments

BLOCK = 131_072  # numbers in the largest array of a block: 1 MiB, which a core's cache holds
ROUNDING = 1e-13  # relative to a variance: a safe bound on what rounding does to it


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """K Gaussians with positive weights (K,) that sum to 1, means (K, d) and covariances (K, d, d).

    Raises:
        ValueError: if a shape or value is wrong, or a covariance is not positive definite.

    >>> pair = GaussianMixture(weights=[0.5, 0.5], means=[[-1], [1]], covariances=[[[1]], [[1]]])
    >>> pair.responsibilities([[0], [50]])
    array([[5.00000000e-01, 5.00000000e-01],
           [3.72007598e-44, 1.00000000e+00]])
    """

    weights: Array
    means: Array
    covariances: Array

    def __post_init__(self) -> None:
        means = parameter("means", self.means, ndim=2)
        k, d = means.shape
        weights = probabilities("weights", self.weights, shape=(k,), positive=True)
        covariances = parameter("covariances", self.covariances, shape=(k, d, d))
        cholesky("covariances", covariances)
        vars(self).update(weights=weights, means=means, covariances=covariances)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log density, in nats, at each row of x (N, d): an array (N,)."""
        x = samples("x", x, self.means.shape[1])
        return np.concatenate([log_density for log_density, _, _ in _expectation(self, x)])

    def responsibilities(self, x: ArrayLike) -> Array:
        """Posterior probability of each component for each row of x (N, d): (N, K), whose rows sum to 1."""
        x = samples("x", x, self.means.shape[1])
        return np.concatenate([r.T for _, r, _ in _expectation(self, x)])

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        """Draw n rows (n, d) and the component z (n,) that each came from."""
        at_least(0, n=n)
        z = rng.choice(len(self.weights), size=n, p=self.weights)
        x = rng.standard_normal((n, self.means.shape[1]))
        for k, factor in enumerate(np.linalg.cholesky(self.covariances)):
            x[z == k] = self.means[k] + x[z == k] @ factor.T
        return x, z

    @property
    def n_parameters(self) -> int:
        """Free parameters: K - 1 weights, K d means and K d (d + 1) / 2 covariances."""
        k, d = self.means.shape
        return int(k - 1 + k * d + k * d * (d + 1) // 2)

    def bic(self, data: ArrayLike) -> float:
        """Bayesian information criterion (Schwarz 1978) on data (N, d): lower is better."""
        x = samples("data", data, self.means.shape[1])
        return float(self.n_parameters * np.log(len(x)) - 2 * self.log_prob(x).sum())


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mixture, its log-likelihood (nats) after each iteration, and whether EM met its tolerance."""

    model: GaussianMixture
    log_likelihoods: Array
    converged: bool


def fit(
    data: ArrayLike,
    n_components: int,
    rng: np.random.Generator,
    *,
    max_iter: int = 200,
    tol: float = 1e-6,
    restarts: int = 1,
    covariance_floor: float = 1e-6,
    start: GaussianMixture | None = None,
) -> Fit:
    """Fit a mixture of Gaussians by EM and keep the best of several random starts.

    With covariance_floor = 0 the likelihood never falls from one iteration to the next, but for rounding; a
    component may then shrink onto a point or a line, where the likelihood is unbounded. A positive floor
    prevents that, and makes the M step inexact: an iteration may lose up to n/4 (floor / v)^2 nats for each
    eigenvalue v of the covariance, floor not yet added, of a component of n samples.

    Args:
        data: (N, d), a sample a row.
        n_components: K, from 1 to N.
        rng: draws a start's means, K different rows of data; weights start equal, covariances as the data's.
        max_iter: iterations (one E step, one M step) a start at most.
        tol: stop when an iteration changes the mean log-likelihood a sample by less than this, in nats.
        restarts: how many random starts to make.
        covariance_floor: added to every variance at each M step, in squared units of data; keep it small.
        start: the mixture to start from, instead of random ones.

    Raises:
        ValueError: if an argument is not as above.

    Source: Dempster, Laird and Rubin (1977); Bishop, Pattern Recognition and Machine Learning, section 9.2.
    """
    x = samples("data", data)
    n, d = x.shape
    at_least(1, n_components=n_components, max_iter=max_iter, restarts=restarts)
    at_least(0, tol=tol, covariance_floor=covariance_floor)
    if n_components > n:
        raise ValueError(f"n_components must be at most the number of rows, {n}, got {n_components}")
    if start is not None and start.means.shape != (n_components, d):
        raise ValueError(f"start must have means of shape {(n_components, d)}, got {start.means.shape}")

    covariance = moments(x)[1]
    covariance += np.diag(covariance_floor + ROUNDING * np.diag(covariance))
    # A component narrower than 1e-12 of the data's width could not tell its samples from its rounded mean.
    floor = np.maximum(covariance_floor, 1e-24 * np.diag(covariance))
    if not floor.all():
        raise ValueError(f"covariance_floor must be positive: column {np.argmin(floor)} of data is constant")

    runs = []
    for _ in range(1 if start else restarts):
        first = start or GaussianMixture(
            weights=np.full(n_components, 1 / n_components),
            means=x[rng.choice(n, n_components, replace=False)],
            covariances=np.tile(covariance, (n_components, 1, 1)),
        )
        runs.append(_em(x, first, floor, max_iter, tol))
    return max(runs, key=lambda run: float(run.log_likelihoods[-1]))


def _em(x: Array, model: GaussianMixture, floor: Array, max_iter: int, tol: float) -> Fit:
    """Iterate from one start. A step also returns the log-likelihood of the model that it improves on."""
    log_likelihood, improved = _em_step(model, x, floor)
    trace: list[float] = []
    for _ in range(max_iter):
        model, previous = improved, log_likelihood
        log_likelihood, improved = _em_step(model, x, floor)
        trace.append(log_likelihood)
        if abs(log_likelihood - previous) < tol * len(x):
            return Fit(model, np.array(trace), converged=True)
    return Fit(model, np.array(trace), converged=False)


def _expectation(model: GaussianMixture, x: Array) -> Iterator[tuple[Array, Array, Array]]:
    """The E step, for B rows of x at a time: their log densities (B,), responsibilities (K, B) and whitened
    values y (K, d, B): with covariance L L^T, y = L^-1 (x - mean) is standard normal within a component."""
    k, d = model.means.shape
    factors = np.linalg.cholesky(model.covariances)
    log_volumes = np.log(np.diagonal(factors, 0, 1, 2)).sum(axis=1) + 0.5 * d * np.log(2 * np.pi)
    # All components at once: y = [L^-1, L^-1 (centre - mean)] [x - centre; 1]. Any centre will do in exact
    # arithmetic; one amid the data keeps the digits of data far from 0.
    centre = model.weights @ model.means
    whiten = np.linalg.inv(factors)
    offsets = whiten @ (centre - model.means)[:, :, None]
    whiten = np.concatenate([whiten, offsets], axis=2).reshape(k * d, d + 1)
    size = max(BLOCK // (k * d), 64)
    for rows in (x[i : i + size] for i in range(0, len(x), size)):
        y = (whiten @ np.vstack([rows.T - centre[:, None], np.ones(len(rows))])).reshape(k, d, -1)
        p = -0.5 * np.einsum("kib,kib->kb", y, y)
        p += (np.log(model.weights) - log_volumes)[:, None]  # now log of weight times density
        largest = p.max(axis=0)
        p -= largest
        np.maximum(p, -600, out=p)  # below -708, exp gives denormal numbers: imprecise, and 100 times slower
        np.exp(p, out=p)
        total = p.sum(axis=0)
        p /= total
        yield largest + np.log(total), p, y


def _em_step(model: GaussianMixture, x: Array, floor: Array) -> tuple[float, GaussianMixture]:
    """The log-likelihood of the model, and the model after one E step and one M step, in one pass over x."""
    k, d = model.means.shape
    log_likelihood, counts, sums, squares = 0.0, np.zeros(k), np.zeros((k, d, 1)), np.zeros((k, d, d))
    for log_density, r, y in _expectation(model, x):
        log_likelihood += log_density.sum()
        counts += r.sum(axis=1)
        root = np.sqrt(r)
        y *= root[:, None]
        sums += y @ root[:, :, None]
        squares += y @ y.mT  # of the same array twice: half the work
    # Moments of y about 0 are moments of x about the old means, in whitened coordinates: L takes them back.
    factors = np.linalg.cholesky(model.covariances)
    moves = factors @ sums / counts[:, None, None]
    second_moments = factors @ (squares / counts[:, None, None]) @ factors.mT
    covariances = (second_moments + second_moments.mT) / 2 - moves @ moves.mT
    # Where a component has collapsed, the difference is rounding error alone, of either sign.
    np.einsum("kii->ki", covariances)[:] += floor + ROUNDING * np.einsum("kii->ki", second_moments)
    return log_likelihood, GaussianMixture(counts / counts.sum(), model.means + moves[:, :, 0], covariances)
