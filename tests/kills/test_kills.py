"""Kills every command a few times, always at the same points; `python -m tests.kills` makes more kills."""

from __future__ import annotations

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("needs fork and SIGKILL", allow_module_level=True)

from tests.kills.commands import COMMANDS, missing
from tests.kills.harness import kill_often
from tests.kills.warm import Warm

KILLS = 2


@pytest.fixture(scope="module")
def warm():
    with Warm() as process:
        yield process


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_leaves_readable_files_and_can_be_run_again(name, warm, tmp_path):
    if missing(name):
        pytest.skip(missing(name))
    tally = kill_often(COMMANDS[name](tmp_path, warm), KILLS)
    assert not tally.unreadable
    assert not tally.faults
    assert tally.completed == KILLS
