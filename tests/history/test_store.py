"""The store: sessions are stored once and read back unchanged, also after damage and interruptions."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import imurun
from imurun.errors import FormatError, SettingsError, StoreError
from imurun.history import Store, Tags, catalogue, fingerprint
from imurun.history.archive import export_store, restore_store
from imurun.history.dose import compression_counts, doses, intensity_shares
from imurun.io import open_recording, write_recording
from imurun.model.recording import Marker, Recording
from tests.history.made_sessions import YEAR_START, Run, session_of


def run_at(days, minutes=10.0, **more):
    return Run(YEAR_START + timedelta(days=days), minutes, name=f"run-{days}.csv", **more)


def mark(k):
    return f"{k:064x}"[::-1]


def add(store, k, runner="Kim", **more):
    return store.add(session_of(run_at(k, **more), k), runner=runner, fingerprint=mark(k))


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store", wait_s=0.2) as opened:
        yield opened


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


# -- write and read -----------------------------------------------------------------------------------------


def test_sessions_come_back_in_order_of_start(store):
    for k in (3, 1, 2):
        assert add(store, k).is_new
    add(store, 9, runner="Lou")
    table = store.sessions("Kim")
    assert list(table["source"]) == ["run-1.csv", "run-2.csv", "run-3.csv"]
    assert list(table.columns[:11]) == [
        "session_id",
        "runner",
        "start",
        "duration_s",
        "running_s",
        "running_steps",
        "distance_km",
        "lumbar_dose_bw4",
        "lumbar_dose_bw1",
        "lumbar_dose_bw10",
        "intensity_share",
    ]
    assert str(table["start"].dt.tz) == "UTC"
    assert table["start"].iloc[0] == run_at(1).start
    assert store.runners() == {"Kim": 3, "Lou": 1}
    session = session_of(run_at(1), 1)
    assert table["lumbar_dose_bw4"].iloc[0] == pytest.approx(session.summary["lumbar_dose_bw4"])
    assert np.isnan(table["height_m"]).all()
    pd.testing.assert_frame_equal(store.steps(table["session_id"].iloc[0]), session.steps, check_dtype=False)
    assert store.summary(table["session_id"].iloc[0])["warnings"] == []
    assert list(store.sessions("Kim", since=run_at(2).start)["source"]) == ["run-2.csv", "run-3.csv"]


def test_an_empty_store_has_the_columns(store):
    table = store.sessions()
    assert len(table) == 0
    assert {"session_id", "start", "lumbar_dose_bw4", "shoes", "source"} <= set(table.columns)


def test_the_same_recording_is_kept_once(store):
    first = add(store, 1)
    again = add(store, 1)
    assert (again.session_id, again.is_new) == (first.session_id, False)
    assert len(store.sessions()) == 1


def test_overlapping_sessions_are_reported(store):
    first = add(store, 1)
    other = store.add(session_of(run_at(1), 5), runner="Kim", fingerprint=mark(5))
    assert other.overlaps == (first.session_id,)
    assert store.add(session_of(run_at(1), 6), runner="Lou", fingerprint=mark(6)).overlaps == ()


def test_a_recording_is_recognised_in_every_file(tmp_path):
    rng = np.random.default_rng(0)
    acc = rng.normal(0, 9, (400, 3))
    acc[100:200] = np.nan
    recording = Recording(acc, rng.normal(0, 1, (400, 3)), rate_hz=104.0, start=YEAR_START)
    for name in ("a.csv", "b.parquet", "c.csv.gz"):
        write_recording(recording, tmp_path / name)
        assert fingerprint(imurun.read(tmp_path / name)) == fingerprint(recording)
        assert fingerprint(open_recording(tmp_path / name)) == fingerprint(recording)
    changed = acc.copy()
    changed[0, 0] += 1e-9
    others = [
        Recording(changed, recording.gyr, rate_hz=104.0),
        Recording(acc, recording.gyr, rate_hz=104.001),
        Recording(acc, rate_hz=104.0),
    ]
    assert len({fingerprint(other) for other in (recording, *others)}) == 4


def test_tags_are_stored_changed_and_removed(store):
    session = replace(session_of(run_at(1)), markers=(Marker(5.0, "pain", 3.0), Marker(9.0, "pain", 4.0)))
    kept = store.add(session, runner="Kim", fingerprint=mark(1), tags=Tags(shoes=" Blue\n", pain_before=0))
    row = store.sessions().iloc[0]
    assert (row["shoes"], row["pain_before"], row["pain_during"]) == ("Blue", 0.0, 4.0)
    store.tag(kept.session_id, {"pain_before": None, "pain_after": 0.0, "notes": "wet", "distance_km": 7.5})
    row = store.sessions().iloc[0]
    assert np.isnan(row["pain_before"])
    assert (row["pain_after"], row["notes"], row["distance_km"], row["shoes"]) == (0.0, "wet", 7.5, "Blue")
    store.tag(kept.session_id, {"shoes": ""}, runner="Lou")
    assert store.sessions("Lou").iloc[0]["shoes"] is None


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"pain_after": 11.0}, "pain_after must be 0 (no pain) to 10 (worst pain), got 11"),
        ({"pain_before": float("nan")}, "pain_before must be 0 (no pain) to 10 (worst pain), got nan"),
        ({"distance_km": 0.0}, "distance_km must be more than 0 and at most 500 km, got 0"),
        ({"notes": "x" * 3000}, "at most 2000 characters long, got 3000"),
        ({"mood": "good"}, "mood is not a tag"),
    ],
)
def test_invalid_tags_are_refused(store, changes, part):
    kept = add(store, 1)
    before = store.sessions()
    with pytest.raises(SettingsError) as error:
        store.tag(kept.session_id, changes)
    assert part in one_sentence(error)
    pd.testing.assert_frame_equal(store.sessions(), before)


def test_find_accepts_last_ids_and_unique_beginnings(store):
    ids = [add(store, k).session_id for k in (1, 2)]
    assert store.find("last") == ids[1]
    assert store.find(ids[0][:-3]) == ids[0]
    for word, part in (("2024", "2 sessions begin with 2024"), ("x%", "No session is called x%")):
        with pytest.raises(StoreError) as error:
            store.find(word)
        assert part in one_sentence(error)


# -- loads --------------------------------------------------------------------------------------------------


def test_doses_are_sums_of_powers():
    steps = session_of(run_at(1)).steps
    values = steps["lumbar_compression_bw"].to_numpy()
    assert doses(steps) == {
        f"lumbar_dose_bw{m}": pytest.approx(sum(v**m for v in values)) for m in (1, 4, 10)
    }
    assert set(doses(steps.assign(gait="walking")).values()) == {None}


def test_the_share_of_hard_steps_is_that_of_the_steps_themselves():
    starts = np.array([0, 10, 20, 45, 45, 100]) * 86_400_000_000_000
    steps = [session_of(run_at(k, 60.0, compression_bw=3 + 0.05 * k), k).steps for k in range(len(starts))]
    counts = np.array([compression_counts(table) for table in steps])
    found = intensity_shares(starts, counts, 30, 95.0)
    for k, start in enumerate(starts):
        past = [
            steps[j]["lumbar_compression_bw"]
            for j in range(len(starts))
            if start - 30 * 86_400_000_000_000 < starts[j] < start
        ]
        if past:
            hard = np.percentile(np.concatenate(past), 95.0)
            assert found[k] == pytest.approx(np.mean(steps[k]["lumbar_compression_bw"] > hard), abs=0.02)
        else:
            assert np.isnan(found[k])


# -- errors -------------------------------------------------------------------------------------------------


def test_a_recording_of_another_runner_is_refused(store):
    kept = add(store, 1, runner="Kim")
    with pytest.raises(StoreError) as error:
        add(store, 1, runner="Lou")
    assert f"{kept.session_id} of the runner Kim" in one_sentence(error)
    assert store.runners() == {"Kim": 1}


def test_a_session_needs_a_start_that_is_past(store):
    now = datetime.now(UTC)
    ahead = session_of(Run(now + timedelta(days=1), 10.0))
    for session, part in (
        (ahead, "in the future"),
        (replace(ahead, start=None), "has no start time"),
    ):
        with pytest.raises(SettingsError) as error:
            store.add(session, runner="Kim", fingerprint=mark(1))
        assert part in one_sentence(error)
    assert len(store.sessions()) == 0
    assert not list(store.folder.glob("steps/*"))


def test_a_missing_step_table_is_an_error_and_importing_again_restores_it(store):
    kept = add(store, 1)
    store.steps_path(kept.session_id).unlink()
    with pytest.raises(StoreError) as error:
        store.steps(kept.session_id)
    assert "is missing" in one_sentence(error)
    assert len(store.sessions()) == 1
    assert not add(store, 1).is_new  # importing the recording again brings the table back
    assert len(store.steps(kept.session_id))
    store.steps_path(kept.session_id).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(StoreError) as error:
        store.steps(kept.session_id)
    assert "is damaged" in one_sentence(error)


def test_a_newer_store_is_refused_and_not_changed(tmp_path):
    with Store(tmp_path) as store:
        add(store, 1)
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / "catalogue.sqlite").read_bytes()
    with pytest.raises(StoreError) as error:
        Store(tmp_path)
    assert "newer imurun (version 99" in one_sentence(error)
    assert (tmp_path / "catalogue.sqlite").read_bytes() == before


def test_an_older_store_is_migrated_completely_or_not_at_all(tmp_path, monkeypatch):
    with Store(tmp_path) as store:
        add(store, 1)
        before = store.sessions()
    newer = "ALTER TABLE sessions ADD COLUMN weather TEXT; UPDATE sessions SET weather = 'wet'"
    monkeypatch.setattr(catalogue, "MIGRATIONS", (*catalogue.MIGRATIONS, newer + "; SELECT nonsense"))
    with pytest.raises(StoreError):
        Store(tmp_path)
    monkeypatch.undo()
    with Store(tmp_path) as store:
        pd.testing.assert_frame_equal(store.sessions(), before)
    monkeypatch.setattr(catalogue, "MIGRATIONS", (*catalogue.MIGRATIONS, newer))
    with Store(tmp_path) as store:
        pd.testing.assert_frame_equal(store.sessions(), before)
        assert store.catalogue.rows("SELECT weather FROM sessions") == [("wet",)]


def test_a_store_locked_by_another_process_can_be_read_but_not_written(store):
    add(store, 1)
    hold = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(store.folder / "catalogue.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    other.stdout.readline()
    with pytest.raises(StoreError) as error:
        add(store, 2)
    assert "in use by another process" in one_sentence(error)
    assert len(store.sessions()) == 1  # reading is still possible
    other.communicate()
    assert add(store, 2).is_new


@pytest.mark.parametrize("damage", ["head", "middle", "cut", "empty"])
def test_a_damaged_catalogue_is_kept_and_never_overwritten(tmp_path, damage):
    with Store(tmp_path) as store:
        for k in range(30):
            add(store, k, minutes=1.0)
    file = tmp_path / "catalogue.sqlite"
    sound = file.read_bytes()
    content = {
        "head": b"garbage " * 12 + sound[96:],
        "middle": sound[:8192] + b"\xff" * 16384 + sound[24576:],
        "cut": sound[: len(sound) // 2],
        "empty": b"",
    }[damage]
    file.write_bytes(content)
    with pytest.raises(StoreError) as error, Store(tmp_path) as store:
        add(store, 50)
    text = one_sentence(error)
    assert file.read_bytes() == content
    if damage == "empty":
        assert "missing or empty" in text
    else:
        assert "a copy is kept" in text
        copies = [path for path in tmp_path.glob("*.damaged-*") if not path.name.endswith("-wal")]
        assert [path.read_bytes() for path in copies] == [content]
        with pytest.raises(StoreError), Store(tmp_path) as store:  # once is enough
            add(store, 50)
        assert len([path for path in tmp_path.glob("*.damaged-*") if not path.name.endswith("-wal")]) == 1


def test_a_path_that_is_not_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as error:
        Store(tmp_path / "file")
    assert "--store" in one_sentence(error)


# -- export and restore -------------------------------------------------------------------------------------


def test_export_and_restore_give_the_same_store(tmp_path):
    file = tmp_path / "all.zip"
    with Store(tmp_path / "a") as store:
        for k in range(4):
            add(store, k, runner="Kim" if k % 2 else "Lou")
        store.tag(store.find("last"), {"shoes": "Blue", "pain_after": 2.0})
        assert export_store(store, file) == 4
        table = store.sessions()
        with pytest.raises(SettingsError) as error:
            export_store(store, file)
        assert "is there already" in one_sentence(error)
    with Store(tmp_path / "b") as other:
        add(other, 1)
        add(other, 7)
        assert restore_store(other, file) == (3, 1)
        assert restore_store(other, file) == (0, 4)
        found = other.sessions()
        assert len(found) == 5
        pd.testing.assert_frame_equal(found[found["source"] != "run-7.csv"].reset_index(drop=True), table)
        for session_id in found["session_id"]:
            assert len(other.steps(session_id))
    assert not list((tmp_path / "b").glob(".restore*"))


def test_an_archive_with_conflicts_adds_nothing(tmp_path):
    with Store(tmp_path / "a") as store:
        add(store, 1, runner="Kim")
        add(store, 2, runner="Kim")
        export_store(store, tmp_path / "all.zip")
    (tmp_path / "text.zip").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("catalogue.sqlite", b"")
        archive.writestr("../outside.parquet", b"")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "all.zip").read_bytes()[:-900])
    with Store(tmp_path / "b") as other:
        add(other, 1, runner="Lou")
        for name, kind, part in (
            ("all.zip", StoreError, "to Lou in the store"),
            ("text.zip", FormatError, "not an archive"),
            ("cut.zip", FormatError, "not an archive"),
            ("evil.zip", FormatError, "does not belong in"),
            ("none.zip", FormatError, "could not be read"),
        ):
            with pytest.raises(kind) as error:
                restore_store(other, tmp_path / name)
            assert part in one_sentence(error)
        assert other.runners() == {"Lou": 1}
    assert not (tmp_path / "outside.parquet").exists()
