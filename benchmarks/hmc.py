"""Hamiltonian Monte Carlo on a Gaussian in 50 dimensions, against blackjax: python benchmarks/hmc.py [rounds]

As in metropolis.py: the same target, step size, leapfrog steps, starts and estimator, on one core, in turns.
"""

import sys

import numpy as np
from metropolis import blackjax, compare, jnp

from genlab.sampling.hamiltonian import HamiltonianMonteCarlo
from genlab.sampling.mcmc import run

D, STEP, LEAPFROG = 50, 0.35, 8
# Neighbours have correlation 0.6, so standard deviations along the axes range from 0.5 to 2.
PRECISION = np.linalg.inv(0.6 ** np.abs(np.subtract.outer(np.arange(D), np.arange(D))))
SIZES = [(1, 10_000), (100, 1_000)]  # chains, steps


def log_target(x):
    return -0.5 * ((x @ PRECISION) * x).sum(axis=-1)


def gradient(x):
    return -(x @ PRECISION)


def by_genlab(n_chains: int, n_steps: int, seed: int) -> np.ndarray:
    kernel = HamiltonianMonteCarlo(log_target, gradient, STEP, LEAPFROG)
    return run(kernel, np.zeros((n_chains, D)), n_steps, np.random.default_rng(seed)).draws


def blackjax_kernel():
    return blackjax.hmc(log_target, STEP, jnp.ones(D), LEAPFROG)


if __name__ == "__main__":
    compare(by_genlab, blackjax_kernel, D, SIZES, rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
