"""What an accuracy result was made from, beside what `benchmarks.provenance` knows: data, and which code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from benchmarks.datasets import dataset

SOURCES = ("imurun/**/*.py", "benchmarks/datasets/*.py", "benchmarks/accuracy/*.py")
"""What decides a result; `benchmarks/accuracy/report` only reads it."""


def data_hash(names: Iterable[str]) -> str:
    """Of the datasets' files as the registry knows them."""
    digest = hashlib.sha256()
    for name in sorted(set(names)):
        for file in dataset(name).files:
            digest.update(f"{name}/{file.path} {file.sha256}\n".encode())
    return digest.hexdigest()
