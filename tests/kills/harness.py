"""Kills spread over the life of a command: by the clock, and at its changes of files."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kills.command import Command
from tests.kills.findings import Finding, Tally
from tests.kills.warm import ERR, EVENTS, REACHED

LATE_S = 0.02
"""After a change of a file begins: as long as a transaction takes."""
POLL_S = 0.0005


@dataclass(frozen=True)
class Aim:
    """When to kill: so long after the start, or so long after the command comes to an event; None: at it."""

    event: int | None
    after_s: float | None

    def __str__(self) -> str:
        if self.event is None:
            return f"after {self.after_s:.3f} s"
        return f"at change {self.event}" + (f" + {self.after_s:.4f} s" if self.after_s is not None else "")


def aims(n: int, life_s: float, events: int, seed: int) -> Iterator[Aim]:
    """Half of them by the clock, each in a part of the life of its own; half at changes of files."""
    chance = random.Random(seed)
    for k in range(n):
        if k % 2 == 0 or not events:
            yield Aim(None, (k + 2.0 * chance.random()) / (n + n % 2) * life_s)
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
    for k, aim in enumerate(aims(n, tally.life_s, tally.events, seed)):
        place, notes = command.folder / f"kill{k}", command.folder / f"notes{k}"
        finding = Finding()
        place.mkdir()
        command.prepare(place)
        code, killed_s = killed(command, place, notes, aim)
        finding.expect(code in (0, -9), f"ended with {code}: {_said(notes)}")
        tally.too_late += code == 0
        command.look(place, notes, killed_s, finding)
        tally.add(str(aim), finding)
        if keep is not None and (finding.faults or finding.unreadable or not finding.completed):
            shutil.copytree(command.folder, keep / f"{command.name}-{k}", ignore=_others(k))
        shutil.rmtree(place)
        shutil.rmtree(notes)
        progress(tally)
    return tally


def undisturbed(command: Command, place: Path, notes: Path) -> tuple[float, int]:
    """Run it to its end; returns how long that takes, s, and how many changes of files it makes."""
    place.mkdir()
    command.prepare(place)
    with command.surroundings():
        run = command.warm.start(command.order(place, notes))
        code = run.end()
        life_s = time.monotonic() - run.begun_s
    if code:
        raise RuntimeError(f"{command.name} fails undisturbed ({code}): {_said(notes)}")
    command.remember(place)
    return life_s, int((notes / EVENTS).read_text())


def killed(command: Command, place: Path, notes: Path, aim: Aim) -> tuple[int, float]:
    """Run it and kill it; returns the exit code, and when it was killed on the monotonic clock."""
    with command.surroundings():
        order = command.order(place, notes, stop_at=aim.event, dies_there=aim.after_s is None)
        run = command.warm.start(order)
        if aim.event is None:
            assert aim.after_s is not None
            time.sleep(max(run.begun_s + aim.after_s - time.monotonic(), 0.0))
        elif aim.after_s is not None:
            while not (notes / REACHED).exists() and not (notes / EVENTS).exists():
                time.sleep(POLL_S)
            time.sleep(aim.after_s)
        if aim.event is not None and aim.after_s is None:
            code = run.end()
            return code, time.monotonic()
        killed_s = run.kill()
        return run.end(), killed_s


def _said(notes: Path) -> str:
    return (notes / ERR).read_text()[-500:]


def _others(k: int) -> Callable[[str, list[str]], list[str]]:
    mine = (f"kill{k}", f"notes{k}")
    return lambda _, names: [
        name for name in names if name.startswith(("kill", "notes")) and name not in mine
    ]
