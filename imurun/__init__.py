"""Foot strikes, lumbar impact load and trunk sway from one IMU on a runner's lower back."""

__version__ = "0.1.0"
