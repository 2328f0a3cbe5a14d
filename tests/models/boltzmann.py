"""What the tests of both Boltzmann machines use."""

import itertools

import numpy as np


def all_states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def bars():
    """The 14 pictures of 3 x 3 pixels made of whole rows, or of whole columns."""
    rows = [np.outer(s, np.ones(3)).ravel() for s in all_states(3)]
    columns = [np.outer(np.ones(3), s).ravel() for s in all_states(3)]
    return np.unique(np.array(rows + columns), axis=0)


def independent_log_likelihood(x):
    """Mean log probability of rows under the best model whose units are independent."""
    p = x.mean(axis=0)
    return (p * np.log(p) + (1 - p) * np.log(1 - p)).sum()
