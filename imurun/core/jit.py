"""Compilation of the numerical kernels with numba: the decorators `kernel` and `entry`.

Never with fastmath, so that any split of a stream gives the same bytes. Only the few entries that Python
calls are cached on disk; the kernels they call are compiled into them. An entry has one signature, so that an
array of another layout raises an error instead of starting the compiler. Numba renews a cached entry when its
own file changes, but not when a file it calls into does, so entries are stamped with a fingerprint of all
their sources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property, update_wrapper
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numba import config, literal_unroll, njit, typeof, types

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
INNER_OPTIONS: dict[str, Any] = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
WITHOUT_COMPILER: bool = config.DISABLE_JIT  # pyright: ignore[reportAttributeAccessIssue]
unrolled: Any = literal_unroll
"""Unrolls a loop over a global tuple of field names in a kernel: the compiler must know each name."""


class _Kernel:
    """A function compiled for calls from other kernels only, without the wrapper for calls from Python.

    The wrapper is half of the compile time, and only tests and a few places outside the kernels need it.
    """

    __wrapped__: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self._name = function.__qualname__
        self._inner = njit(**INNER_OPTIONS)(function)
        self._numba_type_ = types.Dispatcher(self._inner)

    @cached_property
    def _from_python(self) -> Any:
        return njit(**OPTIONS)(self.__wrapped__)

    def __call__(self, *args: Any) -> Any:
        return self._from_python(*args)

    def __reduce__(self) -> str:
        return self._name  # pickled by name, as functions are


class _Entry:
    """A function as Python calls it: compiled, or read from disk, at the first call."""

    def __init__(self, function: Callable[..., Any], like: Callable[[], tuple[Any, ...]]) -> None:
        update_wrapper(self, function)
        self._name = function.__qualname__
        try:
            self.dispatcher: Any = njit(cache=True, **OPTIONS)(function)
        except RuntimeError:  # no folder that can be written to
            self.dispatcher = njit(**OPTIONS)(function)
        self._like = like
        self._lock = Lock()
        self._ready = False
        kept = self._kept()
        if kept is not None:
            kept._source_stamp = (kept._source_stamp, _fingerprint())

    def __call__(self, *args: Any) -> Any:
        if not self._ready:
            self._compile()
        return self.dispatcher(*args)

    def __reduce__(self) -> str:
        return self._name

    def _compile(self) -> None:
        with self._lock:
            if not self._ready:
                self.dispatcher.compile(tuple(typeof(argument) for argument in self._like()))
                self.dispatcher.disable_compile()
                self._ready = True

    def is_kept(self) -> bool:
        """Whether it is compiled already, in this process or in the cache of this machine."""
        if self._ready:
            return True
        try:
            kept = self._kept()
            return kept is not None and bool(kept._load_index())
        except (OSError, ValueError, AttributeError):
            return False

    def _kept(self) -> Any:
        """Numba's index of the cache on disk; None where numba finds no writable folder."""
        return getattr(getattr(self.dispatcher, "_cache", None), "_cache_file", None)


def kernel(function: Callable[..., Any]) -> Any:
    """Decorator for kernels that other kernels call."""
    return function if WITHOUT_COMPILER else _Kernel(function)


def entry(like: Callable[[], tuple[Any, ...]]) -> Callable[[Callable[..., Any]], Any]:
    """Decorator for kernels that Python calls; compiled once per machine and cached.

    Args:
        like: returns arguments of the types that it is compiled for. Other types raise TypeError; but where
            `like` has a read-only array (`read_only`), a writable one is accepted too.
    """
    return lambda function: function if WITHOUT_COMPILER else _Entry(function, like)


def read_only(*shape: int) -> np.ndarray:
    """Read-only zeros, for arguments in `like` that a kernel only reads."""
    zeros = np.zeros(shape)
    zeros.flags.writeable = False
    return zeros


def is_kept(function: Any) -> bool:
    """Whether an entry is compiled already, in this process or in the cache of this machine."""
    return not isinstance(function, _Entry) or function.is_kept()


def _fingerprint() -> str:
    digest = hashlib.sha256()
    core = Path(__file__).parent
    model = core.parent / "model"
    for path in [*sorted(core.glob("*.py")), model / "frames.py", model / "columns.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
