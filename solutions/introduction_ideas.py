"""Wrong ideas about Bayes' rule and generative classifiers: how students write them, what they should read.

Each function is one wrong idea, and wrong by nothing else. A sentence that a test cell says of a property is
repeated here word for word. `python -m genlab.checks.catalogue introduction` makes its ideas.json of it.
"""

import numpy as np
from scipy.special import log_softmax, softmax

from genlab.checks.catalogue import idea

IN_PLACE = "it changes an array that it was given. Work on a copy."

# ---------------------------------------------------------------- bayes_rule

IMPOSSIBLE = "A row whose evidence is 0 has no posterior: raise a ValueError."
SMALL = "Evidence that is small, but not 0, is no error: divide by it as by any other."


def check(evidence):
    if np.any(evidence == 0):
        raise ValueError("evidence is 0")


def weigh(prior, likelihood):
    """The joint (N, K), with evidence that is not 0."""
    joint = prior * likelihood
    check(joint.sum(axis=1))
    return joint


def rows_to_one(table):
    return table / table.sum(axis=1, keepdims=True)


@idea(
    "bayes_rule",
    "You normalised each column: over the samples. It is each sample's posterior that sums to 1 over the "
    "classes: divide every row by its own sum (axis=1).",
)
def normalised_over_samples(prior, likelihood):
    joint = weigh(prior, likelihood)
    return joint / joint.sum(axis=0)


@idea(
    "bayes_rule",
    "You divided by the sum of the whole table. Each sample has a posterior of its own: divide every row "
    "by its own sum.",
)
def normalised_over_everything(prior, likelihood):
    joint = weigh(prior, likelihood)
    return joint / joint.sum()


@idea(
    "bayes_rule",
    "These are the products of prior and likelihood, not yet divided by the evidence: a row must sum to 1.",
)
def evidence_forgotten(prior, likelihood):
    return weigh(prior, likelihood)


@idea(
    "bayes_rule",
    "The prior is forgotten: multiply each column of the likelihood by its class's prior before you "
    "normalise.",
)
def prior_forgotten(prior, likelihood):
    return rows_to_one(weigh(np.ones_like(prior), likelihood))


@idea(
    "bayes_rule",
    "This is the likelihood itself. P(x given y) is not P(y given x): multiply by the prior, then "
    "normalise each row.",
)
def likelihood_taken_for_posterior(prior, likelihood):
    return weigh(np.ones_like(prior), likelihood)


@idea(
    "bayes_rule",
    "The prior comes too late: the evidence is the sum of prior times likelihood, not of the likelihoods "
    "alone.",
)
def prior_after_normalising(prior, likelihood):
    return prior * prior_forgotten.function(prior, likelihood)


@idea(
    "bayes_rule",
    "The prior enters twice. The numerator is prior times likelihood, once, and the evidence is the sum of "
    "the numerators.",
)
def prior_twice(prior, likelihood):
    return rows_to_one(weigh(prior**2, likelihood))


@idea("bayes_rule", "You divided by the prior. Bayes' rule multiplies the likelihood by it.")
def prior_divided(prior, likelihood):
    return rows_to_one(weigh(1 / prior, likelihood))


@idea(
    "bayes_rule",
    "The columns of the likelihood were divided by their sums first. They are densities of different "
    "samples, and need not sum to 1: use them as they are.",
)
def likelihood_normalised(prior, likelihood):
    check((prior * likelihood).sum(axis=1))
    return rows_to_one(prior * likelihood / np.maximum(likelihood.sum(axis=0), 1e-300))


@idea("bayes_rule", "Prior and likelihood were added. Bayes' rule multiplies them.")
def prior_added(prior, likelihood):
    check((prior * likelihood).sum(axis=1))
    return rows_to_one(prior + likelihood)


@idea(
    "bayes_rule",
    "You took a softmax. It is for logarithms; here the products themselves are divided by their sum.",
)
def softmax_of_the_products(prior, likelihood):
    return softmax(weigh(prior, likelihood), axis=1)


@idea(
    "bayes_rule",
    "This decides for the most probable class. The posterior is a probability for each class, without a "
    "decision.",
)
def decided(prior, likelihood):
    return np.eye(len(prior))[weigh(prior, likelihood).argmax(axis=1)]


