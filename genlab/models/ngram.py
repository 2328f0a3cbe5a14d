"""N-gram language models: the next token given the few before it, from smoothed counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from genlab.models._arguments import Array, Integers, at_least, integers, probabilities


@dataclass(frozen=True, eq=False)
class NGram:
    """Probabilities of tokens, integers from 0 to V - 1, each given the n - 1 tokens before it.

    p(token | context) = sum over m = 0 ... n of weights[m] p_m, where p_0 = 1 / V, and p_m looks at the last
    m - 1 tokens of the context: p_m = (count of these and token + a) / (count of these + a V), with a the
    pseudo_count, or p_(m-1) where that is 0 / 0. All weight on n is additive smoothing; a = 0 is the
    interpolation of Jelinek and Mercer. At the start of a sequence, V stands for the tokens that a context
    lacks.

    Args:
        n_tokens: V. A corpus whose documents end needs a token for the end among them.
        grams: (U, n), runs of n tokens in the corpus.
        counts: (U,), how often each of these occurred.
        weights: (n + 1,), they sum to 1.
        pseudo_count: added to every count.

    Raises:
        ValueError: if a shape or value is wrong.

    Source: Jurafsky and Martin, Speech and Language Processing (3rd ed. draft), chapter on n-grams.
    """

    n_tokens: int
    grams: Integers
    counts: Integers
    weights: Array
    pseudo_count: float = 0.0

    def __post_init__(self) -> None:
        at_least(1, n_tokens=self.n_tokens)
        at_least(0, pseudo_count=self.pseudo_count)
        if not np.isfinite(self.pseudo_count):
            raise ValueError(f"pseudo_count must be finite, got {self.pseudo_count}")
        grams = integers("grams", self.grams, self.n_tokens + 1, ndim=2)
        if (self.n_tokens + 1) ** grams.shape[1] > 2**62:  # a run of tokens is looked up as one integer
            raise ValueError(f"grams must be shorter: {self.n_tokens} tokens to the power of n exceed 2^62")
        counts = integers("counts", self.counts)
        if len(counts) != len(grams):
            raise ValueError(f"counts must have one number a gram, {len(grams)}, got {len(counts)}")
        weights = probabilities("weights", self.weights, shape=(grams.shape[1] + 1,))
        for array in (grams, counts):
            array.setflags(write=False)
        vars(self).update(grams=grams, counts=counts, weights=weights)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log probability (N,), in nats, of sequences (N, T), one a row."""
        rows = integers("x", x, self.n_tokens, ndim=2)
        return np.asarray(self._log_probs("x", list(rows)).reshape(rows.shape).sum(axis=1))

    def perplexity(self, sequences: Sequence[ArrayLike]) -> float:
        """exp of minus the mean log probability of a token, over sequences of any lengths; V by guessing."""
        return float(np.exp(-self._log_probs("sequences", sequences).mean()))

    def next_token(self, context: ArrayLike) -> Array:
        """Probabilities (V,) of the next token after a context (T,), all before it; T = 0 at the start."""
        order = self.grams.shape[1]
        run = _runs("context", [np.append(context, 0)], order, self.n_tokens)[-1]
        return np.asarray(self._next(run[None, :-1])[0])

    def sample(self, n: int, rng: np.random.Generator, *, length: int) -> Integers:
        """Draw n sequences (n, length), a token at a time from the start."""
        at_least(0, n=n, length=length)
        order = self.grams.shape[1]
        x = np.full((n, order - 1 + length), self.n_tokens)
        for t in range(order - 1, x.shape[1]):
            running = np.cumsum(self._next(x[:, t - order + 1 : t]), axis=1)
            chance = rng.random((n, 1)) * running[:, -1:]
            x[:, t] = (running <= chance).sum(axis=1)
        return x[:, order - 1 :]

    def _next(self, contexts: Integers) -> Array:
        """Probabilities (N, V) of all tokens after contexts (N, n - 1)."""
        grams = np.column_stack(
            [np.repeat(contexts, self.n_tokens, axis=0), np.tile(np.arange(self.n_tokens), len(contexts))]
        )
        return np.asarray((self.weights @ self._orders(grams)).reshape(len(contexts), self.n_tokens))

    def _log_probs(self, name: str, sequences: Sequence[ArrayLike]) -> Array:
        """Log probability of every token of every sequence, one after the other."""
        runs = _runs(name, sequences, self.grams.shape[1], self.n_tokens)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weights @ self._orders(runs)))

    def _orders(self, grams: Integers) -> Array:
        """The probabilities p_0 ... p_n of the last token of each gram given those before: (n + 1, M)."""
        order = grams.shape[1]
        p = np.full((order + 1, len(grams)), 1 / self.n_tokens)
        for m in range(1, order + 1):
            count = self._count(grams, order - m, order) + self.pseudo_count
            total = self._count(grams, order - m, order - 1) + self.pseudo_count * self.n_tokens
            p[m] = np.divide(count, total, where=total > 0, out=p[m - 1].copy())
        return p

    def _count(self, grams: Integers, first: int, last: int) -> Array:
        """How often the columns from first to last of each gram stand in the same columns of the corpus's."""
        ours, asked = np.zeros(len(self.grams), dtype=np.int64), np.zeros(len(grams), dtype=np.int64)
        for column in range(first, last):
            ours = ours * (self.n_tokens + 1) + self.grams[:, column]
            asked = asked * (self.n_tokens + 1) + grams[:, column]
        keys, inverse = np.unique(ours, return_inverse=True)
        counts = np.bincount(inverse, weights=self.counts)
        place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return np.where(keys[place] == asked, counts[place], 0)


