"""Runs the tasks of a cohort in worker processes of this machine.

A `ProcessPoolExecutor` breaks as a whole when one of its processes is killed. Each worker therefore has its
own pool of one process: a killed worker loses only its task, which is tried once more.

    idle --submit--> busy --result--> idle             (a new process if the old one uses too much memory)
                     busy --killed, first try--> busy  (new process, same task)
                     busy --killed, second try--> idle (new process; the task is a failure)
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
from imurun.cohort.memory import limit_memory
from imurun.cohort.task import Result, Task

MAX_TRIES = 2
REPLACE_SHARE = 0.5
"""A worker whose memory after a task exceeds this share of its limit, and `USUAL_BYTES`, is replaced."""
USUAL_BYTES = 400 << 20
"""With the core loaded a worker has 260 MiB after short recordings."""
WORKER_KILLED = (
    "the worker that read it was killed, twice, probably for lack of memory; "
    "split it, or give workers more (--memory, fewer --workers)."
)
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Arrow's own allocators map far more than they use, which would count towards the memory limit
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""Environment of workers: there is a worker for each core, so each has one thread."""
IGNORED_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
"""A terminal sends these to workers too; only the command reacts to them."""


class WorkerProcesses:
    """An executor on worker processes; see `imurun.cohort.task.Executor`.

    Args:
        n: number of workers.
        memory_bytes: limit of each; None for no limit.
    """

    def __init__(self, n: int, memory_bytes: int | None) -> None:
        self._memory_bytes = memory_bytes
        self._workers = [_Worker(memory_bytes) for _ in range(n)]

    @property
    def room(self) -> int:
        """One task for each worker."""
        return len(self._workers)

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each busy worker, by the key of its task."""
        return {worker.task.key: worker.pid() for worker in self._workers if worker.task is not None}

    def submit(self, task: Task) -> None:
        """Start a task in an idle worker."""
        next(worker for worker in self._workers if worker.task is None).submit(task)

    def wait(self, timeout_s: float) -> list[Result]:
        """Results that arrive within `timeout_s`, possibly none."""
        busy = [worker for worker in self._workers if worker.future is not None]
        wait([worker.future for worker in busy if worker.future is not None], timeout_s, FIRST_COMPLETED)
        results = [worker.take() for worker in busy if worker.future is not None and worker.future.done()]
        return [result for result in results if result is not None]

    def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.kill()


class _Worker:
    """One worker process, replaced when it dies or uses too much memory."""

    def __init__(self, memory_bytes: int | None) -> None:
        self.task: Task | None = None
        self.future: Future[Result] | None = None
        self._tries = 0
        self._memory_bytes = memory_bytes
        self._open()

    def pid(self) -> int:
        """Process id; waits until the process runs."""
        return self._pid.result()

    def submit(self, task: Task) -> None:
        """Start a task."""
        self.task, self._tries = task, 1
        self._begin(task)

    def take(self) -> Result | None:
        """The result of the finished task; None if the worker died and the task is tried again."""
        assert self.task is not None
        assert self.future is not None
        try:
            result = self.future.result()
        except BrokenProcessPool:
            self._reopen()
            if self._tries < MAX_TRIES:
                self._tries += 1
                self._begin(self.task)
                return None
            result = Result(self.task.key, __version__, "failed", sentence=WORKER_KILLED)
        self.task = self.future = None
        if self._is_too_large(result.resident_bytes):
            self._reopen()
        return result

    def _is_too_large(self, resident: int) -> bool:
        return self._memory_bytes is not None and resident > max(
            REPLACE_SHARE * self._memory_bytes, USUAL_BYTES
        )

    def kill(self) -> None:
        """Kill the process, also if it is busy."""
        with contextlib.suppress(BrokenProcessPool, OSError):  # it is already dead
            os.kill(self.pid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, task: Task) -> None:
        try:
            self.future = self._pool.submit(_run, task)
        except BrokenProcessPool:  # it died while idle
            self._reopen()
            self.future = self._pool.submit(_run, task)

    def _open(self) -> None:
        with _worker_environment():
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
def _worker_environment() -> Iterator[None]:
    """Set environment and signals of this process while a worker, which inherits them, starts."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    is_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in IGNORED_SIGNALS if is_main}
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
    """Set up a worker process: ignored signals, end with the parent, loaded core, memory limit."""
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    # the analysis is imported before the memory limit is set
    from imurun.cohort.worker import steps_bytes, steps_schema
    from imurun.engine import RunAnalyzer

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    # Arrow starts its threads at the first read; under the limit their stacks could not be allocated
    empty = steps_bytes(steps_schema().empty_table().to_pandas(), "", "")
    pq.read_table(pa.BufferReader(empty), use_threads=True)
    # the first kernel loads OpenBLAS, which retries forever if its allocation fails
    analyzer = RunAnalyzer(rate_hz=100.0)
    analyzer.push(np.zeros((1, 3)), np.zeros((1, 3)))
    analyzer.finish()
    if memory_bytes is not None:
        limit_memory(memory_bytes)


def _end_with_parent() -> None:
    """End this worker when the command ends, also if the command is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _run(task: Task) -> Result:
    from imurun.cohort.worker import run_task

    return run_task(task)
