"""Compiled entries are kept on disk, and renewed when any kernel they call has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from core_helpers import SLOW

from imurun.core import jit
from imurun.core.orientation import tilt_from_mean
from imurun.core.stepper import advance, is_compiled

needs_compiler = pytest.mark.skipif(SLOW, reason="nothing is compiled or kept")
INNER = "from folder.jit import kernel\n\n@kernel\ndef inner(x):\n    return x + {number}\n"
OUTER = """\
from folder.inner import inner
from folder.jit import entry

@entry
def outer(x):
    return inner(x)
"""
ASK = "from folder.outer import outer; from folder.jit import is_kept; print(is_kept(outer), outer(1))"


@needs_compiler
@pytest.mark.parametrize("dispatcher", [advance, tilt_from_mean])
def test_entries_carry_the_fingerprint(dispatcher):
    stamp = dispatcher._cache._cache_file._source_stamp
    assert stamp[1] == jit._fingerprint()
    assert dispatcher.targetoptions.get("nogil")
    assert not dispatcher.targetoptions.get("fastmath")


def test_fingerprint_changes_with_any_file(tmp_path, monkeypatch):
    (tmp_path / "core").mkdir()
    for name in ("frames.py", "columns.py", "core/jit.py", "core/a.py", "core/b.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "core" / "jit.py"))
    seen = [jit._fingerprint()]
    assert jit._fingerprint() == seen[0]
    for name in ("core/jit.py", "core/b.py", "frames.py"):
        (tmp_path / name).write_text("# changed\n")
        seen.append(jit._fingerprint())
    assert len(set(seen)) == 4


@needs_compiler
def test_editing_an_inner_kernel_renews_the_entry(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(jit.__file__, folder / "jit.py")
    for file in (folder / "__init__.py", tmp_path / "frames.py", tmp_path / "columns.py"):
        file.touch()
    (folder / "outer.py").write_text(OUTER)
    answers = []
    for number in (10, 10, 20):
        (folder / "inner.py").write_text(INNER.format(number=number))
        answers.append(ask(tmp_path))
    assert answers == ["False 11", "True 11", "False 21"]


def ask(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "kept")}
    command = [sys.executable, "-B", "-c", ASK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.strip()


def test_without_a_compiler_all_is_ready():
    def plain(x):
        return x

    assert jit.is_kept(plain)
    assert isinstance(is_compiled(), bool)
