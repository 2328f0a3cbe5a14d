"""Wrong ideas about Gaussian mixtures and EM: how students write them, and what they should read.

Each function is one wrong idea, and wrong by nothing else. A sentence that a test cell says of a property is
repeated here word for word. `python -m genlab.checks.catalogue gmm-em` makes gmm-em/ideas.json of it.
"""

import numpy as np
from scipy.special import logsumexp

from genlab.checks.catalogue import idea

# ---------------------------------------------------------------- initialize_params

EQUAL = "All weights must be equal and sum to 1: each is 1 / K."
IDENTITY = "Every covariance must be the identity matrix."
A_ROW = "Every mean must be a row of the data."
TWICE = "A row was drawn twice: K different row indices are drawn, so draw without replacement."
UNIFORM = "The rows must be drawn uniformly: over many starts, each is chosen equally often."
PAIRS = (
    "The rows must be drawn together uniformly: any two are chosen together equally often, not only "
    "neighbours."
)
TOO_FEW = "If K > N there are not K different rows: raise a ValueError."
GLOBAL = (
    "np.random's global state changed. Draw from rng (rng.choice, rng.normal, ...), never from np.random "
    "itself."
)
ELSEWHERE = (
    "the same state of rng gave two different answers: something is drawn from elsewhere. Draw from rng "
    "alone, and make no generator of your own."
)
FIXED = (
    "the answer is the same whatever the state of rng: a seed is fixed inside, or nothing is drawn from rng."
)
IN_PLACE = "it changes an array that it was given. Work on a copy."


def start_at(rows, data, K):
    return np.full(K, 1 / K), data[rows], np.tile(np.eye(data.shape[1]), (K, 1, 1))


def enough(data, K):
    if len(data) < K:
        raise ValueError(f"K is {K}, N is {len(data)}")


def drawn(data, K, rng):
    return start_at(rng.choice(len(data), K, replace=False), data, K)


@idea("initialize_params", TWICE)
def with_replacement(data, K, rng):
    enough(data, K)
    return start_at(rng.integers(0, len(data), size=K), data, K)


@idea("initialize_params", FIXED)
def first_rows(data, K, rng):
    enough(data, K)
    return start_at(np.arange(K), data, K)


@idea("initialize_params", FIXED)
def fixed_seed(data, K, rng):
    return drawn(data, K, np.random.default_rng(42))


@idea("initialize_params", ELSEWHERE)
def own_generator(data, K, rng):
    return drawn(data, K, np.random.default_rng())


@idea("initialize_params", GLOBAL)
def global_state(data, K, rng):
    return start_at(np.random.choice(len(data), K, replace=False), data, K)  # noqa: NPY002


@idea("initialize_params", GLOBAL)
def global_seed(data, K, rng):
    np.random.seed(int(rng.integers(2**31)))  # noqa: NPY002
    return start_at(np.random.choice(len(data), K, replace=False), data, K)  # noqa: NPY002


@idea("initialize_params", A_ROW)
def means_near_the_data(data, K, rng):
    weights, means, covariances = drawn(data, K, rng)
    return weights, means + 0.1 * rng.normal(size=means.shape), covariances


@idea("initialize_params", A_ROW)
def columns_shuffled_apart(data, K, rng):
    enough(data, K)
    return start_at(np.arange(K), rng.permuted(data, axis=0), K)


@idea("initialize_params", IDENTITY)
def covariance_of_the_data(data, K, rng):
    weights, means, _ = drawn(data, K, rng)
    return weights, means, np.tile(np.atleast_2d(np.cov(data.T)), (K, 1, 1))


@idea("initialize_params", IDENTITY)
def matrices_of_ones(data, K, rng):
    weights, means, covariances = drawn(data, K, rng)
    return weights, means, np.ones_like(covariances)


@idea("initialize_params", "the shape of covariances is (2, 2); it must be (4, 2, 2).")
def one_covariance(data, K, rng):
    weights, means, covariances = drawn(data, K, rng)
    return weights, means, covariances[0]


@idea("initialize_params", EQUAL)
def random_weights(data, K, rng):
    _, means, covariances = drawn(data, K, rng)
    return rng.dirichlet(np.ones(K)), means, covariances


@idea("initialize_params", EQUAL)
def weights_of_one(data, K, rng):
    _, means, covariances = drawn(data, K, rng)
    return np.ones(K), means, covariances


@idea("initialize_params", TOO_FEW)
def fewer_components_than_asked(data, K, rng):
    return drawn(data, min(K, len(data)), rng)


@idea("initialize_params", TOO_FEW)
def rows_again_where_too_few(data, K, rng):
    return start_at(rng.choice(len(data), K, replace=len(data) < K), data, K)


@idea("initialize_params", IN_PLACE)
def shuffled_in_place(data, K, rng):
    enough(data, K)
    rng.shuffle(data)
    return start_at(np.arange(K), data, K)


@idea(
    "initialize_params",
    "It is the row indices that must be different: of two equal rows both can be drawn.",
)
def different_rows_for_different_indices(data, K, rng):
    different = np.unique(data, axis=0)
    enough(different, K)
    return drawn(different, K, rng)


@idea("initialize_params", UNIFORM)
def each_row_swapped_with_a_later_one(data, K, rng):  # a shuffle that leaves none in its place
    enough(data, K)
    rows = np.arange(len(data))
    for i in range(min(K, len(data) - 1)):
        j = rng.integers(i + 1, len(data))
        rows[[i, j]] = rows[[j, i]]
    return start_at(rows[:K], data, K)


@idea("initialize_params", UNIFORM)
def never_the_last_row(data, K, rng):
    enough(data, K)
    return start_at(rng.choice(max(len(data) - 1, K), K, replace=False), data, K)


@idea("initialize_params", UNIFORM)
def spread_out(data, K, rng):  # the idea of k-means++
    enough(data, K)
    rows = [int(rng.integers(len(data)))]
    while len(rows) < K:
        distance = ((data[:, None] - data[rows]) ** 2).sum(axis=2).min(axis=1)
        rows.append(int(rng.choice(len(data), p=distance / distance.sum())))
    return start_at(rows, data, K)


@idea("initialize_params", PAIRS)
def neighbouring_rows(data, K, rng):
    enough(data, K)
    return start_at((rng.integers(len(data)) + np.arange(K)) % len(data), data, K)


# ---------------------------------------------------------------- expectation_step

FAR = (
    "This far from every component all densities underflow to 0, and 0 / 0 is not a number. Keep their "
    "logarithms, and subtract the largest of each row before you take exp (log-sum-exp)."
)
SMALL = (
    "In 100 dimensions with variances of 0.0001 the determinant, 1e-400, underflows to 0. Compute its "
    "logarithm, by np.linalg.slogdet or a Cholesky factor."
)


def squares(data, means, matrices):
    """(x - mean)^T matrix (x - mean), (N, K)."""
    gaps = data[:, None] - means
    return np.einsum("nki,kij,nkj->nk", gaps, matrices, gaps)


