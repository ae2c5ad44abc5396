"""Files written by imurun 0.1.0 still open, and give the same steps, summaries and sessions.

`files/README.txt` says what each file holds and how it was made.
"""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import imurun

FILES = Path(__file__).parent / "files"
STATES = ("starting", "searching_missing", "running_missing", "walking")
JOURNALS = ("blocks", "notifications")
RUNNER = {"blocks": ("--mass", "58", "--height", "1.66"), "notifications": ()}
"""Options of `analyze` for the runner whom the journal names, and whom `recover` uses."""
WITHOUT_NUMBERS = ("warnings", "version", "source")
STABLE_SUMMARY = (
    "duration_s",
    "rate_hz",
    "gyroscope",
    "clipped_samples",
    "bridged_samples",
    "start",
    "method",
)
LATER = {"speed_m_s": None, "known_speed": None, "calibration": None}
"""Entries of the summary that the versions which wrote these files did not have, and their values here."""
UNIT = r"(?:min|km|BW⁴|BW¹⁰|BW|%|steps/min|ms|g|deg|of 10)"


def rows_of(lines):
    """A CSV table as dicts; numbers as floats, NaN where empty, comment lines left out."""
    table = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [{name: number_or_word(text) for name, text in row.items()} for row in table]


def number_or_word(text):
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return text


def kept_rows(name):
    with gzip.open(FILES / name, "rt", encoding="utf-8", newline="") as file:
        return rows_of(file)


STABLE = ("vertical_oscillation_mm", "vertical_impulse_bw_s", "peak_vertical_g", "peak_resultant_g")
"""Columns that no change of the contact model moves: each is measured on the cycle of its step."""


def assert_same_steps(rows, expected):
    """The running steps of the earlier version's file: all columns are there, and `STABLE` ones are equal.

    Contacts come from another model, so steps are paired by their foot strike, within 40 ms.
    """
    rows, expected = ([row for row in some if row["gait"] == "running"] for some in (rows, expected))
    assert expected
    assert set(expected[0]) <= set(rows[0])
    near = [
        min(rows, key=lambda row: abs(row["initial_contact_s"] - other["initial_contact_s"]))
        for other in expected
    ]
    same = 0
    for row, other in zip(near, expected, strict=True):
        if abs(row["initial_contact_s"] - other["initial_contact_s"]) < 0.04:
            same += all(np.isclose(row[name], other[name], rtol=1e-9, equal_nan=True) for name in STABLE)
    assert same >= 0.9 * len(expected)


# -- states of RunAnalyzer ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def states():
    return pickle.loads(lzma.decompress((FILES / "states.pickle.xz").read_bytes()))


@pytest.fixture(scope="module")
def run():
    return imurun.read(FILES / "run.parquet")


@pytest.mark.parametrize("block_s", [0.3, 60.0])
@pytest.mark.parametrize("name", STATES)
def test_a_run_continues_from_a_saved_state(states, run, name, block_s):
    saved = states[name]
    analyzer = imurun.RunAnalyzer(
        run.rate_hz,
        runner=imurun.Runner(height_m=1.68),
        has_gyro=saved["has_gyro"],
        acc_range_g=16.0,
    )
    analyzer.state = saved["state"]
    assert analyzer.time_s == saved["first"] / run.rate_hz
    steps = []
    block = int(block_s * run.rate_hz)
    for first in range(saved["first"], saved["stop"], block):
        rows = slice(first, min(first + block, saved["stop"]))
        steps += analyzer.push(run.acc[rows], run.gyr[rows] if saved["has_gyro"] else None)
    steps += analyzer.finish()
    expected = [row for row in kept_rows("states_steps.csv.gz") if row.pop("state") == name]
    assert_same_steps([step._asdict() for step in steps], expected)


def test_saved_states_cover_each_stage(states):
    assert tuple(states) == STATES
    mountings = {name: saved["state"]["mounting"] for name, saved in states.items()}
    assert mountings["starting"] is None
    assert mountings["searching_missing"] is None
    assert mountings["running_missing"]["source"] == "found"
    assert mountings["walking"]["source"] == "found"
    missing = {name: saved["state"]["hole"] for name, saved in states.items()}
    assert missing == {"starting": 0, "searching_missing": 2, "running_missing": 2, "walking": 0}


# -- journals -----------------------------------------------------------------------------------------------


@pytest.fixture(params=JOURNALS)
def journal(request, tmp_path):
    """The journal in a folder that can be written to."""
    path = tmp_path / f"{request.param}.journal"
    path.write_bytes(gzip.decompress((FILES / f"{request.param}.journal.gz").read_bytes()))
    return path


def test_a_journal_gives_the_same_recording(journal):
    expected = json.loads((FILES / f"{journal.stem}_recording.json").read_text(encoding="utf-8"))
    assert described(imurun.read(journal)) == expected


