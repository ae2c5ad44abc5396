"""imurun: from six axes on unknown sensor axes to the session: steps, load, sway, bouts, summary."""

from __future__ import annotations

import stopwatch

import imurun


def work(hour: stopwatch.Hour) -> imurun.Session:
    return imurun.analyze(imurun.Recording(hour["acc"], hour["gyr"], rate_hz=hour["rate_hz"], frame="sensor"))


def count(session: imurun.Session) -> dict[str, int | None]:
    return {
        "steps": len(session.steps),
        "bouts": int(session.bouts["kind"].isin(["running", "walking"]).sum()),
    }


if __name__ == "__main__":
    stopwatch.main(
        prepare=lambda hour: hour, work=work, count=count, packages=("numba", "numpy", "pandas", "vqf")
    )
