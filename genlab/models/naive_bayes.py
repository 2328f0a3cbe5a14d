"""Naive Bayes: classes within which the columns are independent. It classifies, and it generates."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from genlab.models._arguments import Array, Integers, at_least, integers, parameter, probabilities, samples


@dataclass(frozen=True, eq=False)
class NaiveBayes(ABC):
    """What both kinds share: classes y with priors (K,), and the joint p(x, y) = p(y) p(x given y)."""

    priors: Array

    @abstractmethod
    def log_likelihood(self, x: ArrayLike) -> Array:
        """Log p(x given y), in nats, of each row of x (N, d) for each class: (N, K)."""

    @abstractmethod
    def _draw(self, y: Integers, rng: np.random.Generator) -> Array:
        """A row for each class in y."""

    def log_joint(self, x: ArrayLike) -> Array:
        """Log p(x, y), in nats, of each row of x (N, d) with each class: (N, K)."""
        with np.errstate(divide="ignore"):
            return self.log_likelihood(x) + np.log(self.priors)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log p(x), in nats, of each row of x (N, d): (N,)."""
        return np.asarray(logsumexp(self.log_joint(x), axis=1))

    def posterior(self, x: ArrayLike) -> Array:
        """P(y given x) for each row of x (N, d): (N, K), whose rows sum to 1.

        Raises:
            ValueError: if a row is impossible in every class.
        """
        joint = self.log_joint(x)
        evidence = logsumexp(joint, axis=1, keepdims=True)
        if (impossible := evidence[:, 0] == -np.inf).any():
            raise ValueError(f"x must be possible in a class, got row {impossible.argmax()} of probability 0")
        return np.asarray(np.exp(joint - evidence))

    def sample(self, n: int, rng: np.random.Generator, label: int | None = None) -> tuple[Array, Integers]:
        """Draw n rows (n, d) and their classes (n,): of every class by its prior, or all of one label."""
        at_least(0, n=n)
        if label is None:
            y = rng.choice(len(self.priors), size=n, p=self.priors)
        else:
            y = np.repeat(integers("label", [label], len(self.priors)), n)
        return self._draw(y, rng), y


@dataclass(frozen=True, eq=False)
class BernoulliNaiveBayes(NaiveBayes):
    """Columns of 0 and 1: priors (K,), and theta (K, d), where theta[k, j] is P(x_j = 1 given y = k).

    Raises:
        ValueError: if a shape is wrong, or theta is not within 0 and 1, or priors do not sum to 1.

    >>> model = BernoulliNaiveBayes(priors=[0.5, 0.5], theta=[[0.9, 0.5], [0.1, 0.5]])
    >>> model.posterior([[1, 0]])
    array([[0.9, 0.1]])
    """

    theta: Array

    def __post_init__(self) -> None:
        theta = parameter("theta", self.theta, ndim=2)
        if theta.min() < 0 or theta.max() > 1:
            raise ValueError(f"theta must be within 0 and 1, got {theta}")
        vars(self).update(priors=probabilities("priors", self.priors, shape=(len(theta),)), theta=theta)

    def log_likelihood(self, x: ArrayLike) -> Array:
        x = _binary("x", x, self.theta.shape[1])
        # Two matrix products; but 0 log 0 is 0, so a column that is always 1 must not spoil its rows of 1.
        one, zero = np.where(self.theta > 0, self.theta, 1), np.where(self.theta < 1, self.theta, 0)
        log_likelihood = x @ np.log(one).T + (1 - x) @ np.log1p(-zero).T
        impossible = x @ (one != self.theta).T + (1 - x) @ (zero != self.theta).T
        return np.where(impossible > 0, -np.inf, log_likelihood)

    def _draw(self, y: Integers, rng: np.random.Generator) -> Array:
        return (rng.random((len(y), self.theta.shape[1])) < self.theta[y]).astype(float)


@dataclass(frozen=True, eq=False)
class GaussianNaiveBayes(NaiveBayes):
    """Columns of numbers: priors (K,), means (K, d) and positive variances (K, d).

    Raises:
        ValueError: if a shape is wrong, a variance is not positive, or priors do not sum to 1.
    """

    means: Array
    variances: Array

    def __post_init__(self) -> None:
        means = parameter("means", self.means, ndim=2)
        variances = parameter("variances", self.variances, shape=means.shape)
        if variances.min() <= 0:
            raise ValueError(f"variances must be positive, got {variances}")
        priors = probabilities("priors", self.priors, shape=(len(means),))
        vars(self).update(priors=priors, means=means, variances=variances)

    def log_likelihood(self, x: ArrayLike) -> Array:
        x = samples("x", x, self.means.shape[1])
        classes = zip(self.means, self.variances, strict=True)
        terms = [(x - m) ** 2 @ (1 / v) + np.log(2 * np.pi * v).sum() for m, v in classes]
        return -0.5 * np.stack(terms, axis=1)

    def _draw(self, y: Integers, rng: np.random.Generator) -> Array:
        return self.means[y] + np.sqrt(self.variances[y]) * rng.standard_normal((len(y), self.means.shape[1]))


def fit_bernoulli(data: ArrayLike, labels: ArrayLike, alpha: float = 1.0) -> BernoulliNaiveBayes:
    """Count: priors are the classes' shares, theta = (ones + alpha) / (rows of the class + 2 alpha).

    Args:
        data: (N, d) of 0 and 1.
        labels: (N,) integers from 0 to K - 1, each of them present.
        alpha: additive smoothing, at least 0; with 0 this is maximum likelihood.

    Raises:
        ValueError: if an argument is not as above.

    Source: Murphy, Machine Learning: A Probabilistic Perspective (2012), section 3.5.
    """
    x = _binary("data", data)
    counts, members = _classes(labels, len(x))
    at_least(0, alpha=alpha)
    ones = members @ x
    return BernoulliNaiveBayes(counts / len(x), (ones + alpha) / (counts + 2 * alpha)[:, None])


def fit_gaussian(data: ArrayLike, labels: ArrayLike) -> GaussianNaiveBayes:
    """Fit by maximum likelihood: the classes' shares, and each column's mean and variance (over N_k) in each.

    Args:
        data: (N, d); in no class may a column be constant.
        labels: (N,) integers from 0 to K - 1, each of them present.

    Raises:
        ValueError: if an argument is not as above.
    """
    x = samples("data", data)
    counts, members = _classes(labels, len(x))
    groups = [x[member == 1] for member in members]
    variances = np.stack([(group - group[0]).var(axis=0) for group in groups])
    if (constant := np.argwhere(variances == 0)).size:
        k, j = constant[0]
        raise ValueError(f"data must vary within each class, got column {j} constant in class {k}")
    return GaussianNaiveBayes(counts / len(x), np.stack([group.mean(axis=0) for group in groups]), variances)


def _binary(name: str, x: ArrayLike, d: int | None = None) -> Array:
    x = samples(name, x, d)
    if (wrong := (x != 0) & (x != 1)).any():
        raise ValueError(f"{name} must hold 0 and 1 only, got {x[wrong][0]}")
    return x


def _classes(labels: ArrayLike, n: int) -> tuple[Array, Array]:
    """How many rows each class has (K,), and which (K, N) as 0 and 1."""
    y = integers("labels", labels)
    if len(y) != n:
        raise ValueError(f"labels must have one entry for each of the {n} rows, got {len(y)}")
    counts = np.bincount(y)
    if not counts.all():
        raise ValueError(f"labels must hold each class from 0 to {len(counts) - 1}, got no {counts.argmin()}")
    return counts.astype(float), (y == np.arange(len(counts))[:, None]).astype(float)
