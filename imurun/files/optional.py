"""Optional packages: one sentence names the extra that brings a missing one."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from imurun.errors import MissingExtraError


def optional_module(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a package that an extra of imurun installs.

    Args:
        module: dotted name to import.
        extra: the extra that installs it.
        purpose: what needs it, as the start of a sentence: "Bluetooth".

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{purpose} needs the extra {extra!r}: in imurun's checkout, "
            f"run .venv/bin/python -m pip install -e '.[{extra}]'."
        ) from error
