"""Writes a session for other programs: step tables, BIDS, FIT; reads step tables and a watch's FIT files."""

from imurun.export.step_table import read_steps, write_steps

__all__ = ["read_steps", "write_steps"]
