"""A few kills of every command, the same each time; `python -m tests.kills` makes many."""

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
def test_nothing_is_lost_by_a_kill(name, warm, tmp_path):
    if missing(name):
        pytest.skip(missing(name))
    tally = kill_often(COMMANDS[name](tmp_path, warm), KILLS)
    assert not tally.unreadable
    assert not tally.faults
    assert tally.completed == KILLS
