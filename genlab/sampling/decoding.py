"""Decoding: from a language model's logits (B, V), a row a sequence, to the next token of each.

Each filter takes logits and returns logits, so that they compose; a token that is out has the logit -inf. The
field's order is repetition penalty, temperature, top-k, top-p, draw: `decode`. Logits may be -inf, though not
all of a row, and keep their floating type; sums run in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from genlab.models._arguments import at_least, integers

Logits = NDArray[np.floating[Any]]
Tokens = NDArray[np.int64]

TOLERANCE = 1e-12  # of a row's total probability: what top-p may lack through rounding


def repetition_penalty(logits: ArrayLike, tokens: ArrayLike, penalty: float) -> Logits:
    """Make tokens that were there already less likely: their positive logits divided, negative multiplied.

    Args:
        logits: (B, V).
        tokens: (B, T), integers below V: each sequence so far, which may be empty.
        penalty: 1 changes nothing; more makes repetition less likely.

    Raises:
        ValueError: if penalty is not positive, tokens are not as above, or logits are not (B, V) and valid.

    Source: Keskar et al., "CTRL" (2019), section 4.1.

    >>> repetition_penalty([[2.0, -1.0, 0.5]], [[0, 1, 0]], 2)
    array([[ 1. , -2. ,  0.5]])
    """
    logits = _checked(logits)
    if not 0 < penalty < np.inf:
        raise ValueError(f"penalty must be positive, got {penalty}")
    if np.size(tokens) == 0:
        return logits.copy()
    tokens = integers("tokens", tokens, logits.shape[1], ndim=2)
    if len(tokens) != len(logits):
        raise ValueError(f"tokens must have a row for each of logits, {len(logits)}, got {len(tokens)}")
    there = np.take_along_axis(logits, tokens, axis=1)
    out = logits.copy()
    np.put_along_axis(out, tokens, np.where(there > 0, there / penalty, there * penalty), axis=1)
    return out


def with_temperature(logits: ArrayLike, temperature: float) -> Logits:
    """Divide logits (B, V) by the temperature: below 1 sharpens the distribution, above 1 flattens it.

    Raises:
        ValueError: if temperature is not positive, or logits are not (B, V) and valid.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be positive, got {temperature}")
    return _checked(logits) / temperature


