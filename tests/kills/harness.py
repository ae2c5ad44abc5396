"""Kills spread over the life of a command: by the clock, and at its changes of files."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.kills.command import Command
from tests.kills.findings import Finding, Tally
from tests.kills.warm import ENDED, ERR, REACHED

LATE_S = 0.02
"""After a change of a file begins: as long as a transaction takes."""
POLL_S = 0.0005
TRIES = 3
"""A command can end before its kill, where the machine has become faster."""


@dataclass(frozen=True)
class Aim:
    """When to kill: after a share of the life, or so many seconds after it comes to an event; None: at it."""

    event: int | None
    after: float | None

    def __str__(self) -> str:
        if self.event is None:
            return f"at {self.after:.4f} of its life"
        return f"at change {self.event}" + (f" + {self.after:.4f} s" if self.after is not None else "")


def aims(n: int, events: int, seed: int) -> Iterator[Aim]:
    """Half of them by the clock, each in a part of the life of its own; half at changes of files."""
    chance = random.Random(seed)
    for k in range(n):
        if k % 2 == 0 or not events:
            yield Aim(None, (k + 2.0 * chance.random()) / (n + n % 2))
        else:
            yield Aim(chance.randrange(events), chance.choice([None, LATE_S * chance.random()]))


def kill_often(
    command: Command,
    n: int,
    *,
    seed: int = 1,
    progress: Callable[[Tally], None] = lambda _: None,
    keep: Path | None = None,
) -> Tally:
    """Run a command undisturbed, then kill it n times, and look at what each kill left.

    Args:
        command: to kill.
        n: how often.
        seed: of the times.
        progress: called after each.
        keep: where what a kill left goes if something is wrong with it.
    """
    tally = Tally(command.name, bool(command.probe))
    place, notes = command.folder / "undisturbed", command.folder / "notes"
    tally.life_s, tally.events = undisturbed(command, place, notes)
    life_s = tally.life_s
    for k, aim in enumerate(aims(n, tally.events, seed)):
        finding = Finding()
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
        finding.expect(end.code in (0, -9), f"ended with {end.code}: {_said(notes)}")
        command.look(place, notes, end.killed_s, finding)
        tally.add(str(aim), finding)
        if keep is not None and (finding.faults or finding.unreadable or not finding.completed):
            shutil.copytree(command.folder, keep / f"{command.name}-{k}", ignore=_others(k))
        for left in command.folder.glob(f"*{k}-*"):
            shutil.rmtree(left)
        progress(tally)
    return tally


def undisturbed(command: Command, place: Path, notes: Path) -> tuple[float, int]:
    """Run it to its end; returns how long that takes, s, and how many changes of files it makes."""
    place.mkdir()
    command.prepare(place)
    with command.surroundings():
        run = command.warm.start(command.order(place, notes))
        code = run.end()
    if code:
        raise RuntimeError(f"{command.name} fails undisturbed ({code}): {_said(notes)}")
    command.remember(place)
    events, ended_s = (notes / ENDED).read_text().split()
    return float(ended_s) - run.begun_s, int(events)


class Killed(NamedTuple):
    """How a command ended: exit code, when it was killed on the monotonic clock, and how long it lived."""

    code: int
    killed_s: float
    lived_s: float


def killed(command: Command, place: Path, notes: Path, aim: Aim, life_s: float) -> Killed:
    """Run it and kill it."""
    with command.surroundings():
        order = command.order(place, notes, stop_at=aim.event, dies_there=aim.after is None)
        run = command.warm.start(order)
        if aim.after is not None:
            if aim.event is None:
                time.sleep(max(run.begun_s + aim.after * life_s - time.monotonic(), 0.0))
            else:
                while not (notes / REACHED).exists() and not (notes / ENDED).exists():
                    time.sleep(POLL_S)
                time.sleep(aim.after)
            killed_s = run.kill()
            code = run.end()
        else:
            code = run.end()
            killed_s = time.monotonic()
    ended_s = float((notes / ENDED).read_text().split()[1]) if (notes / ENDED).exists() else killed_s
    return Killed(code, killed_s, ended_s - run.begun_s)


def _said(notes: Path) -> str:
    return (notes / ERR).read_text()[-500:]


def _others(k: int) -> Callable[[str, list[str]], list[str]]:
    """Ignore what the other kills left."""
    mine = (f"kill{k}-", f"notes{k}-")
    return lambda _, names: [
        name for name in names if name.startswith(("kill", "notes")) and not name.startswith(mine)
    ]
