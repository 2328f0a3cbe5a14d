"""Latent Dirichlet allocation: documents as mixtures of topics, fitted by collapsed Gibbs sampling."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln

from genlab.models._arguments import Array, Integers, at_least, integers, parameter, probabilities


@dataclass(frozen=True, eq=False)
class LatentDirichletAllocation:
    """K topics, distributions over V words (K, V), and the Dirichlet prior (K,) of a document's proportions.

    A document draws its proportions of topics; each token draws a topic from them and a word from the topic.
    The probability of a document is a sum over all of these, without a closed form: `elbo` bounds it.

    Raises:
        ValueError: if a shape or value is wrong.

    >>> model = LatentDirichletAllocation(topics=[[0.5, 0.5, 0], [0, 0, 1]], concentration=[1, 1])
    >>> model.top_words(["tide", "wave", "star"], 1)
    [['tide'], ['star']]
    """

    topics: Array
    concentration: Array

    def __post_init__(self) -> None:
        topics = probabilities("topics", self.topics, ndim=2)
        concentration = parameter("concentration", self.concentration, shape=topics.shape[:1])
        if concentration.min() <= 0:
            raise ValueError(f"concentration must be positive, got {concentration}")
        vars(self).update(topics=topics, concentration=concentration)

    def sample(self, n: int, rng: np.random.Generator, *, length: int) -> Integers:
        """Draw n documents of so many tokens: how often each word occurs in each, (n, V)."""
        at_least(0, n=n, length=length)
        shares = rng.dirichlet(self.concentration, size=n) @ self.topics
        return rng.multinomial(length, shares / shares.sum(axis=1, keepdims=True))

    def proportions(self, counts: ArrayLike) -> Array:
        """Approximate posterior mean of the proportions of topics (N, K) in documents, word counts (N, V)."""
        posterior = self._infer(self._documents(counts))
        return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))

    def elbo(self, counts: ArrayLike) -> Array:
        """Lower bound (N,) on the log probability, in nats, of each document's tokens in their order.

        Args:
            counts: (N, V), how often each word occurs in each document. A word that has probability 0 in
                every topic makes the bound -inf.
        """
        x = self._documents(counts)
        posterior = self._infer(x)
        words = _geometric_mean(posterior) @ self.topics
        seen = x > 0
        with np.errstate(divide="ignore"):
            log_words = np.log(words, where=seen, out=np.zeros_like(words))
        # Minus the Kullback-Leibler divergence of the posterior from the prior, both Dirichlet.
        prior, total = self.concentration, posterior.sum(axis=1)
        divergence = gammaln(total) - gammaln(posterior).sum(axis=1) - gammaln(prior.sum())
        divergence += gammaln(prior).sum()
        divergence += ((posterior - prior) * (digamma(posterior) - digamma(total)[:, None])).sum(axis=1)
        return np.asarray((x * log_words).sum(axis=1) - divergence)

    def perplexity(self, counts: ArrayLike) -> float:
        """exp of minus the bound a token, over all documents (N, V): an upper bound on their perplexity."""
        total = self._documents(counts).sum()
        if not total:
            raise ValueError("counts must have at least one token, got none")
        return float(np.exp(-self.elbo(counts).sum() / total))

    def top_words(self, vocabulary: Sequence[str], n: int = 10) -> list[list[str]]:
        """Each topic's n most probable words, the most probable first; vocabulary names the V columns."""
        at_least(1, n=n)
        if len(vocabulary) != self.topics.shape[1]:
            raise ValueError(f"vocabulary must have {self.topics.shape[1]} words, got {len(vocabulary)}")
        ranked = np.argsort(-self.topics, axis=1, kind="stable")[:, :n]
        return [[vocabulary[word] for word in row] for row in ranked]

    def _documents(self, counts: ArrayLike) -> Integers:
        x = integers("counts", counts, ndim=2)
        if x.shape[1] != self.topics.shape[1]:
            raise ValueError(f"counts must have a column a word, {self.topics.shape[1]}, got shape {x.shape}")
        return x

    def _infer(self, x: Integers, max_iter: int = 1000, tol: float = 1e-6) -> Array:
        """Dirichlet parameters (N, K) of the approximate posterior of each document's proportions, in which
        they are independent of the tokens' topics: coordinate ascent of Blei, Ng and Jordan (2003)."""
        prior = self.concentration
        posterior = prior + x.sum(axis=1, keepdims=True) / len(prior)
        for _ in range(max_iter):
            weights = _geometric_mean(posterior)
            ratio = x / np.maximum(weights @ self.topics, 1e-300)  # a word that no topic has explains nothing
            improved = prior + weights * (ratio @ self.topics.T)
            change = np.abs(improved - posterior).mean(axis=1).max()
            posterior = improved
            if change < tol:
                break
        return np.asarray(posterior)


