"""The forward recursion of a hidden Markov model, for long sequences and for impossible transitions."""

import numpy as np
from scipy.special import logsumexp

from genlab.models._arguments import Array


def forward(start: Array, transition: Array, log_emission: Array) -> Array:
    """Solve a_0 = start e_0, a_t = (a_t-1 transition) e_t, with e = exp(log_emission): log a (T, S).

    Neither start nor the rows of transition need to sum to 1.
    """
    # Where every state follows every other, a state whose share underflows can be left out: what it leads to,
    # others lead to with a probability that is larger by hundreds of powers of ten.
    if len(log_emission) > 1 and transition.min() > 1e-150:
        return _side_by_side(start, transition, log_emission)
    with np.errstate(divide="ignore"):
        log_start, log_transition = np.log(start), np.log(transition)
    log_a = np.empty_like(log_emission)
    log_a[0] = log_start + log_emission[0]
    for t in range(1, len(log_a)):
        log_a[t] = logsumexp(log_a[t - 1][:, None] + log_transition, axis=0) + log_emission[t]
    return log_a


@np.errstate(divide="ignore")  # log 0 is -inf
def _side_by_side(start: Array, transition: Array, log_emission: Array) -> Array:
    """Cut time into about sqrt(T) blocks and take the first step of all, then the second, and so on.

    A first round finds what each block makes of every state that it may begin with: a product of matrices.
    Then the states at the borders are known, and a second round fills in the times between them.
    """
    t, s = log_emission.shape
    first = np.log(start) + log_emission[0]
    if first.max() == -np.inf:
        return np.full((t, s), -np.inf)
    later = np.ascontiguousarray(log_emission[1:].T)
    largest = later.max(axis=0)
    e = np.exp(later - np.where(largest == -np.inf, 0, largest))
    e[:, largest == -np.inf] = 1  # impossible from here on: the sum of largest, added at the end, says so
    length = int(np.sqrt(t - 1))
    n_blocks = -(-(t - 1) // length)
    steps = np.ones((s, n_blocks * length))  # a last block that is too short is filled up with ones
    steps[:, : t - 1] = e
    steps = np.ascontiguousarray(steps.reshape(s, n_blocks, length).transpose(2, 0, 1))

    # products[j, i, b]: block b takes state i to state j, apart from the factor exp(log_scales[i, b]).
    products, log_scales = np.tile(np.eye(s)[:, :, None], n_blocks), np.zeros((s, n_blocks))
    for step in steps:
        products = (transition.T @ products.reshape(s, -1)).reshape(s, s, n_blocks)
        products *= step[:, None, :]
        scale = products.sum(axis=0)
        products /= scale
        log_scales += np.log(scale)

    borders, log_borders = np.empty((s, n_blocks)), np.empty(n_blocks)
    a, log_a = np.exp(first - first.max()), first.max()
    for b in range(n_blocks):
        borders[:, b], log_borders[b] = a, log_a
        log_parts = np.log(a) + log_scales[:, b]
        top = log_parts.max()
        a, log_a = products[:, :, b] @ np.exp(log_parts - top), log_a + top

    within, log_within = np.empty_like(steps), np.empty((length, 1, n_blocks))
    a, log_a = borders, log_borders
    for i, step in enumerate(steps):
        a = (transition.T @ a) * step
        scale = a.sum(axis=0)
        a /= scale
        log_a = log_a + np.log(scale)
        within[i], log_within[i] = a, log_a
    result = np.empty((t, s))
    result[0] = first
    result[1:] = (np.log(within) + log_within).transpose(2, 0, 1).reshape(-1, s)[: t - 1]
    result[1:] += largest.cumsum()[:, None]
    return result