def log_densities(data, means, covariances):
    _, log_determinants = np.linalg.slogdet(covariances)
    log_2pi = data.shape[1] * np.log(2 * np.pi)
    return -0.5 * (squares(data, means, np.linalg.inv(covariances)) + log_determinants + log_2pi)


def normalised(log_joint):
    return np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))


def right_shares(data, weights, means, covariances):
    return normalised(np.log(weights) + log_densities(data, means, covariances))


def only_diagonals(covariances):
    return covariances * np.eye(covariances.shape[1])


def densities(data, means, covariances):
    """The textbook's formula, without logarithms."""
    gaps = data[:, None] - means
    distance = np.einsum("nki,kij,nkj->nk", gaps, np.linalg.inv(covariances), gaps)
    return np.exp(-distance / 2) / np.sqrt((2 * np.pi) ** data.shape[1] * np.linalg.det(covariances))


@idea(
    "expectation_step",
    "You normalised each column: a component's responsibilities over the points sum to 1. It is each "
    "point's that must: divide every row by its own sum (axis=1).",
)
def normalised_over_points(data, weights, means, covariances):
    log_joint = np.log(weights) + log_densities(data, means, covariances)
    return np.exp(log_joint - logsumexp(log_joint, axis=0))


@idea(
    "expectation_step",
    "You divided by the sum of the whole table. Each point has responsibilities of its own: divide every "
    "row by its own sum.",
)
def normalised_over_all(data, weights, means, covariances):
    log_joint = np.log(weights) + log_densities(data, means, covariances)
    return np.exp(log_joint - logsumexp(log_joint))


@idea(
    "expectation_step",
    "These are the products w_k N(x), not yet divided by their sum over the components: a row must sum to 1.",
)
def not_normalised(data, weights, means, covariances):
    return np.exp(np.log(weights) + log_densities(data, means, covariances))


@idea(
    "expectation_step",
    "The prior is forgotten: by Bayes' rule each density is multiplied by its component's weight before "
    "you normalise.",
)
def prior_forgotten(data, weights, means, covariances):
    return normalised(log_densities(data, means, covariances))


@idea(
    "expectation_step",
    "The weights come too late: multiply the densities by them before you divide by the sum, which must "
    "contain them too.",
)
def weights_after_normalising(data, weights, means, covariances):
    return weights * normalised(log_densities(data, means, covariances))


@idea(
    "expectation_step",
    "The weights enter twice. The numerator is w_k times the density, once, and the denominator is the "
    "sum of the numerators.",
)
def weights_twice(data, weights, means, covariances):
    return normalised(2 * np.log(weights) + log_densities(data, means, covariances))


@idea(
    "expectation_step",
    "A covariance holds variances, but here it was taken for standard deviations and squared once more.",
)
def variance_taken_for_deviation(data, weights, means, covariances):
    return right_shares(data, weights, means, covariances @ covariances)


@idea(
    "expectation_step",
    "The square root of the determinant is forgotten: the density has |covariance|^(-1/2), not "
    "|covariance|^(-1).",
)
def root_of_determinant_forgotten(data, weights, means, covariances):
    _, log_determinants = np.linalg.slogdet(covariances)
    return normalised(np.log(weights) + log_densities(data, means, covariances) - 0.5 * log_determinants)


@idea(
    "expectation_step",
    "The determinant is forgotten. It does not cancel: the wider component is the lower one, by "
    "|covariance|^(-1/2).",
)
def determinant_forgotten(data, weights, means, covariances):
    _, log_determinants = np.linalg.slogdet(covariances)
    return normalised(np.log(weights) + log_densities(data, means, covariances) + 0.5 * log_determinants)


@idea("expectation_step", "The 1/2 in the exponent is forgotten: the density has exp(-squared distance / 2).")
def half_forgotten(data, weights, means, covariances):
    distance = squares(data, means, np.linalg.inv(covariances))
    return normalised(np.log(weights) + log_densities(data, means, covariances) - 0.5 * distance)


@idea(
    "expectation_step",
    "The covariance stands in the exponent where its inverse belongs: (x - mean)^T covariance^(-1) (x - "
    "mean).",
)
def inverse_forgotten(data, weights, means, covariances):
    _, log_determinants = np.linalg.slogdet(covariances)
    return normalised(np.log(weights) - 0.5 * (squares(data, means, covariances) + log_determinants))


@idea(
    "expectation_step",
    "Each component's own covariance is ignored: the density depends on the distance in standard deviations, "
    "not on the plain distance.",
)
def covariances_ignored(data, weights, means, covariances):
    return right_shares(data, weights, means, np.ones_like(covariances) * np.eye(data.shape[1]))


@idea(
    "expectation_step",
    "Only the variances on the diagonals are used. The covariances beside them turn and stretch the "
    "ellipse; use the whole matrix.",
)
def correlations_dropped(data, weights, means, covariances):
    return right_shares(data, weights, means, only_diagonals(covariances))


@idea(
    "expectation_step",
    "These are hard labels: all of a point to its best component. Responsibilities are shares, the "
    "posterior probabilities themselves.",
)
def hard_labels(data, weights, means, covariances):
    return np.eye(len(weights))[right_shares(data, weights, means, covariances).argmax(axis=1)]


@idea("expectation_step", "These are the logarithms of the responsibilities; take exp of them in the end.")
def logarithms(data, weights, means, covariances):
    return np.log(right_shares(data, weights, means, covariances))


@idea(
    "expectation_step",
    "These are the responsibilities turned on their side: the shape is (N, K), a point a row.",
)
def transposed(data, weights, means, covariances):
    return right_shares(data, weights, means, covariances).T


@idea("expectation_step", FAR)
def textbook(data, weights, means, covariances):
    joint = weights * densities(data, means, covariances)
    return joint / joint.sum(axis=1, keepdims=True)


@idea("expectation_step", FAR)
def largest_of_the_table_subtracted(data, weights, means, covariances):
    log_joint = np.log(weights) + log_densities(data, means, covariances)
    joint = np.exp(log_joint - log_joint.max())
    return joint / joint.sum(axis=1, keepdims=True)


@idea(
    "expectation_step",
    "The largest of each column was subtracted, which does not cancel. Subtract from each row its own "
    "largest (axis=1, keepdims=True).",
)
def largest_of_each_column_subtracted(data, weights, means, covariances):
    log_joint = np.log(weights) + log_densities(data, means, covariances)
    joint = np.exp(log_joint - log_joint.max(axis=0))
    return joint / joint.sum(axis=1, keepdims=True)


@idea("expectation_step", FAR)
def small_number_added(data, weights, means, covariances):
    joint = weights * densities(data, means, covariances)
    return joint / (joint.sum(axis=1, keepdims=True) + 1e-300)


