"""Waits until a command that is under way has kept so much of a run."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import imurun
from imurun.errors import ImurunError


def wait_for_journal(journal: Path, seconds: float, process: subprocess.Popen) -> None:
    """Wait until the journal of a process holds so many seconds of samples."""
    while _kept_s(journal) < seconds:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)


def _kept_s(journal: Path) -> float:
    try:
        return imurun.read(journal).duration_s
    except ImurunError:
        return 0.0
