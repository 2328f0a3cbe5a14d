import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

from genlab.datasets import hidden_markov
from genlab.models import _forward, hmm
from genlab.models.emissions import Categorical, Gaussians
from genlab.models.hmm import HiddenMarkov


def example(name):
    chain = hidden_markov(name)
    return HiddenMarkov(chain["start"], chain["transition"], Categorical(chain["emission"]))


HEALTHY, FEVER = 0, 1
RAINY, SUNNY = 0, 1


def test_healthy_fever_of_wikipedia():
    model, x = example("healthy_fever"), [0, 1, 2]
    assert math.exp(model.log_prob(x)) == pytest.approx(0.03628, abs=1e-12)
    path, log_prob = model.viterbi(x)
    assert path.tolist() == [HEALTHY, HEALTHY, FEVER]
    assert math.exp(log_prob) == pytest.approx(0.01512, abs=1e-12)


def test_walk_shop_clean_of_wikipedia():
    path, log_prob = example("rainy_sunny").viterbi([0, 1, 2])
    assert path.tolist() == [SUNNY, RAINY, RAINY]
    assert math.exp(log_prob) == pytest.approx(0.01344, abs=1e-12)


def test_umbrella_world_of_russell_and_norvig():
    model = example("umbrella")
    assert math.exp(model.log_prob([1, 1])) == pytest.approx(0.3515, abs=1e-12)
    assert_allclose(model.smooth([1, 1])[:, 0], 0.883357, atol=5e-7)
    five_days = model.smooth([1, 1, 0, 1, 1])[:, 0]
    assert_allclose(five_days, [0.86734, 0.82042, 0.30748, 0.82042, 0.86734], atol=5e-6)


# Against enumeration of all paths.


def random_model(seed, s=3, v=4, zeros=False):
    rng = np.random.default_rng(seed)
    start, transition, emission = (rng.dirichlet(np.ones(n), s) for n in (s, s, v))
    if zeros:  # from left to right
        transition = np.triu(transition) / np.triu(transition).sum(axis=1, keepdims=True)
    return HiddenMarkov(start[0], transition, Categorical(emission))


def paths(model, log_emission):
    """Every path, with its log probability together with the observations."""
    with np.errstate(divide="ignore"):
        start, transition = np.log(model.start), np.log(model.transition)
    t = len(log_emission)
    all_paths = np.array(list(itertools.product(range(len(start)), repeat=t)))
    log_joint = start[all_paths[:, 0]] + log_emission[range(t), all_paths].sum(axis=1)
    return all_paths, log_joint + transition[all_paths[:, :-1], all_paths[:, 1:]].sum(axis=1)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_every_answer_is_that_of_enumeration(length, zeros):
    model = random_model(length, zeros=zeros)
    x = np.random.default_rng(0).integers(4, size=length)
    missing = np.arange(length) % 3 == 1
    for gone in (None, missing):
        log_emission = model.emissions.log_prob(x)
        log_emission = log_emission if gone is None else np.where(gone[:, None], 0, log_emission)
        z, log_joint = paths(model, log_emission)
        assert model.log_prob(x, gone) == pytest.approx(logsumexp(log_joint), rel=1e-12)
        posterior = np.exp(log_joint - logsumexp(log_joint))
        expected = [[posterior[z[:, t] == s].sum() for s in range(3)] for t in range(length)]
        assert_allclose(model.smooth(x, gone), expected, atol=1e-12)
        path, log_prob = model.viterbi(x, gone)
        assert log_prob == pytest.approx(log_joint.max(), rel=1e-12)
        assert_array_equal(path, z[log_joint.argmax()])
        _, _, pairs = model._posterior(model._log_emission(x, gone))
        counted = np.zeros((3, 3))
        for t in range(1, length):
            np.add.at(counted, (z[:, t - 1], z[:, t]), posterior)
        assert_allclose(pairs, counted, atol=1e-12)