@idea(
    "bayes_rule",
    "This is the number of the most probable class. The posterior has a probability for each class.",
)
def labels_only(prior, likelihood):
    return weigh(prior, likelihood).argmax(axis=1)


@idea("bayes_rule", "These are the logarithms of the posterior; take exp of them in the end.")
def logarithms(prior, likelihood):
    with np.errstate(divide="ignore"):
        return np.log(rows_to_one(weigh(prior, likelihood)))


@idea("bayes_rule", "This is the posterior turned on its side: the shape is (N, K), a sample a row.")
def turned(prior, likelihood):
    return rows_to_one(weigh(prior, likelihood)).T


@idea("bayes_rule", IMPOSSIBLE)
def nan_where_impossible(prior, likelihood):
    return rows_to_one(prior * likelihood)


@idea("bayes_rule", IMPOSSIBLE)
def prior_where_impossible(prior, likelihood):
    joint = prior * likelihood
    joint[joint.sum(axis=1) == 0] = prior
    return rows_to_one(joint)


@idea("bayes_rule", IMPOSSIBLE)
def zeros_where_impossible(prior, likelihood):
    joint = prior * likelihood
    evidence = joint.sum(axis=1, keepdims=True)
    return joint / np.where(evidence == 0, 1.0, evidence)


@idea("bayes_rule", IMPOSSIBLE)
def small_number_in_the_evidence(prior, likelihood):
    joint = prior * likelihood
    return joint / (joint.sum(axis=1, keepdims=True) + 1e-12)


@idea("bayes_rule", IMPOSSIBLE)
def refused_only_if_all_is_impossible(prior, likelihood):
    joint = prior * likelihood
    check(joint.sum())
    return rows_to_one(joint)


@idea("bayes_rule", IMPOSSIBLE)
def another_error(prior, likelihood):
    joint = prior * likelihood
    if not joint.sum(axis=1).all():
        raise ZeroDivisionError("evidence is 0")
    return rows_to_one(joint)


@idea("bayes_rule", SMALL)
def small_evidence_refused(prior, likelihood):
    joint = prior * likelihood
    if np.isclose(joint.sum(axis=1), 0).any():
        raise ValueError("evidence is 0")
    return rows_to_one(joint)


@idea(
    "bayes_rule",
    "One class that cannot have made x is no error: its posterior is 0. Refuse a row only if its evidence "
    "is 0.",
)
def every_zero_refused(prior, likelihood):
    if (likelihood == 0).any():
        raise ValueError("a likelihood is 0")
    return rows_to_one(prior * likelihood)


@idea("bayes_rule", IN_PLACE)
def likelihood_overwritten(prior, likelihood):
    likelihood *= prior
    check(likelihood.sum(axis=1))
    return rows_to_one(likelihood)


# ---------------------------------------------------------------- factor_joint

ZERO = "Where a row of the table is all 0, the row of the conditional is 0: 0 / 0 must not be computed."
SMALL_ROW = "A row that is small, but not 0, is divided by its sum like any other."


def conditional(table):
    """Rows divided by their sums; rows of 0 stay."""
    sums = table.sum(axis=1, keepdims=True)
    return table / np.where(sums == 0, 1.0, sums)


def factors(joint):
    return joint.sum(axis=1), joint.sum(axis=0), conditional(joint)


@idea(
    "factor_joint",
    "The marginals are exchanged: P(X = a) is the sum of row a, over the values of Y (axis=1).",
)
def marginals_exchanged(joint):
    p_x, p_y, given = factors(joint)
    return p_y, p_x, given


@idea(
    "factor_joint",
    "Each column was divided by its sum: that is P(X given Y). For P(Y given X) divide each row by its sum.",
)
def the_other_conditional(joint):
    p_x, p_y, _ = factors(joint)
    return p_x, p_y, conditional(joint.T).T


@idea("factor_joint", "The conditional is the joint table itself, not yet divided: its rows must sum to 1.")
def joint_taken_for_conditional(joint):
    p_x, p_y, _ = factors(joint)
    return p_x, p_y, joint


