"""All of gmm-em right, in NumPy without a loop over points or components."""

import numpy as np


def log_joint(data, weights, means, covariances):
    gaps = data[:, None, :] - means
    distance = np.einsum("nki,kij,nkj->nk", gaps, np.linalg.inv(covariances), gaps)
    log_determinants = np.linalg.slogdet(covariances).logabsdet
    return np.log(weights) - (distance + log_determinants + data.shape[1] * np.log(2 * np.pi)) / 2


def initialize_params(data, K, rng):
    return (
        np.ones(K) / K,
        rng.choice(data, K, replace=False),
        np.broadcast_to(np.eye(data.shape[1]), (K,) + (data.shape[1],) * 2),
    )


def expectation_step(data, weights, means, covariances):
    a = log_joint(data, weights, means, covariances)
    shares = np.exp(a - a.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def maximization_step(data, responsibilities):
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ data / counts[:, None]
    second_moments = np.einsum("nk,ni,nj->kij", responsibilities, data, data) / counts[:, None, None]
    return counts / counts.sum(), means, second_moments - np.einsum("ki,kj->kij", means, means)


def compute_log_likelihood(data, weights, means, covariances):
    a = log_joint(data, weights, means, covariances)
    top = a.max(axis=1)
    return (top + np.log(np.exp(a - top[:, None]).sum(axis=1))).sum()


def em_algorithm(data, K, rng, max_iter=100, tol=1e-4):
    params = initialize_params(data, K, rng)
    trace = np.full(max_iter, np.nan)
    for t in range(max_iter):
        weights, means, covariances = maximization_step(data, expectation_step(data, *params))
        params = weights, means, covariances + 1e-6 * np.eye(data.shape[1])
        trace[t] = compute_log_likelihood(data, *params)
        if t and np.abs(trace[t] - trace[t - 1]) < tol:
            break
    return *params, trace[: t + 1]


def sample_gmm(n, weights, means, covariances, rng):
    z = np.searchsorted(np.cumsum(weights)[:-1], rng.random(n), side="right")
    factors = np.linalg.cholesky(covariances)
    return means[z] + (factors[z] @ rng.standard_normal((n, means.shape[1], 1)))[:, :, 0], z


def bic(data, weights, means, covariances):
    N, d = data.shape
    p = weights.size - 1 + means.size + weights.size * d * (d + 1) // 2
    return p * np.log(N) - 2 * compute_log_likelihood(data, weights, means, covariances)


def kmeans(data, centers, max_iter=100):
    labels = np.full(len(data), -1)
    for _ in range(max_iter):
        scores = (centers**2).sum(axis=1) - 2 * data @ centers.T  # |x|^2 is the same for all centres
        new = scores.argmin(axis=1)
        if (new == labels).all():
            break
        labels = new
        members = labels[:, None] == np.arange(len(centers))
        sizes = members.sum(axis=0)[:, None]
        centers = np.where(sizes > 0, members.T @ data / np.maximum(sizes, 1), centers)
    return centers, labels
