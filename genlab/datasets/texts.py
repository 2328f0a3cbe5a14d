"""A small corpus of the course's own, and what turns texts into numbers. The datasheet is short_texts.md."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray


def short_texts() -> tuple[list[str], list[str]]:
    """Load 66 short documents on five topics, written for this course.

    Returns:
        The documents, texts of 47 to 56 words, and the topic of each, one of "sky", "bread", "music", "sea"
        and "clinic", or two of these for the last six, as in "sky sea".

    Source: this course; the datasheet short_texts.md has origin, rights and known biases.

    >>> documents, topics = short_texts()
    >>> topics[12], documents[12][:44]
    ('bread', 'A loaf needs flour, water, salt and yeast, a')
    """
    table = resources.files("genlab.datasets").joinpath("short_texts.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    return [text for _, text in rows], [topics for topics, _ in rows]


def tokens(text: str) -> list[str]:
    """Split a text, such as one of short_texts.md, into its words: runs of letters, made small.

    >>> tokens("Rain, rain; go to Spain!")
    ['rain', 'rain', 'go', 'to', 'spain']
    """
    return re.findall(r"[^\W\d_]+", text.lower())


# Words of English that serve grammar more than meaning.
FUNCTION_WORDS = frozenset(
    tokens("""
    a about above across after again against all along also an and another any are around as at away
    back be because been before behind being below between both but by can cannot could did do does
    down each either else even ever every few for from had has have he her here him his how however
    i if in into is it its itself last least less like many may might more most much must near
    neither never next no nor not now of off often on once one only or other others our out over own
    per quite rather same she should since so some still such than that the their them then there
    therefore these they this those though three through thus till to together too towards two twice
    under until up upon us very was we well were what when where which while who whom whose why will
    with within without would yet you your
    """)
)


def vocabulary(
    documents: Sequence[str], *, least: int = 1, leave_out: Collection[str] = frozenset()
) -> list[str]:
    """List the different tokens of documents, such as those of short_texts.md, in alphabetical order.

    Args:
        documents: texts.
        least: leave out tokens that fewer documents than this contain: too rare to learn from.
        leave_out: tokens to leave out, such as FUNCTION_WORDS, which tell no topics apart.

    Raises:
        ValueError: if there is no document, or least is less than 1.

    >>> vocabulary(["the old sea", "the sea", "the sky"], least=2)
    ['sea', 'the']
    """
    _check(documents)
    if least < 1:
        raise ValueError(f"least must be at least 1, got {least}")
    containing = Counter(token for text in documents for token in set(tokens(text)))
    return sorted(token for token, n in containing.items() if n >= least and token not in leave_out)


def bag_of_words(documents: Sequence[str], words: Sequence[str]) -> NDArray[np.int64]:
    """Count how often each word occurs in each document, such as those of short_texts.md.

    Args:
        documents: N texts.
        words: a vocabulary of V different tokens; all others are passed over.

    Returns:
        (N, V), whole numbers.

    Raises:
        ValueError: if there is no document, or a word stands twice in the vocabulary.

    >>> bag_of_words(["the sea, the sea", "the sky"], ["sea", "the"])
    array([[2, 2],
           [0, 1]])
    """
    _check(documents)
    column = {word: i for i, word in enumerate(words)}
    if len(column) < len(words):
        raise ValueError("words must be different, got one of them twice")
    counts = np.zeros((len(documents), len(words)), dtype=np.int64)
    for row, text in zip(counts, documents, strict=True):
        for token in tokens(text):
            if token in column:
                row[column[token]] += 1
    return counts


def _check(documents: Sequence[str]) -> None:
    if isinstance(documents, str) or not len(documents):
        raise ValueError(f"documents must be a sequence of at least one text, got {documents!r}")
