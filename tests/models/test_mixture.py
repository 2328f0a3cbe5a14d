import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from genlab.datasets import old_faithful, two_clusters
from genlab.models import _em_steps, mixture
from genlab.models.mixture import GaussianMixture

WEDGE = GaussianMixture(
    weights=[0.4, 0.6], means=[[-1, 2], [1, -1]], covariances=[[[2.5, 1.5], [1.5, 1.2]], [[3, -1], [-1, 0.6]]]
)


def random_problem(seed, n, d, k):
    """Rows of k Gaussians, and a start for EM."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    z = rng.integers(k, size=n)
    x = 3 * rng.normal(size=(k, d))[z] + np.einsum("nij,nj->ni", factors[z], rng.normal(size=(n, d)))
    covariances = np.tile(np.cov(x.T).reshape(d, d), (k, 1, 1))
    return x, GaussianMixture(np.full(k, 1 / k), x[rng.choice(n, k, replace=False)], covariances)


def of_kind(model, kind):
    return GaussianMixture(model.weights, model.means, mixture.constrained(model.covariances, kind), kind)


def as_sklearn(covariances, kind):
    """Covariances (K, d, d) as scikit-learn keeps those of a kind."""
    return {
        "full": covariances,
        "tied": covariances[0],
        "diagonal": np.diagonal(covariances, 0, 1, 2),
        "spherical": covariances[:, 0, 0],
    }[kind]


def sklearn_fit(x, start, max_iter, floor):
    kind = start.covariance_type
    peer = SklearnMixture(
        len(start.weights),
        covariance_type={"diagonal": "diag"}.get(kind, kind),
        tol=0,
        max_iter=max_iter,
        reg_covar=floor,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=as_sklearn(np.linalg.inv(start.covariances), kind),
    )
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return peer.fit(x)


def fit_from(x, start, **options):
    kind = start.covariance_type
    return mixture.fit(
        x, len(start.weights), np.random.default_rng(0), start=start, covariance_type=kind, **options
    )


KINDS = ("full", "tied", "diagonal", "spherical")


# Against scikit-learn and published numbers.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("floor", [0, 1e-2])
@pytest.mark.parametrize(("n", "d", "k", "iterations"), [(400, 1, 2, 60), (500, 2, 3, 100), (3000, 8, 5, 20)])
def test_parameters_are_sklearns(n, d, k, iterations, floor, kind):
    x, start = random_problem(1, n, d, k)
    start = of_kind(start, kind)
    ours = fit_from(x, start, max_iter=iterations, tol=0, covariance_floor=floor)
    peer = sklearn_fit(x, start, iterations, floor)
    assert_allclose(ours.model.weights, peer.weights_, rtol=0, atol=1e-8)
    assert_allclose(ours.model.means, peer.means_, rtol=0, atol=1e-8)
    assert_allclose(as_sklearn(ours.model.covariances, kind), peer.covariances_, rtol=0, atol=1e-8)
    assert_allclose(ours.model.log_prob(x), peer.score_samples(x), rtol=1e-8)
    assert_allclose(ours.model.responsibilities(x), peer.predict_proba(x), rtol=0, atol=1e-8)
    assert ours.model.bic(x) == pytest.approx(peer.bic(x), rel=1e-9)
    # scikit-learn's bound is that of the parameters before the iteration, a sample.
    assert_allclose(ours.log_likelihoods[:-1], n * np.array(peer.lower_bounds_[1:]), rtol=1e-9)


@pytest.mark.parametrize("kind", ["full", "tied", "diagonal"])  # a sphere depends on the units
def test_parameters_are_sklearns_in_awkward_units(kind):
    x, start = random_problem(2, 500, 2, 3)
    start = of_kind(start, kind)
    unit, origin = np.array([1e-3, 1e4]), np.array([1e3, -1e7])
    moved = GaussianMixture(
        start.weights, start.means * unit + origin, start.covariances * np.outer(unit, unit), kind
    )
    ours = fit_from(x * unit + origin, moved, max_iter=30, tol=0, covariance_floor=0).model
    peer = sklearn_fit(x, start, 30, 0)
    assert_allclose(ours.weights, peer.weights_, atol=1e-8)
    assert_allclose((ours.means - origin) / unit, peer.means_, atol=1e-8)
    assert_allclose(as_sklearn(ours.covariances / np.outer(unit, unit), kind), peer.covariances_, atol=1e-8)


def test_two_components_on_old_faithful_azzalini_and_bowman_1990():
    data = old_faithful()
    fit = mixture.fit(
        data, 2, np.random.default_rng(0), restarts=5, tol=1e-12, max_iter=1000, covariance_floor=0
    )
    assert fit.converged
    assert fit.log_likelihoods[-1] == pytest.approx(-1130.263960, abs=5e-7)
    order = np.argsort(fit.model.weights)
    assert_allclose(fit.model.weights[order], [0.3558729, 0.6441271], atol=5e-8)
    assert_allclose(fit.model.means[order], [[2.036388, 54.478516], [4.289662, 79.968115]], atol=1e-6)
    covariances = [
        [[0.069168, 0.435168], [0.435168, 33.697282]],
        [[0.169968, 0.940609], [0.940609, 36.046211]],
    ]
    assert_allclose(fit.model.covariances[order], covariances, atol=1e-6)
    sizes = np.bincount(fit.model.responsibilities(data).argmax(axis=1))
    assert_array_equal(sizes[order], [97, 175])


def test_defaults_find_the_best_old_faithful_mixture():
    for seed in range(5):
        fit = mixture.fit(old_faithful(), 2, np.random.default_rng(seed), restarts=5)
        assert fit.converged
        assert fit.log_likelihoods[-1] == pytest.approx(-1130.263960, abs=1e-3)


# The density, its draws and its responsibilities.


def test_density_integrates_to_one_in_one_dimension():
    model = GaussianMixture([0.2, 0.8], [[-3], [2]], [[[0.04]], [[4]]])
    total, _ = integrate.quad(lambda t: np.exp(model.log_prob([[t]])[0]), -20, 24, points=[-3, 2], limit=200)
    assert total == pytest.approx(1, abs=1e-8)


def test_log_prob_is_the_weighted_sum_of_gaussian_densities():
    x = np.random.default_rng(0).normal(size=(50, 2))
    components = zip(WEDGE.weights, WEDGE.means, WEDGE.covariances, strict=True)
    joint = np.stack([w * stats.multivariate_normal(m, s).pdf(x) for w, m, s in components], axis=1)
    assert_allclose(WEDGE.log_prob(x), np.log(joint.sum(axis=1)), rtol=1e-12)
    assert_allclose(WEDGE.responsibilities(x), joint / joint.sum(axis=1, keepdims=True), rtol=1e-11)


def test_samples_follow_the_density():
    x, z = WEDGE.sample(20_000, np.random.default_rng(1))
    assert stats.binomtest(int((z == 0).sum()), len(z), 0.4).pvalue > 1e-7
    assert stats.spearmanr(z, np.arange(len(z))).pvalue > 1e-7  # not grouped by component
    for k in range(2):
        white = np.linalg.solve(np.linalg.cholesky(WEDGE.covariances[k]), (x[z == k] - WEDGE.means[k]).T)
        for axis in (*white, (white[0] + white[1]) / np.sqrt(2)):
            assert stats.kstest(axis, stats.norm.cdf).pvalue > 1e-7


def test_the_components_of_samples_have_the_responsibilities_as_probabilities():
    x, z = WEDGE.sample(20_000, np.random.default_rng(2))
    p = WEDGE.responsibilities(x)[:, 1]
    deviation = (z - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(deviation) < 5.5


def test_two_clusters_are_this_mixture():
    x, z = two_clusters(20_000, np.random.default_rng(1))
    expected, expected_z = WEDGE.sample(20_000, np.random.default_rng(1))
    assert_array_equal(z, expected_z)
    assert_allclose(x, expected, rtol=1e-12, atol=1e-12)


def test_a_thousand_standard_deviations_away():
    model = GaussianMixture([0.5, 0.5], [[0], [1e-3]], [[[1]], [[1]]])
    for far in (-1000.0, 1000.0):
        log_odds = 1e-3 * far - 0.5e-6
        expected = 1 / (1 + np.exp([log_odds, -log_odds]))
        assert_allclose(model.responsibilities([[far]])[0], expected, rtol=1e-9)
        log_half_density = -0.5 * far**2 - 0.5 * np.log(2 * np.pi) + np.log(0.5)
        assert_allclose(model.log_prob([[far]]), log_half_density + np.logaddexp(0, log_odds), rtol=1e-13)
    far_apart = GaussianMixture([0.5, 0.5], [[-1], [1]], [[[1]], [[1]]])
    assert_allclose(far_apart.responsibilities([[1000], [-1000]]), [[0, 1], [1, 0]], atol=1e-250)


def test_a_determinant_that_underflows():
    d = 100
    model = GaussianMixture([0.25, 0.75], np.zeros((2, d)), np.tile(1e-4 * np.eye(d), (2, 1, 1)))
    x = np.vstack([np.zeros(d), np.full(d, 10.0)])  # the second is 10 000 standard deviations away
    expected = -0.5 * d * np.log(2 * np.pi * 1e-4) - 0.5 * np.array([0, d * 100 / 1e-4])
    assert_allclose(model.log_prob(x), expected, rtol=1e-13)
    assert_allclose(model.responsibilities(x), [[0.25, 0.75]] * 2, rtol=1e-6)


def test_data_far_from_zero_keeps_its_digits():
    x = np.random.default_rng(0).integers(-40, 40, size=(50, 2)) / 8  # exact in binary, moved or not
    far = 2.0**40
    moved = GaussianMixture(WEDGE.weights, WEDGE.means + far, WEDGE.covariances)
    assert_allclose(moved.log_prob(x + far), WEDGE.log_prob(x), rtol=1e-12)
    assert_allclose(moved.responsibilities(x + far), WEDGE.responsibilities(x), rtol=1e-9)


def test_blocks_leave_no_seam(monkeypatch):
    x, start = random_problem(3, 1000, 3, 4)
    whole = fit_from(x, start, max_iter=5, tol=0)
    monkeypatch.setattr(_em_steps, "BLOCK", 3 * 4 * 128)  # 1000 rows: seven full blocks and a part
    blocks = fit_from(x, start, max_iter=5, tol=0)
    assert_allclose(blocks.model.means, whole.model.means, rtol=1e-11)
    assert_allclose(blocks.model.log_prob(x), whole.model.log_prob(x), rtol=1e-12)
    assert_allclose(blocks.model.responsibilities(x), whole.model.responsibilities(x), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_conditioning_is_the_joint_over_the_marginal(kind):
    model = random_problem(18, 50, 3, 3)[1]
    model = of_kind(GaussianMixture([0.2, 0.5, 0.3], model.means, model.covariances), kind)
    rest = np.random.default_rng(0).normal(size=(20, 1))
    given = model.condition([2, 0], [0.3, -1])
    joint = model.log_prob(np.column_stack([np.full(20, -1), rest, np.full(20, 0.3)]))
    marginal = GaussianMixture(
        model.weights, model.means[:, [2, 0]], model.covariances[:, [[2], [0]], [2, 0]]
    ).log_prob([[0.3, -1]])
    assert given.covariance_type == kind
    assert_allclose(given.log_prob(rest), joint - marginal, rtol=1e-10)


def test_conditioning_a_thousand_standard_deviations_away():
    given = WEDGE.condition([1], [2000])
    assert given.weights.min() > 0 and np.isfinite(given.means).all()


def test_bic_counts_the_free_parameters():
    assert [of_kind(WEDGE, kind).n_parameters for kind in KINDS] == [11, 8, 9, 7]
    assert WEDGE.n_parameters == 1 + 2 * 2 + 2 * 3
    x = WEDGE.sample(100, np.random.default_rng(0))[0]
    assert WEDGE.bic(x) == pytest.approx(-2 * WEDGE.log_prob(x).sum() + 11 * np.log(100))


# Fitting.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_never_falls(seed, kind):
    x, _ = random_problem(seed, 300, 1 + seed % 4, 3)
    rng = np.random.default_rng(seed)
    for k in (1, 2, 3):
        fit = mixture.fit(x, k, rng, covariance_type=kind, covariance_floor=0, tol=0, max_iter=60)
        trace = fit.log_likelihoods
        assert np.diff(trace).min() >= -1e-11 * np.abs(trace).max()
        assert k == 1 or kind == "tied" or trace[-1] > trace[0] + 1


@pytest.mark.parametrize("seed", range(8))
def test_a_floor_costs_no_more_likelihood_than_stated(seed):
    x, model = random_problem(seed, 200, 2, 3)
    floor, fell = 0.05, 0
    for _ in range(60):
        before = model.log_prob(x).sum()
        counts = model.responsibilities(x).sum(axis=0)
        model = fit_from(x, model, max_iter=1, covariance_floor=floor).model
        eigenvalues = np.linalg.eigvalsh(model.covariances) - floor
        bound = (counts[:, None] / 4 * (floor / eigenvalues) ** 2).sum()
        change = model.log_prob(x).sum() - before
        assert change >= -bound - 1e-9
        fell += change < 0
    assert fell > 0 or seed  # at least the first problem shows a fall


@pytest.mark.parametrize("kind", KINDS)
def test_the_trace_ends_with_the_models_log_likelihood(kind):
    x, start = random_problem(4, 200, 2, 3)
    start = of_kind(start, kind)
    fit = fit_from(x, start, max_iter=7, tol=0)
    assert len(fit.log_likelihoods) == 7 and not fit.converged
    assert fit.log_likelihoods[-1] == pytest.approx(fit.model.log_prob(x).sum(), rel=1e-13)
    shorter = fit_from(x, start, max_iter=3, tol=0)
    assert_array_equal(shorter.log_likelihoods, fit.log_likelihoods[:3])


def test_tol_is_the_change_of_the_mean_log_likelihood():
    x, start = random_problem(5, 400, 2, 3)
    trace = fit_from(x, start, max_iter=200, tol=0).log_likelihoods / len(x)
    tol = 1e-5
    expected = 1 + np.argmax(np.abs(np.diff(trace)) < tol) + 1
    fit = fit_from(x, start, max_iter=200, tol=tol)
    assert fit.converged and len(fit.log_likelihoods) == expected
    # From a start that is already the answer, the first iteration converges.
    assert len(fit_from(x, fit.model, tol=tol).log_likelihoods) == 1


def test_one_component_is_the_maximum_likelihood_gaussian():
    x, _ = random_problem(6, 100, 3, 2)
    model = mixture.fit(x, 1, np.random.default_rng(0), covariance_floor=0).model
    assert_allclose(model.means[0], x.mean(axis=0), rtol=1e-12)
    assert_allclose(model.covariances[0], np.cov(x.T, bias=True), rtol=1e-10)


def test_restarts_keep_the_best():
    x, _ = random_problem(7, 300, 2, 6)
    rng = np.random.default_rng(0)
    singles = [mixture.fit(x, 6, rng).log_likelihoods[-1] for _ in range(6)]
    best = mixture.fit(x, 6, np.random.default_rng(0), restarts=6)
    assert min(singles) < max(singles) - 1
    assert best.log_likelihoods[-1] == max(singles)


def test_the_order_and_scale_of_columns_do_not_matter():
    x, _ = random_problem(8, 300, 2, 3)
    plain = mixture.fit(x, 3, np.random.default_rng(0), covariance_floor=0, tol=1e-9).model
    other = mixture.fit(
        x[:, ::-1] * [1e5, 1e-3], 3, np.random.default_rng(0), covariance_floor=0, tol=1e-9
    ).model
    assert_allclose(other.weights, plain.weights, rtol=1e-8)
    assert_allclose(other.means[:, ::-1] / [1e-3, 1e5], plain.means, rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("floor", [0, 1e-6])
@pytest.mark.parametrize("unit", [1e-3, 1, 1e6])
def test_components_that_collapse_stay_finite(unit, floor, kind):
    rng = np.random.default_rng(9)
    # A third of the rows are one and the same point: a component shrinks onto it.
    x = unit * np.vstack([rng.normal(size=(40, 2)), np.tile([2.0, 2.0], (20, 1))])
    fit = mixture.fit(x, 4, rng, restarts=5, covariance_type=kind, covariance_floor=floor)
    assert np.isfinite(fit.log_likelihoods).all()
    if kind != "full":  # the quick steps agree with log_prob, which does not take them
        assert fit.log_likelihoods[-1] == pytest.approx(fit.model.log_prob(x).sum(), rel=1e-6)
    if kind != "tied" and floor < unit**2:  # tied ones are as wide as the widest
        assert np.linalg.eigvalsh(fit.model.covariances).min() < 1e-3 * unit**2 + 2 * floor
    assert_allclose(fit.model.responsibilities(x).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("k", [1, 5])
def test_as_few_rows_as_components(k):
    x = np.random.default_rng(10).normal(size=(k, 3))
    fit = mixture.fit(x, k, np.random.default_rng(0))
    assert np.isfinite(fit.log_likelihoods).all() and np.isfinite(fit.model.covariances).all()


def test_a_component_that_starts_without_samples_does_no_harm():
    x, _ = random_problem(11, 200, 2, 2)
    start = GaussianMixture([0.5, 0.5], [x.mean(axis=0), [1e6, 1e6]], [np.cov(x.T)] * 2)
    fit = fit_from(x, start)
    assert 0 < fit.model.weights[1] < 1e-100
    assert np.isfinite(fit.model.means).all() and np.isfinite(fit.log_likelihoods).all()


@pytest.mark.parametrize("kind", KINDS)
def test_memory_stays_near_the_datas(kind):
    x, start = random_problem(12, 100_000, 2, 3)
    x = np.tile(x, (1, 4))
    x += np.random.default_rng(0).normal(size=x.shape)
    start = of_kind(GaussianMixture(np.full(10, 0.1), x[:10], np.tile(np.cov(x.T), (10, 1, 1))), kind)
    tracemalloc.start()
    try:
        fit_from(x, start, max_iter=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The blocks of a step take 3 MiB; the responsibilities of all rows at once would take 7.6.
    assert peak < 6 * 2**20


# Good manners.


def test_data_may_be_lists_integers_and_views():
    data = np.random.default_rng(15).integers(-9, 9, size=(60, 4))
    expected = mixture.fit(np.array(data[:, ::2], dtype=float), 2, np.random.default_rng(0)).model
    for form in (data[:, ::2], np.asfortranarray(data[:, ::2]), data[:, ::2].tolist()):
        model = mixture.fit(form, 2, np.random.default_rng(0)).model
        assert_allclose(model.means, expected.means, rtol=1e-9)


def test_pickling_round_trip():
    x, start = random_problem(16, 50, 2, 2)
    fit = fit_from(x, start)
    again = pickle.loads(pickle.dumps(fit))
    assert_array_equal(again.log_likelihoods, fit.log_likelihoods)
    assert_array_equal(again.model.responsibilities(x), fit.model.responsibilities(x))


# Bad input.

EYES = np.tile(np.eye(2), (2, 1, 1))


@pytest.mark.parametrize(
    ("weights", "means", "covariances", "message"),
    [
        ([0.5, 0.6], np.zeros((2, 2)), EYES, "weights must be positive and sum to 1"),
        ([1.5, -0.5], np.zeros((2, 2)), EYES, "weights must be positive and sum to 1"),
        ([1.0, 0.0], np.zeros((2, 2)), EYES, "weights must be positive and sum to 1"),
        ([1.0], np.zeros((2, 2)), EYES, r"weights must have shape \(2,\), got shape \(1,\)"),
        ([0.5, np.nan], np.zeros((2, 2)), EYES, "weights must be finite"),
        ([0.5, 0.5], np.zeros(2), EYES, "means must have 2 axes"),
        ([0.5, 0.5], np.full((2, 2), np.inf), EYES, "means must be finite"),
        ([0.5, 0.5], np.zeros((2, 2)), np.eye(2), r"covariances must have shape \(2, 2, 2\)"),
        ([0.5, 0.5], np.zeros((2, 2)), EYES - [[[0]], [[2]]], "covariances must be positive definite"),
        ([0.5, 0.5], np.zeros((2, 2)), EYES + np.array([[0, 0.5], [0, 0]]), "covariances must be symmetric"),
    ],
)
def test_bad_parameters(weights, means, covariances, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        GaussianMixture(weights, means, covariances)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_covariances_of_another_kind(kind):
    with pytest.raises(ValueError, match=f"^covariances must be {kind}"):
        GaussianMixture(WEDGE.weights, WEDGE.means, WEDGE.covariances, kind)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(5), r"data must have shape \(N, d\), a sample a row, got shape \(5,\)"),
        (np.zeros((0, 2)), r"data must have shape \(N, d\)"),
        (np.zeros((5, 0)), r"data must have shape \(N, d\)"),
        ([[0.0], [np.nan], [1.0]], "data must be finite, got .nan. in row 1"),
        ([[0.0], [1.0], [np.inf]], "data must be finite, got .inf. in row 2"),
    ],
)
def test_bad_data(data, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        mixture.fit(data, 2, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"n_components": 11}, "n_components must be at most the number of rows, 10, got 11"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"restarts": 0}, "restarts must be at least 1"),
        ({"tol": -1.0}, "tol must be at least 0"),
        ({"tol": np.nan}, "tol must be at least 0, got nan"),
        ({"covariance_floor": -1e-6}, "covariance_floor must be at least 0"),
        ({"n_components": 3, "start": WEDGE}, r"start must have means of shape \(3, 2\), got \(2, 2\)"),
        ({"covariance_type": "tied", "start": WEDGE}, "start must have tied covariances, got full"),
        ({"covariance_type": "diag"}, "covariance_type must be one of full, tied, diagonal, spherical, got"),
    ],
)
def test_bad_arguments(options, message):
    x = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match=f"^{message}"):
        mixture.fit(x, **{"n_components": 2, "rng": np.random.default_rng(0)} | options)


def test_a_constant_column_needs_a_floor():
    x = np.column_stack([np.random.default_rng(0).normal(size=20), np.full(20, 0.1)])
    with pytest.raises(ValueError, match=r"^covariance_floor must be positive: column 1 of data is constant"):
        mixture.fit(x, 2, np.random.default_rng(0), covariance_floor=0)
    assert np.isfinite(mixture.fit(x, 2, np.random.default_rng(0)).log_likelihoods).all()


def test_bad_arguments_of_methods():
    for method in (WEDGE.log_prob, WEDGE.responsibilities):
        with pytest.raises(ValueError, match=r"^x must have shape \(N, 2\)"):
            method(np.zeros((4, 3)))
    for columns in ([], [0, 1], [0, 0], [2], [-1]):
        with pytest.raises(ValueError, match=r"^columns must "):
            WEDGE.condition(columns, np.zeros(len(columns)))
    with pytest.raises(ValueError, match=r"^values must have shape \(1,\)"):
        WEDGE.condition([0], [1, 2])
    with pytest.raises(ValueError, match=r"^data must have shape \(N, 2\)"):
        WEDGE.bic(np.zeros(4))
    with pytest.raises(ValueError, match=r"^n must be at least 0"):
        WEDGE.sample(-1, np.random.default_rng(0))