@idea(
    "expectation_step",
    "Where all densities underflow you share the point equally. The row then sums to 1, but its numbers "
    "are made up: work with logarithms and log-sum-exp.",
)
def equal_shares_far_away(data, weights, means, covariances):
    shares = textbook.function(data, weights, means, covariances)
    return np.where(np.isnan(shares), 1 / len(weights), shares)


@idea("expectation_step", SMALL)
def determinant_before_logarithm(data, weights, means, covariances):
    distance = squares(data, means, np.linalg.inv(covariances))
    return normalised(np.log(weights) - 0.5 * (distance + np.log(np.linalg.det(covariances))))


@idea("expectation_step", SMALL)
def determinant_and_a_small_number(data, weights, means, covariances):
    distance = squares(data, means, np.linalg.inv(covariances))
    return normalised(np.log(weights) - 0.5 * (distance + np.log(np.linalg.det(covariances) + 1e-300)))


@idea("expectation_step", IN_PLACE)
def data_centred_in_place(data, weights, means, covariances):
    data -= means[0]
    return right_shares(data, weights, means - means[0], covariances)


# ---------------------------------------------------------------- maximization_step


def weighted(data, responsibilities, divide_by=None, centres=None):
    """The update formulas, with the divisor of the covariances or their centres exchanged."""
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ data / counts[:, None]
    gaps = data[:, None] - (means if centres is None else centres)
    sums = np.einsum("nk,nki,nkj->kij", responsibilities, gaps, gaps)
    divisor = counts if divide_by is None else divide_by(counts)
    return counts / len(data), means, sums / np.reshape(divisor, (-1, 1, 1))


@idea(
    "maximization_step",
    "The covariances are divided by N. A component's covariance is an average over its own share: divide "
    "by N_k, the sum of its responsibilities.",
)
def covariances_by_n(data, responsibilities):
    return weighted(data, responsibilities, lambda counts: len(data))


@idea(
    "maximization_step",
    "The covariances are divided by N_k - 1. That is the unbiased estimate; maximum likelihood divides by"
    " N_k.",
)
def covariances_unbiased(data, responsibilities):
    return weighted(data, responsibilities, lambda counts: np.maximum(counts - 1, 1e-3))


@idea(
    "maximization_step",
    "np.cov corrects for bias here, as it does by default. Maximum likelihood divides by N_k: bias=True.",
)
def covariances_by_numpys_default(data, responsibilities):
    weights, means, _ = weighted(data, responsibilities)
    d = data.shape[1]
    return weights, means, [np.cov(data.T, aweights=r).reshape(d, d) for r in responsibilities.T]


@idea(
    "maximization_step",
    "The covariances are sums: divide them by N_k, the component's total responsibility.",
)
def covariances_not_divided(data, responsibilities):
    return weighted(data, responsibilities, lambda counts: 1)


@idea(
    "maximization_step",
    "The means are divided by N. A component's mean is an average over its own share: divide by N_k, the "
    "sum of its responsibilities.",
)
def means_by_n(data, responsibilities):
    means = responsibilities.T @ data / len(data)
    weights, _, covariances = weighted(data, responsibilities, centres=means)
    return weights, means, covariances


@idea(
    "maximization_step",
    "The covariances are taken about 0: that is the weighted average of x x^T. Subtract the component's "
    "new mean from x first.",
)
def covariances_not_centred(data, responsibilities):
    return weighted(data, responsibilities, centres=0.0)


@idea(
    "maximization_step",
    "The covariances are taken about the mean of all the data. Subtract the component's own new mean.",
)
def covariances_about_the_common_mean(data, responsibilities):
    return weighted(data, responsibilities, centres=data.mean(axis=0))


@idea(
    "maximization_step",
    "Only variances are computed; the covariances beside the diagonals are lost. Sum the outer products "
    "(x - mean)(x - mean)^T, which are d x d.",
)
def diagonals_only(data, responsibilities):
    weights, means, covariances = weighted(data, responsibilities)
    return weights, means, only_diagonals(covariances)


@idea(
    "maximization_step",
    "The square root was taken: these are standard deviations. A covariance holds variances on its diagonal.",
)
def deviations(data, responsibilities):
    weights, means, covariances = weighted(data, responsibilities)
    return weights, means, np.sign(covariances) * np.sqrt(np.abs(covariances))


@idea(
    "maximization_step",
    "The responsibilities are squared in the covariances: each outer product counts r times, once.",
)
def shares_squared(data, responsibilities):
    counts = responsibilities.sum(axis=0)
    weights, means, _ = weighted(data, responsibilities)
    gaps = responsibilities[:, :, None] * (data[:, None] - means)
    return weights, means, np.einsum("nki,nkj->kij", gaps, gaps) / counts[:, None, None]


@idea(
    "maximization_step",
    "The responsibilities are forgotten in the covariances: each outer product counts r times, not once.",
)
def covariances_not_weighted(data, responsibilities):
    weights, means, _ = weighted(data, responsibilities)
    gaps = data[:, None] - means
    return weights, means, np.einsum("nki,nkj->kij", gaps, gaps) / len(data)


@idea(
    "maximization_step",
    "Each point was given whole to its best component. EM's shares are soft: use the responsibilities "
    "themselves.",
)
def hard_shares(data, responsibilities):
    best = np.eye(responsibilities.shape[1])[responsibilities.argmax(axis=1)]
    return weighted(data, np.where(best.sum(axis=0) > 0, best, responsibilities))


@idea("maximization_step", "The weights are the totals N_k: divide them by N, so that they sum to 1.")
def weights_not_divided(data, responsibilities):
    _, means, covariances = weighted(data, responsibilities)
    return responsibilities.sum(axis=0), means, covariances


@idea(
    "maximization_step",
    "The weights are all equal, as in the start. They are learnt too: w_k is N_k / N.",
)
def weights_not_updated(data, responsibilities):
    _, means, covariances = weighted(data, responsibilities)
    return np.full(len(means), 1 / len(means)), means, covariances


@idea(
    "maximization_step",
    "The weights were averaged over the wrong axis: average the responsibilities over the points "
    "(axis=0), a weight a component.",
)
def weights_over_the_wrong_axis(data, responsibilities):
    _, means, covariances = weighted(data, responsibilities)
    return responsibilities.mean(axis=1), means, covariances


@idea(
    "maximization_step",
    "All components share one covariance here. Each has its own, from its own responsibilities.",
)
def one_covariance_for_all(data, responsibilities):
    weights, means, covariances = weighted(data, responsibilities)
    return weights, means, np.tile(np.einsum("k,kij->ij", weights, covariances), (len(weights), 1, 1))


@idea("maximization_step", "The parts are in another order: return weights, then means, then covariances.")
def another_order(data, responsibilities):
    weights, means, covariances = weighted(data, responsibilities)
    return means, covariances, weights


@idea(
    "maximization_step",
    "More than 1e-6 is added to the diagonals, which widens every component. Add less, or nothing.",
)
def too_much_added(data, responsibilities):
    weights, means, covariances = weighted(data, responsibilities)
    return weights, means, covariances + 1e-3 * np.eye(data.shape[1])


