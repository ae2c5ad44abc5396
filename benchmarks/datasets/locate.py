"""Where a dataset's files are on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """The folder of local recordings: IMURUN_DATA, else `../shared/data` beside the checkout."""
    return Path(os.environ.get("IMURUN_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
