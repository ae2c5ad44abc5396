"""Print requirements for pip: the oldest versions that pyproject.toml allows, today's tools of the tests."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("hypothesis", "pytest", "pytest-xdist")
"""What runs the tests is no part of what is tested."""


def oldest() -> Iterator[str]:
    """Each `name>=bound` that imurun or an extra of a user needs, as `name==bound`; the tools as pinned."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needs = {*project["dependencies"], *(need for name in extras if name != "dev" for need in extras[name])}
    yield from sorted(need.replace(">=", "==") for need in needs)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.split("==")[0] in TOOLS:
            yield line


if __name__ == "__main__":
    print(*oldest(), sep="\n")
