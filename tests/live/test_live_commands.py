"""`imurun live`, `replay` and `recover` as a user runs them."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest

import imurun
from imurun.io import write_recording
from imurun.sim.presets import steady_run
from tests.growing_journal import wait_for_journal

SIMULATE = "--simulate needs no sensor; leave --sensor and a sensor's settings out."
NO_FOLDER = "is no folder that can be written to; make it, or choose another."


def start(*words, **of_process):
    return subprocess.Popen(
        [sys.executable, "-m", "imurun", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **of_process,
    )


def ended(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def run(call):
    """Runs imurun; returns exit code, stdout and stderr."""

    def run(*words, **how):
        ran = call(*words, **how)
        return ran.returncode, ran.stdout, ran.stderr

    return run


def table(path):
    """Lines of a step table without the comments at its start."""
    return [line for line in path.read_bytes().splitlines() if not line.startswith(b"#")]


def test_a_replay_in_real_time_gives_the_steps_of_analyze(shared_data, tmp_path, run):
    file = shared_data / "treadmill_run_grf" / "imu.csv"
    live, whole = tmp_path / "live.csv", tmp_path / "whole.csv"
    began_s = time.monotonic()
    code, out, err = run("replay", file, "--no-page", "--steps", live)
    took_s = time.monotonic() - began_s
    assert code == 0, err
    assert "Traceback" not in err
    assert run("analyze", file, "--steps", whole)[0] == 0
    assert table(live) == table(whole)
    assert len(table(live)) > 10
    assert took_s > imurun.read(file).duration_s
    assert "imu.csv: ended." in out  # plain lines, since stdout is no terminal


def test_live_simulate_ends_at_ctrl_c_with_all_files(tmp_path):
    process = start("live", "--simulate", "--speed", "20", "--no-page", "--out", tmp_path / "run")
    wait_for_journal(tmp_path / "run.journal", 70.0, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "Session load" in out
    assert "Traceback" not in err
    steps = pd.read_parquet(tmp_path / "run-steps.parquet")
    recording = imurun.read(tmp_path / "run.parquet")
    assert recording.duration_s > 60
    pd.testing.assert_frame_equal(imurun.analyze(recording).steps, steps, check_exact=True)


def test_a_killed_run_is_recovered(tmp_path, run):
    process = start("live", "--simulate", "--speed", "20", "--no-page", "--out", tmp_path / "run")
    wait_for_journal(tmp_path / "run.journal", 70.0, process)
    process.kill()
    process.communicate()
    assert not (tmp_path / "run.parquet").exists()
    code, _, err = run("recover", tmp_path / "run.journal")
    assert code == 0, err
    recording = imurun.read(tmp_path / "run.parquet")
    assert recording.duration_s > 60
    steps = pd.read_parquet(tmp_path / "run-steps.parquet")
    pd.testing.assert_frame_equal(imurun.analyze(recording).steps, steps, check_exact=True)
    code, _, err = run("recover", tmp_path / "run.journal")
    assert (code, err.count("\n")) == (1, 1)
    assert "is there already; move it away to make it again." in err
    (tmp_path / "run-steps.parquet").unlink()
    assert run("recover", tmp_path / "run.journal")[0] == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "run-steps.parquet"), steps, check_exact=True)


def test_recover_uses_the_runner_stored_in_the_journal(tmp_path, run):
    runner = tmp_path / "kim.toml"
    runner.write_text('name = "Kim"\nmass_kg = 62\nheight_m = 1.95\n')
    words = (
        "live",
        "--simulate",
        "--speed",
        "inf",
        "--no-page",
        "--runner",
        runner,
        "--out",
        tmp_path / "run",
    )
    assert run(*words)[0] == 0
    for file in (tmp_path / "run.parquet", tmp_path / "run-steps.parquet"):
        file.rename(file.with_name(f"first-{file.name}"))
    code, out, err = run("recover", tmp_path / "run.journal")
    assert code == 0, err
    steps = [pd.read_parquet(tmp_path / f"{which}run-steps.parquet") for which in ("first-", "")]
    pd.testing.assert_frame_equal(*steps, check_exact=True)
    assert "peak force" in out  # in newtons, so of Kim's mass


def test_a_disk_that_fills_is_reported_at_the_end(tmp_path):
    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    words = ("live", "--simulate", "--speed", "inf", "--no-page", "--out", tmp_path / "run")
    code, _, err = ended(start(*words, preexec_fn=small_disk))
    assert code == 1
    assert "imurun: Recording has stopped: " in err
    assert "(File too large); the data written so far stay readable." in err
    assert "Traceback" not in err
    assert imurun.read(tmp_path / "run.journal").duration_s > 10


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["live", "--simulate", "--sensor", "x"], SIMULATE),
        (["live", "--speed", "2"], "--speed goes with --simulate; a sensor runs in real time."),
        (["live", "--simulate", "--speed", "0"], "The speed is 0; it must be positive."),
        (["replay", "no.csv"], "no.csv: there is no such file; check the path."),
        (["live", "--simulate", "--rate", "104"], SIMULATE),
        (["live", "--simulate", "--out", "no/run"], f"no {NO_FOLDER}"),
        (
            ["live", "--simulate", "--out", "run.csv"],
            "run.csv: a session is kept as NAME.parquet; change the name.",
        ),
        (
            ["recover", "no.journal"],
            "no.journal could not be read (No such file or directory); give a readable file.",
        ),
    ],
)
def test_contradicting_options_are_one_sentence(words, sentence, tmp_path, run):
    code, _, err = run(*words, cwd=tmp_path)
    assert code == 1
    assert err.splitlines()[-1] == f"imurun: {sentence}"
    assert not list(tmp_path.iterdir())


def test_a_port_in_use_is_reported_before_the_run_starts(tmp_path, run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = run("live", "--simulate", "--port", port, cwd=tmp_path)
    assert code == 1
    assert str(port) in err.splitlines()[-1]
    assert "--port" in err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_bad_alert_rules_are_reported_with_line_and_key(tmp_path, run):
    runner = tmp_path / "kim.toml"
    runner.write_text(
        'name = "Kim"\n\n[alerts.contact]\ncolumn = "contact_time_ms"\nsteps = 0\nabove = 280\n'
    )
    code, _, err = run("live", "--simulate", "--no-page", "--runner", runner, cwd=tmp_path)
    assert code == 1
    assert "kim.toml, line 5: alerts.contact.steps" in err.splitlines()[-1]


def test_a_step_table_never_replaces_the_recording(tmp_path, run):
    file = tmp_path / "run.csv"
    write_recording(steady_run(3.0).recording, file)
    before = file.read_bytes()
    code, _, err = run("replay", file, "--steps", file)
    assert code == 1
    assert "would replace the recording" in err
    assert file.read_bytes() == before
