"""Autoregressive time series AR(p): each value a linear function of the p before it, plus Gaussian noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_discrete_lyapunov

from genlab.models._arguments import Array, at_least, parameter, samples
from genlab.models.gaussian import Gaussian


@dataclass(frozen=True, eq=False)
class Autoregression:
    """A stationary series: x_t = intercept + sum over j of coefficients[j] x_(t-1-j) + noise N(0, variance).

    Args:
        coefficients: (p,), of the last value first. They must leave the series stationary: every root of
            z^p - coefficients[0] z^(p-1) - ... - coefficients[p-1] lies inside the unit circle.
        intercept: in units of the series.
        variance: of the noise, in squared units.

    Raises:
        ValueError: if a shape or value is wrong, or the series would not be stationary.

    >>> model = Autoregression(coefficients=[0.5], intercept=1, variance=3)
    >>> float(model.mean), model.autocovariance(3)
    (2.0, array([4., 2., 1.]))
    """

    coefficients: Array
    intercept: float
    variance: float

    def __post_init__(self) -> None:
        coefficients = parameter("coefficients", self.coefficients, ndim=1)
        intercept, variance = (
            float(parameter(name, getattr(self, name))) for name in ("intercept", "variance")
        )
        if variance <= 0:
            raise ValueError(f"variance must be positive, got {variance}")
        radius = np.abs(np.linalg.eigvals(_companion(coefficients))).max()
        if radius >= 1:
            raise ValueError(
                f"coefficients must leave the series stationary, got a root of modulus {radius:.6g}, "
                "which is not inside the unit circle; model its differences instead"
            )
        vars(self).update(coefficients=coefficients, intercept=intercept, variance=variance)

    @property
    def mean(self) -> float:
        """Mean of every value, far from any that is known."""
        return float(self.intercept / (1 - self.coefficients.sum()))

    def autocovariance(self, n: int) -> Array:
        """Covariances (n,) of two values 0, 1, ... n - 1 steps apart."""
        at_least(1, n=n)
        p = len(self.coefficients)
        noise = np.zeros((p, p))
        noise[0, 0] = self.variance
        # The last p values x have covariance S = A S A^T + noise, where A takes them one step on.
        covariances = solve_discrete_lyapunov(_companion(self.coefficients), noise)[0].tolist()
        while len(covariances) < n:
            covariances.append(float(self.coefficients @ covariances[: -p - 1 : -1]))
        return np.array(covariances[:n])

    def log_prob(self, x: ArrayLike) -> Array:
        """Log density (N,), in nats, of series (N, T), one a row: exact, also for the first p values."""
        x = samples("x", x)
        p = len(self.coefficients)
        first = self._start(min(p, x.shape[1])).log_prob(x[:, :p])
        residuals = x[:, p:] - self._predictions(x)
        log_scale = 0.5 * np.log(2 * np.pi * self.variance)
        return np.asarray(first - (0.5 * residuals**2 / self.variance + log_scale).sum(axis=1))

    def sample(self, n: int, rng: np.random.Generator, *, length: int) -> Array:
        """Draw n stationary series (n, length)."""
        at_least(0, n=n)
        at_least(1, length=length)
        p = len(self.coefficients)
        x = np.empty((n, max(p, length)))
        x[:, :p] = self._start(p).sample(n, rng)
        x[:, p:] = self.intercept + np.sqrt(self.variance) * rng.standard_normal((n, x.shape[1] - p))
        for t in range(p, length):
            x[:, t] += x[:, t - p : t][:, ::-1] @ self.coefficients
        return x[:, :length]

    def forecast(self, history: ArrayLike, steps: int) -> tuple[Array, Array]:
        """Mean and standard deviation (steps,) of each of the values that follow a history (T,), T >= p.

        The deviation counts the noise to come, not that the parameters were estimated.
        """
        at_least(1, steps=steps)
        history = parameter("history", history, ndim=1)
        p = len(self.coefficients)
        if len(history) < p:
            raise ValueError(f"history must have at least {p} values, got {len(history)}")
        means = history[-p:].tolist()
        response = [0.0] * (p - 1) + [1.0]  # of the values to come, to a unit of noise in the first of them
        for _ in range(steps):
            means.append(self.intercept + float(self.coefficients @ means[: -p - 1 : -1]))
            response.append(float(self.coefficients @ response[: -p - 1 : -1]))
        variances = self.variance * np.cumsum(np.square(response[p - 1 : p - 1 + steps]))
        return np.array(means[p:]), np.sqrt(variances)

    def _start(self, n: int) -> Gaussian:
        """The distribution of n values in a row."""
        lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        return Gaussian(np.full(n, self.mean), self.autocovariance(n)[lags])

    def _predictions(self, x: Array) -> Array:
        p = len(self.coefficients)
        return np.asarray(self.intercept + _past(x, p) @ self.coefficients)


def fit(data: ArrayLike, order: int) -> Autoregression:
    """Fit an autoregression by least squares: maximum likelihood given the first p values of each series.

    Args:
        data: (N, T), a series a row, all of the same law; one series x is [x]. N (T - p) > p + 1.
        order: p.

    Raises:
        ValueError: if an argument is not as above, or the fitted series would not be stationary.

    Source: Brockwell and Davis, Time Series: Theory and Methods (1991), chapters 3 and 8.
    """
    x = samples("data", data)
    at_least(1, order=order)
    n, length = x.shape
    if n * (length - order) <= order + 1:
        raise ValueError(f"data must have more than {order + 1} values after the first {order} of a row")
    centre = x.mean()  # far from 0, the column of ones and the others would be nearly the same
    past = _past(x - centre, order).reshape(-1, order)
    target = (x[:, order:] - centre).ravel()
    (shift, *coefficients), _, rank, _ = np.linalg.lstsq(np.column_stack([np.ones(len(past)), past]), target)
    residuals = target - shift - past @ coefficients
    variance = residuals @ residuals / len(target)
    if rank <= order or variance <= 1e-24 * (target @ target):
        raise ValueError(f"data must not follow a linear recurrence exactly, got {x}")
    return Autoregression(coefficients, shift + centre * (1 - np.sum(coefficients)), variance)


def _past(x: Array, p: int) -> Array:
    """For each value from the p-th on, the p values before it, the last one first: (N, T - p, p)."""
    if x.shape[1] <= p:
        return np.empty((len(x), 0, p))
    return np.lib.stride_tricks.sliding_window_view(x, p, axis=1)[:, :-1, ::-1]


def _companion(coefficients: Array) -> Array:
    """The matrix (p, p) that takes the last p values, the last one first, one step on, but for noise."""
    matrix = np.eye(len(coefficients), k=-1)
    matrix[0] = coefficients
    return matrix
