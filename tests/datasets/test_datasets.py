from importlib import resources

import numpy as np
import pytest
from scipy import stats

from genlab.datasets import CHAINS, NETWORKS, hidden_markov, network, old_faithful, two_clusters


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


@pytest.mark.parametrize(
    ("name", "variables", "numbers"), [("asia", 8, 18), ("sprinkler", 3, 7), ("alarm", 5, 10)]
)
def test_networks_are_those_of_their_datasheets(name, variables, numbers):
    nodes = network(name)
    assert len(nodes) == variables
    assert sum(p_true.size for _, _, p_true in nodes) == numbers
    sheet = sheet_of(name)
    for i, (variable, parents, p_true) in enumerate(nodes):
        assert set(parents) <= {earlier for earlier, _, _ in nodes[:i]}
        assert p_true.shape == (2,) * len(parents)
        assert p_true.min() >= 0 and p_true.max() <= 1
        row = next(line for line in sheet.splitlines() if line.startswith(f"| `{variable}` |"))
        assert row.endswith(f"| {', '.join(f'`{parent}`' for parent in parents) or 'none'} |")


@pytest.mark.parametrize(("name", "symbols"), [("healthy_fever", 3), ("rainy_sunny", 3), ("umbrella", 2)])
def test_chains_are_those_of_their_datasheets(name, symbols):
    chain = hidden_markov(name)
    assert (len(chain["states"]), len(chain["symbols"])) == (2, symbols)
    shapes = [chain[key].shape for key in ("start", "transition", "emission")]
    assert shapes == [(2,), (2, 2), (2, symbols)]
    for key in ("start", "transition", "emission"):
        np.testing.assert_allclose(chain[key].sum(axis=-1), 1, rtol=1e-12)


@pytest.mark.parametrize("name", ["old_faithful", *NETWORKS, *CHAINS])
def test_every_datasheet_has_its_parts(name):
    sheet = sheet_of(name)
    parts = [line for line in sheet.splitlines() if line.startswith("#")]
    assert parts[1:] == ["## Origin", "## Rights", "## Known biases", "## Uses"]


def sheet_of(name):
    return resources.files("genlab.datasets").joinpath(f"{name}.md").read_text(encoding="utf-8")


def test_unknown_names():
    for load in (network, hidden_markov):
        with pytest.raises(ValueError, match=r"^name must be one of .*, got 'atlantis'"):
            load("atlantis")
