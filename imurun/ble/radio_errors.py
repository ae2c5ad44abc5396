"""What bleak and the system raise, as errors whose sentence says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
)

from imurun.errors import AdapterError, SensorError, SensorNotFoundError

TROUBLE = (BleakError, OSError, EOFError, AssertionError)
"""What bleak lets through when the link or the bus goes; the last on a bus that was closed just then."""

NO_ADAPTER = "There is no Bluetooth adapter; plug one in, or use another computer."
NO_LOW_ENERGY = "The Bluetooth adapter cannot do Low Energy; plug in another one."
OFF = "The Bluetooth adapter is switched off; switch Bluetooth on and try again."
DENIED = "Bluetooth may not be used by this program; allow it in the system's settings and try again."
NO_SERVICE = "The system's Bluetooth service does not run; start it (on Linux: bluetoothd) and try again."
_Reason = BleakBluetoothNotAvailableReason
_BY_REASON = {
    _Reason.NO_BLUETOOTH: NO_ADAPTER,
    _Reason.NO_BLE_CENTRAL_ROLE: NO_LOW_ENERGY,
    _Reason.POWERED_OFF: OFF,
    _Reason.DENIED_BY_USER: DENIED,
    _Reason.DENIED_BY_SYSTEM: DENIED,
    _Reason.DENIED_BY_UNKNOWN: DENIED,
}
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
"""Errors of ATT: insufficient authentication, authorization, encryption key size, encryption."""


@contextmanager
def radio_errors(sensor: str | None = None) -> Iterator[None]:
    """Turn trouble inside into a `SensorError`; `sensor` is the name for the sentence."""
    try:
        yield
    except TROUBLE as error:
        raise as_sensor_error(error, sensor) from error


def as_sensor_error(error: Exception, sensor: str | None) -> SensorError:
    """The error to raise for what bleak or the system raised."""
    if isinstance(error, BleakBluetoothNotAvailableError) and error.reason in _BY_REASON:
        return AdapterError(_BY_REASON[error.reason])
    if isinstance(error, BleakDBusError) and error.dbus_error in _BY_DBUS_ERROR:
        return AdapterError(_BY_DBUS_ERROR[error.dbus_error])
    # the BlueZ backend has no error of its own for a device that the system has forgotten
    forgotten = type(error) is BleakError and str(error).endswith("not found")
    if sensor is not None and (forgotten or isinstance(error, BleakDeviceNotFoundError | TimeoutError)):
        return not_found(sensor)
    if isinstance(error, PermissionError):
        return AdapterError(DENIED)
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return AdapterError(NO_SERVICE)
    what = sensor or "Bluetooth"
    said: object = error
    if isinstance(error, BleakError) and len(error.args) == 2 and isinstance(error.args[0], int):
        code, said = error.args  # of ATT, from bleak 3 on
        if code in _UNPAIRED:
            return SensorError(
                f"{what} answers to paired devices only; pair it in the system's settings and try again."
            )
    text = " ".join(str(said).split()).rstrip(".") or type(error).__name__
    return SensorError(f"{what} failed ({text}); bring the sensor closer, or switch it off and on again.")


def not_found(sensor: str) -> SensorNotFoundError:
    """The error for a sensor that cannot be found."""
    return SensorNotFoundError(
        f"{sensor} is not in range or does not answer; wake it, bring it closer, "
        "and end its link to other devices."
    )
