"""Benchmark of other packages on the same hour: whole pipelines, and the orientation filter alone."""
