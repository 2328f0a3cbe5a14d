"""Time Gaussian process regression against scikit-learn: python benchmarks/gp.py [rounds]

The same data, kernel and parameters: the log marginal likelihood with its gradient, the posterior's mean and
variance at 500 points, and a fit from the same start.
"""

import sys

import numpy as np
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import gp
from genlab.models.gp import GaussianProcess

START = GaussianProcess(variance=1, length_scale=1, noise=0.1)
LIMITS = (1e-4, 1e4)


def peer(**options: object) -> GaussianProcessRegressor:
    kernel = ConstantKernel(START.variance, LIMITS) * RBF(START.length_scale, LIMITS)
    return GaussianProcessRegressor(kernel + WhiteKernel(START.noise, LIMITS), alpha=0, **options)


def main(rounds: int) -> None:
    print(machine(**{"scikit-learn": sklearn.__version__}), end="\n\n")
    print("| job | n | scikit-learn, ms | genlab: ratio (lowest) | difference |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for n in (100, 500, 2000):
        rng = np.random.default_rng(n)
        x, new = (rng.uniform(-4, 4, size=(k, 2)) for k in (n, 500))
        y = np.sin(2 * x[:, 0]) * np.cos(x[:, 1]) + 0.3 * rng.normal(size=n)
        fixed = peer(optimizer=None).fit(x, y)
        theta = fixed.kernel_.theta
        jobs = {
            "likelihood": (
                lambda x=x, y=y: START.log_marginal_likelihood(x, y),
                lambda fixed=fixed, theta=theta: fixed.log_marginal_likelihood(theta, clone_kernel=False),
            ),
            "likelihood and gradient": (
                lambda x=x, y=y: np.hstack(START.gradient(x, y)),
                lambda fixed=fixed, theta=theta: np.hstack(
                    fixed.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
                ),
            ),
            "posterior mean at 500 points": (
                lambda x=x, y=y, new=new: START.posterior(x, y).mean(new),
                lambda x=x, y=y, new=new: peer(optimizer=None).fit(x, y).predict(new),
            ),
            "fit": (
                lambda x=x, y=y: np.array(gp.fit(x, y, start=START).log_marginal_likelihoods[-1]),
                lambda x=x, y=y: np.array(peer().fit(x, y).log_marginal_likelihood_value_),
            ),
        }
        for name, (ours, theirs) in jobs.items():
            if name == "fit" and n == 2000:
                continue  # a minute a fit; it repeats the gradient
            base, texts = ratios({"genlab": ours, "scikit-learn": theirs}, rounds)
            difference = np.abs(ours() - theirs()).max()
            print(f"| {name} | {n} | {base * 1e3:.1f} | {texts['genlab']} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
