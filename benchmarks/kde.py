"""Time kernel densities against scipy and scikit-learn: python benchmarks/kde.py [rounds]

Log densities with the same data and bandwidth at points drawn from the same distribution. All sum over all of
the data: none approximates. scikit-learn gets whitened data, since its kernels are round.
"""

import sys

import numpy as np
import sklearn
from scipy import stats
from scipy.linalg import solve_triangular
from sklearn.neighbors import KernelDensity as SklearnKDE
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import kde

SIZES = [(1_000, 1_000, 1), (20_000, 2_000, 1), (20_000, 2_000, 2), (20_000, 2_000, 8)]


def main(rounds: int) -> None:
    print(machine(**{"scikit-learn": sklearn.__version__}), end="\n\n")
    print("| data, points, d | scipy, s | genlab: ratio (lowest) | scikit-learn | difference from scipy |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for n, m, d in SIZES:
        rng = np.random.default_rng(n + d)
        data, x = (rng.normal(size=(k, d)) + 3 * rng.integers(2, size=(k, 1)) for k in (n, m))
        model, peer = kde.fit(data), stats.gaussian_kde(data.T)
        factor = np.linalg.cholesky(model.covariance)
        tree = SklearnKDE(bandwidth=1).fit(solve_triangular(factor, data.T, lower=True).T)
        white = solve_triangular(factor, x.T, lower=True).T
        jobs = {
            "genlab": lambda model=model, x=x: model.log_prob(x),
            "scikit-learn": lambda tree=tree, white=white: tree.score_samples(white),
            "scipy": lambda peer=peer, x=x: peer.logpdf(x.T),
        }
        base, texts = ratios(jobs, rounds)
        difference = np.abs(jobs["genlab"]() - jobs["scipy"]()).max()
        shares = f"{texts['genlab']} | {texts['scikit-learn']}"
        print(f"| {n}, {m}, {d} | {base:.3f} | {shares} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
