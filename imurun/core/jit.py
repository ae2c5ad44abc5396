"""How the kernels of the core are compiled: never with fastmath, so that any split gives the same bytes.

Only the few entries that Python calls are kept on disk; the kernels they call are compiled into them.
Numba renews a kept entry when its own file changes, but not when a file it calls into does. So the entries
are stamped with a fingerprint of all that they are compiled from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any

from numba import config, njit, types

OPTIONS = {"nogil": True, "error_model": "numpy"}


class _Kernel:
    """A function as other kernels see it: without what Python would call it through.

    That is half of all there is to compile, and only tests and a few places outside the kernels need it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self._inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)
        self._numba_type_ = types.Dispatcher(self._inner)
        self._from_python = njit(**OPTIONS)(function)

    def __call__(self, *args: Any) -> Any:
        return self._from_python(*args)


def kernel(function: Callable[..., Any]) -> Any:
    """Decorator for kernels that other kernels call."""
    return function if config.DISABLE_JIT else _Kernel(function)


def entry(function: Callable[..., Any]) -> Any:
    """Decorator for kernels that Python calls; compiled once per machine and kept."""
    dispatcher = njit(cache=True, **OPTIONS)(function)
    kept = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if kept is not None:
        kept._source_stamp = (kept._source_stamp, _fingerprint())
    return dispatcher


def is_kept(dispatcher: Any) -> bool:
    """Whether an entry need not be compiled: it was before, in this process or on this machine."""
    if getattr(dispatcher, "signatures", None):
        return True
    kept = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    try:
        return kept is None or bool(kept._load_index())
    except (OSError, ValueError, AttributeError):
        return False


def _fingerprint() -> str:
    digest = hashlib.sha256()
    core = Path(__file__).parent
    for path in [*sorted(core.glob("*.py")), core.parent / "frames.py", core.parent / "columns.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
