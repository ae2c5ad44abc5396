"""Python environments of the peers: created once, and kept while the requirements are the same."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.peers.contenders import requirements_of
from imurun.errors import SettingsError
from imurun.files.atomic import atomic_path

MARK = "requirements-installed.txt"
"""File in a complete environment, with its requirements."""

Run = Callable[[Sequence[str]], None]


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def ready_environment(name: str, folder: Path, *, fresh: bool = False, run: Run | None = None) -> Path:
    """The interpreter of the environment `name` below `folder`, which is created if it does not exist.

    Args:
        name: of the environment; `requirements_of` gives its packages.
        folder: of all environments.
        fresh: create it again.
        run: runs a command, and raises `SettingsError` if it fails; replaced in tests.

    Raises:
        SettingsError: it could not be created.
        OSError: the folder cannot be written.
    """
    run = _run if run is None else run
    place = folder / name
    wanted = f"# Python {platform.python_version()}, {sys.platform}\n{requirements_of(name)}"
    if not fresh and _mark(place) == wanted and python_of(place).exists():
        return python_of(place)
    if place.is_symlink() or (place.exists() and not (place / "pyvenv.cfg").exists()):
        raise SettingsError(
            f"{place} is there and is no Python environment; move it, or choose another --environments."
        )
    shutil.rmtree(place, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(place)])
    asked = place / "requirements-asked.txt"
    asked.write_text(wanted, encoding="utf-8")
    python = str(python_of(place))
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(asked)])
    with atomic_path(place / MARK) as aside:
        aside.write_text(wanted, encoding="utf-8")
    return python_of(place)


def last_words(text: str) -> str:
    """The most informative line in the output of a failed program: its last error, or its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it printed nothing"])[-1].rstrip(".")


def _mark(place: Path) -> str | None:
    try:
        return (place / MARK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _run(words: Sequence[str]) -> None:
    try:
        subprocess.run(words, check=True, capture_output=True, text=True, errors="replace")
    except subprocess.CalledProcessError as error:
        raise SettingsError(last_words(error.stderr or error.stdout)) from error
    except OSError as error:
        raise SettingsError(str(error)) from error
