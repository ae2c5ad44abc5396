"""Memory of a worker: how much there is, how much it has, and the limit that it is held to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

SHARE = 0.8
"""Of the machine's memory that all workers together may take."""
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def share_bytes(workers: int) -> int | None:
    """What one of several workers may take; None where the machine's memory is not known."""
    total = machine_bytes()
    return None if total is None else int(SHARE * total / workers)


def machine_bytes() -> int | None:
    """Memory of this machine, or of the container that this process is in."""
    try:
        known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):
        return None
    for name in _GROUP_LIMITS:
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            known.append(int(text))
    return min(known)


def resident_bytes() -> int:
    """Memory that this process has now; 0 where that is not told."""
    return 1024 * _status().get("VmRSS", 0)


def hold_to(limit_bytes: int) -> None:
    """Let this process ask for no more memory than would bring it to `limit_bytes`.

    What is asked for beyond it is refused, so that a huge recording ends in MemoryError and not in a machine
    that swaps. Linux counts the private writable mappings (RLIMIT_DATA); other systems have no such count and
    set no limit.
    """
    status = _status()
    if sys.platform == "win32" or not {"VmData", "VmRSS"} <= status.keys():
        return
    room = max(limit_bytes - 1024 * status["VmRSS"], 0)
    wanted = 1024 * status["VmData"] + room
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _status() -> dict[str, int]:
    """Sizes in KiB, as Linux tells them."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    words = [line.split() for line in lines if line.startswith("Vm")]
    return {name.rstrip(":"): int(value) for name, value, *_ in words}
