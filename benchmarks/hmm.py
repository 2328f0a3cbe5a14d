"""Time a hidden Markov model's answers against hmmlearn: python benchmarks/hmm.py [rounds]

One sequence of 100 000 symbols, 8 states, 16 symbols; the same parameters, one thread. hmmlearn is used as it
comes: its default implementation is in log space.
"""

import functools
import sys

import hmmlearn
import numpy as np
from hmmlearn.hmm import CategoricalHMM, GaussianHMM
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import hmm
from genlab.models.emissions import Categorical, Gaussians
from genlab.models.hmm import HiddenMarkov

S, V, T, D = 8, 16, 100_000, 2


def parameters(peer: CategoricalHMM | GaussianHMM, model: HiddenMarkov) -> CategoricalHMM | GaussianHMM:
    peer.startprob_, peer.transmat_ = model.start.copy(), model.transition.copy()
    if isinstance(model.emissions, Categorical):
        peer.n_features, peer.emissionprob_ = V, model.emissions.probabilities.copy()
    else:
        peer.n_features, peer.means_, peer.covars_ = (
            D,
            model.emissions.means.copy(),
            model.emissions.covariances,
        )
    return peer


def main(rounds: int) -> None:
    rng = np.random.default_rng(0)
    start, transition, symbols = (rng.dirichlet(np.ones(n), S) for n in (S, S, V))
    models = {
        "categorical": HiddenMarkov(start[0], transition, Categorical(symbols)),
        "Gaussian": HiddenMarkov(
            start[0], transition, Gaussians(rng.normal(size=(S, D)), np.tile(np.eye(D), (S, 1, 1)))
        ),
    }
    print(machine(hmmlearn=hmmlearn.__version__), end="\n\n")
    print("| emissions | job | hmmlearn, ms | genlab: ratio (lowest) | difference |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, model in models.items():
        x, _ = model.sample(T, rng)
        column = x.reshape(T, -1)
        peer = parameters(CategoricalHMM(S) if name == "categorical" else GaussianHMM(S, "full"), model)

        def ours_fit(model: HiddenMarkov = model, x: np.ndarray = x) -> float:
            return hmm.fit([x], S, rng, max_iter=3, tol=0, start=model, covariance_floor=0).log_likelihoods[
                -1
            ]

        def theirs_fit(model: HiddenMarkov = model, x: np.ndarray = column, name: str = name) -> float:
            options = {"n_iter": 3, "tol": -np.inf, "init_params": ""}
            if name == "categorical":
                fresh = CategoricalHMM(S, **options)
            else:
                fresh = GaussianHMM(S, "full", covars_prior=0, covars_weight=-D - 1, min_covar=0, **options)
            return parameters(fresh, model).fit(x).score(x)

        jobs = {
            "log-likelihood": (functools.partial(model.log_prob, x), functools.partial(peer.score, column)),
            "smoothing": (functools.partial(model.smooth, x), functools.partial(peer.predict_proba, column)),
            "Viterbi": (lambda m=model, x=x: m.viterbi(x)[1], lambda p=peer, x=column: p.decode(x)[0]),
            "Baum-Welch, 3 iterations": (ours_fit, theirs_fit),
        }
        for job, (ours, theirs) in jobs.items():
            base, texts = ratios({"genlab": ours, "hmmlearn": theirs}, rounds)
            difference = np.abs(np.asarray(ours()) - theirs()).max()
            print(f"| {name} | {job} | {base * 1e3:.0f} | {texts['genlab']} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
