"""Serves a virtual sensor over GATT, with the package bumble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from bumble.att import ATT_Error
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Connection, Device
from bumble.gatt import (
    GATT_BATTERY_LEVEL_CHARACTERISTIC,
    GATT_BATTERY_SERVICE,
    GATT_DEVICE_INFORMATION_SERVICE,
    GATT_FIRMWARE_REVISION_STRING_CHARACTERISTIC,
    GATT_MANUFACTURER_NAME_STRING_CHARACTERISTIC,
    GATT_MODEL_NUMBER_STRING_CHARACTERISTIC,
    Characteristic,
    CharacteristicValue,
    Service,
)

from imurun._version import __version__
from imurun.ble.devices.imurun import CONTROL, DATA, INFO, SERVICE
from imurun.virtual.sensor import VirtualSensor

TURN_S = 0.05
"""Interval between runs of the firmware's main loop when nothing else happens, as PORTING.md recommends."""
IN_PROGRESS, NOT_SUBSCRIBED = 0xFE, 0xFD
"""ATT errors: procedure already in progress, client characteristic configuration improperly configured."""
Property = Characteristic.Properties
Log = Callable[[str], None]


class GattServer:
    """Serves one sensor to one client at a time, in the time of the running event loop.

    Args:
        device: bumble's device, switched on; services are added to it.
        sensor: the sensor to serve; its clock is the event loop's.
        log: called with a line for each connection, disconnection and fault.
    """

    def __init__(self, device: Device, sensor: VirtualSensor, log: Log = lambda _: None) -> None:
        self._device = device
        self._sensor = sensor
        self._log = log
        self._connection: Connection | None = None
        self._wake = asyncio.Event()
        self._indicating: asyncio.Task[None] | None = None
        self._may_indicate = False
        self._battery_sent: int | None = None
        self._data = Characteristic[bytes](DATA, Property.NOTIFY, Characteristic.Permissions(0), b"")
        self._control = Characteristic[bytes](
            CONTROL,
            Property.WRITE | Property.INDICATE,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._written),
        )
        self._battery = Characteristic[bytes](
            GATT_BATTERY_LEVEL_CHARACTERISTIC,
            Property.READ | Property.NOTIFY,
            Characteristic.READABLE,
            CharacteristicValue(read=lambda _: bytes([sensor.battery])),
        )
        info = _readable(INFO, CharacteristicValue(read=lambda _: sensor.info()))
        device.add_services(
            [
                Service(SERVICE, [self._data, self._control, info]),
                Service(GATT_BATTERY_SERVICE, [self._battery]),
                Service(
                    GATT_DEVICE_INFORMATION_SERVICE,
                    [
                        _readable(GATT_MANUFACTURER_NAME_STRING_CHARACTERISTIC, b"imurun"),
                        _readable(GATT_MODEL_NUMBER_STRING_CHARACTERISTIC, b"virtual sensor"),
                        _readable(GATT_FIRMWARE_REVISION_STRING_CHARACTERISTIC, __version__.encode()),
                    ],
                ),
            ]
        )
        device.on(Device.EVENT_CONNECTION, self._connected)
        self._data.on(Characteristic.EVENT_SUBSCRIPTION, self._subscribed)
        self._control.on(Characteristic.EVENT_SUBSCRIPTION, self._control_subscribed)

    async def serve(self) -> None:
        """Serve until cancelled, or until the sensor's feed has ended and was sent."""
        task = asyncio.current_task()
        try:
            while not self._sensor.has_ended:
                await self._turn()
                if task is not None and task.cancelling():
                    # bumble's commands wait with asyncio.wait_for, which swallows this in Python 3.11
                    raise asyncio.CancelledError
                with suppress(TimeoutError):
                    async with asyncio.timeout(TURN_S):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            with suppress(BaseBumbleError, asyncio.CancelledError):
                await self._hide()
            self._give_up_indicating()

    async def _turn(self) -> None:
        sensor, connection = self._sensor, self._connection
        packets = sensor.advance(asyncio.get_running_loop().time())
        for line in sensor.news():
            self._log(line)
        if not sensor.is_linked or not sensor.in_range:
            if connection is not None or not sensor.in_range:
                await self._hide()
            if sensor.in_range and not self._device.is_advertising:
                await self._advertise()
            return
        if connection is None:
            return
        for packet in packets:
            if packet.on == "data":
                await self._device.notify_subscriber(connection, self._data, packet.data)
            else:
                self._indicating = asyncio.create_task(self._indicate(connection, packet.data))
        if sensor.battery != self._battery_sent:
            self._battery_sent = sensor.battery
            await self._device.notify_subscriber(connection, self._battery, bytes([sensor.battery]))

    async def _indicate(self, connection: Connection, data: bytes) -> None:
        """Send an indication and wait for its confirmation; a lost connection is handled by its own event."""
        with suppress(BaseBumbleError, TimeoutError):
            await self._device.indicate_subscriber(connection, self._control, data)
            if connection is self._connection:
                self._sensor.confirm()
                self._wake.set()

    async def _advertise(self) -> None:
        await self._device.start_advertising(auto_restart=False)

    async def _hide(self) -> None:
        """End the connection and stop advertising."""
        if self._device.is_advertising:
            await self._device.stop_advertising()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(BaseBumbleError):
                await connection.disconnect()

    # -- what the client does -----------------------------------------------------------------------------

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        self._may_indicate = False
        self._battery_sent = self._sensor.battery
        self._sensor.connect()
        connection.on(Connection.EVENT_CONNECTION_ATT_MTU_UPDATE, partial(self._mtu_changed, connection))
        connection.on(Connection.EVENT_DISCONNECTION, partial(self._disconnected, connection))
        self._log(f"connected to {connection.peer_address.to_string(False)}")

    def _mtu_changed(self, connection: Connection) -> None:
        if connection is self._connection:
            self._sensor.set_mtu(connection.att_mtu)

    def _give_up_indicating(self) -> None:
        """Cancel only once the connection is lost: bumble cannot handle a confirmation without a waiting
        task.
        """
        if self._indicating is not None:
            self._indicating.cancel()

    def _disconnected(self, connection: Connection, _: int) -> None:
        self._give_up_indicating()
        if connection is self._connection:
            self._connection = None
            self._sensor.disconnect()
        self._log("disconnected")
        self._wake.set()

    def _subscribed(self, connection: Connection, notify: bool, _: bool) -> None:
        if connection is self._connection:
            self._sensor.advance_clock(asyncio.get_running_loop().time())
            self._sensor.subscribe(notify)

    def _control_subscribed(self, connection: Connection, _: bool, indicate: bool) -> None:
        if connection is self._connection:
            self._may_indicate = indicate

    def _written(self, connection: Connection, request: bytes) -> None:
        if connection is not self._connection:
            return
        if not self._may_indicate:
            raise ATT_Error(NOT_SUBSCRIBED)
        if not self._sensor.write(bytes(request), asyncio.get_running_loop().time()):
            raise ATT_Error(IN_PROGRESS)
        self._wake.set()


def advertisement(name: str) -> tuple[bytes, bytes]:
    """Advertising data, at most 31 bytes, with the service, and scan response with the name."""
    service = AdvertisingData(
        [
            (AdvertisingData.FLAGS, bytes([0x06])),  # general discoverable, no classic Bluetooth
            (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(UUID(SERVICE))),
        ]
    )
    named = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, name.encode())])
    return bytes(service), bytes(named)


def _readable(uuid: str | UUID, value: bytes | CharacteristicValue[bytes]) -> Characteristic[bytes]:
    return Characteristic[bytes](uuid, Property.READ, Characteristic.READABLE, value)
