"""Times imurun: from six axes in unknown orientation to a session (steps, bouts, summary).

With --steps only the engine, with blocks of a minute as in `imurun.analyze`.
"""

from __future__ import annotations

import sys
from typing import Any

import stopwatch

import imurun

BLOCK_S = 60


def session(hour: stopwatch.Hour) -> imurun.Session:
    return imurun.analyze(imurun.Recording(hour["acc"], hour["gyr"], rate_hz=hour["rate_hz"], frame="sensor"))


def count_session(found: imurun.Session) -> dict[str, int | None]:
    return {
        "steps": len(found.steps),
        "bouts": int(found.bouts["kind"].isin(["running", "walking"]).sum()),
    }


def steps(hour: stopwatch.Hour) -> list[Any]:
    analyzer = imurun.RunAnalyzer(hour["rate_hz"])
    n = round(BLOCK_S * hour["rate_hz"])
    parts = [
        analyzer.push_arrays(hour["acc"][first : first + n], hour["gyr"][first : first + n])[0]
        for first in range(0, len(hour["acc"]), n)
    ]
    return [*parts, analyzer.finish_arrays()[0]]


def count_steps(parts: list[Any]) -> dict[str, int | None]:
    return {"steps": sum(len(part) for part in parts), "bouts": None}


if __name__ == "__main__":
    only_steps = "--steps" in sys.argv
    stopwatch.main(
        prepare=lambda hour: hour,
        work=steps if only_steps else session,
        count=count_steps if only_steps else count_session,
        packages=("numba", "numpy", "pandas", "vqf"),
    )
