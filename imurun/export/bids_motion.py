"""Writes a recording and its steps as a BIDS dataset: samples, channels, steps as events.

The layout is that of the Brain Imaging Data Structure 1.10 for motion (Jeung et al. 2024, Scientific Data
11:716). Motion has no coordsystem file: the axes are a reference frame in channels.json.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imurun._version import __version__
from imurun.errors import SettingsError
from imurun.files.atomic import atomic_path, write_error
from imurun.files.text import encodable, sanitize
from imurun.model.recording import Recording
from imurun.model.runner import Runner
from imurun.session import Session

BIDS_VERSION = "1.10.0"
TRACKING_SYSTEM = "imu"
UNKNOWN = "n/a"
DESCRIPTION, README = "dataset_description.json", "README"
PARTICIPANTS, PARTICIPANT_COLUMNS = "participants.tsv", "participants.json"
_CHANNELS = (("acc", "ACCEL", "m/s^2"), ("gyr", "GYRO", "rad/s"))


def write_motion(
    recording: Recording,
    session: Session,
    folder: str | os.PathLike[str],
    *,
    subject: str = "01",
    visit: str | None = None,
    task: str = "running",
    runner: Runner | None = None,
) -> Path:
    """Write a recording and its steps into a BIDS dataset; a missing dataset is created.

    Channels are the samples in the axes of the recording: specific force in m/s2, angular rate in rad/s.
    Missing samples are "n/a". Onsets are in seconds from the first sample. The runner's name is not written.

    Args:
        recording: the samples.
        session: their analysis.
        folder: the dataset; created if missing.
        subject, visit, task: BIDS labels of letters and digits; `visit` is called session in BIDS.
        runner: mass and height are written to participants.tsv.

    Returns:
        The folder of the subject, or of the visit.

    Raises:
        SettingsError: a label that BIDS does not allow, a folder with other files, a subject (or visit)
            that exists already, or the folder cannot be written.
    """
    for name, label in (("subject", subject), ("session", visit), ("task", task)):
        if label is not None and not (label.isascii() and label.isalnum()):
            raise SettingsError(f"The {name} {sanitize(label)!r} must be letters and digits only, for BIDS.")
    dataset = Path(folder)
    relative = Path(f"sub-{subject}") if visit is None else Path(f"sub-{subject}", f"ses-{visit}")
    target = dataset / relative
    try:
        if dataset.exists() and (not dataset.is_dir() or (_has_files(dataset) and not _is_dataset(dataset))):
            raise SettingsError(
                f"{sanitize(str(dataset))} holds other files than a BIDS dataset; give another folder."
            )
        if target.exists():
            option = "--subject" if visit is None else "--session"
            raise SettingsError(f"{sanitize(str(target))} is there already; give another {option}.")
        dataset.mkdir(parents=True, exist_ok=True)
        _write_head(dataset, f"sub-{subject}", Runner() if runner is None else runner)
        temporary = Path(tempfile.mkdtemp(dir=dataset, prefix=f".{target.name}."))
        try:
            temporary.chmod(dataset.stat().st_mode & 0o777)
            _write_recording(recording, session, temporary, "_".join(relative.parts), task)
            target.parent.mkdir(exist_ok=True)
            temporary.replace(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise write_error(dataset, error) from error
    return target


def _has_files(folder: Path) -> bool:
    """Whether there are files other than hidden ones, which a killed export leaves."""
    return any(not path.name.startswith(".") for path in folder.iterdir())


def _is_dataset(folder: Path) -> bool:
    return (folder / DESCRIPTION).is_file()


def _write_recording(recording: Recording, session: Session, folder: Path, who: str, task: str) -> None:
    """Write the files of one recording, whose names begin with `who`."""
    motion = folder / "motion"
    motion.mkdir()
    stem = f"{who}_task-{task}"
    tracked = f"{stem}_tracksys-{TRACKING_SYSTEM}"
    _write_samples(recording, motion / f"{tracked}_motion.tsv")
    _write_json(motion / f"{tracked}_motion.json", _motion(recording, task))
    _write_rows(motion / f"{tracked}_channels.tsv", _channel_rows(recording))
    _write_json(motion / f"{tracked}_channels.json", {"reference_frame": _frames(recording, session)})
    _write_rows(motion / f"{stem}_events.tsv", _event_rows(session))
    _write_json(motion / f"{stem}_events.json", _EVENT_COLUMNS)
    if recording.start is not None:
        began = recording.start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        rows = [("filename", "acq_time"), (f"motion/{tracked}_motion.tsv", began)]
        _write_rows(folder / f"{who}_scans.tsv", rows)


def _write_samples(recording: Recording, path: Path) -> None:
    """Write the samples without a header, as BIDS requires."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv

    arrays = [recording.acc] if recording.gyr is None else [recording.acc, recording.gyr]
    columns = {}
    for name, array in zip("ag", arrays, strict=False):
        for axis in range(3):
            values = pa.array(array[:, axis], from_pandas=True)  # NaN become nulls
            columns[f"{name}{axis}"] = pc.fill_null(pc.cast(values, pa.string()), UNKNOWN)
    with path.open("wb") as stream:
        options = pacsv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
        pacsv.write_csv(pa.table(columns), stream, options)


