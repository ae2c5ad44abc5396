"""A recording read on demand has the samples and metadata of the one that `read` returns."""

from __future__ import annotations

import gzip
import os
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import imurun
from imurun.errors import FormatError, RecordingError
from imurun.history import fingerprint
from imurun.io import open_recording, read, write_recording
from imurun.io.lazy_recording import StoredRecording
from imurun.model.gaps import longest_bridge
from imurun.model.recording import Marker, Recording
from imurun.sim.presets import eventful_run, steady_run

needs_compiler = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")
RATE_HZ = 100.0
LONGEST = longest_bridge(RATE_HZ)


def made(n=900, *, gyr=True, **facts):
    rng = np.random.default_rng(5)
    facts = {"rate_hz": RATE_HZ} | facts
    acc = rng.normal(0, 2, (n, 3)) + np.array([0.0, 0.0, 9.81])
    return Recording(acc, rng.normal(0, 1, (n, 3)) if gyr else None, **facts)


def write_with_missing(recording, path, missing, *, row_group_size=100, column=None):
    """Write a recording with the cells of these rows left empty: of all columns, or of one."""
    write_recording(recording, path)
    table = pq.read_table(path)
    empty = np.zeros(len(table), dtype=bool)
    for first, stop in missing:
        empty[first:stop] = True
    for i, field in enumerate(table.schema):
        if field.name != "time_s" and column in (None, field.name):
            values = pa.array(table.column(i).to_numpy(), mask=empty | table.column(i).is_null().to_numpy())
            table = table.set_column(i, field, values)
    pq.write_table(table, path, row_group_size=row_group_size)


def assert_same(path):
    """The recording in the file has the metadata and samples that `read` returns."""
    stored, loaded = open_recording(path), read(path)
    assert isinstance(stored, StoredRecording)
    assert len(stored) == len(loaded)
    known = {field.name for field in fields(Recording)} - {"acc", "gyr"}
    for name in (*known, "gaps", "has_gyro", "duration_s"):
        assert getattr(stored, name) == getattr(loaded, name), name
    for _ in range(2):  # it can be read again
        blocks = list(stored.blocks(37))
        assert max(len(acc) for acc, _ in blocks) <= 37
        np.testing.assert_array_equal(np.concatenate([acc for acc, _ in blocks]), loaded.acc)
        if loaded.gyr is None:
            assert all(gyr is None for _, gyr in blocks)
        else:
            np.testing.assert_array_equal(np.concatenate([gyr for _, gyr in blocks]), loaded.gyr)
    assert fingerprint(stored) == fingerprint(loaded)
    again = stored.load()
    np.testing.assert_array_equal(again.acc, loaded.acc)
    assert again.warnings == loaded.warnings
    return stored


@pytest.mark.parametrize("gyr", [True, False])
def test_an_opened_recording_equals_the_read_one(tmp_path, gyr):
    recording = made(
        gyr=gyr,
        rate_hz=40.0,
        frame="anatomical",
        start=datetime(2026, 5, 1, 7, tzinfo=UTC),
        acc_range_g=16.0,
        gyr_range_deg_s=2000.0,
        warnings=("A note.",),
        markers=(Marker(3.0, "lap"), Marker(1.0, "pain", 2.0)),
    )
    write_recording(recording, tmp_path / "a.parquet")
    stored = assert_same(tmp_path / "a.parquet")
    assert stored.has_gyro is gyr
    assert len(stored.warnings) == 2
    assert [marker.time_s for marker in stored.markers] == [1.0, 3.0]


@pytest.mark.parametrize(
    "missing",
    [
        [(100 - LONGEST, 100)],  # up to a border between row groups, and no more
        [(100, 100 + LONGEST)],
        [(98, 98 + LONGEST)],  # across it
        [(98, 99 + LONGEST)],  # and too long
        [(150, 450)],  # over several
        [(0, 2)],
        [(898, 900)],
        [(0, 100), (800, 900)],  # all of the first and the last
        [(0, 1), (2, 3), (4, 20), (21, 22), (899, 900)],
        [(1, 899)],
    ],
)
@pytest.mark.parametrize("gyr", [True, False])
def test_missing_rows_are_bridged_or_gaps_as_in_a_recording(tmp_path, missing, gyr):
    write_with_missing(made(gyr=gyr), tmp_path / "a.parquet", missing)
    stored = assert_same(tmp_path / "a.parquet")
    assert stored.n_bridged + sum(b - a for a, b in stored.gaps) == sum(b - a for a, b in missing)


