"""`imurun analyze`, `simulate`, `demo` and the global options, each in a new process as a user runs them."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest

import imurun
from imurun.cli.demo import demo_file
from imurun.export import read_steps
from imurun.sim import Segment, simulate

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory, call):
    path = tmp_path_factory.mktemp("run") / "run.csv"
    recording = simulate([Segment("running", 40.0, speed_m_s=3.0)], seed=1).recording
    imurun.io.write_recording(recording, path)
    first = call("analyze", path, "--json")  # compiles the core where that was never done
    assert first.returncode == 0, first.stderr
    return path


def test_analyze_prints_measures_with_units(run_file, call):
    result = call("analyze", run_file)
    assert result.returncode == 0, result.stderr
    for part in ("Cadence", "steps/min", "Contact time", "ms", "Impact peak", "g", "not diagnosed", "▁"):
        assert part in result.stdout
    assert result.stderr == ""


def test_parquet_analysed_from_disk_gives_the_same_result_as_csv(run_file, tmp_path, call):
    recording = imurun.read(run_file)
    own = tmp_path / "own.parquet"
    imurun.io.write_recording(recording, own)
    results = [
        call("analyze", file, "--json", "--steps", f"{file}.steps.parquet") for file in (run_file, own)
    ]
    one, other = (json.loads(result.stdout) for result in results)
    assert {**one, "source": ""} == {**other, "source": ""}
    assert other["source"] == "own.parquet"
    tables = [read_steps(f"{file}.steps.parquet")[0] for file in (run_file, own)]
    assert tables[0].equals(tables[1])
    place = {"IMURUN_STORE": str(tmp_path / "history")}
    notes = [
        call("analyze", file, "--save", "--start", "2026-05-01T07:30Z", **place).stderr
        for file in (run_file, own)
    ]
    assert notes[0].startswith("Saved as")
    assert notes[1].startswith("Already saved as")


def test_a_damaged_parquet_file_leaves_no_output(run_file, tmp_path, call):
    own, steps = tmp_path / "own.parquet", tmp_path / "steps.parquet"
    imurun.io.write_recording(imurun.read(run_file), own)
    data = bytearray(own.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 20_000)
    data[middle] = bytes(len(data[middle]))
    own.write_bytes(data)
    result = call("analyze", own, "--json", "--steps", steps)
    assert_one_sentence(result, "own.parquet: the Parquet data are damaged")
    assert result.stdout == ""
    assert not steps.exists()


def test_analyze_json_scales_loads_by_body_mass(run_file, call):
    result = call("analyze", run_file, "--json", "--mass", "70", "--height", "1.8")
    summary = json.loads(result.stdout)
    assert 150 < summary["cadence_spm"] < 180
    assert summary["peak_vgrf_n"] == pytest.approx(summary["peak_vgrf_bw"] * 70 * 9.80665)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_step_table_has_the_steps_and_settings_of_the_analysis(run_file, tmp_path, ending, call):
    out = tmp_path / f"steps.{ending}"
    result = call("analyze", run_file, "--steps", out, "--height", "1.8")
    assert result.returncode == 0, result.stderr
    steps, metadata = read_steps(out)
    direct = imurun.analyze(imurun.read(run_file), imurun.Runner(height_m=1.8)).steps
    assert steps.equals(direct)
    assert metadata["height_m"] == "1.8"
    assert metadata["imurun_version"] == imurun.__version__


def test_an_unusable_file_does_not_stop_the_others(run_file, tmp_path, call):
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(run_file.read_bytes()))
    broken = tmp_path / "broken.csv"
    broken.write_text("time,acc_x\n")
    result = call("analyze", run_file, broken, other, "--json", "--steps", tmp_path / "{name}-steps.csv")
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2
    assert "broken.csv" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "other.csv.gz",
        "broken.csv",
        "run-steps.csv",
        "other-steps.csv",
    }
    refused = call("analyze", run_file, other, "--steps", tmp_path / "one.csv")
    assert refused.returncode == 1
    assert "{name}" in refused.stderr


def test_no_output_replaces_a_recording_or_another(run_file, tmp_path, call):
    copy = tmp_path / run_file.name
    copy.write_bytes(run_file.read_bytes())
    assert_one_sentence(call("analyze", copy, "--steps", copy), "replace a recording")
    assert_one_sentence(call("analyze", run_file, copy, "--steps", tmp_path / "{name}.parquet"), "one file")
    assert copy.read_bytes() == run_file.read_bytes()
    both = tmp_path / "both.csv"
    assert_one_sentence(call("simulate", both, "--truth", both), "both.csv")
    assert not both.exists()


def test_the_placeholder_keeps_dots_in_file_names(run_file, tmp_path, call):
    for name in ("run.1.csv", "run.2.csv"):
        (tmp_path / name).write_bytes(run_file.read_bytes())
    out = tmp_path / "{name}.parquet"
    result = call("analyze", tmp_path / "run.1.csv", tmp_path / "run.2.csv", "--steps", out)
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.glob("*.parquet")} == {"run.1.parquet", "run.2.parquet"}


def test_an_ascii_terminal_gets_replacement_characters(run_file):
    result = subprocess.run(
        [sys.executable, "-m", "imurun", "analyze", str(run_file)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Cadence" in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_unwritable_stdout_is_one_sentence(run_file):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "imurun", "analyze", str(run_file), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("imurun: ")
    assert len(result.stderr.splitlines()) == 1


def test_runner_file_is_used_and_checked(run_file, tmp_path, call):
    file = tmp_path / "me.toml"
    file.write_text('name = "me"\nmass_kg = 60\nheight_m = 1.7\n')
    summary = json.loads(call("analyze", run_file, "--json", "--runner", file, "--mass", "65").stdout)
    assert summary["peak_vgrf_n"] == pytest.approx(summary["peak_vgrf_bw"] * 65 * 9.80665)
    file.write_text("mass = 60\n")
    result = call("analyze", run_file, "--runner", file)
    assert_one_sentence(result, "mass")


def assert_one_sentence(result, *parts):
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("imurun: ")
    assert len(result.stderr.strip().splitlines()) == 1
    for part in parts:
        assert part in result.stderr


BAD = {
    "empty": (b"", "empty"),
    "header only": (b"time_s,acc_x,acc_y,acc_z\n", ""),
    "text": (b"time_s,acc_x,acc_y,acc_z\n" + b"0.00,0,0,9.81\n0.01,0,zero,9.81\n" * 40, ""),
    "axis missing": (b"time_s,acc_x,acc_y\n" + b"".join(b"%.2f,0,1\n" % (k / 100) for k in range(300)), ""),
    "backwards": (
        b"time_s,acc_x,acc_y,acc_z\n"
        + b"".join(b"%.2f,0,0,9.81\n" % (abs(150 - k) / 100) for k in range(300)),
        "backwards",
    ),
    "slow": (
        b"time_s,acc_x,acc_y,acc_z\n" + b"".join(b"%.2f,0,0,9.81\n" % (k / 10) for k in range(300)),
        "25 Hz",
    ),
    "garbage": (bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)), ""),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name, tmp_path, call):
    content, part = BAD[name]
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    result = call("analyze", file, "--steps", tmp_path / "out.csv")
    assert_one_sentence(result, "bad.csv", part)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_missing_files_and_folders_are_one_sentence(run_file, tmp_path, call):
    assert_one_sentence(call("analyze", tmp_path / "none.csv"), "none.csv")
    assert_one_sentence(call("analyze", tmp_path), tmp_path.name)
    assert "no/folder" in call("analyze", run_file, "--steps", tmp_path / "no/folder/steps.csv").stderr


def test_recordings_without_steps_are_analysed(tmp_path, call):
    n = 3000
    time_s = np.arange(n) / 100
    for name, acc in {
        "constant": np.tile([0.0, 0.0, 1.0], (n, 1)),
        "saturated": 16.0 * np.sign(np.sin(20 * time_s))[:, None] * [0, 0, 1] + [0, 0, 1e-3],
        "holes": np.where((time_s % 7 < 2)[:, None], np.nan, [[0.0, 0.0, 1.0]]),
    }.items():
        file = tmp_path / f"{name}.csv"
        np.savetxt(
            file,
            np.column_stack([time_s, acc]),
            delimiter=",",
            header="time_s,x [g],y [g],z [g]",
            comments="",
        )
        result = call("analyze", file, "--json")
        assert result.returncode in (0, 1), name
        assert "Traceback" not in result.stderr, name
        if name != "saturated":
            assert json.loads(result.stdout)["running_steps"] == 0


def test_usage_errors_exit_with_2(call):
    assert call("analyse").returncode == 2
    assert call("analyze").returncode == 2
    assert call("analyze", "x.csv", "--mass", "heavy").returncode == 2


def test_simulate_writes_recording_and_truth(tmp_path, call):
    result = call("simulate", tmp_path / "run.parquet", "--duration", "20", "--truth", tmp_path / "truth.csv")
    assert result.returncode == 0, result.stderr
    assert imurun.read(tmp_path / "run.parquet").duration_s == pytest.approx(20.0, abs=0.1)
    truth = (tmp_path / "truth.csv").read_text()
    assert "initial_contact_s" in truth
    assert_one_sentence(call("simulate", tmp_path / "run.xyz"), "run.xyz")
    assert_one_sentence(call("simulate", tmp_path / "run.csv", "--speed", "99"), "speed")
    assert_one_sentence(call("simulate", tmp_path / "run.csv", "--eventful", "--speed", "3"), "--eventful")
    assert call("simulate", tmp_path / "run.csv", "--seed", "-1").returncode == 2


def test_demo_writes_its_step_table(tmp_path, call):
    result = call("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "simulated" in result.stdout
    assert "imurun-demo-steps.csv" in result.stdout
    assert len(read_steps(tmp_path / "imurun-demo-steps.csv")[0]) > 900


def test_the_data_folder_equals_the_simulator_output():
    from imurun.sim.presets import eventful_run, steady_run

    for name, made in (("eventful_run", eventful_run()), ("steady_run", steady_run())):
        stored = imurun.read(demo_file().parent / f"{name}.parquet")
        assert np.allclose(stored.acc, made.recording.acc, atol=1e-9, equal_nan=True)
        assert np.allclose(stored.gyr, made.recording.gyr, atol=1e-9, equal_nan=True)


def test_the_app_imports_no_heavy_package(call):
    code = (
        "import sys; from imurun.cli.main import app; "
        "names = {'numba', 'pandas', 'scipy', 'pyarrow', 'numpy', 'vqf', 'bokeh', 'jinja2'}; "
        "heavy = names & set(sys.modules); "
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    help_text = call("--help").stdout
    for word in ("analyze", "simulate", "demo", "bench"):
        assert word in help_text


def test_version_option(call):
    assert call("--version").stdout.strip() == f"imurun {imurun.__version__}"


def is_open(path, opened):
    """Whether a process, given by its folder of open files, has this file open."""
    with contextlib.suppress(OSError):
        return any(link.resolve() == path for link in opened.iterdir())
    return False


def test_an_interrupt_leaves_no_partial_output(run_file, tmp_path):
    big = tmp_path / "big.csv"
    lines = run_file.read_text().splitlines(keepends=True)
    comments = [line for line in lines if not line.startswith("#")]
    with big.open("w") as out:
        out.write(comments[0])
        for k in range(400_000):
            out.write(f"{k / 100:.2f},0,0,9.81,0,0,0\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "imurun", "analyze", str(big), "--steps", str(tmp_path / "steps.csv")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # its imports are over when it reads, where the system shows that, or at its end at the latest
    opened = Path(f"/proc/{process.pid}/fd")
    while process.poll() is None and not is_open(big, opened):
        time.sleep(0.002)
    process.send_signal(2)
    _, errors = process.communicate(timeout=600)
    assert "Traceback" not in errors
    assert {path.name for path in Path(tmp_path).iterdir()} <= {"big.csv", "steps.csv"}
