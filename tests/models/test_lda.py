import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import gammaln
from sklearn.decomposition import LatentDirichletAllocation as SklearnLDA

from genlab.datasets import bag_of_words, short_texts, vocabulary
from genlab.datasets.texts import FUNCTION_WORDS
from genlab.models import lda
from genlab.models.lda import LatentDirichletAllocation

MODEL = LatentDirichletAllocation([[0.6, 0.3, 0.1, 0], [0.1, 0.1, 0.4, 0.4]], [0.5, 1.5])
TINY = np.array([[2, 1, 0, 0], [0, 1, 1, 1]])


def tokens(row):
    return np.repeat(np.arange(len(row)), row)


def log_urn(counts, prior):
    """Log probability of one sequence with these counts, whose chances have a Dirichlet prior."""
    return (
        gammaln(prior.sum())
        - gammaln((prior + counts).sum())
        + (gammaln(prior + counts) - gammaln(prior)).sum(axis=-1)
    )


def exact_log_prob(model, row):
    """A document's log probability: the sum over all K^tokens assignments of topics."""
    words, k = tokens(row), len(model.concentration)
    total = -np.inf
    for z in itertools.product(range(k), repeat=len(words)):
        counts = np.bincount(z, minlength=k)
        with np.errstate(divide="ignore"):
            likelihood = np.log(model.topics[list(z), words]).sum()
        total = np.logaddexp(total, log_urn(counts, model.concentration) + likelihood)
    return total


def predictive_log_joint(rows, assignments, concentration, word_concentration, k):
    """log p(words, topics) token by token: each given those before it."""
    in_topic, total = np.zeros((k, rows.shape[1])), 0.0
    for row, z in zip(rows, assignments, strict=True):
        in_document = np.zeros(k)
        for word, topic in zip(tokens(row), z, strict=True):
            share = (in_document[topic] + concentration) / (in_document.sum() + k * concentration)
            chance = in_topic[topic, word] + word_concentration
            chance /= in_topic[topic].sum() + rows.shape[1] * word_concentration
            total += np.log(share) + np.log(chance)
            in_document[topic] += 1
            in_topic[topic, word] += 1
    return total


# The bound, against the exact evidence.


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_lies_below_the_exact_evidence_by_enumeration(seed):
    rng = np.random.default_rng(seed)
    model = LatentDirichletAllocation(rng.dirichlet(np.full(5, 0.3), size=3), rng.uniform(0.1, 2, 3))
    rows = rng.multinomial(6, rng.dirichlet(np.ones(5)), size=5)
    exact = np.array([exact_log_prob(model, row) for row in rows])
    gap = exact - model.elbo(rows)
    assert gap.min() > 0 and gap.max() < 1.5


def test_with_one_topic_the_bound_is_exact():
    model = LatentDirichletAllocation([[0.5, 0.2, 0.3]], [0.7])
    assert_allclose(model.elbo([[2, 0, 3]]), 2 * np.log(0.5) + 3 * np.log(0.3), rtol=1e-12)


def test_with_one_token_the_exact_evidence_is_a_mixture():
    share = MODEL.concentration / MODEL.concentration.sum()
    expected, bound = np.log(share @ MODEL.topics), MODEL.elbo(np.eye(4))
    assert_allclose([exact_log_prob(MODEL, row) for row in np.eye(4, dtype=int)], expected)
    assert (bound[:3] < expected[:3] - 1e-3).all()
    assert_allclose(bound[3], expected[3])  # only one topic has this word: nothing is in doubt


def test_a_word_that_no_topic_has_makes_a_document_impossible():
    model = LatentDirichletAllocation([[0.5, 0.5, 0], [0.1, 0.9, 0]], [1, 1])
    bound = model.elbo([[1, 0, 1], [1, 1, 0]])
    assert bound[0] == -np.inf and np.isfinite(bound[1])
    assert_allclose(model.proportions([[1, 0, 1]]).sum(), 1)


def test_proportions_and_bound_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    topics = rng.dirichlet(np.full(30, 0.2), size=4)
    rows = rng.multinomial(40, topics.mean(axis=0), size=20)
    peer = SklearnLDA(4, doc_topic_prior=0.3, max_iter=1, max_doc_update_iter=2000, mean_change_tol=1e-9)
    peer.fit(rows)
    peer.components_ = 1e12 * topics  # so sure of the topics that they are as good as known
    peer.exp_dirichlet_component_ = topics
    model = LatentDirichletAllocation(topics, np.full(4, 0.3))
    assert_allclose(model.proportions(rows), peer.transform(rows), atol=1e-5)


def test_perplexity_is_the_bound_a_token():
    assert_allclose(MODEL.perplexity(TINY), np.exp(-MODEL.elbo(TINY).sum() / 6))
    with pytest.raises(ValueError, match=r"^counts must have at least one token"):
        MODEL.perplexity(np.zeros((2, 4)))


# The sampler, against the exact posterior.


def test_gibbs_visits_assignments_as_often_as_the_exact_posterior_by_enumeration():
    a, b, k = 0.6, 0.4, 2
    joint = {}
    for z in itertools.product(range(k), repeat=6):
        value = predictive_log_joint(TINY, np.split(np.array(z), [3]), a, b, k)
        joint[round(value, 6)] = joint.get(round(value, 6), 0) + np.exp(value)
    fit = lda.fit(TINY, k, np.random.default_rng(0), concentration=a, word_concentration=b, sweeps=12_000)
    draws = np.round(fit.log_joints[::6], 6)  # of six tokens: sweeps so far apart hardly depend on each other
    assert set(draws) <= set(joint)
    values = np.array(list(joint))
    p = np.array(list(joint.values())) / sum(joint.values())
    for value, share in zip(values, p, strict=True):
        error = np.sqrt(share * (1 - share) / len(draws))
        assert abs(np.mean(draws == value) - share) < 6 * error + 1 / len(draws)


