"""The models as test_contract.py sees them, a row a model. To add a model, add its row to CASES."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from genlab.datasets import old_faithful
from genlab.models import autoregressive, dbm, gaussian, gp, kde, lda, mixture, ngram, rbm
from genlab.models.autoregressive import Autoregression
from genlab.models.dbm import DeepBoltzmannMachine
from genlab.models.gaussian import Gaussian
from genlab.models.gp import GaussianProcess
from genlab.models.kde import KernelDensity
from genlab.models.lda import LatentDirichletAllocation
from genlab.models.mixture import GaussianMixture
from genlab.models.rbm import RestrictedBoltzmannMachine


@dataclass(frozen=True)
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


LINE = grid(np.arange(-24, 24, 0.1))
BITS = np.random.default_rng(0).integers(2, size=(40, 3))
TOKENS = np.random.default_rng(1).integers(3, size=(6, 12))
CURVE = np.linspace(0, 3, 12)

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
        "LatentDirichletAllocation",
        LatentDirichletAllocation([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], [0.5, 1.5]),
        fit=lambda rng, counts: lda.fit(counts, 2, rng, sweeps=3),
        data={"counts": np.random.default_rng(0).integers(4, size=(6, 5))},
        log_prob=lambda model, rows: model.elbo(rows),
        sample=lambda model, n, rng: model.sample(n, rng, length=9),
        distributions=("topics",),
    ),
    Case(
        "RestrictedBoltzmannMachine",
        RestrictedBoltzmannMachine([[1, -2], [0.5, 1], [-1, 1]], [0.2, -0.3, 0.4], [0.1, -0.5]),
        fit=lambda rng, data: rbm.fit(data, 2, rng, epochs=2),
        data={"data": BITS},
        support=outcomes(2, 2, 2),
        sample=lambda model, n, rng: model.sample(n, rng, steps=40),
    ),
    Case(
        "DeepBoltzmannMachine",
        DeepBoltzmannMachine(
            [[1, -2], [0.5, 1], [-1, 1]], [[1.5], [-1]], [0.2, -0.3, 0.4], [0.1, -0.5], [0.3]
        ),
        fit=lambda rng, data: dbm.fit(data, 2, 2, rng, epochs=2),
        data={"data": BITS},
        support=outcomes(2, 2, 2),
        sample=lambda model, n, rng: model.sample(n, rng, steps=40),
    ),
    Case(
        "NGram, additive",
        ngram.fit(TOKENS, 3, 2, pseudo_count=0.5),
        fit=lambda rng, sequences: ngram.fit(sequences, 3, 2),
        data={"sequences": TOKENS},
        support=outcomes(3, 3, 3),
        sample=lambda model, n, rng: model.sample(n, rng, length=3),
        distributions=("weights",),
    ),
    Case(
        "NGram, interpolated",
        ngram.fit(TOKENS[:3, :8], 3, 3, pseudo_count=0, weights=[0.1, 0.2, 0.3, 0.4]),
        fit=lambda rng, held_out: ngram.interpolate(ngram.fit(TOKENS[:3], 3, 3, pseudo_count=0), held_out),
        data={"held_out": TOKENS[3:]},
        trace="log_likelihoods",
        support=outcomes(3, 3, 3, 3),
        sample=lambda model, n, rng: model.sample(n, rng, length=4),
        distributions=("weights",),
    ),
    Case(
        "Autoregression",
        Autoregression([0.6], 0.4, 1.5),
        fit=lambda rng, data: autoregressive.fit(data, 1),
        data={"data": np.random.default_rng(2).normal(size=(2, 30))},
        support=PLANE,
        volume=0.2**2,
        sample=lambda model, n, rng: model.sample(n, rng, length=2),
    ),
    Case(
        "KernelDensity, 1-D",
        KernelDensity([[-3], [0], [0.5]], [[1.2]]),
        fit=lambda rng, data: kde.fit(data),
        data={"data": old_faithful()[:, :1]},
        support=LINE,
        volume=0.1,
    ),
    Case(
        "KernelDensity, 2-D",
        KernelDensity([[-3, 1], [0, 0], [2, -1]], TILTED[0]),
        fit=lambda rng, data: kde.fit(data, "silverman"),
        data={"data": old_faithful()},
        support=PLANE,
        volume=0.2**2,
        covariances=("covariance",),
    ),
    Case(
        "GaussianProcess",  # at two points, as a density of what is observed there
        GaussianProcess(2, 1, 0.5),
        fit=lambda rng, x, y: gp.fit(x, y, max_iter=20),
        data={"x": CURVE[:, None], "y": np.sin(3 * CURVE) + 0.1 * np.cos(40 * CURVE)},
        trace="log_marginal_likelihoods",
        log_prob=lambda model, rows: np.array([model.log_marginal_likelihood([[0], [1]], y) for y in rows]),
        support=grid(np.arange(-11, 11, 0.3), np.arange(-11, 11, 0.3)),
        volume=0.3**2,
        argument=None,
        sample=lambda model, n, rng: model.sample(n, rng, x=[[0], [1]]) + 0.5**0.5 * rng.normal(size=(n, 2)),
    ),
]
