"""The checks of chance raise false alarms as rarely as they promise, and see what they should."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from genlab.checks import follows, fresh, likely
from genlab.checks.chance import FALSE_ALARM


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (20, 0.3), (600, 1 / 15), (2000, 0.999), (5000, 0.5)])
def test_the_counts_that_are_refused_are_that_unlikely(n, p):
    counts = np.arange(n + 1)
    refused = np.array([not likely(int(count), n, p) for count in counts])
    assert stats.binom.pmf(counts[refused], n, p).sum() <= FALSE_ALARM
    # nor is a count accepted whose tail is that unlikely
    tail = np.minimum(stats.binom.cdf(counts, n, p), stats.binom.sf(counts - 1, n, p))
    np.testing.assert_array_equal(refused, 2 * tail < FALSE_ALARM)


@pytest.mark.parametrize("n", [5, 100, 3000])
def test_samples_are_refused_by_the_test_of_kolmogorov_and_smirnov(n):
    rng = np.random.default_rng(n)
    for shift in np.linspace(0, 12 / np.sqrt(n), 25):
        sample = rng.normal(shift, size=n)
        p = stats.kstest(sample, ndtr, method="exact").pvalue
        if (
            not 0.5 * FALSE_ALARM < p < 2 * FALSE_ALARM
        ):  # twice the one-sided probability is a bound, hardly above
            assert follows(sample, ndtr) == (p >= FALSE_ALARM)
    assert not follows(rng.normal(20, size=n), ndtr) or n == 5


def test_nan_is_no_draw():
    assert not follows([0.0, np.nan, 1.0], ndtr)


def test_fresh_is_new_each_time_unless_a_seed_is_set(monkeypatch):
    monkeypatch.delenv("GENLAB_SEED", raising=False)
    assert fresh().random() != fresh().random()
    monkeypatch.setenv("GENLAB_SEED", "7")
    assert fresh().random() == fresh().random() == np.random.default_rng(7).random()
