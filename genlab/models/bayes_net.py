"""Bayesian networks of discrete variables: joint probability, draws, and exact answers to questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from genlab.models._arguments import Array, Integers, at_least, integers, probabilities


class Node(NamedTuple):
    """A variable: its name, its parents' names, and P(variable given parents), itself on the last axis."""

    name: str
    parents: tuple[str, ...]
    table: Array


@dataclass(frozen=True, eq=False)
class BayesianNetwork:
    """Variables, parents first, as triples of name, parents and table.

    The table has an axis for each parent, in the given order, and a last one for the variable's own values
    0, 1, ..., along which it sums to 1.

    Raises:
        ValueError: if a name is there twice, a parent does not come before, or a table is not as above.

    Source: Pearl, Probabilistic Reasoning in Intelligent Systems (1988), chapter 3.

    >>> network = BayesianNetwork([("rain", (), [0.8, 0.2]), ("wet", ("rain",), [[0.9, 0.1], [0.2, 0.8]])])
    >>> network.query(["rain"], {"wet": 1})
    array([0.33333333, 0.66666667])
    """

    nodes: Sequence[Node]

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        nodes = []
        for name, parents, table in self.nodes:
            if name in sizes:
                raise ValueError(f"nodes must have different names, got {name!r} twice")
            if unknown := [parent for parent in parents if parent not in sizes]:
                raise ValueError(f"nodes must come after their parents, got {name!r} without {unknown[0]!r}")
            table = probabilities(f"table of {name!r}", table, ndim=len(parents) + 1)
            if table.shape[:-1] != tuple(sizes[parent] for parent in parents):
                wanted = [sizes[parent] for parent in parents]
                raise ValueError(
                    f"table of {name!r} must have shape {(*wanted, 'own values')}, got {table.shape}"
                )
            nodes.append(Node(name, tuple(parents), table))
            sizes[name] = table.shape[-1]
        if not nodes:
            raise ValueError("nodes must hold at least one variable, got none")
        vars(self).update(nodes=tuple(nodes))

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in the order of columns."""
        return tuple(node.name for node in self.nodes)

    def log_prob(self, x: ArrayLike) -> Array:
        """Log probability, in nats, of each row of x (N, variables), a value for every variable: (N,)."""
        x = integers("x", x, ndim=2)
        if x.shape[1] != len(self.nodes):
            raise ValueError(f"x must have shape (N, {len(self.nodes)}), a sample a row, got shape {x.shape}")
        columns = dict(zip(self.names, x.T, strict=True))
        log_prob = np.zeros(len(x))
        for name, parents, table in self.nodes:
            integers("x", columns[name], table.shape[-1])
            with np.errstate(divide="ignore"):
                log_prob += np.log(table[(*(columns[parent] for parent in parents), columns[name])])
        return log_prob

    def sample(self, n: int, rng: np.random.Generator) -> Integers:
        """Draw n rows (n, variables) ancestrally: every variable after its parents, given their values."""
        at_least(0, n=n)
        columns: dict[str, Integers] = {}
        for name, parents, table in self.nodes:
            p = np.broadcast_to(table[tuple(columns[parent] for parent in parents)], (n, table.shape[-1]))
            edges = p.cumsum(axis=1)[:, :-1]  # the last may fall short of 1 by rounding
            columns[name] = (edges <= rng.random((n, 1))).sum(axis=1)
        return np.stack(list(columns.values()), axis=1)

    def query(self, names: Sequence[str], evidence: Mapping[str, int] | None = None) -> Array:
        """P(names given evidence), exactly: an array with an axis for each of the names, in their order.

        Args:
            names: some variables; with none, the answer is P(evidence) itself, not 1.
            evidence: the values of other variables.

        Raises:
            ValueError: if a variable is unknown, asked for twice, or the evidence is impossible.

        Source: variable elimination, Zhang and Poole (1996), Journal of Artificial Intelligence Research 5.
        """
        given = dict(evidence or {})
        numbers = {name: i for i, name in enumerate(self.names)}
        for name in (*names, *given):
            if name not in numbers:
                raise ValueError(f"names and evidence must be variables of the network, got {name!r}")
        if len({*names, *given}) < len(names) + len(given):
            raise ValueError(f"names must be different from each other and from evidence, got {list(names)}")
        for name, value in given.items():
            integers(f"evidence of {name!r}", [value], self.nodes[numbers[name]].table.shape[-1])

        factors = self._factors({*names, *given}, given, numbers)
        wanted = {numbers[name] for name in names}
        hidden = {axis for axes, _ in factors for axis in axes} - wanted
        while hidden:
            # Eliminate first what leaves the smallest factor.
            axis = min(hidden, key=lambda a: len(set().union(*(axes for axes, _ in factors if a in axes))))
            touched = [factor for factor in factors if axis in factor[0]]
            factors = [factor for factor in factors if axis not in factor[0]]
            left = sorted(set().union(*(axes for axes, _ in touched)) - {axis})
            factors.append((left, _product(touched, left)))
            hidden.remove(axis)
        joint = _product(factors, [numbers[name] for name in names])
        if not names:
            return joint
        if (total := joint.sum()) == 0:
            raise ValueError(f"evidence must be possible, got {given} of probability 0")
        return np.asarray(joint / total)

    def _factors(
        self, relevant: set[str], given: Mapping[str, int], numbers: Mapping[str, int]
    ) -> list[tuple[list[int], Array]]:
        """Axes and table of the relevant variables and their ancestors, each cut at what is given."""
        factors: list[tuple[list[int], Array]] = [([], np.ones(()))]
        for name, parents, table in reversed(self.nodes):  # the others sum to 1 and say nothing
            if name in relevant:
                relevant |= set(parents)
                family = (*parents, name)
                cut = table[tuple(given.get(member, slice(None)) for member in family)]
                factors.append(([numbers[member] for member in family if member not in given], cut))
        return factors


def _product(factors: Sequence[tuple[list[int], Array]], axes: list[int]) -> Array:
    """Multiply factors and sum over all axes but these."""
    # einsum knows 52 axes; a network may have more variables, but a product of few factors has not.
    known = {axis: i for i, axis in enumerate(set().union(*(numbers for numbers, _ in factors)))}
    operands: list[object] = []
    for numbers, table in factors:
        operands += [table, [known[axis] for axis in numbers]]
    product: Array = np.einsum(*operands, [known[axis] for axis in axes])  # type: ignore[call-overload]
    return product


def binary(network: Sequence[tuple[str, Sequence[str], ArrayLike]]) -> BayesianNetwork:
    """Make a network of variables that are 0 or 1 from (name, parents, P(variable = 1 given parents)).

    >>> binary([("rain", [], 0.2)]).query(["rain"])
    array([0.8, 0.2])
    """
    nodes = []
    for name, parents, p_true in network:
        p = np.asarray(p_true, dtype=float)
        nodes.append(Node(name, tuple(parents), np.stack([1 - p, p], axis=-1)))
    return BayesianNetwork(nodes)
