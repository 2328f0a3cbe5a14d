"""Models, a file a family: each offers fit, log_prob and sample."""
