"""The same run through files with the units and time stamps of sensors."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import imurun
from imurun.io import write_recording
from imurun.model.frames import G
from tests.metamorphic.metamorphic_helpers import analysed, differing

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

LONGEST_S = 120.0
"""As much of a run is written as text."""
ACC = {"g": G, "m/s2": 1.0, "mg": G / 1000.0}
GYR = {"deg/s": np.pi / 180.0, "rad/s": 1.0, "mdeg/s": np.pi / 180_000.0}
TIME = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def write_text(recording, path, acc_unit, gyr_unit, time_unit):
    """The recording as a table of text that says its units; missing samples are rows left out."""
    columns = {f"time [{time_unit}]": recording.time_s / TIME[time_unit]}
    for name, values, unit, size in (
        ("acc", recording.acc, acc_unit, ACC[acc_unit]),
        ("gyr", recording.gyr, gyr_unit, GYR[gyr_unit]),
    ):
        if values is not None:
            columns |= {f"{name}_{axis} [{unit}]": values[:, i] / size for i, axis in enumerate("xyz")}
    table = np.column_stack(list(columns.values()))
    table = table[np.isfinite(table).all(axis=1)]
    with path.open("w") as file:
        file.write(",".join(columns) + "\n")
        np.savetxt(file, table, fmt="%.15g", delimiter=",")
    return path


@pytest.mark.parametrize(
    ("acc_unit", "gyr_unit", "time_unit"),
    [("g", "deg/s", "ms"), ("m/s2", "rad/s", "us"), ("mg", "mdeg/s", "s"), ("g", "rad/s", "us")],
)
def test_units_do_not_matter(runs, tmp_path, acc_unit, gyr_unit, time_unit):
    run = runs[0]
    recording = part_of(run.recording)
    path = write_text(recording, tmp_path / "run.csv", acc_unit, gyr_unit, time_unit)
    again = imurun.read(path)
    assert len(again) == len(recording)
    assert again.rate_hz == pytest.approx(recording.rate_hz, rel=1e-9)
    assert again.gaps == recording.gaps
    # the scale at which samples count as clipped is not in such a file
    clipped = ("quality", "doubt_clipping")
    assert not differing(analysed(recording)[0], analysed(again)[0], clipped, rtol=1e-7, atol=1e-6)


def test_parquet_of_imurun_gives_the_same_bytes(runs, tmp_path):
    for run in runs[:4]:
        path = tmp_path / f"{run.name}.parquet"
        write_recording(run.recording, path)
        assert analysed(imurun.read(path))[0].tobytes() == analysed(run.recording)[0].tobytes(), run.name


def part_of(recording):
    """Its first two minutes, begun at a sample that is there."""
    n = int(LONGEST_S * recording.rate_hz)
    gyr = None if recording.gyr is None else recording.gyr[:n]
    return imurun.Recording(recording.acc[:n], gyr, rate_hz=recording.rate_hz)
