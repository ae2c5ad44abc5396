"""Files in and out: `read` takes a recording in any known format, the others are imurun's own files.

`open_recording` leaves the samples of a recording that is to be analysed in its file, where that can be.
"""

from imurun.export.step_table import read_steps, write_steps
from imurun.io.reader import open_recording, read
from imurun.io.recording_file import write_recording
from imurun.io.runner_file import read_runner

__all__ = ["open_recording", "read", "read_runner", "read_steps", "write_recording", "write_steps"]
