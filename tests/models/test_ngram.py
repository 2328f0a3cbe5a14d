import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import softmax

from genlab.datasets import short_texts, tokens, vocabulary
from genlab.models import ngram
from genlab.models.ngram import NGram

RNG = np.random.default_rng(0)
CORPUS = [RNG.integers(4, size=n) for n in (1, 2, 9, 30)]


def counted(corpus, order):
    """For each m, how often each m-gram occurs: a dictionary, by plain loops."""
    counts = {}
    for sequence in corpus:
        padded = [None] * (order - 1) + [int(token) for token in sequence]
        for end in range(order, len(padded) + 1):
            for m in range(1, order + 1):
                gram = tuple(padded[end - m : end])
                counts[gram] = counts.get(gram, 0) + 1
    return counts


def expected_probability(corpus, n_tokens, order, weights, pseudo_count, context, token):
    counts = counted(corpus, order)
    context = ([None] * (order - 1) + [int(c) for c in context])[len(context) :]
    p = [1 / n_tokens]
    for m in range(1, order + 1):
        last = tuple(context[len(context) - m + 1 :])
        total = sum(counts.get((*last, w), 0) for w in range(n_tokens)) + pseudo_count * n_tokens
        p.append((counts.get((*last, token), 0) + pseudo_count) / total if total else p[-1])
    return np.dot(weights, p)


@pytest.mark.parametrize("pseudo_count", [0, 0.3, 1])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_by_counting_in_plain_loops(order, pseudo_count):
    weights = np.arange(1.0, order + 2)
    weights /= weights.sum()
    model = ngram.fit(CORPUS, 4, order, pseudo_count=pseudo_count, weights=weights)
    for context in [[], [2], [3, 3, 3, 3], *np.random.default_rng(1).integers(4, size=(5, 3))]:
        found = model.next_token(context)
        expected = [
            expected_probability(CORPUS, 4, order, weights, pseudo_count, context, token)
            for token in range(4)
        ]
        assert_allclose(found, expected)
        assert_allclose(found.sum(), 1)


def test_jurafsky_and_martin_bigrams_of_i_am_sam():
    # Speech and Language Processing, the chapter on n-grams: three sentences, maximum likelihood.
    texts = ["I am Sam .", "Sam I am .", "I do not like green eggs and ham ."]
    words = sorted({word for text in texts for word in text.split()})
    corpus = [[words.index(word) for word in text.split()] for text in texts]
    model = ngram.fit(corpus, len(words), 2, pseudo_count=0)
    published = [
        ("", "I", 2 / 3), ("", "Sam", 1 / 3), ("I", "am", 2 / 3),
        ("Sam", ".", 1 / 2), ("am", "Sam", 1 / 2), ("I", "do", 1 / 3),
    ]  # fmt: skip
    for before, word, p in published:
        assert_allclose(model.next_token([words.index(w) for w in before.split()])[words.index(word)], p)


def test_log_prob_adds_up_tokens_and_perplexity_is_its_mean():
    model = ngram.fit(CORPUS, 4, 3)
    rows = np.array([[0, 1, 2, 3], [3, 3, 3, 3]])
    expected = [sum(np.log(model.next_token(row[:t])[row[t]]) for t in range(4)) for row in rows]
    assert_allclose(model.log_prob(rows), expected)
    assert_allclose(model.perplexity(list(rows)), np.exp(-np.sum(expected) / 8))
    one, two = model.log_prob([rows[0, :1]]), model.log_prob([rows[1]])
    assert_allclose(model.perplexity([rows[0, :1], rows[1]]), np.exp(-(one + two) / 5)[0])


def test_perplexity_of_guessing_is_the_number_of_tokens():
    model = ngram.fit(CORPUS, 4, 2, weights=[1, 0, 0])
    assert_allclose(model.perplexity(CORPUS), 4)


def test_without_smoothing_what_never_occurred_is_impossible():
    model = ngram.fit([[0, 1, 0, 1]], 3, 2, pseudo_count=0)
    assert_allclose(model.log_prob([[0, 1, 0]]), 0)
    assert model.log_prob([[0, 2]])[0] == -np.inf
    assert model.perplexity([[0, 0]]) == np.inf


