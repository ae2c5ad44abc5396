"""Every command shown in a README or a help text parses and runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numba
import numpy as np
import pytest
import typer

import imurun
from imurun.cli.main import app
from imurun.io import write_recording
from imurun.sim import RunnerModel, Segment, SensorModel, simulate
from tests.conftest import REPOSITORY
from tests.export.fit_helpers import START, watch_content
from tests.kills.warm import ERR, OUT, Order

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

COMMAND = typer.main.get_command(app)
PAGES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("", "data", "benchmarks", "firmware_protocol", "imurun", "tests")
    for path in ((REPOSITORY / folder).rglob("*.md") if folder else REPOSITORY.glob("*.md"))
    if path.name != "CHANGELOG.md"
)
PLACEHOLDERS = {"IN...": "study/", "DIR": "results", "OTHER": "other"}
"""Values for placeholders on pages."""
ONE_SENTENCE = ("scan", "record", "sensor", "live", "simulate --ble")
"""Commands that need Bluetooth, which the tests hide: they end with one sentence."""
PARSED_ONLY = {
    "bench accuracy": "takes minutes; tests/benchmarks/accuracy runs it on less",
    "analyze run.parquet --watch run.fit": "needs a watch's activity of that run; tests/watch has some",
    "calibrate run.parquet": "needs such an activity, or more steps: tests/cli/test_calibrate_command.py",
    "bench speed": "takes minutes; tests/benchmarks/speed runs it on less",
    "bench peers": "installs peers; tests/benchmarks/peers runs it on less",
    "bench data sacral_grf --download": "downloads; tests/benchmarks/datasets does so from this machine",
    "cohort s3://": "needs a store on the network",
    "cohort /shared/study": "needs a cluster; tests/cohort/test_cohort_cluster.py has one",
}
UNTIL_CTRL_C = ("live --simulate",)
NO_RADIO = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}


def of_page(page):
    """Commands in the code blocks of a page, without comments."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if re.match(r"imurun [a-z]", line):
                yield line.removeprefix("imurun ").split(" #")[0].strip()


def of_helps(command=COMMAND, path=()):
    """Examples of all help texts, each with the name of its command as a tuple of words."""
    for text in (command.help, command.epilog):
        for example in re.findall(r"^Example: imurun (.+)$", text or "", re.MULTILINE):
            yield path, example
    if isinstance(command, click.Group) or hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from of_helps(child, (*path, *([] if (path, name) == (("cohort",), "run") else [name])))


def words_of(example):
    return [PLACEHOLDERS.get(word, word) for word in shlex.split(example)]


def parse(words):
    """Parse a command line; raises as click does."""
    command, context, name, rest = COMMAND, None, "imurun", list(words)
    while True:
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "commands") or not (left := [*context._protected_args, *context.args]):
            return
        name, command, rest = command.resolve_command(context, left)


EXAMPLES = list(of_helps())
PAGE_COMMANDS = [(page, command) for page in PAGES for command in of_page(page)]


def test_pages_and_help_texts_have_examples_of_their_commands():
    assert len(PAGE_COMMANDS) > 40
    assert len(EXAMPLES) > 20
    for words, example in EXAMPLES:
        assert example.split()[: len(words)] == list(words)


