"""All of probability right, with the helpers that SciPy has, and results of other types than asked for."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import betaln, expm1, gammaln, xlog1py, xlogy


def moments(x):
    mean = np.average(x)
    central = [np.power(x - mean, order).mean() for order in (2, 3, 4)]
    return (
        mean.item(),
        central[0].item(),
        central[1] / central[0] ** 1.5,
        np.array(central[2] / central[0] ** 2),
    )


def binomial_pmf(k, n, p):
    valid = np.isin(k, np.arange(n + 1))
    k = np.clip(k, 0, n)
    log_choose = -np.log(n + 1) - betaln(n - k + 1, k + 1)
    return list(valid * np.exp(log_choose + xlogy(k, p) + xlog1py(n - k, -p)))


def poisson_log_pmf(k, rate):
    # gammaln is infinite at 0, -1, -2, ..., which is right
    return (xlogy(k, rate) - rate - gammaln(k + 1.0)).tolist()


def normal_pdf(x, mean, variance):
    if variance <= 0:
        raise ValueError("variance <= 0")
    return np.exp(-0.5 * (np.log(2 * np.pi * variance) + np.square(np.subtract(x, mean)) / variance))


def exponential_cdf(x, rate):
    return -expm1(-rate * x.clip(min=0))


def conditional(joint, b):
    column = np.take(joint, b, axis=1)
    if not column.any():
        raise ValueError("P(Y = b) = 0")
    return column / np.linalg.norm(column, 1)


def bernoulli_log_likelihood(theta, flips):
    tails, heads = np.bincount(flips.astype(int), minlength=2)
    return xlogy(heads, theta) + xlogy(tails, 1 - theta)


def bernoulli_mle(flips):
    if len(flips) == 0:
        raise ValueError("empty")
    return np.array(np.count_nonzero(flips) / flips.shape[0])


def normal_mle(x):
    if len(x) == 0:
        raise ValueError("empty")
    return float(np.mean(x)), np.cov(x, bias=True) if len(x) > 1 else 0.0


def exponential_mle(x):
    if len(x) == 0:
        raise ValueError("empty")
    return np.reciprocal(np.mean(x))


def mvn_log_pdf(X, mean, covariance):
    factor = cho_factor(covariance, lower=True)
    gaps = X - mean
    log_determinant = 2 * np.log(np.diagonal(factor[0])).sum()
    squares = [gap @ cho_solve(factor, gap) for gap in gaps]
    return -0.5 * (len(mean) * np.log(2 * np.pi) + log_determinant + squares)