def test_the_trace_is_the_joint_probability_and_the_model_its_predictive_mean():
    rows = np.random.default_rng(2).integers(4, size=(7, 9))
    fit = lda.fit(rows, 3, np.random.default_rng(3), concentration=0.4, word_concentration=0.2, sweeps=5)
    assert len(fit.log_joints) == 5
    assert_array_equal([len(z) for z in fit.assignments], rows.sum(axis=1))
    assert_allclose(fit.log_joints[-1], predictive_log_joint(rows, fit.assignments, 0.4, 0.2, 3))
    counts = np.full((3, 9), 0.2)
    for row, z in zip(rows, fit.assignments, strict=True):
        np.add.at(counts, (z, tokens(row)), 1)
    assert_allclose(fit.model.topics, counts / counts.sum(axis=1, keepdims=True))
    assert_allclose(fit.model.concentration, 0.4)


def test_documents_without_tokens_and_words_without_use_do_no_harm():
    fit = lda.fit([[0, 0, 0], [3, 0, 1]], 2, np.random.default_rng(0), sweeps=3)
    assert [len(z) for z in fit.assignments] == [0, 4]
    assert_allclose(fit.model.elbo([[0, 0, 0]]), 0, atol=1e-12)


def test_planted_topics_are_found():
    topics = np.kron(np.eye(3), np.full(5, 0.2))  # three topics of five words, no word in two
    truth = LatentDirichletAllocation(topics, np.full(3, 0.1))
    rows = truth.sample(60, np.random.default_rng(4), length=40)
    found = lda.fit(rows, 3, np.random.default_rng(5), sweeps=60).model
    order = np.argmax(found.topics @ topics.T, axis=0)
    assert_allclose(found.topics[order], topics, atol=0.06)


def test_topics_of_the_short_texts_predict_held_out_documents():
    documents, labels = short_texts()
    words = vocabulary(documents, leave_out=FUNCTION_WORDS)
    rows = bag_of_words(documents, words)
    held_out = np.arange(len(rows)) % 6 == 0
    fit = lda.fit(rows[~held_out], 5, np.random.default_rng(1), sweeps=100)
    unigram = rows[~held_out].sum(axis=0) + 0.01
    baseline = LatentDirichletAllocation([unigram / unigram.sum()], [1])
    assert fit.model.perplexity(rows[held_out]) < baseline.perplexity(rows[held_out])
    bread = np.argmax(fit.model.topics[:, words.index("dough")])
    assert {"dough", "flour", "loaf", "yeast"} <= set(fit.model.top_words(words, 8)[bread])
    shares = fit.model.proportions(rows)[:, bread]
    about_bread = np.array(["bread" in label for label in labels])
    assert shares[about_bread].mean() > 0.6 > 0.2 > shares[~about_bread].mean()


# Draws.


def test_draws_have_the_exact_moments():
    n, length = 20_000, 12
    rows = MODEL.sample(n, np.random.default_rng(6), length=length)
    assert_array_equal(rows.sum(axis=1), length)
    a, total = MODEL.concentration, MODEL.concentration.sum()
    share = a / total
    second = (np.diag(a) + np.outer(a, a)) / (total * (total + 1))  # of the proportions
    mean = share @ MODEL.topics
    pairs = MODEL.topics.T @ second @ MODEL.topics  # chance that two tokens are these words
    expected = length * np.diag(mean) + length * (length - 1) * pairs
    products = rows[:, :, None] * rows[:, None, :]
    error = 6 * products.std(axis=0) / np.sqrt(n)
    assert (np.abs(products.mean(axis=0) - expected) <= error).all()


# Bad input.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: LatentDirichletAllocation([[0.5, 0.5]], [0]), "concentration must be positive"),
        (
            lambda rng: LatentDirichletAllocation([[0.5, 0.5]], [1, 1]),
            r"concentration must have shape \(1,\)",
        ),
        (lambda rng: MODEL.elbo([[1, 2]]), "counts must have a column a word, 4"),
        (lambda rng: MODEL.elbo([[1, 2, 0.5, 0]]), "counts must be integers"),
        (lambda rng: MODEL.elbo([[1, 2, -1, 0]]), "counts must be integers"),
        (lambda rng: MODEL.top_words(["a", "b"]), "vocabulary must have 4 words, got 2"),
        (lambda rng: MODEL.top_words(list("abcd"), 0), "n must be at least 1"),
        (lambda rng: MODEL.sample(2, rng, length=-1), "length must be at least 0"),
        (lambda rng: lda.fit(TINY, 0, rng), "n_topics must be at least 1"),
        (lambda rng: lda.fit(TINY, 2, rng, sweeps=0), "sweeps must be at least 1"),
        (lambda rng: lda.fit(TINY, 2, rng, concentration=0), "concentration and word_concentration must be"),
        (
            lambda rng: lda.fit(TINY, 2, rng, word_concentration=np.nan),
            "concentration and word_concentration",
        ),
        (lambda rng: lda.fit(np.zeros((2, 2)), 2, rng), "counts must have at least one token"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call(np.random.default_rng(0))