@idea("maximization_step", IN_PLACE)
def responsibilities_divided_in_place(data, responsibilities):
    parts = weighted(data, responsibilities)
    responsibilities /= responsibilities.sum(axis=0)
    return parts


# ---------------------------------------------------------------- compute_log_likelihood

FAR_LIKELIHOOD = (
    "A point 1000 standard deviations away has a density that underflows to 0, and log 0 is -inf. Never "
    "leave logarithms: add the components by log-sum-exp."
)
MANY = "The product of the densities of many points underflows to 0. Add their logarithms instead."


def right_log_likelihood(data, weights, means, covariances):
    return logsumexp(np.log(weights) + log_densities(data, means, covariances), axis=1).sum()


@idea("compute_log_likelihood", "This is the average over the samples. The log-likelihood is their sum.")
def average(data, weights, means, covariances):
    return right_log_likelihood(data, weights, means, covariances) / len(data)


@idea("compute_log_likelihood", "The sign is turned: this is the negative log-likelihood.")
def negative(data, weights, means, covariances):
    return -right_log_likelihood(data, weights, means, covariances)


@idea("compute_log_likelihood", "The logarithm is forgotten: this is a likelihood, a product of densities.")
def no_logarithm(data, weights, means, covariances):
    return np.exp(right_log_likelihood(data, weights, means, covariances))


@idea("compute_log_likelihood", "The logarithm here has base 2 or 10. Use the natural one, np.log.")
def logarithm_to_base_2(data, weights, means, covariances):
    return right_log_likelihood(data, weights, means, covariances) / np.log(2)


@idea("compute_log_likelihood", "The logarithm here has base 2 or 10. Use the natural one, np.log.")
def logarithm_to_base_10(data, weights, means, covariances):
    return right_log_likelihood(data, weights, means, covariances) / np.log(10)


@idea(
    "compute_log_likelihood",
    "The largest of each row was subtracted before exp, and never added again, after the logarithm.",
)
def largest_not_added_again(data, weights, means, covariances):
    log_joint = np.log(weights) + log_densities(data, means, covariances)
    return (logsumexp(log_joint, axis=1) - log_joint.max(axis=1)).sum()


@idea(
    "compute_log_likelihood",
    "The constant (2 pi)^(-d/2) is forgotten. Here it does not cancel, unlike in the E step.",
)
def constant_forgotten(data, weights, means, covariances):
    return right_log_likelihood(data, weights, means, covariances) + 0.5 * data.size * np.log(2 * np.pi)


@idea(
    "compute_log_likelihood",
    "The constant is (2 pi)^(-d/2): it has the number of dimensions in its exponent, and you have it for "
    "one dimension.",
)
def constant_of_one_dimension(data, weights, means, covariances):
    surplus = 0.5 * (data.shape[1] - 1) * len(data) * np.log(2 * np.pi)
    return right_log_likelihood(data, weights, means, covariances) + surplus


@idea(
    "compute_log_likelihood",
    "The weights are forgotten: each density is multiplied by its component's weight.",
)
def weights_forgotten(data, weights, means, covariances):
    return logsumexp(log_densities(data, means, covariances), axis=1).sum()


@idea(
    "compute_log_likelihood",
    "You averaged the components' logarithms. The sum over components stands inside: the log of the sum "
    "of w_k N, not the sum of w_k log N.",
)
def average_of_logarithms(data, weights, means, covariances):
    return (weights * log_densities(data, means, covariances)).sum()


@idea(
    "compute_log_likelihood",
    "You added the logarithms of the components. Add the components first, w_1 N_1 + w_2 N_2 + ..., then "
    "take the logarithm.",
)
def sum_of_logarithms(data, weights, means, covariances):
    return (np.log(weights) + log_densities(data, means, covariances)).sum()


@idea(
    "compute_log_likelihood",
    "Only each point's best component counts here. The likelihood adds them all: log-sum-exp, not max.",
)
def best_component_only(data, weights, means, covariances):
    return (np.log(weights) + log_densities(data, means, covariances)).max(axis=1).sum()


@idea(
    "compute_log_likelihood",
    "You took one logarithm of the sum over all points. Samples are independent, so their densities "
    "multiply: a logarithm for each point, and then the sum.",
)
def logarithm_of_the_total(data, weights, means, covariances):
    return logsumexp(np.log(weights) + log_densities(data, means, covariances))


@idea(
    "compute_log_likelihood",
    "There is a value for each sample here. The log-likelihood is one number, their sum.",
)
def not_summed(data, weights, means, covariances):
    return logsumexp(np.log(weights) + log_densities(data, means, covariances), axis=1)


@idea(
    "compute_log_likelihood",
    "A covariance holds variances, but here it was taken for standard deviations and squared once more.",
)
def likelihood_with_squared_variances(data, weights, means, covariances):
    return right_log_likelihood(data, weights, means, covariances @ covariances)


@idea(
    "compute_log_likelihood",
    "The square root of the determinant is forgotten: the density has |covariance|^(-1/2), not "
    "|covariance|^(-1).",
)
def likelihood_without_the_root(data, weights, means, covariances):
    _, log_determinants = np.linalg.slogdet(covariances)
    log_joint = np.log(weights) + log_densities(data, means, covariances) - 0.5 * log_determinants
    return logsumexp(log_joint, axis=1).sum()


@idea(
    "compute_log_likelihood",
    "The determinant is forgotten: the wider a component is, the lower it is, by |covariance|^(-1/2).",
)
def likelihood_without_determinant(data, weights, means, covariances):
    _, log_determinants = np.linalg.slogdet(covariances)
    log_joint = np.log(weights) + log_densities(data, means, covariances) + 0.5 * log_determinants
    return logsumexp(log_joint, axis=1).sum()


@idea(
    "compute_log_likelihood",
    "The 1/2 in the exponent is forgotten: the density has exp(-squared distance / 2).",
)
def likelihood_without_the_half(data, weights, means, covariances):
    distance = squares(data, means, np.linalg.inv(covariances))
    log_joint = np.log(weights) + log_densities(data, means, covariances) - 0.5 * distance
    return logsumexp(log_joint, axis=1).sum()


@idea(
    "compute_log_likelihood",
    "Only the variances on the diagonals are used. The covariances beside them turn and stretch the "
    "ellipse; use the whole matrix.",
)
def likelihood_of_diagonals(data, weights, means, covariances):
    return right_log_likelihood(data, weights, means, only_diagonals(covariances))


@idea("compute_log_likelihood", FAR_LIKELIHOOD)
def likelihood_by_the_textbook(data, weights, means, covariances):
    return np.log((weights * densities(data, means, covariances)).sum(axis=1)).sum()


@idea("compute_log_likelihood", FAR_LIKELIHOOD)
def tiny_number_added(data, weights, means, covariances):
    return np.log((weights * densities(data, means, covariances)).sum(axis=1) + 1e-300).sum()


