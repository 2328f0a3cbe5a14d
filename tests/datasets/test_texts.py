from collections import Counter
from importlib import resources

import numpy as np
import pytest

from genlab.datasets import bag_of_words, short_texts, tokens, vocabulary
from genlab.datasets.texts import FUNCTION_WORDS


def test_the_short_texts_are_those_of_their_datasheet():
    documents, topics = short_texts()
    lengths = [len(tokens(text)) for text in documents]
    assert len(documents) == len(topics) == len(set(documents)) == 66
    assert (min(lengths), max(lengths), sum(lengths)) == (47, 56, 3327)
    assert all(text.isascii() and text.endswith(".") for text in documents)
    assert Counter(topics[:60]) == dict.fromkeys(["sky", "bread", "music", "sea", "clinic"], 12)
    assert all(len(set(both.split()) & set(topics[:60])) == 2 for both in topics[60:])
    counts = Counter(token for text in documents for token in tokens(text))
    assert len(counts) == 979 and sum(n == 1 for n in counts.values()) == 568


def test_the_datasheet_states_how_the_texts_were_made_and_their_rights():
    sheet = resources.files("genlab.datasets").joinpath("short_texts.md").read_text(encoding="utf-8")
    for words in ("large language model", "CC BY 4.0", "## Known biases", "568 words occur only once"):
        assert words in sheet


def test_tokens_are_small_letters_without_the_rest():
    words = ["two", "words", "numbers", "don", "t", "stop", "über"]
    assert tokens("Two words, 3 numbers: 4.5 -- don't_stop; Über") == words
    assert tokens("") == tokens("12, 3!") == []


def test_a_vocabulary_is_sorted_and_leaves_out_what_it_is_told_to():
    texts = ["b a a", "A c", "c b a"]
    assert vocabulary(texts) == ["a", "b", "c"]
    assert vocabulary(texts, least=3) == ["a"]  # documents, not tokens
    assert vocabulary(texts, leave_out={"a"}) == ["b", "c"]
    words = vocabulary(short_texts()[0], leave_out=FUNCTION_WORDS)
    assert "the" not in words and {"dough", "telescope", "nurse", "tide", "violin"} <= set(words)


def test_a_bag_of_words_counts_every_token_of_the_vocabulary():
    documents, _ = short_texts()
    words = vocabulary(documents)
    counts = bag_of_words(documents, words)
    assert counts.shape == (66, 979) and counts.sum() == 3327
    np.testing.assert_array_equal(counts.sum(axis=1), [len(tokens(text)) for text in documents])
    assert counts[0, words.index("star")] == 1 and counts[0, words.index("stars")] == 2
    np.testing.assert_array_equal(bag_of_words(["a c c"], ["c", "b"]), [[2, 0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vocabulary([]), "documents must be a sequence of at least one text"),
        (lambda: vocabulary("a text"), "documents must be a sequence of at least one text"),
        (lambda: vocabulary(["a"], least=0), "least must be at least 1, got 0"),
        (lambda: bag_of_words(["a"], ["b", "b"]), "words must be different"),
        (lambda: bag_of_words("a text", ["b"]), "documents must be a sequence of at least one text"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