@pytest.mark.parametrize("page", PAGES)
def test_commands_named_in_the_text_of_a_page_exist(page):
    text = re.sub(r"```.*?```", "", (REPOSITORY / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for words in re.findall(r"`imurun ([a-z][^`\[]*)`", text):
        names = [word for word in words.split() if re.fullmatch(r"[a-z]+", word)]
        command = COMMAND
        for name in names:
            if not hasattr(command, "commands") or name not in command.commands:
                break
            command = command.commands[name]
        assert command is not COMMAND, words


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("place")
    recording = simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=4).recording.with_start(START)
    write_recording(recording, folder / "run.csv")
    write_recording(recording, folder / "run.parquet")
    (folder / "run.fit").write_bytes(watch_content())
    for k, runner in enumerate(("anna", "ben", "anna")):
        for path in (
            folder / "study" / runner / "week1" / f"run-{k}.csv",
            folder / "runs" / f"run-{k}.parquet",
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_recording(
                simulate([Segment("running", 15.0, speed_m_s=2.8)], seed=k).recording.with_start(
                    datetime(2026, 4, 1 + k, 8, tzinfo=UTC) + timedelta(hours=k)
                ),
                path,
            )
    names = [path.relative_to(folder) for path in sorted((folder / "study").rglob("*.csv"))]
    rows = [f"{name.as_posix()},{name.parts[1]}" for name in names]
    (folder / "recordings.csv").write_text("\n".join(["recording,runner", *rows, ""]))
    return folder


@pytest.fixture
def run(place, warm, tmp_path):
    """Runs an example to its end, or until it streams; returns exit code and output."""

    def run(words, *, stops=False):
        notes = tmp_path / f"notes-{time.monotonic_ns()}"
        notes.mkdir()
        environment = {
            "COLUMNS": "200",
            "IMURUN_STORE": str(place / "store"),
            "XDG_CONFIG_HOME": str(place / "config"),
            **NO_RADIO,
        }
        begun = warm.start(Order(list(words), str(notes), str(notes), environment, str(place)))
        if stops:
            for _ in range(3000):
                if "streaming" in (notes / OUT).read_text():
                    break
                time.sleep(0.1)
            os.kill(begun.pid, signal.SIGINT)
        code = begun.end()
        return code, (notes / OUT).read_text() + (notes / ERR).read_text()

    return run


def begins(example, starts):
    return next(
        (start for start in starts if f"{example} ".startswith(start + " " * (start[-1] not in "/:"))), None
    )


def prepared(example, place, run):
    """Make the files that an example needs; returns the recording that `recover` would replace, or None."""
    for leftover in ("results", "other", "all.zip", "both.fit", "test.parquet", "truth.csv"):
        if leftover in words_of(example) and not example.startswith(("cohort summary", "history restore")):
            file = place / leftover
            shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    if example.startswith("cohort summary") and not (place / "results").exists():
        assert run(["cohort", "study/", "--out", "results"])[0] == 0
    if example.startswith(("history", "report last")) and not (place / "store").exists():
        assert run(["history", "import", "runs"])[0] == 0
    if example.startswith("history restore") and not (place / "all.zip").exists():
        assert run(["history", "export", "all.zip"])[0] == 0
    if example.startswith("recover") and not (place / "run.journal").exists():
        words = "live --simulate --speed inf --no-page --no-save --out run".split()
        saved = (place / "run.parquet").read_bytes()
        (place / "run.parquet").unlink()
        assert run(words)[0] == 0
        for made in ("run.parquet", "run-steps.parquet"):
            (place / made).unlink()
        return saved
    return None


ALL = sorted({example for _, example in [*PAGE_COMMANDS, *EXAMPLES]})


@pytest.mark.parametrize("example", ALL)
def test_every_example_runs(example, place, run):
    words = words_of(example)
    parse(words)
    if begins(example, PARSED_ONLY):
        return
    saved = prepared(example, place, run)
    try:
        stops = begins(example, UNTIL_CTRL_C) is not None
        code, output = run(words, stops=stops)
        if begins(example, ONE_SENTENCE) and not stops:
            assert code == 1, output
            assert output.strip().splitlines()[-1].startswith("imurun: ")
        else:
            assert code == 0, output
        assert "Traceback" not in output
    finally:
        if saved is not None:
            (place / "run.parquet").write_bytes(saved)
            (place / "run-steps.parquet").unlink(missing_ok=True)
            Path(place / "run.journal").unlink(missing_ok=True)


NOT_INSTALLED = ("statsmodels",)
"""Packages that a page names as not installed with imurun; snippets with them are only compiled."""
PYTHON = [
    (page, code)
    for page in PAGES
    for code in re.findall(r"```python\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)
]


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=[page for page, _ in PYTHON])
def test_python_snippets_of_pages_run(page, code, place, run, monkeypatch, capsys):
    """Snippets may use `imurun` and `blocks`, samples at their rate."""
    monkeypatch.chdir(place)
    sensor = SensorModel(rate_hz=208.0)
    recording = simulate([Segment("running", 20.0, speed_m_s=3.0)], RunnerModel(), sensor, seed=5).recording
    blocks = zip(np.split(recording.acc[:4000], 40), np.split(recording.gyr[:4000], 40), strict=True)
    program = compile(code, page, "exec")
    if any(name in code for name in NOT_INSTALLED):
        return
    if "results" in code:
        prepared("cohort summary results", place, run)
    exec(program, {"imurun": imurun, "blocks": blocks})
    capsys.readouterr()