@idea("compute_log_likelihood", MANY)
def logarithm_of_the_product(data, weights, means, covariances):
    log_joint = np.log(weights) + log_densities(data, means, covariances)
    return np.log(np.prod(np.exp(logsumexp(log_joint, axis=1))))


@idea("compute_log_likelihood", SMALL)
def likelihood_with_plain_determinant(data, weights, means, covariances):
    distance = squares(data, means, np.linalg.inv(covariances))
    log_determinants = np.log(np.linalg.det(covariances))
    log_joint = np.log(weights) - 0.5 * (distance + log_determinants + data.shape[1] * np.log(2 * np.pi))
    return logsumexp(log_joint, axis=1).sum()


# ---------------------------------------------------------------- em_algorithm

OWN_START = (
    "Start from initialize_params(data, K, rng), called before anything else is drawn from rng; an "
    "iteration is one E step and one M step, each from what the step before it returned."
)
LAST = "Return the parameters after the last M step, and the log-likelihoods after each."
LATE = "EM must stop as soon as two successive log-likelihoods differ by less than tol; yours goes on."
EARLY = (
    "EM stopped although the last two log-likelihoods differ by tol or more. Compare two successive "
    "entries themselves: not their ratio, their average over the samples, or the parameters."
)
FIRST_ENTRY = "EM stopped with one entry in the list: it takes two to compare, and both belong there."
COLLAPSE = (
    "A component collapses onto a single point: its covariance becomes 0, which has no inverse. Add 1e-6 "
    "to the diagonal of every covariance."
)
BEFORE = (
    "The log-likelihood is recorded before the update: each entry belongs to the parameters after the "
    "iteration's M step."
)
ALSO_AT_START = (
    "The start's log-likelihood is in the list too. There is one entry for each iteration, after its M step."
)
ONE_TOO_MANY = "There is one iteration too many: max_iter=1 is one E step and one M step."
ONE_TOO_FEW = "There is one entry too few: max_iter=1 is one E step, one M step and one entry."


def initialize_params(data, K, rng):  # in a test, the notebook's own takes this one's place
    return drawn(data, K, rng)


def m_step(data, responsibilities):
    weights, means, covariances = weighted(data, responsibilities)
    return weights, means, covariances + 1e-6 * np.eye(data.shape[1])


def loop(data, max_iter, tol, model, e=right_shares, m=m_step, entry=right_log_likelihood, stop=None):
    """EM with a part exchanged."""
    stop = stop or (lambda entries, old, new: len(entries) > 1 and abs(entries[-1] - entries[-2]) < tol)
    entries = []
    for _ in range(max_iter):
        old, model = model, m(data, e(data, *model))
        entries.append(entry(data, *model))
        if stop(entries, old, model):
            break
    return (*model, entries)


@idea("em_algorithm", BEFORE)
def recorded_before(data, K, rng, max_iter=100, tol=1e-4):
    model, entries = initialize_params(data, K, rng), []
    for _ in range(max_iter):
        entries.append(right_log_likelihood(data, *model))
        model = m_step(data, right_shares(data, *model))
        if len(entries) > 1 and abs(entries[-1] - entries[-2]) < tol:
            break
    return (*model, entries)


@idea("em_algorithm", ALSO_AT_START)
def recorded_at_the_start_too(data, K, rng, max_iter=100, tol=1e-4):
    model = initialize_params(data, K, rng)
    first = right_log_likelihood(data, *model)
    *model, entries = loop(data, max_iter, tol, model)
    return (*model, [first, *entries])


@idea("em_algorithm", "The list must hold log-likelihoods, sums over the samples; these are averages.")
def averages_recorded(data, K, rng, max_iter=100, tol=1e-4):
    def entry(data, *model):
        return right_log_likelihood(data, *model) / len(data)

    return loop(data, max_iter, tol, initialize_params(data, K, rng), entry=entry)


@idea("em_algorithm", "The list holds negative log-likelihoods; turn their sign.")
def negatives_recorded(data, K, rng, max_iter=100, tol=1e-4):
    def entry(data, *model):
        return -right_log_likelihood(data, *model)

    return loop(data, max_iter, tol, initialize_params(data, K, rng), entry=entry)


@idea(
    "em_algorithm",
    "Return the whole list of log-likelihoods, an entry an iteration, not only the last one.",
)
def last_entry_only(data, K, rng, max_iter=100, tol=1e-4):
    *model, entries = loop(data, max_iter, tol, initialize_params(data, K, rng))
    return (*model, entries[-1])


@idea(
    "em_algorithm",
    "Each point was given whole to its best component, as k-means does. The M step needs the "
    "responsibilities themselves.",
)
def hard_em(data, K, rng, max_iter=100, tol=1e-4):
    def e(data, *model):
        best = np.eye(K)[right_shares(data, *model).argmax(axis=1)]
        return np.maximum(best, 1e-12)

    return loop(data, max_iter, tol, initialize_params(data, K, rng), e=e)


@idea(
    "em_algorithm",
    "The covariances stay at the start's. Each iteration must update weights, means and covariances.",
)
def covariances_kept(data, K, rng, max_iter=100, tol=1e-4):
    start = initialize_params(data, K, rng)
    return loop(data, max_iter, tol, start, m=lambda data, shares: (*m_step(data, shares)[:2], start[2]))


@idea(
    "em_algorithm",
    "The weights stay at the start's. Each iteration must update weights, means and covariances.",
)
def weights_kept(data, K, rng, max_iter=100, tol=1e-4):
    start = initialize_params(data, K, rng)
    return loop(data, max_iter, tol, start, m=lambda data, shares: (start[0], *m_step(data, shares)[1:]))


@idea(
    "em_algorithm",
    "The covariances are taken about the means of the iteration before. Subtract the new means.",
)
def covariances_about_old_means(data, K, rng, max_iter=100, tol=1e-4):
    centres = initialize_params(data, K, rng)[1]

    def m(data, shares):
        nonlocal centres
        weights, means, covariances = weighted(data, shares, centres=centres)
        centres = means
        return weights, means, covariances + 1e-6 * np.eye(data.shape[1])

    return loop(data, max_iter, tol, initialize_params(data, K, rng), m=m)


@idea("em_algorithm", "More than 1e-6 is added to the diagonals, which widens every component. Add less.")
def too_much_added_in_the_loop(data, K, rng, max_iter=100, tol=1e-4):
    def m(data, shares):
        weights, means, covariances = m_step(data, shares)
        return weights, means, covariances + 0.01 * np.eye(data.shape[1])

    return loop(data, max_iter, tol, initialize_params(data, K, rng), m=m)


@idea("em_algorithm", LAST)
def parameters_before_the_last_update(data, K, rng, max_iter=100, tol=1e-4):
    before = []

    def e(data, *model):
        before.append(model)
        return right_shares(data, *model)

    *_, entries = loop(data, max_iter, tol, initialize_params(data, K, rng), e=e)
    return (*before[-1], entries)


