"""Time naive Bayes against scikit-learn: python benchmarks/naive_bayes.py [rounds]

100 000 rows, 64 columns, 10 classes; the same smoothing, one thread.
"""

import functools
import sys

import numpy as np
import sklearn
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import naive_bayes

N, D, K = 100_000, 64, 10


def main(rounds: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(K, size=N)
    numbers = rng.normal(size=(K, D))[y] + rng.normal(size=(N, D))
    bits = (numbers > 0).astype(float)
    print(machine(**{"scikit-learn": sklearn.__version__}), end="\n\n")
    print("| job | scikit-learn, ms | genlab: ratio (lowest) | difference |")
    print("| --- | ---: | ---: | ---: |")
    for name, x, fit, peer in (
        ("Bernoulli", bits, naive_bayes.fit_bernoulli, BernoulliNB()),
        ("Gaussian", numbers, naive_bayes.fit_gaussian, GaussianNB(var_smoothing=0)),
    ):
        model = fit(x, y)
        peer.fit(x, y)
        jobs = {
            "fit": (functools.partial(fit, x, y), functools.partial(peer.fit, x, y)),
            "posterior": (functools.partial(model.posterior, x), functools.partial(peer.predict_proba, x)),
        }
        difference = np.abs(model.posterior(x) - peer.predict_proba(x)).max()
        for job, (ours, theirs) in jobs.items():
            base, texts = ratios({"genlab": ours, "scikit-learn": theirs}, rounds)
            print(f"| {name}, {job} | {base * 1e3:.0f} | {texts['genlab']} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
