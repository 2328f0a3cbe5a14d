"""All of introduction right, in plain Python: loops, lists, the math module."""

import math


def bayes_rule(prior, likelihood):
    posterior = []
    for row in likelihood.tolist():
        products = [p * value for p, value in zip(prior.tolist(), row, strict=True)]
        evidence = sum(products)
        if evidence == 0:
            raise ValueError("no class can have made this sample")
        posterior.append([product / evidence for product in products])
    return posterior


def factor_joint(joint):
    p_x = [sum(row) for row in joint.tolist()]
    p_y = [sum(column) for column in zip(*joint.tolist(), strict=True)]
    conditional = []
    for row, total in zip(joint.tolist(), p_x, strict=True):
        if total == 0:
            conditional.append([0] * len(row))
        else:
            conditional.append([p / total for p in row])
    return [p_x, p_y, conditional]


def fit_class_gaussians(X, y):
    samples = {}
    for x, label in zip(X.tolist(), y.tolist(), strict=True):
        samples.setdefault(label, []).append(x)
    priors, means, covariances = [], [], []
    for label in sorted(samples):
        mine = samples[label]
        d = len(mine[0])
        mean = [sum(x[i] for x in mine) / len(mine) for i in range(d)]
        covariance = [[0.0] * d for _ in range(d)]
        for x in mine:
            for i in range(d):
                for j in range(d):
                    covariance[i][j] += (x[i] - mean[i]) * (x[j] - mean[j]) / len(mine)
        priors.append(len(mine) / len(y))
        means.append(mean)
        covariances.append(covariance)
    return priors, means, covariances


def triangle(covariance):
    d = len(covariance)
    L = [[0.0] * d for _ in range(d)]
    for i in range(d):
        for j in range(i + 1):
            rest = covariance[i][j] - sum(L[i][k] * L[j][k] for k in range(j))
            L[i][j] = math.sqrt(rest) if i == j else rest / L[j][j]
    return L


def log_density(x, mean, L):
    e = []
    for i in range(len(x)):
        e.append((x[i] - mean[i] - sum(L[i][k] * e[k] for k in range(i))) / L[i][i])
    log_determinant = 2 * sum(math.log(L[i][i]) for i in range(len(x)))
    return -0.5 * (len(x) * math.log(2 * math.pi) + log_determinant + sum(v * v for v in e))


def class_posterior(X, priors, means, covariances):
    factors = [triangle(covariance.tolist()) for covariance in covariances]
    posterior = []
    for x in X.tolist():
        logs = [
            math.log(p) + log_density(x, mean, L)
            for p, mean, L in zip(priors, means.tolist(), factors, strict=True)
        ]
        top = max(logs)
        terms = [math.exp(value - top) for value in logs]
        posterior.append(tuple(term / sum(terms) for term in terms))
    return posterior


def generate(n, priors, means, covariances, rng):
    factors = [triangle(covariance.tolist()) for covariance in covariances]
    X, y = [], []
    for _ in range(n):
        u, k = rng.uniform(), 0
        while u > priors[k] and k + 1 < len(priors):
            u -= priors[k]
            k += 1
        e = [rng.normal() for _ in means[k]]
        X.append(
            [
                m + sum(a * b for a, b in zip(row, e, strict=True))
                for m, row in zip(means[k], factors[k], strict=True)
            ]
        )
        y.append(k)
    return X, y
