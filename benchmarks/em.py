"""Time a Gaussian mixture's EM against its peers: python benchmarks/em.py [rounds]

Every fit gets the same data, the same start, full covariances and the same number of iterations, and none may
stop early. Rounds alternate between the libraries, in one process, on one thread.
"""

import importlib.util
import platform
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from threadpoolctl import threadpool_limits

from genlab.models import mixture
from genlab.models.mixture import GaussianMixture

SIZES = [
    (1_000, 2, 3, 200),
    (100_000, 2, 3, 20),
    (100_000, 8, 10, 20),
    (100_000, 32, 3, 20),
    (100_000, 32, 10, 20),
]
FLOOR = 1e-6


def problem(n: int, d: int, k: int) -> tuple[np.ndarray, GaussianMixture]:
    """Overlapping correlated clusters, and a start: random rows as means, the data's covariance for all."""
    rng = np.random.default_rng(n + d + k)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    truth = GaussianMixture(
        np.full(k, 1 / k), 3 * rng.normal(size=(k, d)), factors @ factors.mT + 0.01 * np.eye(d)
    )
    x, _ = truth.sample(n, rng)
    means = x[rng.choice(n, k, replace=False)]
    return x, GaussianMixture(truth.weights, means, np.tile(np.cov(x.T), (k, 1, 1)))


def fit_genlab(x: np.ndarray, start: GaussianMixture, iterations: int) -> tuple[np.ndarray, ...]:
    k, rng = len(start.weights), np.random.default_rng(0)
    fit = mixture.fit(x, k, rng, max_iter=iterations, tol=0, covariance_floor=FLOOR, start=start)
    assert len(fit.log_likelihoods) == iterations
    return fit.model.weights, fit.model.means, fit.model.covariances


def fit_sklearn(x: np.ndarray, start: GaussianMixture, iterations: int) -> tuple[np.ndarray, ...]:
    fit = SklearnMixture(
        len(start.weights),
        tol=0,
        max_iter=iterations,
        reg_covar=FLOOR,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances),
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


def seconds(job: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    job(*arguments)
    return time.perf_counter() - began


def machine() -> str:
    """The rates to judge times by, each the best of several tries."""
    rng = np.random.default_rng(0)
    square, thin = rng.normal(size=(1024, 1024)), rng.normal(size=(80, 8))
    wide, line = rng.normal(size=(8, 1600)), rng.normal(size=100_000)
    gemm = 2 * 1024**3 / min(seconds(np.matmul, square, square) for _ in range(5))
    inner = 2 * 80 * 8 * 1600 / min(seconds(np.matmul, thin, wide) for _ in range(50))
    exp = min(seconds(np.exp, line) for _ in range(50)) / len(line)
    return (
        f"{date.today()}, {platform.machine()}, one thread; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, scikit-learn {sklearn.__version__}. "
        f"Matrix product {gemm / 1e9:.0f} GFLOP/s ({inner / 1e9:.0f} at inner dimension 8), "
        f"exp {exp * 1e9:.1f} ns an element."
    )


def main(rounds: int) -> None:
    peers = {"genlab": fit_genlab, "scikit-learn": fit_sklearn}
    if importlib.util.find_spec("pomegranate"):
        peers["pomegranate"] = fit_pomegranate
    print(machine(), end="\n\n")
    others = [name for name in peers if name != "scikit-learn"]
    print(
        "| N, d, K | scikit-learn, ms an iteration |",
        *(f"{name}: ratio (lowest) |" for name in others),
        "difference |",
    )
    print("| --- |" + " ---: |" * (2 + len(others)))
    for n, d, k, iterations in SIZES:
        x, start = problem(n, d, k)
        times: dict[str, list[float]] = {name: [] for name in peers}
        found = {name: fit(x, start, iterations) for name, fit in peers.items()}  # also the warm-up
        for _ in range(rounds):
            for name, fit in peers.items():
                times[name].append(seconds(fit, x, start, iterations))
        base = np.array(times["scikit-learn"])
        ratios = {name: np.array(times[name]) / base for name in others}
        pairs = zip(found["genlab"], found["scikit-learn"], strict=True)
        difference = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
        print(
            f"| {n}, {d}, {k} | {np.median(base) / iterations * 1e3:.2f} |",
            *(f"{np.median(ratio):.2f} ({ratio.min():.2f}) |" for ratio in ratios.values()),
            f"{difference:.0e} |",
            flush=True,
        )


if __name__ == "__main__":
    with threadpool_limits(1), warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
