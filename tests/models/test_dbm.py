import dataclasses

import numpy as np
import pytest
from boltzmann import all_states, bars, independent_log_likelihood
from numpy.testing import assert_allclose
from scipy.special import expit, logsumexp

from genlab.models import dbm
from genlab.models.dbm import DeepBoltzmannMachine
from genlab.models.rbm import RestrictedBoltzmannMachine


def machine(seed, v, h, g, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = [(v, h), (h, g), (v,), (h,), (g,)]
    return DeepBoltzmannMachine(*(scale * rng.normal(size=shape) for shape in shapes))


def minus_energies(model):
    """Of all states of all layers: (2^V, 2^H, 2^G)."""
    v, h, g = (all_states(len(b)) for b in (model.visible_bias, model.hidden_bias, model.deep_bias))
    below = (v @ model.visible_bias)[:, None] + h @ model.hidden_bias + v @ model.weights @ h.T
    return below[:, :, None] + g @ model.deep_bias + h @ model.deep_weights @ g.T


@pytest.mark.parametrize(("v", "h", "g"), [(1, 1, 1), (4, 3, 2), (3, 5, 4)])
def test_log_z_and_probabilities_by_enumeration_of_all_layers(v, h, g):
    model = machine(v, v, h, g)
    energies = minus_energies(model)
    assert_allclose(model.log_partition(), logsumexp(energies), rtol=1e-12)
    assert_allclose(
        model.log_prob(all_states(v)), logsumexp(energies, axis=(1, 2)) - logsumexp(energies), rtol=1e-10
    )


def test_many_hidden_units_are_summed_in_blocks():
    model = machine(0, 3, 13, 2, scale=0.3)
    assert_allclose(logsumexp(model.log_prob(all_states(3))), 0, atol=1e-10)


@pytest.mark.parametrize("scale", [0.01, 1, 3])
def test_the_bound_lies_below_the_exact_log_likelihood(scale):
    for seed in range(5):
        model = machine(seed, 4, 4, 3, scale)
        gap = model.log_prob(all_states(4)) - model.elbo(all_states(4))
        assert gap.min() > -1e-12
        if scale == 0.01:  # half the squared weights times the variances, 1/4 each, of the units they join
            assert_allclose(gap, (model.deep_weights**2).sum() / 32, rtol=0.02)
        else:
            assert gap.max() > 1e-2


def test_without_deep_weights_it_is_a_restricted_machine_and_the_bound_is_exact():
    model = dataclasses.replace(machine(1, 4, 3, 2), deep_weights=np.zeros((3, 2)))
    shallow = RestrictedBoltzmannMachine(model.weights, model.visible_bias, model.hidden_bias)
    states = all_states(4)
    assert_allclose(model.log_prob(states), shallow.log_prob(states))
    assert_allclose(model.elbo(states), shallow.log_prob(states))


def test_mean_field_is_where_neither_layer_can_raise_the_bound():
    model = machine(2, 4, 3, 3)
    x = all_states(4)
    hidden, deep = model.mean_field(x)
    inputs = x @ model.weights + model.hidden_bias
    assert_allclose(hidden, expit(inputs + deep @ model.deep_weights.T), atol=1e-5)
    assert_allclose(deep, expit(model.deep_bias + hidden @ model.deep_weights), atol=1e-5)


def test_beyond_20_hidden_units_only_the_free_energy_is_bounded():
    model = machine(3, 3, 21, 2, scale=0.1)
    for method in (model.log_prob, model.elbo):
        with pytest.raises(ValueError, match=r"^log Z must be summed .* at most 20 units, got 21"):
            method(np.zeros((1, 3)))
    assert np.isfinite(model.variational_free_energy(np.zeros((1, 3)))).all()


def test_joint_training_learns_bars():
    x = np.tile(bars(), (10, 1))
    fit = dbm.fit(x, 10, 4, np.random.default_rng(4), epochs=150, learning_rate=0.5)
    model = fit.model
    assert -np.log(14) > model.log_prob(x).mean() > independent_log_likelihood(x) + 1.5
    assert (model.elbo(x) <= model.log_prob(x)).all()
    assert len(fit.reconstruction_errors) == 150
    assert fit.reconstruction_errors[-1] < 0.5 * fit.reconstruction_errors[0]
    assert np.abs(model.deep_weights).max() > 0.3  # the deep layer takes part


def test_the_first_step_starts_at_the_datas_means():
    x = (np.random.default_rng(5).random((500, 3)) < [0.9, 0.5, 0.2]).astype(float)
    model = dbm.fit(x, 2, 2, np.random.default_rng(6), epochs=1, learning_rate=0).model
    assert_allclose(expit(model.visible_bias), x.mean(axis=0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda rng: DeepBoltzmannMachine(np.zeros((2, 3)), np.zeros((2, 1)), [0] * 2, [0] * 3, [0]),
            "deep_weights",
        ),
        (lambda rng: machine(0, 3, 2, 1).elbo([[0, 1, 0.5]]), "x must be 0 or 1 everywhere, got 0.5"),
        (lambda rng: machine(0, 3, 2, 1).mean_field([[0, 1, 3]]), "x must be from 0 to 1, got 3"),
        (lambda rng: machine(0, 3, 2, 1).sample(1, rng, steps=0), "steps must be at least 1"),
        (lambda rng: dbm.fit([[0, 1]], 2, 0, rng), "n_deep must be at least 1"),
        (lambda rng: dbm.fit([[0, 1.5]], 2, 2, rng), "data must be from 0 to 1, got 1.5"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call(np.random.default_rng(0))