@idea(
    "em_algorithm",
    "When EM stops, return the parameters after the last M step, those that the last entry belongs to.",
)
def parameters_before_the_step_that_ended_it(data, K, rng, max_iter=100, tol=1e-4):
    before = []

    def e(data, *model):
        before.append(model)
        return right_shares(data, *model)

    *model, entries = loop(data, max_iter, tol, initialize_params(data, K, rng), e=e)
    stopped = len(entries) > 1 and abs(entries[-1] - entries[-2]) < tol
    return (*(before[-1] if stopped else model), entries)


@idea("em_algorithm", "Stop at a difference of less than tol: with tol=0, only max_iter ends it.")
def stopped_at_a_difference_of_tol(data, K, rng, max_iter=100, tol=1e-4):
    def stop(entries, old, new):
        return len(entries) > 1 and abs(entries[-1] - entries[-2]) <= tol

    return loop(data, max_iter, tol, initialize_params(data, K, rng), stop=stop)


@idea("em_algorithm", OWN_START)
def something_drawn_first(data, K, rng, max_iter=100, tol=1e-4):
    data[rng.permutation(len(data))]
    return loop(data, max_iter, tol, initialize_params(data, K, rng))


@idea("em_algorithm", OWN_START)
def start_of_its_own(data, K, rng, max_iter=100, tol=1e-4):
    rows = np.argsort(rng.random(len(data)))[:K]
    return loop(data, max_iter, tol, start_at(rows, data, K))


@idea("em_algorithm", FIXED)
def em_with_a_fixed_seed(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter, tol, initialize_params(data, K, np.random.default_rng(0)))


@idea("em_algorithm", ELSEWHERE)
def em_with_its_own_generator(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter, tol, initialize_params(data, K, np.random.default_rng()))


@idea("em_algorithm", ONE_TOO_MANY)
def one_iteration_too_many(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter + 1, tol, initialize_params(data, K, rng))


@idea("em_algorithm", ONE_TOO_FEW)
def one_iteration_too_few(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter - 1, tol, initialize_params(data, K, rng))


@idea("em_algorithm", "By default max_iter must be 100.")
def another_max_iter(data, K, rng, max_iter=1000, tol=1e-4):
    return loop(data, max_iter, tol, initialize_params(data, K, rng))


@idea("em_algorithm", "By default tol must be 1e-4. " + LATE)
def smaller_tolerance(data, K, rng, max_iter=100, tol=1e-8):
    return loop(data, max_iter, tol, initialize_params(data, K, rng))


@idea("em_algorithm", "By default tol must be 1e-4. " + EARLY)
def larger_tolerance(data, K, rng, max_iter=100, tol=1e-2):
    return loop(data, max_iter, tol, initialize_params(data, K, rng))


@idea("em_algorithm", EARLY)
def relative_tolerance(data, K, rng, max_iter=100, tol=1e-4):
    def stop(entries, old, new):
        return len(entries) > 1 and abs(entries[-1] - entries[-2]) < tol * abs(entries[-2])

    return loop(data, max_iter, tol, initialize_params(data, K, rng), stop=stop)


@idea("em_algorithm", EARLY)
def tolerance_of_the_average(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter, tol * len(data), initialize_params(data, K, rng))


@idea("em_algorithm", LATE)
def tolerance_of_the_means(data, K, rng, max_iter=100, tol=1e-4):
    def stop(entries, old, new):
        return len(entries) > 1 and np.abs(new[1] - old[1]).max() < tol

    return loop(data, max_iter, tol, initialize_params(data, K, rng), stop=stop)


@idea("em_algorithm", LATE)
def tolerance_ignored(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter, 0.0, initialize_params(data, K, rng))


@idea("em_algorithm", FIRST_ENTRY)
def compared_with_the_start(data, K, rng, max_iter=100, tol=1e-4):
    start = initialize_params(data, K, rng)
    first = right_log_likelihood(data, *start)

    def stop(entries, old, new):
        return abs(entries[-1] - [first, *entries][-2]) < tol

    return loop(data, max_iter, tol, start, stop=stop)


@idea("em_algorithm", ONE_TOO_FEW)
def last_entry_not_appended(data, K, rng, max_iter=100, tol=1e-4):
    *model, entries = loop(data, max_iter, tol, initialize_params(data, K, rng))
    return (*model, entries[:-1])


@idea("em_algorithm", FIRST_ENTRY)
def stops_before_it_appends(data, K, rng, max_iter=100, tol=1e-4):
    *model, entries = loop(data, max_iter, tol, initialize_params(data, K, rng))
    stopped = len(entries) > 1 and abs(entries[-1] - entries[-2]) < tol
    return (*model, entries[:-1] if stopped else entries)


@idea("em_algorithm", COLLAPSE)
def nothing_against_collapse(data, K, rng, max_iter=100, tol=1e-4):
    return loop(data, max_iter, tol, initialize_params(data, K, rng), m=weighted)


@idea("em_algorithm", IN_PLACE)
def data_scaled_in_place(data, K, rng, max_iter=100, tol=1e-4):
    result = loop(data, max_iter, tol, initialize_params(data, K, rng))
    data -= data.mean(axis=0)
    return result


# ---------------------------------------------------------------- sample_gmm

FROM_ZERO = "z must number the components from 0 to K - 1."
BELONGS = "z[i] must be the component that X[i] was drawn from."
BY_WEIGHT = "Component k must be drawn with probability weights[k]."
GROUPED = "The draws are grouped by component: they must come in random order."
ROOT = "The covariance was used where its square root belongs: draw mean + L e with L L^T = covariance."
INDEPENDENT = "The coordinates were drawn independently of each other: the off-diagonal covariances are lost."
TRANSPOSED = (
    "The Cholesky factor was transposed: mean + L e has covariance L L^T; for rows of e that is e @ L.T."
)
COUNTS = "How many draws a component gets is random too: each draw chooses its component anew."
NEW = "Every draw must be new: some depend on each other."


def draw(n, weights, means, covariances, rng, z=None, factors=None, noise=None):
    """Right draws, with a part exchanged."""
    z = rng.choice(len(weights), size=n, p=weights) if z is None else z
    factors = np.linalg.cholesky(covariances) if factors is None else factors
    noise = rng.standard_normal((n, means.shape[1])) if noise is None else noise
    return means[z] + np.einsum("nij,nj->ni", factors[z], noise), z


@idea("sample_gmm", FROM_ZERO)
def numbered_from_one(n, weights, means, covariances, rng):
    X, z = draw(n, weights, means, covariances, rng)
    return X, z + 1


@idea("sample_gmm", BELONGS)
def labels_shuffled_apart(n, weights, means, covariances, rng):
    X, z = draw(n, weights, means, covariances, rng)
    return X, rng.permutation(z)


@idea("sample_gmm", BELONGS)
def labels_drawn_again(n, weights, means, covariances, rng):
    X, _ = draw(n, weights, means, covariances, rng)
    return X, rng.choice(len(weights), size=n, p=weights)


