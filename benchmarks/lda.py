"""Time topic models against scikit-learn: python benchmarks/lda.py [rounds]

A synthetic corpus of 300 documents of 100 tokens. genlab samples the topics of tokens, scikit-learn maximises
a variational bound: they are compared by time and by what they reach, the perplexity of held-out documents by
the bound that genlab computes for both. The inference of new documents, which both do alike, is timed apart.
"""

import sys

import numpy as np
import sklearn
from sklearn.decomposition import LatentDirichletAllocation as SklearnLDA
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import lda
from genlab.models.lda import LatentDirichletAllocation

V, K, LENGTH = 500, 10, 100
ALPHA, BETA = 0.1, 0.05


def sklearn_fit(rows: np.ndarray, passes: int) -> SklearnLDA:
    options = {"doc_topic_prior": ALPHA, "topic_word_prior": BETA, "max_iter": passes, "random_state": 0}
    return SklearnLDA(K, **options).fit(rows)


def genlab_fit(rows: np.ndarray, sweeps: int) -> LatentDirichletAllocation:
    rng = np.random.default_rng(0)
    return lda.fit(rows, K, rng, concentration=ALPHA, word_concentration=BETA, sweeps=sweeps).model


def from_sklearn(peer: SklearnLDA) -> LatentDirichletAllocation:
    topics = peer.components_ / peer.components_.sum(axis=1, keepdims=True)
    return LatentDirichletAllocation(topics, np.full(K, ALPHA))


def main(rounds: int) -> None:
    rng = np.random.default_rng(1)
    truth = LatentDirichletAllocation(rng.dirichlet(np.full(V, BETA), size=K), np.full(K, ALPHA))
    train, held_out = (truth.sample(n, rng, length=LENGTH) for n in (300, 300))
    print(machine(**{"scikit-learn": sklearn.__version__}), end="\n\n")
    print("| job | scikit-learn, ms | genlab: ratio (lowest) | held-out perplexity: genlab, scikit-learn |")
    print("| --- | ---: | ---: | --- |")
    for steps in (20, 50):
        jobs = {"genlab": lambda n=steps: genlab_fit(train, n), "peer": lambda n=steps: sklearn_fit(train, n)}
        base, texts = ratios(jobs, rounds)
        ours, theirs = jobs["genlab"](), from_sklearn(jobs["peer"]())
        reached = f"{ours.perplexity(held_out):.1f}, {theirs.perplexity(held_out):.1f}"
        print(
            f"| fit, {steps} sweeps or passes | {base * 1e3:.0f} | {texts['genlab']} | {reached} |",
            flush=True,
        )
    peer = sklearn_fit(train, 20)
    peer.set_params(max_doc_update_iter=1000, mean_change_tol=1e-6)  # as genlab's
    peer.exp_dirichlet_component_ = from_sklearn(peer).topics
    model = from_sklearn(peer)
    base, texts = ratios(
        {"genlab": lambda: model.proportions(held_out), "peer": lambda: peer.transform(held_out)}, rounds
    )
    difference = np.abs(model.proportions(held_out) - peer.transform(held_out)).max()
    job = "proportions of held-out documents"
    print(f"| {job} | {base * 1e3:.0f} | {texts['genlab']} | differ by {difference:.0e} |")
    print(f"\nThe true topics' perplexity: {truth.perplexity(held_out):.1f}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
