"""Benchmark of time and memory: ratios to references within one run, medians and quartiles, targets."""