def described(recording):
    return {
        "n": len(recording),
        "rate_hz": recording.rate_hz,
        "gaps": [[int(first), int(stop)] for first, stop in recording.gaps],
        "bridged": int(recording.n_bridged),
        "start": None if recording.start is None else recording.start.isoformat(),
        "markers": [[marker.time_s, marker.kind, marker.value] for marker in recording.markers],
        "sum_acc": np.nansum(recording.acc, axis=0).tolist(),
        "sum_gyr": np.nansum(recording.gyr, axis=0).tolist(),
    }


def test_a_journal_is_analysed(call, journal):
    words = ("--json", "--steps", "steps.csv", *RUNNER[journal.stem])
    done = call("analyze", journal.name, *words, cwd=journal.parent)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    numbers = {key: value for key, value in summary.items() if key not in WITHOUT_NUMBERS}
    kept = json.loads((FILES / f"{journal.stem}.json").read_text(encoding="utf-8"))
    assert set(numbers) >= set(kept | LATER)
    for name in STABLE_SUMMARY:
        assert numbers[name] == kept[name], name
    with (journal.parent / "steps.csv").open(encoding="utf-8", newline="") as file:
        assert_same_steps(rows_of(file), kept_rows(f"{journal.stem}_steps.csv.gz"))


def test_a_journal_is_recovered(call, journal):
    done = call("recover", journal.name, cwd=journal.parent)
    assert done.returncode == 0, done.stderr
    recording = imurun.read(journal.with_suffix(".parquet"))
    expected = json.loads((FILES / f"{journal.stem}_recording.json").read_text(encoding="utf-8"))
    assert described(recording) == expected
    pq = pytest.importorskip("pyarrow.parquet")
    rows = pq.read_table(journal.with_name(f"{journal.stem}-steps.parquet")).to_pylist()
    steps = [{name: float("nan") if value is None else value for name, value in row.items()} for row in rows]
    assert_same_steps(steps, kept_rows(f"{journal.stem}_steps.csv.gz"))


# -- history ------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    """The history in a folder that can be written to."""
    shutil.copytree(FILES / "history", tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture(scope="module")
def sessions():
    return json.loads((FILES / "history.json").read_text(encoding="utf-8"))


def values_of(text):
    """Each number that ends a line with its unit, in order, whatever it is called."""
    return re.findall(rf"(?<!\S)(-?\d[\d,.]* +{UNIT}) *$", text, re.MULTILINE)


def squeezed(values):
    return [" ".join(value.split()) for value in values]


def test_the_list_of_sessions_is_unchanged(call, store, sessions):
    done = call("history", "--store", store, "--name", "Kim")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("2024-")]
    assert rows == sessions["list"]
    assert "high" in rows[-1]


def test_the_values_of_each_session_are_unchanged(call, store, sessions):
    assert sessions["show"]
    for session_id, expected in sessions["show"].items():
        done = call("history", "show", session_id, "--store", store)
        assert done.returncode == 0, done.stderr
        assert squeezed(values_of(done.stdout)) == expected


def test_tags_and_the_flag_of_pain_are_shown(call, store):
    out = call("history", "show", "last", "--store", store).stdout
    assert "windy" in out
    assert "Red" in out
    flag = next(line for line in out.splitlines() if line.startswith("High"))
    assert "6" in flag


def test_the_comparison_of_two_sessions_is_unchanged(call, store, sessions):
    first, last = sessions["show"]
    done = call("history", "compare", first, last, "--store", store)
    assert done.returncode == 0, done.stderr
    assert compared(done.stdout) == sessions["compare"]


def compared(text):
    """Both values and the change of each line that has a change in percent."""
    return [
        re.findall(r"(?<!\S)[-+]?\d[\d,.]*(?!\S)", line)[-3:]
        for line in text.splitlines()
        if line.endswith("%")
    ]


def test_a_changed_tag_is_exported_and_restored(call, store, tmp_path):
    first = min(path.stem for path in (store / "steps").iterdir())
    assert call("history", "tag", first, "--pain-after", 4, "--store", store).returncode == 0
    assert call("history", "export", tmp_path / "all.zip", "--store", store).returncode == 0
    assert call("history", "restore", tmp_path / "all.zip", "--store", tmp_path / "new").returncode == 0
    out = call("history", "show", first, "--store", tmp_path / "new").stdout
    assert squeezed(values_of(out)).count("4 of 10") == 2
    for table in (FILES / "history" / "steps").iterdir():
        assert (tmp_path / "new" / "steps" / table.name).read_bytes() == table.read_bytes()


def test_the_same_recording_is_not_kept_twice(call, store, tmp_path):
    words = ("--duration", 20, "--speed", 2.8, "--rate", 50, "--seed", 21)
    assert call("simulate", "run0.csv", *words, cwd=tmp_path).returncode == 0
    (tmp_path / "kim.toml").write_text('name = "Kim"\nmass_kg = 58.5\nheight_m = 1.66\n', encoding="utf-8")
    words = ("--save", "--store", store, "--runner", "kim.toml", "--start", "2024-03-02T07:00Z")
    done = call("analyze", "run0.csv", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (first, _) = sorted(path.stem for path in (store / "steps").iterdir())
    assert first in done.stderr
