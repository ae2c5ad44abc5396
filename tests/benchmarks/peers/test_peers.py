"""The peers benchmark: rounds, environments, figures, output; no network, no peers, no checks of timings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from rich.console import Console
from typer.testing import CliRunner

from benchmarks.peers import command, environments, turns
from benchmarks.peers.__main__ import main
from benchmarks.peers.contenders import (
    ADAPTORS,
    CONTENDERS,
    OURS,
    REFERENCE,
    Contender,
    requirements_of,
    variables_of,
)
from benchmarks.peers.environments import MARK, last_words, python_of, ready_environment
from benchmarks.peers.figures import Figure, figures_of
from benchmarks.peers.hours import Hour, walking, write_hours
from benchmarks.peers.table import print_figures
from benchmarks.peers.turns import Measured, Outcome, as_measured, measure_once, take_turns
from imurun.cli.main import app
from imurun.errors import SettingsError

PEER = Contender("a peer", "env", "none.py", "Nearly all.", is_whole=True)
VQF, IMURUN = (next(c for c in CONTENDERS if c.name == name) for name in (REFERENCE, OURS))
HOUR = Hour("running", Path("running.npz"), 3600.0, 100)
ROWS = (OURS, "mobgap", "scikit-digital-health")
SAID = {"wall_s": 0.5, "cpu_s": 0.4, "calls": 4, "steps": 90, "bouts": 2, "versions": {"numpy": "2"}}


def ran(wall_s: float, cpu_s: float | None = None, steps: int | None = 100) -> Measured:
    return Measured(wall_s, wall_s if cpu_s is None else cpu_s, steps, 1)


def figures(vqf, ours, peer) -> dict[str, Figure]:
    outcomes = [Outcome(c, HOUR, list(r)) for c, r in ((VQF, vqf), (IMURUN, ours), (PEER, peer))]
    return {figure.contender.name: figure for figure in figures_of(outcomes)}


def test_all_are_measured_in_each_round_and_a_failing_one_is_skipped_for_that_hour():
    called = []
    other = Hour("walking", Path("walking.npz"), 3600.0, 50)

    def call(contender, python, hour):
        called.append((hour.name, contender.name, str(python)))
        if contender is PEER and hour is HOUR and len(called) > 3:
            raise SettingsError("a peer failed: it fell.")
        return ran(1.0)

    shares = []
    pythons = {"vqf": Path("v"), "imurun": Path("i"), "env": Path("e")}
    outcomes = take_turns([VQF, IMURUN, PEER], [HOUR, other], 3, pythons, call=call, progress=shares.append)
    everyone = [REFERENCE, OURS, "a peer"]
    assert [name for hour, name, _ in called if hour == "running"] == [*everyone, *everyone, *everyone[:2]]
    assert [name for hour, name, _ in called if hour == "walking"] == everyone * 3
    assert {(name, python) for _, name, python in called} == set(zip(everyone, "vie", strict=True))
    assert [(o.hour.name, o.contender.name, len(o.rounds), o.trouble) for o in outcomes] == [
        ("running", REFERENCE, 3, ""),
        ("running", OURS, 3, ""),
        ("running", "a peer", 0, "a peer failed: it fell."),
        ("walking", REFERENCE, 3, ""),
        ("walking", OURS, 3, ""),
        ("walking", "a peer", 3, ""),
    ]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] < 1.0


def test_a_contender_without_environment_is_not_run():
    sentence = "The environment of env could not be created: no network."
    pythons = {"vqf": Path("v"), "env": sentence}
    outcomes = take_turns([VQF, PEER], [HOUR], 2, pythons, call=lambda *_: ran(1.0))
    assert [(len(outcome.rounds), outcome.trouble) for outcome in outcomes] == [(2, ""), (0, sentence)]


def test_the_last_line_of_an_adaptor_is_read():
    measured = as_measured("a peer", "hello\n{}\n" + json.dumps(SAID) + "\n")
    assert measured == Measured(0.5, 0.4, 90, 2, {"numpy": "2"})


@pytest.mark.parametrize(
    "output",
    ["", "done", "[]", "{}", json.dumps(SAID | {"wall_s": None}), json.dumps(SAID | {"wall_s": -1.0})],
)
def test_invalid_output_is_one_sentence(output):
    with pytest.raises(SettingsError, match=r"^a peer printed .* by hand to see why\.$"):
        as_measured("a peer", output)


def script(folder: Path, text: str) -> Contender:
    (folder / "adaptor.py").write_text(text)
    return Contender("a peer", "env", str(folder / "adaptor.py"), "", arguments=("--word",))


def test_a_process_gets_its_arguments_and_no_access_to_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    text = f"""
import json, os, sys
seen = " ".join([*sys.argv[1:], os.environ.get("PYTHONPATH", "no path"), *os.listdir()])
print(json.dumps({SAID!r} | {{"versions": {{"seen": seen}}}}))
"""
    measured = measure_once(script(tmp_path, text), Path(sys.executable), HOUR)
    assert measured.versions == {"seen": "running.npz --word no path"}
    assert "PYTHONPATH" not in variables_of("mobgap")
    assert variables_of("imurun")["PYTHONPATH"] == str(Path(__file__).parents[3])


def test_a_process_that_fails_is_stopped_or_cannot_start_is_one_sentence(tmp_path, monkeypatch):
    failing = script(tmp_path, "raise ValueError('no gait.')")
    with pytest.raises(SettingsError, match=r"^a peer failed: ValueError: no gait\.$"):
        measure_once(failing, Path(sys.executable), HOUR)
    with pytest.raises(SettingsError, match=r"^a peer could not be started .*--fresh\.$"):
        measure_once(failing, tmp_path / "python", HOUR)
    monkeypatch.setattr(turns, "PATIENCE_S", 0.05)
    with pytest.raises(SettingsError, match=r"^a peer was stopped after"):
        measure_once(script(tmp_path, "import time; time.sleep(60)"), Path(sys.executable), HOUR)


def test_ratios_are_of_the_same_round():
    found = figures(
        [ran(1.0), ran(2.0), ran(4.0)],
        [ran(1.5), ran(6.0), ran(8.0)],
        [ran(90.0)] * 3,
    )
    assert found[OURS].to_reference == {"wall_s": 2.0, "cpu_s": 2.0}
    assert found[OURS].is_reached is True
    assert found["a peer"].to_ours == {"wall_s": 15.0, "cpu_s": 15.0}
    assert found["a peer"].is_reached is False
    assert found["a peer"].quartiles("wall_s") == (90.0, 90.0, 90.0)
    assert found[OURS].quartiles("wall_s") == (3.75, 6.0, 7.0)
    assert found[REFERENCE].target == ""
    assert found[REFERENCE].is_reached is None


def test_a_target_needs_wall_and_processor_time_and_a_peer_that_found_steps():
    assert figures([ran(1.0)], [ran(1.0)], [ran(60.0, 40.0)])["a peer"].is_reached is False
    assert figures([ran(1.0)], [ran(1.0)], [ran(60.0, 55.0)])["a peer"].is_reached is True
    assert figures([ran(1.0)], [ran(1.0)], [ran(60.0, steps=49)])["a peer"].is_reached is None
    assert figures([ran(1.0)], [ran(1.9, 2.1)], [])[OURS].is_reached is False
    alone = figures([], [ran(1.0)], [])
    assert alone[OURS].is_reached is None
    assert alone["a peer"].to_ours is None


def test_the_table_is_complete_in_a_narrow_terminal(capsys):
    rounds = [ran(31.18, steps=0), ran(48.77, steps=0), ran(99.99, steps=0)]
    found = figures([ran(0.1, steps=None)] * 3, [ran(0.3)] * 3, rounds)
    mobgap, skdh = (next(c for c in CONTENDERS if c.name == name) for name in ROWS[1:])
    peer = found["a peer"]
    failed = Figure(mobgap, HOUR, (), None, None, "The peer [x] failed: it fell.")
    long = Figure(skdh, HOUR, peer.rounds, peer.to_reference, peer.to_ours, "")
    print_figures([*found.values(), failed, long], Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    rows = {name: line.split() for line in lines for name in ROWS if line.startswith(f"{name} ")}
    assert rows[OURS][1:] == ["0.3", "0.3", "-", "0.3", "0.3", "3", "1", "100", "%", "missed"]
    assert rows[skdh.name][1:] == "48.8 40 - 74 48.8 488 163 0 % too little".split()
    assert rows["mobgap"][1:] == ["-", "failed"]
    text = " ".join(" ".join(lines).split())
    assert "running: 60 minutes, 100 steps" in text
    assert "The peer [x] failed: it fell." in text
    assert all(c.leaves_out in text for c in (VQF, IMURUN, PEER, mobgap, skdh))
    assert "…" not in text


def test_an_environment_is_created_again_on_request_or_for_other_requirements(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(environments, "requirements_of", lambda name: f"{name}==1\n")

    def run(words):
        ran.append(words)
        if "venv" in words:
            place = Path(words[-1])
            python_of(place).parent.mkdir(parents=True)
            python_of(place).touch()
            (place / "pyvenv.cfg").touch()

    python = ready_environment("peer", tmp_path, run=run)
    assert python == python_of(tmp_path / "peer")
    assert len(ran) == 2
    asked = Path(ran[1][-1])
    assert ran[1][0] == str(python)
    assert asked.read_text().splitlines()[1:] == ["peer==1"]
    assert ready_environment("peer", tmp_path, run=run) == python
    assert len(ran) == 2
    ready_environment("peer", tmp_path, fresh=True, run=run)
    assert len(ran) == 4
    monkeypatch.setattr(environments, "requirements_of", lambda name: f"{name}==2\n")
    ready_environment("peer", tmp_path, run=run)
    assert len(ran) == 6

    def fail(words):
        if "pip" in words:
            raise SettingsError("no such package")
        run(words)

    with pytest.raises(SettingsError):
        ready_environment("peer", tmp_path, fresh=True, run=fail)
    assert not (tmp_path / "peer" / MARK).exists()  # half an environment is not taken for a whole one
    ready_environment("peer", tmp_path, run=run)
    assert (tmp_path / "peer" / MARK).exists()


def test_a_folder_with_other_files_is_not_deleted(tmp_path):
    (tmp_path / "vqf").mkdir()
    (tmp_path / "vqf" / "thesis.txt").write_text("all of it")
    with pytest.raises(SettingsError, match="no Python environment; move it"):
        ready_environment("vqf", tmp_path, fresh=True, run=lambda _: None)
    assert (tmp_path / "vqf" / "thesis.txt").exists()


def test_a_failing_pip_is_one_sentence_and_the_others_are_created(tmp_path, monkeypatch):
    def run(words, **_):
        if "pip" in words and "peer" in words[0]:
            raise subprocess.CalledProcessError(
                1, words, "", "WARNING: slow\nERROR: no peer==1\nERROR: No luck.\n"
            )
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(environments, "requirements_of", lambda name: f"{name}==1\n")
    monkeypatch.setattr(environments.subprocess, "run", run)
    for name in ("env-peer", "vqf"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyvenv.cfg").touch()
    monkeypatch.setattr(environments.shutil, "rmtree", lambda *_, **__: None)
    peer = Contender("a peer", "env-peer", "none.py", "")
    pythons = command.make_ready([VQF, peer], tmp_path)
    assert pythons["vqf"] == python_of(tmp_path / "vqf")
    assert pythons["env-peer"] == "The environment of env-peer could not be created: No luck."


def test_the_most_informative_line_is_found():
    assert last_words("ERROR: first\nERROR: last.\nnote\n") == "last"
    assert last_words("Traceback\n  File\nKeyError: 'a'\n\n") == "KeyError: 'a'"
    assert last_words("") == "it printed nothing"


@pytest.mark.parametrize("name", dict.fromkeys(contender.environment for contender in CONTENDERS))
def test_requirements_are_pinned_and_name_no_address(name):
    lines = [line for line in requirements_of(name).splitlines() if not line.startswith("#")]
    packages = {re.split("[=>]=", line)[0] for line in lines}
    assert "vqf" in packages or name in packages
    assert "://" not in "".join(lines)
    if name != "imurun":
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    else:
        assert sum("==" in line for line in lines) >= 10


def test_adaptors_exist_and_those_of_peers_do_not_import_imurun():
    for contender in CONTENDERS:
        text = contender.script.read_text(encoding="utf-8")
        assert ("imurun" in text) == (contender.environment == "imurun")
        assert "benchmarks" not in text


def test_the_simulated_hours_are_as_described_and_reproducible(tmp_path):
    hours = write_hours(tmp_path, quick=True)
    assert [hour.name for hour in hours] == ["running", "walking"]
    first = [hour.path.read_bytes() for hour in hours]
    assert [hour.path.read_bytes() for hour in write_hours(tmp_path, quick=True)] == first
    for hour, n_bouts in zip(hours, (1, 2), strict=True):
        with np.load(hour.path) as file:
            n = len(file["acc"])
            assert file["acc"].shape == file["gyr"].shape == (n, 3)
            assert np.isfinite(file["acc"]).all()
            assert np.isfinite(file["gyr"]).all()
            assert n == hour.duration_s * file["rate_hz"]
            bouts = file["bouts"]
            assert len(bouts) == n_bouts
            assert np.all(bouts[:, 1] > bouts[:, 0])
            assert np.all(bouts[1:, 0] >= bouts[:-1, 1])
            at_rest = np.ones(n, dtype=bool)
            for begin, end in bouts:
                at_rest[begin:end] = False
            up = file["acc"][:, 2]
            # the last step before a pause still rings, and the first after one begins in it
            assert np.percentile(np.abs(up[at_rest] - 9.8), 75) < 0.1
            assert np.percentile(np.abs(up[~at_rest] - 9.8), 75) > 1.0
        assert 570.0 < hour.duration_s < 610.0
        assert hour.n_steps > 900
    assert sum(segment.duration_s for segment in walking(3600.0)) == 3600.0


def test_an_adaptor_measures_a_file(tmp_path):
    hour = write_hours(tmp_path, quick=True)[0]
    session = next(c for c in CONTENDERS if c.name == "imurun, session")
    for contender, bouts in ((IMURUN, None), (session, 1)):
        measured = measure_once(contender, Path(sys.executable), hour)
        assert measured.steps == pytest.approx(hour.n_steps, abs=5)
        assert measured.bouts == bouts
        assert measured.versions["vqf"]
    assert measure_once(VQF, Path(sys.executable), hour).steps is None


def test_the_first_ten_minutes_are_a_warm_up(monkeypatch):
    monkeypatch.syspath_prepend(str(ADAPTORS))
    import stopwatch

    hour = {
        "acc": np.zeros((70_000, 3)),
        "gyr": np.zeros((70_000, 3)),
        "bouts": np.array([[10, 50], [50_000, 65_000], [66_000, 67_000]]),
        "rate_hz": 100.0,
        "height_m": 1.75,
    }
    piece = stopwatch.beginning(hour)
    assert len(piece["acc"]) == len(piece["gyr"]) == 60_000
    assert piece["bouts"].tolist() == [[10, 50], [50_000, 60_000]]
    assert piece["height_m"] == 1.75


@pytest.fixture
def no_processes(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "ready_environment", lambda name, folder, fresh: python_of(folder / name))
    monkeypatch.setattr(command, "write_hours", lambda folder, quick: [HOUR])

    def call(contender, python, hour):
        if contender.environment == "mobgap":
            raise SettingsError("mobgap failed: it fell.")
        return ran(2.0)

    monkeypatch.setattr(turns, "measure_once", call)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("no_processes")
def test_the_command_writes_its_file(tmp_path, capsys):
    words = ["--quick", "--rounds", "3", "--out", "new/out", "--environments", "env"]
    assert main(words) == 0
    assert "mobgap failed: it fell." in capsys.readouterr().out
    result = json.loads((tmp_path / "new" / "out" / "peers.json").read_text())
    assert (result["quick"], result["n_rounds"]) == (True, 3)
    by_name = {figure["name"]: figure for figure in result["figures"]}
    assert list(by_name) == [contender.name for contender in CONTENDERS]
    assert by_name["mobgap"]["trouble"] == "mobgap failed: it fell."
    assert by_name[OURS]["wall_s"] == {"median": 2.0, "quartiles": [2.0, 2.0], "rounds": [2.0] * 3}
    assert by_name[OURS]["is_reached"] is True
    assert len(result["code"]["source_sha256"]) == 64
    output = CliRunner().invoke(app, ["bench", "peers", *words])
    assert output.exit_code == 0
    with FileLock(tmp_path / "env" / "in-use.lock"):
        assert main(words) == 1
    assert "is in use by another run" in capsys.readouterr().err


@pytest.mark.usefixtures("no_processes")
def test_invalid_arguments_are_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    for words, part in (
        (["--out", "file"], "choose another --out"),
        (["--out", "out", "--environments", "file"], "choose another --environments"),
        (["--out", "out", "--environments", "env", "--rounds", "0"], "1 or more"),
    ):
        assert main(words) == 1
        output = capsys.readouterr().err
        assert part in output
        assert output.count("\n") == 1

    def fail(name, folder, fresh):
        raise SettingsError("no network")

    monkeypatch.setattr(command, "ready_environment", fail)
    assert main(["--out", "out", "--environments", "env"]) == 1
    output = capsys.readouterr().err
    assert (
        output == "No package could be measured. The environment of vqf could not be created: no network.\n"
    )
