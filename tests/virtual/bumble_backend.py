"""bleak over bumble: controllers on a local link for a radio, its host for a central, GATT at both ends."""

from __future__ import annotations

import asyncio

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble.att import ATT_Error
from bumble.controller import Controller
from bumble.core import AdvertisingData, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Connection_Complete_Event,
    HCI_StatusReturnParameters,
    Role,
)
from bumble.link import LocalLink

UUID_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
PROPERTIES = {0x02: "read", 0x04: "write-without-response", 0x08: "write", 0x10: "notify", 0x20: "indicate"}


class CancellingController(Controller):
    """Bumble's own goes on connecting when it is told to stop."""

    def on_hci_le_create_connection_cancel_command(self, _command):
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            ended = HCI_LE_Connection_Complete_Event(
                status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=Role.CENTRAL,
                peer_address_type=pending.peer_address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
            asyncio.get_running_loop().call_soon(self.send_hci_packet, ended)
        return HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)


def make_device(link: LocalLink, name: str, address: str, **configuration) -> Device:
    """A device with a controller of its own."""
    controller = CancellingController(name, link=link)
    config = DeviceConfiguration(
        name=name,
        address=Address(address),
        advertising_interval_min=100,
        advertising_interval_max=100,
        **configuration,
    )
    return Device.from_config_with_hci(config, controller, controller)


def backends(central: Device, mtu: int = 247) -> tuple[type[_Scanner], type[_Client]]:
    """Scanner and client over this device, for bleak's `backend`; `mtu` is what the client asks for."""
    return (
        type("Scanner", (_Scanner,), {"central": central}),
        type("Client", (_Client,), {"central": central, "mtu": mtu}),
    )


def uuid_of(uuid) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-").lower())


class _Scanner(BaseBleakScanner):
    central: Device

    def __init__(self, detection_callback, service_uuids, scanning_mode, **_):
        super().__init__(detection_callback, service_uuids)

    async def start(self):
        self.seen_devices = {}
        self.central.on("advertisement", self._heard)
        await self.central.start_scanning(legacy=True, filter_duplicates=False)

    async def stop(self):
        self.central.remove_listener("advertisement", self._heard)
        await self.central.stop_scanning(legacy=True)

    def _heard(self, advertisement):
        fields = advertisement.data
        uuids = [uuid_of(uuid) for kind in UUID_LISTS for uuid in fields.get(kind) or ()]
        name = fields.get(AdvertisingData.COMPLETE_LOCAL_NAME)
        seen = AdvertisementData(name, {}, {}, uuids, None, advertisement.rssi, (advertisement,))
        address = advertisement.address.to_string(False)
        device = self.create_or_update_device(address, address, name, advertisement.address, seen)
        self.call_detection_callbacks(device, seen)


class _Client(BaseBleakClient):
    central: Device
    mtu: int

    def __init__(self, address_or_ble_device, services=None, *, disconnected_callback, timeout, **_):
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._address = address_or_ble_device.details
        self._connection: Connection | None = None
        self._listeners = {}

    @property
    def name(self):
        return self.address

    @property
    def mtu_size(self):
        return self._connection.att_mtu if self._connection else 23

    @property
    def is_connected(self):
        return self._connection is not None

    async def connect(self, pair, **_):
        try:
            self._connection = await self.central.connect(self._address, timeout=self._timeout)
        except BaseBumbleError as error:
            raise BleakDeviceNotFoundError(self.address) from error
        self._connection.once("disconnection", self._gone)
        try:
            await self._ask(self._discover())
        except BaseException:
            await self.disconnect()
            raise

    async def _discover(self):
        peer = Peer(self._connection)
        if self.mtu > 23:
            await peer.request_mtu(self.mtu)
        await peer.discover_services()
        found = BleakGATTServiceCollection()
        for service in peer.services:
            ours = BleakGATTService(service, service.handle, uuid_of(service.uuid))
            found.add_service(ours)
            for one in await service.discover_characteristics():
                names = [name for bit, name in PROPERTIES.items() if one.properties & bit]
                room = self.mtu_size - 3
                its = BleakGATTCharacteristic(
                    one, one.handle, uuid_of(one.uuid), names, lambda room=room: room, ours
                )
                found.add_characteristic(its)
                for descriptor in await one.discover_descriptors():
                    found.add_descriptor(
                        BleakGATTDescriptor(descriptor, descriptor.handle, uuid_of(descriptor.type), its)
                    )
        self.services = found

    def _gone(self, _):
        self._connection = None
        self.services = None
        if self._disconnected_callback:
            self._disconnected_callback()

    async def disconnect(self):
        if self._connection is not None:
            await self._connection.disconnect()

    async def pair(self, *_, **__):
        raise NotImplementedError

    async def unpair(self):
        raise NotImplementedError

    async def _ask(self, question):
        """Await it, or fail when the link goes."""
        if self._connection is None:
            question.close()
            raise BleakError("Not connected")
        try:
            return await self._connection.cancel_on_disconnection(question)
        except ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except BaseBumbleError as error:
            raise BleakError(str(error)) from error
        except asyncio.CancelledError as error:
            if self._connection is None:
                raise BleakError("disconnected") from error
            raise

    async def read_gatt_char(self, characteristic, **_):
        return bytearray(await self._ask(characteristic.obj.read_value()))

    async def read_gatt_descriptor(self, descriptor, **_):
        return bytearray(await self._ask(descriptor.obj.read_value()))

    async def write_gatt_char(self, characteristic, data, response):
        await self._ask(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor, data):
        await self._ask(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(self, characteristic, callback, **_):
        def listener(value):
            callback(bytearray(value))

        self._listeners[characteristic.handle] = listener
        await self._ask(characteristic.obj.subscribe(listener))

    async def stop_notify(self, characteristic):
        await self._ask(characteristic.obj.unsubscribe(self._listeners.pop(characteristic.handle)))
