"""Time and memory of the analysis by length of the recording, from a minute to a day at 200 Hz."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.processes import run_imurun
from imurun.io import write_recording
from imurun.sim.presets import steady_run

RATE_HZ = 200.0
SEGMENT_S = 600.0
"""Length of the simulated run; longer recordings repeat it."""
GROUP = 1_048_576
"""Rows in a row group, the default of pyarrow."""
SHORTEST_H = 1.0 / 60.0
LENGTHS_H = (SHORTEST_H, 1.0 / 6.0, 1.0, 6.0, 24.0)
QUICK_H = (SHORTEST_H, 1.0 / 12.0, 1.0 / 6.0, 0.5)
TIME_TARGET_PERCENT = 10.0
MEMORY_TARGET_MB = 700.0
TIME = "time_s"


def measure_growth(*, quick: bool) -> list[Figure]:
    """`imurun analyze` of Parquet files of each length, each in its own process.

    The shortest gives the cost of the start. Two figures show whether time is linear: the cost of a recorded
    hour at each length without the start; and the longest compared with the straight line through all shorter
    ones (least squares) in the same repeat.
    """
    lengths, repeats = (QUICK_H, 2) if quick else (LENGTHS_H, 5)
    with TemporaryDirectory() as name:
        paths = write_lengths(Path(name), lengths)
        run_imurun("analyze", paths[0])  # warm-up, without the longest
        ran = in_turn([lambda path=path: run_imurun("analyze", path) for path in paths], repeats, warm=False)
    cpu_s = np.array([[one.cpu_s for one in some] for some in ran])
    peak_mb = [tuple(one.peak_mb for one in some) for some in ran]
    names = [_length(hours) for hours in lengths]
    start = tuple(cpu_s[0].tolist())
    figures = [
        Figure("growth", name, "s of processor time", tuple(row.tolist()), start)
        for name, row in zip(names, cpu_s, strict=True)
    ]
    for name, hours, row in zip(names[1:], lengths[1:], cpu_s[1:], strict=True):
        cost = (row - cpu_s[0]) / (hours - lengths[0])
        figures.append(
            Figure("growth", name, "s of processor time a recorded hour", tuple(cost.tolist()), ())
        )
    beyond = tuple(beyond_line_percent(lengths, taken) for taken in cpu_s.T)
    unit = "percent more than linear"
    figures.append(Figure("growth", f"{names[-1]} from the shorter", unit, beyond, (), TIME_TARGET_PERCENT))
    for name, values in zip(names, peak_mb, strict=True):
        target = MEMORY_TARGET_MB if name == names[-1] else None
        figures.append(Figure("growth", name, "MB at most", values, (), target))
    return figures


def beyond_line_percent(lengths: tuple[float, ...], taken: np.ndarray) -> float:
    """Excess of the longest over the prediction of a straight line through the others, percent."""
    slope, start = np.polyfit(lengths[:-1], taken[:-1], 1)
    return float(100.0 * (taken[-1] / (start + slope * lengths[-1]) - 1.0))


def write_lengths(folder: Path, lengths: tuple[float, ...]) -> list[Path]:
    """A recording of each length in hours, all of the same simulated running."""
    segment = folder / "segment.parquet"
    write_recording(steady_run(SEGMENT_S, rate_hz=RATE_HZ).recording, segment)
    table = pq.read_table(segment)
    paths = [folder / f"{_length(hours).replace(' ', '-')}.parquet" for hours in lengths]
    for path, hours in zip(paths, lengths, strict=True):
        write_repeated(table, path, round(hours * 3600.0 * RATE_HZ))
    return paths


def write_repeated(table: pa.Table, path: Path, n: int) -> None:
    """Write n rows that repeat a recording, without holding all of them in memory."""
    times = table.column_names.index(TIME)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for first in range(0, n, GROUP):
            rows = np.arange(first, min(first + GROUP, n))
            some = table.take(pa.array(rows % len(table)))
            writer.write_table(some.set_column(times, table.schema.field(times), pa.array(rows / RATE_HZ)))


def _length(hours: float) -> str:
    return f"{hours:g} h" if hours >= 1 else f"{60.0 * hours:g} min"
