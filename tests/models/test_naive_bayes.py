import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import load_digits, load_iris
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from genlab.models import naive_bayes
from genlab.models.naive_bayes import BernoulliNaiveBayes, GaussianNaiveBayes

X, Y = load_iris(return_X_y=True)
DIGITS, DIGIT = load_digits(return_X_y=True)
BITS = (DIGITS > 8).astype(int)


@pytest.mark.parametrize("alpha", [0.5, 1, 10])
def test_bernoulli_is_sklearns(alpha):
    ours, peer = naive_bayes.fit_bernoulli(BITS, DIGIT, alpha), BernoulliNB(alpha=alpha).fit(BITS, DIGIT)
    assert_allclose(ours.theta, np.exp(peer.feature_log_prob_), rtol=1e-12)
    assert_allclose(ours.log_joint(BITS), peer.predict_joint_log_proba(BITS), rtol=1e-11)
    assert_allclose(ours.posterior(BITS), peer.predict_proba(BITS), rtol=1e-9, atol=1e-300)


def test_gaussian_is_sklearns():
    ours, peer = naive_bayes.fit_gaussian(X, Y), GaussianNB(var_smoothing=0).fit(X, Y)
    assert_allclose(ours.means, peer.theta_, rtol=1e-12)
    assert_allclose(ours.variances, peer.var_, rtol=1e-10)
    assert_allclose(ours.log_joint(X), peer.predict_joint_log_proba(X), rtol=1e-10)
    assert_allclose(ours.posterior(X), peer.predict_proba(X), rtol=1e-7, atol=1e-300)


def test_the_joint_of_two_coins_by_hand():
    model = BernoulliNaiveBayes([0.25, 0.75], [[0.5, 0.2], [0.1, 1]])
    expected = [[0.25 * 0.5 * 0.8, 0], [0.25 * 0.5 * 0.2, 0.75 * 0.1 * 1]]
    with np.errstate(divide="ignore"):
        assert_allclose(model.log_joint([[1, 0], [1, 1]]), np.log(expected), rtol=1e-12)
    assert_allclose(model.posterior([[1, 0], [1, 1]]), [[1, 0], [0.25, 0.75]], rtol=1e-12)


def test_new_rows_of_a_class():
    model = naive_bayes.fit_bernoulli(BITS, DIGIT)
    x, y = model.sample(20_000, np.random.default_rng(0), label=3)
    assert_array_equal(y, 3)
    for j in (10, 20, 30):
        assert stats.binomtest(int(x[:, j].sum()), len(x), model.theta[3, j]).pvalue > 1e-7
    gaussians = naive_bayes.fit_gaussian(X, Y)
    x, _ = gaussians.sample(20_000, np.random.default_rng(1), label=2)
    white = (x - gaussians.means[2]) / np.sqrt(gaussians.variances[2])
    for axis in (*white.T, (white[:, 0] + white[:, 1]) / np.sqrt(2)):  # the last: columns are independent
        assert stats.kstest(axis, stats.norm.cdf).pvalue > 1e-7


def test_classes_are_drawn_by_their_priors_in_random_order():
    x, y = GaussianNaiveBayes([0.3, 0.7], [[0], [9]], [[1], [1]]).sample(20_000, np.random.default_rng(0))
    assert stats.binomtest(int(y.sum()), len(y), 0.7).pvalue > 1e-7
    assert stats.spearmanr(y, np.arange(len(y))).pvalue > 1e-7
    assert_array_equal(y, x[:, 0] > 4.5)


def test_a_thousand_standard_deviations_away():
    model = GaussianNaiveBayes([0.5, 0.5], [[0], [1e-3]], [[1], [1]])
    log_odds = 1e-3 * 1000 - 0.5e-6
    assert_allclose(
        model.posterior([[1000]]), [[1 / (1 + np.exp(log_odds)), 1 / (1 + np.exp(-log_odds))]], rtol=1e-8
    )


def test_a_class_without_smoothing_can_be_impossible():
    model = naive_bayes.fit_bernoulli([[1, 0], [1, 1], [0, 0]], [0, 0, 1], alpha=0)
    assert_allclose(model.posterior([[1, 0]]), [[1, 0]])
    with pytest.raises(ValueError, match=r"^x must be possible in a class, got row 1"):
        model.posterior([[1, 1], [0, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BernoulliNaiveBayes([1], [[1.1]]), "theta must be within 0 and 1"),
        (lambda: GaussianNaiveBayes([1], [[0]], [[0]]), "variances must be positive"),
        (lambda: naive_bayes.fit_bernoulli([[0], [2]], [0, 1]), "data must hold 0 and 1 only, got 2"),
        (lambda: naive_bayes.fit_bernoulli([[0], [1]], [0, 1], -1), "alpha must be at least 0"),
        (lambda: naive_bayes.fit_bernoulli([[0], [1]], [0, 2]), "labels must hold each class from 0 to 2"),
        (
            lambda: naive_bayes.fit_bernoulli([[0], [1]], [0]),
            "labels must have one entry for each of the 2 rows",
        ),
        (lambda: naive_bayes.fit_gaussian([[0], [1], [2]], [0, 0, 1]), "data must vary within each class"),
        (
            lambda: GaussianNaiveBayes([1], [[0]], [[1]]).sample(1, np.random.default_rng(0), label=1),
            "label must be integers from 0 to 0, got 1",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
