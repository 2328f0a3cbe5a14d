"""Sampling: direct methods, Markov chains and their diagnostics, and decoding a language model's logits."""
