"""Many kills of every command, and a table of what they cost.

python -m tests.kills --kills 50 --command live --command cohort
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
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
        "--keep", type=Path, default=Path("out/kills"), help="folder for what was found wrong"
    )
    arguments = parser.parse_args()
    tallies, console = [], Console()
    with Warm() as warm, Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as progress:
        for name in arguments.command or COMMANDS:
            if missing(name):
                progress.console.print(f"{name} is left out: it {missing(name)}")
                continue
            bar = progress.add_task(name, total=arguments.kills)
            with tempfile.TemporaryDirectory(prefix="kills-") as folder:
                tallies.append(
                    kill_often(
                        COMMANDS[name](Path(folder), warm),
                        arguments.kills,
                        seed=arguments.seed,
                        progress=lambda tally, bar=bar: progress.update(bar, completed=tally.kills),
                        keep=arguments.keep,
                    )
                )
    _show(tallies, console)
    return 0 if all(tally.is_sound for tally in tallies) else 1


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
