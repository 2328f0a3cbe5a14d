"""What the states of a hidden Markov model emit: one of V symbols, or a vector."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genlab.models._arguments import Array, Integers, cholesky, integers, parameter, probabilities, samples
from genlab.models._em_steps import Full, blocks


@dataclass(frozen=True, eq=False)
class Categorical:
    """In state s the symbol v has probability probabilities[s, v]: an array (S, V)."""

    probabilities: Array

    def __post_init__(self) -> None:
        vars(self).update(probabilities=probabilities("probabilities", self.probabilities, ndim=2))

    def __len__(self) -> int:
        return len(self.probabilities)

    def log_prob(self, x: ArrayLike, name: str = "x") -> Array:
        """Log probability of T symbols in each state: (T, S)."""
        x = integers(name, x, self.probabilities.shape[1])
        with np.errstate(divide="ignore"):
            return np.ascontiguousarray(np.log(self.probabilities).T[x])

    def sample(self, z: Integers, rng: np.random.Generator) -> Integers:
        """Draw a symbol in each of the states z (T,): (T,)."""
        edges = self.probabilities.cumsum(axis=1)[:, :-1]  # the last may fall short of 1 by rounding
        return np.asarray((edges[z] <= rng.random((len(z), 1))).sum(axis=1))

    def maximised(self, x: ArrayLike, r: Array, floor: float) -> "Categorical":
        """The emissions that make T symbols likeliest, where r (T, S) is the probability of each state.

        A state that is nowhere keeps its probabilities; the floor is for Gaussians.
        """
        counts = np.zeros(self.probabilities.T.shape)
        np.add.at(counts, np.asarray(x, dtype=np.int64), r)
        return Categorical(shares(counts.T, self.probabilities))


@dataclass(frozen=True, eq=False)
class Gaussians:
    """In state s a vector is drawn from a Gaussian: means (S, d) and covariances (S, d, d)."""

    means: Array
    covariances: Array

    def __post_init__(self) -> None:
        means = parameter("means", self.means, ndim=2)
        s, d = means.shape
        covariances = parameter("covariances", self.covariances, shape=(s, d, d))
        cholesky("covariances", covariances)
        vars(self).update(means=means, covariances=covariances)

    def __len__(self) -> int:
        return len(self.means)

    def log_prob(self, x: ArrayLike, name: str = "x") -> Array:
        """Log density of T vectors (T, d) in each state: (T, S)."""
        x = samples(name, x, self.means.shape[1])
        s = len(self)  # all states at once, as a mixture of equal weights
        step = Full(np.full(s, 1 / s), self.means, self.covariances)
        log_joint: Array = np.concatenate([step.log_joint(rows)[0].T for rows in blocks(step, x)])
        log_joint += np.log(s)
        return log_joint

    def sample(self, z: Integers, rng: np.random.Generator) -> Array:
        """Draw a vector in each of the states z (T,): (T, d)."""
        noise = rng.standard_normal((len(z), self.means.shape[1], 1))
        return np.asarray(self.means[z] + (np.linalg.cholesky(self.covariances)[z] @ noise)[:, :, 0])

    def maximised(self, x: ArrayLike, r: Array, floor: float) -> "Gaussians":
        """The emissions that make T vectors likeliest, where r (T, S) is the probability of each state.

        The floor is added to every variance. A state that is nowhere keeps its Gaussian.
        """
        x = np.asarray(x, dtype=float)
        means, covariances = self.means.copy(), self.covariances.copy()
        for s, weight in enumerate((r / np.maximum(r.sum(axis=0), 1e-300)).T):
            if weight.sum() > 0.5:  # that is, 1
                means[s] = weight @ x
                centred = x - means[s]
                covariances[s] = (weight[:, None] * centred).T @ centred + floor * np.eye(x.shape[1])
        return Gaussians(means, (covariances + covariances.mT) / 2)


def shares(counts: Array, otherwise: Array) -> Array:
    """Rows of counts over their sums; where the counts are all 0, the row of otherwise."""
    totals = counts.sum(axis=-1, keepdims=True)
    return np.where(totals > 0, counts / np.where(totals > 0, totals, 1), otherwise)
