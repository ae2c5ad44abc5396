"""One BLE connection to one sensor: lock, connect, subscribe, read, write, disconnect; notification queue.

Reconnecting is done in `reconnecting_client`; each connection is a new `Connection`.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from imurun.ble.bluetooth_errors import bleak_failures, import_bleak, translate_errors
from imurun.ble.devices import DeviceDriver
from imurun.ble.journal import Notification
from imurun.ble.scan import DiscoveredSensor
from imurun.errors import SensorError, WrongSensorError

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

CALL_S = 5.0
"""Timeout of a write, read or subscription."""
ATT_OVERHEAD_BYTES = 3
ATT_DEFAULT_PAYLOAD_BYTES = 20


class ConnectionLostError(SensorError):
    """The connection is lost, or no data has arrived for so long that it is treated as lost."""


class NotificationQueue:
    """A bounded queue of notifications. `put` never blocks, because it is called from bleak's callback.

    Attributes:
        n_dropped: notifications that found the queue full.
        is_closed: the connection is lost; what arrived before can still be taken.
    """

    def __init__(self, limit: int) -> None:
        self.n_dropped = 0
        self.is_closed = False
        self._limit = limit
        self._queued: deque[Notification] = deque()
        self._changed = asyncio.Event()

    def put(self, notification: Notification) -> None:
        """Queue a notification, or count it as dropped where the queue is full."""
        if len(self._queued) >= self._limit:
            self.n_dropped += 1
            return
        self._queued.append(notification)
        self._changed.set()

    def close(self) -> None:
        """Mark the end: no notification will follow."""
        self.is_closed = True
        self._changed.set()

    def wake(self) -> None:
        """Make a waiting `get` return at once, so that its caller can check for other work."""
        self._changed.set()

    async def get(self, timeout_s: float) -> Notification | None:
        """Take the oldest notification; None after `timeout_s`, after `wake`, and when closed and empty."""
        if not self._queued and not self.is_closed:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return None
        return self._queued.popleft() if self._queued else None


class Connection:
    """An established connection; created by `open_connection`.

    Attributes:
        notifications: the queue of notifications that have arrived.
    """

    def __init__(
        self, client: BleakClient, sensor: DiscoveredSensor, notifications: NotificationQueue
    ) -> None:
        self.notifications = notifications
        self._client = client
        self._sensor = sensor

    @property
    def label(self) -> str:
        """Name of the sensor for messages."""
        return self._sensor.label

    @property
    def mtu(self) -> int:
        """The negotiated ATT MTU in bytes."""
        if sys.platform != "linux":
            return self._client.mtu_size
        # the BlueZ backend's own mtu_size is always 23
        sizes = [
            characteristic.max_write_without_response_size
            for service in self._client.services
            for characteristic in service.characteristics
        ]
        return max(sizes, default=ATT_DEFAULT_PAYLOAD_BYTES) + ATT_OVERHEAD_BYTES

    def has(self, uuid: str) -> bool:
        """Whether the sensor has this characteristic."""
        return self._client.services.get_characteristic(uuid) is not None

    async def write(self, uuid: str, data: bytes) -> None:
        """Write to a characteristic, with response where the characteristic supports it.

        Raises:
            SensorError: the write failed.
        """
        with translate_errors(self._sensor.label):
            async with asyncio.timeout(CALL_S):
                characteristic = self._characteristic(uuid)
                response = "write" in characteristic.properties
                await self._client.write_gatt_char(characteristic, data, response=response)

    async def read(self, uuid: str) -> bytes:
        """Read a characteristic.

        Raises:
            SensorError: the read failed.
        """
        with translate_errors(self._sensor.label):
            async with asyncio.timeout(CALL_S):
                return bytes(await self._client.read_gatt_char(self._characteristic(uuid)))

    def _characteristic(self, uuid: str) -> BleakGATTCharacteristic:
        if self.notifications.is_closed:  # bleak drops its list of services when the connection is lost
            raise lost_connection(self._sensor.label)
        characteristic = self._client.services.get_characteristic(uuid)
        if characteristic is None:
            raise WrongSensorError(
                f"{self._sensor.label} lacks the characteristic {uuid}; choose another sensor or kind."
            )
        return characteristic


def lost_connection(label: str) -> ConnectionLostError:
    """The error for a sensor whose connection is lost."""
    return ConnectionLostError(f"The connection to {label} is lost; bring the sensor closer.")


@asynccontextmanager
async def open_connection(
    sensor: DiscoveredSensor,
    driver: DeviceDriver,
    clock: Callable[[], float],
    *,
    limit: int,
    connect_s: float,
) -> AsyncIterator[Connection]:
    """Connect and subscribe to the driver's notifications; disconnect on exit.

    Args:
        sensor: a result of `scan` or `find`.
        driver: its device driver.
        clock: stamps the arrival of notifications.
        limit: size of the notification queue.
        connect_s: timeout of connecting, and again of discovering the services.

    Raises:
        WrongSensorError: the sensor lacks characteristics that the driver needs.
        SensorNotFoundError: the sensor does not answer.
        SensorError: the connection failed otherwise.
        MissingExtraError: bleak is not installed.
    """
    notifications = NotificationQueue(limit)

    def keep(characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        notifications.put(Notification(clock(), characteristic.uuid, bytes(data)))

    bleak = import_bleak()
    client = bleak.BleakClient(sensor.device, lambda _: notifications.close(), timeout=connect_s)
    try:
        with translate_errors(sensor.label):
            # bleak's timeout does not cover service discovery on every system
            async with asyncio.timeout(2 * connect_s):
                await client.connect()
        connection = Connection(client, sensor, notifications)
        _check_services(client, sensor, driver)
        with translate_errors(sensor.label):
            async with asyncio.timeout(CALL_S):
                for uuid in notifying(driver):
                    await client.start_notify(uuid, keep)
        yield connection
    finally:
        # Also after an unsolicited drop: reconnecting without it doubles every notification (bleak 2002).
        # Also after a connection attempt that timed out, which some systems keep. Where this call fails,
        # bleak has released everything all the same.
        with suppress(*bleak_failures()):
            async with asyncio.timeout(CALL_S):
                await client.disconnect()


def notifying(driver: DeviceDriver) -> list[str]:
    """UUIDs of the characteristics to subscribe to."""
    uuids = [driver.data_characteristic]
    if driver.reply_characteristic not in (None, *uuids):
        uuids.insert(0, driver.reply_characteristic)
    return uuids


def _check_services(client: BleakClient, sensor: DiscoveredSensor, driver: DeviceDriver) -> None:
    needed = {*notifying(driver), driver.control_characteristic}
    if client.services.get_service(driver.service) is None or any(
        client.services.get_characteristic(uuid) is None for uuid in needed
    ):
        raise WrongSensorError(
            f"{sensor.label} is not {driver.title}: it has other services; choose another sensor or kind."
        )


@contextmanager
def lock_sensor(address: str, label: str) -> Iterator[None]:
    """Lock a sensor for this process; the system releases the lock when the process ends, even by a crash.

    A second process would stop and restart the sensor.

    Raises:
        SensorError: another process has locked it.
    """
    folder = user_cache_path("imurun", ensure_exists=True)
    lock = FileLock(folder / f"sensor-{hashlib.sha256(address.lower().encode()).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SensorError(f"{label} is in use by another imurun; end that one first.") from None
    try:
        yield
    finally:
        lock.release()
