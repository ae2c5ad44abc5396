"""What the commands import: no numba or vqf unless they detect steps, no package of an extra at start-up."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.speed.history import START, made_session
from imurun.cli.main import app
from imurun.history import Store

EXTRAS = (
    "bleak",
    "tornado",
    "bokeh",
    "segno",
    "jinja2",
    "fit_tool",
    "fitdecode",
    "dask",
    "distributed",
    "pylsl",
    "bumble",
)
"""Packages that extras install."""
HEAVY = ("numba", "llvmlite", "vqf", "imurun.session", "imurun.engine")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    with Store(folder) as opened:
        opened.add(made_session(np.random.default_rng(0), START), runner="runner", fingerprint="a" * 64)
    return folder


def imported(*words, **environment):
    """Names of the modules that a command imports, in a new process."""
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
def test_help_imports_no_compiled_core(words):
    assert not heavy(imported(*words))


@pytest.mark.parametrize("words", [[], ["show", "last"], ["compare", "last", "last"], ["trend"]])
def test_history_commands_import_no_compiled_core(store, words):
    assert not heavy(imported("history", *words, IMURUN_STORE=str(store)))


def test_runner_simulate_and_an_empty_history_import_no_compiled_core(tmp_path):
    assert not heavy(imported("history", "--store", tmp_path / "none"))
    assert not heavy(imported("runner", "--file", tmp_path / "me.toml", "--name", "Kim"))
    assert not heavy(imported("simulate", tmp_path / "run.csv", "--duration", "5"))


def test_demo_imports_the_compiled_core(tmp_path):
    names = imported("demo", "--out", tmp_path / "steps.csv")
    assert {"numba", "vqf"} <= set(heavy(names))


def test_command_modules_need_no_extra():
    code = f"""
import pkgutil, sys
from importlib import import_module
sys.modules.update(dict.fromkeys({EXTRAS}))  # importing one of them raises ImportError
import imurun.cli
names = [module.name for module in pkgutil.iter_modules(imurun.cli.__path__, "imurun.cli.")]
for name in names:
    import_module(name)
print(len(names))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    assert int(done.stdout) > 20
