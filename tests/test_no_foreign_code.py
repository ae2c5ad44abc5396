"""Nothing in the package runs what a file, a page or a packet brings: no pickle, no eval, no shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import imurun

PACKAGE = Path(imurun.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "subprocess",
    "pty",
    "code",
}
MODULES |= {"codeop", "runpy", "imp", "xmlrpc", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    "system",
    "popen",
    "read_pickle",
    "to_pickle",
    "execv",
    "execve",
    "spawnl",
    "spawnv",
    "extractall",
    "extract",
}
SHELL = {"shell", "allow_pickle"}
COMPILES_OWN_SOURCES = {"virtual/board.py": "subprocess"}
"""Runs the C compiler on sources of the package."""


def offences(source: str) -> list[str]:
    """What must not be there, each with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module.split(".")[0] in MODULES else []
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in CALLS:
                names = [node.func.id]
            elif isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                names = [node.func.attr]
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "import_module":
                names = [] if all(isinstance(a, ast.Constant) for a in node.args) else ["import_module"]
            names += [word.arg for word in node.keywords if word.arg in SHELL]
        found += [f"{name}, line {node.lineno}" for name in names]  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from subprocess import run",
        "eval('1')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import os\nos.system('ls')",
        "archive.extractall('x')",
        "import importlib\nimportlib.import_module(name)",
        "pd.read_pickle('x')",
    ],
)
def test_the_search_finds_code_execution(source):
    assert offences(source)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_no_module_executes_foreign_code(file):
    allowed = COMPILES_OWN_SOURCES.get(file.relative_to(PACKAGE).as_posix(), "-")
    found = offences(file.read_text(encoding="utf-8"))
    assert [each for each in found if not each.startswith(allowed)] == []
