"""Provenance of an accuracy result: hashes of its data and code, in addition to `benchmarks.provenance`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from benchmarks.datasets import dataset

SOURCES = ("imurun/**/*.py", "benchmarks/datasets/*.py", "benchmarks/accuracy/*.py")
"""Source files that determine a result; `benchmarks/accuracy/report` only reads it."""


def data_hash(names: Iterable[str]) -> str:
    """Hash of the datasets' files in the registry."""
    digest = hashlib.sha256()
    for name in sorted(set(names)):
        for file in dataset(name).files:
            digest.update(f"{name}/{file.path} {file.sha256}\n".encode())
    return digest.hexdigest()
