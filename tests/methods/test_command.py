"""`imurun analyze --method`: published rules on the command line, and their cost at start-up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from typer.testing import CliRunner

import imurun
from imurun.cli.main import app
from imurun.errors import SettingsError
from imurun.export import read_steps
from imurun.methods import METHODS
from imurun.sim import Segment, simulate

README = Path(imurun.__file__).parent / "methods" / "README.md"
needs_engine = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run.csv"
    imurun.io.write_recording(simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=1).recording, path)
    return path


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "120"})


def test_the_app_imports_no_numeric_package():
    code = "import sys, imurun.cli.main; print(sorted({'numpy', 'scipy', 'pandas'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_help_and_readme_list_every_rule():
    text = re.sub(r"[^\w]+", " ", call("analyze", "--help").stdout)
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(METHODS)
    for name in METHODS:
        assert name in text


@needs_engine
def test_summary_and_step_table_of_a_rule(run_file, tmp_path):
    table = tmp_path / "steps.csv"
    result = call("analyze", run_file, "--json", "--method", "lee2010", "--steps", table)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["method"] == "lee2010"
    assert summary["peak_vgrf_bw"] is None
    assert 150 < summary["cadence_spm"] < 180
    steps, metadata = read_steps(table)
    assert metadata["method"] == "lee2010"
    assert len(steps) == summary["running_steps"]
    assert np.isnan(steps["lumbar_dose"]).all()


@needs_engine
@pytest.mark.parametrize("name", METHODS)
def test_the_printed_summary_leaves_out_what_a_rule_does_not_give(run_file, name):
    result = call("analyze", run_file, "--method", name)
    assert result.exit_code == 0, result.output
    assert f"published rule {name}" in result.stdout
    assert "Cadence" in result.stdout
    assert ("Contact time" in result.stdout) == (name != "reenalda2021")
    for absent in ("nan", "None", "Peak force", "Lumbar load", "Session load"):
        assert absent not in result.stdout


@needs_engine
def test_running_without_steps_is_noted(run_file, capsys):
    from imurun.cli.screen import print_session

    nothing = imurun.methods.Contacts(np.zeros(0), np.zeros(0), np.zeros(0, dtype="<U7"))
    silent = imurun.methods.Method("silent2030", lambda acc, gyr, rate_hz: nothing, "nobody")
    print_session(imurun.analyze(imurun.read(run_file), method=silent))
    assert "No step was found in the running." in capsys.readouterr().out


@needs_engine
def test_an_unknown_rule_is_one_sentence(run_file):
    result = call("analyze", run_file, "--method", "nobody")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert all(name in result.stderr for name in ("imurun", *METHODS))
    with pytest.raises(SettingsError):
        imurun.analyze(imurun.read(run_file), method="")


@needs_engine
def test_the_example_in_the_readme_runs(run_file, monkeypatch):
    monkeypatch.chdir(run_file.parent)
    code = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names: dict = {}
    exec(code, names)
    assert len(names["steps"]) > 70
    assert names["steps"]["contact_time_ms"].isna().all()
