"""The commands that are killed, by name."""

from __future__ import annotations

from tests.kills.command import Command
from tests.kills.kept_commands import AnalyzeSave, Cohort, HistoryImport

COMMANDS: dict[str, type[Command]] = {
    command.name: command for command in (AnalyzeSave, HistoryImport, Cohort)
}


def missing(name: str) -> str:
    """What a command needs that this machine does not have; "" where it can run."""
    return ""
