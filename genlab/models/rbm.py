"""Restricted Boltzmann machines: free energy, exact log Z of small ones, contrastive divergence."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from genlab.models._arguments import Array, at_least, parameter, samples

ENUMERABLE = 20  # units in the smaller layer, at most, for an exact sum over its states
BLOCK = 4096  # states at a time


@dataclass(frozen=True, eq=False)
class RestrictedBoltzmannMachine:
    """V visible and H hidden units, 0 or 1, with weights (V, H) between the layers and none within them.

    p(v, h) = exp(v·visible_bias + h·hidden_bias + v·weights·h) / Z.

    Raises:
        ValueError: if a shape is wrong or a value is not finite.

    >>> machine = RestrictedBoltzmannMachine(weights=[[2.0]], visible_bias=[0], hidden_bias=[0])
    >>> machine.log_prob([[0], [1]]).round(4)  # log of 2 / Z and (1 + e^2) / Z
    array([-1.6476, -0.2138])
    """

    weights: Array
    visible_bias: Array
    hidden_bias: Array

    def __post_init__(self) -> None:
        weights = parameter("weights", self.weights, ndim=2)
        visible_bias = parameter("visible_bias", self.visible_bias, shape=weights.shape[:1])
        hidden_bias = parameter("hidden_bias", self.hidden_bias, shape=weights.shape[1:])
        vars(self).update(weights=weights, visible_bias=visible_bias, hidden_bias=hidden_bias)

    def hidden_probabilities(self, v: ArrayLike) -> Array:
        """Probabilities (N, H) that hidden units are 1, given visible rows (N, V) of numbers from 0 to 1."""
        v = fractions("v", v, len(self.visible_bias))
        return np.asarray(expit(self.hidden_bias + v @ self.weights))

    def visible_probabilities(self, h: ArrayLike) -> Array:
        """Probabilities (N, V) that visible units are 1, given hidden rows (N, H) of numbers from 0 to 1."""
        h = fractions("h", h, len(self.hidden_bias))
        return np.asarray(expit(self.visible_bias + h @ self.weights.T))

    def free_energy(self, x: ArrayLike) -> Array:
        """Free energy F (N,), in nats, of visible rows (N, V) of 0 and 1: p(x) = exp(-F(x)) / Z."""
        x = bits("x", x, len(self.visible_bias))
        return np.asarray(-x @ self.visible_bias - softplus(self.hidden_bias + x @ self.weights).sum(axis=1))

    def log_partition(self) -> float:
        """Log Z, in nats, exactly: a sum over all states of the smaller layer.

        Raises:
            ValueError: if both layers have more than 20 units.
        """
        weights, small, large = self.weights, self.visible_bias, self.hidden_bias
        if len(small) > len(large):
            weights, small, large = weights.T, large, small
        terms = [s @ small + softplus(large + s @ weights).sum(axis=1) for s in states(len(small))]
        return float(logsumexp(np.concatenate(terms)))

    def log_prob(self, x: ArrayLike) -> Array:
        """Log probability (N,), in nats, of visible rows (N, V) of 0 and 1, exactly.

        Raises:
            ValueError: if x is not as above, or both layers have more than 20 units, so that log Z is out of
                reach. `free_energy` compares rows without it, `pseudo_log_prob` judges a fit.
        """
        return np.asarray(-self.free_energy(x) - self.log_partition())

    def pseudo_log_prob(self, x: ArrayLike) -> Array:
        """Sum (N,) over units of the log probability, in nats, of each given all others: needs no log Z.

        Source: Besag, Statistical analysis of non-lattice data, The Statistician 24 (1975), 179-195.
        """
        x = bits("x", x, len(self.visible_bias))
        activation, energy = self.hidden_bias + x @ self.weights, self.free_energy(x)
        total = np.zeros(len(x))
        for unit, weights in enumerate(self.weights):
            flip = 1 - 2 * x[:, unit]
            flipped = -softplus(activation + flip[:, None] * weights).sum(axis=1)
            flipped -= x @ self.visible_bias + flip * self.visible_bias[unit]
            total -= softplus(energy - flipped)
        return total

    def sample(self, n: int, rng: np.random.Generator, *, steps: int = 1000) -> Array:
        """Draw n visible rows (n, V) of 0 and 1: each the end of a Gibbs chain of its own.

        A chain starts with hidden units tossed like fair coins; a step draws the visible layer, then the
        hidden one. The draws follow the model only as far as the chains have mixed.
        """
        at_least(0, n=n)
        at_least(1, steps=steps)
        h = toss(np.full((n, len(self.hidden_bias)), 0.5), rng)
        v = np.zeros((n, len(self.visible_bias)))
        for _ in range(steps):
            v = toss(expit(self.visible_bias + h @ self.weights.T), rng)
            h = toss(expit(self.hidden_bias + v @ self.weights), rng)
        return v


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted machine, and the mean squared error a unit of reconstructions in each epoch, while learning.

    Contrastive divergence climbs no function. The error tells that learning goes on, not how good the model
    is: judge that by `log_prob` or `pseudo_log_prob`.
    """

    model: RestrictedBoltzmannMachine
    reconstruction_errors: Array