@idea(
    "factor_joint", "The joint was multiplied by the marginal. The conditional is joint divided by P(X = a)."
)
def multiplied(joint):
    p_x, p_y, _ = factors(joint)
    return p_x, p_y, joint * p_x[:, None]


@idea(
    "factor_joint",
    "Every row of the conditional is P(Y) here. That holds only if X and Y are independent: divide the "
    "joint's rows.",
)
def independence_assumed(joint):
    p_x, p_y, _ = factors(joint)
    return p_x, p_y, np.where(p_x[:, None] > 0, p_y, 0.0)


@idea(
    "factor_joint",
    "You divided by both marginals. The conditional is the joint divided by P(X = a) alone.",
)
def divided_by_both(joint):
    p_x, p_y, given = factors(joint)
    return p_x, p_y, given / np.where(p_y == 0, 1.0, p_y)


@idea("factor_joint", "The marginals are means. They are sums: P(X = a) adds the probabilities of row a.")
def marginals_averaged(joint):
    return joint.mean(axis=1), joint.mean(axis=0), conditional(joint)


@idea(
    "factor_joint",
    "The conditional is turned on its side: row a belongs to X = a, as in the table.",
)
def conditional_turned(joint):
    p_x, p_y, given = factors(joint)
    return p_x, p_y, given.T


@idea(
    "factor_joint",
    "Only the largest entry of each row counts here. The conditional is the whole row, divided by its sum.",
)
def most_probable_only(joint):
    p_x, p_y, given = factors(joint)
    return p_x, p_y, np.eye(joint.shape[1])[given.argmax(axis=1)] * (p_x[:, None] > 0)


@idea("factor_joint", "The parts are in another order: return p_x, then p_y, then p_y_given_x.")
def another_order(joint):
    p_x, p_y, given = factors(joint)
    return given, p_x, p_y


@idea("factor_joint", "The marginals keep an axis too many: their shapes are (A,) and (B,).")
def marginals_as_tables(joint):
    return joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True), conditional(joint)


@idea("factor_joint", ZERO)
def nan_for_zero_rows(joint):
    p_x, p_y, _ = factors(joint)
    return p_x, p_y, joint / p_x[:, None]


@idea("factor_joint", "A row that X never takes is uniform here. Its conditional is to be a row of 0.")
def uniform_for_zero_rows(joint):
    p_x, p_y, given = factors(joint)
    return p_x, p_y, np.where(p_x[:, None] > 0, given, 1 / joint.shape[1])


@idea("factor_joint", ZERO)
def zero_rows_refused(joint):
    if not joint.sum(axis=1).all():
        raise ValueError("a row is 0")
    return factors(joint)


@idea("factor_joint", SMALL_ROW)
def small_number_added(joint):
    p_x, p_y, _ = factors(joint)
    return p_x, p_y, joint / (p_x[:, None] + 1e-12)


@idea("factor_joint", SMALL_ROW)
def small_rows_taken_for_zero(joint):
    p_x, p_y, given = factors(joint)
    return p_x, p_y, np.where(np.isclose(p_x, 0)[:, None], 0.0, given)


@idea("factor_joint", SMALL_ROW)
def rows_below_a_threshold_taken_for_zero(joint):
    p_x, p_y, given = factors(joint)
    return p_x, p_y, np.where(p_x[:, None] < 1e-12, 0.0, given)


@idea("factor_joint", ZERO)
def only_the_first_zero_row_seen(joint):
    p_x, p_y, _ = factors(joint)
    divisors = p_x.copy()
    divisors[np.flatnonzero(p_x == 0)[:1]] = 1.0
    return p_x, p_y, joint / divisors[:, None]


@idea("factor_joint", IN_PLACE)
def joint_divided_in_place(joint):
    p_x, p_y, _ = factors(joint)
    joint /= np.where(p_x == 0, 1.0, p_x)[:, None]
    return p_x, p_y, joint


# ---------------------------------------------------------------- fit_class_gaussians

UNBIASED = (
    "The covariances are divided by N_k - 1, as np.cov does by default. That is the unbiased estimate; "
    "maximum likelihood divides by N_k."
)
SINGLE = "Maximum likelihood divides by N_k: a class with one sample has a covariance of zeros, (d, d)."


