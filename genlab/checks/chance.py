"""Chance in tests: new data each time, and checks of random answers with a known rate of false alarms."""

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, smirnov

FALSE_ALARM = 1e-9  # of one check; an assignment makes fewer than 1000 of them


def fresh() -> np.random.Generator:
    """Return a generator of new test data, so that no answer can be learnt by heart.

    The environment variable GENLAB_SEED, a whole number, repeats a run.
    """
    seed = os.environ.get("GENLAB_SEED")
    return np.random.default_rng(None if seed is None else int(seed))


def likely(count: int, n: int, p: float) -> bool:
    """Say whether count successes in n independent trials of probability p are likely enough.

    The exact two-sided binomial test.

    >>> likely(530, 1000, 0.5), likely(630, 1000, 0.5)
    (True, False)
    """
    at_most = bdtr(count, n, p)
    at_least = bdtrc(count - 1, n, p) if count > 0 else 1.0
    return bool(2 * min(at_most, at_least) >= FALSE_ALARM)


def follows(sample: ArrayLike, cdf: Callable[[NDArray[np.float64]], ArrayLike]) -> bool:
    """Say whether independent draws (n,) may come from the continuous distribution with this cdf.

    The two-sided Kolmogorov-Smirnov test; twice the one-sided probability bounds its false alarms.

    >>> from scipy.special import ndtr
    >>> draws = np.random.default_rng(0).standard_normal(1000)
    >>> follows(draws, ndtr), follows(1.5 * draws, ndtr)
    (True, False)
    """
    x = np.sort(np.asarray(sample, float))
    n = len(x)
    p = np.asarray(cdf(x), float)
    distance = max((np.arange(1, n + 1) / n - p).max(), (p - np.arange(n) / n).max())
    return bool(2 * smirnov(n, distance) >= FALSE_ALARM)  # nan is not likely either
