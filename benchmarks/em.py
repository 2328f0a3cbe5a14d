"""Time a Gaussian mixture's EM against its peers: python benchmarks/em.py [rounds]

Every fit gets the same data, the same start and the same number of iterations, and none may stop early.
Rounds alternate between the libraries, in one process, on one thread.
"""

import functools
import importlib.util
import itertools
import sys
import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import mixture
from genlab.models.mixture import GaussianMixture

KINDS = {
    "full": "full",
    "tied": "tied",
    "diagonal": "diag",
    "spherical": "spherical",
}  # genlab's: scikit-learn's

SIZES = [
    (1_000, 2, 3, 200),
    (100_000, 2, 3, 5),
    (100_000, 8, 10, 5),
    (100_000, 32, 3, 5),
    (100_000, 32, 10, 5),
]
FLOOR = 1e-6


def problem(n: int, d: int, k: int, kind: str) -> tuple[np.ndarray, GaussianMixture]:
    """Overlapping correlated clusters, and a start: random rows as means, the data's covariance for all."""
    rng = np.random.default_rng(n + d + k)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    truth = GaussianMixture(
        np.full(k, 1 / k), 3 * rng.normal(size=(k, d)), factors @ factors.mT + 0.01 * np.eye(d)
    )
    x, _ = truth.sample(n, rng)
    means = x[rng.choice(n, k, replace=False)]
    covariances = mixture.constrained(np.tile(np.cov(x.T), (k, 1, 1)), kind)
    return x, GaussianMixture(truth.weights, means, covariances, kind)


def fit_genlab(x: np.ndarray, start: GaussianMixture, iterations: int) -> tuple[np.ndarray, ...]:
    fit = mixture.fit(
        x,
        len(start.weights),
        np.random.default_rng(0),
        max_iter=iterations,
        tol=0,
        covariance_type=start.covariance_type,
        covariance_floor=FLOOR,
        start=start,
    )
    assert len(fit.log_likelihoods) == iterations
    return fit.model.weights, fit.model.means, short(fit.model.covariances, start.covariance_type)


def short(covariances: np.ndarray, kind: str) -> np.ndarray:
    """Covariances (K, d, d) as scikit-learn keeps those of a kind."""
    if kind == "full":
        return covariances
    if kind == "tied":
        return covariances[0]
    diagonal = np.diagonal(covariances, 0, 1, 2)
    return diagonal if kind == "diagonal" else diagonal[:, 0]


def fit_sklearn(x: np.ndarray, start: GaussianMixture, iterations: int) -> tuple[np.ndarray, ...]:
    fit = SklearnMixture(
        len(start.weights),
        covariance_type=KINDS[start.covariance_type],
        tol=0,
        max_iter=iterations,
        reg_covar=FLOOR,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=short(np.linalg.inv(start.covariances), start.covariance_type),
    ).fit(x)
    assert fit.n_iter_ == iterations
    return fit.weights_, fit.means_, fit.covariances_


def fit_pomegranate(x: np.ndarray, start: GaussianMixture, iterations: int) -> tuple[np.ndarray, ...]:
    """It has no floor, so its answer is a little different."""
    import torch
    from pomegranate.distributions import Normal
    from pomegranate.gmm import GeneralMixtureModel

    torch.set_num_threads(1)
    normals = [
        Normal(torch.tensor(m), torch.tensor(s)) for m, s in zip(start.means, start.covariances, strict=True)
    ]
    priors = torch.tensor(start.weights)
    fit = GeneralMixtureModel(normals, priors=priors, max_iter=iterations, tol=-np.inf).fit(torch.tensor(x))
    normals = list(fit.distributions)
    means, covariances = ([getattr(n, name).numpy() for n in normals] for name in ("means", "covs"))
    return fit.priors.numpy(), np.stack(means), np.stack(covariances)


def main(rounds: int) -> None:
    peers = {"genlab": fit_genlab, "scikit-learn": fit_sklearn}
    if importlib.util.find_spec("pomegranate"):
        peers = {"pomegranate": fit_pomegranate, **peers}
    print(machine(**{"scikit-learn": sklearn.__version__}), end="\n\n")
    others = [name for name in peers if name != "scikit-learn"]
    print(
        "| covariances | N, d, K | scikit-learn, ms an iteration |",
        *(f"{o} |" for o in others),
        "difference |",
    )
    print("| --- | --- |" + " ---: |" * (2 + len(others)))
    for kind, (n, d, k, iterations) in itertools.product(KINDS, SIZES):
        x, start = problem(n, d, k, kind)
        jobs = {
            name: functools.partial(fit, x, start, iterations)
            for name, fit in peers.items()
            if kind == "full" or name != "pomegranate"
        }
        base, texts = ratios(jobs, rounds)
        pairs = zip(jobs["genlab"](), jobs["scikit-learn"](), strict=True)
        difference = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
        print(
            f"| {kind} | {n}, {d}, {k} | {base / iterations * 1e3:.2f} |",
            *(f"{texts.get(name, '')} |" for name in others),
            f"{difference:.0e} |",
            flush=True,
        )


if __name__ == "__main__":
    with threadpool_limits(1), warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
