"""The Gaussian in d dimensions: density, draws, maximum likelihood."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]


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
    # Measured from the first row, a constant column is exactly 0, and data far from 0 keeps its digits.
    centred = x - x[0]
    mean = centred.mean(axis=0)
    centred -= mean
    return x[0] + mean, centred.T @ centred / len(x)


# What every model asks of its arguments.


def samples(name: str, x: ArrayLike, d: int | None = None) -> Array:
    """Return x as floats (N, d), N >= 1; a ValueError names it if it is anything else, or not finite."""
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or 0 in x.shape or d not in (None, x.shape[1]):
        raise ValueError(f"{name} must have shape (N, {d or 'd'}), a sample a row, got shape {x.shape}")
    finite = np.isfinite(x).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name} must be finite, got {x[finite.argmin()]} in row {finite.argmin()}")
    return x


def parameter(name: str, value: ArrayLike, *, ndim: int = 0, shape: tuple[int, ...] | None = None) -> Array:
    """Return a read-only copy of a model's parameter; a ValueError names it if shape or values are wrong."""
    value = np.array(value, dtype=float)
    if value.shape != shape if shape else value.ndim != ndim or 0 in value.shape:
        wanted = f"shape {shape}" if shape else f"{ndim} axes, none of them empty"
        raise ValueError(f"{name} must have {wanted}, got shape {value.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} must be finite, got {value}")
    value.setflags(write=False)
    return value


def cholesky(name: str, covariances: Array) -> Array:
    """Lower Cholesky factors of covariances (..., d, d); a ValueError names them if there are none."""
    scale = np.abs(covariances).max(axis=(-2, -1), keepdims=True)
    if (np.abs(covariances - covariances.mT) > 1e-8 * scale).any():
        raise ValueError(f"{name} must be symmetric, got {covariances}")
    try:
        return np.asarray(np.linalg.cholesky(covariances), dtype=float)
    except np.linalg.LinAlgError:
        raise ValueError(f"{name} must be positive definite, got {covariances}") from None


def at_least(least: float, **values: float) -> None:
    """Raise a ValueError that names the first of the values to be less than least, or nan."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
