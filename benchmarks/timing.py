"""What the benchmarks share: jobs that take turns, and the machine's own rates."""

import platform
import time
from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import scipy


def seconds(job: Callable[..., object], *arguments: object) -> float:
    """The processor time of one call: on one thread, what a clock says on a machine with no other work."""
    began = time.process_time()
    job(*arguments)
    return time.process_time() - began


def ratios(jobs: Mapping[str, Callable[[], object]], rounds: int) -> tuple[float, dict[str, str]]:
    """Let the jobs take turns, after a warm-up. The last is the peer that the others are divided by.

    Returns:
        The median of the peer's seconds, and for each other job "median (lowest)" of the ratios of a round.
    """
    for job in jobs.values():
        job()
    times = np.array([[seconds(job) for job in jobs.values()] for _ in range(rounds)])
    shares = times[:, :-1] / times[:, -1:]
    texts = [f"{np.median(share):.2f} ({share.min():.2f})" for share in shares.T]
    return float(np.median(times[:, -1])), dict(zip(jobs, texts, strict=False))


def machine(**versions: str) -> str:
    """The rates to judge times by, each the best of several tries, and the peers' versions."""
    rng = np.random.default_rng(0)
    square, thin = rng.normal(size=(1024, 1024)), rng.normal(size=(80, 8))
    wide, line = rng.normal(size=(8, 1600)), rng.normal(size=100_000)
    gemm = 2 * 1024**3 / min(seconds(np.matmul, square, square) for _ in range(5))
    inner = 2 * 80 * 8 * 1600 * 100 / min(seconds(_often, np.matmul, thin, wide) for _ in range(5))
    exp = min(seconds(_often, np.exp, line) for _ in range(5)) / len(line) / 100
    versions = {
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        **versions,
    }
    return (
        f"{date.today()}, {platform.machine()}, one thread; "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}. "
        f"Matrix product {gemm / 1e9:.0f} GFLOP/s ({inner / 1e9:.0f} at inner dimension 8), "
        f"exp {exp * 1e9:.1f} ns an element."
    )


def _often(job: Callable[..., object], *arguments: object) -> None:
    for _ in range(100):
        job(*arguments)