def test_what_is_missing_is_not_looked_at():
    model = HiddenMarkov([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], Gaussians([[-1], [1]], [[[1]], [[1]]]))
    x = [[0.5], [np.nan], [2.0]]
    with pytest.raises(ValueError, match=r"^x must be finite"):
        model.log_prob(x)
    gone = [False, True, False]
    assert model.log_prob(x, gone) == model.log_prob([[0.5], [7], [2.0]], gone)
    assert model.log_prob(x, [True] * 3) == pytest.approx(0, abs=1e-12)
    assert_allclose(model.smooth(x, [True] * 3), 0.5, atol=1e-12)


# Two ways to the same sums.


@pytest.mark.parametrize("length", [2, 3, 5, 10, 99, 100, 101, 102])
def test_blocks_are_the_plain_recursion(length):
    rng = np.random.default_rng(length)
    model = random_model(length)
    log_emission = np.log(rng.dirichlet(np.ones(3), length)) - rng.exponential(300, (length, 3))
    log_a = np.log(model.start) + log_emission[0]
    for row in log_emission[1:]:
        log_a = logsumexp(log_a[:, None] + np.log(model.transition), axis=0) + row
    found = _forward.forward(model.start, model.transition, log_emission)[-1]
    likely = log_a > log_a.max() - 500  # what is less likely may be left out
    assert_allclose(found[likely], log_a[likely], rtol=1e-11)
    assert not likely.all() or np.isfinite(found).all()


def test_ten_thousand_steps_with_log_emissions_down_to_minus_500():
    rng = np.random.default_rng(0)
    log_emission = -500 * rng.random((10_000, 3))
    model = random_model(1)
    log_a = np.log(model.start) + log_emission[0]
    for row in log_emission[1:]:
        log_a = logsumexp(log_a[:, None] + np.log(model.transition), axis=0) + row
    blocks = _forward.forward(model.start, model.transition, log_emission)[-1]
    assert_allclose(blocks, log_a, rtol=1e-12)


def test_a_path_that_becomes_possible_only_at_the_end():
    # State 0 fits all but the last observation, by thousands of nats, and cannot be left.
    model = HiddenMarkov([0.5, 0.5], np.eye(2), Gaussians([[0], [100]], [[[1]], [[1]]]))
    x = [[0.0]] * 3 + [[1000.0]] * 3
    alone = [HiddenMarkov([1], [[1]], Gaussians([m], [[[1]]])).log_prob(x) for m in ([0], [100])]
    assert model.log_prob(x) == pytest.approx(np.logaddexp(*alone) + np.log(0.5), rel=1e-12)
    assert_allclose(model.smooth(x), [[0, 1]] * 6, atol=1e-100)


@pytest.mark.parametrize("transition", [np.eye(2), [[0.5, 0.5], [0.5, 0.5]]])
def test_an_impossible_sequence(transition):
    model = HiddenMarkov([0.5, 0.5], transition, Categorical([[0.5, 0.5, 0], [1, 0, 0]]))
    for length in (1, 5):
        assert model.log_prob([2] * length) == -np.inf
        assert model.viterbi([2] * length)[1] == -np.inf
        with pytest.raises(ValueError, match=r"^x must be possible under the model"):
            model.smooth([2] * length)


# Fitting.


def test_one_state_is_the_frequencies():
    x = np.random.default_rng(0).integers(3, size=200)
    fit = hmm.fit([x], 1, np.random.default_rng(0))
    assert_allclose(fit.model.emissions.probabilities[0], np.bincount(x) / 200, rtol=1e-12)
    assert fit.converged and fit.model.log_prob(x) == fit.log_likelihoods[-1]


def test_one_gaussian_state_is_maximum_likelihood():
    x = np.random.default_rng(0).normal(size=(50, 2))
    emissions = hmm.fit([x[:20], x[20:]], 1, np.random.default_rng(0), covariance_floor=0).model.emissions
    assert_allclose(emissions.means[0], x.mean(axis=0), rtol=1e-12)
    assert_allclose(emissions.covariances[0], np.cov(x.T, bias=True), rtol=1e-12)