def estimates(X, y, divisor=None, centre=None):
    """Right estimates, with the divisor of the covariances or their centre exchanged."""
    divisor = divisor or (lambda mine: len(mine))
    centre = centre or (lambda mine: mine.mean(axis=0))
    own = [X[y == k] for k in range(np.max(y) + 1)]
    spreads = [(mine - centre(mine)).T @ (mine - centre(mine)) / divisor(mine) for mine in own]
    priors = np.array([len(mine) / len(X) for mine in own])
    return priors, np.array([mine.mean(axis=0) for mine in own]), np.array(spreads)


@idea(
    "fit_class_gaussians",
    UNBIASED,
)
def unbiased(X, y):
    return estimates(X, y, divisor=lambda mine: max(len(mine) - 1, 1))


@idea(
    "fit_class_gaussians",
    "The covariances are divided by N. A class's covariance is an average over its own samples: divide by "
    "N_k.",
)
def divided_by_all(X, y):
    return estimates(X, y, divisor=lambda mine: len(X))


@idea(
    "fit_class_gaussians", "The covariances are sums: divide them by N_k, the number of the class's samples."
)
def scatter_not_divided(X, y):
    return estimates(X, y, divisor=lambda mine: 1)


@idea(
    "fit_class_gaussians",
    "The covariances are taken about 0: that is the average of x x^T. Subtract the class's mean from x "
    "first.",
)
def not_centred(X, y):
    return estimates(X, y, centre=lambda mine: 0.0)


@idea(
    "fit_class_gaussians",
    "The covariances are taken about the mean of all the data. Subtract the class's own mean.",
)
def about_the_common_mean(X, y):
    return estimates(X, y, centre=lambda mine: X.mean(axis=0))


@idea(
    "fit_class_gaussians",
    "All classes share one covariance here, as in linear discriminant analysis. Each has its own, from its "
    "own samples.",
)
def one_covariance_for_all(X, y):
    priors, means, covariances = estimates(X, y)
    return priors, means, np.tile(np.einsum("k,kij->ij", priors, covariances), (len(priors), 1, 1))


@idea(
    "fit_class_gaussians",
    "All classes have the covariance of the whole data here. Each has its own, from its own samples.",
)
def covariance_of_the_whole_data(X, y):
    priors, means, _ = estimates(X, y)
    return priors, means, np.tile(estimates(X, np.zeros(len(X), int))[2], (len(priors), 1, 1))


@idea(
    "fit_class_gaussians",
    "Only variances are computed, as in naive Bayes; the covariances beside the diagonals are lost. Sum "
    "the outer products (x - mean)(x - mean)^T, which are d x d.",
)
def diagonals_only(X, y):
    priors, means, covariances = estimates(X, y)
    return priors, means, covariances * np.eye(X.shape[1])


@idea(
    "fit_class_gaussians",
    "There are variances only, a row a class. A covariance is a matrix: the shape is (K, d, d).",
)
def variances_for_matrices(X, y):
    priors, means, covariances = estimates(X, y)
    return priors, means, np.diagonal(covariances, axis1=1, axis2=2)


@idea(
    "fit_class_gaussians",
    "The square root was taken: these are standard deviations. A covariance holds variances on its diagonal.",
)
def standard_deviations(X, y):
    priors, means, covariances = estimates(X, y)
    return priors, means, np.sign(covariances) * np.sqrt(np.abs(covariances))


@idea("fit_class_gaussians", "The priors are the counts N_k: divide them by N, so that they sum to 1.")
def counts_for_priors(X, y):
    priors, means, covariances = estimates(X, y)
    return priors * len(X), means, covariances


@idea("fit_class_gaussians", "The priors are all equal. Maximum likelihood learns them, too: N_k / N.")
def equal_priors(X, y):
    priors, means, covariances = estimates(X, y)
    return np.full(len(priors), 1 / len(priors)), means, covariances


@idea(
    "fit_class_gaussians",
    "The means are divided by N. A class's mean is an average over its own samples: divide by N_k.",
)
def means_by_all(X, y):
    priors, means, covariances = estimates(X, y)
    return priors, means * priors[:, None], covariances


