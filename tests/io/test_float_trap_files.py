"""Extreme numbers in files are read as missing samples or refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.errors import ImurunError
from imurun.io import read
from imurun.model.gaps import LARGEST_ACC_M_S2, LARGEST_GYR_RAD_S

NAMES = ["time [s]", "acc_x [g]", "acc_y [g]", "acc_z [g]", "gyr_x [rad/s]", "gyr_y [rad/s]", "gyr_z [rad/s]"]
MISSING = [
    "nan",
    "NaN",
    "-nan",
    "inf",
    "-inf",
    "Infinity",
    "1e400",
    "-1e400",
    "1e30",
    "1.7e308",
    "-1e13",
    "",
    "1e5",
]
NOTHING = ["-0", "-0.0", "5e-324", "-4.9e-324", "2.2250738585072014e-308", "1e-400", "0e0", "1e-310"]
PAYLOADS = (0x7FF8DEADBEEF0001, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFF4000000000000)
ROW, COLUMN = 200, 2


def text_with(run, cells):
    """The run as a table of text, with other cells in some places."""
    table = np.column_stack([run.time_s, run.acc_g, run.gyr])
    rows = [[f"{value:.9g}" for value in row] for row in table]
    for (row, column), cell in cells.items():
        rows[row][column] = cell
    return ",".join(NAMES) + "\n" + "\n".join(map(",".join, rows)) + "\n"


@pytest.mark.parametrize("cell", MISSING)
def test_a_cell_that_is_not_a_possible_value_is_a_missing_sample(run, tmp_path, cell):
    path = tmp_path / "run.csv"
    path.write_text(text_with(run, {}))
    whole = read(path)
    path.write_text(text_with(run, {(row, COLUMN): cell for row in range(ROW, ROW + 30)}))
    recording = read(path)
    assert recording.gaps == ((ROW, ROW + 30),)
    known = ~np.isnan(recording.acc[:, 0])
    np.testing.assert_array_equal(recording.acc[known], whole.acc[known])
    np.testing.assert_array_equal(recording.gyr[known], whole.gyr[known])


@pytest.mark.parametrize("cell", NOTHING)
def test_a_tiny_number_is_read_as_about_zero(run, tmp_path, cell):
    path = tmp_path / "run.csv"
    path.write_text(text_with(run, {(row, COLUMN): cell for row in range(ROW, ROW + 30)}))
    recording = read(path)
    assert recording.gaps == ()
    assert np.abs(recording.acc[ROW : ROW + 30, COLUMN - 1]).max() < 1e-300


@pytest.mark.parametrize("payload", PAYLOADS)
def test_any_nan_in_parquet_is_a_missing_sample(run, tmp_path, payload):
    acc = run.acc_g.copy()
    acc.view(np.uint64)[ROW : ROW + 30, 0] = payload
    columns = [run.time_s, *acc.T, *run.gyr.T]
    path = tmp_path / "run.parquet"
    pq.write_table(pa.table(dict(zip(NAMES, map(np.ascontiguousarray, columns), strict=True))), path)
    assert read(path).gaps == ((ROW, ROW + 30),)


@settings(max_examples=60)
@given(
    cells=st.dictionaries(
        st.tuples(st.integers(0, 599), st.integers(0, 6)), st.sampled_from([*MISSING, *NOTHING]), max_size=40
    ),
    from_row=st.integers(0, 599),
    column=st.integers(0, 6),
    cell=st.sampled_from([*MISSING, *NOTHING]),
)
def test_extreme_cells_anywhere_give_a_valid_recording_or_an_error(
    run, tmp_path, cells, from_row, column, cell
):
    """Also in the time column; numpy must not warn."""
    cells |= {(row, column): cell for row in range(from_row, 600)}
    path = tmp_path / "run.csv"
    path.write_text(text_with(run, cells))
    try:
        recording = read(path)
    except ImurunError:
        return
    assert not np.isinf(recording.acc).any()
    assert np.nanmax(np.abs(recording.acc)) <= LARGEST_ACC_M_S2
    if recording.gyr is not None:
        assert np.nanmax(np.abs(recording.gyr)) <= LARGEST_GYR_RAD_S


def test_a_column_of_impossible_values_is_refused(run, tmp_path):
    path = tmp_path / "run.csv"
    path.write_text(text_with(run, {(row, COLUMN): "1e9" for row in range(600)}))
    with pytest.raises(ImurunError, match=r"finite|unit|gravity"):
        read(path)
