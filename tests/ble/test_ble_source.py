"""Imports of imurun.ble run in one direction, and only scanning and connecting need bleak."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import imurun.ble

FOLDER = Path(imurun.ble.__file__).parent
LAYERS = [
    {"codec", "control"},
    {"devices"},
    {"backfill"},
    {"decoding"},
    {"events"},
]
"""Modules of bytes and rules: they need no radio, files, clock or event loop."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(
    path for path in FOLDER.rglob("*.py") if path.relative_to(FOLDER).parts[0].removesuffix(".py") in LEVEL
)

WITHOUT_BLEAK = """
import sys
sys.modules["bleak"] = None
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import imurun.ble
for module in walk_packages(imurun.ble.__path__, "imurun.ble."):
    import_module(module.name)
"""

READ_AND_REPLAY = """
from datetime import UTC, datetime

from imurun.ble.connection import notifying
from imurun.ble.decoding import USUAL
from imurun.ble.devices import DRIVERS
from imurun.ble.journal import JournalWriter, open_journal
from imurun.ble.journal_replay import Replay, journal_header

driver = DRIVERS["imurun"]
header = journal_header(driver, USUAL, name="a", address="b", start=datetime.now(UTC), clock_s=0.0)
with JournalWriter(sys.argv[1], header, notifying(driver)) as journal:
    journal.notification(0.0, driver.data_characteristic, bytes(4))
replay = Replay(open_journal(sys.argv[1]))
assert list(replay.items()) == []
print(replay.stream_decoder.decoder.rejects.total())
"""

SCAN = """
import asyncio

from imurun.ble.scan import scan
from imurun.errors import MissingExtraError
try:
    asyncio.run(scan(0.1))
except MissingExtraError as error:
    print(error)
"""


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def output_of(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BLEAK + code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_layer_imports_a_later_one(path):
    level = LEVEL[path.relative_to(FOLDER).parts[0].removesuffix(".py")]
    for name in imported(path):
        words = name.split(".")
        assert words[0] not in {"bleak", "asyncio", "time", "pathlib", "os"}
        if words[:2] == ["imurun", "ble"] and len(words) > 2:
            assert LEVEL[words[2]] <= level, f"{path} imports {name}"


def test_every_layer_has_its_modules():
    n_devices = len(list((FOLDER / "devices").glob("*.py")))
    assert n_devices > 5
    assert len(FILES) == sum(len(names) for names in LAYERS) - 1 + n_devices


def test_reassembly_does_not_import_ble():
    files = sorted((FOLDER.parent / "reassembly").glob("*.py"))
    assert len(files) > 5
    assert not [path.name for path in files for name in imported(path) if name.startswith("imurun.ble")]


def test_a_journal_is_written_and_replayed_without_bleak(tmp_path):
    assert output_of(READ_AND_REPLAY, str(tmp_path / "a.journal")) == "1\n"


def test_a_scan_without_bleak_names_the_extra():
    assert output_of(SCAN) == (
        "Bluetooth needs the extra 'ble': in imurun's checkout, "
        "run .venv/bin/python -m pip install -e '.[ble]'.\n"
    )
