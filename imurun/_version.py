"""The version of imurun."""

__version__ = "0.2.0"
