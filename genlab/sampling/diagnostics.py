"""Diagnostics of Markov chains: autocorrelation, effective sample size, split R-hat.

Draws are (chains, n) or (chains, n, d); an answer is a number, or one a coordinate (d,). Where a coordinate
never changes there is nothing to estimate, and the answer is nan.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri

from genlab.models._arguments import Array


def autocorrelation(draws: ArrayLike) -> Array:
    """Autocorrelation at lags 0..n-1, averaged over chains: (n,) or (n, d). By Fourier transform.

    Deviations are from the mean of each chain, and sums at every lag are divided by n.

    >>> autocorrelation([[1.0, -1.0, 1.0, -1.0]])
    array([ 1.  , -0.75,  0.5 , -0.25])
    """
    x = _checked(draws)
    covariance = _autocovariance(x).mean(axis=0)
    return np.where(_varies(x), _ratio(covariance, covariance[0]), np.nan)


def ess(draws: ArrayLike) -> Array:
    """Effective sample size for the mean: how many independent draws would do as well. Of split chains.

    Each chain is cut in two, so that a drift counts as disagreement. Autocorrelations are summed in pairs, up
    to the first negative pair, and pairs may not rise. The estimate is at most N log10(N) for N draws.

    Raises:
        ValueError: if draws are not (chains, n) or (chains, n, d) with n >= 4, or not finite.

    Source: Geyer (1992); Vehtari et al., "Rank-normalization, folding, and localization" (2021).
    """
    return _ess(_split(_checked(draws)))


def bulk_ess(draws: ArrayLike) -> Array:
    """Effective sample size of the ranks, made normal: robust to heavy tails, the same for any scale.

    Source: Vehtari et al. (2021).
    """
    return _ess(_normal_scores(_split(_checked(draws))))


def standard_error(draws: ArrayLike) -> Array:
    """Monte Carlo standard error of the mean: the standard deviation over the root of the ess."""
    x = _checked(draws)
    return np.asarray(x.reshape(-1, *x.shape[2:]).std(axis=0, ddof=1) / np.sqrt(ess(x)))[()]


def split_rhat(draws: ArrayLike) -> Array:
    """Split R-hat, plain: the root of the variance of all over that within half-chains. Near 1 is good.

    Source: Gelman et al., Bayesian Data Analysis (2013), section 11.4.

    >>> split_rhat([[0.0, 1.0, 0.0, 1.0], [5.0, 6.0, 5.0, 6.0]]).round(2)
    np.float64(4.14)
    """
    return _rhat(_split(_checked(draws)))


def rank_rhat(draws: ArrayLike) -> Array:
    """Split R-hat of ranks made normal, of the draws or of their distances from the median, the larger.

    The distances find chains that agree in location and differ in spread. Below 1.01 is good.

    Source: Vehtari et al. (2021).
    """
    x = _split(_checked(draws))
    folded = np.abs(x - np.median(x, axis=(0, 1)))
    return np.asarray(np.maximum(_rhat(_normal_scores(x)), _rhat(_normal_scores(folded))))[()]


def _checked(draws: ArrayLike) -> Array:
    x = np.asarray(draws, dtype=float)
    if x.ndim not in (2, 3) or x.shape[1] < 4 or 0 in x.shape:
        raise ValueError(f"draws must have shape (chains, n) or (chains, n, d), n >= 4, got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("draws must be finite, got nan or inf")
    return x


def _split(x: Array) -> Array:
    """The halves of each chain as chains of their own; the middle of an odd number of draws is left out."""
    half = x.shape[1] // 2
    return np.concatenate([x[:, :half], x[:, -half:]])


def _ess(x: Array) -> Array:
    chains, n = x.shape[:2]
    covariance = _autocovariance(x).mean(axis=0)  # (n, ...)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + x.mean(axis=1).var(axis=0, ddof=1)
    rho = 1 - _ratio(within - covariance, total)
    rho[0] = 1
    pairs = rho[:-1:2] + rho[1::2]
    pairs = pairs[: max((n - 1) // 2, 1)]
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    positive[-1] = False  # nothing is known beyond the last pair: it only ends the sum
    falling = np.minimum.accumulate(pairs, axis=0)
    first = positive.sum(axis=0)  # the first pair left out, whose even member counts once, if positive
    even = np.take_along_axis(rho, 2 * first[None], axis=0)[0]
    time = -1 + 2 * np.where(positive, falling, 0).sum(axis=0) + np.maximum(even, 0)
    size = chains * n
    return np.asarray(np.where(_varies(x), size / np.maximum(time, 1 / np.log10(size)), np.nan))[()]


def _rhat(x: Array) -> Array:
    n = x.shape[1]
    within = x.var(axis=1, ddof=1).mean(axis=0)
    between = x.mean(axis=1).var(axis=0, ddof=1)
    rhat = np.sqrt(_ratio(within * (n - 1) / n + between, within))
    return np.asarray(np.where(_varies(x), rhat, np.nan))[()]


def _varies(x: Array) -> Array:
    return np.asarray(np.ptp(x, axis=(0, 1)) > 0)


def _autocovariance(x: Array) -> Array:
    n = x.shape[1]
    size = next_fast_len(2 * n, real=True)  # padded, so that the ends do not meet
    spectrum = rfft(x - x.mean(axis=1, keepdims=True), size, axis=1)
    return np.asarray(irfft(np.abs(spectrum) ** 2, size, axis=1)[:, :n] / n)


def _normal_scores(x: Array) -> Array:
    """Ranks over all chains, equals sharing theirs, as quantiles of a standard normal (Blom 1958)."""
    flat = x.reshape(x.shape[0] * x.shape[1], -1)
    ranks = np.empty_like(flat)
    for column, rank in zip(flat.T, ranks.T, strict=True):
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        rank[:] = (last - (counts - 1) / 2)[place]
    return np.asarray(ndtri((ranks - 0.375) / (len(flat) + 0.25))).reshape(x.shape)


def _ratio(over: Array, under: Array) -> Array:
    """over / under, nan where under is 0."""
    out = np.full(np.shape(over), np.nan)
    return np.asarray(np.divide(over, under, out=out, where=np.asarray(under) > 0))