@idea(
    "fit_class_gaussians",
    "All classes have the mean of the whole data. Average the samples of each class alone.",
)
def one_mean_for_all(X, y):
    priors, means, covariances = estimates(X, y)
    return priors, np.tile(X.mean(axis=0), (len(means), 1)), covariances


@idea(
    "fit_class_gaussians",
    "These are medians. The maximum likelihood estimate of a Gaussian's mean is the average.",
)
def medians(X, y):
    priors, _, covariances = estimates(X, y)
    return priors, np.array([np.median(X[y == k], axis=0) for k in range(len(priors))]), covariances


@idea(
    "fit_class_gaussians",
    "The classes stand in another order, such as that in which they first occur in y. Row k belongs to class "
    "k.",
)
def classes_as_they_occur(X, y):
    order = list(dict.fromkeys(y.tolist()))
    return tuple(part[order] for part in estimates(X, y))


@idea("fit_class_gaussians", "The parts are in another order: return priors, then means, then covariances.")
def parts_in_another_order(X, y):
    priors, means, covariances = estimates(X, y)
    return means, covariances, priors


@idea(
    "fit_class_gaussians",
    UNBIASED,
)
def numpys_default(X, y):
    priors, means, _ = estimates(X, y)
    d = X.shape[1]
    return priors, means, [np.cov(X[y == k].T).reshape(d, d) for k in range(len(priors))]


@idea("fit_class_gaussians", SINGLE)
def something_added_to_the_diagonal(X, y):
    priors, means, covariances = estimates(X, y)
    lonely = priors * len(X) < 1.5
    return priors, means, covariances + lonely[:, None, None] * np.eye(X.shape[1])


@idea("fit_class_gaussians", IN_PLACE)
def data_centred_in_place(X, y):
    parts = estimates(X, y)
    X -= parts[1][y]
    return parts


# ---------------------------------------------------------------- class_posterior

FAR = (
    "This far from every class all densities underflow to 0, and 0 / 0 is not a number. Keep their "
    "logarithms, and subtract the largest of each row before you take exp (log-sum-exp)."
)


EQUAL = (
    "Where all densities underflow you share the sample equally. The row then sums to 1, but its numbers "
    "are made up: work with logarithms and log-sum-exp."
)


def distances(X, means, inverses):
    """(x - mean)^T inverse (x - mean), (N, K)."""
    gaps = X[:, None] - means
    return (np.einsum("nki,kij->nkj", gaps, inverses) * gaps).sum(axis=2)


def log_terms(X, priors, means, covariances, prior=1.0, determinant=0.5, distance=0.5):
    """Logarithms of prior times density, (N, K), but for what all classes share; each term so many times."""
    log_determinants = np.linalg.slogdet(covariances)[1]
    squares = distances(X, means, np.linalg.inv(covariances))
    return prior * np.log(priors) - determinant * log_determinants - distance * squares


def right_posterior(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances), axis=1)


def products(X, priors, means, covariances):
    """The formula as it stands: prior times density, (N, K)."""
    log_2pi = np.log(2 * np.pi) * X.shape[1] / 2
    return np.exp(log_terms(X, priors, means, covariances) - log_2pi)


@idea(
    "class_posterior",
    "You normalised each column: over the samples. Each sample's posterior sums to 1 over the classes: "
    "divide every row by its own sum (axis=1).",
)
def posterior_over_samples(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances), axis=0)


@idea(
    "class_posterior",
    "You divided by the sum of the whole table. Each sample has a posterior of its own: divide every row "
    "by its own sum.",
)
def posterior_over_everything(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances))


@idea(
    "class_posterior",
    "These are the products of prior and density, not yet divided by the evidence: a row must sum to 1.",
)
def posterior_not_normalised(X, priors, means, covariances):
    return products(X, priors, means, covariances)


@idea(
    "class_posterior",
    "The prior is forgotten: by Bayes' rule each density is multiplied by its class's prior before you "
    "normalise.",
)
def posterior_without_prior(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances, prior=0), axis=1)


@idea(
    "class_posterior",
    "The priors come too late: multiply the densities by them before you divide by the sum, which must "
    "contain them, too.",
)
def posterior_with_late_prior(X, priors, means, covariances):
    return priors * posterior_without_prior.function(X, priors, means, covariances)


