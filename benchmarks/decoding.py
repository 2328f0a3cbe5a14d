"""Top-k and top-p on a language model's logits, against transformers: python benchmarks/decoding.py [rounds]

64 rows of 50257 float32 logits, as GPT-2 has them. Rounds alternate between the libraries, in one process, on
one thread; times are processor times. `differ` counts the tokens that one keeps and the other does not.
"""

import sys
from collections.abc import Callable

import numpy as np
import torch
import transformers
from threadpoolctl import threadpool_limits
from timing import machine, ratios

from genlab.sampling.decoding import decode, top_k, top_p

LOGITS = {"flat": 1.0, "peaked": 4.0, "sharp": 8.0}  # the standard deviation of normal logits
K, P, TEMPERATURE = 50, 0.9, 0.8


def jobs(logits: np.ndarray) -> dict[str, tuple[Callable, Callable]]:
    """The same work by genlab and by transformers."""
    tensor = torch.from_numpy(logits)
    by_k, by_p = transformers.TopKLogitsWarper(K), transformers.TopPLogitsWarper(P)
    by_temperature = transformers.TemperatureLogitsWarper(TEMPERATURE)
    rng = np.random.default_rng(0)

    def draw():
        scores = by_p(None, by_k(None, by_temperature(None, tensor)))
        return torch.multinomial(torch.softmax(scores, dim=-1), 1)

    return {
        f"top-k, k = {K}": (lambda: top_k(logits, K), lambda: by_k(None, tensor)),
        f"top-p, p = {P}": (lambda: top_p(logits, P), lambda: by_p(None, tensor)),
        "temperature, top-k, top-p, draw": (
            lambda: decode(logits, rng, temperature=TEMPERATURE, k=K, p=P),
            draw,
        ),
    }


def main(rounds: int) -> None:
    torch.set_num_threads(1)
    print(machine(PyTorch=torch.__version__, transformers=transformers.__version__), end="\n\n")
    print("| logits | job | transformers, ms | genlab: ratio (lowest) | kept a row | differ |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, scale in LOGITS.items():
        logits = (scale * np.random.default_rng(0).standard_normal((64, 50257))).astype(np.float32)
        for job, (ours, theirs) in jobs(logits).items():
            first, second = ours(), theirs().numpy()
            peer, texts = ratios({"genlab": ours, "transformers": theirs}, rounds)
            kept, differ = "", ""
            if first.ndim == 2:
                kept = f"{np.isfinite(first).sum(axis=1).mean():.0f}"
                differ = (np.isfinite(first) != np.isfinite(second)).sum()
            print(
                f"| {name} | {job} | {peer * 1e3:.1f} | {texts['genlab']} | {kept} | {differ} |",
                flush=True,
            )


if __name__ == "__main__":
    with threadpool_limits(1):
        main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 7)
