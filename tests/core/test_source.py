"""Rules about the source itself: no fastmath, one way to compile, imports in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import imurun

PACKAGE = Path(imurun.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
CORE = sorted((PACKAGE / "core").glob("*.py"))
BELOW_SESSION = [PACKAGE / "errors.py", PACKAGE / "engine.py", *sorted((PACKAGE / "model").glob("*.py"))]

LAYERS = [
    {"_version", "errors", "terminal_text"},
    {"model", "files"},
    {"plot_style"},
    {"core"},
    {"engine"},
    {"session", "summary", "methods", "vgrf"},
    {"reassembly"},
    {"ble"},
    {"io"},
    {"history", "export"},
    {"watch"},
    {"live", "report", "cohort", "virtual"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
NOT_IN_CORE = {"pandas", "asyncio", "time", "datetime", "pathlib", "os", "io", "random", "scipy"}
NOT_BELOW_SESSION = {"pandas", "asyncio", "time", "pathlib", "os", "io", "pyarrow"}


def relative(path):
    return path.relative_to(PACKAGE).as_posix()


def imported(path):
    """Full names of all modules that a file imports, outside `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: imports are absolute"
            if node.module == "imurun":
                yield from (f"imurun.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def part_of(name):
    """Which part of the package a module belongs to; "" for another package."""
    words = name.split(".")
    return words[1] if words[0] == "imurun" and len(words) > 1 else ""


def test_the_source_search_finds_imports():
    assert "imurun.core.jit" in imported(PACKAGE / "core" / "stepper.py")
    assert len(CORE) > 15


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_package_imports_a_later_one(path):
    part = Path(relative(path)).parts[0].removesuffix(".py")
    if part not in LEVEL:
        assert part in ("__init__", "__main__", "sim")  # the public face, and the simulator beside it all
        return
    for name in imported(path):
        other = part_of(name)
        if other in LEVEL and other != part:
            assert LEVEL[other] <= LEVEL[part], f"{relative(path)} imports {name}"
        assert not (other == "sim" and LEVEL[part] < LEVEL["cli"]), f"{relative(path)} imports {name}"


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_core_imports_no_tables_files_or_clocks(path):
    allowed = {"pathlib"} if path.name == "jit.py" else set()
    found = {name.split(".")[0] for name in imported(path)} & NOT_IN_CORE
    assert found <= allowed


@pytest.mark.parametrize("path", BELOW_SESSION, ids=relative)
def test_nothing_below_session_imports_tables_files_or_clocks(path):
    assert not {module.split(".")[0] for module in imported(path)} & NOT_BELOW_SESSION


def decorators(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield from (ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_kernels_are_compiled_in_one_way(path):
    names = set(imported(path))
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not any(keyword.arg == "fastmath" for call in calls for keyword in call.keywords)
    if path.name != "jit.py":
        assert not any(name.split(".")[0] == "numba" for name in names)
        assert not any("njit" in decorator for decorator in decorators(path))


def test_there_are_kernels_and_few_entries():
    used = [decorator for path in CORE for decorator in decorators(path)]
    assert used.count("kernel") > 40
    assert sum(decorator.startswith("entry(") for decorator in used) == 3


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_kernels_call_no_entries(path):
    """An entry within an entry would be kept twice, and one of them could be old."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
            called = {function.id for function in calls if isinstance(function, ast.Name)}
            if {"kernel", "entry"} & {ast.unparse(each).split("(")[0] for each in node.decorator_list}:
                assert not called & {"advance", "begin", "tilt_from_mean"}
