"""Provenance of a result: hash of the code, versions, system."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import imurun

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numpy", "scipy", "pandas", "numba", "vqf")


@cache
def code_hash(sources: tuple[str, ...]) -> str:
    """SHA-256 of the source files that match these patterns, independent of line endings."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in sources for path in ROOT.glob(pattern)}):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(ROOT).as_posix()} {hashlib.sha256(text).hexdigest()}\n".encode())
    return digest.hexdigest()


@cache
def code_version(sources: tuple[str, ...]) -> dict[str, str]:
    """Version of the package, hash of its source, and the git commit ("" without git)."""
    return {"version": imurun.__version__, "source_sha256": code_hash(sources), "commit": _commit()}


@cache
def environment() -> dict[str, str]:
    """Versions and system, which may affect the numbers beside data and code."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **versions,
    }


def _commit() -> str:
    try:
        words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--match="]
        found = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
