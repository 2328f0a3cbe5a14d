"""Deep Boltzmann machines of two hidden layers: a bound by mean field, and exact sums for small ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, expit, logsumexp

from genlab.models._arguments import Array, at_least, parameter
from genlab.models.rbm import bits, fractions, softplus, states, toss


@dataclass(frozen=True, eq=False)
class DeepBoltzmannMachine:
    """V visible, H hidden and G deep units, 0 or 1, joined by weights (V, H) and deep_weights (H, G) alone.

    p(v, h, g) = exp(v·visible_bias + h·hidden_bias + g·deep_bias + v·weights·h + h·deep_weights·g) / Z.
    Given v, the hidden and the deep units still depend on each other, so even the free energy of v is a sum
    over all states of a layer. Mean field bounds it.

    Raises:
        ValueError: if a shape is wrong or a value is not finite.
    """

    weights: Array
    deep_weights: Array
    visible_bias: Array
    hidden_bias: Array
    deep_bias: Array

    def __post_init__(self) -> None:
        weights = parameter("weights", self.weights, ndim=2)
        deep_weights = parameter("deep_weights", self.deep_weights, ndim=2)
        if len(deep_weights) != weights.shape[1]:
            raise ValueError(
                f"deep_weights must have {weights.shape[1]} rows, one a hidden unit, got {len(deep_weights)}"
            )
        vars(self).update(
            weights=weights,
            deep_weights=deep_weights,
            visible_bias=parameter("visible_bias", self.visible_bias, shape=weights.shape[:1]),
            hidden_bias=parameter("hidden_bias", self.hidden_bias, shape=weights.shape[1:]),
            deep_bias=parameter("deep_bias", self.deep_bias, shape=deep_weights.shape[1:]),
        )

    def mean_field(self, x: ArrayLike) -> tuple[Array, Array]:
        """Approximate probabilities (N, H) and (N, G) that hidden and deep units are 1, given visible rows.

        Of all distributions in which the units are independent, it is the one of the greatest `elbo`, or at
        least a local maximum.

        Args:
            x: (N, V), numbers from 0 to 1.
        """
        x = fractions("x", x, len(self.visible_bias))
        return _mean_field(x @ self.weights + self.hidden_bias, self.deep_weights, self.deep_bias)

    def variational_free_energy(self, x: ArrayLike) -> Array:
        """Mean energy less entropy (N,), in nats, under mean field, of visible rows (N, V) of 0 and 1.

        It is never below the rows' free energy, and needs no log Z: it compares rows in machines of any size.
        """
        x = bits("x", x, len(self.visible_bias))
        hidden, deep = self.mean_field(x)
        energy = -x @ self.visible_bias - deep @ self.deep_bias
        energy -= ((x @ self.weights + self.hidden_bias + deep @ self.deep_weights.T) * hidden).sum(axis=1)
        entropy = sum((entr(p) + entr(1 - p)).sum(axis=1) for p in (hidden, deep))
        return np.asarray(energy - entropy)

    def log_partition(self) -> float:
        """Log Z, in nats, exactly: a sum over all states of the hidden layer.

        Raises:
            ValueError: if the hidden layer has more than 20 units.
        """
        terms = [
            h @ self.hidden_bias
            + softplus(self.visible_bias + h @ self.weights.T).sum(axis=1)
            + softplus(self.deep_bias + h @ self.deep_weights).sum(axis=1)
            for h in states(len(self.hidden_bias))
        ]
        return float(logsumexp(np.concatenate(terms)))

    def elbo(self, x: ArrayLike) -> Array:
        """Lower bound (N,), in nats, on `log_prob` of visible rows (N, V) of 0 and 1; it needs log Z, too."""
        return np.asarray(-self.variational_free_energy(x) - self.log_partition())

    def log_prob(self, x: ArrayLike) -> Array:
        """Log probability (N,), in nats, of visible rows (N, V) of 0 and 1, exactly.

        Raises:
            ValueError: if x is not as above, or the hidden layer has more than 20 units.
        """
        x = bits("x", x, len(self.visible_bias))
        inputs = (x @ self.weights + self.hidden_bias).T
        total = np.full(len(x), -np.inf)
        for h in states(len(self.hidden_bias)):
            terms = h @ inputs + softplus(self.deep_bias + h @ self.deep_weights).sum(axis=1)[:, None]
            total = np.logaddexp(total, logsumexp(terms, axis=0))
        return np.asarray(x @ self.visible_bias + total - self.log_partition())

    def sample(self, n: int, rng: np.random.Generator, *, steps: int = 1000) -> Array:
        """Draw n visible rows (n, V) of 0 and 1: each ends a Gibbs chain of its own that began with coins."""
        at_least(0, n=n)
        at_least(1, steps=steps)
        v = toss(np.full((n, len(self.visible_bias)), 0.5), rng)
        g = toss(np.full((n, len(self.deep_bias)), 0.5), rng)
        for _ in range(steps):
            v, _, g = _gibbs(self, v, g, rng)
        return v


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted machine, and the mean squared error a unit of reconstructions after each epoch.

    A reconstruction goes up by mean field and down again. Its error tells that learning goes on, not how good
    the model is: judge that by `elbo`.
    """

    model: DeepBoltzmannMachine
    reconstruction_errors: Array


