"""Measures all packages in turn, round by round, one process at a time."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.contenders import Contender, variables_of
from benchmarks.peers.environments import last_words
from benchmarks.peers.hours import Hour
from imurun.errors import SettingsError

PATIENCE_S = 1800.0
"""A process that takes longer is stopped."""


@dataclass(frozen=True)
class Measured:
    """Measurement of one process on one hour.

    Attributes:
        wall_s, cpu_s: one call, median of its calls, s; processor time is that of all threads.
        steps, bouts: number detected; None if not detected by this package.
        versions: of the relevant packages.
    """

    wall_s: float
    cpu_s: float
    steps: int | None
    bouts: int | None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """One package on one hour: a measurement for each round, or an error."""

    contender: Contender
    hour: Hour
    rounds: list[Measured] = field(default_factory=list)
    trouble: str = ""


Call = Callable[[Contender, Path, Hour], Measured]


def take_turns(
    contenders: Sequence[Contender],
    hours: Sequence[Hour],
    n_rounds: int,
    pythons: Mapping[str, Path | str],
    *,
    call: Call | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Outcome]:
    """Measure each contender once for each hour and round.

    A contender that fails has no result for that hour; the others are still measured.

    Args:
        contenders: in the order of measurement.
        hours: data.
        n_rounds: number of rounds.
        pythons: interpreter by environment, or a sentence with the reason why there is none.
        call: runs a process and reads its output; replaced in tests.
        progress: called with the share that is done.
    """
    call = measure_once if call is None else call
    outcomes = []
    n_done = 0
    for hour in hours:
        of_hour = [Outcome(contender, hour) for contender in contenders]
        for _ in range(n_rounds):
            for outcome in of_hour:
                progress(n_done / (len(hours) * n_rounds * len(contenders)))
                n_done += 1
                python = pythons[outcome.contender.environment]
                if isinstance(python, str):
                    outcome.trouble = python
                if outcome.trouble:
                    continue
                try:
                    outcome.rounds.append(call(outcome.contender, Path(python), hour))
                except SettingsError as error:
                    outcome.trouble = str(error)
                    outcome.rounds.clear()
        outcomes += of_hour
    return outcomes


def measure_once(contender: Contender, python: Path, hour: Hour) -> Measured:
    """Run one process.

    Raises:
        SettingsError: it failed, took too long, or its output is invalid.
    """
    words = [str(python), str(contender.script), str(hour.path), *contender.arguments]
    try:
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(
                words,
                cwd=empty,
                env=variables_of(contender.environment),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE_S,
            )
    except subprocess.TimeoutExpired as error:
        raise SettingsError(f"{contender.name} was stopped after {PATIENCE_S / 60:.0f} minutes.") from error
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{contender.name} could not be started ({reason}); try --fresh.") from error
    if done.returncode != 0:
        raise SettingsError(f"{contender.name} failed: {last_words(done.stderr)}.")
    return as_measured(contender.name, done.stdout)


def as_measured(name: str, output: str) -> Measured:
    """Read the last line that an adaptor printed; packages may print lines before it.

    Raises:
        SettingsError: the line is not from `adaptors/stopwatch.py`.
    """
    try:
        figures = json.loads(output.strip().rsplit("\n", 1)[-1])
        measured = Measured(
            float(figures["wall_s"]),
            float(figures["cpu_s"]),
            figures["steps"],
            figures["bouts"],
            figures["versions"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{name} printed no figures; run its adaptor by hand to see why.") from error
    if not (measured.wall_s > 0.0 and measured.cpu_s >= 0.0):
        raise SettingsError(f"{name} printed an invalid time; run its adaptor by hand to see why.")
    return measured
