"""Worker processes of this machine.

A pool of processes breaks as a whole when one of them is killed, so each worker is a pool of its own, a lane:
what kills it costs the task that it had, which is tried once more.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for

from imurun._version import __version__
from imurun.cohort.memory import hold_to
from imurun.cohort.task import Result, Task

MOST_TRIES = 2
GROWN = 0.5
"""A worker that keeps this share of its memory after a task, and more than `USUAL`, is replaced."""
USUAL = 400 << 20
"""Bytes. With the core loaded a worker keeps 260 MiB after short recordings."""
DIED = (
    "the worker that read it was killed, twice, probably for lack of memory; "
    "split it, or give workers more (--memory, fewer --workers)."
)
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Arrow's own allocators map far more than they use, which the limit of memory would count
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""Of workers: as many workers as cores, so one thread each."""
NOT_FOR_WORKERS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
"""A terminal sends these to all of its processes; the command alone decides."""


class Lanes:
    """A crew of worker processes; see `imurun.cohort.executor.Crew`.

    Args:
        n: how many.
        memory_bytes: most that one may take; None for no limit.
    """

    def __init__(self, n: int, memory_bytes: int | None) -> None:
        self._memory_bytes = memory_bytes
        self._lanes = [_Lane(memory_bytes) for _ in range(n)]

    @property
    def room(self) -> int:
        """One a worker."""
        return len(self._lanes)

    @property
    def pids(self) -> dict[str, int]:
        """Process that has a task, by the task's key."""
        return {lane.task.key: lane.pid() for lane in self._lanes if lane.task is not None}

    def submit(self, task: Task) -> None:
        """Give a task to a worker that has none."""
        next(lane for lane in self._lanes if lane.task is None).submit(task)

    def wait(self, timeout_s: float) -> list[Result]:
        """What was done within that time, if anything."""
        busy = [lane for lane in self._lanes if lane.future is not None]
        wait([lane.future for lane in busy if lane.future is not None], timeout_s, FIRST_COMPLETED)
        results = [lane.take() for lane in busy if lane.future is not None and lane.future.done()]
        return [result for result in results if result is not None]

    def close(self) -> None:
        """Kill all workers."""
        for lane in self._lanes:
            lane.kill()


class _Lane:
    """One worker process, replaced by another when it dies or has grown."""

    def __init__(self, memory_bytes: int | None) -> None:
        self.task: Task | None = None
        self.future: Future[Result] | None = None
        self._tries = 0
        self._memory_bytes = memory_bytes
        self._open()

    def pid(self) -> int:
        """Of the process, once it runs."""
        return self._pid.result()

    def submit(self, task: Task) -> None:
        """Begin a task."""
        self.task, self._tries = task, 1
        self._begin(task)

    def take(self) -> Result | None:
        """The result of the task that ended; None when it was begun once more."""
        assert self.task is not None
        assert self.future is not None
        try:
            result = self.future.result()
        except BrokenProcessPool:
            self._reopen()
            if self._tries < MOST_TRIES:
                self._tries += 1
                self._begin(self.task)
                return None
            result = Result(self.task.key, __version__, "failed", sentence=DIED)
        self.task = self.future = None
        if self._has_grown(result.resident_bytes):
            self._reopen()
        return result

    def _has_grown(self, resident: int) -> bool:
        return self._memory_bytes is not None and resident > max(GROWN * self._memory_bytes, USUAL)

    def kill(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(BrokenProcessPool, OSError):  # it is dead already
            os.kill(self.pid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, task: Task) -> None:
        try:
            self.future = self._pool.submit(_run, task)
        except BrokenProcessPool:  # it died while it had nothing to do
            self._reopen()
            self.future = self._pool.submit(_run, task)

    def _open(self) -> None:
        with _as_workers_start():
            self._pool = ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare,
                initargs=(self._memory_bytes,),
            )
            self._pid = self._pool.submit(os.getpid)

    def _reopen(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._open()


@contextlib.contextmanager
def _as_workers_start() -> Iterator[None]:
    """Environment and signals of this process as its workers are to have them, while one is started."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    is_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in NOT_FOR_WORKERS if is_main}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _prepare(memory_bytes: int | None) -> None:
    """Make this process a worker: the command decides when it ends, and it ends with the command."""
    for number in NOT_FOR_WORKERS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from imurun.cohort.step_table import steps_bytes, steps_schema
    from imurun.cohort.worker import run_task
    from imurun.engine import RunAnalyzer

    del run_task  # imported before its memory is counted
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    # Arrow starts its threads when it first reads; under a limit there may be no room for their stacks
    empty = steps_bytes(steps_schema().empty_table().to_pandas(), "", "")
    pq.read_table(pa.BufferReader(empty), use_threads=True)
    # the first kernel loads OpenBLAS, which asks for ever where its own memory is refused
    analyzer = RunAnalyzer(rate_hz=100.0)
    analyzer.push(np.zeros((1, 3)), np.zeros((1, 3)))
    analyzer.finish()
    if memory_bytes is not None:
        hold_to(memory_bytes)


def _end_with_parent() -> None:
    """A killed command leaves no workers behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _run(task: Task) -> Result:
    from imurun.cohort.worker import run_task

    return run_task(task)