def _geometric_mean(dirichlet: Array) -> Array:
    """exp(E[log p]) for each row's Dirichlet distribution of p."""
    return np.asarray(np.exp(digamma(dirichlet) - digamma(dirichlet.sum(axis=1, keepdims=True))))


@dataclass(frozen=True, eq=False)
class Fit:
    """A model, log p(words, topics of all tokens) in nats after each sweep, and those topics at the end.

    The trace rises to a level and then moves about it, as a sampler's should: nothing is maximised.
    """

    model: LatentDirichletAllocation
    log_joints: Array
    assignments: tuple[Integers, ...]  # a document's tokens in the order of the vocabulary, the topic of each


def fit(
    counts: ArrayLike,
    n_topics: int,
    rng: np.random.Generator,
    *,
    concentration: float = 0.1,
    word_concentration: float = 0.01,
    sweeps: int = 200,
) -> Fit:
    """Fit topics by collapsed Gibbs sampling: each token's topic is drawn again, given those of all others.

    Args:
        counts: (N, V), how often each word occurs in each document.
        n_topics: K.
        rng: draws the topics of all tokens, at the start and in each sweep.
        concentration: of the symmetric Dirichlet prior of a document's proportions; small: few topics each.
        word_concentration: of the symmetric Dirichlet prior of a topic's words; small: few words each.
        sweeps: how often to draw the topics of all tokens.

    Returns:
        A Fit. Its model has the topics' posterior means, given the topics of the tokens after the last sweep.

    Raises:
        ValueError: if an argument is not as above, or there is no token.

    Source: Griffiths and Steyvers, Finding scientific topics, PNAS 101 (2004), 5228-5235.
    """
    x = integers("counts", counts, ndim=2)
    at_least(1, n_topics=n_topics, sweeps=sweeps)
    if not (0 < concentration < np.inf and 0 < word_concentration < np.inf):
        raise ValueError(
            "concentration and word_concentration must be positive and finite, "
            f"got {concentration} and {word_concentration}"
        )
    if not x.any():
        raise ValueError("counts must have at least one token, got none")
    documents = np.repeat(np.arange(len(x)), x.sum(axis=1))
    words = np.repeat(np.tile(np.arange(x.shape[1]), len(x)), x.ravel())
    z = rng.integers(n_topics, size=len(words))

    # Python's own lists: an update looks at K numbers, far fewer than a call of NumPy is worth.
    tokens = list(zip(documents.tolist(), words.tolist(), strict=True))
    by_document, by_word = _tables(documents, words, z, x.shape, n_topics)
    trace = []
    for _ in range(sweeps):
        in_documents, in_words = (
            (by_document + concentration).tolist(),
            (by_word + word_concentration).tolist(),
        )
        totals = (by_word.sum(axis=0) + x.shape[1] * word_concentration).tolist()
        topics, chances = z.tolist(), rng.random(len(z)).tolist()
        for i, (document, word) in enumerate(tokens):
            here, there, old = in_documents[document], in_words[word], topics[i]
            here[old] -= 1
            there[old] -= 1
            totals[old] -= 1
            running = list(accumulate([a * b / c for a, b, c in zip(here, there, totals)]))  # noqa: B905 (fast)
            new = topics[i] = bisect(running, chances[i] * running[-1])
            here[new] += 1
            there[new] += 1
            totals[new] += 1
        z = np.array(topics)
        by_document, by_word = _tables(documents, words, z, x.shape, n_topics)
        trace.append(_log_joint(by_document, concentration) + _log_joint(by_word.T, word_concentration))

    smoothed = by_word.T + word_concentration
    model = LatentDirichletAllocation(
        smoothed / smoothed.sum(axis=1, keepdims=True), np.full(n_topics, concentration)
    )
    return Fit(model, np.array(trace), tuple(np.split(z, np.cumsum(x.sum(axis=1))[:-1])))


def _tables(
    documents: Integers, words: Integers, z: Integers, shape: tuple[int, ...], n_topics: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many tokens of each document (N, K), and of each word (V, K), have each topic."""
    by_document, by_word = (np.zeros((size, n_topics), dtype=np.int64) for size in shape)
    np.add.at(by_document, (documents, z), 1)
    np.add.at(by_word, (words, z), 1)
    return by_document, by_word


def _log_joint(counts: NDArray[np.int64], concentration: float) -> float:
    """Log probability of sequences with these counts, a row each, whose chances have a Dirichlet prior."""
    size = counts.shape[1]
    each = gammaln(counts + concentration).sum(axis=1) - size * gammaln(concentration)
    return float(
        (each + gammaln(size * concentration) - gammaln(counts.sum(axis=1) + size * concentration)).sum()
    )
