"""Time a Bayesian network's posteriors against pgmpy: python benchmarks/networks.py [rounds]

Six posteriors of the asia network given that the X-ray shows something and the patient is short of breath, a
hundred times, by variable elimination in both.
"""

import logging
import sys
from importlib.metadata import version

import numpy as np
from pgmpy.factors.discrete import TabularCPD
from pgmpy.inference import VariableElimination
from pgmpy.models import DiscreteBayesianNetwork
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.datasets import network
from genlab.models.bayes_net import binary

ASKED = ("asia", "tub", "smoke", "lung", "bronc", "either")
GIVEN = {"xray": 1, "dysp": 1}
TIMES = 100


def peer() -> VariableElimination:
    nodes = network("asia")
    model = DiscreteBayesianNetwork([(parent, name) for name, parents, _ in nodes for parent in parents])
    for name, parents, p_true in nodes:
        p = np.stack([1 - p_true, p_true]).reshape(2, -1)
        model.add_cpds(TabularCPD(name, 2, p, list(parents) or None, [2] * len(parents) or None))
    return VariableElimination(model)


def main(rounds: int) -> None:
    ours, theirs = binary(network("asia")), peer()

    def genlab() -> list[np.ndarray]:
        return [ours.query([name], GIVEN) for _ in range(TIMES) for name in ASKED]

    def pgmpy() -> list[np.ndarray]:
        return [
            theirs.query([name], GIVEN, show_progress=False).values for _ in range(TIMES) for name in ASKED
        ]

    base, texts = ratios({"genlab": genlab, "pgmpy": pgmpy}, rounds)
    difference = np.abs(np.array(genlab()) - pgmpy()).max()
    print(machine(pgmpy=version("pgmpy")), end="\n\n")
    print("| job | pgmpy, ms | genlab: ratio (lowest) | difference |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| asia, 6 posteriors | {base / TIMES * 1e3:.2f} | {texts['genlab']} | {difference:.0e} |")


if __name__ == "__main__":
    logging.disable()
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
