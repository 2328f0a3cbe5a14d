"""Small tables that ship with the package, each with its datasheet beside it, and synthetic data."""

import json
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlab.datasets.patients import cohort, numeric
from genlab.datasets.sklearn_tables import breast_cancer, digits, iris, wine
from genlab.datasets.texts import bag_of_words, short_texts, tokens, vocabulary

__all__ = [
    "bag_of_words",
    "breast_cancer",
    "cohort",
    "digits",
    "hidden_markov",
    "iris",
    "network",
    "numeric",
    "old_faithful",
    "short_texts",
    "tokens",
    "two_clusters",
    "vocabulary",
    "wine",
]

NETWORKS = ("alarm", "asia", "sprinkler")
CHAINS = ("healthy_fever", "rainy_sunny", "umbrella")


def old_faithful() -> NDArray[np.float64]:
    """Load 272 eruptions of the Old Faithful geyser.

    Returns:
        (272, 2): how long an eruption lasted, and how long until the next one, both in minutes.

    Source: Azzalini and Bowman (1990); the datasheet old_faithful.md has origin, rights and known biases.

    >>> old_faithful()[0]
    array([ 3.6, 79. ])
    """
    with resources.files(__name__).joinpath("old_faithful.csv").open(encoding="utf-8") as table:
        return np.loadtxt(table, delimiter=",", skiprows=1)


def network(name: str) -> list[tuple[str, tuple[str, ...], NDArray[np.float64]]]:
    """Load a textbook's Bayesian network: "alarm", "asia" or "sprinkler", with a datasheet of that name.

    Returns:
        For each variable, which is 0 or 1, its name, its parents' names, and P(variable = 1 given parents),
        with an axis of 2 for each parent, in that order. Parents come first.
        `genlab.models.bayes_net.binary` makes it a model.

    >>> network("sprinkler")[:2]
    [('rain', (), array(0.2)), ('sprinkler', ('rain',), array([0.4 , 0.01]))]
    """
    return [
        (node["name"], tuple(node["parents"]), np.array(node["p_true"])) for node in _json(name, NETWORKS)
    ]


def hidden_markov(name: str) -> dict[str, Any]:
    """Load an example of a hidden Markov model: "healthy_fever", "rainy_sunny" or "umbrella".

    Each has a datasheet of its name.

    Returns:
        The names of its states and symbols as lists; the distribution of the first state start (S,), of the
        next state given the last transition (S, S), and of the symbol given the state emission (S, V).

    >>> hidden_markov("umbrella")["emission"]
    array([[0.1, 0.9],
           [0.8, 0.2]])
    """
    chain = _json(name, CHAINS)
    return {key: value if key in ("states", "symbols") else np.array(value) for key, value in chain.items()}


def _json(name: str, allowed: tuple[str, ...]) -> Any:
    if name not in allowed:
        raise ValueError(f"name must be one of {', '.join(allowed)}, got {name!r}")
    return json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


def two_clusters(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw n points from two elongated Gaussian clusters in the plane, tilted in opposite directions.

    Cluster 0 has weight 0.4, mean (-1, 2), variances 2.5 and 1.2 and covariance 1.5. Cluster 1 has weight
    0.6, mean (1, -1), variances 3 and 0.6 and covariance -1. Both are longer than they are far apart, so a
    method that expects round clusters, such as k-means, misplaces many points.
    The datasheet is two_clusters.md.

    Returns:
        The points X (n, 2), in no units, and z (n,), the cluster that each row came from.

    Raises:
        ValueError: if n is negative.

    >>> X, z = two_clusters(500, np.random.default_rng(0))
    >>> X.shape, z.shape
    ((500, 2), (500,))
    """
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}")
    means = np.array([[-1.0, 2.0], [1.0, -1.0]])
    covariances = np.array([[[2.5, 1.5], [1.5, 1.2]], [[3.0, -1.0], [-1.0, 0.6]]])
    z = rng.choice(2, size=n, p=[0.4, 0.6])
    noise = rng.standard_normal((n, 2, 1))
    return means[z] + (np.linalg.cholesky(covariances)[z] @ noise)[:, :, 0], z
