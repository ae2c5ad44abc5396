"""Runs the tasks of a cohort on a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from imurun._version import __version__
from imurun.cohort.task import Result, Task
from imurun.cohort.worker import run_task
from imurun.errors import CohortError
from imurun.files.optional import optional_module
from imurun.files.text import sanitize

WAIT_S = 15.0
"""Timeout for the scheduler."""
AHEAD = 3
"""Tasks in progress for each thread of a worker: enough that no thread idles, few enough to bound memory."""
COUNT_EVERY_S = 10.0
WORKERS_DIED = (
    "the workers that read it died, probably for lack of memory; split it, or give workers more memory."
)


class Cluster:
    """An executor on Dask workers; see `imurun.cohort.task.Executor`.

    Args:
        address: of the scheduler, such as tcp://host:8786.
        report: called with a sentence when there are no workers yet.

    Raises:
        MissingExtraError: Dask is not installed.
        CohortError: the scheduler does not answer, or workers have no imurun or another version of it.
    """

    def __init__(self, address: str, report: Callable[[str], None] = lambda _: None) -> None:
        distributed: Any = optional_module("distributed", extra="cohort", purpose="--scheduler")
        addressing: Any = import_module("distributed.comm.addressing")
        self._address = sanitize(address)
        self._finished: queue.SimpleQueue[tuple[Task, Any]] = queue.SimpleQueue()
        self._futures: dict[str, Any] = {}
        self._counted_s = 0.0
        self._threads = 0
        try:
            addressing.resolve_address(address)
        except (OSError, ValueError, TypeError) as error:
            raise self._no_answer() from error
        self._disabled_loggers = _disable_loggers()
        try:
            self._client: Any = distributed.Client(
                address, timeout=WAIT_S, set_as_default=False, direct_to_workers=False
            )
        except (OSError, ValueError, TypeError) as error:
            self._enable_loggers()
            raise self._no_answer() from error
        try:
            self._refuse_other_versions()
        except CohortError:
            self.close()
            raise
        if not self.room:
            report(f"The scheduler at {self._address} has no workers yet; tasks wait for the first.")

    @property
    def room(self) -> int:
        """`AHEAD` tasks for each thread; as for one thread if there is no worker yet."""
        if time.monotonic() - self._counted_s > COUNT_EVERY_S or not self._threads:
            with self._connected():
                self._threads = sum(self._client.nthreads().values())
            self._counted_s = time.monotonic()
        return AHEAD * max(self._threads, 1)

    def submit(self, task: Task) -> None:
        """Submit a task to the scheduler."""
        with self._connected():
            future = self._client.submit(
                run_task, task, key=f"imurun-{task.key}-{time.time_ns()}", pure=False
            )
        self._futures[task.key] = future
        future.add_done_callback(lambda finished: self._finished.put((task, finished)))

    def wait(self, timeout_s: float) -> list[Result]:
        """Results that arrive within `timeout_s`, possibly none."""
        results: list[Result] = []
        with contextlib.suppress(queue.Empty):
            results.append(self._result(*self._finished.get(timeout=timeout_s)))
            while True:
                results.append(self._result(*self._finished.get_nowait()))
        if not results and self._client.status != "running":
            raise self._gone()
        return results

    def close(self) -> None:
        """Cancel all tasks and disconnect; the cluster stays as it was."""
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._client.cancel(list(self._futures.values()), force=True)
        with contextlib.suppress(Exception):
            self._client.close(timeout=WAIT_S)
        self._enable_loggers()

    def _result(self, task: Task, future: Any) -> Result:
        from distributed.scheduler import KilledWorker

        self._futures.pop(task.key, None)
        if future.status in ("cancelled", "lost"):
            raise self._gone()
        try:
            return future.result(timeout=WAIT_S * 4)
        except KilledWorker:
            return Result(task.key, __version__, "failed", sentence=WORKERS_DIED)
        except ModuleNotFoundError as error:
            raise CohortError(
                f"A worker of {self._address} cannot import {error.name}; install it there."
            ) from error
        except Exception as error:
            if self._client.status != "running" or future.status in ("cancelled", "lost"):
                raise self._gone() from error
            sentence = sanitize(f"the cluster could not run it ({type(error).__name__}: {error}).")
            return Result(task.key, __version__, "failed", sentence=sentence)

    def _refuse_other_versions(self) -> None:
        try:
            with self._connected():
                versions = self._client.run(_version, on_error="return")
        except ModuleNotFoundError as error:
            raise CohortError(
                f"A worker of {self._address} cannot import {error.name}; install it there."
            ) from error
        for worker, version in versions.items():
            if version != __version__:
                raise CohortError(
                    f"The worker {sanitize(str(worker))} has imurun {sanitize(str(version))} and this is "
                    f"{__version__}; install the same version there."
                )

    @contextlib.contextmanager
    def _connected(self):
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            raise self._gone() from error

    def _enable_loggers(self) -> None:
        for log in self._disabled_loggers:
            log.disabled = False

    def _no_answer(self) -> CohortError:
        return CohortError(
            f"The scheduler at {self._address} does not answer; check the address and that it runs."
        )

    def _gone(self) -> CohortError:
        return CohortError(f"The connection to the scheduler at {self._address} is gone.")


def _disable_loggers() -> list[logging.Logger]:
    """Disable the loggers of Dask, whose errors are raised as sentences; returns those it disabled."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    logs = [log for log in map(logging.getLogger, names) if not log.disabled]
    for log in logs:
        log.disabled = True
    return logs


def _version() -> str:
    from imurun._version import __version__

    return __version__
