"""All of gmm-em right, where no function calls another and the loop has bound its start beforehand."""

import numpy as np


def initialize_params(data, K, rng):
    if len(data) < K:
        raise ValueError("too few rows")
    chosen = np.sort(np.argpartition(rng.random(len(data)), K - 1)[:K])
    return np.full(K, 1.0) / K, [data[i] for i in chosen], np.stack([np.diag(np.ones(data.shape[1]))] * K)


def expectation_step(data, weights, means, covariances):
    values, vectors = np.linalg.eigh(covariances)
    columns = []
    for k in range(len(weights)):
        y = (data - means[k]) @ vectors[k] / np.sqrt(values[k])
        columns.append(np.log(weights[k]) - np.log(values[k]).sum() / 2 - (y * y).sum(axis=1) / 2)
    # r_k = 1 / (sum over j of exp(a_j - a_k)), which may overflow to infinity, and 1 / infinity is right
    a = np.array(columns)
    return (1 / np.exp(a[None] - a[:, None]).sum(axis=1)).T


def maximization_step(data, responsibilities):
    roots = np.sqrt(responsibilities)
    total = (roots**2).sum(axis=0)
    means = np.vstack([(roots[:, [k]] ** 2 * data).sum(axis=0) / total[k] for k in range(len(total))])
    covariances = []
    for k in range(len(total)):
        scaled = roots[:, [k]] * (data - means[k])
        covariances.append(np.dot(scaled.T, scaled) / total[k])
    return total / len(data), means, np.array(covariances)


def compute_log_likelihood(data, weights, means, covariances):
    total = 0.0
    for x in data:
        terms = []
        for w, m, S in zip(weights, means, covariances, strict=True):
            _, log_determinant = np.linalg.slogdet(2 * np.pi * S)
            terms.append(np.log(w) - 0.5 * (log_determinant + (x - m) @ np.linalg.solve(S, x - m)))
        total += np.logaddexp.reduce(terms)
    return total


def em_algorithm(data, K, rng, max_iter=100, tol=1e-4, start=initialize_params):
    weights, means, covariances = start(data, K, rng)
    log_likelihoods = []
    while True:
        a = np.empty((len(data), K))
        for step in ("E", "likelihood"):
            for k in range(K):
                gaps = data - means[k]
                quadratic = np.einsum("ni,ni->n", gaps, np.linalg.solve(covariances[k], gaps.T).T)
                _, log_determinant = np.linalg.slogdet(2 * np.pi * covariances[k])
                a[:, k] = np.log(weights[k]) - 0.5 * (log_determinant + quadratic)
            totals = np.logaddexp.reduce(a, axis=1)
            if step == "E":
                shares = np.exp(a - totals[:, None])
                counts = shares.sum(axis=0)
                weights = counts / len(data)
                means = (shares.T @ data) / counts[:, None]
                covariances = np.zeros((K, data.shape[1], data.shape[1]))
                for k in range(K):
                    for share, x in zip(shares[:, k], data, strict=True):
                        covariances[k] += share / counts[k] * np.outer(x - means[k], x - means[k])
                    covariances[k] += 1e-9 * np.eye(data.shape[1])
        log_likelihoods.append(totals.sum())
        if len(log_likelihoods) == max_iter:
            break
        if len(log_likelihoods) >= 2 and -tol < log_likelihoods[-1] - log_likelihoods[-2] < tol:
            break
    return weights, means, covariances, np.array(log_likelihoods)


def sample_gmm(n, weights, means, covariances, rng):
    z = np.array([rng.choice(len(weights), p=weights) for _ in range(n)])
    return np.array([rng.multivariate_normal(means[k], covariances[k]) for k in z]), z


def bic(data, weights, means, covariances):
    (N, d), K = data.shape, len(weights)
    log_likelihood = 0.0
    for x in data:
        density = 0.0
        for w, m, S in zip(weights, means, covariances, strict=True):
            distance = (x - m) @ np.linalg.inv(S) @ (x - m)
            density += w * np.exp(-distance / 2) / np.sqrt(np.linalg.det(2 * np.pi * S))
        log_likelihood += np.log(density)
    return -2 * log_likelihood + (K * (1 + d + d * (d + 1) / 2) - 1) * np.log(N)


def kmeans(data, centers, max_iter=100):
    old = None
    for i in range(max_iter):
        distance = np.array([np.linalg.norm(data - center, axis=1) for center in centers])
        labels = np.argmin(distance, axis=0)
        if i > 0 and np.all(old == labels):
            return centers, labels
        centers = [
            data[labels == k].mean(0) if np.any(labels == k) else centers[k] for k in range(len(centers))
        ]
        old = labels
    return centers, labels
