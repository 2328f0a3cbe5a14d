"""Time restricted Boltzmann machines against scikit-learn: python benchmarks/rbm.py [rounds]

Digits, 1797 pictures of 64 grey levels; batches of 10, 10 epochs. scikit-learn's chains persist, genlab's
begin anew at the data (CD-1), and each tosses its own coins: so the fits are compared by the mean
pseudo-likelihood that they reach, computed by genlab for both.
"""

import sys

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.models import rbm
from genlab.models.rbm import RestrictedBoltzmannMachine

EPOCHS, RATE = 10, 0.05


def sklearn_fit(x: np.ndarray, hidden: int) -> BernoulliRBM:
    return BernoulliRBM(hidden, learning_rate=RATE, batch_size=10, n_iter=EPOCHS, random_state=0).fit(x)


def genlab_fit(x: np.ndarray, hidden: int) -> RestrictedBoltzmannMachine:
    rng = np.random.default_rng(0)
    return rbm.fit(x, hidden, rng, epochs=EPOCHS, batch_size=10, learning_rate=RATE).model


def from_sklearn(peer: BernoulliRBM) -> RestrictedBoltzmannMachine:
    return RestrictedBoltzmannMachine(peer.components_.T, peer.intercept_visible_, peer.intercept_hidden_)


def main(rounds: int) -> None:
    x = load_digits().data / 16
    bits = np.round(x)
    print(machine(**{"scikit-learn": sklearn.__version__}), end="\n\n")
    print("| job | scikit-learn, ms | genlab: ratio (lowest) | result: genlab, scikit-learn |")
    print("| --- | ---: | ---: | --- |")
    for hidden in (16, 64, 256):
        base, texts = ratios(
            {"genlab": lambda h=hidden: genlab_fit(x, h), "peer": lambda h=hidden: sklearn_fit(x, h)}, rounds
        )
        ours, theirs = genlab_fit(x, hidden), from_sklearn(sklearn_fit(x, hidden))
        reached = ", ".join(f"{model.pseudo_log_prob(bits).mean():.2f}" for model in (ours, theirs))
        print(
            f"| fit, {hidden} hidden units | {base * 1e3:.0f} | {texts['genlab']} | {reached} nats |",
            flush=True,
        )
    peer = sklearn_fit(x, 64)
    model = from_sklearn(peer)
    base, texts = ratios(
        {"genlab": lambda: model.free_energy(bits), "peer": lambda: peer._free_energy(bits)}, 20 * rounds
    )
    difference = np.abs(model.free_energy(bits) - peer._free_energy(bits)).max()
    job = "free energy, 64 hidden units"
    print(f"| {job} | {base * 1e3:.2f} | {texts['genlab']} | differ by {difference:.0e} |")


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
