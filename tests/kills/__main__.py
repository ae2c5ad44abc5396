"""Kills every command many times, and prints a table of losses and faults.

python -m tests.kills --kills 50 --command live --command cohort

Ctrl-C ends it with the table so far.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID
from rich.table import Table

from tests.kills.commands import COMMANDS, missing
from tests.kills.findings import Tally
from tests.kills.harness import kill_often
from tests.kills.warm import Warm

COLUMNS = (
    "command",
    "life s",
    "file changes",
    "kills",
    "too late",
    "most s lost",
    "unreadable files",
    "most leftovers",
    "completed after",
    "faults",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="of each command")
    parser.add_argument("--command", action="append", choices=list(COMMANDS), help="all unless given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, default=Path("out/kills"), help="folder for the files of kills with a fault"
    )
    arguments = parser.parse_args()
    tallies: dict[str, Tally] = {}
    with suppress(KeyboardInterrupt), Warm() as warm:
        _kill_all(warm, arguments, tallies)
    _show(list(tallies.values()), Console())
    return 0 if all(tally.is_sound for tally in tallies.values()) else 1


def _kill_all(warm: Warm, arguments: argparse.Namespace, tallies: dict[str, Tally]) -> None:
    """Kill one command after the other; `tallies` is complete at any time, for Ctrl-C."""
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as progress:
        for name in arguments.command or COMMANDS:
            if missing(name):
                progress.console.print(f"{name} is skipped: it {missing(name)}")
                continue
            bar = progress.add_task(name, total=arguments.kills)

            def show(tally: Tally, name: str = name, bar: TaskID = bar) -> None:
                tallies[name] = tally
                progress.update(bar, completed=tally.kills)

            with tempfile.TemporaryDirectory(prefix="kills-") as folder:
                command = COMMANDS[name](Path(folder), warm)
                kill_often(command, arguments.kills, seed=arguments.seed, progress=show, keep=arguments.keep)


def _show(tallies: list[Tally], console: Console) -> None:
    table = Table()
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "command" else "right")
    for tally in tallies:
        lost = f"{tally.lost_s:.3f}" if tally.keeps_journal else "-"
        table.add_row(
            tally.name,
            f"{tally.life_s:.1f}",
            str(tally.events),
            str(tally.kills),
            str(tally.too_late),
            lost,
            str(len(tally.unreadable)),
            str(tally.leftovers),
            str(tally.completed),
            str(len(tally.faults)),
        )
    console.print(table)
    for tally in tallies:
        for what in (*tally.unreadable, *tally.faults):
            console.print(f"{tally.name}, killed {what}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "120")
    sys.exit(main())
