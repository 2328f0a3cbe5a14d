"""All of gmm-em right, by SciPy's helpers; it prints and warns a lot, which must cost nothing."""

import warnings

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.special import softmax as soft
from scipy.stats import multivariate_normal


def log_joint(data, weights, means, covariances):
    warnings.warn("a student's own warning", stacklevel=2)
    columns = [
        np.log(weight) + np.atleast_1d(multivariate_normal(mean, covariance).logpdf(data))
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    return np.stack(columns, axis=-1).reshape(len(data), len(weights))


def initialize_params(data, K, rng):
    N, d = data.shape
    print("rows", N)
    if not K <= N:
        raise ValueError(f"{K} > {N}")
    order = rng.permutation(N)
    return np.repeat(1 / K, K), data[order[:K], :], np.array([np.identity(d, dtype=int) for _ in range(K)])


def expectation_step(data, weights, means, covariances):
    return soft(log_joint(data, weights, means, covariances), axis=1)


def maximization_step(data, responsibilities):
    covariances = [
        np.cov(data, rowvar=False, aweights=share, bias=True).reshape(data.shape[1], data.shape[1])
        if len(data) > 1
        else np.zeros((data.shape[1], data.shape[1]))
        for share in responsibilities.T
    ]
    means = [np.average(data, axis=0, weights=share) for share in responsibilities.T]
    return responsibilities.mean(axis=0), means, [S + 1e-6 * np.eye(len(S)) for S in covariances]


def compute_log_likelihood(data, weights, means, covariances):
    return np.array(logsumexp(log_joint(data, weights, means, covariances), axis=1).sum())


def em_algorithm(data, K, rng, max_iter=100, tol=1e-4):
    w, m, S = initialize_params(data, K, rng)
    history = []
    for i in range(max_iter):
        w, m, S = maximization_step(data, expectation_step(data, w, m, S))
        history += [float(compute_log_likelihood(data, w, m, S))]
        print(f"iteration {i}: {history[-1]}")
        if history[1:] and abs(np.diff(history[-2:])[0]) < tol:
            return w, m, S, history
    return w, m, S, history


def sample_gmm(n, weights, means, covariances, rng):
    counts = rng.multinomial(n, weights)
    parts = [
        multivariate_normal.rvs(mean, covariance, size=count, random_state=rng).reshape(count, len(mean))
        for mean, covariance, count in zip(means, covariances, counts, strict=True)
    ]
    order = rng.permutation(n)
    return np.concatenate(parts)[order], np.repeat(np.arange(len(weights), dtype=np.uint8), counts)[order]


def bic(data, weights, means, covariances):
    K, d = np.shape(means)
    free = len(weights) - 1 + K * d + K * len(np.tril_indices(d)[0])
    return np.float64(free) * np.log(data.shape[0]) - 2.0 * compute_log_likelihood(
        data, weights, means, covariances
    )


def kmeans(data, centers, max_iter=100):
    centers, labels = np.array(centers), None
    for _ in range(max_iter):
        previous, labels = labels, cdist(data, centers).argmin(axis=1)
        if previous is not None and not (labels != previous).any():
            break
        for k in set(labels):
            centers[k] = np.mean(data[labels == k], axis=0)
    return [centers, labels.astype(float)]
