"""The Gaussian in d dimensions: density, draws, maximum likelihood."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from genlab.models._arguments import Array, at_least, cholesky, parameter, samples

BLOCK = 131_072  # numbers in the largest array of a block of rows: 1 MiB, which a core's cache holds


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A Gaussian with a mean (d,) and a positive definite covariance (d, d).

    Raises:
        ValueError: if a shape is wrong, a value is not finite, or the covariance is not positive definite.

    >>> standard = Gaussian(mean=[0, 0], covariance=[[1, 0], [0, 1]])
    >>> round(float(standard.log_prob([[0, 0]])[0]), 4)  # -log(2 pi)
    -1.8379
    """

    mean: Array
    covariance: Array

    def __post_init__(self) -> None:
        mean = parameter("mean", self.mean, ndim=1)
        covariance = parameter("covariance", self.covariance, shape=(len(mean), len(mean)))
        cholesky("covariance", covariance)
        vars(self).update(mean=mean, covariance=covariance)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log density, in nats, at each row of x (N, d): an array (N,)."""
        x = samples("x", x, len(self.mean))
        factor = np.linalg.cholesky(self.covariance)
        # With covariance L L^T, the vector L^-1 (x - mean) is standard normal: no inverse, no determinant.
        y = solve_triangular(factor, (x - self.mean).T, lower=True)
        log_volume = np.log(np.diag(factor)).sum() + 0.5 * len(self.mean) * np.log(2 * np.pi)
        return np.asarray(-0.5 * np.einsum("in,in->n", y, y) - log_volume)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n rows: an array (n, d)."""
        at_least(0, n=n)
        noise = rng.standard_normal((n, len(self.mean)))
        return self.mean + noise @ np.linalg.cholesky(self.covariance).T


def fit(data: ArrayLike) -> Gaussian:
    """Fit a Gaussian by maximum likelihood: the data's mean, and its covariance divided by N (not N - 1).

    Args:
        data: (N, d), a sample a row; N > d, and no column a linear function of the others.

    Raises:
        ValueError: if data is not such a table, so that its covariance is singular.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 2.3.4.

    >>> fit([[0.0], [2.0]])
    Gaussian(mean=array([1.]), covariance=array([[1.]]))
    """
    x = samples("data", data)
    mean, covariance = moments(x)
    scale = np.sqrt(np.diag(covariance))
    singular = not scale.all()
    if singular or np.linalg.matrix_rank(covariance / np.outer(scale, scale), tol=1e-13) < x.shape[1]:
        raise ValueError(
            f"data must have more rows than columns, and no column that is constant or a linear function of "
            f"others: the covariance of this {x.shape} table is singular"
        )
    return Gaussian(mean, covariance)


def moments(x: Array) -> tuple[Array, Array]:
    """Mean (d,) and covariance (d, d), divided by N, of the rows of x."""
    # Measured from the first row, a constant column is exactly 0, and data far from 0 keeps its digits. In
    # blocks, so that large data needs no copy of itself.
    n, d = x.shape
    size = max(BLOCK // d, 64)
    blocks = [x[i : i + size] for i in range(0, n, size)]
    mean = x[0] + np.sum([np.ones(len(rows)) @ (rows - x[0]) for rows in blocks], axis=0) / n
    covariance = np.zeros((d, d))
    for rows in blocks:
        centred = rows - mean
        covariance += centred.T @ centred
    return mean, covariance / n