def fit(
    data: ArrayLike,
    n_hidden: int,
    rng: np.random.Generator,
    *,
    steps: int = 1,
    epochs: int = 10,
    batch_size: int = 10,
    learning_rate: float = 0.1,
) -> Fit:
    """Fit a machine by contrastive divergence: Gibbs chains from the data on, stopped after a few steps.

    Args:
        data: (N, V), numbers from 0 to 1; those between, such as grey levels, count as probabilities of a 1.
        n_hidden: H.
        rng: draws the first weights, N(0, 0.01^2), the order of the rows, and the chains.
        steps: k of CD-k. More steps bring the gradient nearer to the likelihood's.
        epochs: passes over data.
        batch_size: rows to a step of the gradient.
        learning_rate: by which the mean gradient of a batch is multiplied.

    Raises:
        ValueError: if an argument is not as above.

    Source: Hinton, Training products of experts by minimizing contrastive divergence, Neural Computation 14
    (2002), 1771-1800; A practical guide to training restricted Boltzmann machines (2012).
    """
    x = fractions("data", data)
    at_least(1, n_hidden=n_hidden, steps=steps, epochs=epochs, batch_size=batch_size)
    at_least(0, learning_rate=learning_rate)
    weights = 0.01 * rng.standard_normal((x.shape[1], n_hidden))
    visible_bias, hidden_bias = np.zeros(x.shape[1]), np.zeros(n_hidden)
    trace = []
    for _ in range(epochs):
        error = 0.0
        order = rng.permutation(len(x))
        for first in range(0, len(x), batch_size):
            v = data_v = x[order[first : first + batch_size]]
            p = data_p = expit(hidden_bias + v @ weights)
            for step in range(steps):
                v_p = expit(visible_bias + toss(p, rng) @ weights.T)
                v = toss(v_p, rng)
                p = expit(hidden_bias + v @ weights)
                if step == 0:
                    error += ((data_v - v_p) ** 2).sum()
            rate = learning_rate / len(v)
            weights += rate * (data_v.T @ data_p - v.T @ p)
            visible_bias += rate * (data_v - v).sum(axis=0)
            hidden_bias += rate * (data_p - p).sum(axis=0)
        trace.append(error / x.size)
    return Fit(RestrictedBoltzmannMachine(weights, visible_bias, hidden_bias), np.array(trace))


# What Boltzmann machines share.


def states(n_units: int) -> Iterator[Array]:
    """All states of a layer, (B, n_units) at a time; a ValueError if they are too many for an exact sum."""
    if n_units > ENUMERABLE:
        raise ValueError(
            f"log Z must be summed over all states of a layer: at most {ENUMERABLE} units, got {n_units}"
        )
    for first in range(0, 2**n_units, BLOCK):
        numbers = np.arange(first, min(first + BLOCK, 2**n_units))
        yield (numbers[:, None] >> np.arange(n_units) & 1).astype(float)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), which is what summing a unit's states 0 and 1 leaves."""
    # The same as np.logaddexp(0, x), which is four times slower.
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(np.maximum(-np.abs(x), -700))))


def toss(p: Array, rng: np.random.Generator) -> Array:
    """Draw 1 with probability p and 0 otherwise, as floats, for matrix products."""
    return np.asarray(rng.random(p.shape) < p, dtype=float)


def fractions(name: str, x: ArrayLike, d: int | None = None) -> Array:
    """Return x as floats (N, d) from 0 to 1; a ValueError names it if it is anything else."""
    x = samples(name, x, d)
    if x.min() < 0 or x.max() > 1:
        raise ValueError(f"{name} must be from 0 to 1, got {x[(x < 0) | (x > 1)][0]}")
    return x


def bits(name: str, x: ArrayLike, d: int | None = None) -> Array:
    """Return x as floats (N, d) of 0 and 1; a ValueError names it if it is anything else."""
    x = samples(name, x, d)
    wrong = (x != 0) & (x != 1)
    if wrong.any():
        raise ValueError(f"{name} must be 0 or 1 everywhere, got {x[wrong][0]}")
    return x
