"""Runs whole programs as processes: wall time, processor time, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imurun.errors import ImurunError

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Ran:
    """Time and memory of one program, with its child processes.

    Attributes:
        wall_s: wall time from start to end.
        cpu_s: processor time, in user and system mode.
        peak_mb: largest resident memory of one of its processes.
        output, errors: its stdout and stderr.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str
    errors: str


def run_program(*words: object, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a program in the checkout's folder and wait for it.

    Raises:
        ImurunError: it failed; the message has the last line of its output.
    """
    texts = [str(word) for word in words]
    with TemporaryDirectory() as name:
        result = Path(name) / "result.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(result), *texts],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **(environment or {})},
            check=False,
        )
        if done.returncode:
            raise ImurunError(f"{texts[0]} could not be started: {done.stderr.strip()}")
        taken = json.loads(result.read_text(encoding="utf-8"))
    code = taken.pop("code")
    if code:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise ImurunError(f"{' '.join(texts)} ended with {code}: {last}")
    return Ran(**taken, output=done.stdout, errors=done.stderr)


def run_imurun(*words: object, environment: Mapping[str, str] | None = None) -> Ran:
    """Command line of `imurun` with these arguments."""
    return run_program(sys.executable, "-m", "imurun", *words, environment=environment)


def run_nothing(environment: Mapping[str, str] | None = None) -> Ran:
    """Command line of the reference: Python without a program."""
    return run_program(sys.executable, "-c", "pass", environment=environment)