@pytest.mark.parametrize("column", ["acc_y_m_s2", "gyr_z_rad_s"])
def test_a_row_is_missing_as_a_whole(tmp_path, column):
    write_with_missing(made(), tmp_path / "a.parquet", [(95, 98), (300, 350)], column=column)
    stored = assert_same(tmp_path / "a.parquet")
    assert (stored.n_bridged, stored.gaps) == (3, ((300, 350),))
    alone = stored.without_gyro()
    whole = read(tmp_path / "a.parquet").without_gyro()
    assert (alone.has_gyro, alone.gaps, alone.n_bridged) == (False, stored.gaps, 3)
    assert fingerprint(alone) == fingerprint(whole) == fingerprint(alone.load())
    assert (whole.n_bridged, whole.gaps) == (3, stored.gaps)


def test_a_recording_of_missing_rows_only_is_refused(tmp_path):
    write_with_missing(made(), tmp_path / "a.parquet", [(0, 900)])
    for opened in (read, open_recording):
        with pytest.raises(RecordingError, match=r"a\.parquet: The recording holds no sample"):
            opened(tmp_path / "a.parquet")


def change_metadata(path, key, value):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, key.encode(): value}), path)


def drop(path, *names):
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(list(names)), path)


def rename(path, old, new):
    table = pq.read_table(path)
    pq.write_table(table.rename_columns([new if name == old else name for name in table.column_names]), path)


def to_words(path, name):
    table = pq.read_table(path)
    at = table.column_names.index(name)
    pq.write_table(table.set_column(at, name, pa.array(["x"] * len(table))), path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: change_metadata(path, "imurun:rate_hz", "fast"),
        lambda path: change_metadata(path, "imurun:rate_hz", "3"),
        lambda path: change_metadata(path, "imurun:start", "yesterday"),
        lambda path: change_metadata(path, "imurun:acc_range_g", "-1"),
        lambda path: change_metadata(path, "imurun:markers", "[3]"),
        lambda path: drop(path, "acc_x_m_s2"),
        lambda path: drop(path, "gyr_y_rad_s"),
        lambda path: rename(path, "time_s", "acc_x_m_s2"),
        lambda path: to_words(path, "gyr_x_rad_s"),
        lambda path: path.write_bytes(path.read_bytes()[:4000]),
        lambda path: path.write_bytes(b"PAR1"),
    ],
)
def test_open_and_read_refuse_with_the_same_message(tmp_path, damage):
    path = tmp_path / "a.parquet"
    write_recording(made(), path)
    damage(path)
    messages = []
    for opened in (read, open_recording):
        with pytest.raises((FormatError, RecordingError)) as caught:
            opened(path)
        messages.append((type(caught.value), str(caught.value)))
    assert messages[0] == messages[1]
    assert messages[0][1].startswith("a.parquet: ")
    assert messages[0][1].count("a.parquet") == 1


