"""The commands that are killed, by name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.kills.command import Command
from tests.kills.kept_commands import AnalyzeSave, Cohort, HistoryImport
from tests.kills.session_commands import Live, Recover
from tests.kills.warm import Warm

NO_BUS = "needs the program dbus-daemon, on Linux: apt-get install dbus"


def _record(folder: Path, warm: Warm) -> Command:
    from tests.kills.record_command import Record  # its bus is there on Linux alone

    return Record(folder, warm)


COMMANDS = {
    "record": _record,
    "live": Live,
    "recover": Recover,
    "analyze": AnalyzeSave,
    "import": HistoryImport,
    "cohort": Cohort,
}


def missing(name: str) -> str:
    """What a command needs that this machine does not have; "" where it can run."""
    is_without = sys.platform != "linux" or shutil.which("dbus-daemon") is None
    return NO_BUS if name == "record" and is_without else ""
