"""Files of a summary; the tidy table compared with loops over the steps of one session."""

from __future__ import annotations

import contextlib
import gzip
import math
import statistics
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.cohort.results import read_sessions, read_steps
from imurun.cohort.summary_files import (
    CELL_COLUMNS,
    MEDIAN_COLUMNS,
    PARTS,
    TIDY_NAMES,
    running_clock_s,
    thirds,
    tidy_names,
    tidy_rows,
    tidy_session,
    write_summary,
)
from imurun.errors import CohortError, FormatError
from tests.cohort.summary_folder import Made, analysed, sessions_file, steps_file, write_cohort

START = datetime(2024, 5, 1, 6, 0, tzinfo=UTC)
SESSIONS = (
    Made("a", "1", "eventful", "x", START, {"level": "low", "side": "left"}),
    Made("a", "2", "walk", "x", None, {"level": None, "side": "left"}),
    Made("b", "1", "bare", None, None, {"level": "high", "side": "right"}),
    Made("b", "2", "easy", None, START, {"level": "high", "side": "right"}),
)


@pytest.fixture
def folder(tmp_path):
    return write_cohort(tmp_path / "out", SESSIONS)


@pytest.fixture
def summary(folder, tmp_path):
    return write_summary(folder, read_sessions(folder), tmp_path / "summary")


def slow_cells(steps):
    """Cells of a session, step by step, as a dictionary of lists of rows."""
    running = [row for row in steps.to_dict("records") if row["gait"] == "running"]
    known = [row["step_time_ms"] for row in running if not math.isnan(row["step_time_ms"])]
    lengths = [row["step_time_ms"] for row in running]
    lengths = [statistics.median(known) if math.isnan(length) else length for length in lengths]
    cells = {}
    for k, row in enumerate(running):
        middle = sum(lengths[:k]) + lengths[k] / 2
        part = PARTS[int(3 * middle / sum(lengths))]
        clock_s = sum(lengths[: k + 1]) / 1000.0
        cells.setdefault((part, row["side"]), []).append(row | {"clock_s": clock_s})
    return cells


@pytest.mark.parametrize("kind", ["eventful", "easy", "bare"])
def test_cells_of_a_session_match_a_loop_over_its_steps(kind):
    steps = analysed(kind).steps
    expected = slow_cells(steps)
    found = tidy_session(steps)
    assert tuple(found.columns) == CELL_COLUMNS
    assert sorted(zip(found["part"], found["side"], strict=True)) == sorted(expected)
    for row in found.to_dict("records"):
        rows = expected[row["part"], row["side"]]
        assert row["n_steps"] == len(rows)
        assert row["mean_time_s"] == pytest.approx(statistics.mean(r["initial_contact_s"] for r in rows))
        assert row["mean_running_time_s"] == pytest.approx(statistics.mean(r["clock_s"] for r in rows))
        for name in MEDIAN_COLUMNS:
            values = [r[name] for r in rows if not math.isnan(r[name])]
            value = row[TIDY_NAMES.get(name, name)]
            assert math.isnan(value) if not values else value == pytest.approx(statistics.median(values)), (
                name
            )
    if kind == "bare":
        assert found["roll_rom_deg"].isna().all()
        assert found["contact_time_ms"].notna().all()


def test_cells_are_in_order_and_hold_every_running_step():
    session = analysed("eventful")
    found = tidy_session(session.steps)
    assert found["n_steps"].sum() == session.summary["running_steps"]
    assert list(dict.fromkeys(found["part"])) == list(PARTS)
    per_part = found.groupby("part")["n_steps"].sum()
    assert per_part.min() > 0.3 * per_part.sum()


