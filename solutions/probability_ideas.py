"""Wrong ideas about distributions, conditionals and likelihood: how students write them, and what they read.

Each function is one wrong idea, and wrong by nothing else. A sentence that a test cell says of a property is
repeated here word for word. `python -m genlab.checks.catalogue probability` makes probability/ideas.json.
"""

import math

import numpy as np
from scipy.special import bdtr, gammaln, ndtr, pdtr, xlogy

from genlab.checks.catalogue import idea

IN_PLACE = "it changes an array that it was given. Work on a copy."
WHOLE = "The results were put into an array of integers, which cuts off all digits: make one of floats."
BASE = "The logarithm has base 2 or 10 here. Use the natural one, np.log."

# ---------------------------------------------------------------- moments

UNBIASED = "The variance divides by N - 1 here. Divide by N, everywhere."
SIGN = "The skewness lost its sign: a long tail to the left makes it negative."
RAW = (
    "The third and fourth central moments are not standardised: divide them by the standard deviation to the "
    "power of 3 and of 4."
)


def four(x, centre=np.mean, divisor=len, spread=None):
    """The four moments with a part exchanged."""
    gaps = x - centre(x)
    variance = (gaps**2).sum() / divisor(x)
    z = gaps / (np.sqrt(variance) if spread is None else spread(gaps))
    return x.mean(), variance, (z**3).mean(), (z**4).mean()


@idea("moments", UNBIASED)
def variance_unbiased(x):
    mean, _, skewness, kurtosis = four(x)
    return mean, x.var(ddof=1), skewness, kurtosis


@idea("moments", UNBIASED)
def all_unbiased(x):
    return four(x, divisor=lambda x: len(x) - 1)


