"""The models as test_contract.py sees them, a row a model. To add a model, add its row to CASES."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from genlab.datasets import network, old_faithful
from genlab.models import gaussian, hmm, mixture, naive_bayes
from genlab.models.bayes_net import binary
from genlab.models.emissions import Categorical, Gaussians
from genlab.models.gaussian import Gaussian
from genlab.models.hmm import HiddenMarkov
from genlab.models.mixture import GaussianMixture
from genlab.models.naive_bayes import BernoulliNaiveBayes, GaussianNaiveBayes


@dataclass(frozen=True, eq=False)
class Case:
    """One model: how it is fitted, asked and drawn from. What a model does not have is left out."""

    name: str
    model: object  # a dataclass of its parameters, with values chosen by hand
    fit: Callable | None = None  # fit(rng=..., **data) returns a model, or an object that has .model
    data: Mapping[str, np.ndarray] = field(default_factory=dict)  # arguments of fit that are checked
    trace: str | None = None  # the attribute of what fit returns that must never fall
    log_prob: Callable | None = lambda model, rows: model.log_prob(rows)  # log densities of rows: (N,)
    support: np.ndarray | None = None  # rows: all outcomes, or a grid that reaches to where nothing is left
    volume: float = 1.0  # of a cell of that grid; 1 for outcomes
    argument: str | None = "x"  # the name that log_prob gives the rows: errors must begin with it
    sample: Callable | None = lambda model, n, rng: model.sample(n, rng)  # draws as rows, or all n as one
    draws: int = 20_000  # that are compared with the density: fewer where they are slow
    distributions: tuple[str, ...] = ()  # parameters whose last axis is a distribution
    covariances: tuple[str, ...] = ()  # parameters whose last two axes are a covariance

    def __str__(self) -> str:
        return self.name


def grid(*axes: np.ndarray) -> np.ndarray:
    """All combinations of the axes' values, a row each."""
    return np.stack([column.ravel() for column in np.meshgrid(*axes, indexing="ij")], axis=1)


def outcomes(*sizes: int) -> np.ndarray:
    """All combinations of integers below the sizes, a row each."""
    return grid(*(np.arange(size) for size in sizes))


# For a smooth density that vanishes at the border, a plain sum over a grid is exact to rounding.
PLANE = grid(np.arange(-18, 20, 0.2), np.arange(-12, 14, 0.2))
TILTED = np.array([[[2.5, 1.5], [1.5, 1.2]], [[3, -1], [-1, 0.6]]])
SYMBOLS = Categorical([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]])


def random_chain(rng):
    start, transition, emission = (rng.dirichlet(np.ones(n), 2) for n in (2, 2, 3))
    return HiddenMarkov(start[0], transition, Categorical(emission))


def log_probs(model, rows):
    """Log probability of sequences, a sequence a row."""
    several = len(rows) > 0 and np.ndim(rows) == np.ndim(model.sample(1, np.random.default_rng(0))[0]) + 1
    return np.array([model.log_prob(row) for row in rows]) if several else model.log_prob(rows)


def sequences(length):
    """Draws of sequences of that length, a sequence a row."""

    def sample(model, n, rng):
        return np.stack([model.sample(length if n > 0 else n, rng)[0] for _ in range(max(n, 1))])

    return sample


def mixture_case(kind):
    return Case(
        f"GaussianMixture, {kind}",
        GaussianMixture([0.4, 0.6], [[-1, 2], [1, -1]], mixture.constrained(TILTED, kind), kind),
        fit=lambda rng, data: mixture.fit(
            data, 3, rng, covariance_type=kind, covariance_floor=0, tol=0, max_iter=60
        ),
        data={"data": old_faithful()},
        trace="log_likelihoods",
        support=PLANE,
        volume=0.2**2,
        sample=lambda model, n, rng: model.sample(n, rng)[0],
        distributions=("weights",),
        covariances=("covariances",),
    )


CASES = [
    Case(
        "Gaussian",
        Gaussian([1, -2], [[2, 0.9], [0.9, 0.5]]),
        fit=lambda rng, data: gaussian.fit(data),
        data={"data": old_faithful()},
        support=PLANE,
        volume=0.2**2,
        covariances=("covariance",),
    ),
    *(mixture_case(kind) for kind in ("full", "tied", "diagonal", "spherical")),
    Case(
        "BernoulliNaiveBayes",
        BernoulliNaiveBayes([0.2, 0.3, 0.5], [[0.9, 0.1, 0.5, 1], [0.2, 0.6, 0, 0.5], [0.3, 0.7, 0.8, 0.1]]),
        fit=lambda rng, data, labels: naive_bayes.fit_bernoulli(data, labels),
        data={"data": outcomes(2, 2, 2), "labels": np.array([0, 0, 1, 0, 1, 1, 0, 1])},
        support=outcomes(2, 2, 2, 2),
        sample=lambda model, n, rng: model.sample(n, rng)[0],
        distributions=("priors",),
    ),
    Case(
        "GaussianNaiveBayes",
        GaussianNaiveBayes([0.4, 0.6], [[-1, 2], [1, -1]], [[2.5, 1.2], [3, 0.6]]),
        fit=lambda rng, data, labels: naive_bayes.fit_gaussian(data, labels),
        data={"data": old_faithful(), "labels": (old_faithful()[:, 0] > 3).astype(int)},
        support=PLANE,
        volume=0.2**2,
        sample=lambda model, n, rng: model.sample(n, rng)[0],
        distributions=("priors",),
    ),
    Case("BayesianNetwork", binary(network("sprinkler")), support=outcomes(2, 2, 2)),
    Case(
        "HiddenMarkov, categorical",
        HiddenMarkov([0.6, 0.4], [[0.7, 0.3], [0.1, 0.9]], SYMBOLS),
        fit=lambda rng, data: hmm.fit(data, 2, rng, tol=0, max_iter=10, start=random_chain(rng)),
        data={"data": np.random.default_rng(0).integers(3, size=(5, 9)).cumsum(axis=1) // 3 % 3},
        trace="log_likelihoods",
        log_prob=log_probs,
        draws=4_000,
        support=outcomes(3, 3, 3),
        sample=sequences(3),
        distributions=("start", "transition"),
    ),
    Case(
        "HiddenMarkov, Gaussian",
        HiddenMarkov([0.6, 0.4], [[0.7, 0.3], [0.1, 0.9]], Gaussians([[-1], [2]], [[[1]], [[2]]])),
        fit=lambda rng, data: hmm.fit(data, 2, rng, covariance_floor=0, tol=0, max_iter=10),
        data={"data": old_faithful()[:120].reshape(3, 40, 2)},
        trace="log_likelihoods",
        log_prob=lambda model, rows: log_probs(model, rows[..., None]),
        draws=4_000,
        support=grid(np.arange(-7, 12, 0.7), np.arange(-7, 12, 0.7)),
        volume=0.7**2,
        sample=lambda model, n, rng: sequences(2)(model, n, rng)[..., 0],
        distributions=("start", "transition"),
    ),
    Case("Categorical emissions", SYMBOLS, log_prob=None, sample=None, distributions=("probabilities",)),
    Case(
        "Gaussian emissions",
        Gaussians([[-1, 2], [1, -1]], TILTED),
        log_prob=None,
        sample=None,
        covariances=("covariances",),
    ),
]
