"""genlab: the library behind a course on probabilistic generative models."""
