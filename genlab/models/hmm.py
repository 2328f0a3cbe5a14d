"""Hidden Markov models: likelihood, smoothing, the best path, draws, and fitting by Baum-Welch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from genlab.models._arguments import Array, Integers, at_least, integers, probabilities, samples
from genlab.models._forward import forward
from genlab.models.emissions import Categorical, Gaussians, shares
from genlab.models.gaussian import moments

Emissions = Categorical | Gaussians


@dataclass(frozen=True, eq=False)
class HiddenMarkov:
    """S hidden states: where they start (S,), how they follow each other (S, S), and what each emits.

    Row a of transition is the distribution of the state after a. A sequence x is T integers if the emissions
    are Categorical, and (T, d) if they are Gaussians; True in missing (T,) says that x was not seen at that
    time, and what stands there is not looked at.

    Raises:
        ValueError: if a shape is wrong, or probabilities are negative or do not sum to 1.

    Source: Rabiner, A tutorial on hidden Markov models (1989), Proceedings of the IEEE 77.

    >>> weather = HiddenMarkov([0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], Categorical([[0.1, 0.9], [0.8, 0.2]]))
    >>> weather.smooth([1, 1]).round(3)  # two days with an umbrella: how likely is rain?
    array([[0.883, 0.117],
           [0.883, 0.117]])
    """

    start: Array
    transition: Array
    emissions: Emissions

    def __post_init__(self) -> None:
        start = probabilities("start", self.start)
        transition = probabilities("transition", self.transition, shape=(len(start), len(start)))
        if len(self.emissions) != len(start):
            raise ValueError(f"emissions must be of {len(start)} states, got {len(self.emissions)}")
        vars(self).update(start=start, transition=transition)

    def log_prob(self, x: ArrayLike, missing: ArrayLike | None = None) -> float:
        """Log probability (density) of the sequence x, in nats; -inf if it is impossible."""
        return float(logsumexp(self._forward(self._log_emission(x, missing))[-1]))

    def smooth(self, x: ArrayLike, missing: ArrayLike | None = None) -> Array:
        """Probability of each state at each time given all of x: (T, S), whose rows sum to 1."""
        return self._posterior(self._log_emission(x, missing))[1]

    def viterbi(self, x: ArrayLike, missing: ArrayLike | None = None) -> tuple[Integers, float]:
        """A most probable path of states (T,), and the log probability of it and x together.

        Source: Viterbi (1967), IEEE Transactions on Information Theory 13.
        """
        log_emission = self._log_emission(x, missing)
        log_start, log_transition = _log(self.start), _log(self.transition)
        best = log_start + log_emission[0]
        came_from = np.zeros(log_emission.shape, dtype=np.int64)
        for t in range(1, len(log_emission)):
            scores = best[:, None] + log_transition
            came_from[t] = scores.argmax(axis=0)
            best = scores.max(axis=0) + log_emission[t]
        path = np.zeros(len(log_emission), dtype=np.int64)
        path[-1] = best.argmax()
        for t in range(len(path) - 1, 0, -1):
            path[t - 1] = came_from[t, path[t]]
        return path, float(best.max())

    def sample(self, n: int, rng: np.random.Generator) -> tuple[NDArray[np.generic], Integers]:
        """Draw a sequence of n observations, (n,) or (n, d), and the states (n,) that they came from."""
        at_least(0, n=n)
        z = np.zeros(n, dtype=np.int64)
        # The last edge is left out: it may fall short of 1 by rounding. The first state comes from row -1.
        rows = [row.cumsum()[:-1] for row in (*self.transition, self.start)]
        state = -1
        for t, u in enumerate(rng.random(n)):
            z[t] = state = rows[state].searchsorted(u, side="right")
        return self.emissions.sample(z, rng), z

    def _log_emission(self, x: ArrayLike, missing: ArrayLike | None, name: str = "x") -> Array:
        """Log density of each observation in each state (T, S): 0 where it is missing."""
        if missing is None:
            return self.emissions.log_prob(x, name)
        gone = np.asarray(missing)
        if gone.dtype != bool or gone.shape != np.shape(x)[:1]:
            raise ValueError(f"missing must be {np.shape(x)[:1]} booleans, got {gone.dtype} {gone.shape}")
        log_emission = np.zeros((len(gone), len(self.start)))
        if not gone.all():
            log_emission[~gone] = self.emissions.log_prob(np.asarray(x)[~gone], name)
        return log_emission

    def _forward(self, log_emission: Array) -> Array:
        return forward(self.start, self.transition, log_emission)

    def _posterior(self, log_emission: Array) -> tuple[float, Array, Array]:
        """Log probability of x; given x, each state's probability (T, S) and expected transitions (S, S).

        Source: the forward-backward algorithm, Rabiner, section III.
        """
        ahead = self._forward(log_emission)  # log P(x_1 ... x_t, z_t)
        # log P(x_t ... x_T | z_t) follows the same recursion, backwards in time.
        back = forward(np.ones(len(self.start)), self.transition.T, log_emission[::-1])[::-1]
        log_prob = float(logsumexp(ahead[-1]))
        if log_prob == -np.inf:
            raise ValueError("x must be possible under the model, got a sequence of probability 0")
        after = np.zeros_like(back)  # log P(x_t+1 ... x_T | z_t)
        after[:-1] = logsumexp(back[1:, None, :] + _log(self.transition), axis=2)
        pairs = ahead[:-1, :, None] + _log(self.transition) + back[1:, None, :] - log_prob
        state = ahead + after
        state -= logsumexp(state, axis=1, keepdims=True)
        return log_prob, np.exp(state), np.exp(pairs).sum(axis=0)


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model, its log-likelihood (nats) after each iteration, and whether it met its tolerance."""

    model: HiddenMarkov
    log_likelihoods: Array
    converged: bool


