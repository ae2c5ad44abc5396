"""A short synthetic run, and a function that writes it as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest


class Run(NamedTuple):
    """Six seconds similar to running: time in s, acceleration in g, angular rate in rad/s."""

    time_s: np.ndarray
    acc_g: np.ndarray
    gyr: np.ndarray
    rate_hz: float


def make_run(rate_hz: float = 100.0, duration_s: float = 6.0) -> Run:
    n = round(rate_hz * duration_s)
    time_s = np.arange(n) / rate_hz
    phase = 2 * np.pi * 2.7 * time_s
    acc = np.column_stack([0.3 * np.sin(phase), 0.2 * np.cos(phase / 2), 1 + 1.1 * np.cos(phase)])
    gyr = np.column_stack([1.5 * np.sin(phase / 2), 1.2 * np.cos(phase), 2.0 * np.sin(phase / 2 + 0.3)])
    return Run(time_s, acc, gyr, rate_hz)


@pytest.fixture(scope="session")
def run() -> Run:
    return make_run()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_text(
        names: Sequence[str],
        columns: Sequence[np.ndarray] | np.ndarray,
        *,
        name: str = "run.csv",
        delimiter: str = ",",
        before: str = "",
        form: str = "{:.9g}",
        end: str = "\n",
        encoding: str = "utf-8",
        decimal: str = ".",
        below: str = "",
    ) -> Path:
        rows = [
            delimiter.join(form.format(v).replace(".", decimal) for v in row)
            for row in np.column_stack(columns)
        ]
        text = before + delimiter.join(names) + "\n" + below + "\n".join(rows) + "\n"
        path = tmp_path / name
        path.write_bytes(text.replace("\n", end).encode(encoding))
        return path

    return write_text
