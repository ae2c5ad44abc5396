"""Locks a sensor for one process, since a second one would stop and restart it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from imurun.errors import SensorError


@contextmanager
def lock_sensor(address: str, label: str) -> Iterator[None]:
    """Lock a sensor for this process; the system releases the lock when the process ends, even by a crash.

    Raises:
        SensorError: another process has locked it.
    """
    folder = user_cache_path("imurun", ensure_exists=True)
    lock = FileLock(folder / f"sensor-{hashlib.sha256(address.lower().encode()).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SensorError(f"{label} is in use by another imurun; end that one first.") from None
    try:
        yield
    finally:
        lock.release()
