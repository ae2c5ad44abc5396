"""Full and read-only disks: each command ends with one sentence, and every file left behind is complete."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from datetime import datetime
from pathlib import Path

import numba
import pandas as pd
import pyarrow.parquet as pq
import pytest

import imurun
from imurun.history import Store
from imurun.sim import Segment, simulate

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")
START = "2026-05-01T07:30Z"
ROOM_KB = (4, 60)
"""Free space on the full disk: too little for any file, or enough for a part."""


@pytest.fixture
def disk(tmp_path):
    """A mounted disk of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk: run as root on Linux")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory, run):
    """A folder with a recording, a history that has it, and an export of the history."""
    folder = tmp_path_factory.mktemp("made")
    recording = simulate([Segment("running", 60.0, speed_m_s=3.0)], seed=3).recording
    recording = recording.with_start(datetime.fromisoformat(START))
    (folder / "many").mkdir()
    imurun.io.write_recording(recording, folder / "many" / "run.parquet")
    shutil.copy(folder / "many" / "run.parquet", folder)
    place = {"IMURUN_STORE": str(folder / "store")}
    for words in (("analyze", "run.parquet", "--save"), ("history", "export", "all.zip")):
        assert run(*words, cwd=folder, **place)[0] == 0
    return folder


@pytest.fixture(scope="module")
def run(call):
    """Runs imurun in a folder; returns exit code and output."""

    def run(*words, cwd, **environment):
        ran = call(*words, cwd=cwd, XDG_CONFIG_HOME=str(cwd), **environment)
        return ran.returncode, ran.stdout + ran.stderr

    return run


def fill(disk, room_kb):
    free = os.statvfs(disk)
    with (disk / "fill").open("wb", buffering=0) as stream:
        stream.write(bytes(free.f_bavail * free.f_frsize - 1024 * room_kb))


def refused(code, output):
    """Check that a command failed with one sentence, and return it."""
    assert code == 1, output
    assert "Traceback" not in output
    last = output.strip().splitlines()[-1]
    assert last.startswith("imurun: ")
    assert last.endswith(".")
    return last


def whole(folder):
    """Check that every file with a final name is complete."""
    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            pq.read_table(file)
        elif file.suffix == ".csv":
            assert len(pd.read_csv(file, comment="#")) >= 0
        elif file.suffix == ".json":
            json.loads(file.read_text())
        elif file.suffix == ".sqlite" and file.stat().st_size:
            with contextlib.closing(sqlite3.connect(file)) as catalogue:
                assert catalogue.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not file.name.endswith((".html", ".fit", ".zip")), f"{file} should not be there"


WRITERS = {
    "steps": ["analyze", "run.parquet", "--steps", "{disk}/s.csv"],
    "save": ["analyze", "run.parquet", "--save"],
    "import": ["history", "import", "many"],
    "restore": ["history", "restore", "all.zip"],
    "export": ["history", "export", "{disk}/all.zip"],
    "simulate": ["simulate", "{disk}/x.csv"],
    "report": ["report", "run.parquet", "--out", "{disk}/r.html"],
    "fit": ["export", "run.parquet", "--fit", "{disk}/a.fit"],
    "bids": ["export", "run.parquet", "--bids", "{disk}/b"],
    "cohort": ["cohort", "many", "--out", "{disk}/c"],
    "live": ["live", "--simulate", "--speed", "inf", "--no-page", "--no-save", "--out", "{disk}/run"],
}
FITS = {("fit", 60), ("cohort", 60), ("steps", 60), ("export", 60)}
"""Commands that fit into that free space, or may."""


@pytest.mark.parametrize("name", WRITERS)
def test_writing_to_a_full_disk_is_one_sentence_and_works_with_space(disk, made, run, name):
    for room_kb in ROOM_KB if name in {"save", "live", "cohort"} else ROOM_KB[:1]:
        fill(disk, room_kb)
        store = made / "store" if name == "export" else disk / "store"
        words = [word.format(disk=disk) for word in WRITERS[name]]
        code, output = run(*words, cwd=made, IMURUN_STORE=str(store))
        if code or (name, room_kb) not in FITS:
            sentence = refused(code, output)
            assert "room" in sentence or "journal" in sentence
        whole(disk)
        (disk / "fill").unlink()

    if name != "live":  # whose journal keeps its name
        code, output = run(*words, cwd=made, IMURUN_STORE=str(store))
        assert code == 0, output


def test_a_live_run_on_a_full_disk_keeps_its_journal(disk, made, run):
    fill(disk, 400)
    words = [word.format(disk=disk) for word in WRITERS["live"]]
    code, output = run(*words, cwd=made)
    refused(code, output)
    assert "Recording has stopped" in output
    stored = imurun.read(disk / "run.journal")
    assert stored.duration_s > 30.0
    (disk / "fill").unlink()
    code, output = run("recover", disk / "run.journal", cwd=made)
    assert code == 0, output
    steps = imurun.analyze(stored).steps
    found = imurun.export.read_steps(disk / "run-steps.parquet")[0]
    pd.testing.assert_frame_equal(found, steps)


READERS = {
    "list": ["history"],
    "show": ["history", "show", "last"],
    "report": ["report", "last", "--out", "{out}/r.html"],
    "export": ["history", "export", "{out}/x.zip"],
    "analyze": ["analyze", "{disk}/run.parquet"],
    "known": ["analyze", "{disk}/run.parquet", "--save"],
}
REFUSED = {
    "tag": ["history", "tag", "last", "--notes", "x"],
    "restore": ["history", "restore", "all.zip"],
    "runner": ["runner", "--mass", "62"],
    "demo": ["demo"],
    "live": ["live", "--simulate", "--speed", "inf", "--no-page"],
    "cohort": ["cohort", "many", "--out", "c"],
    "report": ["report", "run.parquet", "--out", "r.html"],
    "bids": ["export", "run.parquet", "--bids", "b"],
}


@pytest.fixture
def read_only(disk, made):
    shutil.copytree(made, disk, dirs_exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    return disk


def test_reading_commands_work_on_a_read_only_disk(read_only, run, tmp_path):
    place = {"IMURUN_STORE": str(read_only / "store"), "XDG_CACHE_HOME": str(read_only / "cache")}
    for words in READERS.values():
        code, output = run(
            *[word.format(disk=read_only, out=tmp_path) for word in words], cwd=read_only, **place
        )
        assert code == 0, output
        assert "Traceback" not in output
    with Store(read_only / "store") as store:
        assert len(store.sessions()) == 1


def test_writing_to_a_read_only_disk_is_one_sentence(read_only, run):
    before = sorted(read_only.rglob("*"))
    for words in REFUSED.values():
        refused(*run(*words, cwd=read_only, IMURUN_STORE=str(read_only / "store")))
    assert sorted(read_only.rglob("*")) == before


def test_an_unclosed_history_on_a_read_only_disk_is_one_sentence(disk, made, run):
    shutil.copytree(made / "store", disk / "store")
    catalogue = disk / "store" / "catalogue.sqlite"
    Path(f"{catalogue}-wal").write_bytes(b"left by a run that was killed")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    sentence = refused(*run("history", cwd=made, IMURUN_STORE=str(disk / "store")))
    assert "its folder to another place and give that as --store" in sentence
