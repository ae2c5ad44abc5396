"""`imurun cohort` as a user runs it: in a process of its own, killed and called again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numba
import pandas as pd
import pytest

import imurun.io
from imurun.cli.compile_core import warm_up
from imurun.sim.presets import steady_run

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


N = 8


HELD = """
import sys
from imurun.cli.main import main
from imurun.cohort.ledger import Ledger

append, wanted = Ledger.append, int(sys.argv.pop(1))

def append_and_hold(ledger, *what):
    global wanted
    append(ledger, *what)
    wanted -= 1
    if not wanted:
        sys.stdin.readline()

Ledger.append = append_and_hold
main()
"""
"""`imurun`, which waits for a line after so many recordings."""


@pytest.fixture(scope="module")
def cohort(call):
    """Runs `imurun cohort`."""
    return partial(call, "cohort")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    warm_up()
    root = tmp_path_factory.mktemp("cohort") / "data"
    for i in range(N):
        file = root / f"runner{i % 2}" / f"run{i}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        imurun.io.write_recording(steady_run(20.0, 2.5 + 0.1 * i, seed=i + 1).recording, file)
    return root


def ledger(out):
    file = out / "ledger.jsonl"
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]] if file.exists() else []


def started(data, out, wanted=1):
    """A running command, paused when that many recordings are analysed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(wanted), "cohort", str(data), "--out", str(out), "--workers", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(ledger(out)) < wanted:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return process


def test_the_same_command_continues_after_a_kill(data, tmp_path, cohort):
    out = tmp_path / "out"
    process = started(data, out, wanted=2)
    process.kill()
    process.communicate()
    done = [line["key"] for line in ledger(out)]
    assert len(done) == 2 < N
    result = cohort(data, "--out", out)
    assert result.returncode == 0, result.stderr
    assert f"{N - len(done)} done" in result.stdout
    assert f"{len(done)} before" in result.stdout
    keys = [line["key"] for line in ledger(out)]
    assert keys[: len(done)] == done
    assert len(keys) == len(set(keys)) == N
    assert len(pd.read_parquet(out / "sessions")) == N


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_command_leaves_no_workers(data, tmp_path):
    process = started(data, tmp_path / "out")
    group = os.getpgid(process.pid)
    process.kill()
    process.communicate()
    patience_s = time.monotonic() + 120.0
    while _alive(group):
        assert time.monotonic() < patience_s, "a worker outlived its command"
        time.sleep(0.05)


def _alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_ctrl_c_stops_with_complete_tables(data, tmp_path):
    out = tmp_path / "out"
    process = started(data, out)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to workers too
    stdout, stderr = process.communicate("go on\n", timeout=300)
    assert process.returncode == 1
    assert "Interrupted. Done: " in stderr
    assert "the same command continues" in stderr
    assert "Traceback" not in stderr
    n = len(ledger(out))
    assert f"{n} done" in stdout
    assert len(pd.read_parquet(out / "sessions")) == n
    assert (out / "failures.csv").exists()


def test_unusable_recordings_are_counted_and_set_the_exit_code(data, tmp_path, cohort):
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing")
    good = data / "runner0" / "run0.parquet"
    result = cohort(bad, good, tmp_path / "none.csv", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "Recordings: 1 done (0.01 h)" in result.stdout
    assert "2 of the recordings could not be used" in result.stderr
    assert "failures.csv" in result.stderr
    assert len(pd.read_csv(tmp_path / "out" / "failures.csv")) == 2


def test_changed_settings_and_foreign_folders_are_refused(data, tmp_path, cohort):
    file = data / "runner0" / "run0.parquet"
    assert cohort(file, "--out", tmp_path / "out", "--mass", 70).returncode == 0
    result = cohort(file, "--out", tmp_path / "out", "--mass", 71)
    assert result.returncode == 1
    assert result.stderr.startswith("imurun: ")
    assert "mass_kg is 70.0 there and 71.0 here" in result.stderr
    result = cohort(file, "--out", data)
    assert result.returncode == 1
    assert "not empty and holds no cohort" in result.stderr


def test_an_unreachable_scheduler_is_one_sentence(data, tmp_path, cohort):
    pytest.importorskip("distributed", reason="needs Dask: .venv/bin/python -m pip install -e '.[cohort]'")
    out = tmp_path / "out"
    result = cohort(data, "--out", out, "--scheduler", "nonsense://1")
    assert result.returncode == 1
    assert "does not answer" in result.stderr
    assert "Traceback" not in result.stderr


def test_usage_errors_have_their_exit_codes(tmp_path, cohort):
    assert cohort("--out", tmp_path / "out").returncode == 1
    assert cohort("x").returncode == 2
    assert cohort("x", "--out", tmp_path, "--workers", 0).returncode == 2
    result = cohort("--help")
    assert result.returncode == 0
    assert "--scheduler" in result.stdout


def test_a_folder_may_be_called_run(data, tmp_path, cohort):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a.parquet").symlink_to(data / "runner0" / "run0.parquet")
    result = cohort("run", "--out", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert list(pd.read_parquet(tmp_path / "out" / "sessions")["runner"]) == ["run"]
