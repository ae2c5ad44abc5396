"""Print the oldest versions that pyproject.toml allows, as requirements for pip."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

TOOLS = ("pyright", "ruff")  # they look at the source; they are no part of what runs


def oldest(project: dict) -> list[str]:
    """Each `name>=bound` of the dependencies and of all extras as `name==bound`, once."""
    needs = [*project["dependencies"], *(need for extra in project["optional-dependencies"].values() for need in extra)]
    bounds = dict(need.split(">=") for need in needs)
    return sorted(f"{name}=={bound}" for name, bound in bounds.items() if name not in TOOLS)


if __name__ == "__main__":
    with Path(__file__).parents[1].joinpath("pyproject.toml").open("rb") as file:
        sys.stdout.write("\n".join(oldest(tomllib.load(file)["project"])) + "\n")
