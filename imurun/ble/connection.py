"""One BLE connection to one sensor, from connect to disconnect, with its notification queue."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from imurun.ble.devices import Profile
from imurun.ble.journal import Notification
from imurun.ble.radio_errors import TROUBLE, radio_errors
from imurun.ble.scan import Found
from imurun.errors import SensorError, WrongSensorError


class Inbox:
    """A bounded queue that never makes the callback wait.

    Attributes:
        n_dropped: notifications that found it full.
        is_closed: the link is gone; what came before can still be had.
    """

    def __init__(self, limit: int) -> None:
        self.n_dropped = 0
        self.is_closed = False
        self._limit = limit
        self._waiting: deque[Notification] = deque()
        self._stir = asyncio.Event()

    def put(self, notification: Notification) -> None:
        """Keep it, or count it where there is no room."""
        if len(self._waiting) >= self._limit:
            self.n_dropped += 1
            return
        self._waiting.append(notification)
        self._stir.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.is_closed = True
        self._stir.set()

    def wake(self) -> None:
        """Let the one who waits look around."""
        self._stir.set()

    async def get(self, timeout_s: float) -> Notification | None:
        """The oldest one; None after `timeout_s`, when woken, and when closed and empty."""
        if not self._waiting and not self.is_closed:
            self._stir.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._stir.wait()
            except TimeoutError:
                return None
        return self._waiting.popleft() if self._waiting else None


CALL_S = 5.0
"""A write, read or subscription that takes longer has failed: the other side is gone."""
ATT_OVERHEAD_BYTES = 3


class LinkLostError(SensorError):
    """The link is gone, or as good as gone."""


class Link:
    """A connection whose notifications stand in `inbox`; made by `open_link`."""

    def __init__(self, client: BleakClient, sensor: Found, inbox: Inbox) -> None:
        self.inbox = inbox
        self._client = client
        self._sensor = sensor

    @property
    def label(self) -> str:
        """How to call the sensor in a sentence."""
        return self._sensor.label

    @property
    def mtu(self) -> int:
        """Bytes of an ATT packet that this link agreed on."""
        if sys.platform != "linux":
            return self._client.mtu_size
        # the BlueZ backend's own mtu_size is always 23
        sizes = [
            characteristic.max_write_without_response_size
            for service in self._client.services
            for characteristic in service.characteristics
        ]
        return max(sizes, default=20) + ATT_OVERHEAD_BYTES

    def has(self, uuid: str) -> bool:
        """Whether the sensor has this characteristic."""
        return self._client.services.get_characteristic(uuid) is not None

    async def write(self, uuid: str, data: bytes) -> None:
        """Write to a characteristic, with response where it can.

        Raises:
            SensorError: it failed.
        """
        with radio_errors(self._sensor.label):
            async with asyncio.timeout(CALL_S):
                characteristic = self._characteristic(uuid)
                response = "write" in characteristic.properties
                await self._client.write_gatt_char(characteristic, data, response=response)

    async def read(self, uuid: str) -> bytes:
        """Read a characteristic.

        Raises:
            SensorError: it failed.
        """
        with radio_errors(self._sensor.label):
            async with asyncio.timeout(CALL_S):
                return bytes(await self._client.read_gatt_char(self._characteristic(uuid)))

    def _characteristic(self, uuid: str) -> BleakGATTCharacteristic:
        if self.inbox.is_closed:  # then bleak has forgotten the services
            raise LinkLostError(f"The link to {self._sensor.label} is gone; bring the sensor closer.")
        characteristic = self._client.services.get_characteristic(uuid)
        if characteristic is None:
            raise WrongSensorError(
                f"{self._sensor.label} lacks the characteristic {uuid}; choose another sensor or kind."
            )
        return characteristic


@asynccontextmanager
async def open_link(
    sensor: Found, profile: Profile, clock: Callable[[], float], *, limit: int, connect_s: float
) -> AsyncIterator[Link]:
    """Connect, and subscribe to the profile's notifications; on the way out, disconnect.

    Args:
        sensor: as `scan` or `find` gave it.
        profile: the kind of sensor.
        clock: stamps arrivals.
        limit: notifications that may wait in the inbox.
        connect_s: how long connecting may take, and then finding the services.

    Raises:
        WrongSensorError: it lacks what the profile needs.
        SensorNotFoundError: it does not answer.
        SensorError: the link failed otherwise.
    """
    inbox = Inbox(limit)

    def keep(characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        inbox.put(Notification(clock(), characteristic.uuid, bytes(data)))

    client = BleakClient(sensor.device, lambda _: inbox.close(), timeout=connect_s)
    try:
        with radio_errors(sensor.label):
            # the systems limit the connection, not all of them the search for services that comes with it
            async with asyncio.timeout(2 * connect_s):
                await client.connect()
        link = Link(client, sensor, inbox)
        _check(client, sensor, profile)
        with radio_errors(sensor.label):
            async with asyncio.timeout(CALL_S):
                for uuid in notifying(profile):
                    await client.start_notify(uuid, keep)
        yield link
    finally:
        # also after a drop: who connects again without it gets every notification twice (bleak 2002);
        # where this fails, bleak has let go of everything all the same; also after a connection that took too
        # long, which some systems keep
        with suppress(*TROUBLE):
            async with asyncio.timeout(CALL_S):
                await client.disconnect()


def notifying(profile: Profile) -> list[str]:
    """The characteristics to subscribe to."""
    uuids = [profile.data_characteristic]
    if profile.reply_characteristic not in (None, *uuids):
        uuids.insert(0, profile.reply_characteristic)
    return uuids


def _check(client: BleakClient, sensor: Found, profile: Profile) -> None:
    needed = {*notifying(profile), profile.control_characteristic}
    if client.services.get_service(profile.service) is None or any(
        client.services.get_characteristic(uuid) is None for uuid in needed
    ):
        raise WrongSensorError(
            f"{sensor.label} is not {profile.title}: it has other services; choose another sensor or kind."
        )
