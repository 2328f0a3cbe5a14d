"""What every model promises. The models are the rows of cases.py; what is special to one has its own file."""

import copy
import dataclasses
import functools
import pickle
import random

import numpy as np
import pytest
from cases import CASES
from latent_cases import LATENT_CASES

CASES = CASES + LATENT_CASES

DIRECTIONS = 40
FALSE_ALARM = 1e-6  # of one test of draws, all its directions together


def those_with(*names):
    return pytest.mark.parametrize(
        "case", [case for case in CASES if all(getattr(case, name) is not None for name in names)], ids=str
    )


def arrays(model):
    """The names of a model's parameters that are arrays."""
    names = (field.name for field in dataclasses.fields(model))
    return [name for name in names if isinstance(getattr(model, name), np.ndarray)]


def fitted(case, seed=0):
    fit = case.fit(rng=np.random.default_rng(seed), **case.data)
    return getattr(fit, "model", fit)


def same(first, second):
    """Equal in every parameter, to the last bit, whatever they nest in."""
    np.testing.assert_equal(dataclasses.asdict(first), dataclasses.asdict(second))


# Probability.


@functools.cache
def masses(case):
    """The probability of each row of the support: of an outcome, or of a cell of the grid."""
    return np.exp(case.log_prob(case.model, case.support)) * case.volume


@those_with("log_prob", "support")
def test_the_density_has_mass_one(case):
    assert masses(case).sum() == pytest.approx(1, abs=1e-9)


def surprise(case, rows):
    """How far draws are from the density, as a share of what chance may do: more than 1 is a false alarm.

    The density is compared by its averages of cosines in random directions, which the support gives exactly.
    Bernstein's inequality bounds by how much the average of N independent draws of a number in [-1, 1] can
    miss, without an approximation.
    """
    rng = np.random.default_rng(1)
    p = masses(case)
    centre = p @ case.support
    scale = np.sqrt(p @ (case.support - centre) ** 2) + 1e-300
    directions = rng.normal(size=(case.support.shape[1], DIRECTIONS)) / scale[:, None]
    phases = rng.uniform(0, 2 * np.pi, DIRECTIONS)
    expected, found = (np.cos((x - centre) @ directions + phases) for x in (case.support, rows))
    mean = p @ expected
    variance = p @ expected**2 - mean**2
    log_chance = np.log(2 * DIRECTIONS / FALSE_ALARM)
    bound = np.sqrt(2 * variance * log_chance / len(rows)) + 4 * log_chance / (3 * len(rows))
    return (np.abs(found.mean(axis=0) - mean) / bound).max()


@those_with("log_prob", "support", "sample")
def test_draws_follow_the_density(case):
    rows = case.sample(case.model, case.draws, np.random.default_rng(2))
    assert rows.shape == (case.draws, case.support.shape[1])
    assert surprise(case, rows) < 1


@those_with("log_prob", "support", "sample")
def test_the_test_of_draws_notices_a_sampler_that_sticks(case):
    rows = case.sample(case.model, case.draws, np.random.default_rng(2))
    rows[: len(rows) // 5] = rows[0]
    assert surprise(case, rows) > 1


# Fitting.


@those_with("fit", "trace")
def test_no_iteration_lowers_the_likelihood(case):
    for seed in range(3):
        trace = getattr(case.fit(rng=np.random.default_rng(seed), **case.data), case.trace)
        assert len(trace) > 1
        assert np.diff(trace).min() >= -1e-11 * np.abs(trace).max()
        assert trace[-1] > trace[0]


@those_with("fit")
def test_what_is_fitted_is_a_model_of_its_kind(case):
    assert type(fitted(case)) is type(case.model)


# Chance.


@those_with("fit")
def test_the_same_generator_state_gives_the_same_fit(case):
    same(fitted(case, seed=3), fitted(case, seed=3))


@those_with("sample")
def test_the_same_generator_state_gives_the_same_draws(case):
    first, again = (case.sample(case.model, 50, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, case.sample(case.model, 50, np.random.default_rng(5)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_global_random_state_is_untouched(case):
    before = repr(np.random.get_state()), random.getstate()  # noqa: NPY002
    use(case)
    assert (repr(np.random.get_state()), random.getstate()) == before  # noqa: NPY002


def use(case):
    if case.fit:
        fitted(case)
    if case.sample:
        case.sample(case.model, 5, np.random.default_rng(0))
    if case.log_prob and case.support is not None:
        case.log_prob(case.model, case.support[:10])


# Values.


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inputs_and_parameters_are_unchanged(case):
    before = copy.deepcopy((case.data, case.support, dataclasses.asdict(case.model)))
    use(case)
    np.testing.assert_equal((case.data, case.support, dataclasses.asdict(case.model)), before)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_is_immutable_and_keeps_its_own_copy(case):
    for name in arrays(case.model):
        mine = getattr(case.model, name).copy()
        model = dataclasses.replace(case.model, **{name: mine})
        mine[:] = 7
        same(model, case.model)
        with pytest.raises(ValueError, match="read-only"):
            getattr(model, name)[:] = 7
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(model, name, mine)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pickling_round_trip(case):
    again = pickle.loads(pickle.dumps(case.model))
    same(again, case.model)
    if case.log_prob and case.support is not None:
        found, expected = (case.log_prob(model, case.support[:10]) for model in (again, case.model))
        np.testing.assert_array_equal(found, expected)


# Bad input.


def spoiled(values):
    """Wrong versions of an array, each with what is wrong about it."""
    values = np.array(values)
    yield "empty", values[:0]
    yield "an axis too many", values[None]
    for wrong in (np.nan, np.inf):
        spoilt = values.astype(float)
        spoilt.flat[-1] = wrong
        yield str(wrong), spoilt


def refused(name, call, what):
    try:
        call()
    except ValueError as error:
        assert str(error).startswith(f"{name} must "), f"{what}: {error}"
    else:
        pytest.fail(f"{what} {name} was accepted")


@those_with("fit")
def test_fit_refuses_bad_data(case):
    for name, values in case.data.items():
        for what, spoilt in spoiled(values):
            data = {**case.data, name: spoilt}
            refused(name, lambda data=data: case.fit(rng=np.random.default_rng(0), **data), what)


@those_with("log_prob", "support", "argument")
def test_log_prob_refuses_bad_rows(case):
    for what, spoilt in spoiled(case.support[:5]):
        refused(case.argument, lambda spoilt=spoilt: case.log_prob(case.model, spoilt), what)


@those_with("sample")
def test_sample_refuses_a_negative_number(case):
    refused("n", lambda: case.sample(case.model, -1, np.random.default_rng(0)), "negative")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_refuses_bad_parameters(case):
    bad = [(name, *wrong) for name in arrays(case.model) for wrong in spoiled(getattr(case.model, name))]
    for name in case.distributions:
        p = np.array(getattr(case.model, name))
        step = np.zeros(p.shape[-1])
        step[:2] = [p.max() + 0.1, -p.max() - 0.1]
        bad += [(name, "a sum that is not 1:", 1.01 * p), (name, "a negative probability:", p + step)]
    for name in case.covariances:
        s = np.array(getattr(case.model, name))
        bad.append((name, "indefinite", s - 10 * s.max() * np.eye(s.shape[-1])))
        bad.append((name, "lopsided", s + np.triu(np.ones(s.shape[-2:]), 1)))
    for name, what, value in bad:
        refused(name, lambda name=name, value=value: dataclasses.replace(case.model, **{name: value}), what)
