"""One program at a time uses a sensor: a second would stop and start it under the first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from imurun.errors import SensorError


@contextmanager
def claim(address: str, label: str) -> Iterator[None]:
    """Hold a sensor for this process; it is free again when the process ends, however it does.

    Raises:
        SensorError: another process holds it.
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
