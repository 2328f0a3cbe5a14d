"""A simulator of patients with head and neck cancer. Nobody's data is in it; the datasheet is cohort.md."""

import numpy as np
from numpy.typing import NDArray

SITES = ("oral cavity", "oropharynx", "larynx", "hypopharynx")
FIELDS = np.dtype(
    [
        ("age", np.int64),  # years at diagnosis
        ("sex", "U6"),
        ("site", "U11"),
        ("stage", np.int64),  # 1 to 4
        ("pack_years", np.float64),
        ("hpv", np.bool_),
        ("treatment", "U8"),  # single or combined
        ("months", np.float64),  # from diagnosis to death, or to the last contact
        ("died", np.bool_),
    ]
)

WOMEN = 0.28  # share of patients
SITE_SHARES = {"female": (0.42, 0.37, 0.16, 0.05), "male": (0.27, 0.43, 0.23, 0.07)}  # in the order of SITES
STAGE_SHARES = (  # of stages 1 to 4, a row a site
    (0.30, 0.20, 0.17, 0.33),
    (0.10, 0.14, 0.24, 0.52),
    (0.36, 0.18, 0.18, 0.28),
    (0.06, 0.11, 0.23, 0.60),
)

# Log odds of being offered combined treatment, surgery or radiation with chemotherapy.
OFFER_BY_STAGE = (-3.0, -1.4, 0.7, 1.3)
OFFER_PER_DECADE = -0.35  # of age above 62
OFFER_HPV = 0.2
OFFER_WOMEN = float(np.log(0.5))  # the bias: same age, stage, site and HPV status, half the odds

# Log hazard of death.
MONTHLY_HAZARD = 0.0035  # of a man or woman of 62, stage 1, never smoked, no HPV, single treatment
HAZARD_BY_STAGE = (0.0, 0.45, 0.95, 1.5)
HAZARD_PER_DECADE = 0.25
HAZARD_PER_PACK_YEAR = float(np.log(1.01))
HAZARD_HPV = float(np.log(0.42))
HAZARD_COMBINED = float(np.log(0.83))

STUDY_MONTHS = 60.0  # follow-up ends
LOST_A_MONTH = 0.003  # rate of losing contact before


def cohort(n: int, rng: np.random.Generator) -> NDArray[np.void]:
    """Simulate n patients with head and neck cancer, with a bias in who is offered treatment.

    A draw goes from causes to effects: sex, site, HPV, age, smoking, stage, treatment, survival. The rates,
    and which of them are invented, are in the datasheet cohort.md. Sex has no effect on survival except
    through what it affects.

    Returns:
        (n,), a structured array: patients["age"] is a column, patients[patients["stage"] == 4] are rows.

    Raises:
        ValueError: if n is negative.

    >>> patients = cohort(1000, np.random.default_rng(0))
    >>> patients.dtype.names
    ('age', 'sex', 'site', 'stage', 'pack_years', 'hpv', 'treatment', 'months', 'died')
    >>> [int((patients["stage"] == stage).sum()) for stage in (1, 2, 3, 4)]
    [208, 162, 199, 431]
    """
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}")
    table = np.zeros(n, dtype=FIELDS)
    female = rng.random(n) < WOMEN
    site = np.where(female, _choose(SITE_SHARES["female"], n, rng), _choose(SITE_SHARES["male"], n, rng))
    hpv = rng.random(n) < np.where(site == 1, 0.64, 0.05)

    age = np.clip(np.round(np.where(hpv, 59, 63.5) + 10 * rng.standard_normal(n)), 25, 95)
    smokes = rng.random(n) < np.where(hpv, 0.5, 0.8) - 0.1 * female
    pack_years = np.where(smokes, np.round(rng.gamma(2.2, np.where(hpv, 10, 17)), 1), 0.0)
    stage = (rng.random(n)[:, None] > np.cumsum(STAGE_SHARES, axis=1)[site, :3]).sum(axis=1)  # 0 to 3

    decades = (age - 62) / 10
    offer = (
        np.take(OFFER_BY_STAGE, stage) + OFFER_PER_DECADE * decades + OFFER_HPV * hpv + OFFER_WOMEN * female
    )
    combined = rng.random(n) < 1 / (1 + np.exp(-offer))

    log_hazard = np.log(MONTHLY_HAZARD) + np.take(HAZARD_BY_STAGE, stage) + HAZARD_PER_DECADE * decades
    log_hazard += HAZARD_PER_PACK_YEAR * pack_years + HAZARD_HPV * hpv + HAZARD_COMBINED * combined
    death = rng.standard_exponential(n) / np.exp(log_hazard)
    contact = np.minimum(STUDY_MONTHS, rng.standard_exponential(n) / LOST_A_MONTH)

    table["age"], table["stage"], table["pack_years"], table["hpv"] = age, stage + 1, pack_years, hpv
    table["sex"] = np.where(female, "female", "male")
    table["site"] = np.take(SITES, site)
    table["treatment"] = np.where(combined, "combined", "single")
    table["months"], table["died"] = np.round(np.minimum(death, contact), 1), death <= contact
    return table


def numeric(patients: NDArray[np.void]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Turn a cohort into numbers: a matrix (n, 12) and the names of its columns.

    Sex becomes female (0 or 1), treatment combined (0 or 1), site a column of 0 and 1 for each of the four;
    the rest stays. The datasheet is cohort.md.

    Raises:
        ValueError: if patients do not have the fields of a cohort.

    >>> X, names = numeric(cohort(5, np.random.default_rng(0)))
    >>> X.shape, names[:3]
    ((5, 12), ('age', 'female', 'oral cavity'))
    """
    if patients.dtype != FIELDS:
        raise ValueError(f"patients must be a cohort, with fields {FIELDS.names}, got {patients.dtype}")
    columns = {
        "age": patients["age"],
        "female": patients["sex"] == "female",
        **{site: patients["site"] == site for site in SITES},
        "stage": patients["stage"],
        "pack_years": patients["pack_years"],
        "hpv": patients["hpv"],
        "combined": patients["treatment"] == "combined",
        "months": patients["months"],
        "died": patients["died"],
    }
    return np.column_stack(list(columns.values())).astype(float), tuple(columns)


def _choose(shares: tuple[float, ...], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.choice(len(shares), size=n, p=shares)
