"""The models as test_contract.py sees them, a row a model. To add a model, add its row to CASES."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from genlab.datasets import old_faithful
from genlab.models import gaussian, mixture
from genlab.models.gaussian import Gaussian
from genlab.models.mixture import GaussianMixture


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
]
