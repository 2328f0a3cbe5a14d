"""Markov chains that follow the gradient: Hamiltonian Monte Carlo and Langevin dynamics.

The gradient is given, `grad_log_target`, from positions (chains, d) to (chains, d): write it by hand, or let
an automatic differentiator write it. The conventions, and the loop that runs these kernels, are in `mcmc`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genlab.models._arguments import Array, at_least, samples
from genlab.sampling.mcmc import Info, LogDensity, State, accept, always, positive, starting_density

Gradient = Callable[[Array], ArrayLike]

DIVERGED = 1000.0  # nats of energy error: the limit that Stan uses, too


@dataclass(frozen=True, eq=False)
class HamiltonianMonteCarlo:
    """Give each chain a random momentum, follow it for n_leapfrog steps, accept or reject where it ends.

    The energy is `-log pi(x) + |momentum|^2 / 2`. Leapfrog steps keep volume and can be run backwards, so
    that the error of the energy alone decides on acceptance.

    Args:
        log_target: log density up to a constant.
        grad_log_target: its gradient.
        step_size: positive; one a coordinate (d,) is the same as a diagonal mass matrix.
        n_leapfrog: steps a trajectory.

    Raises:
        ValueError: if step_size is not positive or n_leapfrog is less than 1.

    Source: Duane et al. (1987); Neal, "MCMC using Hamiltonian dynamics" (2011).

    >>> from genlab.sampling.mcmc import run
    >>> kernel = HamiltonianMonteCarlo(lambda x: -0.5 * (x**2).sum(axis=1), lambda x: -x, 0.5, 3)
    >>> chains = run(kernel, np.zeros((100, 2)), 100, np.random.default_rng(0), warmup=20)
    >>> bool(abs(chains.draws.var() - 1) < 0.05), int(chains.divergences.sum())
    (True, 0)
    """

    log_target: LogDensity
    grad_log_target: Gradient
    step_size: Array
    n_leapfrog: int

    def __post_init__(self) -> None:
        at_least(1, n_leapfrog=self.n_leapfrog)
        vars(self).update(step_size=positive("step_size", self.step_size))

    def init(self, position: ArrayLike) -> State:
        """Make the state of chains at position (chains, d)."""
        x, gradient = _start(self.grad_log_target, self.step_size, position)
        return State(x, starting_density(self.log_target, x), gradient)

    def step(self, state: State, rng: np.random.Generator) -> tuple[State, Info]:
        """Return the next state, and what happened."""
        momentum = rng.standard_normal(state.position.shape)
        end, last_momentum = self.trajectory(state, momentum)
        kinetic_gain = 0.5 * ((last_momentum**2).sum(axis=1) - (momentum**2).sum(axis=1))
        energy_error = state.log_density - end.log_density + kinetic_gain
        return accept(state, end, energy_error, rng, ~(energy_error < DIVERGED))

    def trajectory(self, state: State, momentum: Array) -> tuple[State, Array]:
        """Return the state and the momentum after n_leapfrog steps."""
        x, momentum = state.position, momentum + 0.5 * self.step_size * state.gradient
        for _ in range(self.n_leapfrog):
            x = x + self.step_size * momentum
            gradient = np.asarray(self.grad_log_target(x), dtype=float)
            momentum += self.step_size * gradient
        momentum -= 0.5 * self.step_size * gradient  # between steps, two half kicks are one; the last is half
        return State(x, np.asarray(self.log_target(x), dtype=float), gradient), momentum


def langevin(log_target: LogDensity, grad_log_target: Gradient, step_size: Array) -> HamiltonianMonteCarlo:
    """The Metropolis-adjusted Langevin algorithm (MALA): Hamiltonian Monte Carlo with one leapfrog step.

    One leapfrog step from x moves to x + (step_size^2 / 2) gradient + step_size * noise, Langevin's proposal,
    and its error of the energy is the Hastings ratio of that proposal.

    Source: Rossky, Doll and Friedman (1978); Roberts and Tweedie (1996); Neal (2011), section 5.2.
    """
    return HamiltonianMonteCarlo(log_target, grad_log_target, step_size, n_leapfrog=1)


@dataclass(frozen=True, eq=False)
class UnadjustedLangevin:
    """Langevin's move, always accepted: x + (step_size^2 / 2) gradient + step_size * noise.

    It needs no density, only the gradient of its log (the score), which is all that a diffusion model learns.
    Its stationary distribution is a little wrong: for a standard normal, the variance is
    1 / (1 - step_size^2 / 4). A chain whose position is not finite is reported as diverged.

    Source: Roberts and Tweedie (1996).

    >>> from genlab.sampling.mcmc import run
    >>> chains = run(UnadjustedLangevin(lambda x: -x, 1.0), np.zeros((100, 1)), 500, np.random.default_rng(0))
    >>> bool(abs(chains.draws.var() - 4 / 3) < 0.05)
    True
    """

    grad_log_target: Gradient
    step_size: Array

    def __post_init__(self) -> None:
        vars(self).update(step_size=positive("step_size", self.step_size))

    def init(self, position: ArrayLike) -> State:
        """Make the state of chains at position (chains, d)."""
        x, gradient = _start(self.grad_log_target, self.step_size, position)
        return State(x, gradient=gradient)

    def step(self, state: State, rng: np.random.Generator) -> tuple[State, Info]:
        """Return the next state, and what happened."""
        x = state.position + 0.5 * self.step_size**2 * state.gradient
        x += self.step_size * rng.standard_normal(x.shape)
        gradient = np.asarray(self.grad_log_target(x), dtype=float)
        lost = np.asarray(~np.isfinite(x).all(axis=1))
        return State(x, gradient=gradient), always(len(x))._replace(diverged=lost)


def _start(grad_log_target: Gradient, step_size: Array, position: ArrayLike) -> tuple[Array, Array]:
    """The position and the gradient there, after a look at their shapes and values."""
    x = samples("position", position, len(step_size) if step_size.ndim else None)
    gradient = np.asarray(grad_log_target(x), dtype=float)
    if gradient.shape != x.shape or not np.isfinite(gradient).all():
        raise ValueError(f"grad_log_target must return finite numbers of shape {x.shape}, got {gradient}")
    return x, gradient
