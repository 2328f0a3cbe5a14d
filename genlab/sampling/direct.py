"""Direct sampling: inverse cumulative distributions, categorical draws, rejection, importance weights."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from genlab.models._arguments import Array, at_least
from genlab.models._arguments import probabilities as distribution

Density = Callable[[Array], ArrayLike]
Proposal = Callable[[int, np.random.Generator], ArrayLike]

PATIENCE = 10_000_000  # proposals without one acceptance after which rejection sampling gives up


def inverse_cdf(quantile: Callable[[Array], ArrayLike], n: int, rng: np.random.Generator) -> Array:
    """Draw n numbers by the inverse of their cumulative distribution function.

    Args:
        quantile: the inverse, from probabilities in [0, 1) to numbers, an array at a time.

    Returns:
        (n,)

    Raises:
        ValueError: if n is negative, or quantile does not return a number for each probability.

    Source: Devroye, Non-Uniform Random Variate Generation (1986), section II.2.

    >>> inverse_cdf(lambda u: -np.log1p(-u), 3, np.random.default_rng(0))  # exponential, rate 1
    array([1.01324691, 0.31441861, 0.0418366 ])
    """
    at_least(0, n=n)
    return _one_a_row("quantile", quantile(rng.random(n)), n)


def tabulated_quantile(x: ArrayLike, cdf: ArrayLike) -> Callable[[Array], Array]:
    """Return the inverse of a cumulative distribution function given by a table, linear between its points.

    Args:
        x: (M,), increasing, M >= 2.
        cdf: (M,), never decreasing, from 0 to 1: the probabilities of values up to x.

    Raises:
        ValueError: if the table is not as above.

    >>> quantile = tabulated_quantile([0, 1, 3], [0, 0.5, 1])
    >>> quantile(np.array([0.25, 0.75]))
    array([0.5, 2. ])
    """
    x, cdf = np.array(x, dtype=float), np.array(cdf, dtype=float)
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all() or not (np.diff(x) > 0).all():
        raise ValueError(f"x must be two or more increasing numbers, got {x}")
    rises = cdf.shape == x.shape and (np.diff(cdf) >= 0).all()
    if not rises or abs(cdf[0]) > 1e-8 or abs(cdf[-1] - 1) > 1e-8:
        raise ValueError(f"cdf must have shape {x.shape} and rise from 0 to 1 without falling, got {cdf}")
    return lambda u: np.interp(u, cdf, x)


def categorical(probabilities: ArrayLike, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw n of the integers 0..V-1 with these probabilities (V,): an array (n,).

    Raises:
        ValueError: if n is negative, or probabilities are not numbers from 0 up that sum to 1 within 1e-8.

    >>> categorical([0.2, 0.0, 0.8], 5, np.random.default_rng(0))
    array([2, 2, 0, 0, 2])
    """
    at_least(0, n=n)
    cdf = np.cumsum(distribution("probabilities", probabilities))
    # The first index whose cumulative probability exceeds u: never one of probability 0.
    return np.asarray(np.searchsorted(cdf, rng.random(n) * cdf[-1], side="right"), dtype=np.int64)


def rejection(
    log_target: Density,
    propose: Proposal,
    log_proposal: Density,
    log_bound: float,
    n: int,
    rng: np.random.Generator,
) -> tuple[Array, float]:
    """Draw n independent samples of the density proportional to exp(log_target), by rejection.

    A proposal x is kept with probability exp(log_target(x) - log_proposal(x) - log_bound).

    Args:
        log_target: log density up to a constant, (m,) for m proposals; may be -inf.
        propose: propose(m, rng) draws m proposals, (m,) or (m, d).
        log_proposal: their log density, (m,).
        log_bound: at least log_target(x) - log_proposal(x), for every x.

    Returns:
        The samples, (n,) or (n, d), and the share of proposals that was accepted.

    Raises:
        ValueError: if n is less than 1, a density is not (m,) or is nan, a proposal shows that log_bound is
            too low, or ten million proposals in a row are rejected.

    Source: von Neumann (1951); Robert and Casella, Monte Carlo Statistical Methods (2004), section 2.3.

    >>> x, rate = rejection(  # a triangle under a uniform proposal: half of the box is above it
    ...     lambda x: np.log(x), lambda m, rng: rng.random(m), np.zeros_like, 0.0, 10_000,
    ...     np.random.default_rng(0))
    >>> bool(abs(x.mean() - 2 / 3) < 0.02), bool(abs(rate - 1 / 2) < 0.02)
    (True, True)
    """
    at_least(1, n=n)
    kept: list[Array] = []
    accepted = proposed = 0
    while accepted < n:
        # As many as are likely to be needed; a batch in which none was accepted is followed by a larger one.
        m = int(min(1.1 * (n - accepted) * max(proposed, 1) / max(accepted, 1) + 10, 1_000_000))
        x, log_ratio = _weigh(log_target, propose, log_proposal, m, rng)
        log_ratio -= log_bound
        if log_ratio.max() > 1e-9:
            raise ValueError(
                f"log_bound must be at least log_target - log_proposal everywhere: {log_bound} is too low by "
                f"{log_ratio.max():.3g} at {x[log_ratio.argmax()]}"
            )
        keep = np.log1p(-rng.random(m)) < log_ratio
        kept.append(x[keep])
        proposed += m
        accepted += int(keep.sum())
        if not accepted and proposed >= PATIENCE:
            raise ValueError(
                f"log_bound must be close enough for acceptance: none of {proposed} was accepted"
            )
    return np.concatenate(kept)[:n], accepted / proposed