def top_k(logits: ArrayLike, k: int) -> Logits:
    """Keep the k most likely tokens of each row of logits (B, V), of equals the lower index; all if k >= V.

    Raises:
        ValueError: if k is less than 1, or logits are not (B, V) and valid.

    Source: Fan, Lewis and Dauphin, "Hierarchical neural story generation" (2018), section 5.2.

    >>> top_k([[0.0, 3.0, 1.0, 1.0]], 2)
    array([[-inf,   3.,   1., -inf]])
    """
    logits = _checked(logits)
    at_least(1, k=k)
    v = logits.shape[1]
    if k >= v:
        return logits.copy()
    width = max(v // (4 * k), 1)
    groups = v // width
    out = np.full_like(logits, -np.inf)
    for row, kept in zip(logits, out, strict=True):
        # The k-th largest of all is no smaller than the k-th largest maximum of a group: few need comparing.
        maxima = row[: width * groups].reshape(width, groups).max(axis=0)
        likely = np.flatnonzero(row >= np.partition(maxima, groups - k)[groups - k])
        values = row[likely]
        best = likely[_largest(values, k, np.partition(values, len(values) - k)[len(values) - k])]
        kept[best] = row[best]
    return out


def top_p(logits: ArrayLike, p: float) -> Logits:
    """Keep the smallest set of tokens, from the most likely down, whose probability is at least p.

    Of equals, lower indices come first.

    Raises:
        ValueError: if p is not in (0, 1], or logits are not (B, V) and valid.

    Source: Holtzman et al., "The curious case of neural text degeneration" (2020): nucleus sampling.

    >>> top_p(np.log([[0.1, 0.6, 0.3]]), 0.8).round(2)
    array([[ -inf, -0.51, -1.2 ]])
    """
    logits = _checked(logits)
    if not 0 < p <= 1:
        raise ValueError(f"p must be above 0 and at most 1, got {p}")
    out = np.full_like(logits, -np.inf)
    for row, kept, weights in zip(logits, out, _weights(logits), strict=True):
        total = weights.sum(dtype=np.float64)
        # All the weights below this one sum to less than 1 - p: they are out, and need not be sorted.
        likely = np.flatnonzero(weights >= (1 - p) * total / len(row))
        values = weights[likely]
        descending = np.sort(values)[::-1]
        sums = np.cumsum(descending, dtype=np.float64)
        n = min(int(np.searchsorted(sums, (p - TOLERANCE) * total)) + 1, len(likely))
        best = likely[_largest(values, n, descending[n - 1])]
        kept[best] = row[best]
    return out


def greedy(logits: ArrayLike) -> Tokens:
    """The most likely token of each row of logits (B, V), the first of equals: (B,)."""
    return np.asarray(_checked(logits).argmax(axis=1), dtype=np.int64)


def draw(logits: ArrayLike, rng: np.random.Generator) -> Tokens:
    """Draw a token a row from softmax(logits), logits (B, V): (B,). By the inverse of the cumulative sum."""
    sums = np.cumsum(_weights(_checked(logits)), axis=1, dtype=np.float64)
    u = rng.random(len(sums)) * sums[:, -1]
    return np.array([np.searchsorted(row, x, side="right") for row, x in zip(sums, u, strict=True)])


def decode(
    logits: ArrayLike,
    rng: np.random.Generator,
    *,
    tokens: ArrayLike | None = None,
    penalty: float = 1.0,
    temperature: float = 1.0,
    k: int | None = None,
    p: float | None = None,
) -> Tokens:
    """Draw the next token of each sequence: repetition penalty, temperature, top-k, top-p, one draw.

    Args:
        logits: (B, V).
        tokens: (B, T), the sequences so far, for the penalty.
        penalty, temperature, k, p: as in the functions above; left out, they change nothing.

    Returns:
        (B,)

    Raises:
        ValueError: what these raise, and if there is a penalty and no tokens.

    >>> decode([[0.0, 5.0, 4.0]], np.random.default_rng(0), temperature=0.7, k=2, p=0.5)
    array([1])
    """
    scores = _checked(logits)
    if penalty != 1:
        if tokens is None:
            raise ValueError(f"tokens must be given for a penalty of {penalty}")
        scores = repetition_penalty(scores, tokens, penalty)
    if temperature != 1:
        scores = with_temperature(scores, temperature)
    if k is not None:
        scores = top_k(scores, k)
    if p is not None:
        scores = top_p(scores, p)
    return draw(scores, rng)


def beam_search(
    next_logits: Callable[[Tokens], ArrayLike],
    prompts: ArrayLike,
    n_tokens: int,
    n_beams: int,
    *,
    end: int | None = None,
) -> tuple[Tokens, NDArray[np.float64]]:
    """Extend each prompt by n_tokens and keep, at each step, the n_beams most likely continuations.

    Args:
        next_logits: from sequences (M, t) to the logits (M, V) of what comes next.
        prompts: (B, T) integers, T >= 1.
        end: a token after which a sequence is complete; what follows is this token, at no cost.

    Returns:
        The tokens (B, n_beams, T + n_tokens), the most likely first, and the log probability (B, n_beams) of
        each continuation given its prompt, which is -inf for a beam there was nothing for.

    Raises:
        ValueError: if prompts are not integers (B, T), n_tokens or n_beams is less than 1, or logits are not
            (M, V) and valid.

    Source: Lowerre, The Harpy Speech Recognition System (1976); Jurafsky and Martin, Speech and Language
    Processing, on decoding by beam search.

    >>> chain = np.log([[0.6, 0.4], [0.1, 0.9]])  # the best first step is not on the best path
    >>> tokens, log_probs = beam_search(lambda t: chain[t[:, -1]], [[0]], 2, 2)
    >>> tokens[0].tolist(), np.exp(log_probs).round(2).tolist()
    ([[0, 0, 0], [0, 1, 1]], [[0.36, 0.36]])
    """
    at_least(1, n_tokens=n_tokens, n_beams=n_beams)
    prompts = integers("prompts", prompts, ndim=2)
    b = len(prompts)
    tokens = np.repeat(prompts[:, None], n_beams, axis=1)
    log_probs = np.full((b, n_beams), -np.inf)
    log_probs[:, 0] = 0  # all beams of a prompt start the same: count it once
    for t in range(n_tokens):
        logits = _checked(next_logits(tokens.reshape(b * n_beams, -1)))
        if len(logits) != b * n_beams:
            raise ValueError(f"next_logits must return {b * n_beams} rows here, got {logits.shape}")
        v = logits.shape[1]
        steps = log_softmax(logits.astype(np.float64), axis=1).reshape(b, n_beams, v)
        if end is not None and t > 0:
            complete = tokens[:, :, -1] == end
            steps[complete] = np.where(np.arange(v) == end, 0, -np.inf)
        totals = (log_probs[..., None] + steps).reshape(b, n_beams * v)
        best = np.argsort(-totals, axis=1, kind="stable")[:, :n_beams]
        log_probs = np.take_along_axis(totals, best, axis=1)
        kept = np.take_along_axis(tokens, (best // v)[..., None], axis=1)
        tokens = np.concatenate([kept, (best % v)[..., None]], axis=2)
    return tokens, log_probs


def _checked(logits: ArrayLike) -> Logits:
    """Logits as a floating array (B, V), each row with a largest number that is finite."""
    logits = np.asarray(logits)
    if not np.issubdtype(logits.dtype, np.floating):
        logits = logits.astype(np.float64)
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(f"logits must have shape (B, V), a row a sequence, got {logits.shape}")
    largest = logits.max(axis=1)  # nan if there is one
    if not np.isfinite(largest).all():
        worst = np.isfinite(largest).argmin()
        raise ValueError(f"logits must not be nan, inf or all -inf, got {logits[worst]} in row {worst}")
    return logits


def _weights(logits: Logits) -> Logits:
    """Softmax without its division: 1 for the most likely token of each row."""
    return np.asarray(np.exp(logits - logits.max(axis=1, keepdims=True)))


def _largest(values: Logits, n: int, least: np.floating[Any]) -> NDArray[np.bool_]:
    """Mark the n largest of values (m,), of which least is the smallest; of equals, the first."""
    marked = np.asarray(values > least)
    marked[np.flatnonzero(values == least)[: n - marked.sum()]] = True
    return marked
