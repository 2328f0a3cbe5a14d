"""Metropolis on a banana, against blackjax: python benchmarks/metropolis.py [rounds]

The same target, random walk, starts and number of steps, judged by the same estimator of the effective sample
size. Rounds alternate between the libraries, in one process, on one core; times are processor times, which
other programs disturb less. blackjax runs the loop of its documentation, compiled before the clock starts;
its first call, with compilation, is given apart.
"""

import os
import sys
import time
from collections.abc import Callable

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from timing import machine

from genlab.sampling.diagnostics import ess
from genlab.sampling.mcmc import MetropolisHastings, random_walk, run

SCALE = 4.0
SIZES = [(1, 100_000), (100, 20_000), (1_000, 4_000)]  # chains, steps
Sampler = Callable[[int, int, int], np.ndarray]  # chains, steps, seed


def banana(x):
    """Haario, Saksman and Tamminen (1999): x0 ~ N(0, 100), x1 given x0 ~ N(0.03 (x0^2 - 100), 1)."""
    a, b = x.T
    square = a * a
    b = b - 0.03 * square + 3
    return -0.5 * (0.01 * square + b * b)


def by_genlab(n_chains: int, n_steps: int, seed: int) -> np.ndarray:
    kernel = MetropolisHastings(banana, random_walk(SCALE))
    return run(kernel, np.zeros((n_chains, 2)), n_steps, np.random.default_rng(seed)).draws


def blackjax_kernel():
    return blackjax.normal_random_walk(banana, sigma=jnp.full(2, SCALE))


def by_blackjax(make_kernel: Callable, d: int, double: bool) -> Sampler:
    """Run many chains of blackjax in one compiled loop, in single or double precision."""
    with jax.enable_x64(double):
        kernel = make_kernel()

    def loop(key, position, n_steps):
        def one_step(state, key):
            state, info = jax.vmap(kernel.step)(jax.random.split(key, len(position)), state)
            return state, (state, info)

        start = jax.vmap(kernel.init)(position)
        return jax.lax.scan(one_step, start, jax.random.split(key, n_steps))[1]

    compiled = jax.jit(loop, static_argnums=2)

    def sample(n_chains: int, n_steps: int, seed: int) -> np.ndarray:
        with jax.enable_x64(double):
            states, _ = compiled(jax.random.key(seed), jnp.zeros((n_chains, d)), n_steps)
            return np.asarray(jax.block_until_ready(states.position)).swapaxes(0, 1)

    return sample


def compare(ours: Sampler, make_kernel: Callable, d: int, sizes: list[tuple[int, int]], rounds: int) -> None:
    """Print a row for each size and sampler."""
    if hasattr(os, "sched_setaffinity"):  # Linux: one core, also for the threads that JAX will start
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(machine(JAX=jax.__version__, blackjax=blackjax.__version__), end="\n\n")
    print("| chains, steps | sampler | us a step | ESS | ESS a second | ratio (lowest) | first call, s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    samplers = {
        "genlab": ours,
        "blackjax, float64": by_blackjax(make_kernel, d, double=True),
        "blackjax, float32": by_blackjax(make_kernel, d, double=False),
    }
    for n_chains, n_steps in sizes:
        first, times, found = {}, {name: [] for name in samplers}, {name: [] for name in samplers}
        for seed in range(rounds + 1):
            for name, sampler in samplers.items():
                began = time.process_time()
                draws = sampler(n_chains, n_steps, seed)
                took = time.process_time() - began
                if seed == 0:
                    first[name] = took
                else:
                    times[name].append(took)
                    found[name].append(ess(draws).min())  # of the slowest coordinate
        # An estimate of the effective sample size varies more than a time does: rates use the mean of all.
        rates = {name: np.mean(found[name]) / np.array(times[name]) for name in samplers}
        for name in samplers:
            ratios = rates["genlab"] / rates[name]
            print(
                f"| {n_chains}, {n_steps} | {name} | {np.median(times[name]) / n_steps * 1e6:.1f} "
                f"| {np.mean(found[name]):.0f} | {np.median(rates[name]):.0f} "
                f"| {np.median(ratios):.2f} ({ratios.min():.2f}) | {first[name]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    compare(by_genlab, blackjax_kernel, 2, SIZES, rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