@idea("sample_gmm", "A draw comes from one component; it is not the weighted sum of a draw from each.")
def weighted_sum(n, weights, means, covariances, rng):
    draws = [draw(n, weights, means, covariances, rng, z=np.full(n, k))[0] for k in range(len(weights))]
    return np.einsum("k,kni->ni", weights, draws), rng.choice(len(weights), size=n, p=weights)


@idea("sample_gmm", "Every draw must lie around the mean of its component: are the means added?")
def means_not_added(n, weights, means, covariances, rng):
    return draw(n, weights, 0 * means, covariances, rng)


@idea("sample_gmm", BY_WEIGHT)
def sampled_without_weights(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, rng, z=rng.integers(len(weights), size=n))


@idea("sample_gmm", GROUPED)
def component_by_component(n, weights, means, covariances, rng):
    z = np.repeat(np.arange(len(weights)), rng.multinomial(n, weights))
    return draw(n, weights, means, covariances, rng, z=z)


@idea("sample_gmm", COUNTS)
def fixed_counts(n, weights, means, covariances, rng):
    counts = np.floor(n * np.asarray(weights) + 1e-9).astype(int)
    counts[-1] += n - counts.sum()
    z = rng.permutation(np.repeat(np.arange(len(weights)), counts))
    return draw(n, weights, means, covariances, rng, z=z)


@idea("sample_gmm", ROOT)
def covariance_for_a_factor(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, rng, factors=covariances)


@idea("sample_gmm", INDEPENDENT)
def coordinates_apart(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, rng, factors=np.sqrt(only_diagonals(covariances)))


@idea("sample_gmm", TRANSPOSED)
def factor_transposed(n, weights, means, covariances, rng):
    factors = np.linalg.cholesky(covariances).transpose(0, 2, 1)
    return draw(n, weights, means, covariances, rng, factors=factors)


@idea("sample_gmm", "The draws of a component must have its covariance.")
def one_noise_for_all_coordinates(n, weights, means, covariances, rng):
    noise = np.repeat(rng.standard_normal((n, 1)), means.shape[1], axis=1)
    return draw(n, weights, means, covariances, rng, noise=noise)


@idea("sample_gmm", "The draws of a component must have its covariance.")
def means_only(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, rng, factors=1e-3 * covariances)


@idea("sample_gmm", "The draws of a component must be Gaussian, with its mean and covariance.")
def first_covariance_for_all(n, weights, means, covariances, rng):
    factors = np.tile(np.linalg.cholesky(covariances[0]), (len(weights), 1, 1))
    return draw(n, weights, means, covariances, rng, factors=factors)


@idea("sample_gmm", "The draws of a component must be Gaussian, with its mean and covariance.")
def uniform_instead_of_normal(n, weights, means, covariances, rng):
    noise = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, means.shape[1]))
    return draw(n, weights, means, covariances, rng, noise=noise)


@idea("sample_gmm", GLOBAL)
def sampled_globally(n, weights, means, covariances, rng):
    noise = np.random.standard_normal((n, means.shape[1]))  # noqa: NPY002
    return draw(n, weights, means, covariances, rng, noise=noise)


@idea("sample_gmm", FIXED)
def sampled_with_a_fixed_seed(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, np.random.default_rng(0))


@idea("sample_gmm", ELSEWHERE)
def sampled_with_its_own_generator(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, np.random.default_rng())


