"""The commands of the kill tests, by name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.kills.command import Command
from tests.kills.saving_commands import AnalyzeSave, Cohort, HistoryImport
from tests.kills.session_commands import Live, Recover
from tests.kills.warm import Warm

NO_BUS = "needs the program dbus-daemon, on Linux: apt-get install dbus"


def _record(folder: Path, warm: Warm) -> Command:
    from tests.kills.record_command import Record  # its D-Bus needs Linux

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
    """Why a command cannot run on this machine; "" if it can."""
    is_without = sys.platform != "linux" or shutil.which("dbus-daemon") is None
    return NO_BUS if name == "record" and is_without else ""
