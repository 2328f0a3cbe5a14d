"""Kernel density estimation: a small Gaussian around every sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from genlab.models import gaussian
from genlab.models._arguments import Array, at_least, cholesky, parameter, samples

TILE = 512  # rows of data at a time, for 128 points at a time: what a core's cache holds


@dataclass(frozen=True, eq=False)
class KernelDensity:
    """The mean of N Gaussians with their means at the rows of data (N, d) and one covariance (d, d).

    Raises:
        ValueError: if a shape or value is wrong, or the covariance is not positive definite.

    >>> density = KernelDensity(data=[[-1.0], [1.0]], covariance=[[1.0]])
    >>> density.log_prob([[0.0]]).round(4)
    array([-1.4189])
    """

    data: Array
    covariance: Array

    def __post_init__(self) -> None:
        data = parameter("data", self.data, ndim=2)
        covariance = parameter("covariance", self.covariance, shape=(data.shape[1],) * 2)
        cholesky("covariance", covariance)
        vars(self).update(data=data, covariance=covariance)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log density (M,), in nats, at the rows of x (M, d), in time proportional to M N."""
        x = samples("x", x, self.data.shape[1])
        n, d = self.data.shape
        factor = np.linalg.cholesky(self.covariance)
        centre = self.data.mean(axis=0)
        # Whitened, the kernels are standard normal, and -|a - b|^2 / 2 = a.b - |a|^2 / 2 - |b|^2 / 2 is one
        # matrix product of [a, -|a|^2 / 2, 1] and [b, 1, -|b|^2 / 2]. Centred first, it keeps its digits.
        a, b = (solve_triangular(factor, (rows - centre).T, lower=True) for rows in (x, self.data))
        half_a, half_b = (-0.5 * np.einsum("in,in->n", rows, rows)[None] for rows in (a, b))
        a = np.concatenate([a, half_a, np.ones_like(half_a)]).T
        b = np.concatenate([b, np.ones_like(half_b), half_b])
        blocks = [_log_sum_exp(a[i : i + 128], b) for i in range(0, len(a), 128)]
        log_volume = np.log(np.diag(factor)).sum() + 0.5 * d * np.log(2 * np.pi)
        return np.asarray(np.concatenate(blocks) - log_volume - np.log(n))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n rows (n, d): each a row of data, moved at random as the kernel says."""
        at_least(0, n=n)
        noise = rng.standard_normal((n, self.data.shape[1])) @ np.linalg.cholesky(self.covariance).T
        return np.asarray(self.data[rng.integers(len(self.data), size=n)] + noise)


def fit(data: ArrayLike, bandwidth: float | str = "scott") -> KernelDensity:
    """Centre a kernel on each row of data (N, d): the data's covariance times the square of a bandwidth.

    Args:
        data: (N, d), a sample a row; N > d, and no column a linear function of the others.
        bandwidth: the kernel's width as a share of the data's, or the rule that gives it: "scott" for
            N^(-1/(d+4)), "silverman" for (N (d + 2) / 4)^(-1/(d+4)). The rules are nearly best for data from
            one Gaussian, and too wide if it has several modes.

    Raises:
        ValueError: if an argument is not as above.

    Source: Scott, Multivariate Density Estimation (1992); Silverman, Density Estimation for Statistics and
    Data Analysis (1986). As in scipy.stats.gaussian_kde, the covariance is divided by N - 1.
    """
    x = samples("data", data)
    n, d = x.shape
    rules = {"scott": n ** (-1 / (d + 4)), "silverman": (n * (d + 2) / 4) ** (-1 / (d + 4))}
    width = rules.get(bandwidth, np.nan) if isinstance(bandwidth, str) else bandwidth
    if not 0 < width < np.inf:
        raise ValueError(f'bandwidth must be positive and finite, "scott" or "silverman", got {bandwidth!r}')
    covariance = gaussian.fit(x).covariance * n / (n - 1)
    return KernelDensity(x, width**2 * covariance)


def _log_sum_exp(a: Array, b: Array) -> Array:
    """log of the sums along rows of exp(a b), a tile of columns at a time, relative to the largest term."""
    largest, total = np.full(len(a), -np.inf), np.zeros(len(a))
    for first in range(0, b.shape[1], TILE):
        p = a @ b[:, first : first + TILE]
        previous, largest = largest, np.maximum(largest, p.max(axis=1))
        p -= largest[:, None]
        np.maximum(
            p, -700, out=p
        )  # below -708, exp gives denormal numbers: 100 times slower, and nothing here
        np.exp(p, out=p)
        total *= np.exp(np.maximum(previous - largest, -700))
        total += p.sum(axis=1)
    return np.asarray(largest + np.log(total))
