"""Bytes and clocks know no radio: imports of imurun.ble run one way, and none is of bleak."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import imurun.ble

FOLDER = Path(imurun.ble.__file__).parent
LAYERS = [
    {"codec", "control", "clock", "placed"},
    {"profiles"},
    {"timed", "counted", "indexed", "merge", "plausible"},
    {"align", "backfill", "events"},
    {"assembly"},
    {"watch"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(
    path for path in FOLDER.rglob("*.py") if path.relative_to(FOLDER).parts[0].split(".")[0] in LEVEL
)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_imports_run_one_way(path):
    level = LEVEL[path.relative_to(FOLDER).parts[0].removesuffix(".py")]
    for name in imported(path):
        words = name.split(".")
        assert words[0] not in {"bleak", "asyncio", "time", "pathlib", "os"}
        if words[:2] == ["imurun", "ble"] and len(words) > 2:
            assert LEVEL[words[2]] <= level, f"{path} imports {name}"


def test_every_module_is_there():
    assert len(FILES) == sum(len(names) for names in LAYERS) - 1 + len(
        list((FOLDER / "profiles").glob("*.py"))
    )
