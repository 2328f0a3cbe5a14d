import numpy as np
import pytest
from scipy import stats

from genlab.datasets import old_faithful, two_clusters


def test_old_faithful_is_the_table_of_its_datasheet():
    table = old_faithful()
    assert table.shape == (272, 2) and table.dtype == float
    assert len(np.unique(table, axis=0)) == 256
    np.testing.assert_array_equal([table.min(axis=0), table.max(axis=0)], [[1.6, 43], [5.1, 96]])
    np.testing.assert_allclose(table.mean(axis=0), [3.487783, 70.897059], atol=5e-7)


def test_old_faithful_has_the_biases_of_its_datasheet():
    duration, waiting = old_faithful().T
    seconds = np.round(60 * duration)
    assert np.abs(60 * duration - seconds).max() < 0.05
    assert 0.31 < np.mean(seconds % 5 == 0) < 0.35
    assert (waiting % 1 == 0).all()
    assert np.isin(seconds, [120, 180, 240]).sum() <= 10
    short = duration < 3
    assert short[1:][short[:-1]].mean() < 0.1 < 0.5 < short[1:][~short[:-1]].mean()


def test_old_faithful_is_a_fresh_array_each_time():
    old_faithful()[:] = 0
    assert old_faithful().min() == 1.6


def test_two_clusters_have_the_stated_moments():
    x, z = two_clusters(20_000, np.random.default_rng(0))
    assert stats.binomtest(int(z.sum()), len(z), 0.6).pvalue > 1e-7
    for k, mean, covariance in [(0, [-1, 2], [[2.5, 1.5], [1.5, 1.2]]), (1, [1, -1], [[3, -1], [-1, 0.6]])]:
        white = np.linalg.solve(np.linalg.cholesky(covariance), (x[z == k] - mean).T)
        for axis in (*white, (white[0] + white[1]) / np.sqrt(2)):
            assert stats.kstest(axis, stats.norm.cdf).pvalue > 1e-7
    assert stats.spearmanr(z, np.arange(len(z))).pvalue > 1e-7  # not grouped by cluster


def test_two_clusters_draw_from_their_generator_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (two_clusters(50, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_two_clusters_of_bad_size():
    with pytest.raises(ValueError, match=r"^n must be at least 0, got -1"):
        two_clusters(-1, np.random.default_rng(0))
    assert two_clusters(0, np.random.default_rng(0))[0].shape == (0, 2)
