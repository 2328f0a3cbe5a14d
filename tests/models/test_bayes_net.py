import itertools

import numpy as np
import pytest
from cases import outcomes
from numpy.testing import assert_allclose

from genlab.datasets import network
from genlab.models.bayes_net import BayesianNetwork, binary

ASIA, ALARM, SPRINKLER = (binary(network(name)) for name in ("asia", "alarm", "sprinkler"))


def yes(model, name, **evidence):
    return model.query([name], evidence)[1]


def test_asia_of_lauritzen_and_spiegelhalter_1988():
    prior = {"tub": 0.0104, "lung": 0.055, "bronc": 0.45, "either": 0.064828, "xray": 0.11029}
    for name, p in prior.items():
        assert yes(ASIA, name) == pytest.approx(p, abs=5e-7 if p != 0.11029 else 5e-6)
    assert yes(ASIA, "dysp") == pytest.approx(0.435971, abs=5e-7)
    given = {"tub": 0.113933, "lung": 0.621253, "bronc": 0.681869, "smoke": 0.78561}
    for name, p in given.items():
        assert yes(ASIA, name, xray=1, dysp=1) == pytest.approx(p, abs=5e-6 if p == 0.78561 else 5e-7)


def test_burglary_alarm_of_russell_and_norvig():
    assert yes(ALARM, "burglary", john_calls=1, mary_calls=1) == pytest.approx(0.284172, abs=5e-7)


def test_sprinkler_of_wikipedia():
    assert yes(SPRINKLER, "rain", wet_grass=1) == pytest.approx(0.357688, abs=5e-7)


def random_network(seed):
    """Seven variables of two or three values, each with up to three parents."""
    rng = np.random.default_rng(seed)
    nodes, sizes = [], {}
    for i in range(7):
        parents = tuple(rng.permutation(list(sizes))[: rng.integers(4)])
        sizes[f"x{i}"] = int(rng.integers(2, 4))
        shape = [sizes[parent] for parent in parents]
        nodes.append((f"x{i}", parents, rng.dirichlet(np.ones(sizes[f"x{i}"]), shape)))
    return BayesianNetwork(nodes), list(sizes.values())


@pytest.mark.parametrize("seed", range(6))
def test_every_query_is_that_of_the_joint_table(seed):
    model, sizes = random_network(seed)
    joint = np.exp(model.log_prob(outcomes(*sizes))).reshape(sizes)
    assert joint.sum() == pytest.approx(1, rel=1e-12)
    rng = np.random.default_rng(seed)
    for n_names, n_given in itertools.product(range(4), range(4)):
        chosen = rng.permutation(7)[: n_names + n_given]
        names, given = chosen[:n_names], {int(i): int(rng.integers(sizes[i])) for i in chosen[n_names:]}
        cut = joint[tuple(slice(given[i], given[i] + 1) if i in given else slice(None) for i in range(7))]
        table = cut.sum(axis=tuple(i for i in range(7) if i not in names), keepdims=True)
        expected = table.transpose(*names, *(i for i in range(7) if i not in names)).reshape(
            [sizes[i] for i in names]
        )
        found = model.query([f"x{i}" for i in names], {f"x{i}": value for i, value in given.items()})
        assert_allclose(found, expected / expected.sum() if n_names else expected, rtol=1e-10)


def test_draws_of_asia_have_its_marginals():
    x = ASIA.sample(20_000, np.random.default_rng(0))
    for column, name in zip(x.T, ASIA.names, strict=True):
        p = yes(ASIA, name)
        assert abs(column.mean() - p) < 5.5 * np.sqrt(p * (1 - p) / len(x)) + 1e-3
    columns = dict(zip(ASIA.names, x.T, strict=True))
    assert (columns["either"] == columns["tub"] | columns["lung"]).all()


def test_a_chain_of_a_hundred_variables():
    step = np.array([[0.9, 0.1], [0.2, 0.8]])
    nodes = [("x0", (), [0.3, 0.7]), *((f"x{i}", (f"x{i - 1}",), step) for i in range(1, 100))]
    expected = [0.3, 0.7] @ np.linalg.matrix_power(step, 99)
    assert_allclose(BayesianNetwork(nodes).query(["x99"]), expected, rtol=1e-12)


def test_explaining_away():
    both = yes(ALARM, "burglary", alarm=1, earthquake=1)
    assert both < yes(ALARM, "burglary", alarm=1) / 100
    assert yes(ALARM, "burglary", earthquake=1) == pytest.approx(0.001)


def test_impossible_outcomes():
    assert SPRINKLER.log_prob([[0, 0, 1]])[0] == -np.inf
    assert SPRINKLER.query([], {"rain": 0, "sprinkler": 0, "wet_grass": 1}) == 0
    with pytest.raises(ValueError, match=r"^evidence must be possible, got"):
        ASIA.query(["smoke"], {"tub": 1, "either": 0})


COIN = ("coin", (), [0.5, 0.5])


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "nodes must hold at least one variable"),
        ([COIN, COIN], "nodes must have different names, got 'coin' twice"),
        ([("a", ("b",), [[0.5, 0.5]] * 2)], "nodes must come after their parents, got 'a' without 'b'"),
        ([COIN, ("a", ("coin",), [0.5, 0.5])], "table of 'a' must have 2 axes"),
        ([COIN, ("a", ("coin",), [[0.5, 0.5]] * 3)], r"table of 'a' must have shape \(2, 'own values'\)"),
        ([("a", (), [0.5, 0.6])], "table of 'a' must be at least 0 and sum to 1"),
        ([("a", (), [0.5, np.nan])], "table of 'a' must be finite"),
    ],
)
def test_bad_networks(nodes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        BayesianNetwork(nodes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ALARM.query(["fire"]), "names and evidence must be variables of the network, got 'fire'"),
        (lambda: ALARM.query(["alarm"], {"fire": 1}), "names and evidence must be variables"),
        (
            lambda: ALARM.query(["alarm"], {"alarm": 1}),
            "names must be different from each other and from evidence",
        ),
        (lambda: ALARM.query(["alarm", "alarm"]), "names must be different"),
        (
            lambda: ALARM.query(["alarm"], {"burglary": 2}),
            "evidence of 'burglary' must be integers from 0 to 1",
        ),
        (lambda: ALARM.log_prob([[0, 1]]), r"x must have shape \(N, 5\)"),
        (lambda: ALARM.log_prob([[0, 1, 0, 0, 2]]), "x must be integers from 0 to 1, got 2"),
    ],
)
def test_bad_questions(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
