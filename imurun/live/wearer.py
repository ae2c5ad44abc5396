"""Who wears the sensor, and what is to be watched for them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from imurun.io import read_runner
from imurun.live.rules_file import Limits, read_limits
from imurun.recording import Runner


class Wearer(NamedTuple):
    """A runner, and the rules and limits for their runs."""

    runner: Runner = Runner()
    limits: Limits = Limits()


def read_wearer(path: Path | None) -> Wearer:
    """From the runner's file; the defaults without one.

    Raises:
        SettingsError: the file makes no sense.
    """
    return Wearer() if path is None else Wearer(read_runner(path), read_limits(path))
