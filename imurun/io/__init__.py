"""Reads recordings in any known format; writes and reads imurun's own recordings and runner files.

`open_recording` is for analysis: it leaves the samples of a large Parquet file on disk.
"""

from typing import TYPE_CHECKING, Any

from imurun.io.reader import open_recording, read
from imurun.io.recording_file import write_recording
from imurun.io.runner_file import read_runner

if TYPE_CHECKING:
    from imurun.export.step_table import read_steps, write_steps

__all__ = ["open_recording", "read", "read_runner", "read_steps", "write_recording", "write_steps"]


def __getattr__(name: str) -> Any:
    if name in ("read_steps", "write_steps"):
        from imurun.export import step_table

        return getattr(step_table, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
