"""Foot strikes, lumbar impact load and trunk sway from one IMU on a runner's lower back.

    import imurun

    recording = imurun.read("run.csv")
    session = imurun.analyze(recording)
    session.steps  # one row a step

Axes, units and column names: `imurun.model.frames`, `imurun.model.columns`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imurun._version import __version__

if TYPE_CHECKING:
    from imurun.core.alignment import Mounting
    from imurun.engine import RunAnalyzer, Step
    from imurun.errors import FormatError, ImurunError, MethodError, RecordingError, SettingsError
    from imurun.io import read
    from imurun.model.recording import Recording
    from imurun.model.runner import Runner
    from imurun.session import Session, analyze

__all__ = [
    "FormatError",
    "ImurunError",
    "MethodError",
    "Mounting",
    "Recording",
    "RecordingError",
    "RunAnalyzer",
    "Runner",
    "Session",
    "SettingsError",
    "Step",
    "__version__",
    "analyze",
    "read",
]

_HOMES = {
    "Mounting": "imurun.core.alignment",
    "RunAnalyzer": "imurun.engine",
    "Step": "imurun.engine",
    "FormatError": "imurun.errors",
    "ImurunError": "imurun.errors",
    "MethodError": "imurun.errors",
    "RecordingError": "imurun.errors",
    "SettingsError": "imurun.errors",
    "read": "imurun.io",
    "Recording": "imurun.model.recording",
    "Runner": "imurun.model.runner",
    "Session": "imurun.session",
    "analyze": "imurun.session",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: most commands need no compiled kernels."""
    if name not in _HOMES:
        raise AttributeError(f"module 'imurun' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