def fit(
    data: Sequence[ArrayLike],
    n_states: int,
    rng: np.random.Generator,
    *,
    max_iter: int = 200,
    tol: float = 1e-6,
    restarts: int = 1,
    covariance_floor: float = 1e-6,
    start: HiddenMarkov | None = None,
) -> Fit:
    """Fit a hidden Markov model by Baum-Welch, which is EM, and keep the best of several random starts.

    With covariance_floor = 0 the likelihood never falls from one iteration to the next, but for rounding.

    Args:
        data: one or more sequences, each (T,) integers from 0 for Categorical emissions, or each (T, d)
            for Gaussians. One sequence x is [x].
        n_states: S, at least 1.
        rng: draws a start: rows of probabilities, and for Gaussians S rows of data as means.
        max_iter: iterations a start at most.
        tol: stop when an iteration changes the mean log-likelihood an observation by less than this, in nats.
        restarts: how many random starts to make.
        covariance_floor: added to every variance at each M step, in squared units of data.
        start: the model to start from, instead of random ones.

    Raises:
        ValueError: if an argument is not as above.

    Source: Baum, Petrie, Soules and Weiss (1970); Rabiner, section III.C.
    """
    at_least(1, n_states=n_states, max_iter=max_iter, restarts=restarts)
    at_least(0, tol=tol, covariance_floor=covariance_floor)
    if len(data) == 0:
        raise ValueError("data must hold at least one sequence, got none")
    if start is not None and len(start.start) != n_states:
        raise ValueError(f"start must have {n_states} states, got {len(start.start)}")
    numbers = np.ndim(data[0]) > 1
    sequences = [samples("data", x) if numbers else integers("data", x) for x in data]
    if len({x.shape[1:] for x in sequences}) > 1:
        raise ValueError(f"data must have sequences of one width, got {[x.shape for x in sequences]}")

    runs = []
    for _ in range(1 if start else restarts):
        first = start or HiddenMarkov(
            rng.dirichlet(np.ones(n_states)),
            rng.dirichlet(np.ones(n_states), n_states),
            _random_emissions(np.concatenate(sequences), n_states, rng, covariance_floor),
        )
        runs.append(_baum_welch(sequences, first, covariance_floor, max_iter, tol))
    return max(runs, key=lambda run: float(run.log_likelihoods[-1]))


def _random_emissions(x: NDArray[np.generic], s: int, rng: np.random.Generator, floor: float) -> Emissions:
    if x.ndim == 1:
        return Categorical(rng.dirichlet(np.ones(int(x.max()) + 1), s))
    values = np.asarray(x, dtype=float)
    covariance = moments(values)[1] + floor * np.eye(x.shape[1])
    return Gaussians(values[rng.choice(len(x), s, replace=len(x) < s)], np.tile(covariance, (s, 1, 1)))


def _baum_welch(
    sequences: Sequence[NDArray[np.generic]], model: HiddenMarkov, floor: float, max_iter: int, tol: float
) -> Fit:
    """Iterate from one start. The trace holds the log-likelihood after each iteration."""
    x = np.concatenate(sequences)

    def expectation() -> tuple[float, Array, Array, Array]:
        found = [model._posterior(model._log_emission(one, None, "data")) for one in sequences]
        log_probs, states, pairs = zip(*found, strict=True)
        return sum(log_probs), sum(r[0] for r in states), sum(pairs), np.concatenate(states)

    log_likelihood, starts, pairs, r = expectation()
    trace: list[float] = []
    converged = False
    while not converged and len(trace) < max_iter:
        model = HiddenMarkov(
            starts / len(sequences),
            shares(pairs, model.transition),
            model.emissions.maximised(x, r, floor),
        )
        previous = log_likelihood
        log_likelihood, starts, pairs, r = expectation()
        trace.append(log_likelihood)
        converged = bool(abs(log_likelihood - previous) < tol * len(x))
    return Fit(model, np.array(trace), converged)


def _log(p: Array) -> Array:
    """Log, with -inf for 0 and no warning."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p))
