"""Markov chains, many side by side: one loop, random-walk Metropolis, Metropolis-Hastings, Gibbs.

A position is an array (chains, d); a log density takes it and returns (chains,), up to a constant. A kernel
has `init(position)`, which makes a state, and `step(state, rng)`, which returns the next state and what
happened on the way; neither changes anything. The kernels that use gradients are in `hamiltonian`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genlab.models._arguments import Array, at_least, cholesky, parameter, samples

Bools = NDArray[np.bool_]
LogDensity = Callable[[Array], ArrayLike]
Proposal = Callable[[Array, np.random.Generator], tuple[Array, Array | None]]
Conditional = Callable[[Array, np.random.Generator], ArrayLike]

UNUSED: Array = np.empty(0)


class State(NamedTuple):
    """Where the chains are; if the kernel asks, log density (chains,) and gradient (chains, d) there."""

    position: Array
    log_density: Array = UNUSED
    gradient: Array = UNUSED


class Info(NamedTuple):
    """What one step did to each chain (chains,).

    A proposal is accepted with probability min(1, exp(-energy_error)). A chain diverged if the energy of its
    trajectory was not finite, or more than 1000 nats too high: the step size was too large for the curvature.
    """

    energy_error: Array
    accepted: Bools
    diverged: Bools


class Kernel(Protocol):
    """What `run` needs to know of a sampler."""

    def init(self, position: ArrayLike) -> State:
        """Make the state of chains at position (chains, d)."""

    def step(self, state: State, rng: np.random.Generator) -> tuple[State, Info]:
        """Return the next state, and what happened."""


@dataclass(frozen=True, eq=False)
class Chains:
    """Draws (chains, n_steps, d), the share of steps that each chain accepted (chains,), its divergences."""

    draws: Array
    acceptance_rate: Array
    divergences: NDArray[np.int64]


def run(
    kernel: Kernel, position: ArrayLike, n_steps: int, rng: np.random.Generator, *, warmup: int = 0
) -> Chains:
    """Run any kernel from position (chains, d): warmup steps that are not kept, then n_steps that are.

    Raises:
        ValueError: if n_steps is less than 1, warmup is less than 0, or position is not finite, has the wrong
            shape or has no density under the kernel's target.

    >>> target = lambda x: -0.5 * (x**2).sum(axis=1)
    >>> walk = MetropolisHastings(target, random_walk(2.0))
    >>> chains = run(walk, np.zeros((100, 1)), 200, np.random.default_rng(0), warmup=50)
    >>> chains.draws.shape, bool(abs(chains.draws.var() - 1) < 0.05)
    ((100, 200, 1), True)
    """
    at_least(1, n_steps=n_steps)
    at_least(0, warmup=warmup)
    state = kernel.init(position)
    n_chains, d = state.position.shape
    draws = np.empty((n_steps, n_chains, d))  # a step a block of memory
    accepted, diverged = np.empty((2, n_steps, n_chains), dtype=bool)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what is not finite is rejected
        for _ in range(warmup):
            state, _ = kernel.step(state, rng)
        for t in range(n_steps):
            state, info = kernel.step(state, rng)
            draws[t], accepted[t], diverged[t] = state.position, info.accepted, info.diverged
    return Chains(draws.swapaxes(0, 1), accepted.mean(axis=0), diverged.sum(axis=0))


@dataclass(frozen=True, eq=False)
class MetropolisHastings:
    """Propose a move, and accept it with probability min(1, pi(y) q(x|y) / (pi(x) q(y|x))).

    Args:
        log_target: log density up to a constant; where it is -inf or nan, a proposal is never accepted.
        propose: propose(x, rng) returns y (chains, d) and log q(x|y) - log q(y|x), (chains,), or None for 0.

    Source: Hastings (1970); Robert and Casella, Monte Carlo Statistical Methods (2004), chapter 7.
    """

    log_target: LogDensity
    propose: Proposal

    def init(self, position: ArrayLike) -> State:
        """Make the state of chains at position (chains, d)."""
        x = samples("position", position)
        return State(x, starting_density(self.log_target, x))

    def step(self, state: State, rng: np.random.Generator) -> tuple[State, Info]:
        """Return the next state, and what happened."""
        proposal, log_ratio = self.propose(state.position, rng)
        if proposal.shape != state.position.shape:
            raise ValueError(f"propose must return shape {state.position.shape}, got {proposal.shape}")
        end = State(proposal, np.asarray(self.log_target(proposal), dtype=float))
        error = state.log_density - end.log_density
        return accept(state, end, error if log_ratio is None else error - log_ratio, rng)


def random_walk(scale: ArrayLike) -> Proposal:
    """Propose x plus scale times a standard normal: symmetric, so q cancels.

    Args:
        scale: a positive number, or one a coordinate (d,).

    Source: Metropolis et al. (1953).
    """
    scale = positive("scale", scale)
    return lambda x, rng: (x + scale * rng.standard_normal(x.shape), None)


@dataclass(frozen=True, eq=False)
class Gibbs:
    """Draw each coordinate in turn from its distribution given all the others.

    Args:
        conditionals: for coordinate j, conditionals[j](x, rng) returns draws (chains,) of it given the other
            columns of x (chains, d). It must not change x.

    Source: Geman and Geman (1984); Gelfand and Smith (1990).
    """

    conditionals: Sequence[Conditional]

    def init(self, position: ArrayLike) -> State:
        """Make the state of chains at position (chains, d)."""
        return State(samples("position", position, len(self.conditionals)))

    def step(self, state: State, rng: np.random.Generator) -> tuple[State, Info]:
        """Return the state after every coordinate was drawn once, and what happened."""
        x = state.position.copy()
        for j, draw in enumerate(self.conditionals):
            x[:, j] = draw(x, rng)
        return State(x), always(len(x))


def bivariate_normal(mean: ArrayLike, covariance: ArrayLike) -> Gibbs:
    """The Gibbs sampler of a bivariate normal: each coordinate given the other is normal.

    Given x1, coordinate 0 has mean m0 + (s01 / s11) (x1 - m1) and variance s00 - s01^2 / s11, and vice versa.
    Each sweep shrinks the distance from the mean by rho^2, for correlation rho.

    Raises:
        ValueError: if mean is not (2,), or covariance is not (2, 2) and positive definite.

    >>> gibbs = bivariate_normal([0, 0], [[1, 0.5], [0.5, 1]])
    >>> draws = run(gibbs, np.zeros((50, 2)), 400, np.random.default_rng(0), warmup=20).draws
    >>> bool(abs(np.corrcoef(draws.reshape(-1, 2).T)[0, 1] - 0.5) < 0.05)
    True
    """
    m, s = parameter("mean", mean, shape=(2,)), parameter("covariance", covariance, shape=(2, 2))
    cholesky("covariance", s)

    def conditional(j: int) -> Conditional:
        i = 1 - j
        slope, deviation = s[i, j] / s[i, i], np.sqrt(s[j, j] - s[i, j] ** 2 / s[i, i])
        return lambda x, rng: m[j] + slope * (x[:, i] - m[i]) + deviation * rng.standard_normal(len(x))

    return Gibbs([conditional(0), conditional(1)])


# What the kernels share.


def accept(
    start: State, end: State, energy_error: Array, rng: np.random.Generator, diverged: Bools | None = None
) -> tuple[State, Info]:
    """Move each chain to its end with probability min(1, exp(-energy_error)); nan counts as never."""
    accepted = rng.standard_exponential(len(energy_error)) > energy_error  # minus the log of a uniform number
    row = accepted[:, None]
    state = State(
        np.where(row, end.position, start.position),
        np.where(accepted, end.log_density, start.log_density),
        np.where(row, end.gradient, start.gradient) if end.gradient.size else UNUSED,
    )
    never = np.zeros(len(accepted), dtype=bool)
    return state, Info(energy_error, accepted, never if diverged is None else diverged)


def always(n_chains: int) -> Info:
    """What happens in a step that is never rejected."""
    return Info(np.zeros(n_chains), np.ones(n_chains, dtype=bool), np.zeros(n_chains, dtype=bool))


def starting_density(log_target: LogDensity, x: Array) -> Array:
    """The target at x, after a look at its shape and values."""
    log_density = np.asarray(log_target(x), dtype=float)
    if log_density.shape != x.shape[:1]:
        raise ValueError(f"log_target must return shape {x.shape[:1]} here, got {log_density.shape}")
    if not np.isfinite(log_density).all():
        worst = np.isfinite(log_density).argmin()
        raise ValueError(f"position must have a finite log_target, got {log_density[worst]} at {x[worst]}")
    return log_density


def positive(name: str, value: ArrayLike) -> Array:
    """Return a positive number, or one a coordinate, as an array; a ValueError names it if it is not."""
    value = np.array(value, dtype=float)
    if value.ndim > 1 or not ((value > 0) & np.isfinite(value)).all():
        raise ValueError(f"{name} must be positive, a number or one a coordinate, got {value}")
    return value