def _motion(recording: Recording, task: str) -> dict[str, Any]:
    n_gyr = 0 if recording.gyr is None else 3
    return {
        "TaskName": task,
        "TaskDescription": "Running with an inertial sensor on the lower back.",
        "SamplingFrequency": recording.rate_hz,
        "SamplingFrequencyEffective": recording.rate_hz,
        "TrackedPointsCount": 1,
        "TrackingSystemName": TRACKING_SYSTEM,
        "RecordingDuration": recording.duration_s,
        "RecordingType": "continuous",
        "MotionChannelCount": 3 + n_gyr,
        "ACCELChannelCount": 3,
        "GYROChannelCount": n_gyr,
        "MissingValues": UNKNOWN,
    }


def _channel_rows(recording: Recording) -> list[tuple[object, ...]]:
    head = (
        *("name", "component", "type", "tracked_point", "units", "placement"),
        *("reference_frame", "sampling_frequency"),
    )
    rows: list[tuple[object, ...]] = [head]
    for name, kind, unit in _CHANNELS[: 1 if recording.gyr is None else 2]:
        for axis in "xyz":
            place = ("LowerBack", unit, "lower back", recording.frame, repr(recording.rate_hz))
            rows.append((f"{name}_{axis}", axis, kind, *place))
    return rows


def _frames(recording: Recording, session: Session) -> dict[str, Any]:
    """The reference frame of the channels, with the rotation to body axes for axes of the sensor."""
    if recording.frame == "anatomical":
        # ALS is accepted by both published validators; the specification's glossary also lists FLU
        level = {"SpatialAxes": "ALS", "Description": "Axes of the body: x forward, y left, z up."}
    else:
        text = "Axes of the sensor, as it sat on the body."
        if session.mounting is not None:
            rows = np.round(session.mounting.rotation, 6).tolist()
            text += f" Rows of the rotation to body axes (forward, left, up): {rows}."
        level = {"Description": text}
    return {"Description": "Axes of the channels.", "Levels": {recording.frame: level}}


_EVENT_COLUMNS = {
    "onset": {"Description": "Time from the first sample.", "Units": "s"},
    "duration": {"Description": "Of a foot on the ground; 0 for what the runner noted.", "Units": "s"},
    "trial_type": {
        "Description": "What happened.",
        "Levels": {
            "foot_strike": "A foot strikes the ground, found by imurun.",
            "lap": "The runner marked a lap.",
            "pain": "The runner said how much it hurts.",
        },
    },
    "side": {
        "Description": "Foot on the ground.",
        "Levels": {"left": "Left foot.", "right": "Right foot.", "unknown": "It could not be told."},
    },
    "gait": {"Description": "Gait.", "Levels": {"running": "Running.", "walking": "Walking."}},
    "value": {"Description": "Pain from 0 to 10."},
}


def _event_rows(session: Session) -> list[tuple[object, ...]]:
    steps = session.steps
    onset = np.asarray(steps["initial_contact_s"], dtype=np.float64)
    duration = np.asarray(steps["final_contact_s"], dtype=np.float64) - onset
    events: list[tuple[float, str, str, str, str, str]] = [
        (float(at), _number(long), "foot_strike", str(side), str(gait), UNKNOWN)
        for at, long, side, gait in zip(onset, duration, steps["side"], steps["gait"], strict=True)
    ]
    for marker in session.markers:
        value = UNKNOWN if marker.value is None else f"{marker.value:g}"
        events.append((marker.time_s, "0", marker.kind, UNKNOWN, UNKNOWN, value))
    events.sort(key=lambda event: event[0])
    return [tuple(_EVENT_COLUMNS), *((_number(event[0]), *event[1:]) for event in events)]


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if np.isfinite(value) else UNKNOWN


def _write_head(dataset: Path, participant: str, runner: Runner) -> None:
    """Write what a dataset has once: its description, a README and its participants.

    The description comes first, so that an interrupted export can be repeated.
    """
    description = {
        "Name": "Running with a sensor on the lower back",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "imurun", "Version": __version__}],
    }
    if not _is_dataset(dataset):
        _write_json(dataset / DESCRIPTION, description)
    has_participants = (dataset / PARTICIPANTS).exists()
    if not has_participants and not any(dataset.glob("README*")):
        _write_text(
            dataset / README,
            "Recordings of an inertial sensor on the lower back of runners, with the foot strikes that\n"
            f"imurun {__version__} found in them (events). Specific force in m/s2, angular rate in rad/s.\n",
        )
    if not has_participants and not (dataset / PARTICIPANT_COLUMNS).exists():
        _write_json(
            dataset / PARTICIPANT_COLUMNS,
            {
                "height": {"Description": "Stature.", "Units": "m"},
                "weight": {"Description": "Body mass.", "Units": "kg"},
            },
        )
    _add_participant(dataset / PARTICIPANTS, participant, runner)


def _add_participant(path: Path, participant: str, runner: Runner) -> None:
    """Add a row for the participant, with the columns that the table has."""
    rows: list[list[str]] = []
    if path.exists():
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.reader(stream, delimiter="\t"))
        except (csv.Error, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{sanitize(str(path))} is not a table in UTF-8; correct it, or give another folder."
            ) from error
    rows = rows or [["participant_id", "height", "weight"]]
    if any(row and row[0] == participant for row in rows[1:]):
        return
    known = {
        "participant_id": participant,
        "height": UNKNOWN if runner.height_m is None else f"{runner.height_m:g}",
        "weight": UNKNOWN if runner.mass_kg is None else f"{runner.mass_kg:g}",
    }
    rows.append([known.get(name, UNKNOWN) for name in rows[0]])
    _write_rows(path, rows)


def _write_rows(path: Path, rows: Sequence[Sequence[object]]) -> None:
    _write_text(path, "".join("\t".join(map(str, row)) + "\n" for row in rows))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(encodable(text).encode("utf-8"))
