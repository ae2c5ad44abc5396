"""The accuracy benchmark from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from benchmarks.accuracy.__main__ import main
from imurun.cli import bench
from imurun.errors import MissingExtraError, SettingsError

ROOT = Path(__file__).resolve().parents[3]


def call(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "imurun", "bench", *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", **environment},
        check=False,
    )


def test_the_command_runs_synthetic_trials_and_writes_the_page(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.accuracy.generate.os.cpu_count", lambda: 1)
    words = ["--out", str(tmp_path), "--quick", "--methods", "imurun-left-out", "--methods", "late"]
    assert main(words) == 0
    printed = capsys.readouterr()
    for part in ("target", "Foot strikes", "Made late", "accuracy.html"):
        assert part in printed.out
    assert (tmp_path / "accuracy.html").stat().st_size > 100_000
    assert (tmp_path / "scores.csv").read_text().startswith("method,condition,group")
    assert main(words) == 0
    assert "0 of " in capsys.readouterr().err


def test_invalid_arguments_are_one_sentence(made, tmp_path, capsys):
    assert main(["--methods", "lee2011"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "a.txt").write_text("")
    assert main(["--methods", "good", "--quick", "--out", str(tmp_path)]) == 1
    assert "--out" in capsys.readouterr().err


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")
def test_real_recordings_run_in_worker_processes(shared_data, tmp_path):
    words = ("accuracy", "--quick", "--out", tmp_path, "--methods", "imurun-left-out", "--methods", "day2021")
    result = call(*words, IMURUN_DATA=str(shared_data))
    assert result.returncode == 0, result.stderr
    for part in ("imurun, left out", "Day 2021", "Foot strikes", "accuracy.html"):
        assert part in result.stdout
    assert "Traceback" not in result.stderr


def test_missing_data_is_one_sentence(tmp_path):
    result = call("accuracy", IMURUN_DATA=str(tmp_path), IMURUN_CACHE=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("imurun: No dataset can be scored")
    assert len(result.stderr.splitlines()) == 1


def test_the_data_command_lists_datasets(tmp_path):
    result = call("data", IMURUN_DATA=str(tmp_path), IMURUN_CACHE=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "sacral_grf" in result.stdout
    assert "Apache-2.0" in call("data", "sacral_grf").stdout
    refused = call("data", "--download")
    assert refused.returncode == 1
    assert "Name the dataset" in refused.stderr


def test_an_installed_package_names_the_place_of_the_benchmarks(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="benchmarks")

    monkeypatch.setattr(bench, "import_module", absent)
    with pytest.raises(SettingsError, match=r"checkout of the source.*python -m imurun bench"):
        bench.bench_data(None, download=False)


def test_a_missing_dependency_is_reported(monkeypatch):
    def absent(_):
        raise ModuleNotFoundError("No module named 'bokeh'", name="bokeh")

    monkeypatch.setattr(bench, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"extra 'dev'.*-e '\.\[dev\]'"):
        bench.bench_accuracy(None, None, None, quick=True)
