"""`imurun calibrate`: makes a runner's contact times like those of another device."""

from __future__ import annotations

import math
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imurun.cli.options import (
    FileRateOption,
    MountingChoice,
    MountingOption,
    ProfileOption,
    TreadmillOption,
)
from imurun.errors import FormatError, SettingsError

if TYPE_CHECKING:
    from imurun.model.calibration import Calibration
    from imurun.model.speed import SpeedTable
    from imurun.session import Session
    from imurun.watch.trusted_seconds import Compared

_TIME = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-5]?[0-9](?:\.[0-9]*)?)|([0-9]+(?:\.[0-9]*)?)")


def calibrate(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="The recording to compare, in any known format.")
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="WATCH.fit", help="Activity of the same run with contact times, of a watch or pod."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE.csv",
            help="Contact times by another device: columns time_s, from the recording's start, and "
            "contact_time_ms.",
        ),
    ] = None,
    contact_ms: Annotated[
        float | None, typer.Option("--contact-ms", metavar="MS", help="The true contact time.")
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="MIN:S", help="Compare from this time of the recording on."),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="MIN:S", help="Compare up to this time.")] = None,
    treadmill: TreadmillOption = None,
    runner: Annotated[
        Path | None,
        typer.Option("--runner", metavar="FILE.toml", help="File to use instead of this machine's runner."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the calibration.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the calibration.")] = False,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Start of the recording, if the file has none or a wrong one."),
    ] = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
    mounting: MountingOption = MountingChoice.AUTO,
) -> None:
    """Make contact times as a watch, a pod or a laboratory counts them, from a run that both have measured.

    The offset is stored in the runner's file and used by all analyses and live runs of this runner. It holds
    near the speed of the comparison, or between two speeds.
    """
    sources = [each for each in (watch, table, contact_ms) if each is not None]
    if show or remove:
        if sources or run is not None or (show and remove):
            raise SettingsError("--show and --remove stand alone, or with --runner.")
        _show_or_remove(runner, remove=remove)
        return
    if run is None or len(sources) != 1:
        raise SettingsError(
            "Give a recording with one of --watch W.fit, --table T.csv or --contact-ms 240, or --show."
        )
    from_s = 0.0 if begin is None else parse_time(begin, "--from")
    to_s = math.inf if end is None else parse_time(end, "--to")
    if not from_s < to_s:
        raise SettingsError("--from must be before --to.")
    from imurun.cli.analysis import (
        analyze_with_progress,
        open_file,
        parse_start,
        parse_treadmill,
        with_start,
    )
    from imurun.cli.runner import check_runner_file
    from imurun.history import fingerprint
    from imurun.io import read_runner
    from imurun.io.runner_file import default_runner_file, set_calibration
    from imurun.model.runner import Runner
    from imurun.watch.calibrate import given_by_hand, joined, make_calibration

    speed = parse_treadmill(treadmill)
    path = default_runner_file() if runner is None else runner
    old = read_runner(path).calibration if path.exists() else None
    recording = with_start(
        open_file(run, profile, rate), None if start is None else parse_start(start)
    )  # fmt: skip
    plain = analyze_with_progress(recording, Runner(), mounting.value)
    if watch is not None:
        compared, speed = _by_watch(plain, watch, speed)
    elif table is not None:
        from imurun.watch.measured_contacts import read_contact_table

        compared = read_contact_table(table, recording.start, speed)
    else:
        assert contact_ms is not None
        compared = given_by_hand(plain, contact_ms, from_s, to_s, speed)
    compared = compared.between(from_s, to_s)
    with_speed = (
        None if speed is None else analyze_with_progress(recording, Runner(), mounting.value, speed=speed)
    )
    calibration, notes = make_calibration(
        compared,
        plain,
        with_speed,
        date=f"{datetime.now():%Y-%m-%d}",
        recording=str(run.resolve()),
        fingerprint=fingerprint(recording),
    )
    calibration = joined(old, calibration)
    set_calibration(path, calibration, check_runner_file)
    for note in notes:
        print(f"imurun: {note}", file=sys.stderr)
    _print(calibration, path)


def parse_time(text: str, option: str) -> float:
    """A time of a recording, s, from "3:00", "1:03:00" or seconds.

    Raises:
        SettingsError: the text is no time.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"{option} {text[:40]!r} is no time of a recording; write it as 3:00.")
    hours, minutes, seconds, plain = found.groups()
    if plain is not None:
        return float(plain)
    return 3600.0 * float(hours or 0) + 60.0 * float(minutes) + float(seconds)


def _by_watch(plain: Session, watch: Path, given: SpeedTable | None) -> tuple[Compared, SpeedTable | None]:
    """Contact times of the watch's activity, and the speed: as given, else the watch's, if it has any."""
    from dataclasses import replace

    from imurun.export.fit_read import read_fit
    from imurun.watch.speed import watch_speed
    from imurun.watch.trusted_seconds import compare_watch

    track = read_fit(watch)
    compared = compare_watch(plain, track)
    if given is not None:
        return replace(compared, speed_m_s=given.at(compared.time_s)), given
    try:
        return compared, watch_speed(plain, track)[0]
    except FormatError:  # no steady speed; the offset then belongs to the cadence
        return compared, None


def _show_or_remove(runner: Path | None, *, remove: bool) -> None:
    from imurun.cli.runner import check_runner_file
    from imurun.engine import outdated
    from imurun.files.text import sanitize
    from imurun.io import read_runner
    from imurun.io.runner_file import default_runner_file, set_calibration

    path = default_runner_file() if runner is None else runner
    calibration = read_runner(path).calibration if path.exists() or runner is not None else None
    if calibration is None:
        print(f"There is no calibration in {sanitize(str(path))}.")
        return
    if remove:
        set_calibration(path, None, check_runner_file)
        print(f"The calibration of {calibration.date} was removed from {sanitize(str(path))}.")
        return
    _print(calibration, path)
    if outdated(calibration):
        print(outdated(calibration))


def _print(calibration: Calibration, path: Path) -> None:
    from imurun.files.text import sanitize
    from imurun.model.calibration import APART_M_S, NEAR_M_S, NEAR_SPM

    print(f"Contact times: {sanitize(calibration.words)}.")
    speeds = [point.speed_m_s for point in calibration.points]
    for point in calibration.points:
        at = (
            f"{point.cadence_spm:.0f} steps/min"
            if math.isnan(point.speed_m_s)
            else f"{3.6 * point.speed_m_s:.1f} km/h"
        )
        print(f"  {at}: {point.offset_ms:+.0f} ms, from {point.n_steps} steps")
    if len(speeds) > 1:
        print(
            f"They hold from {3.6 * (speeds[0] - NEAR_M_S):.1f} to {3.6 * (speeds[-1] + NEAR_M_S):.1f} km/h."
        )
    elif math.isnan(speeds[0]):
        print(f"They hold within {NEAR_SPM:.0f} steps/min of that cadence.")
    else:
        print(
            f"They hold within {3.6 * NEAR_M_S:.1f} km/h of that speed; a second calibration, "
            f"{3.6 * APART_M_S:.1f} km/h faster or slower, makes them hold in between."
        )
    print(f"Model {calibration.model}; {sanitize(str(path))}")
