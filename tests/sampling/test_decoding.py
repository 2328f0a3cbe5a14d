import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import log_softmax, softmax

from genlab.sampling.decoding import (
    beam_search,
    decode,
    draw,
    greedy,
    repetition_penalty,
    top_k,
    top_p,
    with_temperature,
)


def some_logits(seed, b, v, dtype=float, ties=False):
    """Rows flat, peaked and in between; with ties, whole numbers; a token or two impossible."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(b, v)) * np.geomspace(0.1, 10, b)[:, None]
    if ties:
        logits = np.round(logits)
    logits[:, rng.integers(v, size=2)] = -np.inf
    logits[:, rng.integers(v)] = 0.5
    return logits.astype(dtype)


def kept_by_sorting(row, count):
    """The definition: sorted from the largest down, of equals the lower index first."""
    return set(sorted(range(len(row)), key=lambda i: (-row[i], i))[:count])


def kept(row):
    return set(np.flatnonzero(row > -np.inf))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("v", [1, 2, 7, 100, 1000])
def test_top_k_is_its_definition(v, dtype, ties):
    logits = some_logits(v, 6, v, dtype, ties)
    for k in {1, 2, v // 3 + 1, v, v + 5}:
        out = top_k(logits, k)
        assert out.dtype == dtype
        for row, got in zip(logits, out, strict=True):
            assert kept(got) == {i for i in kept_by_sorting(row, k) if row[i] > -np.inf}
            assert_array_equal(got[list(kept(got))], row[list(kept(got))])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("v", [1, 2, 7, 100, 1000])
def test_top_p_is_its_definition(v, ties):
    logits = some_logits(v, 6, v, ties=ties)
    for p in (1e-9, 0.3, 0.9, 0.999):
        for row, got in zip(logits, top_p(logits, p), strict=True):
            probabilities = softmax(row)
            order = sorted(range(v), key=lambda i: (-probabilities[i], i))
            sums = np.cumsum(probabilities[order])
            assert kept(got) == set(order[: int(np.argmax(sums >= p - 1e-12)) + 1])
            assert_array_equal(got[list(kept(got))], row[list(kept(got))])


def test_top_p_of_everything_keeps_all_that_matters():
    logits = some_logits(0, 5, 50)
    lost = softmax(logits, axis=1)[top_p(logits, 1.0) == -np.inf]
    assert lost.sum() <= 5 * 1e-12


def test_top_p_of_halves_stops_at_the_first_that_reaches_p():
    halves = np.log([[0.25, 0.5, 0.25]])
    assert kept(top_p(halves, 0.5)[0]) == {1}
    assert kept(top_p(halves, 0.75)[0]) == {0, 1}
    assert kept(top_p(halves, 0.7500001)[0]) == {0, 1, 2}


def test_top_p_counts_a_long_flat_row_in_double_precision():
    # A running sum in single precision is wrong in the fourth digit here, by several tokens.
    logits = np.random.default_rng(0).normal(size=(1, 50_000)).astype(np.float32)
    weights = np.sort(np.exp(logits[0].astype(np.float64)))[::-1]
    expected = np.argmax(np.cumsum(weights) >= 0.9 * weights.sum()) + 1
    assert abs(np.isfinite(top_p(logits, 0.9)).sum() - expected) <= 1


def test_repetition_penalty_is_its_definition():
    logits = some_logits(1, 4, 10)
    tokens = np.random.default_rng(1).integers(10, size=(4, 6))
    expected = logits.copy()
    for row, sequence in zip(expected, tokens, strict=True):
        for token in set(sequence.tolist()):
            row[token] = row[token] / 1.3 if row[token] > 0 else row[token] * 1.3
    assert_allclose(repetition_penalty(logits, tokens, 1.3), expected, rtol=1e-15)
    assert_array_equal(repetition_penalty(logits, np.zeros((4, 0), int), 1.3), logits)


def test_temperature_and_greedy():
    logits = some_logits(2, 5, 9, ties=True)
    assert_array_equal(with_temperature(logits, 0.5), 2 * logits)
    assert_array_equal(greedy(logits), [row.tolist().index(row.max()) for row in logits])
    cold = decode(np.repeat(some_logits(3, 5, 9), 50, axis=0), np.random.default_rng(0), temperature=1e-3)
    assert_array_equal(cold, np.repeat(greedy(some_logits(3, 5, 9)), 50))


def test_draws_have_the_probabilities_of_the_softmax():
    # One exact binomial test a token at 1e-8: false alarms below 1e-6.
    logits = np.array([2.0, -np.inf, 0.0, 1.0, -1.0, -np.inf])
    n = 20_000
    tokens = draw(np.tile(logits, (n, 1)), np.random.default_rng(4))
    for token, p in enumerate(softmax(logits)):
        assert stats.binomtest(int((tokens == token).sum()), n, p).pvalue > 1e-8 if p else token not in tokens


def test_impossible_tokens_are_never_drawn():
    class Extremes:
        def random(self, n):
            return np.resize([0.0, np.nextafter(1.0, 0.0)], n)

    for row in ([-np.inf, 0.0, -np.inf], [-np.inf, *np.log(np.full(10, 0.1)), -np.inf]):
        assert np.isfinite(np.array(row)[draw(np.tile(row, (2, 1)), Extremes())]).all()


def test_decode_applies_penalty_temperature_top_k_top_p_and_draw_in_this_order():
    logits = some_logits(5, 8, 30)
    tokens = np.random.default_rng(5).integers(30, size=(8, 4))
    by_hand = repetition_penalty(logits, tokens, 1.4)
    by_hand = top_p(top_k(with_temperature(by_hand, 0.7), 12), 0.8)
    options = dict(tokens=tokens, penalty=1.4, temperature=0.7, k=12, p=0.8)
    for seed in range(20):
        expected = draw(by_hand, np.random.default_rng(seed))
        assert_array_equal(decode(logits, np.random.default_rng(seed), **options), expected)
    # p is of what top-k left: two tokens of .4 and .3, of which .4 is more than half.
    row = np.log([[0.4, 0.3, 0.2, 0.1]])
    assert set(decode(np.tile(row, (200, 1)), np.random.default_rng(0), k=2, p=0.5)) == {0}


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_large_logits(shift):
    logits = some_logits(6, 4, 20)
    for p in (0.5, 0.9):
        assert_array_equal(np.isfinite(top_p(logits + shift, p)), np.isfinite(top_p(logits, p)))
    first, second = (draw(x, np.random.default_rng(0)) for x in (logits, logits + shift))
    assert_array_equal(first, second)


# Beam search, on a first-order model whose sequences can all be enumerated.

V = 4
TABLE = np.random.default_rng(7).normal(size=(V, V)) * 2


def next_logits(tokens):
    return TABLE[tokens[:, -1]]


def every_path(start, length):
    steps = log_softmax(TABLE, axis=1)
    paths = np.array(list(itertools.product([start], *[range(V)] * length)))
    return paths, steps[paths[:, :-1], paths[:, 1:]].sum(axis=1)


def test_a_beam_wide_enough_finds_the_best_sequences_of_all():
    tokens, log_probs = beam_search(next_logits, [[0], [2]], 4, V**3)
    for start, found, values in zip([0, 2], tokens, log_probs, strict=True):
        paths, expected = every_path(start, 4)
        best = np.argsort(-expected)[:5]
        assert_array_equal(found[:5], paths[best])
        assert_allclose(values[:5], expected[best], rtol=1e-12)


def test_a_beam_of_one_is_greedy():
    prompts = np.array([[3, 0], [1, 2], [0, 1]])
    greedily = prompts
    for _ in range(6):
        greedily = np.column_stack([greedily, greedy(next_logits(greedily))])
    tokens, log_probs = beam_search(next_logits, prompts, 6, 1)
    assert_array_equal(tokens[:, 0], greedily)
    assert_allclose(
        log_probs[:, 0], log_softmax(TABLE, axis=1)[greedily[:, 1:-1], greedily[:, 2:]].sum(axis=1)
    )


def test_beams_stop_at_the_end_token_and_keep_their_probability():
    tokens, log_probs = beam_search(next_logits, [[3]], 5, V**4, end=3)
    steps = log_softmax(TABLE, axis=1)
    assert (tokens[0, :, 1] != 3).any()  # the end token in the prompt ends nothing
    for path, value in zip(tokens[0], log_probs[0], strict=True):
        if value == -np.inf:
            continue
        length = next((t for t in range(1, 6) if path[t] == 3), 5)
        assert (path[length + 1 :] == 3).all()
        assert value == pytest.approx(steps[path[:length], path[1 : length + 1]].sum())
    assert np.exp(log_probs).sum() <= 1 + 1e-12


def test_more_beams_than_sequences():
    tokens, log_probs = beam_search(next_logits, [[0]], 1, 10)
    assert np.isfinite(log_probs[0]).sum() == V
    assert set(tokens[0, :V, 1]) == set(range(V))


# What every function promises.

CALLS = {
    "repetition_penalty": lambda x, rng: repetition_penalty(x, np.zeros((len(x), 1), int), 2),
    "with_temperature": lambda x, rng: with_temperature(x, 0.5),
    "top_k": lambda x, rng: top_k(x, 2),
    "top_k of all": lambda x, rng: top_k(x, 99),
    "top_p": lambda x, rng: top_p(x, 0.5),
    "greedy": lambda x, rng: greedy(x),
    "draw": draw,
    "decode": lambda x, rng: decode(x, rng, k=2),
    "beam_search": lambda x, rng: beam_search(lambda t: np.tile(x[:1], (len(t), 1)), [[0]], 2, 2)[0],
}


@pytest.mark.parametrize("name", CALLS)
def test_inputs_and_the_global_state_stay_and_draws_repeat(name):
    logits = some_logits(8, 5, 12)
    before, state = logits.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (CALLS[name](logits, np.random.default_rng(9)) for _ in range(2))
    assert_array_equal(first, again)
    assert_array_equal(logits, before)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert not np.shares_memory(first, logits)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("logits", "message"),
    [
        ([0.0, 1.0], r"logits must have shape \(B, V\)"),
        (np.zeros((0, 3)), r"logits must have shape \(B, V\)"),
        ([[0.0, np.nan]], "logits must not be nan"),
        ([[0.0, np.inf]], "logits must not be nan, inf"),
        ([[-np.inf, -np.inf]], "logits must not be nan, inf or all -inf"),
    ],
)
def test_bad_logits(name, logits, message):
    if name == "beam_search" and len(logits) != 1:
        return
    with pytest.raises(ValueError, match=f"^{message}"):
        CALLS[name](np.asarray(logits), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_k([[1.0]], 0), "k must be at least 1, got 0"),
        (lambda: top_p([[1.0]], 0), "p must be above 0"),
        (lambda: top_p([[1.0]], 1.1), "p must be above 0 and at most 1, got 1.1"),
        (lambda: top_p([[1.0]], np.nan), "p must be above 0"),
        (lambda: with_temperature([[1.0]], 0), "temperature must be positive, got 0"),
        (lambda: with_temperature([[1.0]], np.nan), "temperature must be positive"),
        (lambda: decode([[1.0]], np.random.default_rng(0), temperature=-1), "temperature must be positive"),
        (lambda: decode([[1.0]], np.random.default_rng(0), penalty=2), "tokens must be given"),
        (lambda: repetition_penalty([[1.0]], [[0]], 0), "penalty must be positive, got 0"),
        (lambda: repetition_penalty([[1.0]], [[1]], 2), "tokens must be integers from 0 to 0, got 1"),
        (lambda: repetition_penalty([[1.0]], [[0.5]], 2), "tokens must be integers"),
        (lambda: repetition_penalty([[1.0]], [0], 2), "tokens must have 2 axes"),
        (lambda: repetition_penalty([[1.0]], [[0], [0]], 2), "tokens must have a row for each of logits"),
        (lambda: beam_search(next_logits, [0], 1, 1), "prompts must have 2 axes"),
        (lambda: beam_search(next_logits, [[0.5]], 1, 1), "prompts must be integers"),
        (lambda: beam_search(next_logits, [[0]], 0, 1), "n_tokens must be at least 1"),
        (lambda: beam_search(next_logits, [[0]], 1, 0), "n_beams must be at least 1"),
        (lambda: beam_search(lambda t: np.zeros((3, 2)), [[0]], 1, 1), "next_logits must return"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
