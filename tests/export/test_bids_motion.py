"""BIDS datasets: file names checked by the published validator, contents by lists of the specification."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bids_validator import BIDSValidator

from imurun.core.alignment import Mounting
from imurun.errors import SettingsError
from imurun.export.bids_motion import write_motion
from imurun.model.recording import Marker, Recording
from imurun.model.runner import Runner
from tests.export.fit_helpers import START, made_session

MARKERS = (Marker(3.0, "lap"), Marker(7.5, "pain", 2.0))
STEM = "sub-01_task-running"
VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))


def made_recording(duration_s=10.0, **changes):
    n = round(100 * duration_s)
    rng = np.random.default_rng(3)
    acc, gyr = rng.normal(0, 5, (n, 3)), rng.normal(0, 1, (n, 3))
    acc[400:450] = np.nan
    settings = {"rate_hz": 100.0, "start": START, "markers": MARKERS} | changes
    return Recording(acc, gyr, **settings)


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "data"
    place = write_motion(made_recording(), made_session(10.0, markers=MARKERS), folder)
    assert place == folder / "sub-01"
    return folder


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.reader(stream, delimiter="\t"))


def table_of(path):
    head, *rows = rows_of(path)
    return [dict(zip(head, row, strict=True)) for row in rows]


def assert_names_are_bids(folder):
    names = ["/" + path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert len(names) > 8
    assert [name for name in names if not BIDSValidator().is_bids(name)] == []


def test_files_have_their_bids_names(dataset):
    assert_names_are_bids(dataset)
    assert {path.name for path in (dataset / "sub-01" / "motion").iterdir()} == {
        f"{STEM}_tracksys-imu_motion.tsv",
        f"{STEM}_tracksys-imu_motion.json",
        f"{STEM}_tracksys-imu_channels.tsv",
        f"{STEM}_tracksys-imu_channels.json",
        f"{STEM}_events.tsv",
        f"{STEM}_events.json",
    }


def test_samples_and_channels_agree(dataset):
    motion = dataset / "sub-01" / "motion"
    rows = rows_of(motion / f"{STEM}_tracksys-imu_motion.tsv")
    channels = table_of(motion / f"{STEM}_tracksys-imu_channels.tsv")
    recording = made_recording()
    assert len(rows) == len(recording)
    assert {len(row) for row in rows} == {len(channels)} == {6}
    assert set(rows[420]) == {"n/a"}
    known = np.array([[float(cell) for cell in row] for row in rows[:400]])
    assert np.array_equal(known, np.hstack([recording.acc, recording.gyr])[:400])
    columns = list(channels[0])
    assert columns[:5] == ["name", "component", "type", "tracked_point", "units"]
    assert [channel["component"] for channel in channels] == ["x", "y", "z"] * 2
    assert [channel["type"] for channel in channels] == ["ACCEL"] * 3 + ["GYRO"] * 3
    assert [channel["units"] for channel in channels] == ["m/s^2"] * 3 + ["rad/s"] * 3
    assert len({channel["name"] for channel in channels}) == 6


def test_the_sidecar_describes_the_channels(dataset):
    sidecar = json.loads((dataset / "sub-01" / "motion" / f"{STEM}_tracksys-imu_motion.json").read_text())
    assert sidecar["TaskName"] == "running"
    assert sidecar["SamplingFrequency"] == 100.0
    assert sidecar["TrackedPointsCount"] == 1
    assert (sidecar["MotionChannelCount"], sidecar["ACCELChannelCount"], sidecar["GYROChannelCount"]) == (
        6,
        3,
        3,
    )
    assert sidecar["MissingValues"] == "n/a"


def test_events_are_steps_and_markers(dataset):
    events = table_of(dataset / "sub-01" / "motion" / f"{STEM}_events.tsv")
    session = made_session(10.0)
    assert list(events[0])[:2] == ["onset", "duration"]
    onsets = [float(event["onset"]) for event in events]
    assert onsets == sorted(onsets)
    strikes = [event for event in events if event["trial_type"] == "foot_strike"]
    assert [float(event["onset"]) for event in strikes] == pytest.approx(
        list(session.steps["initial_contact_s"]), abs=1e-6
    )
    assert {(event["side"], event["duration"]) for event in strikes} == {("left", "0.24"), ("right", "0.26")}
    noted = [
        (event["onset"], event["trial_type"], event["value"]) for event in events if event not in strikes
    ]
    assert noted == [("3", "lap", "n/a"), ("7.5", "pain", "2")]
    described = json.loads((dataset / "sub-01" / "motion" / f"{STEM}_events.json").read_text())
    assert set(described) == set(events[0])
    assert {event["trial_type"] for event in events} <= set(described["trial_type"]["Levels"])


def test_a_dataset_has_description_participants_and_scans(dataset):
    description = json.loads((dataset / "dataset_description.json").read_text())
    assert {"Name", "BIDSVersion", "DatasetType"} <= set(description)
    assert table_of(dataset / "participants.tsv") == [
        {"participant_id": "sub-01", "height": "n/a", "weight": "n/a"}
    ]
    scans = table_of(dataset / "sub-01" / "sub-01_scans.tsv")
    assert scans[0]["acq_time"] == "2026-05-01T07:30:00.000000Z"
    assert (dataset / "sub-01" / scans[0]["filename"]).is_file()


def test_the_reference_frame_is_described(tmp_path):
    path = tmp_path / "a" / "sub-01" / "motion" / f"{STEM}_tracksys-imu_channels.json"
    write_motion(made_recording(frame="anatomical"), made_session(10.0), tmp_path / "a")
    levels = json.loads(path.read_text())["reference_frame"]["Levels"]
    assert levels["anatomical"]["SpatialAxes"] == "ALS"
    assert table_of(path.with_suffix(".tsv"))[0]["reference_frame"] == "anatomical"
    turned = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    session = replace(made_session(10.0), mounting=Mounting(turned, 0.9, "found", 5.0))
    write_motion(made_recording(), session, tmp_path / "a", subject="02")
    levels = json.loads((tmp_path / "a" / "sub-02" / "motion" / path.name.replace("01", "02")).read_text())[
        "reference_frame"
    ]["Levels"]
    assert str(turned.tolist()) in levels["sensor"]["Description"]
    assert "SpatialAxes" not in levels["sensor"]


def test_a_recording_without_gyroscope_start_and_steps_is_exported(tmp_path):
    recording = replace(made_recording(), gyr=None, start=None)
    session = replace(made_session(10.0), steps=made_session().steps[:0])
    place = write_motion(recording, session, tmp_path / "a")
    assert not list(place.glob("*scans*"))
    sidecar = json.loads((place / "motion" / f"{STEM}_tracksys-imu_motion.json").read_text())
    assert (sidecar["MotionChannelCount"], sidecar["GYROChannelCount"]) == (3, 0)
    assert len(rows_of(place / "motion" / f"{STEM}_events.tsv")) == 1
    assert_names_are_bids(tmp_path / "a")


def test_further_subjects_and_visits_are_added(dataset):
    runner = Runner("Jane Doe", 61.5, 1.7)
    session = made_session(10.0)
    write_motion(made_recording(), session, dataset, subject="B2", runner=runner)
    place = write_motion(made_recording(), session, dataset, subject="C", visit="winter", task="track")
    write_motion(made_recording(), session, dataset, subject="C", visit="summer", task="track")
    assert place == dataset / "sub-C" / "ses-winter"
    assert table_of(dataset / "participants.tsv") == [
        {"participant_id": "sub-01", "height": "n/a", "weight": "n/a"},
        {"participant_id": "sub-B2", "height": "1.7", "weight": "61.5"},
        {"participant_id": "sub-C", "height": "n/a", "weight": "n/a"},
    ]
    assert_names_are_bids(dataset)
    assert not any("Jane" in path.read_text() for path in dataset.rglob("*.*") if path.is_file())


def test_an_existing_participants_table_keeps_its_columns(dataset):
    (dataset / "participants.tsv").write_text("participant_id\tage\nsub-01\t33\n")
    write_motion(made_recording(), made_session(10.0), dataset, subject="02")
    assert rows_of(dataset / "participants.tsv")[1:] == [["sub-01", "33"], ["sub-02", "n/a"]]


def test_an_interrupted_export_can_be_repeated(tmp_path):
    (tmp_path / ".dataset_description.json.x.part").write_text("{")
    (tmp_path / ".sub-01.x").mkdir()
    write_motion(made_recording(), made_session(10.0), tmp_path)
    assert (tmp_path / "README").exists()


def test_an_existing_readme_is_kept(tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "Theirs", "BIDSVersion": "1.10.0"}')
    (tmp_path / "README.md").write_text("Theirs.")
    write_motion(made_recording(), made_session(10.0), tmp_path)
    assert [file.name for file in tmp_path.glob("README*")] == ["README.md"]


def test_existing_files_are_never_replaced(dataset, tmp_path):
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    with pytest.raises(SettingsError, match="--subject"):
        write_motion(made_recording(), made_session(10.0), dataset)
    assert {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()} == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match="holds other files than a BIDS dataset"):
        write_motion(made_recording(), made_session(10.0), tmp_path / "other")
    with pytest.raises(SettingsError, match="holds other files than a BIDS dataset"):
        write_motion(made_recording(), made_session(10.0), tmp_path / "other" / "thesis.txt")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("label", ["", "a b", "../x", "sub-1", "é", "1_2"])
def test_invalid_labels_are_refused(tmp_path, label):
    for which in ("subject", "visit", "task"):
        with pytest.raises(SettingsError, match="letters and digits"):
            write_motion(made_recording(), made_session(10.0), tmp_path / "a", **{which: label})
    assert not (tmp_path / "a").exists()


def test_a_write_that_fails_leaves_no_subject(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imurun.export.bids_motion._event_rows", fail)
    with pytest.raises(SettingsError, match="No space left"):
        write_motion(made_recording(), made_session(10.0), tmp_path / "a")
    assert not [path for path in (tmp_path / "a").iterdir() if path.is_dir()]


@pytest.mark.skipif(VALIDATOR is None, reason="needs bids-validator-deno")
def test_the_published_validator_finds_no_error(dataset):
    result = subprocess.run(
        [VALIDATOR, "--json", str(dataset)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    issues = json.loads(result.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