def fit(
    data: ArrayLike,
    n_hidden: int,
    n_deep: int,
    rng: np.random.Generator,
    *,
    epochs: int = 50,
    batch_size: int = 20,
    learning_rate: float = 0.2,
    steps: int = 5,
) -> Fit:
    """Fit all layers together along the gradient of the bound: means at the data less means in the model.

    The first come from mean field, the second from Gibbs chains, as many as rows in a batch, that go on from
    batch to batch and so follow the model as it changes.

    Args:
        data: (N, V), numbers from 0 to 1; those between count as probabilities of a 1.
        n_hidden: H.
        n_deep: G.
        rng: draws the first weights, N(0, 0.01^2), the order of the rows, and the chains.
        epochs: passes over data.
        batch_size: rows to a step of the gradient.
        learning_rate: of the first epoch; it falls linearly to a tenth.
        steps: of all chains between two steps of the gradient.

    Raises:
        ValueError: if an argument is not as above.

    Source: Salakhutdinov and Hinton, Deep Boltzmann machines, AISTATS 2009. They first train the layers one
    after the other, which machines of many units need; the small ones of this course do without.
    """
    x = fractions("data", data)
    at_least(1, n_hidden=n_hidden, n_deep=n_deep, epochs=epochs, batch_size=batch_size, steps=steps)
    at_least(0, learning_rate=learning_rate)
    share = np.clip(x.mean(axis=0), 0.01, 0.99)
    model = DeepBoltzmannMachine(
        weights=0.01 * rng.standard_normal((x.shape[1], n_hidden)),
        deep_weights=0.01 * rng.standard_normal((n_hidden, n_deep)),
        visible_bias=np.log(share / (1 - share)),
        hidden_bias=np.zeros(n_hidden),
        deep_bias=np.zeros(n_deep),
    )
    chains = min(batch_size, len(x))
    v, g = toss(np.tile(share, (chains, 1)), rng), toss(np.full((chains, n_deep), 0.5), rng)
    trace = []
    for epoch in range(epochs):
        rate = learning_rate * (1 - 0.9 * epoch / epochs)
        order = rng.permutation(len(x))
        for first in range(0, len(x), batch_size):
            data_v = x[order[first : first + batch_size]]
            data_h, data_g = model.mean_field(data_v)
            for _ in range(steps):
                v, h, g = _gibbs(model, v, g, rng)
            n = len(data_v)
            model = DeepBoltzmannMachine(
                weights=model.weights + rate * (data_v.T @ data_h / n - v.T @ h / chains),
                deep_weights=model.deep_weights + rate * (data_h.T @ data_g / n - h.T @ g / chains),
                visible_bias=model.visible_bias + rate * (data_v.mean(axis=0) - v.mean(axis=0)),
                hidden_bias=model.hidden_bias + rate * (data_h.mean(axis=0) - h.mean(axis=0)),
                deep_bias=model.deep_bias + rate * (data_g.mean(axis=0) - g.mean(axis=0)),
            )
        hidden, _ = model.mean_field(x)
        trace.append(float(((x - expit(model.visible_bias + hidden @ model.weights.T)) ** 2).mean()))
    return Fit(model, np.array(trace))


def _mean_field(inputs: Array, deep_weights: Array, deep_bias: Array) -> tuple[Array, Array]:
    """Alternate the two layers' updates, each of which maximises the bound, until no probability moves."""
    deep = np.tile(expit(deep_bias), (len(inputs), 1))
    for _ in range(200):
        hidden = expit(inputs + deep @ deep_weights.T)
        previous, deep = deep, expit(deep_bias + hidden @ deep_weights)
        if np.abs(deep - previous).max() < 1e-6:
            break
    return hidden, deep


def _gibbs(
    model: DeepBoltzmannMachine, v: Array, g: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """One step of a chain: the hidden layer given both its neighbours, then both given the hidden layer."""
    h = toss(expit(model.hidden_bias + v @ model.weights + g @ model.deep_weights.T), rng)
    v = toss(expit(model.visible_bias + h @ model.weights.T), rng)
    g = toss(expit(model.deep_bias + h @ model.deep_weights), rng)
    return v, h, g