def test_draws_of_an_unsmoothed_model_are_runs_of_the_corpus():
    model = ngram.fit([[0, 1, 2, 0, 1, 2]], 3, 2, pseudo_count=0)
    draws = model.sample(5, np.random.default_rng(0), length=7)
    assert_array_equal(draws, np.tile([0, 1, 2, 0, 1, 2, 0], (5, 1)))
    assert model.sample(0, np.random.default_rng(0), length=3).shape == (0, 3)
    assert model.sample(2, np.random.default_rng(0), length=0).shape == (2, 0)


def test_interpolation_finds_the_weights_of_the_greatest_likelihood():
    rng = np.random.default_rng(2)
    transitions = rng.dirichlet(np.full(5, 0.5), size=5)

    def walk(length):
        x = [0]
        while len(x) < length:
            x.append(rng.choice(5, p=transitions[x[-1]]))
        return x

    model, held_out = ngram.fit([walk(60)], 5, 3, pseudo_count=0), [walk(200), walk(3)]
    found = ngram.interpolate(model, held_out, iterations=1000)

    def loss(logits):
        return np.log(dataclasses.replace(model, weights=softmax(logits)).perplexity(held_out))

    best = minimize(loss, np.zeros(4), method="BFGS")
    assert_allclose(np.log(found.model.perplexity(held_out)), best.fun, atol=1e-6)
    assert_allclose(found.log_likelihoods[-1], -203 * best.fun, rtol=1e-6)
    assert_allclose(found.model.weights, softmax(best.x), atol=0.01)
    assert found.model.weights.min() >= 0 and found.model.weights[3] < found.model.weights[2]


def test_of_the_short_texts_interpolated_trigrams_predict_best():
    documents, _ = short_texts()
    words = vocabulary(documents)
    number = {word: i for i, word in enumerate(words)}
    corpus = [[number[token] for token in tokens(text)] for text in documents]
    train, held_out, test = corpus[::3], corpus[1::3], corpus[2::3]
    perplexities = {
        order: ngram.fit(train + held_out, len(words), order).perplexity(test) for order in (1, 2, 3)
    }
    weights = ngram.interpolate(ngram.fit(train, len(words), 3, pseudo_count=0), held_out).model.weights
    best = ngram.fit(train + held_out, len(words), 3, pseudo_count=0, weights=weights).perplexity(test)
    assert best < 0.9 * perplexities[1] < perplexities[2] < perplexities[3] < len(words)


# Bad input.

MODEL = ngram.fit(CORPUS, 4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ngram.fit([], 4, 2), "sequences must have at least one sequence"),
        (lambda: ngram.fit([[]], 4, 2), "sequences must have 1 axes, none of them empty"),
        (lambda: ngram.fit([[0, 4]], 4, 2), "sequences must be integers from 0 to 3, got 4"),
        (lambda: ngram.fit([[0, -1]], 4, 2), "sequences must be integers from 0 to 3, got -1"),
        (lambda: ngram.fit([[0.5]], 4, 2), "sequences must be integers from 0 to 3, got 0.5"),
        (lambda: ngram.fit([[0]], 4, 0), "order must be at least 1"),
        (lambda: ngram.fit([[0]], 0, 2), "n_tokens must be at least 1"),
        (lambda: ngram.fit([[0]], 4, 2, pseudo_count=-1), "pseudo_count must be at least 0"),
        (lambda: ngram.fit([[0]], 4, 2, pseudo_count=np.inf), "pseudo_count must be finite"),
        (lambda: ngram.fit([[0]], 4, 2, weights=[1, 0]), r"weights must have shape \(3,\)"),
        (lambda: ngram.fit([[0]], 10**6, 4), "grams must be shorter"),
        (lambda: NGram(4, [[0, 1]], [1, 1], [0, 0, 1]), "counts must have one number a gram, 1, got 2"),
        (lambda: MODEL.log_prob([[0, 4]]), "x must be integers from 0 to 3, got 4"),
        (lambda: MODEL.perplexity([]), "sequences must have at least one sequence"),
        (lambda: MODEL.next_token([4]), "context must be integers from 0 to 3, got 4"),
        (lambda: MODEL.sample(1, np.random.default_rng(0), length=-1), "length must be at least 0"),
        (lambda: ngram.interpolate(MODEL, [[9]]), "held_out must be integers from 0 to 3, got 9"),
        (lambda: ngram.interpolate(MODEL, [[0]], iterations=0), "iterations must be at least 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
