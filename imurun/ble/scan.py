"""Scans for advertising sensors, and finds one by name or address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imurun.ble.bluetooth_errors import import_bleak, not_found, translate_errors
from imurun.ble.devices import DeviceDriver, recognise
from imurun.errors import SettingsError, WrongSensorError

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

SCAN_S = 5.0
"""Default duration of a scan."""


@dataclass(frozen=True)
class DiscoveredSensor:
    """An advertising device.

    Attributes:
        name: as advertised, without unprintable characters; "" for none.
        address: Bluetooth address; on macOS an identifier that the system assigns.
        driver: its device driver; None for an unknown device.
        signal_dbm: RSSI of the last advertisement.
        device: handle for bleak.
    """

    name: str
    address: str
    driver: DeviceDriver | None
    signal_dbm: int
    device: BLEDevice

    @property
    def known_driver(self) -> DeviceDriver:
        """The device driver.

        Raises:
            WrongSensorError: the device is unknown.
        """
        if self.driver is None:
            raise WrongSensorError(
                f"{self.label} is not a supported sensor; choose another, or give its --kind."
            )
        return self.driver

    @property
    def label(self) -> str:
        """Name for messages: the advertised name, else the address."""
        return self.name or self.address


async def scan(seconds: float = SCAN_S) -> list[DiscoveredSensor]:
    """Collect advertisements; return known sensors first, then by signal strength.

    Raises:
        AdapterError: Bluetooth cannot be used.
        SensorError: the scan failed for another reason.
        MissingExtraError: bleak is not installed.
    """
    bleak = import_bleak()
    with translate_errors():
        seen = await bleak.BleakScanner.discover(timeout=seconds, return_adv=True)
    found = [_found(device, advertised) for device, advertised in seen.values()]
    return sorted(found, key=lambda one: (one.driver is None, -one.signal_dbm, one.address))


async def find(
    sensor: str, seconds: float = SCAN_S, *, driver: DeviceDriver | None = None
) -> DiscoveredSensor:
    """Scan until a sensor of that name or address advertises.

    Args:
        sensor: its name or address; upper and lower case are equal.
        seconds: how long to scan.
        driver: the device driver to use; None to recognise it from the advertisement.

    Raises:
        SensorNotFoundError: none was found.
        SettingsError: `sensor` is empty.
        AdapterError: Bluetooth cannot be used.
        SensorError: the scan failed for another reason.
        MissingExtraError: bleak is not installed.
    """
    if not sensor:
        raise SettingsError("Name the sensor, as `imurun scan` shows it.")
    found: list[DiscoveredSensor] = []

    def matches(device: BLEDevice, advertised: AdvertisementData) -> bool:
        one = _found(device, advertised, driver)
        if sensor.lower() not in (one.name.lower(), one.address.lower()):
            return False
        found.append(one)
        return True

    bleak = import_bleak()
    with translate_errors():
        await bleak.BleakScanner.find_device_by_filter(matches, timeout=seconds)
    if not found:
        raise not_found(sensor)
    return found[-1]


def clean_name(words: str) -> str:
    """Text received over Bluetooth, without unprintable characters."""
    return "".join(letter for letter in words if letter.isprintable())


def _found(
    device: BLEDevice, advertised: AdvertisementData, driver: DeviceDriver | None = None
) -> DiscoveredSensor:
    name = advertised.local_name or device.name or ""
    return DiscoveredSensor(
        clean_name(name),
        device.address,
        driver or recognise(name, advertised.service_uuids),
        advertised.rssi,
        device,
    )