def damage_middle(path):
    """Write over the data of the row group in the middle."""
    metadata = pq.ParquetFile(path).metadata
    column = metadata.row_group(metadata.num_row_groups // 2).column(2)
    with path.open("r+b") as file:
        file.seek(column.dictionary_page_offset or column.data_page_offset)
        file.write(b"\xff" * column.total_compressed_size)


def test_damage_in_the_middle_is_refused_when_opened(tmp_path):
    path = tmp_path / "a.parquet"
    write_with_missing(made(), path, [])
    damage_middle(path)
    with pytest.raises(FormatError, match=r"a\.parquet: the Parquet data are damaged"):
        open_recording(path)


def test_a_file_that_changes_is_not_read_on(tmp_path):
    path = tmp_path / "a.parquet"
    write_recording(made(), path)
    stored = open_recording(path)
    status = path.stat()
    damage_middle(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # so that nothing but the data tells
    with pytest.raises(FormatError, match=r"a\.parquet: the Parquet data are damaged"):
        list(stored.blocks(100))
    os.utime(path, ns=(1, 1))
    with pytest.raises(FormatError, match=r"a\.parquet: the file was changed while it was read"):
        imurun.analyze(stored)
    path.unlink()
    with pytest.raises(FormatError, match=r"a\.parquet could not be read"):
        stored.load()


def test_other_files_are_loaded_as_recordings(tmp_path):
    recording = made()
    for name in ("a.csv", "a.csv.gz", "a.parquet"):
        write_recording(recording, tmp_path / name)
    (tmp_path / "b.parquet").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    plain = pq.read_table(tmp_path / "a.parquet").replace_schema_metadata(None)
    pq.write_table(plain, tmp_path / "c.parquet")
    for name in ("a.csv", "a.csv.gz", "b.parquet", "c.parquet"):
        opened = open_recording(tmp_path / name)
        assert isinstance(opened, Recording)
        np.testing.assert_allclose(opened.acc, recording.acc, rtol=1e-12)
    with pytest.raises(FormatError, match="no such file"):
        open_recording(tmp_path / "no.parquet")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FormatError, match="folder: "):
        open_recording(tmp_path / "folder")
    for opened in (read, open_recording):
        with pytest.raises(RecordingError, match=r"a\.parquet: The sampling rate"):
            opened(tmp_path / "a.parquet", rate_hz=-1.0)


def test_the_start_can_be_replaced(tmp_path):
    write_with_missing(made(), tmp_path / "a.parquet", [(95, 98)])
    east = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    for recording in (open_recording(tmp_path / "a.parquet"), read(tmp_path / "a.parquet")):
        moved = recording.with_start(east)
        assert moved.start == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert (recording.start, moved.n_bridged) == (None, 3)
        assert fingerprint(moved) == fingerprint(recording)
        with pytest.raises(RecordingError, match="calendar"):
            recording.with_start(datetime.min.replace(tzinfo=timezone(timedelta(hours=2))))


def test_progress_rises_to_one(tmp_path):
    path = tmp_path / "a.parquet"
    write_with_missing(made(), path, [])
    output = []
    open_recording(path, progress=lambda done, total: output.append(done / total))
    assert output == sorted(output)
    assert output[-1] == 1.0
    assert len(output) == 9


# -- the analysis ----------------------------------------------------------------------------------------


def assert_same_session(path, **words):
    output = []
    one = imurun.analyze(open_recording(path), progress=output.append, **words)
    other = imurun.analyze(read(path), **words)
    assert output == sorted(output)
    assert output[-1] == 1.0
    for name in ("steps", "bouts", "phases"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    for name in ("summary", "warnings", "settings", "start", "source", "markers"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.mounting.source == other.mounting.source
    np.testing.assert_array_equal(one.mounting.rotation, other.mounting.rotation)
    return one


@pytest.fixture(scope="module")
def broken_run(tmp_path_factory):
    """Walking and running, with missing short and long, in small row groups."""
    path = tmp_path_factory.mktemp("stored") / "run.parquet"
    n = len(eventful_run().recording)
    missing = [(0, 40), (997, 1003), (5000, 5300), (9999, 10002), (20000, 20004), (n - 3, n)]
    write_with_missing(eventful_run().recording, path, missing, row_group_size=1000)
    return path


@needs_compiler
@pytest.mark.parametrize("words", [{}, {"mounting": "whole"}, {"method": "lee2010"}])
def test_an_opened_recording_gives_the_session_of_the_read_one(broken_run, words):
    session = assert_same_session(broken_run, **words)
    assert session.summary["running_steps"] > 100
    assert session.summary["bridged_samples"] >= 7
    assert session.summary["gap_s"] > 3.0


@needs_compiler
def test_a_dead_gyroscope_is_left_out(tmp_path):
    simulated = steady_run(40.0).recording
    dead = Recording(simulated.acc, 0.0 * simulated.acc, rate_hz=simulated.rate_hz)
    write_with_missing(dead, tmp_path / "a.parquet", [(1000, 1003), (2000, 2100)], column="gyr_x_rad_s")
    for words in ({}, {"mounting": "whole"}, {"method": "lee2010"}):
        session = assert_same_session(tmp_path / "a.parquet", **words)
        assert not session.summary["gyroscope"]
        assert session.summary["bridged_samples"] == 3
        assert session.summary["gap_s"] == pytest.approx(1.0)


@needs_compiler
def test_the_session_is_the_same_without_gyroscope_or_in_degrees(tmp_path):
    simulated = steady_run(40.0).recording
    write_recording(simulated.without_gyro(), tmp_path / "a.parquet")
    assert not assert_same_session(tmp_path / "a.parquet").summary["gyroscope"]
    wrong = Recording(simulated.acc, np.rad2deg(simulated.gyr), rate_hz=simulated.rate_hz)
    write_recording(wrong, tmp_path / "b.parquet")
    assert any("deg/s" in note for note in assert_same_session(tmp_path / "b.parquet").warnings)
