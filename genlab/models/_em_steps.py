"""An E step and an M step of a mixture of Gaussians, in one pass over blocks of rows."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from genlab.models._arguments import Array
from genlab.models.gaussian import BLOCK

ROUNDING = 1e-13  # relative to a variance: a safe bound on what rounding does to it

Parameters = tuple[Array, Array, Array]  # weights (K,), means (K, d), covariances (K, d, d)
Values = tuple[Array, ...]  # what a step computes from the rows of a block to use it twice


class Step(Protocol):
    """An iteration from given parameters: what it needs of a block, and what it makes of all of them."""

    width: int  # numbers of the largest array that a row needs

    def log_joint(self, rows: Array) -> tuple[Array, Values]:
        """Log of weight times density of B rows (K, B), to be overwritten; and their values for `add`."""

    def add(self, r: Array, values: Values) -> None:
        """Take in a block with responsibilities r (K, B); its values may be overwritten."""

    def maximum(self, floor: Array) -> Parameters:
        """The M step: the parameters that maximise the expected likelihood, floor added to the variances."""


def blocks(step: Step, x: Array) -> Iterator[Array]:
    """Rows of x in blocks of which the step's arrays fit the cache."""
    size = max(BLOCK // step.width, 64)
    return (x[i : i + size] for i in range(0, len(x), size))


def expectation(step: Step, x: Array) -> Iterator[tuple[Array, Array, Values]]:
    """The E step a block of B rows at a time: log densities (B,), responsibilities (K, B), values for add."""
    for rows in blocks(step, x):
        p, values = step.log_joint(rows)
        largest = p.max(axis=0)
        p -= largest
        np.maximum(p, -700, out=p)  # below -708, exp gives denormal numbers: imprecise, and 100 times slower
        np.exp(p, out=p)
        total = p.sum(axis=0)
        p /= total
        yield largest + np.log(total), p, values


def iterate(step: Step, x: Array, floor: Array) -> tuple[float, Parameters]:
    """The log-likelihood of the parameters that step began with, and the parameters after it."""
    log_likelihood = 0.0
    for log_density, r, values in expectation(step, x):
        log_likelihood += log_density.sum()
        step.add(r, values)
    return log_likelihood, step.maximum(floor)


class Full:
    """For any covariances. The values are whitened: with covariance L L^T, y = L^-1 (x - mean) (K, d, B)."""

    def __init__(self, weights: Array, means: Array, covariances: Array) -> None:
        k, d = means.shape
        self.width = k * d
        self.means = means
        self.factors = np.linalg.cholesky(covariances)
        log_volumes = np.log(np.diagonal(self.factors, 0, 1, 2)).sum(axis=1) + 0.5 * d * np.log(2 * np.pi)
        self.constants = (np.log(weights) - log_volumes)[:, None]
        # All components at once: y = [L^-1, L^-1 (centre - mean)] [x - centre; 1]. Any centre will do in
        # exact arithmetic; one amid the data keeps the digits of data far from 0.
        self.centre = (weights @ means)[:, None]
        whiten = np.linalg.inv(self.factors)
        offsets = whiten @ (self.centre - means[:, :, None])
        self.whiten = np.concatenate([whiten, offsets], axis=2).reshape(k * d, d + 1)
        self.counts, self.sums, self.squares = np.zeros(k), np.zeros((k, d, 1)), np.zeros((k, d, d))

    def log_joint(self, rows: Array) -> tuple[Array, Values]:
        y = self.whiten @ np.vstack([rows.T - self.centre, np.ones(len(rows))])
        y = y.reshape(*self.means.shape, -1)
        p = -0.5 * np.einsum("kib,kib->kb", y, y)
        p += self.constants
        return p, (y,)

    def add(self, r: Array, values: Values) -> None:
        self.counts += r.sum(axis=1)
        (y,), root = values, np.sqrt(r)
        y *= root[:, None]
        self.sums += y @ root[:, :, None]
        self.squares += y @ y.mT  # of the same array twice: half the work

    def maximum(self, floor: Array) -> Parameters:
        # Moments of y about 0 are moments of x about the old means, in whitened coordinates: L takes them
        # back.
        counts = self.counts[:, None, None]
        moves = self.factors @ self.sums / counts
        second_moments = self.factors @ (self.squares / counts) @ self.factors.mT
        covariances = (second_moments + second_moments.mT) / 2 - moves @ moves.mT
        # Where a component has collapsed, the difference is rounding error alone, of either sign.
        np.einsum("kii->ki", covariances)[:] += floor + ROUNDING * np.einsum("kii->ki", second_moments)
        return self.counts / self.counts.sum(), self.means + moves[:, :, 0], covariances


class Axes:
    """For covariances that are diagonal in coordinates y common to all components, where one is cheaper:

    log p(y) is then linear in y and y^2, so a matrix product for each serves all components, and one more
    their moments. Where a component's variances are equal, the mean of y^2 over the coordinates will do.
    Rounding is relative to the largest y^2 / variance: no component may be very narrow. The values are
    y (B, d) and y^2 (B, d), or its mean (B, 1), laid out as the rows are: turning them over takes longer
    than the products.
    """

    def __init__(self, weights: Array, means: Array, covariances: Array, kind: str) -> None:
        k, d = means.shape
        self.width = 2 * d + k
        self.kind = kind
        # Tied covariances L L^T are all 1 in y = L^-1 (x - centre); the others are diagonal in x itself.
        self.factor = np.linalg.cholesky(covariances[0]) if kind == "tied" else None
        self.whiten = None if self.factor is None else np.linalg.inv(self.factor)
        self.centre = weights @ means
        m = self._coordinates(means)
        v = np.diagonal(covariances, 0, 1, 2) if self.factor is None else np.ones((k, d))
        log_volumes = 0.5 * (np.linalg.slogdet(covariances)[1] + d * np.log(2 * np.pi))
        self.constants = (np.log(weights) - log_volumes - 0.5 * (m**2 / v).sum(axis=1))[:, None]
        self.linear = m / v
        self.quadratic = -0.5 * d / v[:, :1] if kind == "spherical" else -0.5 / v
        self.counts, self.sums, self.squares = np.zeros(k), np.zeros((k, d)), np.zeros(self.quadratic.shape)
        self.scatter = np.zeros((d, d))
        self.mean = np.full((d, 1), 1 / d)

    def _coordinates(self, rows: Array) -> Array:
        y = rows - self.centre
        return y if self.whiten is None else y @ self.whiten.T

    def _pooled(self, values: Array) -> Array:
        return values @ self.mean if self.kind == "spherical" else values

    def log_joint(self, rows: Array) -> tuple[Array, Values]:
        y = self._coordinates(rows)
        if self.factor is not None:
            self.scatter += y.T @ y
        squares = self._pooled(y * y)
        p = self.linear @ y.T
        p += np.dot(self.quadratic, squares.T)  # where squares are (B, 1), @ would be slow
        p += self.constants
        return p, (y, squares)

    def add(self, r: Array, values: Values) -> None:
        y, squares = values
        self.counts += r.sum(axis=1)
        self.sums += r @ y
        if self.factor is None:
            self.squares += r @ squares

    def maximum(self, floor: Array) -> Parameters:
        weights = self.counts / self.counts.sum()
        means = moves = self.sums / self.counts[:, None]
        if self.factor is None:
            squares = self.squares / self.counts[:, None]
            v = squares + self._pooled(floor - moves**2) + ROUNDING * squares
            covariances = v[:, :, None] * np.eye(len(floor))
        else:
            means = moves @ self.factor.T
            second_moment = self.factor @ (self.scatter / self.counts.sum()) @ self.factor.T
            within = second_moment - (weights * means.T) @ means
            within = (within + within.T) / 2 + np.diag(floor + ROUNDING * np.diag(second_moment))
            covariances = np.tile(within, (len(weights), 1, 1))
        return weights, means + self.centre, covariances
