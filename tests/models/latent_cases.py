"""More rows of the contract's table in cases.py: latent, autoregressive and non-parametric models."""

import numpy as np
from cases import PLANE, TILTED, Case, grid, outcomes

from genlab.datasets import old_faithful
from genlab.models import autoregressive, dbm, gp, kde, lda, ngram, rbm
from genlab.models.autoregressive import Autoregression
from genlab.models.dbm import DeepBoltzmannMachine
from genlab.models.gp import GaussianProcess
from genlab.models.kde import KernelDensity
from genlab.models.lda import LatentDirichletAllocation
from genlab.models.rbm import RestrictedBoltzmannMachine

LINE = grid(np.arange(-24, 24, 0.1))
BITS = np.random.default_rng(0).integers(2, size=(40, 3))
TOKENS = np.random.default_rng(1).integers(3, size=(6, 12))
CURVE = np.linspace(0, 3, 12)

LATENT_CASES = [
    Case(
        "LatentDirichletAllocation",
        LatentDirichletAllocation([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], [0.5, 1.5]),
        fit=lambda rng, counts: lda.fit(counts, 2, rng, sweeps=3),
        data={"counts": np.random.default_rng(0).integers(4, size=(6, 5))},
        log_prob=lambda model, rows: model.elbo(rows),
        sample=lambda model, n, rng: model.sample(n, rng, length=9),
        distributions=("topics",),
    ),
    Case(
        "RestrictedBoltzmannMachine",
        RestrictedBoltzmannMachine([[1, -2], [0.5, 1], [-1, 1]], [0.2, -0.3, 0.4], [0.1, -0.5]),
        fit=lambda rng, data: rbm.fit(data, 2, rng, epochs=2),
        data={"data": BITS},
        support=outcomes(2, 2, 2),
        sample=lambda model, n, rng: model.sample(n, rng, steps=40),
    ),
    Case(
        "DeepBoltzmannMachine",
        DeepBoltzmannMachine(
            [[1, -2], [0.5, 1], [-1, 1]], [[1.5], [-1]], [0.2, -0.3, 0.4], [0.1, -0.5], [0.3]
        ),
        fit=lambda rng, data: dbm.fit(data, 2, 2, rng, epochs=2),
        data={"data": BITS},
        support=outcomes(2, 2, 2),
        sample=lambda model, n, rng: model.sample(n, rng, steps=40),
    ),
    Case(
        "NGram, additive",
        ngram.fit(TOKENS, 3, 2, pseudo_count=0.5),
        fit=lambda rng, sequences: ngram.fit(sequences, 3, 2),
        data={"sequences": TOKENS},
        support=outcomes(3, 3, 3),
        sample=lambda model, n, rng: model.sample(n, rng, length=3),
        distributions=("weights",),
    ),
    Case(
        "NGram, interpolated",
        ngram.fit(TOKENS[:3, :8], 3, 3, pseudo_count=0, weights=[0.1, 0.2, 0.3, 0.4]),
        fit=lambda rng, held_out: ngram.interpolate(ngram.fit(TOKENS[:3], 3, 3, pseudo_count=0), held_out),
        data={"held_out": TOKENS[3:]},
        trace="log_likelihoods",
        support=outcomes(3, 3, 3, 3),
        sample=lambda model, n, rng: model.sample(n, rng, length=4),
        distributions=("weights",),
    ),
    Case(
        "Autoregression",
        Autoregression([0.6], 0.4, 1.5),
        fit=lambda rng, data: autoregressive.fit(data, 1),
        data={"data": np.random.default_rng(2).normal(size=(2, 30))},
        support=PLANE,
        volume=0.2**2,
        sample=lambda model, n, rng: model.sample(n, rng, length=2),
    ),
    Case(
        "KernelDensity, 1-D",
        KernelDensity([[-3], [0], [0.5]], [[1.2]]),
        fit=lambda rng, data: kde.fit(data),
        data={"data": old_faithful()[:, :1]},
        support=LINE,
        volume=0.1,
    ),
    Case(
        "KernelDensity, 2-D",
        KernelDensity([[-3, 1], [0, 0], [2, -1]], TILTED[0]),
        fit=lambda rng, data: kde.fit(data, "silverman"),
        data={"data": old_faithful()},
        support=PLANE,
        volume=0.2**2,
        covariances=("covariance",),
    ),
    Case(
        "GaussianProcess",  # at two points, as a density of what is observed there
        GaussianProcess(2, 1, 0.5),
        fit=lambda rng, x, y: gp.fit(x, y, max_iter=20),
        data={"x": CURVE[:, None], "y": np.sin(3 * CURVE) + 0.1 * np.cos(40 * CURVE)},
        trace="log_marginal_likelihoods",
        log_prob=lambda model, rows: np.array([model.log_marginal_likelihood([[0], [1]], y) for y in rows]),
        support=grid(np.arange(-11, 11, 0.3), np.arange(-11, 11, 0.3)),
        volume=0.3**2,
        argument=None,
        sample=lambda model, n, rng: model.sample(n, rng, x=[[0], [1]]) + 0.5**0.5 * rng.normal(size=(n, 2)),
    ),
]