@dataclass(frozen=True, eq=False)
class WeightedSample:
    """Draws x of a proposal, (n,) or (n, d), with log weights (n,) that make them stand for a target."""

    x: Array
    log_weights: Array

    @property
    def weights(self) -> Array:
        """Self-normalised weights (n,), which sum to 1."""
        return np.asarray(np.exp(self.log_weights - logsumexp(self.log_weights)))

    @property
    def ess(self) -> float:
        """Effective sample size (Kong 1992), 1 / sum of squared weights, from 1 to n."""
        return float(np.exp(2 * logsumexp(self.log_weights) - logsumexp(2 * self.log_weights)))

    @property
    def log_evidence(self) -> float:
        """Log of the mean weight, that is of the integral of the target if log_proposal is normalised."""
        return float(logsumexp(self.log_weights) - np.log(len(self.log_weights)))

    def expectation(self, f: Density) -> Array:
        """Self-normalised estimate of E[f(x)] under the target, for f from x to (n,) or (n, ...)."""
        values = np.asarray(f(self.x), dtype=float)
        if values.shape[:1] != self.log_weights.shape:
            raise ValueError(f"f must return a value a row, {len(self.x)} of them, got shape {values.shape}")
        return np.asarray(np.tensordot(self.weights, values, axes=1))

    def resample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n rows with replacement by their weights: approximately draws of the target."""
        return np.asarray(self.x[categorical(self.weights, n, rng)])


def importance(
    log_target: Density, propose: Proposal, log_proposal: Density, n: int, rng: np.random.Generator
) -> WeightedSample:
    """Draw n proposals and weigh them by exp(log_target - log_proposal), in log space.

    Arguments are as in `rejection`; both log densities may be off by any constant.

    Raises:
        ValueError: if n is less than 1, a density is not (n,) or is nan, or every weight is 0.

    Source: Robert and Casella, Monte Carlo Statistical Methods (2004), section 3.3.

    >>> draws = importance(  # a standard normal, from a wider one
    ...     lambda x: -x**2 / 2, lambda n, rng: 2 * rng.standard_normal(n), lambda x: -x**2 / 8, 10_000,
    ...     np.random.default_rng(0))
    >>> bool(abs(draws.expectation(np.square) - 1) < 0.1)
    True
    """
    at_least(1, n=n)
    x, log_weights = _weigh(log_target, propose, log_proposal, n, rng)
    if not np.isfinite(log_weights.max()):
        raise ValueError("log_target must be above -inf at one proposal or more: every weight is 0")
    return WeightedSample(x, log_weights)


def _weigh(
    log_target: Density, propose: Proposal, log_proposal: Density, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw n proposals; return them and log_target - log_proposal at each."""
    x = np.asarray(propose(n, rng), dtype=float)
    if x.ndim == 0 or len(x) != n:
        raise ValueError(f"propose must return {n} draws, a row each, got shape {x.shape}")
    target = _one_a_row("log_target", log_target(x), n)
    proposal = _one_a_row("log_proposal", log_proposal(x), n)
    for name, values, worst in [("log_target", target, np.inf), ("log_proposal", proposal, -np.inf)]:
        bad = np.isnan(values) | (values == worst)
        if bad.any():
            raise ValueError(f"{name} must not be nan or {worst}, got {values[bad][0]} at {x[bad][0]}")
    return x, target - proposal


def _one_a_row(name: str, values: ArrayLike, n: int) -> Array:
    values = np.asarray(values, dtype=float)
    if values.shape != (n,):
        raise ValueError(f"{name} must return shape ({n},) here, got {values.shape}")
    return values
