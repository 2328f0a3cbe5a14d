"""Mixtures of Gaussians: density, responsibilities, draws, and fitting by expectation-maximisation (EM)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlab.models._arguments import Array, at_least, cholesky, integers, parameter, probabilities, samples
from genlab.models._em_steps import ROUNDING, Axes, Full, Parameters, expectation, iterate
from genlab.models.gaussian import Gaussian, moments

Kind = Literal["full", "tied", "diagonal", "spherical"]


def constrained(covariances: Array, kind: str) -> Array:
    """The covariances (K, d, d) of a kind that are nearest to these."""
    k, d, _ = covariances.shape
    diagonal = np.diagonal(covariances, 0, 1, 2)[:, :, None]
    kinds: dict[str, Array] = {
        "full": covariances,
        "tied": np.tile(covariances.mean(axis=0), (k, 1, 1)),
        "diagonal": diagonal * np.eye(d),
        "spherical": diagonal.mean(axis=1, keepdims=True) * np.eye(d),
    }
    if kind not in kinds:
        raise ValueError(f"covariance_type must be one of {', '.join(kinds)}, got {kind!r}")
    return kinds[kind]


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """K Gaussians with positive weights (K,) that sum to 1, means (K, d) and covariances (K, d, d).

    The covariances are full, tied (all equal), diagonal, or spherical (multiples of the identity): fit keeps
    them so, and n_parameters and bic count what is free.

    Raises:
        ValueError: if a shape or value is wrong, or a covariance is not positive definite or not of its type.

    >>> pair = GaussianMixture(weights=[0.5, 0.5], means=[[-1], [1]], covariances=[[[1]], [[1]]])
    >>> pair.responsibilities([[0], [50]])
    array([[5.00000000e-01, 5.00000000e-01],
           [3.72007598e-44, 1.00000000e+00]])
    """

    weights: Array
    means: Array
    covariances: Array
    covariance_type: Kind = "full"

    def __post_init__(self) -> None:
        means = parameter("means", self.means, ndim=2)
        k, d = means.shape
        weights = probabilities("weights", self.weights, shape=(k,), positive=True)
        covariances = parameter("covariances", self.covariances, shape=(k, d, d))
        cholesky("covariances", covariances)
        near = constrained(covariances, self.covariance_type)
        if np.abs(covariances - near).max() > 1e-12 * np.abs(covariances).max():
            raise ValueError(f"covariances must be {self.covariance_type}, got {covariances}")
        vars(self).update(weights=weights, means=means, covariances=covariances)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log density, in nats, at each row of x (N, d): an array (N,)."""
        x = samples("x", x, self.means.shape[1])
        return np.concatenate([log_density for log_density, _, _ in expectation(self._step(), x)])

    def responsibilities(self, x: ArrayLike) -> Array:
        """Posterior probability of each component for each row of x (N, d): (N, K), whose rows sum to 1."""
        x = samples("x", x, self.means.shape[1])
        return np.concatenate([r.T for _, r, _ in expectation(self._step(), x)])

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        """Draw n rows (n, d) and the component z (n,) that each came from."""
        at_least(0, n=n)
        z = rng.choice(len(self.weights), size=n, p=self.weights)
        x = rng.standard_normal((n, self.means.shape[1]))
        for k, factor in enumerate(np.linalg.cholesky(self.covariances)):
            x[z == k] = self.means[k] + x[z == k] @ factor.T
        return x, z

    def condition(self, columns: Sequence[int], values: ArrayLike) -> "GaussianMixture":
        """The mixture of the other columns, in their order, where the given columns have the given values.

        Its mean, weights @ means, interpolates: it is the regression of the other columns on the given ones.

        >>> pair = GaussianMixture([1], [[0, 0]], [[[1, 0.5], [0.5, 1]]])
        >>> given = pair.condition([0], [2])
        >>> given.means, given.covariances
        (array([[1.]]), array([[[0.75]]]))
        """
        d = self.means.shape[1]
        known = integers("columns", columns, d)
        rest = np.setdiff1d(np.arange(d), known)
        if not len(known) == d - len(rest) < d:
            raise ValueError(f"columns must be different, and leave some of the {d}, got {known}")
        value = parameter("values", values, shape=(len(known),))
        within, across = self.covariances[:, known[:, None], known], self.covariances[:, known[:, None], rest]
        marginals = [Gaussian(m, s) for m, s in zip(self.means[:, known], within, strict=True)]
        weights = np.log(self.weights) + [float(m.log_prob([value])[0]) for m in marginals]
        weights = np.exp(np.maximum(weights - weights.max(), -700))  # positive, however small
        slopes = np.linalg.solve(within, across).mT
        means = self.means[:, rest] + (slopes @ (value - self.means[:, known])[:, :, None])[:, :, 0]
        covariances = self.covariances[:, rest[:, None], rest] - slopes @ across
        covariances = constrained((covariances + covariances.mT) / 2, self.covariance_type)
        return GaussianMixture(weights / weights.sum(), means, covariances, self.covariance_type)

    @property
    def n_parameters(self) -> int:
        """The number of free parameters, among K - 1 weights, K d means, and the covariances."""
        k, d = self.means.shape
        free = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diagonal": k * d, "spherical": k}
        return int(k - 1 + k * d + free[self.covariance_type])

    def bic(self, data: ArrayLike) -> float:
        """Bayesian information criterion (Schwarz 1978) on data (N, d): lower is better."""
        x = samples("data", data, self.means.shape[1])
        return float(self.n_parameters * np.log(len(x)) - 2 * self.log_prob(x).sum())

    def _step(self) -> Full:
        return Full(self.weights, self.means, self.covariances)


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
    covariance_type: Kind = "full",
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
        covariance_type: "full"; "tied": the same for all components; "diagonal"; or "spherical".
        covariance_floor: added to every variance at each M step, in squared units of data; keep it small.
        start: the mixture to start from, of that covariance_type, instead of random ones.

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
    if start is not None and start.covariance_type != covariance_type:
        raise ValueError(f"start must have {covariance_type} covariances, got {start.covariance_type}")

    covariance = moments(x)[1]
    covariance += np.diag(covariance_floor + ROUNDING * np.diag(covariance))
    covariances = constrained(np.tile(covariance, (n_components, 1, 1)), covariance_type)
    # A component narrower than 1e-12 of the data's width could not tell its samples from its rounded mean.
    # The step of the other types squares numbers first, so it needs more room.
    narrowest = 1e-24 if covariance_type == "full" else 1e-10
    floor = np.maximum(covariance_floor, narrowest * np.diag(covariance))
    if not floor.all():
        raise ValueError(f"covariance_floor must be positive: column {np.argmin(floor)} of data is constant")

    runs = []
    for _ in range(1 if start else restarts):
        first = start or GaussianMixture(
            weights=np.full(n_components, 1 / n_components),
            means=x[rng.choice(n, n_components, replace=False)],
            covariances=covariances,
            covariance_type=covariance_type,
        )
        runs.append(_em(x, first, floor, max_iter, tol))
    return max(runs, key=lambda run: float(run.log_likelihoods[-1]))


def _em(x: Array, model: GaussianMixture, floor: Array, max_iter: int, tol: float) -> Fit:
    """Iterate from one start. A step also returns the log-likelihood of the model that it improves on."""

    def improve(parameters: Parameters) -> tuple[float, Parameters]:
        kind = model.covariance_type
        return iterate(Full(*parameters) if kind == "full" else Axes(*parameters, kind), x, floor)

    log_likelihood, improved = improve((model.weights, model.means, model.covariances))
    trace: list[float] = []
    converged = False
    while not converged and len(trace) < max_iter:
        current, previous = improved, log_likelihood
        log_likelihood, improved = improve(current)
        trace.append(log_likelihood)
        converged = bool(abs(log_likelihood - previous) < tol * len(x))
    return Fit(GaussianMixture(*current, model.covariance_type), np.array(trace), converged)