def test_thirds_are_of_running_and_not_of_the_clock():
    """Forty minutes of walking in the middle move no running step to another third."""
    steps = analysed("easy").steps
    late = steps.assign(initial_contact_s=steps["initial_contact_s"] + 2400.0)
    walking = steps.assign(gait="walking", initial_contact_s=steps["initial_contact_s"] + 1000.0)
    half = len(steps) // 2
    broken = pd.concat([steps[:half], walking, late[half:]], ignore_index=True)
    whole = tidy_session(steps)
    found = tidy_session(broken)
    pd.testing.assert_frame_equal(found.drop(columns="mean_time_s"), whole.drop(columns="mean_time_s"))
    assert found["mean_time_s"].iloc[-1] == pytest.approx(whole["mean_time_s"].iloc[-1] + 2400.0)


@given(st.lists(st.one_of(st.floats(200.0, 600.0), st.just(math.nan)), max_size=60))
def test_thirds_hold_a_third_each(step_time_ms):
    times = np.array(step_time_ms, dtype=np.float64)
    clock_s = running_clock_s(times)
    part = thirds(clock_s)
    assert len(part) == len(times)
    assert np.all(np.diff(part) >= 0)
    assert np.all((part >= 0) & (part <= 2))
    lengths = np.diff(clock_s, prepend=0.0)
    for k in range(3):
        if len(times):
            assert lengths[part == k].sum() == pytest.approx(clock_s[-1] / 3, abs=lengths.max() * 1.001)


def test_steps_of_unknown_side_have_separate_rows():
    steps = analysed("easy").steps.copy()
    steps.loc[steps.index[-7:], "side"] = "unknown"
    found = tidy_session(steps)
    assert list(found.loc[found["side"] == "unknown", "n_steps"]) == [7]
    assert found["n_steps"].sum() == len(steps)


def test_a_session_without_running_has_no_rows():
    found = tidy_session(analysed("walk").steps)
    assert len(found) == 0
    assert tuple(found.columns) == CELL_COLUMNS


def test_the_files_hold_the_same_rows(summary, tmp_path):
    read = pd.read_parquet(tmp_path / "summary" / "tidy.parquet")
    text = pd.read_csv(tmp_path / "summary" / "tidy.csv", dtype={"session": str}, parse_dates=["start"])
    assert len(read) == summary.tidy_rows
    assert [file.name for file in summary.files] == ["runners.csv", "groups.csv", "tidy.parquet", "tidy.csv"]
    same_unit = [table.astype({"start": "datetime64[us, UTC]"}) for table in (text, read)]
    pd.testing.assert_frame_equal(*same_unit, check_dtype=False, check_exact=True)
    first = ["runner", "session", "key", "group", "start", "mass_kg", "height_m", "level", "covariate_side"]
    assert list(read.columns) == [*first, *CELL_COLUMNS]
    for name in ("runners", "groups"):
        table = pd.read_csv(tmp_path / "summary" / f"{name}.csv")
        table = table.fillna({"unit": ""}) if name == "groups" else table
        pd.testing.assert_frame_equal(table, getattr(summary, name), check_dtype=False, check_exact=True)


def test_rows_carry_their_session(summary, tmp_path):
    read = (
        pd.read_parquet(tmp_path / "summary" / "tidy.parquet").set_index(["runner", "session"]).sort_index()
    )
    assert set(read.index) == {("a", "1"), ("b", "1"), ("b", "2")}
    for one in (SESSIONS[0], SESSIONS[2], SESSIONS[3]):
        rows = read.loc[(one.runner, one.session)]
        assert set(rows["key"]) == {one.key}
        assert set(rows["group"]) == {one.group or "(none)"}
        assert set(rows["level"]) == {one.covariates["level"]}
        assert set(rows["covariate_side"]) == {one.covariates["side"]}
        assert rows["start"].isna().all() if one.start is None else set(rows["start"]) == {one.start}
        expected = tidy_session(analysed(one.kind).steps)
        np.testing.assert_array_equal(rows["contact_time_ms"], expected["contact_time_ms"])
    units = {field.name: (field.metadata or {}).get(b"unit") for field in pq.read_schema(summary.files[2])}
    assert units["contact_time_ms"] == b"ms"
    assert units["lumbar_dose_per_step_bw4"] == b"BW^4"
    assert units["mean_running_time_s"] == b"s"


