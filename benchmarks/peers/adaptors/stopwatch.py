"""Times the analysis of an hour and prints the result; shared by all adaptors.

Runs in the environment of each peer, so it uses numpy and does not import imurun.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

PIECE_S = 600.0
MOST_CALLS = 5
ENOUGH_S = 2.0

Hour = dict[str, Any]
"""`acc` m/s2 and `gyr` rad/s, shape (n, 3), x forward, y left, z up; `rate_hz`; `bouts`, shape (m, 2): first
sample and end of each gait bout; `height_m`."""


def main(
    prepare: Callable[[Hour], Any],
    work: Callable[[Any], Any],
    count: Callable[[Any], dict[str, int | None]],
    packages: tuple[str, ...],
) -> None:
    """Time `work(prepare(hour))` for the file on the command line, and print one line of JSON.

    The first ten minutes are processed once before, so that compiling and loading at first use are not timed.
    The result is the median of several calls; a slow function is called once.

    Args:
        prepare: converts the hour to the units, axes and container of the peer; not timed.
        work: the timed function.
        count: number of `steps` and `bouts` in the result of `work`; None if it does not detect them.
        packages: whose versions are printed.
    """
    hour = read(sys.argv[1])
    work(prepare(beginning(hour)))
    ready = prepare(hour)
    wall_s: list[float] = []
    cpu_s: list[float] = []
    while True:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(ready)
        cpu_s.append(time.process_time() - cpu)
        wall_s.append(time.perf_counter() - wall)
        if len(wall_s) == MOST_CALLS or sum(wall_s) >= ENOUGH_S:
            break
    figures = {
        "wall_s": float(np.median(wall_s)),
        "cpu_s": float(np.median(cpu_s)),
        "calls": len(wall_s),
        **count(result),
        "versions": {name: metadata.version(name) for name in packages},
    }
    print(json.dumps(figures))


def read(path: str) -> Hour:
    """Read an hour from its file."""
    with np.load(path) as file:
        hour: Hour = {name: file[name] for name in ("acc", "gyr", "bouts")}
        hour["rate_hz"] = float(file["rate_hz"])
        hour["height_m"] = float(file["height_m"])
    return hour


def beginning(hour: Hour) -> Hour:
    """The first ten minutes of an hour."""
    n = min(len(hour["acc"]), round(PIECE_S * hour["rate_hz"]))
    bouts = np.minimum(hour["bouts"], n)
    return hour | {
        "acc": hour["acc"][:n].copy(),
        "gyr": hour["gyr"][:n].copy(),
        "bouts": bouts[bouts[:, 1] > bouts[:, 0]],
    }