@idea(
    "class_posterior",
    "The priors enter twice. The numerator is prior times density, once, and the evidence is the sum of "
    "the numerators.",
)
def posterior_with_prior_twice(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances, prior=2), axis=1)


@idea(
    "class_posterior",
    "A covariance holds variances, but here it was taken for standard deviations and squared once more.",
)
def variances_squared(X, priors, means, covariances):
    return right_posterior(X, priors, means, covariances @ covariances)


@idea(
    "class_posterior",
    "The square root of the determinant is forgotten: the density has |covariance|^(-1/2), not "
    "|covariance|^(-1).",
)
def determinant_without_root(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances, determinant=1), axis=1)


@idea(
    "class_posterior",
    "The determinant is forgotten. It does not cancel: the wider class is the lower one, by "
    "|covariance|^(-1/2).",
)
def determinant_forgotten(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances, determinant=0), axis=1)


@idea("class_posterior", "The 1/2 in the exponent is forgotten: the density has exp(-squared distance / 2).")
def half_forgotten(X, priors, means, covariances):
    return softmax(log_terms(X, priors, means, covariances, distance=1), axis=1)


@idea(
    "class_posterior",
    "The covariance stands in the exponent where its inverse belongs: (x - mean)^T covariance^(-1) (x - "
    "mean).",
)
def inverse_forgotten(X, priors, means, covariances):
    terms = log_terms(X, priors, means, covariances, distance=0)
    return softmax(terms - distances(X, means, covariances) / 2, axis=1)


@idea(
    "class_posterior",
    "Each class's own covariance is ignored: the density depends on the distance in standard deviations, "
    "not on the plain distance.",
)
def covariances_ignored(X, priors, means, covariances):
    return right_posterior(X, priors, means, np.tile(np.eye(X.shape[1]), (len(means), 1, 1)))


@idea(
    "class_posterior",
    "Only the variances on the diagonals are used, as in naive Bayes. The covariances beside them turn and "
    "stretch the ellipse; use the whole matrix.",
)
def posterior_of_naive_bayes(X, priors, means, covariances):
    return right_posterior(X, priors, means, covariances * np.eye(X.shape[1]))


@idea(
    "class_posterior",
    "All classes were given one covariance, an average, which makes the boundary a straight line. Each "
    "class has its own.",
)
def posterior_with_one_covariance(X, priors, means, covariances):
    average = np.einsum("k,kij->ij", priors, covariances)
    return right_posterior(X, priors, means, np.tile(average, (len(means), 1, 1)))


@idea(
    "class_posterior",
    "This decides for the most probable class. The posterior is a probability for each class, without a "
    "decision.",
)
def posterior_decided(X, priors, means, covariances):
    return np.eye(len(priors))[log_terms(X, priors, means, covariances).argmax(axis=1)]


@idea(
    "class_posterior",
    "This is the number of the most probable class. The posterior has a probability for each class.",
)
def posterior_labels(X, priors, means, covariances):
    return log_terms(X, priors, means, covariances).argmax(axis=1)


@idea("class_posterior", "These are the logarithms of the posterior; take exp of them in the end.")
def posterior_in_logarithms(X, priors, means, covariances):
    return log_softmax(log_terms(X, priors, means, covariances), axis=1)


@idea("class_posterior", "This is the posterior turned on its side: the shape is (N, K), a sample a row.")
def posterior_turned(X, priors, means, covariances):
    return right_posterior(X, priors, means, covariances).T


@idea("class_posterior", FAR)
def as_it_stands(X, priors, means, covariances):
    return rows_to_one(products(X, priors, means, covariances))


@idea("class_posterior", FAR)
def largest_of_all_subtracted(X, priors, means, covariances):
    terms = log_terms(X, priors, means, covariances)
    return rows_to_one(np.exp(terms - terms.max()))


@idea(
    "class_posterior",
    "The largest of each column was subtracted, which does not cancel. Subtract from each row its own "
    "largest (axis=1, keepdims=True).",
)
def largest_of_each_column_subtracted(X, priors, means, covariances):
    terms = log_terms(X, priors, means, covariances)
    return rows_to_one(np.exp(terms - terms.max(axis=0)))


