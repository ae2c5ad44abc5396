"""Time of the pipeline for one hour, in total and by stage, relative to VQF alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from vqf import VQF

from benchmarks.speed.hour import HOUR_S, eventful_hour, steady_hour
from benchmarks.speed.measure import Figure, cpu_s, in_turn
from imurun.cli.compile_core import warm_up
from imurun.core.alignment import Mounting
from imurun.core.orientation import Orientation
from imurun.core.stepper import Stepper, StepperSettings
from imurun.engine import BLOCK_S, RunAnalyzer
from imurun.export import write_steps
from imurun.io import read, write_recording
from imurun.model.frames import FloatArray
from imurun.model.recording import Recording
from imurun.session import analyze

UNIT = "ms of a core"
TARGET = 2.0
"""Arrays to steps, as a multiple of VQF alone."""
COMMENT_LINES = 200
Work = Callable[[], object]


def measure_pipeline(*, quick: bool) -> list[Figure]:
    """Arrays to steps, its stages, reading and writing, for an hour of running and a mixed hour."""
    seconds, repeats = (300.0, 3) if quick else (HOUR_S, 9)
    warm_up()
    figures: list[Figure] = []
    hours = {"steady": steady_hour(seconds), "eventful": eventful_hour(seconds)}
    for name, recording in hours.items():
        figures += _stages(name, recording, repeats)
    figures += _files(hours["steady"], repeats)
    return figures


def _stages(name: str, recording: Recording, repeats: int) -> list[Figure]:
    """Each stage alone, without gaps; VQF alone is measured once in each repeat, before them.

    The cost of the alignment search is the difference between the two pushes up to the end of the search.
    """
    session = analyze(recording)
    assert session.mounting is not None
    assert recording.gyr is not None
    there = np.isfinite(recording.acc[:, 0])
    acc, gyr = recording.acc[there].copy(), recording.gyr[there].copy()
    rate_hz, mounting = recording.rate_hz, session.mounting
    quats = Orientation(rate_hz, True, acc[0], acc[0]).push(acc, gyr)
    until_found = round(mounting.decided_s * rate_hz) + 1
    works: dict[str, Work] = {
        "VQF alone": lambda: VQF(1.0 / rate_hz).updateBatch(gyr, acc),
        "arrays to steps": lambda: push_all(recording),
        "orientation": lambda: _orient(acc, gyr, rate_hz),
        "stepper": lambda: _step(acc, quats, rate_hz, mounting),
        "alignment search": lambda: push_all(recording, stop=until_found),
        "same samples, mounting given": lambda: push_all(recording, mounting, stop=until_found),
        "analyze, whole": lambda: analyze(recording),
    }
    taken = _taken(works, repeats)
    alone = taken.pop("VQF alone")
    whole = np.divide(taken["arrays to steps"], alone)
    figures = [
        Figure("pipeline", f"{name}: arrays to steps", "times VQF alone", tuple(whole.tolist()), (), TARGET),
        Figure("pipeline", f"{name}: VQF alone", UNIT, alone, ()),
    ]
    figures += [Figure("pipeline", f"{name}: {stage}", UNIT, s, alone) for stage, s in taken.items()]
    return figures


def push_all(
    recording: Recording, mounting: Mounting | None = None, *, stop: int | None = None
) -> RunAnalyzer:
    """Push the samples up to `stop` in blocks as long as those of `imurun.analyze`."""
    analyzer = RunAnalyzer(
        recording.rate_hz,
        mounting="find" if mounting is None else mounting,
        has_gyro=recording.gyr is not None,
        acc_range_g=recording.acc_range_g,
    )
    n = len(recording) if stop is None else min(stop, len(recording))
    n_block = round(BLOCK_S * recording.rate_hz)
    for first in range(0, n, n_block):
        rows = slice(first, min(first + n_block, n))
        analyzer.push_arrays(recording.acc[rows], None if recording.gyr is None else recording.gyr[rows])
    analyzer.finish_arrays()
    return analyzer


def _orient(acc: FloatArray, gyr: FloatArray, rate_hz: float) -> None:
    orientation = Orientation(rate_hz, True, acc[0], acc[0])
    n_block = round(BLOCK_S * rate_hz)
    for first in range(0, len(acc), n_block):
        orientation.push(acc[first : first + n_block], gyr[first : first + n_block])


def _step(acc: FloatArray, quats: FloatArray, rate_hz: float, mounting: Mounting) -> None:
    stepper = Stepper(StepperSettings(rate_hz), mounting)
    n_steps = 0
    n_block = round(BLOCK_S * rate_hz)
    for first in range(0, len(acc), n_block):
        n_steps += len(stepper.push(acc[first : first + n_block], quats[first : first + n_block])[0])
    assert n_steps


def _files(recording: Recording, repeats: int) -> list[Figure]:
    """Reading a recording and writing its steps, compared with pyarrow and pandas alone."""
    session = analyze(recording)
    with TemporaryDirectory() as name:
        folder = Path(name)
        parquet, csv = folder / "hour.parquet", folder / "hour.csv"
        for path in (parquet, csv):
            write_recording(recording, path)
        pairs: dict[str, tuple[Work, Work]] = {
            "read Parquet": (lambda: _bare_parquet(parquet), lambda: read(parquet)),
            "read CSV": (lambda: _bare_csv(csv), lambda: read(csv)),
            "write steps as Parquet": (
                lambda: session.steps.to_parquet(folder / "bare.parquet"),
                lambda: write_steps(session.steps, folder / "steps.parquet"),
            ),
            "write steps as CSV": (
                lambda: session.steps.to_csv(folder / "bare.csv", index=False),
                lambda: write_steps(session.steps, folder / "steps.csv"),
            ),
        }
        figures = []
        for what, (bare, own) in pairs.items():
            taken = _taken({"bare": bare, "own": own}, repeats)
            figures.append(Figure("pipeline", what, UNIT, taken["own"], taken["bare"]))
    return figures


def _bare_parquet(path: Path) -> list[FloatArray]:
    return [column.to_numpy() for column in pq.read_table(path).columns]


def _bare_csv(path: Path) -> list[FloatArray]:
    with path.open("rb") as stream:
        n_comments = next(k for k in range(COMMENT_LINES) if not stream.readline().startswith(b"#"))
    table: pa.Table = pacsv.read_csv(path, read_options=pacsv.ReadOptions(skip_rows=n_comments))
    return [column.to_numpy() for column in table.columns]


def _taken(works: Mapping[str, Work], repeats: int) -> dict[str, tuple[float, ...]]:
    """CPU milliseconds of each function in each repeat."""
    timed = [lambda work=work: 1e3 * cpu_s(work) for work in works.values()]
    return dict(zip(works, in_turn(timed, repeats), strict=True))
