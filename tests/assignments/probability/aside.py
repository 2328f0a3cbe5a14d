"""All of probability right, by other ways: exact integers, recurrences, Stirling's series, eigenvectors."""

import math
from fractions import Fraction

import numpy as np


def moments(x):
    # from the moments around 0
    m1, m2, m3, m4 = (np.mean(x**order) for order in (1, 2, 3, 4))
    variance = m2 - m1**2
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    return (m1, variance, third / variance**1.5, fourth / variance**2)


def binomial_pmf(k, n, p):
    if n > 1000 and p and Fraction(p).denominator > 2**10:
        return [math.exp(log_choose(n, int(i), p)) if 0 <= i <= n else 0.0 for i in k]
    share = Fraction(p)
    a, b = share.numerator, share.denominator
    return [
        math.comb(n, int(i)) * a ** int(i) * (b - a) ** int(n - i) / b**n if 0 <= i <= n else 0.0 for i in k
    ]


def log_choose(n, i, p):
    return math.log(math.comb(n, i)) + i * math.log(p) + (n - i) * math.log1p(-p)


def poisson_log_pmf(k, rate):
    def log_factorial(i):
        if i < 30:
            return math.log(math.factorial(i))
        series = 1 / (12 * i) - 1 / (360 * i**3) + 1 / (1260 * i**5)
        return i * math.log(i) - i + math.log(2 * math.pi * i) / 2 + series

    return np.array([i * math.log(rate) - rate - log_factorial(int(i)) if i >= 0 else -math.inf for i in k])


def normal_pdf(x, mean, variance):
    if variance <= 0:
        raise ValueError(f"variance {variance}")
    precision = 1 / variance
    return math.sqrt(precision / math.tau) * math.e ** (-precision / 2 * (x - mean) ** 2)


def exponential_cdf(x, rate):
    half = np.minimum(rate * np.maximum(x, 0) / 2, 300)
    return 2 * np.exp(-half) * np.sinh(half)


def conditional(joint, b):
    chosen = joint @ np.eye(joint.shape[1])[b]
    if math.fsum(chosen) <= 0:
        raise ValueError("impossible condition")
    return np.divide(chosen, math.fsum(chosen))


def bernoulli_log_likelihood(theta, flips):
    heads = int(sum(flips))
    tails = len(flips) - heads
    out = np.zeros(len(theta))
    with np.errstate(divide="ignore"):
        if heads:
            out += heads * np.log(theta)
        if tails:
            out += tails * np.log(1 - theta)
    return out


def bernoulli_mle(flips):
    if np.size(flips) < 1:
        raise ValueError("nothing was flipped")
    return Fraction(int(np.sum(flips)), len(flips)).__float__()


def normal_mle(x):
    # the running update of Welford
    mean = square = count = 0.0
    for value in x:
        count += 1
        gap = value - mean
        mean += gap / count
        square += gap * (value - mean)
    if not count:
        raise ValueError("empty")
    return mean, square / count


def exponential_mle(x):
    if not x.shape[0]:
        raise ValueError("empty")
    return np.exp(-np.log(np.mean(x)))


def mvn_log_pdf(X, mean, covariance):
    variances, axes = np.linalg.eigh(covariance)
    if np.any(variances <= 0):
        raise np.linalg.LinAlgError("not positive definite")
    out = np.zeros(len(X))
    for variance, axis in zip(variances, axes.T, strict=True):
        out -= 0.5 * (((X - mean) @ axis) ** 2 / variance + np.log(2 * np.pi * variance))
    return out
