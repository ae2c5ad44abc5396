"""Kills a command many times: at random times, and at or shortly after its file changes."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.kills.command import Command
from tests.kills.findings import Finding, Tally
from tests.kills.warm import ENDED, ERR, KILLED

SOONEST_S, LATEST_S = 2e-5, 2e-2
"""Delays after a file change starts: from less than a write takes to more than a transaction."""
TRIES = 3
"""Attempts per kill: a command can end before its kill if the machine has become faster."""


@dataclass(frozen=True)
class Aim:
    """When to kill.

    Attributes:
        event: number of the file change to kill at; None to kill by the clock.
        after: delay after the event in s, None for none; by the clock, the share of the command's duration.
    """

    event: int | None
    after: float | None

    def __str__(self) -> str:
        if self.event is None:
            return f"at {self.after:.4f} of its life"
        return f"at change {self.event}" + (f" + {self.after:.4f} s" if self.after is not None else "")


def aims(n: int, events: int, seed: int) -> Iterator[Aim]:
    """Yields in turn: by the clock, spread over the duration; at a file change; shortly after one."""
    chance = random.Random(seed)
    for k in range(n):
        if k % 3 == 0 or not events:
            yield Aim(None, (k + 3.0 * chance.random()) / (n + (-n) % 3))
        else:
            late_s = SOONEST_S * (LATEST_S / SOONEST_S) ** chance.random()
            yield Aim(chance.randrange(events), None if k % 3 == 1 else late_s)


def kill_often(
    command: Command,
    n: int,
    *,
    seed: int = 1,
    progress: Callable[[Tally], None] = lambda _: None,
    keep: Path | None = None,
) -> Tally:
    """Run a command undisturbed, then kill it n times, and check the files after each kill.

    Args:
        command: command to kill.
        n: number of kills.
        seed: seed of the random times.
        progress: called after each kill.
        keep: folder for the files of kills with a fault; None to drop them.
    """
    tally = Tally(command.name, bool(command.probe))
    place, notes = command.folder / "undisturbed", command.folder / "notes"
    tally.life_s, tally.events, in_place = undisturbed(command, place, notes)
    tally.faults += [f"never: {name} is written in place" for name in in_place]
    life_s = tally.life_s
    for k, aim in enumerate(aims(n, tally.events, seed)):
        finding, end = Finding(), Killed(0, 0.0, 0.0)
        for attempt in range(TRIES):
            place, notes = command.folder / f"kill{k}-{attempt}", command.folder / f"notes{k}-{attempt}"
            place.mkdir()
            command.prepare(place)
            end = killed(command, place, notes, aim, life_s)
            if end.code:
                break
            tally.too_late += 1
            if aim.event is None:
                life_s = min(life_s, end.lived_s)
        finding.expect(end.code in (0, -9), f"ended with {end.code}: {_last_errors(notes)}")
        command.look(place, notes, end.killed_s, finding)
        tally.add(str(aim), finding)
        if keep is not None and (finding.faults or finding.unreadable or not finding.completed):
            shutil.copytree(
                command.folder, keep / f"{command.name}-{k}", ignore=_others(k), dirs_exist_ok=True
            )
        for left in command.folder.glob(f"*{k}-*"):
            shutil.rmtree(left)
        progress(tally)
    return tally


def undisturbed(command: Command, place: Path, notes: Path) -> tuple[float, int, list[str]]:
    """Run it to its end; returns duration in s, number of events, and names of files written in place."""
    place.mkdir()
    command.prepare(place)
    with command.surroundings():
        run = command.warm.start(command.order(place, notes))
        code = run.end()
    if code:
        raise RuntimeError(f"{command.name} fails undisturbed ({code}): {_last_errors(notes)}")
    command.remember(place)
    events, ended_s, in_place = json.loads((notes / ENDED).read_text())
    return ended_s - run.begun_s, events, in_place


class Killed(NamedTuple):
    """End of a command: exit code, time of the kill on the monotonic clock, duration."""

    code: int
    killed_s: float
    lived_s: float


def killed(command: Command, place: Path, notes: Path, aim: Aim, life_s: float) -> Killed:
    """Run the command and kill it."""
    with command.surroundings():
        at_event = {} if aim.event is None else {"dies_at": aim.event, "after_s": aim.after}
        run = command.warm.start(command.order(place, notes, **at_event))
        killed_s = np.inf
        if aim.event is None:
            assert aim.after is not None
            time.sleep(max(run.begun_s + aim.after * life_s - time.monotonic(), 0.0))
            killed_s = run.kill()
        code = run.end()
    if (notes / KILLED).exists():
        killed_s = float((notes / KILLED).read_text())
    ended_s = json.loads((notes / ENDED).read_text())[1] if (notes / ENDED).exists() else killed_s
    return Killed(code, min(killed_s, time.monotonic()), ended_s - run.begun_s)


def _last_errors(notes: Path) -> str:
    return (notes / ERR).read_text()[-500:]


def _others(k: int) -> Callable[[str, list[str]], list[str]]:
    """For `copytree`: ignores the files of all kills but one."""
    mine = (f"kill{k}-", f"notes{k}-")
    return lambda _, names: [
        name for name in names if name.startswith(("kill", "notes")) and not name.startswith(mine)
    ]
