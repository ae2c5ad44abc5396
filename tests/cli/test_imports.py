"""Commands that find no steps start without the compiled core: neither numba nor vqf is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.speed.history import START, made_session
from imurun.cli.main import app
from imurun.history import Store

HEAVY = ("numba", "llvmlite", "vqf", "imurun.session", "imurun.engine")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    with Store(folder) as opened:
        opened.add(made_session(np.random.default_rng(0), START), runner="runner", fingerprint="a" * 64)
    return folder


def imported(*words, **environment):
    """Names of the modules that a command imports, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "imurun", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return [line.rsplit("|", 1)[1].strip() for line in lines]


def heavy(names):
    return [name for name in names if any(name == one or name.startswith(one + ".") for one in HEAVY)]


def commands():
    return [command.name or command.callback.__name__ for command in app.registered_commands] + [
        group.name for group in app.registered_groups
    ]


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([name, "--help"] for name in commands())])
def test_help_imports_no_kernel(words):
    assert not heavy(imported(*words))


@pytest.mark.parametrize("words", [[], ["show", "last"], ["compare", "last", "last"], ["trend"]])
def test_past_sessions_are_shown_without_the_kernels(store, words):
    assert not heavy(imported("history", *words, IMURUN_STORE=str(store)))


def test_an_empty_history_the_runner_and_a_simulation_need_none(tmp_path):
    assert not heavy(imported("history", "--store", tmp_path / "none"))
    assert not heavy(imported("runner", "--file", tmp_path / "me.toml", "--name", "Kim"))
    assert not heavy(imported("simulate", tmp_path / "run.csv", "--duration", "5"))


def test_what_needs_them_is_seen(tmp_path):
    names = imported("demo", "--out", tmp_path / "steps.csv")
    assert {"numba", "vqf"} <= set(heavy(names))