@idea("class_posterior", FAR)
def tiny_evidence_added(X, priors, means, covariances):
    joint = products(X, priors, means, covariances)
    return joint / (joint.sum(axis=1, keepdims=True) + 1e-300)


@idea(
    "class_posterior",
    "Where all densities underflow the prior is returned. The row then sums to 1, but its numbers are made "
    "up: work with logarithms and log-sum-exp.",
)
def prior_far_away(X, priors, means, covariances):
    shares = as_it_stands.function(X, priors, means, covariances)
    return np.where(np.isnan(shares), priors, shares)


@idea(
    "class_posterior",
    EQUAL,
)
def equal_shares_far_away(X, priors, means, covariances):
    shares = as_it_stands.function(X, priors, means, covariances)
    return np.where(np.isnan(shares), 1 / len(priors), shares)


@idea(
    "class_posterior",
    EQUAL,
)
def logarithms_clipped(X, priors, means, covariances):
    return rows_to_one(np.exp(np.maximum(log_terms(X, priors, means, covariances), -700)))


@idea("class_posterior", IN_PLACE)
def samples_centred_in_place(X, priors, means, covariances):
    X -= means[0]
    return right_posterior(X, priors, means - means[0], covariances)


# ---------------------------------------------------------------- generate

FROM_ZERO = "y must number the classes from 0 to K - 1."
BELONGS = "y[i] must be the class that X[i] was drawn from."
BY_PRIOR = "Class k must be drawn with probability priors[k]."
MIXED = "The samples must come in random order, not grouped by class: every place may hold every class."
ROOT = "The covariance was used where its square root belongs: draw mean + L e with L L^T = covariance."
APART = "The coordinates were drawn independently of each other: the off-diagonal covariances are lost."
TRANSPOSED = "The Cholesky factor was transposed: mean + L e has covariance L L^T; of rows e it is e @ L.T."
COUNTS = "How many samples a class gets is random, too: each sample draws its class anew."
NEW = "Every sample must be new: some depend on each other."
SPREAD = "The samples of a class must have its covariance."
GAUSSIAN = "The samples of a class must be Gaussian, with its mean and covariance."
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


def classes(n, priors, rng):
    return rng.choice(len(priors), size=n, p=priors)


def samples(y, means, factors, e):
    """mean + L e for each sample's class."""
    return means[y] + (factors[y] @ e[:, :, None])[:, :, 0]


def drawn(n, priors, means, covariances, rng, y=None):
    """Right draws, or those of given classes."""
    y = classes(n, priors, rng) if y is None else y
    return samples(y, means, np.linalg.cholesky(covariances), rng.standard_normal((n, means.shape[1]))), y


def with_factors(n, priors, means, factors, rng):
    y = classes(n, priors, rng)
    return samples(y, means, factors, rng.standard_normal((n, means.shape[1]))), y


def with_noise(n, priors, means, covariances, rng, e):
    y = classes(n, priors, rng)
    return samples(y, means, np.linalg.cholesky(covariances), e), y


@idea("generate", "y must hold integers, by type, too: 2, not 2.0.")
def numbered_by_floats(n, priors, means, covariances, rng):
    X, y = drawn(n, priors, means, covariances, rng)
    return X, y.astype(float)


@idea("generate", FROM_ZERO)
def numbered_from_one(n, priors, means, covariances, rng):
    X, y = drawn(n, priors, means, covariances, rng)
    return X, y + 1


@idea("generate", BELONGS)
def classes_shuffled_apart(n, priors, means, covariances, rng):
    X, y = drawn(n, priors, means, covariances, rng)
    return X, rng.permutation(y)


@idea("generate", BELONGS)
def classes_drawn_again(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, rng)[0], classes(n, priors, rng)


@idea("generate", "A sample comes from one class; it is not the weighted sum of a draw from each.")
def weighted_sum(n, priors, means, covariances, rng):
    of_each = [drawn(n, priors, means, covariances, rng, np.full(n, k))[0] for k in range(len(priors))]
    return sum(p * X for p, X in zip(priors, of_each, strict=True)), classes(n, priors, rng)


