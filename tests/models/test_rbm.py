import numpy as np
import pytest
from boltzmann import all_states, bars, independent_log_likelihood
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from sklearn.neural_network import BernoulliRBM

from genlab.models import rbm
from genlab.models.rbm import RestrictedBoltzmannMachine


def machine(seed, v, h, scale=1.0):
    rng = np.random.default_rng(seed)
    return RestrictedBoltzmannMachine(
        scale * rng.normal(size=(v, h)), scale * rng.normal(size=v), scale * rng.normal(size=h)
    )


def minus_energies(model):
    """Of all states of both layers: (2^V, 2^H)."""
    v, h = all_states(len(model.visible_bias)), all_states(len(model.hidden_bias))
    return (v @ model.visible_bias)[:, None] + h @ model.hidden_bias + v @ model.weights @ h.T


# Against enumeration.


@pytest.mark.parametrize(("v", "h"), [(1, 1), (3, 6), (6, 3), (5, 5)])
def test_log_z_and_probabilities_by_enumeration_of_both_layers(v, h):
    model = machine(v, v, h, scale=2)
    energies = minus_energies(model)
    assert_allclose(model.log_partition(), logsumexp(energies), rtol=1e-12)
    states = all_states(v)
    assert_allclose(model.free_energy(states), -logsumexp(energies, axis=1), rtol=1e-12, atol=1e-12)
    assert_allclose(model.log_prob(states), logsumexp(energies, axis=1) - logsumexp(energies))


@pytest.mark.parametrize(("v", "h"), [(13, 14), (25, 20), (20, 25)])
def test_log_z_of_up_to_20_units_in_closed_form(v, h):
    rng = np.random.default_rng(0)
    n = min(v, h)
    weights = np.zeros((v, h))
    weights[:n, :n] = np.diag(rng.normal(size=n))
    b, c = rng.normal(size=v), rng.normal(size=h)
    # Units that are joined in pairs alone: Z is a product over pairs, and over the units left.
    pairs = 1 + np.exp(b[:n]) + np.exp(c[:n]) + np.exp(b[:n] + c[:n] + np.diag(weights))
    expected = np.log(pairs).sum() + np.log1p(np.exp(b[n:])).sum() + np.log1p(np.exp(c[n:])).sum()
    assert_allclose(RestrictedBoltzmannMachine(weights, b, c).log_partition(), expected, rtol=1e-12)


def test_beyond_20_units_there_is_no_exact_probability_but_the_free_energy():
    model = machine(0, 21, 22, scale=0.1)
    message = "^log Z must be summed over all states of a layer: at most 20 units, got 21"
    with pytest.raises(ValueError, match=message):
        model.log_partition()
    with pytest.raises(ValueError, match=message):
        model.log_prob(np.zeros((1, 21)))
    assert np.isfinite(model.free_energy(np.ones((1, 21)))).all()
    assert np.isfinite(model.pseudo_log_prob(np.ones((1, 21)))).all()


def test_conditional_probabilities_by_enumeration():
    model = machine(1, 4, 3)
    joint = np.exp(minus_energies(model) - logsumexp(minus_energies(model)))
    v, h = all_states(4), all_states(3)
    hidden = joint @ h / joint.sum(axis=1, keepdims=True)
    visible = joint.T @ v / joint.sum(axis=0)[:, None]
    assert_allclose(model.hidden_probabilities(v), hidden)
    assert_allclose(model.visible_probabilities(h), visible)


def test_the_pseudo_likelihood_by_enumeration():
    model = machine(2, 4, 3)
    states = all_states(4)
    p = np.exp(model.log_prob(states))
    expected = np.zeros(len(states))
    for i, x in enumerate(states):
        for unit in range(4):
            others = np.delete(states, unit, axis=1)
            given = (others == np.delete(x, unit)).all(axis=1)
            expected[i] += np.log(p[i] / p[given].sum())
    assert_allclose(model.pseudo_log_prob(states), expected)


def test_large_activations_stay_finite():
    model = RestrictedBoltzmannMachine([[2000.0]], [-1000], [-1000])
    assert_allclose(model.free_energy([[0], [1]]), [0, 0], atol=1e-12)
    assert_allclose(model.log_prob([[0], [1]]), np.log([0.5, 0.5]))


# Against scikit-learn.


