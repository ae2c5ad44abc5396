"""A look-alike of org.bluez on a private dbus-daemon: bleak's own BlueZ backend runs against it unchanged.

It has what that backend asks for and no more: one adapter, one device with its services, notifications by
`PropertiesChanged`. What the device does is up to `board`.
"""

from __future__ import annotations

import asyncio
import subprocess
from typing import Protocol

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER_PATH = "/org/bluez/hci0"
ADDRESS = "F1:F1:F1:F1:F1:F1"
DEVICE_PATH = f"{ADAPTER_PATH}/dev_{ADDRESS.replace(':', '_')}"


class Board(Protocol):
    """The device behind the radio."""

    services: dict[str, dict[str, list[str]]]
    """UUIDs of services, of their characteristics, and the flags of those."""

    def written(self, uuid: str, data: bytes) -> list[bytes]:
        """A client wrote; returns what the same characteristic indicates."""
        ...

    def read(self, uuid: str) -> bytes: ...


def start_daemon():
    """A dbus-daemon of our own, and the address of its bus."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return daemon, daemon.stdout.readline().strip()


class Bluez:
    """An adapter with one device in range.

    Attributes:
        powered: whether the adapter is on.
        in_range: whether the device advertises and answers.
        errors: D-Bus errors by the method that gives them, as (name, text).
        log: methods that were called, in order.
        subscribed: UUIDs of characteristics that notify.
    """

    def __init__(self, board, *, name="imurun-1", mtu=247, powered=True, has_adapter=True):
        self.board = board
        self.in_range = True
        self.errors: dict[str, tuple[str, str]] = {}
        self.log: list[str] = []
        self.subscribed: set[str] = set()
        self.mtu = mtu
        self._name = name
        self._paths: dict[str, str] = {}  # of characteristics, by UUID
        self._objects: dict[str, dict[str, dict[str, Variant]]] = {}
        if has_adapter:
            adapter = {"Address": Variant("s", "00:11:22:33:44:55"), "Powered": Variant("b", powered)}
            self._objects[ADAPTER_PATH] = {ADAPTER: {**adapter, "Roles": Variant("as", ["central"])}}

    async def __aenter__(self):
        self._bus = await MessageBus(bus_address=self.address).connect()
        self._bus.add_message_handler(self._called)
        await self._bus.request_name("org.bluez")
        return self

    async def __aexit__(self, *_):
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    address = ""
    """Of the bus; `radio.run` sets it."""

    @property
    def is_connected(self):
        device = self._objects.get(DEVICE_PATH)
        return device is not None and device[DEVICE]["Connected"].value

    def notify(self, uuid, data):
        """The device notifies; nothing is sent where nobody subscribed."""
        if uuid in self.subscribed:
            self._set(self._paths[uuid], CHARACTERISTIC, Value=Variant("ay", bytes(data)))

    def switch_off(self):
        """The adapter is switched off."""
        self.drop()
        self._set(ADAPTER_PATH, ADAPTER, Powered=Variant("b", False))
        off = "org.bluez.Error.NotReady", "Resource Not Ready"
        self.errors = dict.fromkeys(("Connect", "StartDiscovery"), off)

    def switch_on(self):
        """The adapter is switched on again."""
        self.errors = {}
        self._set(ADAPTER_PATH, ADAPTER, Powered=Variant("b", True))

    def drop(self):
        """The connection is lost."""
        self.subscribed.clear()
        for path in sorted((p for p in self._objects if p.startswith(DEVICE_PATH + "/")), reverse=True):
            self._signal("/", OBJECTS, "InterfacesRemoved", "oas", path, list(self._objects.pop(path)))
        if self.is_connected:
            off = Variant("b", False)
            self._set(DEVICE_PATH, DEVICE, ServicesResolved=off, Connected=off)

    def forget(self):
        """The system forgets the device, as it does with those not seen for a while."""
        self.drop()
        if DEVICE_PATH in self._objects:
            del self._objects[DEVICE_PATH]
            self._signal("/", OBJECTS, "InterfacesRemoved", "oas", DEVICE_PATH, [DEVICE])

    async def count_connections(self):
        """Connections to the bus, of everybody."""
        daemon = "org.freedesktop.DBus"
        call = Message(destination=daemon, path="/org/freedesktop/DBus", interface=daemon, member="ListNames")
        return sum(name.startswith(":") for name in (await self._bus.call(call)).body[0])

    # -- what bluetoothd does -------------------------------------------------------------------------

    def _called(self, message):
        if message.message_type != MessageType.METHOD_CALL or message.destination.startswith("org.freedesk"):
            return None
        if message.interface in ("org.freedesktop.DBus", "org.freedesktop.DBus.Peer"):
            return None
        self.log.append(message.member)
        if message.member in self.errors:
            return Message.new_error(message, *self.errors[message.member])
        if message.path != "/" and message.path not in self._objects:
            return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownObject", "no such object")
        method = getattr(self, f"_on_{message.member}", None)
        answer = method(message) if method else None
        return answer or Message.new_method_return(message)

    def _on_GetManagedObjects(self, message):  # noqa: N802
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])

    def _on_StartDiscovery(self, message):  # noqa: N802
        if self.in_range:
            asyncio.get_running_loop().call_later(0.02, self._advertise)

    def _on_Connect(self, message):  # noqa: N802
        if not self.in_range:
            return Message.new_error(message, "org.bluez.Error.Failed", "le-connection-timeout")
        self._set(DEVICE_PATH, DEVICE, Connected=Variant("b", True))
        self._add_services()
        self._set(DEVICE_PATH, DEVICE, ServicesResolved=Variant("b", True))
        return None

    def _on_Disconnect(self, message):  # noqa: N802
        self.drop()

    def _on_StartNotify(self, message):  # noqa: N802
        self.subscribed.add(self._uuid(message.path))

    def _on_StopNotify(self, message):  # noqa: N802
        self.subscribed.discard(self._uuid(message.path))

    def _on_ReadValue(self, message):  # noqa: N802
        value = self.board.read(self._uuid(message.path))
        return Message.new_method_return(message, "ay", [value])

    def _on_WriteValue(self, message):  # noqa: N802
        uuid = self._uuid(message.path)
        for indication in self.board.written(uuid, bytes(message.body[0])):
            asyncio.get_running_loop().call_soon(self.notify, uuid, indication)

    # -- objects and signals --------------------------------------------------------------------------

    def _advertise(self):
        device = {
            "Address": Variant("s", ADDRESS),
            "Name": Variant("s", self._name),
            "Alias": Variant("s", self._name),
            "Adapter": Variant("o", ADAPTER_PATH),
            "RSSI": Variant("n", -50),
            "UUIDs": Variant("as", list(self.board.services)),
            "Paired": Variant("b", False),
            "Connected": Variant("b", False),
            "ServicesResolved": Variant("b", False),
        }
        if DEVICE_PATH not in self._objects:
            self._add(DEVICE_PATH, DEVICE, device)
        else:
            self._set(DEVICE_PATH, DEVICE, RSSI=Variant("n", -50))

    def _add_services(self):
        handle = 0x0C  # bleak reads handles from the last characters of paths
        for service_uuid, characteristics in self.board.services.items():
            service = f"{DEVICE_PATH}/service{handle:04x}"
            of_service = {"Device": Variant("o", DEVICE_PATH), "Primary": Variant("b", True)}
            self._add(service, SERVICE, {"UUID": Variant("s", service_uuid), **of_service})
            for uuid, flags in characteristics.items():
                handle += 3
                path = self._paths[uuid] = f"{service}/char{handle:04x}"
                of_characteristic = {"Flags": Variant("as", flags), "MTU": Variant("q", self.mtu)}
                parent = {"UUID": Variant("s", uuid), "Service": Variant("o", service)}
                self._add(path, CHARACTERISTIC, {**parent, **of_characteristic})
            handle += 3

    def _uuid(self, path):
        return self._objects[path][CHARACTERISTIC]["UUID"].value

    def _add(self, path, interface, properties):
        self._objects[path] = {interface: properties}
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", path, self._objects[path])

    def _set(self, path, interface, **properties):
        self._objects[path][interface].update(properties)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, properties, [])

    def _signal(self, path, interface, member, signature, *body):
        self._bus.send(Message.new_signal(path, interface, member, signature, list(body)))
