"""Everyone in turn, round after round, never two at once."""

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
"""A process that takes longer than this is stopped."""


@dataclass(frozen=True)
class Measured:
    """What one process told of one hour.

    Attributes:
        wall_s, cpu_s: one call, median of its calls, s; processor time is that of all threads.
        steps, bouts: how many came out; None where none are looked for.
        versions: of the packages that matter.
    """

    wall_s: float
    cpu_s: float
    steps: int | None
    bouts: int | None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """One contender on one hour: a measurement a round, or why there is none."""

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
    """Measure: for each hour, in each round, each contender once.

    Whoever fails is left out of the rest of that hour, and its rounds with it; the others go on.

    Args:
        contenders: in the order of their turns.
        hours: to work on.
        n_rounds: how many.
        pythons: interpreter by environment; or the sentence that says why there is none.
        call: starts a process and reads what it tells; the real thing unless given.
        progress: told the share done.
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
    """One process, from start to end.

    Raises:
        SettingsError: it failed, took too long, or told nothing that makes sense.
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


def as_measured(name: str, said: str) -> Measured:
    """Read what an adaptor printed; packages may have said something before.

    Raises:
        SettingsError: its last line is not what `adaptors/stopwatch.py` prints.
    """
    try:
        told = json.loads(said.strip().rsplit("\n", 1)[-1])
        measured = Measured(
            float(told["wall_s"]), float(told["cpu_s"]), told["steps"], told["bouts"], told["versions"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{name} told no figures; run its adaptor by hand to see why.") from error
    if not (measured.wall_s > 0.0 and measured.cpu_s >= 0.0):
        raise SettingsError(f"{name} told a time that cannot be; run its adaptor by hand to see why.")
    return measured