@idea("generate", "Every sample must lie around the mean of its class: are the means added?")
def means_forgotten(n, priors, means, covariances, rng):
    return drawn(n, priors, np.zeros_like(means), covariances, rng)


@idea("generate", BY_PRIOR)
def all_classes_alike(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, rng, rng.integers(len(priors), size=n))


@idea("generate", BY_PRIOR)
def most_probable_class_only(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, rng, np.full(n, np.argmax(priors)))


@idea("generate", MIXED)
def class_by_class(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, rng, np.sort(classes(n, priors, rng)))


@idea("generate", COUNTS)
def expected_counts(n, priors, means, covariances, rng):
    ends = np.round(np.cumsum(priors) * n).astype(int)
    y = np.searchsorted(ends, np.arange(n), side="right")
    return drawn(n, priors, means, covariances, rng, rng.permutation(y))


@idea("generate", ROOT)
def covariance_for_a_factor(n, priors, means, covariances, rng):
    return with_factors(n, priors, means, covariances, rng)


@idea("generate", APART)
def coordinates_apart(n, priors, means, covariances, rng):
    deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    return with_factors(n, priors, means, deviations[:, :, None] * np.eye(means.shape[1]), rng)


@idea("generate", TRANSPOSED)
def factor_transposed(n, priors, means, covariances, rng):
    return with_factors(n, priors, means, np.linalg.cholesky(covariances).transpose(0, 2, 1), rng)


@idea("generate", SPREAD)
def one_number_for_all_coordinates(n, priors, means, covariances, rng):
    e = np.repeat(rng.standard_normal((n, 1)), means.shape[1], axis=1)
    return with_noise(n, priors, means, covariances, rng, e)


@idea("generate", SPREAD)
def hardly_more_than_the_mean(n, priors, means, covariances, rng):
    return with_noise(n, priors, means, covariances, rng, 1e-3 * rng.standard_normal((n, means.shape[1])))


@idea("generate", GAUSSIAN)
def uniform_noise(n, priors, means, covariances, rng):
    e = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, means.shape[1]))
    return with_noise(n, priors, means, covariances, rng, e)


@idea("generate", GAUSSIAN)
def first_class_for_all_covariances(n, priors, means, covariances, rng):
    factor = np.linalg.cholesky(covariances)[:1]
    return with_factors(n, priors, means, np.repeat(factor, len(priors), axis=0), rng)


@idea("generate", NEW)
def one_half_mirrors_the_other(n, priors, means, covariances, rng):
    half = rng.standard_normal((n - n // 2, means.shape[1]))
    return with_noise(n, priors, means, covariances, rng, np.concatenate([half, -half])[:n])


@idea("generate", NEW)
def each_noise_twice(n, priors, means, covariances, rng):
    e = np.repeat(rng.standard_normal((n - n // 2, means.shape[1])), 2, axis=0)[:n]
    return with_noise(n, priors, means, covariances, rng, e)


@idea("generate", MIXED)
def begins_with_class_0(n, priors, means, covariances, rng):
    y = classes(n, priors, rng)
    first = int(np.argmin(y))
    y[0], y[first] = y[first], y[0]
    return drawn(n, priors, means, covariances, rng, y)


@idea("generate", GLOBAL)
def drawn_globally(n, priors, means, covariances, rng):
    e = np.random.standard_normal((n, means.shape[1]))  # noqa: NPY002
    return with_noise(n, priors, means, covariances, rng, e)


@idea("generate", FIXED)
def fixed_seed(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, np.random.default_rng(0))


@idea("generate", ELSEWHERE)
def own_generator(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, np.random.default_rng())


@idea("generate", "it must return 2 things, (X, y), not one ndarray.")
def samples_only(n, priors, means, covariances, rng):
    return drawn(n, priors, means, covariances, rng)[0]


@idea("generate", "the shape of X is")
def n_of_each_class(n, priors, means, covariances, rng):
    y = rng.permutation(np.repeat(np.arange(len(priors)), n))
    return drawn(len(y), priors, means, covariances, rng, y)


@idea("generate", "the shape of X is (1000,)")
def samples_flat(n, priors, means, covariances, rng):
    X, y = drawn(n, priors, means, covariances, rng)
    return X.ravel() if X.shape[1] == 1 else X, y