@idea("sample_gmm", NEW)
def draws_repeated(n, weights, means, covariances, rng):
    noise = np.repeat(rng.standard_normal(((n + 1) // 2, means.shape[1])), 2, axis=0)[:n]
    return draw(n, weights, means, covariances, rng, noise=noise)


@idea("sample_gmm", "it must return 2 things, (X, z), not one ndarray.")
def points_only(n, weights, means, covariances, rng):
    return draw(n, weights, means, covariances, rng)[0]


@idea("sample_gmm", "the shape of X is")
def n_draws_of_each(n, weights, means, covariances, rng):
    z = rng.permutation(np.repeat(np.arange(len(weights)), n))
    return draw(len(z), weights, means, covariances, rng, z=z)


# ---------------------------------------------------------------- bic


def criterion(data, weights, means, covariances, fit=-2, charge=1, extra=0, size=None):
    K, d = means.shape
    p = (K - 1) + K * d + K * d * (d + 1) / 2 + extra
    log_likelihood = right_log_likelihood(data, weights, means, covariances)
    return fit * log_likelihood + charge * p * np.log(len(data) if size is None else size)


@idea("bic", "The sign is turned: this is -BIC, which would be better the higher it is.")
def sign_turned(data, weights, means, covariances):
    return -criterion(data, weights, means, covariances)


@idea("bic", "The log-likelihood is added: BIC has -2 log L, so that a better fit makes it lower.")
def likelihood_added(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, fit=2)


@idea("bic", "The charge is subtracted: more parameters must make BIC higher, by p log N.")
def charge_subtracted(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, charge=-1)


@idea("bic", "The factor 2 is forgotten: BIC is -2 log L + p log N.")
def two_forgotten(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, fit=-1)


@idea("bic", "Everything is halved here: BIC is -2 log L + p log N, not -log L + p/2 log N.")
def halved(data, weights, means, covariances):
    return criterion(data, weights, means, covariances) / 2


@idea("bic", "The charge is 2 p, which is Akaike's criterion; BIC charges p log N.")
def akaike(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, size=np.e**2)


@idea("bic", "The logarithm of N has base 2 or 10 here. Use the natural one, np.log.")
def charge_to_base_2(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, charge=1 / np.log(2))


@idea("bic", "The logarithm of N has base 2 or 10 here. Use the natural one, np.log.")
def charge_to_base_10(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, charge=1 / np.log(10))


@idea("bic", "All K weights are counted. They sum to 1, so only K - 1 are free.")
def all_weights_counted(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, extra=1)


@idea("bic", "The weights are not counted: K - 1 of them are free.")
def weights_not_counted(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, extra=1 - len(weights))


@idea(
    "bic",
    "K d parameters are missing: the means have so many, and a covariance has d (d + 1) / 2, with its "
    "diagonal.",
)
def means_not_counted(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, extra=-means.size)


@idea("bic", "d^2 entries of each covariance are counted. It is symmetric, so only d (d + 1) / 2 are free.")
def all_entries_counted(data, weights, means, covariances):
    K, d = means.shape
    return criterion(data, weights, means, covariances, extra=K * d * (d - 1) / 2)


@idea("bic", "Only the variances are counted: a full covariance has d (d + 1) / 2 free entries.")
def variances_counted(data, weights, means, covariances):
    K, d = means.shape
    return criterion(data, weights, means, covariances, extra=-K * d * (d - 1) / 2)


@idea("bic", "One covariance is counted, but each of the K components has its own.")
def one_covariance_counted(data, weights, means, covariances):
    K, d = means.shape
    return criterion(data, weights, means, covariances, extra=-(K - 1) * d * (d + 1) / 2)


@idea("bic", "N is the number of samples, the rows of the data, not of all its entries.")
def entries_for_samples(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, size=data.size)


@idea("bic", "The charge is p N. It grows with the logarithm of N only: p log N.")
def logarithm_forgotten(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, size=np.exp(len(data)))


@idea("bic", "The log-likelihood was averaged over the samples. BIC takes the sum.")
def likelihood_averaged(data, weights, means, covariances):
    return criterion(data, weights, means, covariances, fit=-2 / len(data))


# ---------------------------------------------------------------- kmeans

STOP = "Stop when no label changes: however little the centres move, labels may still change."


def nearest(data, centers):
    return ((data[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)


def stays(data, center, given):
    return center


def lloyd(data, centers, max_iter, assign=nearest, average=np.mean, empty=stays, stop=None):
    """k-means with a part exchanged."""
    given, labels = centers, None
    for _ in range(max_iter):
        new = assign(data, centers)
        if labels is not None and np.array_equal(new, labels):
            break
        labels, old = new, centers
        centers = np.array(
            [
                average(data[labels == k], axis=0) if k in labels else empty(data, center, given[k])
                for k, center in enumerate(centers)
            ]
        )
        if stop and stop(old, centers):
            break
    return centers, labels


@idea("kmeans", "This is one assignment and one update. Repeat both until no label changes.")
def one_round(data, centers, max_iter=100):
    return lloyd(data, centers, 1)


@idea("kmeans", "The centres are medians. A centre moves to the mean of its points.")
def medians(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, average=np.median)


@idea("kmeans", "The distance is |a| + |b| here. It must be Euclidean: the square root of a^2 + b^2.")
def manhattan(data, centers, max_iter=100):
    def assign(data, centers):
        return np.abs(data[:, None] - centers).sum(axis=2).argmin(axis=1)

    return lloyd(data, centers, max_iter, assign)


@idea("kmeans", "Each point goes to the farthest centre; it must go to the nearest (argmin).")
def farthest(data, centers, max_iter=100):
    def assign(data, centers):
        return ((data[:, None] - centers) ** 2).sum(axis=2).argmax(axis=1)

    return lloyd(data, centers, min(max_iter, 21), assign)  # its labels need never settle


@idea("kmeans", "The given centres are ignored: start from them, not from rows of the data.")
def given_centres_ignored(data, centers, max_iter=100):
    rows = np.linspace(0, len(data) - 1, len(centers)).astype(int)
    return lloyd(data, data[rows], max_iter)


@idea("kmeans", "The given centres are ignored: start from them, not from rows of the data.")
def first_rows_for_centres(data, centers, max_iter=100):
    return lloyd(data, data[: len(centers)], max_iter)


@idea("kmeans", "The centres returned are those before the last update.")
def centres_before_the_update(data, centers, max_iter=100):
    seen = []

    def assign(data, centers):
        labels = nearest(data, centers)
        if not seen or not np.array_equal(labels, seen[-1][1]):
            seen.append((centers, labels))
        return labels

    lloyd(data, centers, max_iter, assign)
    return seen[-1]


@idea("kmeans", "The labels count from 1; they must count from 0, as indices of the centres do.")
def labels_from_one(data, centers, max_iter=100):
    centers, labels = lloyd(data, centers, max_iter)
    return centers, labels + 1


@idea("kmeans", "The parts are in another order: return centers, then labels.")
def labels_first(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter)[::-1]


@idea(
    "kmeans",
    "The labels were assigned anew after the last update. Return those of the last assignment before it.",
)
def labels_after_the_update(data, centers, max_iter=100):
    centers, _ = lloyd(data, centers, max_iter)
    return centers, nearest(data, centers)


@idea("kmeans", "max_iter is not obeyed: at most so many times is assigned and updated.")
def max_iter_ignored(data, centers, max_iter=100):
    return lloyd(data, centers, 100)


@idea("kmeans", "By default max_iter must be 100.")
def another_default(data, centers, max_iter=300):
    return lloyd(data, centers, max_iter)


@idea("kmeans", "There is one round too many: max_iter=1 is one assignment and one update.")
def one_round_too_many(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter + 1)


@idea("kmeans", "Of equal distances the higher index wins here; it must be the lower.")
def higher_index_wins(data, centers, max_iter=100):
    def assign(data, centers):
        return len(centers) - 1 - nearest(data, centers[::-1])

    return lloyd(data, centers, max_iter, assign)


@idea("kmeans", "An empty cluster's centre became nan, the mean of no points. It must stay where it is.")
def empty_becomes_nan(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, empty=lambda data, center, given: np.full_like(center, np.nan))


@idea("kmeans", "An empty cluster's centre went to 0. It must stay where it is.")
def empty_becomes_zero(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, empty=lambda data, center, given: np.zeros_like(center))


@idea(
    "kmeans",
    "An empty cluster's centre was put elsewhere, on a point of the data. It must stay where it is.",
)
def empty_moves_to_the_farthest_point(data, centers, max_iter=100):
    def farthest_point(data, center, given):
        return data[((data - center) ** 2).sum(axis=1).argmax()]

    return lloyd(data, centers, max_iter, empty=farthest_point)


@idea("kmeans", "An empty cluster's centre went to the mean of all points. It must stay where it is.")
def empty_moves_to_the_mean(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, empty=lambda data, center, given: data.mean(axis=0))


@idea("kmeans", "A cluster that empties keeps the centre that it has, not the one that it was given.")
def empty_returns_to_the_given(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, empty=lambda data, center, given: given)


@idea("kmeans", "An empty cluster was dropped. Its centre must stay where it is, so K centres come back.")
def empty_dropped(data, centers, max_iter=100):
    centers, labels = lloyd(data, centers, max_iter)
    kept, labels = np.unique(labels, return_inverse=True)
    return centers[kept], labels


@idea("kmeans", STOP)
def stops_when_centres_hardly_move(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, stop=lambda old, new: np.abs(new - old).max() < 1e-4)


@idea("kmeans", STOP)
def stops_when_centres_are_close(data, centers, max_iter=100):
    return lloyd(data, centers, max_iter, stop=np.allclose)


@idea("kmeans", STOP)
def stops_when_centres_move_little_for_the_spread(data, centers, max_iter=100):
    little = 1e-4 * data.var(axis=0).mean()
    return lloyd(data, centers, max_iter, stop=lambda old, new: ((new - old) ** 2).sum() <= little)


@idea("kmeans", STOP)
def stops_when_clusters_keep_their_sizes(data, centers, max_iter=100):
    def sizes(centers):
        return np.bincount(nearest(data, centers), minlength=len(centers))

    return lloyd(data, centers, max_iter, stop=lambda old, new: np.array_equal(sizes(old), sizes(new)))


@idea("kmeans", IN_PLACE)
def centres_moved_in_place(data, centers, max_iter=100):
    moved, labels = lloyd(data, centers, max_iter)
    centers[:] = moved
    return centers, labels
