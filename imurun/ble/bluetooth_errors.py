"""Turns Bluetooth errors, of bleak or the operating system, into imurun's errors with advice.

It also imports bleak, an optional package, on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

from imurun.errors import AdapterError, SensorError, SensorNotFoundError
from imurun.files.optional import optional_module

NO_ADAPTER = "There is no Bluetooth adapter; plug one in, or use another computer."
NO_LOW_ENERGY = "The Bluetooth adapter cannot do Low Energy; plug in another one."
OFF = "The Bluetooth adapter is switched off; switch Bluetooth on and try again."
DENIED = "Bluetooth may not be used by this program; allow it in the system's settings and try again."
NO_SERVICE = "The system's Bluetooth service does not run; start it (on Linux: bluetoothd) and try again."
_BY_REASON = {
    "NO_BLUETOOTH": NO_ADAPTER,
    "NO_BLE_CENTRAL_ROLE": NO_LOW_ENERGY,
    "POWERED_OFF": OFF,
    "DENIED_BY_USER": DENIED,
    "DENIED_BY_SYSTEM": DENIED,
    "DENIED_BY_UNKNOWN": DENIED,
}
"""By the name of a `BleakBluetoothNotAvailableReason`."""
_BY_DBUS_ERROR = {
    "org.freedesktop.DBus.Error.ServiceUnknown": NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": NO_SERVICE,
    "org.freedesktop.DBus.Error.AccessDenied": DENIED,
    "org.freedesktop.DBus.Error.AuthFailed": DENIED,
    "org.bluez.Error.NotPermitted": DENIED,
    "org.bluez.Error.NotAuthorized": DENIED,
    "org.bluez.Error.NotReady": OFF,
}
_UNPAIRED = (0x05, 0x08, 0x0C, 0x0F)
"""ATT error codes: insufficient authentication, authorization, encryption key size, encryption."""


def import_bleak() -> ModuleType:
    """The package bleak, imported on first use: reading and replaying journals works without it.

    Raises:
        MissingExtraError: it is not installed.
    """
    return optional_module("bleak", extra="ble", purpose="Bluetooth")


def bleak_failures() -> tuple[type[Exception], ...]:
    """Exceptions that bleak raises when the connection or the bus fails.

    AssertionError comes from its BlueZ backend when the bus was closed a moment before.
    """
    return import_bleak().exc.BleakError, OSError, EOFError, AssertionError


@contextmanager
def translate_errors(sensor: str | None = None) -> Iterator[None]:
    """Turn failures of bleak and the system into a `SensorError`; `sensor` is its name for the message."""
    try:
        yield
    except bleak_failures() as error:
        raise as_sensor_error(error, sensor) from error


def as_sensor_error(error: Exception, sensor: str | None) -> SensorError:
    """The imurun error for an exception of bleak or the system."""
    exc, raised = import_bleak().exc, cast(Any, error)
    if isinstance(error, exc.BleakBluetoothNotAvailableError) and raised.reason.name in _BY_REASON:
        return AdapterError(_BY_REASON[raised.reason.name])
    if isinstance(error, exc.BleakDBusError) and raised.dbus_error in _BY_DBUS_ERROR:
        return AdapterError(_BY_DBUS_ERROR[raised.dbus_error])
    # the BlueZ backend raises a plain BleakError for a device that the system no longer lists
    is_unlisted = type(error) is exc.BleakError and str(error).endswith("not found")
    if sensor is not None and (is_unlisted or isinstance(error, exc.BleakDeviceNotFoundError | TimeoutError)):
        return not_found(sensor)
    if isinstance(error, PermissionError):
        return AdapterError(DENIED)
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return AdapterError(NO_SERVICE)
    what = sensor or "Bluetooth"
    detail: object = error
    if isinstance(error, exc.BleakError) and len(error.args) == 2 and isinstance(error.args[0], int):
        code, detail = error.args  # ATT errors of bleak 3 and later
        if code in _UNPAIRED:
            return SensorError(
                f"{what} answers to paired devices only; pair it in the system's settings and try again."
            )
    text = " ".join(str(detail).split()).rstrip(".") or type(error).__name__
    return SensorError(f"{what} failed ({text}); bring the sensor closer, or switch it off and on again.")


def not_found(sensor: str) -> SensorNotFoundError:
    """The error for a sensor that cannot be found."""
    return SensorNotFoundError(
        f"{sensor} is not in range or does not answer; wake it, bring it closer, "
        "and end its connection to other devices."
    )