@idea("moments", "That is the standard deviation. The variance is its square.")
def deviation_for_variance(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, np.sqrt(variance), skewness, kurtosis


@idea("moments", "The variance is around 0 here, the average of x^2. Subtract the mean first.")
def variance_around_zero(x):
    mean, _, skewness, kurtosis = four(x)
    return mean, (x**2).mean(), skewness, kurtosis


@idea("moments", "The squared deviations are only summed. Divide by N.")
def variance_not_divided(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, len(x) * variance, skewness, kurtosis


@idea("moments", "That is the average distance from the mean. The variance averages its square.")
def absolute_deviation(x):
    mean, _, skewness, kurtosis = four(x)
    return mean, np.abs(x - mean).mean(), skewness, kurtosis


@idea("moments", "The first number is the median. It must be the mean.")
def median_for_mean(x):
    return np.median(x), *four(x)[1:]


@idea("moments", "The deviations are taken from the median. Take them from the mean.")
def around_the_median(x):
    return four(x, centre=np.median)


@idea("moments", "This is the excess kurtosis. Do not subtract 3: a Gaussian's kurtosis is 3.")
def excess_kurtosis(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, skewness, kurtosis - 3


@idea("moments", RAW)
def not_standardised(x):
    return four(x, spread=lambda gaps: 1.0)


@idea("moments", RAW)
def divided_by_the_deviation_once(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, skewness * variance, kurtosis * variance**1.5


@idea("moments", "The third and fourth powers are only summed. Divide by N.")
def powers_not_divided(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, len(x) * skewness, len(x) * kurtosis


@idea(
    "moments",
    "The data are divided by the variance. To standardise, divide by its root, the standard deviation.",
)
def standardised_by_the_variance(x):
    return four(x, spread=lambda gaps: (gaps**2).mean())


@idea(
    "moments",
    "The mean is not subtracted in the skewness and the kurtosis: average powers of (x - mean) / deviation.",
)
def powers_not_centred(x):
    z = x / x.std()
    return x.mean(), x.var(), (z**3).mean(), (z**4).mean()


@idea("moments", SIGN)
def sign_of_skewness_lost(x):
    mean, variance, _, kurtosis = four(x)
    return mean, variance, (np.abs((x - mean) / np.sqrt(variance)) ** 3).mean(), kurtosis


@idea("moments", SIGN)
def skewness_made_positive(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, abs(skewness), kurtosis


@idea("moments", "The sign of the skewness is turned: use x - mean, not mean - x.")
def skewness_turned(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, -skewness, kurtosis


@idea(
    "moments",
    "This is Pearson's second skewness, out of mean and median. Here it is the third moment, standardised.",
)
def skewness_of_the_median(x):
    mean, variance, _, kurtosis = four(x)
    return mean, variance, 3 * (mean - np.median(x)) / np.sqrt(variance), kurtosis


@idea(
    "moments", "The kurtosis is not standardised: divide the fourth central moment by the variance squared."
)
def kurtosis_not_standardised(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, skewness, kurtosis * variance**2


@idea("moments", "The last two are in another order: first the skewness, then the kurtosis.")
def kurtosis_first(x):
    mean, variance, skewness, kurtosis = four(x)
    return mean, variance, kurtosis, skewness


CORRECTED = "Skewness and kurtosis are corrected for bias here. They are plain averages over N values."


@idea("moments", CORRECTED)
def corrected_for_bias(x):
    mean, variance, skewness, kurtosis = four(x)
    n = len(x)
    if n < 4:
        return mean, variance, skewness * 2, kurtosis * 2
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (kurtosis - 3) + 6)
    return mean, variance, skewness * math.sqrt(n * (n - 1)) / (n - 2), excess + 3


@idea("moments", CORRECTED)
def skewness_corrected_for_bias(x):
    mean, variance, _, kurtosis = four(x)
    return mean, variance, corrected_for_bias.function(x)[2], kurtosis


@idea("moments", IN_PLACE)
def centred_in_place(x):
    answer = four(x)
    x -= answer[0]
    return answer


# ---------------------------------------------------------------- binomial_pmf

LARGE = (
    "With n = 100000 the factorials are beyond the largest float, and the powers of p below the smallest. "
    "Add logarithms, log n! by gammaln(n + 1), and take exp in the end."
)
NEAR = (
    "For n = 100000 an approximation (a normal curve, Poisson's or Stirling's formula) is not exact enough, "
    "nor are the digits of float32. Add logarithms, log n! by gammaln(n + 1), and take exp in the end."
)
OUTSIDE = "For k outside 0..n the probability is 0: there are neither -1 heads nor more heads than flips."
CERTAIN = "With p = 0 every flip is a tail, with p = 1 a head: one k has probability 1, and nothing is nan."


def log_choose(n, k):
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def mass(k, n, p, log_count=log_choose):
    """The binomial's mass, with another logarithm for its coefficient."""
    inside = (k >= 0) & (k <= n)
    k = np.where(inside, k, 0)
    return np.where(inside, np.exp(log_count(n, k) + xlogy(k, p) + xlogy(n - k, 1 - p)), 0.0)


@idea("binomial_pmf", "p and 1 - p are exchanged: k heads have p^k, n - k tails have (1 - p)^(n - k).")
def heads_and_tails_exchanged(k, n, p):
    return mass(k, n, 1 - p)


@idea(
    "binomial_pmf",
    "The binomial coefficient is forgotten: k heads can come in n! / (k! (n - k)!) orders, and all count.",
)
def coefficient_forgotten(k, n, p):
    return mass(k, n, p, lambda n, k: 0.0)


@idea("binomial_pmf", "The coefficient counts ordered choices: divide n! / (n - k)! by k! as well.")
def ordered_choices(k, n, p):
    return mass(k, n, p, lambda n, k: gammaln(n + 1) - gammaln(n - k + 1))


@idea("binomial_pmf", "The tails are forgotten: multiply by (1 - p)^(n - k), too.")
def tails_forgotten(k, n, p):
    inside = (k >= 0) & (k <= n)
    return np.where(
        inside, np.exp(log_choose(n, np.where(inside, k, 0)) + xlogy(np.where(inside, k, 0), p)), 0.0
    )


@idea("binomial_pmf", "This is the probability of k heads or fewer. The mass is that of exactly k.")
def cumulative(k, n, p):
    return np.where(k < 0, 0.0, bdtr(np.clip(k, 0, n), n, p))


@idea("binomial_pmf", "These are the logarithms of the probabilities; take exp of them in the end.")
def logarithms_of_the_mass(k, n, p):
    return np.log(mass(k, n, p))


@idea(
    "binomial_pmf",
    "The values are divided by their sum. Only some k were asked for, so they need not sum to 1.",
)
def normalised_over_what_is_asked(k, n, p):
    values = mass(k, n, p)
    return values / values.sum()


@idea(
    "binomial_pmf",
    "This is the normal curve of the same mean and variance, an approximation for large n only.",
)
def normal_approximation(k, n, p):
    variance = n * p * (1 - p)
    return np.exp(-((k - n * p) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


@idea("binomial_pmf", "This is Poisson's formula with the rate n p, an approximation for small p only.")
def poisson_approximation(k, n, p):
    known = np.maximum(k, 0)
    return np.where(k < 0, 0.0, np.exp(xlogy(known, n * p) - n * p - gammaln(known + 1)))


@idea(
    "binomial_pmf",
    "This is the probability that the first head comes at flip k, not that of k heads in n flips.",
)
def geometric(k, n, p):
    inside = (k >= 1) & (k <= n)
    return np.where(inside, p * (1 - p) ** np.where(inside, k - 1.0, 0.0), 0.0)


@idea("binomial_pmf", WHOLE)
def whole_numbers(k, n, p):
    answer = np.zeros_like(k)
    answer[:] = mass(k, n, p)
    return answer


@idea("binomial_pmf", "The values belong to k in rising order. Keep the order of k.")
def in_rising_order(k, n, p):
    return mass(np.sort(k), n, p)


@idea("binomial_pmf", OUTSIDE)
def outside_is_clipped(k, n, p):
    return mass(np.clip(k, 0, n), n, p)


@idea("binomial_pmf", OUTSIDE)
def outside_is_nan(k, n, p):
    return np.where((k < 0) | (k > n), np.nan, mass(k, n, p))


@idea("binomial_pmf", OUTSIDE)
def outside_is_an_error(k, n, p):
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("k must lie in 0..n")
    return mass(k, n, p)


@idea("binomial_pmf", OUTSIDE)
def only_negative_is_outside(k, n, p):
    return np.where(k < 0, 0.0, mass(np.minimum(k, n), n, p))


@idea("binomial_pmf", OUTSIDE)
def outside_left_out(k, n, p):
    inside = (k >= 0) & (k <= n)
    return mass(k[inside], n, p)


@idea("binomial_pmf", CERTAIN)
def logarithm_of_zero(k, n, p):
    inside = (k >= 0) & (k <= n)
    k = np.where(inside, k, 0)
    values = np.exp(log_choose(n, k) + k * np.log(p) + (n - k) * np.log(1 - p))
    return np.where(inside, values, 0.0)


@idea("binomial_pmf", CERTAIN)
def certain_is_impossible(k, n, p):
    return mass(k, n, p) if 0 < p < 1 else np.zeros(len(k))


@idea("binomial_pmf", LARGE)
def factorials(k, n, p):
    def one(k):
        ways = float(math.factorial(n)) / (float(math.factorial(k)) * float(math.factorial(n - k)))
        return ways * p**k * (1 - p) ** (n - k)

    return [one(int(i)) if 0 <= i <= n else 0.0 for i in k]


@idea("binomial_pmf", LARGE)
def exact_choices_times_float(k, n, p):
    return [math.comb(n, int(i)) * p ** int(i) * (1 - p) ** int(n - i) if 0 <= i <= n else 0.0 for i in k]


@idea("binomial_pmf", LARGE)
def floating_choices(k, n, p):
    return mass(k, n, 0.5, lambda n, k: np.log(np.exp(log_choose(n, k)))) if p == 0.5 else direct(k, n, p)


def direct(k, n, p):
    inside = (k >= 0) & (k <= n)
    k = np.where(inside, k, 0)
    return np.where(inside, np.exp(log_choose(n, k)) * p**k * (1 - p) ** (n - k), 0.0)


@idea("binomial_pmf", LARGE)
def powers_underflow(k, n, p):
    return np.nan_to_num(direct(k, n, p), posinf=0.0)


@idea("binomial_pmf", LARGE)
def from_no_heads_upwards(k, n, p):
    values = [(1 - p) ** n] + [0.0] * n
    for i in range(n if p < 1 else 0):
        values[i + 1] = values[i] * (n - i) / (i + 1) * p / (1 - p)
    if p == 1:
        values[n] = 1.0
    return [values[i] if 0 <= i <= n else 0.0 for i in k]


@idea("binomial_pmf", LARGE)
def difference_of_cumulatives(k, n, p):
    return cumulative.function(k, n, p) - cumulative.function(k - 1, n, p)


@idea("binomial_pmf", NEAR)
def normal_for_large_n(k, n, p):
    if n <= 1000 or p * (1 - p) == 0:
        return mass(k, n, p)
    return normal_approximation.function(k, n, p)


@idea("binomial_pmf", NEAR)
def poisson_for_large_n(k, n, p):
    return mass(k, n, p) if n <= 1000 else poisson_approximation.function(k, n, p)


@idea("binomial_pmf", NEAR)
def digits_of_float32(k, n, p):
    return mass(k, n, p, lambda n, k: np.asarray(log_choose(n, k), np.float32 if n > 1000 else float))


@idea("binomial_pmf", "Stirling's formula is near n! only. All digits of log n! are in gammaln(n + 1).")
def stirling_for_the_coefficient(k, n, p):
    def log_factorial(n):
        n = np.asarray(n, float)
        return xlogy(n, n) - n + xlogy(0.5, 2 * np.pi * np.maximum(n, 1 / (2 * np.pi)))

    return mass(k, n, p, lambda n, k: log_factorial(n) - log_factorial(k) - log_factorial(n - k))


@idea("binomial_pmf", "gammaln(n) is the logarithm of (n - 1)!; that of n! is gammaln(n + 1).")
def factorial_one_off(k, n, p):
    return mass(k, n, p, lambda n, k: gammaln(n) - gammaln(k) - gammaln(n - k))


@idea("binomial_pmf", IN_PLACE)
def negative_set_to_zero(k, n, p):
    answer = mass(k, n, p)
    k[k < 0] = 0
    k[k > n] = n
    k[0] = 0
    return answer


# ---------------------------------------------------------------- poisson_log_pmf

SMALL = (
    "P(k), its powers or its factorial leave the range of floats here, but log P(k) does not. Take the "
    "logarithm of the formula on paper, and compute each of its three terms as it is."
)
ROUGH = (
    "An approximation (Stirling's formula for k!, or a normal curve) is not exact enough, nor are the digits "
    "of float32: gammaln(k + 1) is log k! in full."
)
NEGATIVE = "There are no negative numbers of events: P is 0 there, and its logarithm -inf."


def log_mass(k, rate, log_factorial=lambda k: gammaln(k + 1)):
    known = np.maximum(k, 0)
    return np.where(k < 0, -np.inf, known * np.log(rate) - rate - log_factorial(known))


@idea("poisson_log_pmf", "This is the probability itself. Return its logarithm.")
def probability_itself(k, rate):
    return np.exp(log_mass(k, rate))


@idea("poisson_log_pmf", BASE)
def poisson_to_base_10(k, rate):
    return log_mass(k, rate) / np.log(10)


@idea("poisson_log_pmf", BASE)
def poisson_to_base_2(k, rate):
    return log_mass(k, rate) / np.log(2)


@idea("poisson_log_pmf", "The sign is turned: the logarithm of a probability is never positive.")
def poisson_turned(k, rate):
    return -log_mass(k, rate)


@idea("poisson_log_pmf", "k! is forgotten: subtract its logarithm.")
def factorial_forgotten(k, rate):
    return log_mass(k, rate, lambda k: 0.0)


@idea("poisson_log_pmf", "The logarithm of k stands where that of k! belongs.")
def logarithm_of_k(k, rate):
    return log_mass(k, rate, lambda k: np.log(np.maximum(k, 1)))


ONE_OFF = "gammaln(k) is the logarithm of (k - 1)!; that of k! is gammaln(k + 1)."


@idea("poisson_log_pmf", ONE_OFF)
def gamma_of_k(k, rate):
    return log_mass(k, rate, gammaln)


@idea("poisson_log_pmf", ONE_OFF)
def gamma_one_off(k, rate):
    return log_mass(k, rate, lambda k: gammaln(np.maximum(k, 1)))


@idea("poisson_log_pmf", "e^-rate is forgotten: without it the probabilities sum to e^rate, not to 1.")
def constant_forgotten(k, rate):
    return log_mass(k, rate) + rate


@idea("poisson_log_pmf", "The rate is added: e^-rate has the logarithm -rate.")
def rate_added(k, rate):
    return log_mass(k, rate) + 2 * rate


@idea("poisson_log_pmf", "k and the rate are exchanged: the formula has rate^k and e^-rate.")
def k_and_rate_exchanged(k, rate):
    known = np.maximum(k, 0)
    return np.where(k < 0, -np.inf, xlogy(rate, known) - known - gammaln(rate + 1))


@idea("poisson_log_pmf", "The rate is taken for its inverse. It is the number to expect, the mean.")
def rate_inverted(k, rate):
    return log_mass(k, 1 / rate)


@idea("poisson_log_pmf", "This is the logarithm of the probability of k events or fewer, not of exactly k.")
def cumulative_poisson(k, rate):
    return np.where(k < 0, -np.inf, np.log(pdtr(np.maximum(k, 0), rate)))


@idea("poisson_log_pmf", "This is the normal curve of mean and variance rate, only an approximation.")
def normal_for_poisson(k, rate):
    return np.where(k < 0, -np.inf, -((k - rate) ** 2) / (2 * rate) - np.log(2 * np.pi * rate) / 2)


@idea("poisson_log_pmf", ROUGH)
def stirling(k, rate):
    known = np.maximum(k, 0)
    return log_mass(
        k, rate, lambda k: xlogy(known, known) - known + np.log(2 * np.pi * np.maximum(known, 1)) / 2
    )


@idea("poisson_log_pmf", ROUGH)
def stirling_for_large_k(k, rate):
    return np.where(k > 170, stirling.function(k, rate), log_mass(k, rate))


@idea("poisson_log_pmf", ROUGH)
def stirling_without_its_root(k, rate):
    return log_mass(k, rate, lambda k: np.where(k > 170, xlogy(k, k) - k, gammaln(k + 1)))


@idea("poisson_log_pmf", ROUGH)
def normal_for_large_rates(k, rate):
    return normal_for_poisson.function(k, rate) if rate > 1000 else log_mass(k, rate)


@idea("poisson_log_pmf", "k = 0 is a number of events, too: its P is e^-rate.")
def none_is_impossible(k, rate):
    return np.where(k <= 0, -np.inf, log_mass(k, rate))


@idea("poisson_log_pmf", "The values are added up over k. Return one for each k.")
def summed_over_k(k, rate):
    return log_mass(k, rate).sum()


@idea("poisson_log_pmf", "The logarithms were put into an array of integers, which cuts off all digits.")
def whole_logarithms(k, rate):
    return np.trunc(np.maximum(log_mass(k, rate), -1e15))


@idea("poisson_log_pmf", NEGATIVE)
def negative_is_zero(k, rate):
    return np.where(k < 0, 0.0, log_mass(k, rate))


@idea("poisson_log_pmf", NEGATIVE)
def negative_is_nan(k, rate):
    return np.where(k < 0, np.nan, log_mass(k, rate))


@idea("poisson_log_pmf", NEGATIVE)
def negative_taken_for_none(k, rate):
    return log_mass(np.maximum(k, 0), rate)


@idea("poisson_log_pmf", NEGATIVE)
def negative_is_very_small(k, rate):
    return np.where(k < 0, -1e100, log_mass(k, rate))


@idea("poisson_log_pmf", NEGATIVE)
def negative_is_an_error(k, rate):
    return [i * math.log(rate) - rate - math.log(math.factorial(int(i))) for i in k]


@idea("poisson_log_pmf", SMALL)
def logarithm_in_the_end(k, rate):
    known = np.maximum(k, 0).astype(float)
    return np.where(k < 0, -np.inf, np.log(rate**known * np.exp(-rate) / np.exp(gammaln(known + 1))))


@idea("poisson_log_pmf", SMALL)
def mass_then_logarithm(k, rate):
    return np.log(np.exp(log_mass(k, rate)))


@idea("poisson_log_pmf", SMALL)
def power_overflows(k, rate):
    known = np.maximum(k, 0).astype(float)
    return np.where(k < 0, -np.inf, np.log(rate**known) - rate - gammaln(known + 1))


@idea("poisson_log_pmf", SMALL)
def small_number_added_to_the_mass(k, rate):
    return np.where(k < 0, -np.inf, np.log(np.exp(log_mass(k, rate)) + 1e-300))


# ---------------------------------------------------------------- normal_pdf

REFUSED = "A variance of 0 or less belongs to no density: raise a ValueError."
SMALL_VARIANCE = "A small variance is as good as any. Refuse 0 and less, and change no other."


def bell(x, mean, variance, factor=None, distance=None):
    """The normal density, with another factor in front or another exponent."""
    if variance <= 0:
        raise ValueError("variance")
    factor = 1 / np.sqrt(2 * np.pi * variance) if factor is None else factor
    return factor * np.exp(-((x - mean) ** 2) / (2 * variance) if distance is None else distance)


@idea(
    "normal_pdf",
    "The variance is taken for the standard deviation and squared once more. The argument is the variance.",
)
def deviation_expected(x, mean, variance):
    return bell(x, mean, np.sign(variance) * variance**2)


@idea("normal_pdf", "The variance is squared in the exponent, as if it were the standard deviation.")
def variance_squared_in_the_exponent(x, mean, variance):
    return bell(x, mean, variance, distance=-((x - mean) ** 2) / (2 * (variance**2 or 1)))


@idea("normal_pdf", "The standard deviation stands in the exponent where the variance belongs.")
def deviation_in_the_exponent(x, mean, variance):
    if variance <= 0:
        raise ValueError("variance")
    return bell(x, mean, variance, distance=-((x - mean) ** 2) / (2 * np.sqrt(variance)))


@idea("normal_pdf", "The root is forgotten: the density is divided by sqrt(2 pi variance).")
def root_forgotten(x, mean, variance):
    return bell(x, mean, variance, 1 / (2 * np.pi * variance) if variance else 1)


@idea(
    "normal_pdf",
    "The variance is outside the root: divide by sqrt(2 pi variance), or by sqrt(2 pi) * deviation.",
)
def variance_outside_the_root(x, mean, variance):
    return bell(x, mean, variance, 1 / (np.sqrt(2 * np.pi) * variance) if variance else 1)


@idea("normal_pdf", "2 pi is outside the root: divide by sqrt(2 pi variance).")
def two_pi_outside_the_root(x, mean, variance):
    return bell(x, mean, abs(variance) * np.sign(variance), 1 / (2 * np.pi * np.sqrt(abs(variance) or 1)))


@idea("normal_pdf", "The 2 pi is missing: divide by sqrt(2 pi variance).")
def two_pi_missing(x, mean, variance):
    return bell(x, mean, variance, 1 / np.sqrt(abs(variance) or 1))


@idea("normal_pdf", "The 2 is missing below the root: divide by sqrt(2 pi variance).")
def two_missing(x, mean, variance):
    return bell(x, mean, variance, 1 / np.sqrt(np.pi * (abs(variance) or 1)))


@idea(
    "normal_pdf",
    "The spread is missing in front, though a wider bell is a lower one: divide by sqrt(2 pi variance).",
)
def spread_missing_in_front(x, mean, variance):
    return bell(x, mean, variance, 1 / np.sqrt(2 * np.pi))


@idea("normal_pdf", "The factor in front is missing. Without it the area is not 1.")
def factor_missing(x, mean, variance):
    return bell(x, mean, variance, 1.0)


@idea("normal_pdf", "The 1/2 in the exponent is missing: it is -(x - mean)^2 / (2 variance).")
def half_missing(x, mean, variance):
    return bell(x, mean, variance, distance=-((x - mean) ** 2) / (variance or 1))


@idea(
    "normal_pdf",
    "`/ 2 * variance` divides by 2 and then multiplies by the variance. Write brackets: `/ (2 * variance)`.",
)
def brackets_missing(x, mean, variance):
    return bell(x, mean, variance, distance=-((x - mean) ** 2) / 2 * variance)


@idea("normal_pdf", "The sign in the exponent is missing: the density falls with the distance from the mean.")
def sign_missing(x, mean, variance):
    return bell(x, mean, variance, distance=np.minimum((x - mean) ** 2 / (2 * (variance or 1)), 700))


@idea("normal_pdf", "The distance from the mean is not squared.")
def distance_not_squared(x, mean, variance):
    return bell(x, mean, variance, distance=-np.abs(x - mean) / (2 * (variance or 1)))


@idea("normal_pdf", "The mean is not subtracted.")
def mean_not_subtracted(x, mean, variance):
    return bell(x, 0.0, variance)


@idea("normal_pdf", "The mean is added. Subtract it: what counts is the distance x - mean.")
def mean_added(x, mean, variance):
    return bell(x, -mean, variance)


@idea("normal_pdf", "The average of x is subtracted. Subtract the mean that is given.")
def average_of_the_places(x, mean, variance):
    return bell(x, np.mean(x), variance)


@idea(
    "normal_pdf", "The variance is taken for its inverse: divide by it, in the exponent and below the root."
)
def variance_inverted(x, mean, variance):
    return bell(x, mean, 1 / variance if variance else 0)


@idea("normal_pdf", "The densities are multiplied. Return one for each place of x.")
def product_of_the_densities(x, mean, variance):
    return bell(x, mean, variance).prod()


@idea("normal_pdf", "The exponent is not divided by the variance.")
def exponent_not_divided(x, mean, variance):
    return bell(x, mean, variance, distance=-((x - mean) ** 2) / 2)


@idea("normal_pdf", "These are the logarithms of the density; take exp of them.")
def logarithm_of_the_density(x, mean, variance):
    if variance <= 0:
        raise ValueError("variance")
    return -((x - mean) ** 2) / (2 * variance) - np.log(2 * np.pi * variance) / 2


@idea(
    "normal_pdf", "This is the cumulative distribution, the area to the left of x. The density is its slope."
)
def cumulative_normal(x, mean, variance):
    if variance <= 0:
        raise ValueError("variance")
    return ndtr((x - mean) / np.sqrt(variance))


@idea(
    "normal_pdf",
    "The values are divided by their sum. A density has area 1; its values at some places do not sum to 1.",
)
def normalised_over_the_places(x, mean, variance):
    values = bell(x, mean, variance)
    return values / max(values.sum(), 1e-300)


@idea(
    "normal_pdf",
    "The density is cut off at 1. It is no probability: where the variance is small it is above 1.",
)
def cut_off_at_one(x, mean, variance):
    return np.minimum(bell(x, mean, variance), 1.0)


def unchecked(x, mean, variance):
    return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(np.array(2 * np.pi * variance))


@idea("normal_pdf", REFUSED)
def any_variance(x, mean, variance):
    return unchecked(x, mean, np.float64(variance))


@idea("normal_pdf", REFUSED)
def variance_of_zero_allowed(x, mean, variance):
    if variance < 0:
        raise ValueError("variance")
    return unchecked(x, mean, np.float64(variance))


@idea("normal_pdf", REFUSED)
def asserted(x, mean, variance):
    if variance <= 0:
        raise AssertionError("variance")
    return bell(x, mean, variance)


@idea("normal_pdf", REFUSED)
def nothing_for_a_bad_variance(x, mean, variance):
    return bell(x, mean, variance) if variance > 0 else np.full(len(x), np.nan)


@idea("normal_pdf", REFUSED)
def variance_made_positive(x, mean, variance):
    return bell(x, mean, abs(variance) + 1e-12)


@idea("normal_pdf", SMALL_VARIANCE)
def small_variance_refused(x, mean, variance):
    if variance < 0.001:
        raise ValueError("variance")
    return bell(x, mean, variance)


@idea("normal_pdf", SMALL_VARIANCE)
def small_variance_raised(x, mean, variance):
    if variance <= 0:
        raise ValueError("variance")
    return bell(x, mean, max(variance, 0.001))


@idea("normal_pdf", IN_PLACE)
def places_centred_in_place(x, mean, variance):
    answer = bell(x, mean, variance)
    x -= mean
    return answer


# ---------------------------------------------------------------- exponential_cdf

LOST = (
    "1 - exp(-t) loses its digits where t is tiny, for exp(-t) is rounded to a float just below 1: use expm1."
)
NO_WAIT = "No wait is negative: for x < 0, F(x) is 0."


def arrived(x, rate):
    return -np.expm1(-rate * np.maximum(x, 0.0))


@idea(
    "exponential_cdf",
    "This is the density, rate * exp(-rate x). The cumulative distribution is its area up to x.",
)
def density_for_cumulative(x, rate):
    return np.where(x < 0, 0.0, rate * np.exp(-rate * np.maximum(x, 0.0)))


@idea("exponential_cdf", "This is the probability of a wait longer than x. P(X <= x) is 1 minus it.")
def survival(x, rate):
    return np.where(x < 0, 0.0, 1 - arrived(x, rate))


@idea("exponential_cdf", "The rate is taken for the mean wait: the exponent is -rate * x, not -x / rate.")
def rate_for_mean(x, rate):
    return arrived(x, 1 / rate)


@idea("exponential_cdf", "The rate is multiplied once too often: 1 - exp(-rate x) has no factor in front.")
def rate_in_front(x, rate):
    return rate * arrived(x, rate)


@idea(
    "exponential_cdf", "The density is subtracted from 1. Subtract exp(-rate x), without the rate in front."
)
def one_minus_the_density(x, rate):
    return np.where(x < 0, 0.0, 1 - density_for_cumulative.function(x, rate))


@idea("exponential_cdf", "The rate is missing in the exponent.")
def rate_missing(x, rate):
    return arrived(x, 1.0)


@idea("exponential_cdf", "This is the logarithm of F. Return F itself.")
def logarithm_of_f(x, rate):
    return np.log(arrived(x, rate))


@idea("exponential_cdf", "This is rate * x, which is near F for small x only.")
def straight_line(x, rate):
    return np.clip(rate * x, 0.0, 1.0)


@idea("exponential_cdf", "The sign is turned: F = 1 - exp(-rate x), and expm1(t) is exp(t) - 1.")
def f_turned(x, rate):
    return -arrived(x, rate)


@idea("exponential_cdf", "The exponent has lost its minus.")
def minus_lost(x, rate):
    return np.expm1(np.minimum(rate * np.maximum(x, 0.0), 700))


@idea("exponential_cdf", NO_WAIT)
def negative_waits(x, rate):
    return -np.expm1(-rate * x)


@idea("exponential_cdf", NO_WAIT)
def waits_without_sign(x, rate):
    return arrived(np.abs(x), rate)


@idea("exponential_cdf", NO_WAIT)
def nan_for_negative(x, rate):
    return np.where(x < 0, np.nan, arrived(x, rate))


@idea("exponential_cdf", NO_WAIT)
def one_for_negative(x, rate):
    return np.where(x < 0, 1.0, arrived(x, rate))


@idea("exponential_cdf", NO_WAIT)
def error_for_negative(x, rate):
    if np.any(x < 0):
        raise ValueError("x")
    return arrived(x, rate)


@idea("exponential_cdf", "The negative x were left out. F is 0 there; return a value for each x.")
def negative_left_out(x, rate):
    return arrived(x[x >= 0], rate)


@idea("exponential_cdf", LOST)
def one_minus_exp(x, rate):
    return np.where(x < 0, 0.0, 1 - np.exp(-rate * np.maximum(x, 0.0)))


@idea(
    "exponential_cdf",
    "Between tiny and ordinary t, t itself is too rough for 1 - exp(-t): use expm1 for all t.",
)
def straight_line_for_small(x, rate):
    t = rate * np.maximum(x, 0.0)
    return np.where(t < 1e-3, t, -np.expm1(-t))


@idea("exponential_cdf", LOST)
def tiny_is_nothing(x, rate):
    return np.where(rate * x < 1e-10, 0.0, arrived(x, rate))


@idea("exponential_cdf", LOST)
def rounded(x, rate):
    return np.round(arrived(x, rate), 12)


@idea("exponential_cdf", IN_PLACE)
def negative_set_to_zero_in_place(x, rate):
    x[x < 0] = 0
    x *= -rate
    return -np.expm1(x)


# ---------------------------------------------------------------- conditional

NEVER = "Y = b never happens here, P(Y = b) = 0, so nothing can be said of X given Y = b: raise a ValueError."

RARE = "P(Y = b) is not 0 here: a 0 in the column, or a small sum, changes nothing. Divide, no more."


def occurring(joint, b):
    column = joint[:, b]
    if column.sum() == 0:
        raise ValueError("b")
    return column


@idea("conditional", "This is P(X, Y = b), the column as it is. Divide it by P(Y = b), so that it sums to 1.")
def joint_for_conditional(joint, b):
    return occurring(joint, b).copy()


@idea("conditional", "This is row b, P(Y given X = b). Y counts the columns: take joint[:, b].")
def row_for_column(joint, b):
    row = joint[min(b, len(joint) - 1)]
    if row.sum() == 0 or joint[:, b].sum() == 0:
        raise ValueError("b")
    return row / row.sum()


@idea(
    "conditional",
    "This is P(Y = b given X), each entry divided by its row's sum. Divide the column by its own sum.",
)
def the_other_conditional(joint, b):
    sums = joint.sum(axis=1)
    return occurring(joint, b) / np.where(sums > 0, sums, 1)


@idea("conditional", "This is P(X), the sum over all of Y. What Y = b tells of X is forgotten.")
def marginal_of_x(joint, b):
    occurring(joint, b)
    return joint.sum(axis=1)


@idea("conditional", "This is P(Y), not P(X given Y = b).")
def marginal_of_y(joint, b):
    occurring(joint, b)
    return joint.sum(axis=0)


@idea(
    "conditional", "P(X) and P(Y = b) are multiplied, as if X and Y were independent. Column b knows better."
)
def as_if_independent(joint, b):
    return joint.sum(axis=1) * occurring(joint, b).sum()


@idea(
    "conditional", "The column is divided by its length, the root of the sum of squares. Divide by its sum."
)
def divided_by_the_length(joint, b):
    return occurring(joint, b) / np.linalg.norm(joint[:, b])


@idea("conditional", "This is P(Y = b), a single number. It is what column b is to be divided by.")
def probability_of_b(joint, b):
    return occurring(joint, b).sum()


@idea("conditional", "This is a table of P(X given Y) for every value of Y. Return column b of it.")
def all_columns(joint, b):
    occurring(joint, b)
    sums = joint.sum(axis=0)
    return joint / np.where(sums > 0, sums, 1)


@idea("conditional", "The column is multiplied by P(Y = b). Divide by it.")
def multiplied(joint, b):
    return occurring(joint, b) * joint[:, b].sum()


@idea(
    "conditional",
    "P(X, Y) is divided by P(X) P(Y), which tells how far they depend on each other. Divide by P(Y = b).",
)
def divided_by_both(joint, b):
    sums = joint.sum(axis=1)
    return occurring(joint, b) / np.where(sums > 0, sums, 1) / joint[:, b].sum()


@idea("conditional", "The column is divided by its largest entry. Divide by its sum.")
def divided_by_the_largest(joint, b):
    return occurring(joint, b) / joint[:, b].max()


@idea("conditional", "The column is divided by its average. Divide by its sum.")
def divided_by_the_average(joint, b):
    return occurring(joint, b) / joint[:, b].mean()


@idea(
    "conditional",
    "The column is put through a softmax. It holds probabilities, not scores: divide by its sum.",
)
def softmax_of_the_column(joint, b):
    shares = np.exp(occurring(joint, b))
    return shares / shares.sum()


@idea("conditional", "b counts from 0: column b is joint[:, b], not joint[:, b - 1].")
def counted_from_one(joint, b):
    occurring(joint, b)
    column = joint[:, b - 1]
    return column / (column.sum() or 1)


@idea("conditional", "All probability is given to the most probable X. Keep the shares.")
def most_probable_only(joint, b):
    return np.eye(len(joint))[occurring(joint, b).argmax()]


@idea(
    "conditional",
    "A small number is added to the entries. That changes the shares: divide by the sum, no more.",
)
def smoothed(joint, b):
    column = occurring(joint, b) + 0.01
    return column / column.sum()


@idea("conditional", RARE)
def smoothed_a_little(joint, b):
    column = occurring(joint, b) + 1e-7
    return column / column.sum()


@idea("conditional", RARE)
def small_number_in_the_divisor(joint, b):
    return occurring(joint, b) / (joint[:, b].sum() + 1e-8)


@idea("conditional", "The result is a column, (A, 1). It must be a vector, (A,).")
def left_as_a_column(joint, b):
    return (occurring(joint, b) / joint[:, b].sum())[:, None]


@idea("conditional", NEVER)
def nan_for_never(joint, b):
    return joint[:, b] / joint[:, b].sum()


@idea("conditional", NEVER)
def zeros_for_never(joint, b):
    total = joint[:, b].sum()
    return joint[:, b] / total if total > 0 else np.zeros(len(joint))


@idea("conditional", NEVER)
def uniform_for_never(joint, b):
    total = joint[:, b].sum()
    return joint[:, b] / total if total > 0 else np.full(len(joint), 1 / len(joint))


@idea("conditional", NEVER)
def divided_by_zero(joint, b):
    total = float(joint[:, b].sum())
    return [float(value) / total for value in joint[:, b]]


@idea("conditional", RARE)
def any_zero_refused(joint, b):
    if np.any(joint[:, b] == 0):
        raise ValueError("b")
    return joint[:, b] / joint[:, b].sum()


@idea("conditional", RARE)
def rare_refused(joint, b):
    if joint[:, b].sum() < 1e-4:
        raise ValueError("b")
    return joint[:, b] / joint[:, b].sum()


@idea("conditional", RARE)
def very_rare_refused(joint, b):
    if joint[:, b].sum() < 1e-6:
        raise ValueError("b")
    return joint[:, b] / joint[:, b].sum()


@idea("conditional", IN_PLACE)
def divided_in_place(joint, b):
    column = occurring(joint, b)
    column /= column.sum()
    return column


# ---------------------------------------------------------------- bernoulli_log_likelihood

ENDS = (
    "At theta = 0 and 1: data that cannot happen have -inf, data that are certain have 0, since 0 * log 0 "
    "counts as 0."
)
MANY = "The product of thousands of probabilities underflows to 0, and log 0 is -inf. Add logarithms instead."


def counts(flips):
    heads = int(np.sum(flips))
    return heads, len(flips) - heads


def log_l(theta, flips):
    heads, tails = counts(flips)
    return xlogy(heads, theta) + xlogy(tails, 1 - theta)


@idea("bernoulli_log_likelihood", "This is the likelihood itself. Return its logarithm.")
def likelihood_itself(theta, flips):
    return np.exp(log_l(theta, flips))


@idea("bernoulli_log_likelihood", BASE)
def likelihood_to_base_2(theta, flips):
    return log_l(theta, flips) / np.log(2)


@idea("bernoulli_log_likelihood", BASE)
def likelihood_to_base_10(theta, flips):
    return log_l(theta, flips) / np.log(10)


@idea("bernoulli_log_likelihood", "The sign is turned: this is a loss, to be minimised. Return log L itself.")
def loss(theta, flips):
    return -log_l(theta, flips)


@idea("bernoulli_log_likelihood", "The logarithms are averaged over the flips. log L is their sum.")
def averaged(theta, flips):
    return log_l(theta, flips) / len(flips)


@idea(
    "bernoulli_log_likelihood",
    "A binomial coefficient is included. The flips are given in their order, so only one sequence counts.",
)
def with_coefficient(theta, flips):
    heads, tails = counts(flips)
    return log_l(theta, flips) + log_choose(heads + tails, heads)


@idea("bernoulli_log_likelihood", "Heads and tails are exchanged: theta is the probability of a 1.")
def theta_of_tails(theta, flips):
    return log_l(1 - theta, flips)


@idea("bernoulli_log_likelihood", "The tails are not counted: each adds log(1 - theta).")
def heads_only(theta, flips):
    return xlogy(counts(flips)[0], theta)


@idea("bernoulli_log_likelihood", "Only the last flip is counted. Add the logarithms of all.")
def last_flip_only(theta, flips):
    return log_l(theta, flips[-1:])


@idea(
    "bernoulli_log_likelihood",
    "The tails are subtracted. Probabilities are multiplied, so all logarithms are added.",
)
def tails_subtracted(theta, flips):
    heads, tails = counts(flips)
    return xlogy(heads, theta) - xlogy(tails, 1 - theta)


@idea(
    "bernoulli_log_likelihood",
    "These are the logarithms of sums of probabilities. Those of independent flips are multiplied.",
)
def probabilities_added(theta, flips):
    heads, tails = counts(flips)
    return np.log(heads * theta + tails * (1 - theta))


@idea("bernoulli_log_likelihood", "The values are added up over theta. Return one for each theta.")
def summed_over_theta(theta, flips):
    return log_l(theta, flips).sum()


TABLE = "This is a table with a value for each flip. Add it up over the flips."


@idea("bernoulli_log_likelihood", TABLE)
def table_of_thetas(theta, flips):
    return table_of_flips.function(theta, flips).T


@idea("bernoulli_log_likelihood", TABLE)
def table_of_flips(theta, flips):
    return np.array([log_l(theta, np.array([flip])) for flip in flips])


@idea("bernoulli_log_likelihood", "The maximum over theta is subtracted. Return log L itself, not a ratio.")
def less_its_maximum(theta, flips):
    values = log_l(theta, flips)
    return values - values.max()


@idea(
    "bernoulli_log_likelihood",
    "The likelihood is normalised over theta, as if it were a distribution over theta. It is not.",
)
def normalised_over_theta(theta, flips):
    values = log_l(theta, flips)
    return values - np.logaddexp.reduce(values)


@idea("bernoulli_log_likelihood", "This is the entropy's formula, with theta in place of the counts.")
def entropy(theta, flips):
    return len(flips) * (xlogy(theta, theta) + xlogy(1 - theta, 1 - theta))


@idea(
    "bernoulli_log_likelihood", "theta is estimated from the flips. Return log L of each theta that is given."
)
def theta_estimated(theta, flips):
    return log_l(np.full(len(theta), np.mean(flips)), flips)


@idea(
    "bernoulli_log_likelihood",
    "These flips are booleans, True for a head. Turn them into numbers first: flips.astype(int).",
)
def true_is_not_one(theta, flips):
    if flips.dtype == bool:
        return heads_only.function(theta, flips)
    return log_l(theta, flips)


@idea("bernoulli_log_likelihood", ENDS)
def nan_at_the_ends(theta, flips):
    heads, tails = counts(flips)
    return heads * np.log(theta) + tails * np.log(1 - theta)


@idea("bernoulli_log_likelihood", ENDS)
def never_quite_zero(theta, flips):
    return log_l(np.clip(theta, 1e-12, 1 - 1e-12), flips)


@idea("bernoulli_log_likelihood", ENDS)
def small_number_in_the_logarithm(theta, flips):
    heads, tails = counts(flips)
    return heads * np.log(theta + 1e-15) + tails * np.log(1 - theta + 1e-15)


@idea("bernoulli_log_likelihood", ENDS)
def ends_always_impossible(theta, flips):
    return np.where((theta <= 0) | (theta >= 1), -np.inf, log_l(theta, flips))


@idea("bernoulli_log_likelihood", ENDS)
def ends_count_as_zero(theta, flips):
    return np.nan_to_num(log_l(theta, flips), neginf=0.0)


@idea("bernoulli_log_likelihood", ENDS)
def very_small_for_impossible(theta, flips):
    return np.maximum(log_l(theta, flips), -1e100)


@idea("bernoulli_log_likelihood", ENDS)
def ends_refused(theta, flips):
    return [
        flips.sum() * math.log(float(t)) + (len(flips) - flips.sum()) * math.log(1 - float(t)) for t in theta
    ]


@idea("bernoulli_log_likelihood", "raises IndexError")
def booleans_for_an_index(theta, flips):
    return [np.log([1 - t, t])[flips].sum() for t in theta]


@idea("bernoulli_log_likelihood", MANY)
def product_then_logarithm(theta, flips):
    return np.log(np.where(np.asarray(flips, bool)[:, None], theta, 1 - theta).prod(axis=0))


@idea("bernoulli_log_likelihood", MANY)
def powers_then_logarithm(theta, flips):
    heads, tails = counts(flips)
    return np.log(theta**heads * (1 - theta) ** tails)


@idea("bernoulli_log_likelihood", IN_PLACE)
def theta_changed(theta, flips):
    answer = log_l(theta, flips)
    np.clip(theta, 0.25, 0.75, out=theta)
    return answer


# ---------------------------------------------------------------- bernoulli_mle

NO_FLIPS = "No flips, no estimate: raise a ValueError."
WHOLE_THETA = (
    "This is 0 or 1, by whole-number division, rounding or a majority. theta may lie anywhere between: "
    "heads / N."
)
GRID = (
    "The estimate is rounded or read off a grid, so it is near the maximum only. Solve for theta, and keep "
    "all its digits."
)


def some(data):
    if len(data) == 0:
        raise ValueError("empty")
    return data


@idea("bernoulli_mle", "This is the share of tails. theta is the probability of a 1.")
def share_of_tails(flips):
    return 1 - np.mean(some(flips))


@idea("bernoulli_mle", "This is (heads + 1) / (N + 2), smoothed by a prior. Maximum likelihood is heads / N.")
def laplace_rule(flips):
    return (np.sum(some(flips)) + 1) / (len(flips) + 2)


@idea(
    "bernoulli_mle",
    "Half a head and half a tail are added, as a prior does. Maximum likelihood is heads / N.",
)
def half_a_flip_each(flips):
    return (np.sum(some(flips)) + 0.5) / (len(flips) + 1)


@idea(
    "bernoulli_mle",
    "The estimate is kept away from 0 and 1. Maximum likelihood goes as near as heads / N does.",
)
def kept_from_the_ends(flips):
    return float(np.clip(np.mean(some(flips)), 0.01, 0.99))


@idea("bernoulli_mle", "These are the log odds, log(theta / (1 - theta)). Return theta.")
def log_odds(flips):
    share = np.clip(np.mean(some(flips)), 1e-9, 1 - 1e-9)
    return np.log(share / (1 - share))


@idea("bernoulli_mle", "This is the number of heads. Divide by N.")
def number_of_heads(flips):
    return np.sum(some(flips))


@idea("bernoulli_mle", "These are the odds, heads to tails. Divide by N, all flips.")
def odds(flips):
    return np.sum(some(flips)) / max(len(flips) - np.sum(flips), 1)


@idea("bernoulli_mle", WHOLE_THETA)
def whole_division(flips):
    return int(np.sum(some(flips))) // len(flips)


@idea("bernoulli_mle", WHOLE_THETA)
def more_frequent(flips):
    return float(2 * np.sum(some(flips)) > len(flips))


@idea("bernoulli_mle", "The sum is divided by N - 1. Divide by N.")
def divided_by_one_less(flips):
    return np.sum(some(flips)) / max(len(flips) - 1, 1)


@idea("bernoulli_mle", "This is the variance of the flips, theta (1 - theta), not theta.")
def variance_of_the_flips(flips):
    return np.var(some(flips))


@idea("bernoulli_mle", GRID)
def read_off_a_fine_grid(flips):
    grid = np.linspace(0, 1, 1001)
    return grid[log_l(grid, some(flips)).argmax()]


@idea("bernoulli_mle", GRID)
def read_off_a_very_fine_grid(flips):
    grid = np.linspace(0, 1, 10001)
    return grid[log_l(grid, some(flips)).argmax()]


@idea("bernoulli_mle", GRID)
def read_off_a_grid(flips):
    grid = np.linspace(0.01, 0.99, 99)
    return grid[log_l(grid, some(flips)).argmax()]


@idea("bernoulli_mle", "This is the maximum of log L. Return the theta at which it is reached.")
def maximum_for_its_place(flips):
    return log_l(np.array([np.mean(some(flips))]), flips)[0]


@idea("bernoulli_mle", NO_FLIPS)
def nan_without_flips(flips):
    return np.mean(flips)


@idea("bernoulli_mle", NO_FLIPS)
def half_without_flips(flips):
    return np.mean(flips) if len(flips) else 0.5


@idea("bernoulli_mle", NO_FLIPS)
def zero_without_flips(flips):
    return np.sum(flips) / max(len(flips), 1)


@idea("bernoulli_mle", NO_FLIPS)
def divided_by_no_flips(flips):
    return int(np.sum(flips)) / len(flips)


@idea("bernoulli_mle", "The number stands in a list or an array of its own. Return it as it is.")
def number_in_a_list(flips):
    return [np.mean(some(flips))]


# ---------------------------------------------------------------- normal_mle

NO_DATA = "No data, no estimate: raise a ValueError."
NARROW = "A small variance stays as small as it is: set no bound to it, and add nothing."


@idea("normal_mle", "The variance divides by N - 1. That is unbiased; maximum likelihood divides by N.")
def unbiased(x):
    return np.mean(some(x)), np.var(x, ddof=1)


@idea("normal_mle", "The second number is the standard deviation. Return its square, the variance.")
def deviation_returned(x):
    return np.mean(some(x)), np.std(x)


@idea("normal_mle", "The mean is not subtracted: this is the average of x^2.")
def around_zero(x):
    return np.mean(some(x)), np.mean(x**2)


@idea("normal_mle", "The squared deviations are only summed. Divide by N.")
def not_divided(x):
    return np.mean(some(x)), np.var(x) * len(x)


@idea("normal_mle", "The first number is the median. The likelihood is largest at the mean.")
def median_returned(x):
    return np.median(some(x)), np.var(x)


@idea("normal_mle", "The first number is the median. The likelihood is largest at the mean.")
def around_the_median_returned(x):
    return np.median(some(x)), np.mean((x - np.median(x)) ** 2)


@idea("normal_mle", "The variance divides by N + 1. Maximum likelihood divides by N.")
def divided_by_one_more(x):
    return np.mean(some(x)), np.var(x) * len(x) / (len(x) + 1)


@idea("normal_mle", NARROW)
def variance_bounded(x):
    return np.mean(some(x)), max(np.var(x), 1e-6)


@idea("normal_mle", NARROW)
def variance_plus_a_little(x):
    return np.mean(some(x)), np.var(x) + (1e-8 if np.var(x) < 1e-4 else 0.0)


@idea("normal_mle", "This is the average distance from the mean. Average its square.")
def distance_returned(x):
    return np.mean(some(x)), np.abs(x - np.mean(x)).mean()


@idea("normal_mle", "This is the variance of the mean, smaller by another N. Return that of the data.")
def variance_of_the_mean(x):
    return np.mean(some(x)), np.var(x) / len(x)


@idea("normal_mle", "This is 1 / variance, the precision.")
def precision(x):
    return np.mean(some(x)), 1 / np.var(x)


@idea("normal_mle", "The two are in another order: first the mean, then the variance.")
def variance_first(x):
    return np.var(some(x)), np.mean(x)


@idea("normal_mle", "it must return 2 things, (mean, variance), not one")
def variance_only(x):
    return np.var(some(x))


@idea("normal_mle", NO_DATA)
def nan_without_data(x):
    return np.mean(x), np.var(x)


@idea("normal_mle", NO_DATA)
def standard_without_data(x):
    return (np.mean(x), np.var(x)) if len(x) else (0.0, 1.0)


@idea("normal_mle", NO_DATA)
def divided_by_no_data(x):
    values = x.tolist()
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


@idea("normal_mle", IN_PLACE)
def centred_data_in_place(x):
    mean = np.mean(some(x))
    x -= mean
    return mean, np.mean(x**2)


# ---------------------------------------------------------------- exponential_mle

NO_WAITS = "No waits, no estimate: raise a ValueError."
NOUGHT = "A wait of 0 is a wait like the others: it counts in N and adds nothing to the sum."


@idea("exponential_mle", "This is the mean wait. The rate is 1 over it.")
def mean_for_rate(x):
    return np.mean(some(x))


@idea("exponential_mle", "This is 1 / median. The likelihood is largest at 1 / mean.")
def median_for_mean_wait(x):
    return 1 / np.median(some(x))


@idea(
    "exponential_mle",
    "This is log 2 / median, another estimate of the rate. The likelihood is largest at 1 / mean.",
)
def half_life(x):
    return np.log(2) / np.median(some(x))


@idea(
    "exponential_mle",
    "This is 1 / standard deviation, another estimate of the rate. The likelihood is largest at 1 / mean.",
)
def deviation_for_mean(x):
    return 1 / np.std(some(x))


@idea("exponential_mle", "The mean of 1 / x is not 1 / mean of x. Average the waits first.")
def mean_of_inverses(x):
    return np.mean(1 / some(x))


@idea("exponential_mle", "(N - 1) / sum is the unbiased estimate. Maximum likelihood is N / sum.")
def unbiased_rate(x):
    return (len(some(x)) - 1) / np.sum(x)


@idea("exponential_mle", "This is 1 / sum. N events happened in that time: N / sum.")
def number_forgotten(x):
    return 1 / np.sum(some(x))


@idea("exponential_mle", "This is 1 / variance. The variance of an exponential is 1 / rate^2; use the mean.")
def inverse_variance(x):
    return 1 / np.var(some(x))


@idea("exponential_mle", "This is 1 / the shortest wait.")
def shortest_wait(x):
    return 1 / np.min(some(x))


@idea("exponential_mle", "This is 1 / the longest wait. The likelihood is largest at 1 / mean.")
def longest_wait(x):
    return 1 / np.max(some(x))


@idea("exponential_mle", "This is (N + 1) / sum. Maximum likelihood is N / sum.")
def one_wait_too_many(x):
    return (len(some(x)) + 1) / np.sum(x)


@idea("exponential_mle", NOUGHT)
def waits_of_zero_left_out(x):
    return 1 / np.mean(some(x)[x > 0])


@idea("exponential_mle", "The number stands in a list or an array of its own. Return it as it is.")
def rate_in_a_list(x):
    return [1 / np.mean(some(x))]


@idea("exponential_mle", "The waits are added up, not averaged or inverted: N / sum.")
def sum_of_waits(x):
    return np.sum(some(x))


@idea("exponential_mle", "This is the maximum of log L. Return the rate at which it is reached.")
def maximum_of_the_likelihood(x):
    return -len(some(x)) * (np.log(np.mean(x)) + 1)


@idea("exponential_mle", NO_WAITS)
def nan_without_waits(x):
    return 1 / np.mean(x)


@idea("exponential_mle", NO_WAITS)
def infinite_without_waits(x):
    return 1 / np.mean(x) if len(x) else np.inf


@idea("exponential_mle", NO_WAITS)
def zero_without_waits(x):
    return len(x) / np.sum(x) if len(x) else 0.0


@idea("exponential_mle", NO_WAITS)
def divided_by_no_waits(x):
    return len(x) / sum(x.tolist())


# ---------------------------------------------------------------- mvn_log_pdf

TINY = (
    "This covariance is positive definite, but in 200 dimensions its determinant, 1e-800 or 1e800, leaves "
    "the range of floats. Compute its logarithm, by np.linalg.slogdet or from the diagonal of a Cholesky "
    "factor."
)
CHANGED = (
    "Variances near 1e-8 count as much as those near 1: add nothing to the covariance, cut nothing off, and "
    "keep all digits of float64."
)
SINGULAR = "This covariance is singular, its determinant is 0: raise a ValueError or a LinAlgError."
INDEFINITE = (
    "This matrix is not positive definite, so it is no covariance: some direction would have a negative "
    "variance. Raise a ValueError or a LinAlgError."
)


def log_normal(X, mean, covariance, log_2pi=1.0, log_determinant=1.0, square=1.0, gaps=None):
    """The log density, its three terms weighted."""
    factor = np.linalg.cholesky(covariance)
    y = np.linalg.solve(factor, (X - mean if gaps is None else gaps).T)
    constant = len(mean) * log_2pi * np.log(2 * np.pi) + 2 * log_determinant * np.log(np.diag(factor)).sum()
    return -0.5 * (constant + square * (y**2).sum(axis=0))


@idea("mvn_log_pdf", "The term with 2 pi is missing: -d/2 log 2 pi.")
def no_two_pi(X, mean, covariance):
    return log_normal(X, mean, covariance, log_2pi=0)


@idea("mvn_log_pdf", "log 2 pi counts once for each dimension: its term is -d/2 log 2 pi.")
def one_dimension_of_two_pi(X, mean, covariance):
    return log_normal(X, mean, covariance, log_2pi=1 / len(mean))


@idea("mvn_log_pdf", "The number of points stands where the number of dimensions belongs: -d/2 log 2 pi.")
def points_for_dimensions(X, mean, covariance):
    return log_normal(X, mean, covariance, log_2pi=len(X) / len(mean))


@idea("mvn_log_pdf", "log 2 pi lacks its 1/2: the term is -d/2 log 2 pi.")
def two_pi_not_halved(X, mean, covariance):
    return log_normal(X, mean, covariance, log_2pi=2)


NO_DETERMINANT = (
    "The term with the determinant is missing, -1/2 log |S|; the variances on the diagonal of S, multiplied, "
    "are not |S| yet."
)


@idea("mvn_log_pdf", NO_DETERMINANT)
def diagonal_for_the_determinant(X, mean, covariance):
    return log_normal(X, mean, covariance, log_determinant=0) - 0.5 * np.log(np.diag(covariance)).sum()


@idea("mvn_log_pdf", NO_DETERMINANT)
def no_determinant(X, mean, covariance):
    return log_normal(X, mean, covariance, log_determinant=0)


@idea("mvn_log_pdf", "The determinant's logarithm lacks its 1/2: the term is -1/2 log |S|.")
def determinant_not_halved(X, mean, covariance):
    return log_normal(X, mean, covariance, log_determinant=2)


@idea(
    "mvn_log_pdf",
    "The determinant's logarithm is halved twice. |S| is the square of the product of the factor's diagonal.",
)
def determinant_halved_twice(X, mean, covariance):
    return log_normal(X, mean, covariance, log_determinant=0.5)


@idea("mvn_log_pdf", "The determinant's logarithm is added: its sign is minus.")
def determinant_added(X, mean, covariance):
    return log_normal(X, mean, covariance, log_determinant=-1)


@idea("mvn_log_pdf", "The quadratic form lacks its 1/2.")
def square_not_halved(X, mean, covariance):
    return log_normal(X, mean, covariance, square=2)


@idea(
    "mvn_log_pdf", "The quadratic form is added: its sign is minus, for the density falls with the distance."
)
def square_added(X, mean, covariance):
    return log_normal(X, mean, covariance, square=-1)


@idea("mvn_log_pdf", "The distance is not squared: (x - m)^T S^(-1) (x - m) has no root.")
def root_of_the_square(X, mean, covariance):
    square = -2 * log_normal(X, mean, covariance, log_2pi=0, log_determinant=0)
    return log_normal(X, mean, covariance, square=0) - 0.5 * np.sqrt(square)


@idea("mvn_log_pdf", "The covariance stands in the quadratic form where its inverse belongs.")
def no_inverse(X, mean, covariance):
    gaps = X - mean
    square = np.einsum("ni,ij,nj->n", gaps, covariance, gaps)
    return log_normal(X, mean, covariance, square=0) - 0.5 * square


@idea("mvn_log_pdf", "Plain distances are used. The quadratic form has the inverse of the covariance in it.")
def plain_distances(X, mean, covariance):
    return log_normal(X, mean, covariance, square=0) - 0.5 * ((X - mean) ** 2).sum(axis=1)


@idea(
    "mvn_log_pdf",
    "Only the variances on the diagonal are used. The covariances beside them turn the ellipse.",
)
def diagonal_only(X, mean, covariance):
    np.linalg.cholesky(covariance)
    return log_normal(X, mean, np.diag(np.diag(covariance)))


@idea("mvn_log_pdf", "The covariance is squared, as if it held standard deviations. It holds variances.")
def covariance_squared(X, mean, covariance):
    np.linalg.cholesky(covariance)
    square = covariance @ covariance
    factor = np.linalg.eigh((square + square.T) / 2)
    values = np.maximum(factor[0], 1e-300)
    y = (X - mean) @ factor[1] / np.sqrt(values)
    return -0.5 * (len(mean) * np.log(2 * np.pi) + np.log(values).sum() + (y**2).sum(axis=1))


@idea("mvn_log_pdf", "The Cholesky factor is turned on its side: solve with the lower triangle L, S = L L^T.")
def upper_factor(X, mean, covariance):
    y = np.linalg.solve(np.linalg.cholesky(covariance).T, (X - mean).T)
    return log_normal(X, mean, covariance, square=0) - 0.5 * (y**2).sum(axis=0)


@idea("mvn_log_pdf", "The mean is not subtracted.")
def no_mean(X, mean, covariance):
    return log_normal(X, mean, covariance, gaps=X)


@idea("mvn_log_pdf", "The points' own average is subtracted. Subtract the mean that is given.")
def own_mean(X, mean, covariance):
    return log_normal(X, mean, covariance, gaps=X - X.mean(axis=0))


@idea("mvn_log_pdf", "This is the density itself. Return its logarithm.")
def density_itself(X, mean, covariance):
    return np.exp(log_normal(X, mean, covariance))


@idea("mvn_log_pdf", BASE)
def density_to_base_10(X, mean, covariance):
    return log_normal(X, mean, covariance) / np.log(10)


@idea("mvn_log_pdf", BASE)
def density_to_base_2(X, mean, covariance):
    return log_normal(X, mean, covariance) / np.log(2)


@idea("mvn_log_pdf", "The log densities are added up. Return one for each row of X.")
def summed_over_points(X, mean, covariance):
    return log_normal(X, mean, covariance).sum()


@idea("mvn_log_pdf", "The log densities are averaged. Return one for each row of X.")
def averaged_over_points(X, mean, covariance):
    return log_normal(X, mean, covariance).mean()


@idea(
    "mvn_log_pdf",
    "This is a table (N, N), of every point with every other. Keep its diagonal, or sum products row by row.",
)
def every_pair(X, mean, covariance):
    gaps = X - mean
    return log_normal(X, mean, covariance, square=0) - 0.5 * gaps @ np.linalg.solve(covariance, gaps.T)


@idea("mvn_log_pdf", "The sum runs over the points here. Sum over the coordinates, for each point.")
def summed_over_the_wrong_axis(X, mean, covariance):
    y = np.linalg.solve(np.linalg.cholesky(covariance), (X - mean).T)
    return log_normal(X[:1], mean, covariance, square=0) - 0.5 * (y**2).sum(axis=1)


@idea("mvn_log_pdf", "The result is a column, (N, 1). It must be a vector, (N,).")
def column_of_densities(X, mean, covariance):
    return log_normal(X, mean, covariance)[:, None]


@idea(
    "mvn_log_pdf",
    "The density far away underflows to 0 before its logarithm is taken. Never leave logarithms.",
)
def density_then_logarithm(X, mean, covariance):
    return np.log(np.exp(log_normal(X, mean, covariance)))


@idea("mvn_log_pdf", TINY)
def determinant_then_logarithm(X, mean, covariance):
    square = -2 * log_normal(X, mean, covariance, log_2pi=0, log_determinant=0)
    return -0.5 * (len(mean) * np.log(2 * np.pi) + np.log(np.linalg.det(covariance)) + square)


@idea("mvn_log_pdf", TINY)
def product_of_the_diagonal(X, mean, covariance):
    root = np.prod(np.diag(np.linalg.cholesky(covariance)))
    return log_normal(X, mean, covariance, log_determinant=0) - np.log(root)


@idea("mvn_log_pdf", TINY)
def determinant_checked(X, mean, covariance):
    if np.linalg.det(covariance) <= 0:
        raise ValueError("covariance")
    return log_normal(X, mean, covariance)


@idea("mvn_log_pdf", CHANGED)
def jitter_added(X, mean, covariance):
    return log_normal(X, mean, covariance + (1e-9 if len(mean) > 50 else 0) * np.eye(len(mean)))


@idea("mvn_log_pdf", CHANGED)
def small_variances_raised(X, mean, covariance):
    values, axes = np.linalg.eigh(covariance)
    if values.min() <= 0:
        raise ValueError("covariance")
    values = np.maximum(values, 1e-6)
    y = (X - mean) @ axes / np.sqrt(values)
    return -0.5 * (len(mean) * np.log(2 * np.pi) + np.log(values).sum() + (y**2).sum(axis=1))


@idea("mvn_log_pdf", CHANGED)
def small_variances_cut_off(X, mean, covariance):
    square = np.einsum("ni,ij,nj->n", X - mean, np.linalg.pinv(covariance, rcond=1e-6), X - mean)
    return log_normal(X, mean, covariance, square=0) - 0.5 * square


@idea("mvn_log_pdf", TINY)
def ill_conditioned_refused(X, mean, covariance):
    if np.linalg.cond(covariance) > 1e6:
        raise ValueError("covariance")
    return log_normal(X, mean, covariance)


@idea("mvn_log_pdf", "The rows of (X - m) S^(-1) are squared. Multiply them by X - m once more instead.")
def inverse_squared(X, mean, covariance):
    return log_normal(X, mean, covariance, square=0) - 0.5 * (
        np.linalg.solve(covariance, (X - mean).T) ** 2
    ).sum(axis=0)


def by_determinant(X, mean, covariance, inverse):
    gaps = X - mean
    square = np.einsum("ni,ij,nj->n", gaps, inverse(covariance), gaps)
    return -0.5 * (len(mean) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + square)


@idea("mvn_log_pdf", SINGULAR)
def inverse_of_the_singular(X, mean, covariance):
    if np.linalg.eigvalsh(covariance).min() < -1e-9:
        raise ValueError("covariance")
    return by_determinant(X, mean, covariance, np.linalg.pinv)


@idea("mvn_log_pdf", SINGULAR)
def jitter_for_the_singular(X, mean, covariance):
    try:
        return log_normal(X, mean, covariance)
    except np.linalg.LinAlgError:
        return log_normal(X, mean, covariance + 1e-6 * np.eye(len(mean)))


@idea("mvn_log_pdf", SINGULAR)
def nan_for_the_singular(X, mean, covariance):
    try:
        return log_normal(X, mean, covariance)
    except np.linalg.LinAlgError:
        return np.full(len(X), np.nan)


@idea("mvn_log_pdf", INDEFINITE)
def sign_ignored(X, mean, covariance):
    return by_determinant(X, mean, covariance, np.linalg.inv)


@idea("mvn_log_pdf", INDEFINITE)
def sign_of_the_determinant_checked(X, mean, covariance):
    if np.linalg.slogdet(covariance)[0] <= 0:
        raise ValueError("covariance")
    return by_determinant(X, mean, covariance, np.linalg.inv)


@idea("mvn_log_pdf", INDEFINITE)
def diagonal_checked(X, mean, covariance):
    if np.any(np.diag(covariance) <= 0):
        raise ValueError("covariance")
    return by_determinant(X, mean, covariance, np.linalg.inv)


@idea("mvn_log_pdf", IN_PLACE)
def points_centred_in_place(X, mean, covariance):
    X -= mean
    return log_normal(X, mean, covariance, gaps=X)