def test_free_energy_and_hidden_probabilities_are_scikit_learns():
    model = machine(3, 6, 4)
    peer = BernoulliRBM(4, n_iter=1, random_state=0).fit(all_states(6))
    peer.components_ = model.weights.T.copy()
    peer.intercept_visible_, peer.intercept_hidden_ = model.visible_bias.copy(), model.hidden_bias.copy()
    states = all_states(6)
    assert_allclose(model.free_energy(states), peer._free_energy(states))
    assert_allclose(model.hidden_probabilities(states), peer.transform(states))


# Learning.


def test_the_first_step_is_the_gradient_where_weights_vanish():
    rng = np.random.default_rng(4)
    x = (rng.random((40_000, 3)) < [0.9, 0.5, 0.2]).astype(float)
    fit = rbm.fit(x, 2, rng, epochs=1, batch_size=len(x), learning_rate=1)
    # Without weights the model tosses fair coins: the gradient is data's means less a half, and half of it
    # for the weights, of which the first were at most 0.05 in size.
    error = 6 * 0.5 * np.sqrt(2 / len(x)) + 0.02
    assert np.abs(fit.model.visible_bias - (x.mean(axis=0) - 0.5)).max() < error
    expected = np.repeat(0.5 * (x.mean(axis=0) - 0.5)[:, None], 2, axis=1)
    assert np.abs(fit.model.weights - expected).max() < error + 0.05


def test_with_many_steps_the_fit_is_near_the_maximum_of_the_exact_likelihood():
    # Two units that agree in four cases of five: a machine can say exactly that, with finite weights.
    states, counts = [[0, 0], [0, 1], [1, 0], [1, 1]], np.array([1600, 400, 400, 1600])
    x, rng = np.repeat(states, counts, axis=0), np.random.default_rng(5)
    model = rbm.fit(x, 2, rng, steps=5, epochs=400, batch_size=4000, learning_rate=1).model
    p = counts / counts.sum()
    best = p @ np.log(p)
    assert best > model.log_prob(x).mean() > best - 0.01


def test_contrastive_divergence_learns_bars():
    x = np.tile(bars(), (10, 1))
    fit = rbm.fit(x, 12, np.random.default_rng(6), epochs=200, learning_rate=0.2)
    assert -np.log(14) > fit.model.log_prob(x).mean() > independent_log_likelihood(x) + 1.5
    assert len(fit.reconstruction_errors) == 200
    assert fit.reconstruction_errors[-1] < 0.4 * fit.reconstruction_errors[0]


def test_grey_levels_count_as_probabilities():
    fit = rbm.fit(np.full((20, 3), 0.25), 2, np.random.default_rng(7), epochs=100)
    p = np.exp(fit.model.log_prob(all_states(3))) @ all_states(3)
    assert_allclose(p, 0.25, atol=0.1)


# Bad input.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda rng: RestrictedBoltzmannMachine(np.zeros((2, 3)), [0, 0, 0], [0, 0]),
            "visible_bias must have",
        ),
        (lambda rng: machine(0, 3, 2).log_prob([[0, 1, 0.5]]), "x must be 0 or 1 everywhere, got 0.5"),
        (lambda rng: machine(0, 3, 2).pseudo_log_prob([[0, 1]]), r"x must have shape \(N, 3\)"),
        (lambda rng: machine(0, 3, 2).hidden_probabilities([[0, 1, 2]]), "v must be from 0 to 1, got 2"),
        (lambda rng: machine(0, 3, 2).visible_probabilities([[0, -1]]), "h must be from 0 to 1, got -1"),
        (lambda rng: machine(0, 3, 2).sample(1, rng, steps=0), "steps must be at least 1"),
        (lambda rng: rbm.fit([[0, 1.5]], 2, rng), "data must be from 0 to 1, got 1.5"),
        (lambda rng: rbm.fit([[0, 1]], 0, rng), "n_hidden must be at least 1"),
        (lambda rng: rbm.fit([[0, 1]], 2, rng, steps=0), "steps must be at least 1"),
        (lambda rng: rbm.fit([[0, 1]], 2, rng, epochs=0), "epochs must be at least 1"),
        (lambda rng: rbm.fit([[0, 1]], 2, rng, batch_size=0), "batch_size must be at least 1"),
        (lambda rng: rbm.fit([[0, 1]], 2, rng, learning_rate=-1), "learning_rate must be at least 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call(np.random.default_rng(0))
