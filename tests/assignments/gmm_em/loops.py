"""All of gmm-em right, in plain Python: lists and loops, no linear algebra but its own."""

import math

LOG_2PI = math.log(2 * math.pi)


def cholesky(matrix):
    size = len(matrix)
    factor = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(a * b for a, b in zip(factor[i][:j], factor[j][:j], strict=True))
            factor[i][j] = math.sqrt(rest) if i == j else rest / factor[j][j]
    return factor


def log_density(x, mean, factor):
    y = []
    for i, row in enumerate(factor):
        y.append((x[i] - mean[i] - sum(a * b for a, b in zip(row[:i], y, strict=True))) / row[i])
    log_determinant = 2 * sum(math.log(row[i]) for i, row in enumerate(factor))
    return -0.5 * (len(y) * LOG_2PI + log_determinant + sum(v * v for v in y))


def log_joint(data, weights, means, covariances):
    factors = [cholesky(covariance.tolist()) for covariance in covariances]
    rows = []
    for x in data.tolist():
        row = []
        for weight, mean, factor in zip(weights, means.tolist(), factors, strict=True):
            row.append(math.log(weight) + log_density(x, mean, factor))
        rows.append(row)
    return rows


def log_sum_exp(values):
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))


def initialize_params(data, K, rng):
    rows = data.tolist()
    if len(rows) < K:
        raise ValueError("not enough rows")
    chosen = []
    while len(chosen) < K:
        index = int(rng.integers(len(rows)))
        if index not in chosen:
            chosen.append(index)
    d = len(rows[0])
    identity = [[1.0 if i == j else 0.0 for j in range(d)] for i in range(d)]
    return [1 / K] * K, [rows[i] for i in chosen], [identity] * K


def expectation_step(data, weights, means, covariances):
    shares = []
    for row in log_joint(data, weights, means, covariances):
        total = log_sum_exp(row)
        shares.append([math.exp(v - total) for v in row])
    return shares


def maximization_step(data, responsibilities):
    rows, shares = data.tolist(), responsibilities.tolist()
    N, d, K = len(rows), len(rows[0]), len(shares[0])
    weights, means, covariances = [], [], []
    for k in range(K):
        count = 0.0
        for n in range(N):
            count += shares[n][k]
        mean = [sum(shares[n][k] * rows[n][i] for n in range(N)) / count for i in range(d)]
        covariance = [[0.0] * d for _ in range(d)]
        for n in range(N):
            for i in range(d):
                for j in range(d):
                    covariance[i][j] += shares[n][k] * (rows[n][i] - mean[i]) * (rows[n][j] - mean[j]) / count
        for i in range(d):
            covariance[i][i] += 1e-6
        weights.append(count / N)
        means.append(mean)
        covariances.append(covariance)
    return weights, means, covariances


def compute_log_likelihood(data, weights, means, covariances):
    return sum(log_sum_exp(row) for row in log_joint(data, weights, means, covariances))


def em_algorithm(data, K, rng, max_iter=100, tol=1e-4):
    import numpy as np

    weights, means, covariances = (np.array(part) for part in initialize_params(data, K, rng))
    log_likelihoods = []
    iteration = 0
    while iteration < max_iter:
        iteration += 1
        responsibilities = np.array(expectation_step(data, weights, means, covariances))
        weights, means, covariances = (np.array(part) for part in maximization_step(data, responsibilities))
        log_likelihoods.append(compute_log_likelihood(data, weights, means, covariances))
        if iteration >= 2 and abs(log_likelihoods[iteration - 1] - log_likelihoods[iteration - 2]) < tol:
            break
    return [weights, means, covariances, log_likelihoods]


def sample_gmm(n, weights, means, covariances, rng):
    factors = [cholesky(covariance.tolist()) for covariance in covariances]
    points, labels = [], []
    for _ in range(n):
        u, k = rng.random(), 0
        while k < len(weights) - 1 and u >= weights[k]:
            u -= weights[k]
            k += 1
        noise = [rng.normal() for _ in range(len(means[k]))]
        points.append(
            [
                m + sum(a * b for a, b in zip(row, noise, strict=True))
                for m, row in zip(means[k], factors[k], strict=True)
            ]
        )
        labels.append(k)
    return points, labels


def bic(data, weights, means, covariances):
    K, d = len(means), len(means[0])
    parameters = K - 1
    for _ in range(K):
        parameters += d
        for i in range(d):
            parameters += i + 1
    return parameters * math.log(len(data)) - 2 * compute_log_likelihood(data, weights, means, covariances)


def kmeans(data, centers, max_iter=100):
    rows, centers = data.tolist(), centers.tolist()
    labels = None
    for _ in range(max_iter):
        new = []
        for x in rows:
            best, smallest = 0, math.inf
            for k, center in enumerate(centers):
                distance = math.dist(x, center)
                if distance < smallest:
                    best, smallest = k, distance
            new.append(best)
        if new == labels:
            break
        labels = new
        for k in range(len(centers)):
            mine = [x for x, label in zip(rows, labels, strict=True) if label == k]
            if mine:
                centers[k] = [sum(column) / len(mine) for column in zip(*mine, strict=True)]
    return centers, labels
