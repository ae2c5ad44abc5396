"""Reads recordings in any known format; writes and reads imurun's own recordings and runner files.

`open_recording` is for analysis: it leaves the samples of a large Parquet file on disk.
"""

from imurun.io.reader import open_recording, read
from imurun.io.recording_file import write_recording
from imurun.io.runner_file import read_runner

__all__ = ["open_recording", "read", "read_runner", "write_recording"]
