"""Reads the calibration of contact times from a runner's file; repeats it when the contact model changed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from imurun.cli.save_session import owner_file
from imurun.engine import outdated
from imurun.errors import ImurunError
from imurun.files.text import sanitize
from imurun.io import read_runner
from imurun.model.calibration import Calibration
from imurun.model.runner import Runner


def with_calibration(runner: Runner, file: Path | None) -> Runner:
    """The runner with the calibration of the file, or of this machine's runner where `file` is None.

    Raises:
        SettingsError: the file makes no sense.
    """
    return replace(runner, calibration=current_calibration(file))


def current_calibration(file: Path | None) -> Calibration | None:
    """The calibration of a runner's file, or of this machine's runner where `file` is None.

    One of an older contact model is computed again from its recording and written back, if the recording is
    still in its place; otherwise it is returned as it is, and the analysis asks for a new one.

    Raises:
        SettingsError: the file makes no sense.
    """
    path = owner_file(file)
    calibration = None if path is None else read_runner(path).calibration
    if path is None or calibration is None or not outdated(calibration):
        return calibration
    fresh = _renewed(calibration)
    if fresh is None:
        return calibration
    print(
        f"The calibration of {calibration.date} was computed again for a new contact model, from "
        f"{sanitize(Path(calibration.recording).name)}.",
        file=sys.stderr,
    )
    from imurun.cli.runner import check_runner_file
    from imurun.io.runner_file import set_calibration

    try:
        set_calibration(path, fresh, check_runner_file)
    except ImurunError as error:  # it is computed again the next time
        print(f"imurun: {error}", file=sys.stderr)
    return fresh


def _renewed(calibration: Calibration) -> Calibration | None:
    """The calibration for the present model; None where its recording is gone, changed or unusable."""
    from imurun.history import fingerprint
    from imurun.io import open_recording
    from imurun.model.speed import SpeedTable
    from imurun.session import Session, analyze
    from imurun.watch.calibrate import renewed

    place = Path(calibration.recording)
    if not calibration.recording or not calibration.fingerprint or not place.exists():
        return None
    try:
        recording = open_recording(place)
        if fingerprint(recording) != calibration.fingerprint:
            return None

        def analyse(speed: SpeedTable | None) -> Session:
            return analyze(recording, speed=speed)

        return renewed(calibration, analyse)
    except ImurunError:
        return None
