"""A process that has imported imurun and forks: each child is a command that starts without import delay.

    warm = Warm(); run = warm.start(Order(words=["analyze", ...], ...)); run.pid; run.end()

A child leads its own session, so that it can be killed with all processes that it started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

OUT, ERR = "stdout", "stderr"
KILLED, ENDED, PROBED = "killed", "ended", "probed"
"""Files of a run: time of its kill at an event; number of its events, time of its end and names of files
written in place, in JSON; log of its probe."""
WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "sqlite3.connect")
WHOLE = (".parquet", ".csv", ".json")
"""Endings of files that are written aside and renamed, so that no reader sees a part of one."""


@dataclass(frozen=True)
class Order:
    """The command of a child, and when it is killed.

    Attributes:
        words: arguments of `imurun`.
        notes: folder for its output, and for the files named above.
        watched: folder whose changes are counted as events.
        environment: variables added to those of this process.
        folder: working directory.
        dies_at: event at which its process group is killed; None to run to the end.
        after_s: delay of the kill after that event; None: before the change is made.
        probe: name of a function of `tests.kills.probes`, called with the file that it writes to.
    """

    words: list[str]
    notes: str
    watched: str
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "."
    dies_at: int | None = None
    after_s: float | None = None
    probe: str = ""


class Run:
    """A running child."""

    def __init__(self, pid: int, begun_s: float, warm: Warm) -> None:
        self.pid = pid
        self.begun_s = begun_s
        self._warm = warm

    def kill(self) -> float:
        """Kill it and all its processes; returns the time on the monotonic clock."""
        killed_s = time.monotonic()
        with suppress(ProcessLookupError):  # it has ended already
            os.killpg(self.pid, signal.SIGKILL)
        return killed_s

    def end(self) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        return self._warm.answer()


class Warm:
    """The process that forks, one child at a time; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            text=True,
        )
        self.answer()

    def start(self, order: Order) -> Run:
        """Start a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return Run(self.answer(), time.monotonic(), self)

    def answer(self) -> int:
        """The next number that the process prints."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it; no child may be running."""
        self._process.communicate()

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# -- inside the process -------------------------------------------------------------------------------------


def _serve() -> None:
    import bleak  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import imurun.ble.reconnecting_client
    import imurun.cli.analysis
    import imurun.cli.history_tables
    import imurun.cli.main
    import imurun.cli.record
    import imurun.cli.record_screen
    import imurun.cli.save_session
    import imurun.cohort.run
    import imurun.cohort.worker_processes
    import imurun.history.archive
    import imurun.live.pipeline
    import imurun.live.terminal  # noqa: F401
    import tests.kills.probes  # noqa: F401
    from imurun.cli.compile_core import warm_up

    warm_up()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries must not mix with the answers
    print(0, file=answers, flush=True)
    for line in sys.stdin:
        ready, started = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(ready)
            _run(Order(**json.loads(line)), started)
        os.close(started)
        os.read(ready, 1)
        os.close(ready)
        print(pid, file=answers, flush=True)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        _kill_rest(pid)
        print(code, file=answers, flush=True)


def _kill_rest(group: int) -> None:
    """Kill processes that a command left; twice, for one that was just forked."""
    for _ in range(2):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        time.sleep(0.002)


def _run(order: Order, started: int) -> NoReturn:
    """Run the command in the child, with its own session and output files."""
    import imurun.cli.main
    from tests.kills import probes

    code: Any = 1
    try:
        os.setsid()
        notes = Path(order.notes)
        for number, name in ((1, OUT), (2, ERR)):
            file = os.open(notes / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(file, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(order.environment)
        os.chdir(order.folder)
        sys.argv = ["imurun", *order.words]
        main = ModuleType("__main__")
        main.__spec__ = find_spec("imurun.__main__")  # as with `python -m imurun`: worker processes read it
        sys.modules["__main__"] = main
        counter = _Events(order)
        if order.probe:
            getattr(probes, order.probe)(str(notes / PROBED))
        sys.addaudithook(counter)
        os.write(started, b".")
        os.close(started)
        try:
            imurun.cli.main.main()
            code = 0
        except SystemExit as end:
            code = end.code
        counter.on = False
        _write_note(notes / ENDED, json.dumps([counter.n, time.monotonic(), counter.in_place]))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


class _Events:
    """Audit hook: counts file changes in the watched folder, and kills the group at one of them."""

    def __init__(self, order: Order) -> None:
        self.n = 0
        self.on = True
        self.in_place: list[str] = []
        self._order = order
        self._killer = self._fork_killer()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
            self._note(path)
        elif event in WRITES:
            path = arguments[0]
        else:
            return
        if not self.on or isinstance(path, int) or not os.fsdecode(path).startswith(self._order.watched):
            return
        self.n += 1
        if self.n - 1 != self._order.dies_at:
            return
        self.on = False
        if self._order.after_s is None:
            _kill_own_group(self._order)
        os.write(self._killer, b".")

    def _note(self, path: Any) -> None:
        if not isinstance(path, int) and Path(os.fsdecode(path)).suffix in WHOLE:
            self.in_place.append(Path(os.fsdecode(path)).name)

    def _fork_killer(self) -> int:
        """Start a process that kills the group after the delay; returns the pipe that triggers it."""
        receive, trigger = os.pipe()
        if os.fork():
            os.close(receive)
            return trigger
        os.close(trigger)
        if os.read(receive, 1):
            time.sleep(self._order.after_s or 0.0)
            _kill_own_group(self._order)
        os._exit(0)


def _kill_own_group(order: Order) -> None:
    _write_note(Path(order.notes, KILLED), f"{time.monotonic()}")
    os.killpg(0, signal.SIGKILL)


def _write_note(file: Path, text: str) -> None:
    """Write a file atomically, since this process may be killed at any time."""
    aside = file.with_name(f"{file.name}.aside")
    aside.write_text(text)
    aside.rename(file)


if __name__ == "__main__":
    _serve()
