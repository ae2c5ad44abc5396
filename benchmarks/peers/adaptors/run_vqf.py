"""Times vqf alone: from six axes to orientation."""

from __future__ import annotations

from typing import Any

import stopwatch
from vqf import VQF


def work(hour: stopwatch.Hour) -> dict[str, Any]:
    return VQF(1.0 / hour["rate_hz"]).updateBatch(hour["gyr"], hour["acc"])


if __name__ == "__main__":
    stopwatch.main(
        prepare=lambda hour: hour,
        work=work,
        count=lambda _: {"steps": None, "bouts": None},
        packages=("vqf", "numpy"),
    )
