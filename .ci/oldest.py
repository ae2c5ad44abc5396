"""Print pip requirements: the oldest versions that pyproject.toml allows, and the current test tools."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("hypothesis", "pytest", "pytest-xdist")
"""These run the tests and are not under test: pinned as in constraints.txt."""


def oldest() -> Iterator[str]:
    """Each `name>=bound` of the base and of the users' extras as `name==bound`; the tools as pinned."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    users = (need for name in extras if name not in ("all", "dev") for need in extras[name])
    needs = {*project["dependencies"], *users}
    yield from sorted(need.replace(">=", "==") for need in needs)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.split("==")[0] in TOOLS:
            yield line


if __name__ == "__main__":
    print(*oldest(), sep="\n")
