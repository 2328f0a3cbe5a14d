"""The simulated cohort: what its datasheet says, by tests with false alarms at 1e-8 each and fixed seeds."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from genlab.datasets import cohort, numeric, patients

FALSE_ALARM = 1e-8


@pytest.fixture(scope="module")
def table():
    return cohort(100_000, np.random.default_rng(0))


def share(rows, p):
    """Whether this share of rows may be p."""
    return stats.binomtest(int(rows.sum()), len(rows), p).pvalue > FALSE_ALARM


def newton(X, slope_and_curvature):
    """Maximise a concave log-likelihood: the estimate and its standard errors."""
    beta = np.zeros(X.shape[1])
    for _ in range(30):
        gradient, information = slope_and_curvature(X @ beta)
        beta += np.linalg.solve(information, gradient)
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def test_values_are_those_of_the_datasheet(table):
    assert set(table["sex"]) == {"female", "male"}
    assert set(table["site"]) == set(patients.SITES)
    assert set(table["stage"]) == {1, 2, 3, 4}
    assert set(table["treatment"]) == {"single", "combined"}
    assert table["age"].min() >= 25 and table["age"].max() <= 95
    assert table["pack_years"].min() == 0 <= table["months"].min() and table["months"].max() == 60


def test_shares_are_those_of_the_datasheet(table):
    female, throat = table["sex"] == "female", table["site"] == "oropharynx"
    assert share(female, 0.28)
    assert share(table["hpv"][throat], 0.64) and share(table["hpv"][~throat], 0.05)
    for sex, shares in patients.SITE_SHARES.items():
        for site, p in zip(patients.SITES, shares, strict=True):
            assert share(table["site"][table["sex"] == sex] == site, p)
    for site, shares in zip(patients.SITES, patients.STAGE_SHARES, strict=True):
        for stage, p in enumerate(shares, start=1):
            assert share(table["stage"][table["site"] == site] == stage, p)
    assert table["age"].mean() == pytest.approx(62, abs=0.5)


def test_the_bias_is_found_within_every_stage_and_by_adjustment(table):
    """Women's odds of combined treatment are half of men's, at equal age, stage and HPV status."""
    female, combined = table["sex"] == "female", table["treatment"] == "combined"
    for stage in (1, 2, 3, 4):
        here = table["stage"] == stage
        counts = [
            [(combined & here & who).sum(), (~combined & here & who).sum()] for who in (female, ~female)
        ]
        odds_ratio = counts[0][0] * counts[1][1] / (counts[0][1] * counts[1][0])
        assert odds_ratio < 0.7 and stats.chi2_contingency(counts).pvalue < FALSE_ALARM
    X = np.column_stack(
        [*(table["stage"] == s for s in (1, 2, 3, 4)), (table["age"] - 62) / 10, table["hpv"], female]
    ).astype(float)

    def logistic(eta):
        p = 1 / (1 + np.exp(-eta))
        return X.T @ (combined - p), X.T @ (X * (p * (1 - p))[:, None])

    beta, error = newton(X, logistic)
    truth = [*patients.OFFER_BY_STAGE, patients.OFFER_PER_DECADE, patients.OFFER_HPV, np.log(0.5)]
    assert (np.abs(beta - truth) < 5.8 * error).all()


def test_survival_has_the_hazards_of_the_datasheet_and_none_of_sex(table):
    """Exponential regression with censoring: deaths are Poisson in the time at risk."""
    X = np.column_stack(
        [
            *(table["stage"] == s for s in (1, 2, 3, 4)),
            (table["age"] - 62) / 10,
            table["pack_years"],
            table["hpv"],
            table["treatment"] == "combined",
            table["sex"] == "female",
        ]
    ).astype(float)
    base = np.log(table["died"].sum() / table["months"].sum())

    def poisson(eta):
        expected = np.maximum(table["months"], 0.05) * np.exp(eta + base)
        return X.T @ (table["died"] - expected), X.T @ (X * expected[:, None])

    beta, error = newton(X, poisson)
    truth = [*(np.log(patients.MONTHLY_HAZARD) - base + np.array(patients.HAZARD_BY_STAGE))]
    truth += [patients.HAZARD_PER_DECADE, np.log(1.01), np.log(0.42), np.log(0.83), 0]
    assert (np.abs(beta - truth) < 5.8 * error).all()


def test_follow_up_ends_after_five_years_or_by_loss(table):
    alive = table["months"][~table["died"]]
    assert 0.5 < (alive == 60).mean() < 0.95 and alive.min() < 1


def test_numeric_is_the_same_table(table):
    X, names = numeric(table[:500])
    assert X.shape == (500, 12) and X.dtype == float and len(names) == 12
    columns = dict(zip(names, X.T, strict=True))
    for name in ("age", "stage", "pack_years", "hpv", "months", "died"):
        assert_array_equal(columns[name], table[name][:500])
    assert_array_equal(columns["female"] == 1, table["sex"][:500] == "female")
    assert_array_equal(columns["combined"] == 1, table["treatment"][:500] == "combined")
    assert_array_equal(sum(columns[site] for site in patients.SITES), 1)
    assert all((columns[site] == 1).sum() == (table["site"][:500] == site).sum() for site in patients.SITES)


def test_same_generator_same_patients_and_the_global_state_stays():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (cohort(50, np.random.default_rng(3)) for _ in range(2))
    assert_array_equal(first, again)
    assert (first != cohort(50, np.random.default_rng(4))).any()
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"^n must be at least 0, got -1"):
        cohort(-1, np.random.default_rng(0))
    assert cohort(0, np.random.default_rng(0)).shape == (0,)
    with pytest.raises(ValueError, match=r"^patients must be a cohort"):
        numeric(np.zeros(3))