def test_a_step_of_baum_welch_by_enumeration():
    first = random_model(2)
    data = np.random.default_rng(1).integers(4, size=(3, 5))
    fit = hmm.fit(data, 3, np.random.default_rng(0), start=first, max_iter=1)
    starts, pairs, symbols = np.zeros(3), np.zeros((3, 3)), np.zeros((3, 4))
    for x in data:
        z, log_joint = paths(first, first.emissions.log_prob(x))
        weight = np.exp(log_joint - logsumexp(log_joint))
        np.add.at(starts, z[:, 0], weight)
        for t in range(5):
            np.add.at(symbols, (z[:, t], x[t]), weight)
            if t:
                np.add.at(pairs, (z[:, t - 1], z[:, t]), weight)
    assert_allclose(fit.model.start, starts / 3, rtol=1e-10)
    assert_allclose(fit.model.transition, pairs / pairs.sum(axis=1, keepdims=True), rtol=1e-10)
    assert_allclose(
        fit.model.emissions.probabilities, symbols / symbols.sum(axis=1, keepdims=True), rtol=1e-10
    )


@pytest.mark.parametrize("seed", range(5))
def test_fitting_finds_well_separated_states(seed):
    truth = HiddenMarkov([1, 0], [[0.9, 0.1], [0.2, 0.8]], Gaussians([[-4], [4]], [[[1]], [[1]]]))
    x, z = truth.sample(400, np.random.default_rng(seed))
    model = hmm.fit([x], 2, np.random.default_rng(seed), restarts=5).model
    order = np.argsort(model.emissions.means[:, 0])
    assert_allclose(model.emissions.means[order, 0], [-4, 4], atol=0.6)  # six standard errors at least
    assert (order[z] == model.viterbi(x)[0]).mean() > 0.99


def test_a_state_that_is_nowhere_keeps_what_it_had():
    start = HiddenMarkov([1, 0], np.eye(2), Categorical([[0.5, 0.5], [0.3, 0.7]]))
    model = hmm.fit([[0, 1, 1]], 2, np.random.default_rng(0), start=start).model
    assert_allclose(model.emissions.probabilities, [[1 / 3, 2 / 3], [0.3, 0.7]])
    assert_array_equal(model.transition, np.eye(2))


def test_sequences_may_differ_in_length():
    data = [[0, 1, 1], [1], [0, 0, 1, 0, 1]]
    fit = hmm.fit(data, 2, np.random.default_rng(0), max_iter=5, tol=0)
    assert fit.log_likelihoods[-1] == pytest.approx(sum(map(fit.model.log_prob, data)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.log_prob([0, 3]), "x must be integers from 0 to 2, got 3"),
        (lambda m: m.log_prob([0, 1], [True]), r"missing must be \(2,\) booleans, got bool \(1,\)"),
        (lambda m: m.smooth([0, 1], [0, 1]), r"missing must be \(2,\) booleans, got int64 \(2,\)"),
        (lambda m: HiddenMarkov([1.0], [[1.0]], m.emissions), "emissions must be of 1 states, got 2"),
        (lambda m: hmm.fit([], 2, np.random.default_rng(0)), "data must hold at least one sequence"),
        (lambda m: hmm.fit([[0]], 0, np.random.default_rng(0)), "n_states must be at least 1"),
        (lambda m: hmm.fit([[0]], 1, np.random.default_rng(0), tol=-1), "tol must be at least 0"),
        (lambda m: hmm.fit([[0]], 3, np.random.default_rng(0), start=m), "start must have 3 states, got 2"),
        (
            lambda m: hmm.fit([[[0.0]], [[0.0, 1]]], 1, np.random.default_rng(0)),
            "data must have sequences of one",
        ),
        (
            lambda m: hmm.fit([[0, 3]], 2, np.random.default_rng(0), start=m),
            "data must be integers from 0 to 2",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call(example("healthy_fever"))
