"""All of introduction right, with what NumPy and SciPy have ready: cov, softmax, multivariate_normal."""

import numpy as np
from scipy.special import softmax
from scipy.stats import multivariate_normal


def bayes_rule(prior, likelihood):
    rows = []
    for row in likelihood:
        evidence = np.dot(prior, row)
        if not evidence:
            raise ValueError("impossible sample")
        rows.append(prior * row / evidence)
    return np.vstack(rows)


def factor_joint(joint):
    p_x, p_y = joint.sum(1), joint.sum(0)
    with np.errstate(invalid="ignore"):
        conditional = np.nan_to_num(joint / joint.sum(1, keepdims=True))
    return p_x, p_y, conditional


def fit_class_gaussians(X, y):
    labels, counts = np.unique(y, return_counts=True)
    means = [np.average(X[y == k], axis=0) for k in labels]
    covariances = [np.atleast_2d(np.cov(X[y == k], rowvar=False, ddof=0)) for k in labels]
    return counts / len(y), np.stack(means), np.stack(covariances)


def class_posterior(X, priors, means, covariances):
    logs = [
        np.log(p) + np.atleast_1d(multivariate_normal(m, S).logpdf(X))
        for p, m, S in zip(priors, means, covariances, strict=True)
    ]
    return softmax(np.column_stack(logs), axis=1)


def generate(n, priors, means, covariances, rng):
    X, y = np.empty((n, means.shape[1])), rng.choice(np.arange(len(priors)), n, p=priors)
    for k, (m, S) in enumerate(zip(means, covariances, strict=True)):
        X[y == k] = rng.multivariate_normal(m, S, size=(y == k).sum())
    return X, y
