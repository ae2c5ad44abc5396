"""The version of imurun."""

__version__ = "0.1.0"
