"""Which sensors are in range."""

from __future__ import annotations

from dataclasses import dataclass

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from imurun.ble.devices import Profile, recognise
from imurun.ble.radio_errors import not_found, radio_errors
from imurun.errors import SettingsError, WrongSensorError

SCAN_S = 5.0


@dataclass(frozen=True)
class Found:
    """A device that advertises.

    Attributes:
        name: as advertised, without characters that cannot be printed; "" for none.
        address: Bluetooth address; an identifier of the system's own on macOS.
        profile: the kind of sensor; None for a device that imurun does not know.
        signal_dbm: strength of the last advertisement.
        device: for bleak.
    """

    name: str
    address: str
    profile: Profile | None
    signal_dbm: int
    device: BLEDevice

    @property
    def known_profile(self) -> Profile:
        """The kind of sensor.

        Raises:
            WrongSensorError: imurun does not know it.
        """
        if self.profile is None:
            raise WrongSensorError(
                f"{self.label} is no sensor that imurun knows; choose another, or say its --kind."
            )
        return self.profile

    @property
    def label(self) -> str:
        """How to call it in a sentence."""
        return self.name or self.address


async def scan(seconds: float = SCAN_S) -> list[Found]:
    """Listen for advertisements: sensors that imurun knows first, then by signal.

    Raises:
        AdapterError: Bluetooth cannot be used.
        SensorError: it failed for another reason.
    """
    with radio_errors():
        seen = await BleakScanner.discover(timeout=seconds, return_adv=True)
    found = [_found(device, advertised) for device, advertised in seen.values()]
    return sorted(found, key=lambda one: (one.profile is None, -one.signal_dbm, one.address))


async def find(sensor: str, seconds: float = SCAN_S, *, profile: Profile | None = None) -> Found:
    """Listen until a sensor of that name or address advertises.

    Args:
        sensor: its name or address, in any case.
        seconds: how long to listen.
        profile: the kind of sensor, where it does not tell.

    Raises:
        SensorNotFoundError: it did not.
        SettingsError: no name.
        AdapterError: Bluetooth cannot be used.
        SensorError: it failed for another reason.
    """
    if not sensor:
        raise SettingsError("Name the sensor, as `imurun scan` shows it.")
    found: list[Found] = []

    def is_wanted(device: BLEDevice, advertised: AdvertisementData) -> bool:
        one = _found(device, advertised, profile)
        if sensor.lower() not in (one.name.lower(), one.address.lower()):
            return False
        found.append(one)
        return True

    with radio_errors():
        await BleakScanner.find_device_by_filter(is_wanted, timeout=seconds)
    if not found:
        raise not_found(sensor)
    return found[-1]


def printable(words: str) -> str:
    """What came by radio, without what cannot be printed."""
    return "".join(letter for letter in words if letter.isprintable())


def _found(device: BLEDevice, advertised: AdvertisementData, profile: Profile | None = None) -> Found:
    name = advertised.local_name or device.name or ""
    return Found(
        printable(name),
        device.address,
        profile or recognise(name, advertised.service_uuids),
        advertised.rssi,
        device,
    )