def fit(
    sequences: Sequence[ArrayLike],
    n_tokens: int,
    order: int,
    *,
    pseudo_count: float = 1.0,
    weights: ArrayLike | None = None,
) -> NGram:
    """Count the runs of order tokens in sequences of any lengths.

    Args:
        sequences: each (T,), integers from 0 to n_tokens - 1.
        n_tokens: V.
        order: n; 2 for a bigram model.
        pseudo_count: added to every count.
        weights: (n + 1,), of the orders from 0 to n, as `interpolate` finds them; without, all is on n.

    Raises:
        ValueError: if an argument is not as above.

    >>> model = fit([[0, 1, 0, 1, 1]], n_tokens=2, order=2)
    >>> model.next_token([0])  # (0 + 1) / (2 + 2) and (2 + 1) / (2 + 2)
    array([0.25, 0.75])
    """
    at_least(1, n_tokens=n_tokens, order=order)
    shares = np.eye(order + 1)[order] if weights is None else np.asarray(weights, dtype=float)
    grams, counts = np.unique(_runs("sequences", sequences, order, n_tokens), axis=0, return_counts=True)
    return NGram(n_tokens, grams, counts, shares, pseudo_count)


@dataclass(frozen=True, eq=False)
class Interpolation:
    """A model with weights of its orders, and the log-likelihood (nats) of the held-out text at each step."""

    model: NGram
    log_likelihoods: Array


def interpolate(model: NGram, held_out: Sequence[ArrayLike], *, iterations: int = 50) -> Interpolation:
    """Find the weights of a model's orders that make sequences it has not counted most likely, by EM.

    On the text that was counted, the highest order would take all the weight. The weights start equal.

    Args:
        model: of any weights; a pseudo_count of 0 is usual.
        held_out: sequences of any lengths.
        iterations: of EM, each of which raises the likelihood.

    Raises:
        ValueError: if an argument is not as above.

    Source: Jelinek and Mercer, Interpolated estimation of Markov source parameters from sparse data (1980).
    """
    at_least(1, iterations=iterations)
    runs = _runs("held_out", held_out, model.grams.shape[1], model.n_tokens)
    p = model._orders(runs)  # p_0 is never 0, and neither is a mixture in which it has weight
    weights = np.full(len(p), 1 / len(p))
    trace = [np.log(weights @ p).sum()]
    for _ in range(iterations):
        joint = weights[:, None] * p
        weights = (joint / joint.sum(axis=0)).mean(axis=1)
        trace.append(np.log(weights @ p).sum())
    return Interpolation(replace(model, weights=weights), np.array(trace))


def _runs(name: str, sequences: Sequence[ArrayLike], order: int, n_tokens: int) -> Integers:
    """Every token of the sequences with the order - 1 tokens before it: (tokens, order)."""
    if not len(sequences):
        raise ValueError(f"{name} must have at least one sequence, got none")
    start = np.full(order - 1, n_tokens)
    padded = (np.append(start, integers(name, sequence, n_tokens)) for sequence in sequences)
    return np.concatenate([np.lib.stride_tricks.sliding_window_view(x, order) for x in padded])
