"""All of probability right, in plain Python: lists, loops and the module math."""

import math


def moments(x):
    values = [float(v) for v in x]
    n = len(values)
    mean = sum(values) / n
    second = third = fourth = 0.0
    for v in values:
        d = v - mean
        second += d * d / n
        third += d * d * d / n
        fourth += d * d * d * d / n
    return [mean, second, third / math.sqrt(second) ** 3, fourth / second**2]


def binomial_pmf(k, n, p):
    out = []
    for value in k:
        i = int(value)
        if i < 0 or i > n:
            out.append(0.0)
        elif p in (0, 1):
            out.append(1.0 if i == n * p else 0.0)
        else:
            total = 0.0
            for j in range(1, i + 1):
                total += math.log(n - i + j) - math.log(j)
            out.append(math.exp(total + i * math.log(p) + (n - i) * math.log(1 - p)))
    return out


def poisson_log_pmf(k, rate):
    out = []
    for i in k:
        if i < 0:
            out.append(float("-inf"))
            continue
        total = -rate
        for j in range(1, int(i) + 1):
            total += math.log(rate) - math.log(j)
        out.append(total)
    return out


def normal_pdf(x, mean, variance):
    if variance <= 0:
        raise ValueError
    deviation = math.sqrt(variance)
    return [math.exp(-(((v - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi)) for v in x]


def exponential_cdf(x, rate):
    return [0 if v < 0 else -math.expm1(-rate * v) for v in x]


def conditional(joint, b):
    column = [float(row[b]) for row in joint]
    total = 0.0
    for p in column:
        total += p
    if total == 0:
        raise ValueError("P(Y = b) is 0")
    return [p / total for p in column]


def bernoulli_log_likelihood(theta, flips):
    out = []
    for t in theta:
        total = 0.0
        for flip in flips:
            q = float(t) if flip else 1 - float(t)
            if q == 0:
                total = -math.inf
                break
            total += math.log(q)
        out.append(total)
    return out


def bernoulli_mle(flips):
    heads = 0
    for flip in flips:
        if flip == 1:
            heads += 1
    try:
        return heads / len(flips)
    except ZeroDivisionError:
        raise ValueError("no flips") from None


def normal_mle(x):
    if not len(x):
        raise ValueError("no data")
    mean = math.fsum(x) / len(x)
    return mean, math.fsum((v - mean) ** 2 for v in x) / len(x)


def exponential_mle(x):
    if len(x) < 1:
        raise ValueError("no data")
    return 1 / (sum(float(v) for v in x) / len(x))


def cholesky(matrix):
    factor = []
    for i, row in enumerate(matrix):
        new = []
        for j in range(i):
            new.append((row[j] - sum(a * b for a, b in zip(new, factor[j], strict=False))) / factor[j][j])
        rest = row[i] - sum(a * a for a in new)
        if rest <= 0:
            raise ValueError("not positive definite")
        factor.append([*new, math.sqrt(rest)])
    return factor


def mvn_log_pdf(X, mean, covariance):
    factor = cholesky(covariance.tolist())
    out = []
    for x in X.tolist():
        y = []
        for v, m, row in zip(x, mean.tolist(), factor, strict=True):
            y.append((v - m - sum(a * b for a, b in zip(row, y, strict=False))) / row[-1])
        log_root = sum(math.log(row[-1]) for row in factor)
        out.append(-len(y) / 2 * math.log(2 * math.pi) - log_root - sum(v * v for v in y) / 2)
    return out
