"""Cost of one recording of a cohort, new or finished, as the units for extrapolation."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.cohort import RECORDING_S, write_cohort
from benchmarks.speed.measure import Figure
from benchmarks.speed.processes import Ran, run_imurun
from imurun.cli.cohort import run_cohort
from imurun.cohort.folder import LEDGER, SESSIONS, STEPS
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.names import key_of, partition
from imurun.cohort.settings import make_settings

FEW, MANY = 6, 30
"""Numbers of recordings; the difference of the two cohorts is the cost without the start."""
DONE_FEW, DONE_MANY = 500, 5000
SESSIONS_A_RUNNER = 50
"""Number of sessions of a runner, which are one table and in memory at once."""


def measure_scale(*, quick: bool) -> list[Figure]:
    """Processor time of worker and command, bytes on the disk, and the cost of a rerun."""
    seconds, repeats = (300.0, 1) if quick else (RECORDING_S, 3)
    few, many = (2, 6) if quick else (FEW, MANY)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_cohort(folder / "few", few, seconds)
        write_cohort(folder / "many", many, seconds)
        _spend(folder / "few", folder / "warm")  # imports
        spent = [
            (_spend(folder / "few", folder / f"few-{k}"), _spend(folder / "many", folder / f"many-{k}"))
            for k in range(repeats)
        ]
        figures = _costs(spent, few, many, seconds)
        figures += _sizes(folder / "many", folder / "many-0", many, seconds)
        figures += _reruns(folder, repeats, quick=quick)
    return figures


def _costs(
    spent: list[tuple[tuple[float, float], tuple[float, float]]], few: int, many: int, seconds: float
) -> list[Figure]:
    own_s, workers_s = np.array(spent).transpose(2, 0, 1)  # by process, repeat, cohort
    more = many - few
    a_recording_s = (workers_s[:, 1] - workers_s[:, 0]) / more
    own_ms = 1000.0 * (own_s[:, 1] - own_s[:, 0]) / more
    start_s = workers_s[:, 0] - few * a_recording_s
    return [
        Figure("scale", "a worker, for an hour", "s", _values(a_recording_s * 3600.0 / seconds), ()),
        Figure("scale", "a worker, to start", "s", _values(start_s), ()),
        Figure("scale", "the command, for a recording", "ms", _values(own_ms), ()),
    ]


def _spend(recordings: Path, out: Path) -> tuple[float, float]:
    """Processor time of this process and of its one worker."""
    before = os.times()
    with contextlib.redirect_stdout(io.StringIO()):
        run_cohort([str(recordings)], [], out, make_settings(), workers=1)
    after = os.times()
    own_s = after.user + after.system - before.user - before.system
    return own_s, after.children_user + after.children_system - before.children_user - before.children_system


def _sizes(recordings: Path, out: Path, n: int, seconds: float) -> list[Figure]:
    hours = n * seconds / 3600.0
    parts = {
        "recordings, for an hour": (_bytes_in(recordings), hours),
        "steps, for an hour": (_bytes_in(out / STEPS), hours),
        "ledger, for a recording": ((out / LEDGER).stat().st_size, n),
        "sessions, for a recording": (_bytes_in(out / SESSIONS), n),
    }
    return [Figure("scale", name, "kB", (size / each / 1e3,), ()) for name, (size, each) in parts.items()]


def _reruns(folder: Path, repeats: int, *, quick: bool) -> list[Figure]:
    """Cost of finished recordings: a rerun without new ones, and a summary."""
    few, many = (50, 200) if quick else (DONE_FEW, DONE_MANY)
    for name, n in (("done-few", few), ("done-many", many)):
        _copy_often(folder / "many-0", folder / name, n)

    def marginal(command: str) -> tuple[np.ndarray, np.ndarray]:
        ran = [[_again(command, folder / name) for name in ("done-few", "done-many")] for _ in range(repeats)]
        cpu_s = np.array([[one.cpu_s for one in some] for some in ran])
        peak_mb = np.array([[one.peak_mb for one in some] for some in ran])
        more = many - few
        return 1e3 * (cpu_s[:, 1] - cpu_s[:, 0]) / more, 1e3 * (peak_mb[:, 1] - peak_mb[:, 0]) / more

    figures: list[Figure] = []
    for command, name in (
        ("run", "rerun, for a recording that is done"),
        ("summary", "summary, for a session"),
    ):
        ms, kb = marginal(command)
        figures.append(Figure("scale", name, "ms", _values(ms), ()))
        figures.append(Figure("scale", f"{name}: memory", "kB", _values(kb), ()))
    return figures


def _again(command: str, folder: Path) -> Ran:
    if command == "summary":
        return run_imurun("cohort", "summary", folder / "out", "--out", folder / "summary")
    return run_imurun("cohort", folder / "recordings", "--out", folder / "out", "--workers", 1)


def _copy_often(out: Path, target: Path, n: int) -> None:
    """A cohort of n finished recordings, as links to those of another one under other names."""
    (target / "recordings").mkdir(parents=True)
    (target / "out").mkdir()
    os.link(out / "cohort.json", target / "out" / "cohort.json")
    ledger = Ledger(out / LEDGER)
    entries = list(ledger.entries.values())
    lines: list[bytes] = []
    for k in range(n):
        entry = entries[k % len(entries)]
        runner = f"runner{k // SESSIONS_A_RUNNER:05}"
        link = target / "recordings" / runner / f"run-{k:06}.parquet"
        link.parent.mkdir(exist_ok=True)
        os.link(entry.address, link)
        copy = _renamed(entry, link, runner, k)
        steps = target / "out" / STEPS / partition(runner) / f"{copy.key}.parquet"
        steps.parent.mkdir(parents=True, exist_ok=True)
        os.link(next((out / STEPS).glob(f"*/{entry.key}.parquet")), steps)
        content = copy.__dict__ | {"stamp": copy.stamp.__dict__, "summary": ledger.summary(entry.key)}
        lines.append(json.dumps(content, default=dict).encode() + b"\n")
    ledger.close()
    (target / "out" / LEDGER).write_bytes(b"".join(lines))


def _renamed(entry: Entry, link: Path, runner: str, k: int) -> Entry:
    address = str(link)
    other = f"{k:064x}"
    return replace(
        entry,
        key=key_of(address),
        address=address,
        content=other,
        fingerprint=other,
        runner=runner,
        session=link.stem,
    )


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _values(values: np.ndarray) -> tuple[float, ...]:
    return tuple(values.tolist())
