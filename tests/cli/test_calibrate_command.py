"""`imurun calibrate`, and the known speed and the calibration in the other commands."""

from __future__ import annotations

import json

import numba
import numpy as np
import pytest

import imurun
from imurun.export import read_steps
from imurun.history import Store
from imurun.io import read_runner, write_recording
from imurun.sim import Segment, simulate
from tests.watch.watch_files import START, START_S, Activity, Field, later

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, and the activity of a watch with a Stryd that counts 255 ms."""
    folder = tmp_path_factory.mktemp("calibrate")
    recording = simulate([Segment("running", 150.0, speed_m_s=3.0)], seed=3).recording.with_start(START)
    write_recording(recording, folder / "run.parquet")
    spm = np.full(150, float(imurun.analyze(recording).summary["cadence_spm"]))
    ground = Field("Ground Time", "Milliseconds", np.full(150, 255.0))
    activity = Activity(spm, start_s=START_S, speed_m_s=later(np.full(150, 3.0), 5), developer=[ground])
    activity.write(folder / "run.fit")
    return folder


def test_calibrate_show_use_and_remove(place, tmp_path, call):
    home = {"XDG_CONFIG_HOME": str(tmp_path), "IMURUN_STORE": str(tmp_path / "store")}
    run, fit = place / "run.parquet", place / "run.fit"
    result = call("calibrate", run, "--watch", fit, **home)
    assert result.returncode == 0, result.stderr
    assert "as your Stryd counts, at 10.8 km/h" in result.stdout
    file = tmp_path / "imurun" / "runner.toml"
    calibration = read_runner(file).calibration
    assert calibration is not None
    assert "your Stryd" in call("calibrate", "--show", **home).stdout
    steps = tmp_path / "steps.csv"
    result = call("analyze", run, "--json", "--steps", steps, **home)
    summary = json.loads(result.stdout)
    assert summary["calibration"] == calibration.words
    assert summary["known_speed"] is None
    assert read_steps(steps)[1]["calibration"] == calibration.words
    page = tmp_path / "r.html"
    assert call("report", run, "--out", page, "--treadmill", "10.8km/h", **home).returncode == 0
    text = page.read_text()
    assert "speed known, 10.8 km/h (treadmill)" in text
    assert f"contact times calibrated, {calibration.words}" in text
    # an older model: computed again from the recording, and written back
    file.write_text(file.read_text().replace(f'model = "{calibration.model}"', 'model = "0"'))
    result = call("analyze", run, "--json", **home)
    assert "computed again for a new contact model" in result.stderr
    again = read_runner(file).calibration
    assert again is not None
    assert again.model == calibration.model
    # without its recording: asked for anew
    moved = file.read_text().replace(f'model = "{calibration.model}"', 'model = "0"')
    file.write_text(moved.replace("run.parquet", "gone.parquet"))
    summary = json.loads(call("analyze", run, "--json", **home).stdout)
    assert summary["calibration"] is None
    assert any("make it anew with `imurun calibrate`" in warning for warning in summary["warnings"])
    assert "was removed" in call("calibrate", "--remove", **home).stdout
    assert read_runner(file).calibration is None


def test_the_runners_file_keeps_its_other_content(place, tmp_path, call):
    file = tmp_path / "kim.toml"
    file.write_text('# Kim\nname = "Kim"\n\n[limits]\nsession_load_bw4 = 40000\n')
    words = ("--contact-ms", "260", "--from", "0:30", "--to", "2:00", "--runner", file)
    result = call("calibrate", place / "run.parquet", *words, "--treadmill", "3m/s")
    assert result.returncode == 0, result.stderr
    assert file.read_text().startswith('# Kim\nname = "Kim"\n\n[limits]\nsession_load_bw4 = 40000\n')
    runner = read_runner(file)
    assert runner.name == "Kim"
    assert runner.calibration is not None
    assert runner.calibration.words.startswith("given by hand, at 10.8 km/h")
    assert "calibration" in call("runner", "--file", file).stdout


def test_speed_from_a_watch_or_a_treadmill(place, call):
    run = place / "run.parquet"
    by_watch = json.loads(call("analyze", run, "--json", "--watch", place / "run.fit").stdout)
    assert by_watch["speed_m_s"] == pytest.approx(3.0)
    assert by_watch["known_speed"] == "10.8 km/h (run.fit)"
    by_belt = json.loads(call("analyze", run, "--json", "--treadmill", "0:3.0,1:3.5").stdout)
    assert by_belt["known_speed"] == "10.8 to 12.6 km/h (treadmill)"


def test_replay_and_import_take_the_treadmill(place, tmp_path, call):
    run, out = place / "run.parquet", tmp_path / "steps.parquet"
    words = ("--speed", "inf", "--no-page", "--steps", out, "--treadmill", "3m/s")
    result = call("replay", run, *words)
    assert result.returncode == 0, result.stderr
    assert read_steps(out)[1]["known_speed"] == "10.8 km/h (treadmill)"
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "run.parquet").write_bytes(run.read_bytes())
    store = {"IMURUN_STORE": str(tmp_path / "store")}
    result = call("history", "import", tmp_path / "runs", "--treadmill", "3m/s", **store)
    assert result.returncode == 0, result.stderr
    with Store(tmp_path / "store") as opened:
        assert opened.session(opened.find("last")).summary["known_speed"] == "10.8 km/h (treadmill)"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("calibrate",), "Give a recording"),
        (("calibrate", "run.parquet"), "Give a recording"),
        (("calibrate", "run.parquet", "--watch", "run.fit", "--contact-ms", "240"), "one of"),
        (("calibrate", "--show", "--remove"), "stand alone"),
        (("calibrate", "run.parquet", "--contact-ms", "240", "--from", "x"), "no time"),
        (("calibrate", "run.parquet", "--contact-ms", "240", "--from", "1:00", "--to", "1:10"), "Only"),
        (("calibrate", "run.parquet", "--contact-ms", "190"), "more than the 40 ms"),
        (("analyze", "run.parquet", "--treadmill", "10.5"), "10.5km/h"),
        (("analyze", "run.parquet", "--treadmill", "3", "--watch", "run.fit"), "give one"),
        (("report", "last", "--out", "r.html", "--treadmill", "3"), "not analysed again"),
    ],
)
def test_what_cannot_be_is_one_sentence(place, tmp_path, call, words, says):
    home = {"XDG_CONFIG_HOME": str(tmp_path), "IMURUN_STORE": str(tmp_path / "store")}
    result = call(*words, cwd=place, **home)
    assert result.returncode == 1
    assert result.stderr.startswith("imurun: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert not (tmp_path / "imurun" / "runner.toml").exists()