@pytest.mark.parametrize("damage", ["cut", "gone", "text", "column"])
def test_a_damaged_step_file_loses_only_its_rows(folder, tmp_path, damage):
    file = steps_file(folder, SESSIONS[0])
    if damage == "gone":
        file.unlink()
    elif damage == "column":
        pd.read_parquet(file).drop(columns="lean_deg").to_parquet(file)
    else:
        file.write_bytes(file.read_bytes()[:500] if damage == "cut" else gzip.compress(b"x" * 5000))
    summary = write_summary(folder, read_sessions(folder), tmp_path / "summary")
    (note,) = summary.notes
    assert file.name in note
    assert note.endswith("run `imurun cohort` again.")
    read = pd.read_parquet(summary.files[2])
    assert set(zip(read["runner"], read["session"], strict=True)) == {("b", "1"), ("b", "2")}
    assert list(summary.runners["sessions"]) == [2, 2]
    assert summary.runners["median_cadence_spm"].notna().all()


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_give_a_table_or_a_format_error(tmp_path, seed):
    rng = np.random.default_rng(seed)
    file = tmp_path / "steps.parquet"
    analysed("easy").steps.to_parquet(file)
    content = bytearray(file.read_bytes())
    for _ in range(3):
        content[-rng.integers(1, 9000)] = rng.integers(256)
    file.write_bytes(content)
    with contextlib.suppress(FormatError):
        steps = read_steps(file, ("initial_contact_s", "side", "gait", *MEDIAN_COLUMNS))
        assert tuple(tidy_session(steps).columns) == CELL_COLUMNS


def test_covariates_named_like_columns_stay_apart():
    assert tidy_names(("side", "covariate_side", "age")) == {
        "side": "covariate_covariate_side",
        "covariate_side": "covariate_side",
        "age": "age",
    }


def test_a_table_without_rows_has_its_columns(tmp_path):
    folder = write_cohort(tmp_path / "out", [Made("a", "1", "walk")])
    summary = write_summary(folder, read_sessions(folder), tmp_path / "summary")
    assert summary.tidy_rows == 0
    assert list(pd.read_parquet(summary.files[2])) == list(pd.read_csv(summary.files[3]))
    assert list(summary.runners["sessions_running"]) == [0]


def test_batches_do_not_change_the_rows(folder, tmp_path, monkeypatch):
    whole = write_summary(folder, read_sessions(folder), tmp_path / "whole")
    monkeypatch.setattr("imurun.cohort.summary_files.BATCH_SESSIONS", 1)
    shares = []
    single = write_summary(folder, read_sessions(folder), tmp_path / "single", shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert single.files[3].read_bytes() == whole.files[3].read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(single.files[2]), pd.read_parquet(whole.files[2]))


def test_one_step_file_is_in_memory_at_a_time(folder, monkeypatch):
    opened = []
    real = pq.ParquetFile
    results = read_sessions(folder)
    monkeypatch.setattr(
        "imurun.cohort.results.pq.ParquetFile", lambda file: opened.append(file) or real(file)
    )
    rows = tidy_rows(folder, results, [])
    for k in range(len(SESSIONS)):
        assert len(opened) == k
        next(rows)


def test_an_earlier_summary_is_replaced_and_survives_a_failure(folder, tmp_path, monkeypatch):
    out = tmp_path / "summary"
    write_summary(folder, read_sessions(folder), out)
    before = (out / "tidy.csv").read_bytes()

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_summary(folder, read_sessions(folder), out, stop)
    assert (out / "tidy.csv").read_bytes() == before
    assert sorted(file.name for file in out.iterdir()) == [
        "groups.csv",
        "runners.csv",
        "tidy.csv",
        "tidy.parquet",
    ]
    sessions_file(folder, "a").unlink()
    write_summary(folder, read_sessions(folder), out)
    assert set(pd.read_parquet(out / "tidy.parquet")["runner"]) == {"b"}


def test_an_output_folder_that_cannot_be_written_is_one_sentence(folder, tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(CohortError, match=r"taken.*another --out"):
        write_summary(folder, read_sessions(folder), tmp_path / "taken")
