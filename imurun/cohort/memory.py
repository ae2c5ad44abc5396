"""Memory of a worker process: available, resident, and its limit."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

SHARE = 0.8
"""Share of the machine's memory for all workers together."""
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def share_bytes(workers: int) -> int | None:
    """Memory for one of several workers; None if the machine's memory is unknown."""
    total = machine_bytes()
    return None if total is None else int(SHARE * total / workers)


def machine_bytes() -> int | None:
    """Memory of this machine or container; None if unknown."""
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
    """Resident memory of this process; 0 if unknown."""
    return 1024 * _status().get("VmRSS", 0)


def limit_memory(limit_bytes: int) -> None:
    """Limit the memory of this process to about `limit_bytes`.

    Allocations beyond it fail, so that a huge recording ends in MemoryError instead of making the machine
    swap. Linux limits the private writable mappings (RLIMIT_DATA); on other systems there is no such limit
    and this does nothing.
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
    """Sizes in KiB from /proc; empty on other systems than Linux."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    words = [line.split() for line in lines if line.startswith("Vm")]
    return {name.rstrip(":"): int(value) for name, value, *_ in words}
