"""`imurun history`, `imurun runner` and `analyze --save` as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import numba
import pytest
from typer.testing import CliRunner

import imurun
from imurun.cli.main import app
from imurun.cli.save_session import save_live
from imurun.errors import ImurunError
from imurun.history import Store, Tags, fingerprint
from imurun.io import write_recording
from imurun.model.recording import Recording
from imurun.sim.presets import steady_run
from tests.export.fit_helpers import FIT_START, START, watch_content
from tests.growing_journal import wait_for_journal
from tests.history.made_sessions import YEAR_START, ordinary_year, session_of


def call(*words):
    """Run imurun in a new process."""
    return subprocess.run(
        [sys.executable, "-m", "imurun", *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        check=False,
    )


def invoke(*words):
    """Run imurun in this process; returns exit code, output, and the sentence of an error."""
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "100"})
    error = "" if not isinstance(result.exception, ImurunError) else str(result.exception)
    if result.exception is not None and not isinstance(result.exception, ImurunError | SystemExit):
        raise result.exception
    assert "\n" not in error
    return result.exit_code, result.output, error


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("IMURUN_STORE", str(tmp_path / "store"))
    return tmp_path


@pytest.fixture(scope="module")
def made_store(tmp_path_factory):
    """Forty sessions in two pairs of shoes; the last far too long, with pain."""
    folder = tmp_path_factory.mktemp("made")
    runs = [replace(run, minutes=run.minutes / 10) for run in ordinary_year(0)[:40]]
    runs[39] = replace(runs[39], minutes=20.0)
    with Store(folder) as store:
        for k, run in enumerate(runs):
            tags = Tags(
                shoes="Blue" if k % 3 else "Red [old]", pain_after=float(k == 39), distance_km=2.0 + k % 5
            )
            store.add(session_of(run, k), runner="runner", fingerprint=f"{k:064x}"[::-1], tags=tags)
    return folder


# -- the history --------------------------------------------------------------------------------------------


def test_list_shows_the_last_sessions_with_flags_and_weeks(made_store):
    code, out, _ = invoke("history", "--store", made_store, "--last", 5)
    assert code == 0
    lines = out.splitlines()
    assert len([line for line in lines if line.startswith("2024-")]) == 5
    assert "very high" in lines[5]
    assert "Red [old]" in out
    assert "40 sessions; the last 8 weeks" in out
    assert any(bar in out for bar in "▂▃▄▅▆")
    assert all(len(line) <= 100 for line in lines)


def test_show_prints_flags_before_numbers(made_store):
    code, out, _ = invoke("history", "show", "last", "--store", made_store)
    assert code == 0
    assert out.index("Very high: Session load") < out.index("Cadence")
    for part in (
        "above the greatest of the last",
        "found on distance",
        "Context, never the reason",
        "m = 10",
    ):
        assert part in " ".join(out.split())


def test_compare_prints_both_sessions_and_the_change(made_store):
    with Store(made_store) as store:
        ids = store.ids()
    code, out, _ = invoke("history", "compare", ids[0], "last", "--store", made_store)
    assert code == 0
    assert ids[0] in out
    assert ids[-1] in out
    load = next(line for line in out.splitlines() if line.startswith("Session load  "))
    assert "%" in load.split()[-1]


def test_trend_prints_weeks_and_shoes(made_store):
    code, out, _ = invoke("history", "trend", "--store", made_store)
    assert code == 0
    assert "last 8 weeks" in out
    blue = next(line.split() for line in out.splitlines() if line.startswith("Blue"))
    assert blue[1] == "26"
    assert "Red [old]" in out


def test_missing_sessions_and_runners_are_one_sentence(made_store, home):
    assert invoke("history")[1].startswith("No session is saved")
    assert "No session is kept" in invoke("history", "show", "last")[2]
    assert "No session is called x" in invoke("history", "show", "x", "--store", made_store)[2]
    assert "No runner Lou" in invoke("history", "--name", "Lou", "--store", made_store)[2]


def test_a_missing_step_table_is_noted_and_the_session_shown(made_store, tmp_path):
    assert invoke("history", "export", tmp_path / "all.zip", "--store", made_store)[0] == 0
    assert (
        "40 sessions restored" in invoke("history", "restore", tmp_path / "all.zip", "--store", tmp_path)[1]
    )
    with Store(tmp_path) as store:
        store.steps_path(store.find("last")).unlink()
    code, out, _ = invoke("history", "show", "last", "--store", tmp_path)
    assert code == 0
    assert "is missing" in out


def test_tag_changes_tags_and_runner(home):
    with Store() as store:
        store.add(session_of(ordinary_year(0)[0]), runner="Kim", fingerprint="a" * 64)
    code, out, _ = invoke("history", "tag", "last", "--shoes", "Blue", "--pain-before", 1, "--distance", 7.5)
    assert code == 0
    assert "shoes Blue" in out
    assert "pain_after must be 0 (no pain) to 10" in invoke("history", "tag", "last", "--pain-after", 11)[2]
    assert "Nothing to change" in invoke("history", "tag", "last")[2]
    assert invoke("history", "tag", "last", "--to", "Lou")[0] == 0
    with Store() as store:
        row = store.sessions("Lou").iloc[0]
    assert (row["shoes"], row["pain_before"], row["distance_km"]) == ("Blue", 1.0, 7.5)


def test_tag_takes_the_distance_from_a_watch(home):
    run = replace(ordinary_year(0)[0], start=START + timedelta(seconds=10), minutes=0.5)
    with Store() as store:
        store.add(session_of(run), runner="Kim", fingerprint="a" * 64)
        duration_s = store.sessions()["duration_s"].iloc[0]
    watch = home / "watch.fit"
    watch.write_bytes(watch_content(60, speed_m_s=3.0))
    assert invoke("history", "tag", "last", "--watch", watch)[0] == 0
    with Store() as store:
        km = store.sessions()["distance_km"].iloc[0]
    assert km == pytest.approx(3.0 * min(duration_s, 49.0) / 1000.0, abs=0.004)
    assert "give one" in invoke("history", "tag", "last", "--watch", watch, "--distance", 3)[2]
    watch.write_bytes(watch_content(60, first=FIT_START + 86_400))
    assert "has no distance during" in invoke("history", "tag", "last", "--watch", watch)[2]
    with Store() as store:
        assert store.sessions()["distance_km"].iloc[0] == km


# -- the runner's file --------------------------------------------------------------------------------------


def test_runner_edits_its_file_and_keeps_comments(home):
    assert "loads are in body weights" in invoke("runner")[1]
    code, out, _ = invoke("runner", "--name", "Kim", "--mass", 62, "--height", 1.68, "--shoes", "Blue")
    assert code == 0
    file = home / "config" / "imurun" / "runner.toml"
    file.write_text("# mine\n" + file.read_text() + "\n[alerts]\noff = ['cadence']  # noisy\n")
    code, out, _ = invoke("runner", "--mass", 61, "--limit", 40000)
    assert code == 0
    assert "61 kg" in out
    text = file.read_text()
    for part in ("# mine", "# noisy", "mass_kg = 61", "session_load_bw4 = 40000"):
        assert part in text
    assert imurun.io.read_runner(file).mass_kg == 61.0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--mass", 7000), "runner.toml: mass_kg is 7000"),
        (("--height", 170), "runner.toml: height_m is 170"),
        (("--limit", 0), "limits.session_load_bw4 is 0"),
    ],
)
def test_impossible_values_leave_the_runner_file_unchanged(home, words, part):
    invoke("runner", "--mass", 62)
    file = home / "config" / "imurun" / "runner.toml"
    before = file.read_bytes()
    code, _, error = invoke("runner", *words)
    assert code == 1
    assert part in error
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["runner.toml"]


def test_a_runner_file_with_bad_toml_is_left_unchanged(tmp_path):
    file = tmp_path / "kim.toml"
    file.write_text("name = Kim")
    assert "not valid TOML" in invoke("runner", "--file", file, "--mass", 62)[2]
    assert file.read_text() == "name = Kim"


# -- saving recordings ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recording():
    made = steady_run(12.0).recording
    return Recording(made.acc, made.gyr, rate_hz=made.rate_hz, start=YEAR_START)


needs_compiler = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@needs_compiler
def test_analyze_saves_a_recording_once_for_one_runner(home, recording, tmp_path):
    file = tmp_path / "run.csv"
    write_recording(recording, file)
    invoke("runner", "--name", "Kim", "--mass", 62, "--shoes", "Blue")
    result = call("analyze", file, "--save", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["peak_vgrf_n"]  # this machine's runner
    assert "of Kim." in result.stderr
    assert "Too little history" in result.stderr
    with Store() as store:
        row = store.sessions("Kim").iloc[0]
    assert (row["shoes"], row["mass_kg"], row["source"]) == ("Blue", 62.0, "run.csv")
    write_recording(recording, tmp_path / "again.parquet")
    assert "Already saved as" in invoke("analyze", tmp_path / "again.parquet", "--save")[1]
    lou = tmp_path / "lou.toml"
    lou.write_text('name = "Lou"')
    code, out, _ = invoke("analyze", file, "--save", "--runner", lou)
    assert code == 1
    assert "of the runner Kim, not Lou" in out
    with Store() as store:
        assert store.runners() == {"Kim": 1}


@needs_compiler
def test_saving_needs_a_start(home, recording, tmp_path):
    file = tmp_path / "run.csv"
    write_recording(replace(recording, start=None), file)
    assert "give its --start" in invoke("analyze", file, "--save")[1]
    assert "in the future" in invoke("analyze", file, "--save", "--start", "2999-01-01")[1]
    assert "is no date and time" in invoke("analyze", file, "--save", "--start", "yesterday")[2]
    assert invoke("analyze", file, "--save", "--start", "2024-03-01T07:00Z")[0] == 0
    with Store() as store:
        assert store.sessions()["start"].iloc[0].isoformat() == "2024-03-01T07:00:00+00:00"
    assert "--method" in invoke("analyze", file, "--save", "--method", "lee2010")[2]


@needs_compiler
def test_importing_a_folder_twice_saves_each_recording_once(home, recording, tmp_path):
    folder = tmp_path / "runs"
    (folder / "2024").mkdir(parents=True)
    write_recording(recording, folder / "a.csv")
    write_recording(recording, folder / "2024" / "same.parquet")
    imurun.export.write_steps(imurun.analyze(recording).steps, folder / "a-steps.parquet")
    (folder / "broken.csv").write_text("time,acc_x\n")
    for _ in range(2):
        code, out, _ = invoke("history", "import", folder)
        assert code == 1
        assert out.count("imurun: ") == 1
        assert "broken.csv" in out
        assert "lready saved as" in out
    with Store() as store:
        assert len(store.sessions()) == 1
        assert store.holder(fingerprint(recording)) is not None
    assert "is no folder" in invoke("history", "import", tmp_path / "none")[2]


def test_a_live_run_is_saved_unless_simulated_or_declined(home, capsys):
    session = session_of(ordinary_year(0)[0])
    one = [(session, "a" * 64)]
    assert save_live(one, None, save=False, is_simulated=False) == []
    assert save_live(one, None, save=None, is_simulated=True) == []
    assert save_live([*one, (session, "b" * 64)], None, save=None, is_simulated=False) == []
    assert "there were several" in capsys.readouterr().err
    with Store() as store:
        assert len(store.sessions()) == 0
    assert save_live(one, None, save=None, is_simulated=False) == []
    assert "Saved as" in capsys.readouterr().err
    (home / "kim.toml").write_text('name = "Kim"')
    assert "of the runner runner" in save_live(one, home / "kim.toml", save=None, is_simulated=False)[0]
    with Store() as store:
        assert len(store.sessions()) == 1


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_a_saved_live_run_has_the_fingerprint_of_its_files(home, tmp_path):
    words = ("live", "--simulate", "--speed", "20", "--no-page", "--save", "--out", str(tmp_path / "run"))
    process = subprocess.Popen(
        [sys.executable, "-m", "imurun", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_journal(tmp_path / "run.journal", 30.0, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    with Store() as store:
        assert store.runners() == {"runner": 1}
        for ending in (".parquet", ".journal"):
            assert store.holder(fingerprint(imurun.read(tmp_path / f"run{ending}"))) is not None
