"""All of probability right, in NumPy: log factorials by a running sum, masks for the edges, an inverse."""

import numpy as np


def log_factorials(n):
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def moments(x):
    z = (x - np.mean(x)) / np.std(x)
    return np.mean(x), np.var(x), np.mean(z**3), np.mean(z**4)


def binomial_pmf(k, n, p):
    inside = np.logical_and(k >= 0, k <= n)
    logs = log_factorials(n)
    i = k[inside]
    pmf = np.zeros(k.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        heads = np.where(i == 0, 0.0, i * np.log(p))
        tails = np.where(i == n, 0.0, (n - i) * np.log1p(-p))
    pmf[inside] = np.exp(logs[n] - logs[i] - logs[n - i] + heads + tails)
    return pmf


def poisson_log_pmf(k, rate):
    out = np.full(k.shape, -np.inf)
    ok = k >= 0
    logs = log_factorials(max(k.max(), 0))
    out[ok] = k[ok] * np.log(rate) - rate - logs[k[ok]]
    return out


def normal_pdf(x, mean, variance):
    if not variance > 0:
        raise ValueError(f"variance must be positive, got {variance}")
    z = (x - mean) / np.sqrt(variance)
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi * variance)


def exponential_cdf(x, rate):
    return np.where(x < 0, 0, -np.expm1(-rate * np.abs(x)))


def conditional(joint, b):
    p_y = joint.sum(axis=0)
    if p_y[b] == 0:
        raise ValueError("this value of Y never occurs")
    with np.errstate(divide="ignore", invalid="ignore"):
        return (joint / p_y)[:, b]


def bernoulli_log_likelihood(theta, flips):
    flips = flips.astype(bool)
    with np.errstate(divide="ignore"):
        return np.where(flips[:, None], np.log(theta), np.log1p(-theta)).sum(axis=0)


def bernoulli_mle(flips):
    if flips.size == 0:
        raise ValueError("no flips")
    return flips.mean()


def normal_mle(x):
    if x.size == 0:
        raise ValueError("no data")
    return np.array([x.mean(), x.var()]).tolist()


def exponential_mle(x):
    if x.size == 0:
        raise ValueError("no data")
    return x.size / x.sum()


def mvn_log_pdf(X, mean, covariance):
    if np.linalg.eigvalsh(covariance)[0] <= 0:
        raise ValueError("the covariance is not positive definite")
    _, log_determinant = np.linalg.slogdet(2 * np.pi * covariance)
    gaps = X - mean
    return -0.5 * (log_determinant + np.einsum("ni,ij,nj->n", gaps, np.linalg.inv(covariance), gaps))
