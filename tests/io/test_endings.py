"""Endings that are removed from file names."""

from __future__ import annotations

import pytest

from imurun.io.endings import without_recording_ending, without_table_ending


@pytest.mark.parametrize(
    ("name", "of_recording", "of_table"),
    [
        ("run.csv", "run", "run"),
        ("run.csv.gz", "run", "run"),
        ("run.v2.parquet", "run.v2", "run.v2"),
        ("run.zip", "run", "run"),
        ("run.csv.zip", "run.csv", "run"),
        ("run.journal", "run", "run.journal"),
        ("run.imulog", "run", "run.imulog"),
        ("run", "run", "run"),
        (".csv", ".csv", ""),
    ],
)
def test_endings_of_recordings_and_of_tables(name, of_recording, of_table):
    assert without_recording_ending(name) == of_recording
    assert without_table_ending(name) == of_table
