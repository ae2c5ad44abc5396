"""`imurun export` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numba
import pytest

import imurun
from imurun.cli.analysis import parse_start
from imurun.cli.compile_core import warm_up
from imurun.cli.export import export
from imurun.errors import SettingsError
from imurun.export import read_steps
from imurun.export.fit_read import read_fit
from imurun.sim import Segment, simulate
from tests.export.fit_helpers import START, named, read_messages, value, watch_content

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


def call(*words):
    return subprocess.run(
        [sys.executable, "-m", "imurun", "export", *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


@pytest.fixture(scope="module")
def run_file(tmp_path_factory):
    warm_up()  # else the first command notes on stderr that it compiles
    path = tmp_path_factory.mktemp("run") / "run.parquet"
    recording = simulate([Segment("running", 40.0, speed_m_s=3.0)], seed=1).recording
    imurun.io.write_recording(replace(recording, start=START + timedelta(seconds=10)), path)
    return path


def test_fit_bids_and_step_table_in_one_call(run_file, tmp_path):
    watch = tmp_path / "watch.fit"
    watch.write_bytes(watch_content(dynamics=False))
    fit, steps, bids = tmp_path / "out.fit", tmp_path / "steps.csv", tmp_path / "bids"
    result = call(run_file, "--fit", fit, "--watch", watch, "--steps", steps, "--bids", bids, "--mass", 70)
    assert (result.returncode, result.stderr) == (0, "")
    assert all(str(path) in result.stdout for path in (fit, watch, steps, bids))
    table, _ = read_steps(steps)
    record = named(read_messages(fit.read_bytes()), "record")[30]
    assert value(record, "heart_rate") == 150
    near = table[(table["initial_contact_s"] >= 18) & (table["initial_contact_s"] < 22)]
    assert value(record, "stance_time") == pytest.approx(near["contact_time_ms"].mean(), abs=0.06)
    assert value(record, "Impact peak") == pytest.approx(near["peak_impact_g"].mean(), rel=1e-6)
    assert (bids / "participants.tsv").read_text().splitlines()[1] == "sub-01\tn/a\t70"


def test_start_option_replaces_the_start_of_the_recording(run_file, tmp_path, capsys):
    fit = tmp_path / "a.fit"
    export(run_file, fit=fit, start="2026-06-01T10:00:00+02:00")
    assert read_fit(fit).start == datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert str(fit) in capsys.readouterr().out


def test_contradicting_options_are_refused_before_anything_is_written(run_file, tmp_path):
    before = run_file.read_bytes()
    fit, steps = tmp_path / "a.fit", tmp_path / "s.csv"
    for outputs, word in (
        ({}, "--fit"),
        ({"watch": fit, "steps": steps}, "--fit"),
        ({"fit": run_file}, "replace"),
        ({"steps": run_file, "bids": tmp_path}, "replace"),
        ({"fit": fit, "watch": fit}, "replace"),
        ({"fit": fit, "steps": fit}, "two names"),
    ):
        with pytest.raises(SettingsError, match=word):
            export(run_file, **outputs)
    with pytest.raises(SettingsError, match="2026-05-01T07:30:00Z"):
        export(tmp_path / "none.csv", fit=fit, start="yesterday")
    assert run_file.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_fit_activity_needs_a_start(run_file, tmp_path):
    nameless = tmp_path / "nameless.parquet"
    imurun.io.write_recording(replace(imurun.read(run_file), start=None), nameless)
    result = call(nameless, "--fit", tmp_path / "a.fit")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("imurun: nameless.parquet: ")
    assert "--start" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["nameless.parquet"]


@pytest.mark.parametrize(("text", "hour"), [("2026-05-01 07:30:00+02:00", 5), ("2026-05-01T07:30:00Z", 7)])
def test_a_start_with_a_zone_becomes_utc(text, hour):
    assert parse_start(text) == datetime(2026, 5, 1, hour, 30, tzinfo=UTC)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system's zone cannot be set")
def test_start_without_a_zone_is_in_the_zone_of_this_machine(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        assert parse_start("2026-05-01T07:30") == datetime(2026, 5, 1, 5, 30, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["", "7:30", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_text_that_is_no_start_is_refused(text):
    with pytest.raises(SettingsError, match="--start"):
        parse_start(text)
