"""Advertises a virtual sensor on a Bluetooth adapter; builds its firmware."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ctypes import CDLL
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from imurun.errors import AdapterError, SettingsError
from imurun.files.optional import optional_module
from imurun.virtual.board import BuildError, build_library, load
from imurun.virtual.sensor import VirtualSensor

if TYPE_CHECKING:
    from bumble.device import Device
    from bumble.transport.common import Transport

    from imurun.virtual.gatt import Log

NAME = "imurun-virtual"
LONGEST_NAME = 29
"""Bytes of a name that fit a scan response."""
ANSWER_S = 10.0
"""Timeout for an adapter to open and to answer."""


def build_device_side() -> CDLL:
    """Compile the firmware in a temporary folder and load it.

    Raises:
        SettingsError: there is no C compiler, it fails, or the sources are missing.
    """
    with tempfile.TemporaryDirectory(prefix="imurun-", ignore_cleanup_errors=True) as folder:
        try:
            return load(build_library(Path(folder)))
        except BuildError as error:
            raise SettingsError(f"The virtual sensor's device side is C. {error}") from error


async def offer(transport: str, sensor: VirtualSensor, *, name: str = NAME, log: Log = print) -> None:
    """Advertise and serve a sensor on an adapter, until cancelled or until its feed ends.

    Args:
        transport: as bumble names them: usb:0, hci-socket:0, serial:/dev/ttyACM0, tcp-client:127.0.0.1:9000.
        sensor: the sensor; its clock must be the event loop's.
        name: advertised name.
        log: called with a line for each event.

    Raises:
        SettingsError: there is no such transport, or the name is too long.
        AdapterError: the adapter cannot be used, or was removed.
        MissingExtraError: bumble is not installed.
    """
    if not 0 < len(name.encode()) <= LONGEST_NAME:
        raise SettingsError(f"The name has {len(name.encode())} bytes; it must have 1 to {LONGEST_NAME}.")
    optional_module("bumble", extra="virtual", purpose="A virtual sensor")
    from imurun.virtual.gatt import GattServer

    async with _opened(transport) as adapter:
        device = await _switched_on(transport, adapter, name)
        log(f"{name} advertises on {transport} as {device.random_address.to_string(False)}")
        serving = asyncio.ensure_future(GattServer(device, sensor, log).serve())
        gone = asyncio.ensure_future(asyncio.wait([adapter.source.terminated]))
        try:
            await asyncio.wait([serving, gone], return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                raise AdapterError(f"The adapter at {transport} is gone; plug it in and start again.")
            serving.result()
        finally:
            for task in (serving, gone):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@asynccontextmanager
async def _opened(name: str) -> AsyncIterator[Transport]:
    from bumble.transport import open_transport
    from bumble.transport.common import TransportSpecError

    try:
        async with asyncio.timeout(ANSWER_S):
            transport = await open_transport(name)
    except (TransportSpecError, AssertionError, ValueError, IndexError) as error:
        raise SettingsError(
            f"There is no transport {name}; write usb:0, hci-socket:0, serial:PORT or tcp-client:HOST:PORT."
        ) from error
    except ImportError as error:
        raise AdapterError(f"{name} needs the package {error.name}; install it.") from error
    except Exception as error:  # each kind of transport raises its own, some of them bare
        raise _adapter_error(name, error) from error
    try:
        yield transport
    finally:
        with suppress(Exception):  # an adapter that was pulled out cannot be closed
            await transport.close()


def _adapter_error(name: str, error: Exception) -> AdapterError:
    """The error for an adapter that cannot be opened."""
    words = f"{type(error).__name__} {error}".upper()
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM) or "ACCESS" in words:
        return AdapterError(
            f"{name} may not be used by this program; run it as root, or allow it to this user."
        )
    if number == errno.EBUSY or "BUSY" in words:
        return AdapterError(
            f"The adapter {name} is in use; take it from the system first (on Linux: hciconfig hci0 down)."
        )
    if isinstance(error, TimeoutError):
        return AdapterError(f"The adapter {name} does not answer; pull it out, plug it in and try again.")
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return AdapterError(f"The adapter {name} cannot be opened ({text}); plug it in, or name another.")


async def _switched_on(transport: str, adapter: Transport, name: str) -> Device:
    from bumble.core import BaseBumbleError
    from bumble.device import Device, DeviceConfiguration
    from bumble.hci import Address

    from imurun.virtual.gatt import advertisement

    advertised, answered = advertisement(name)
    configuration = DeviceConfiguration(
        name=name,
        # derived from the name, so that the same name keeps its address
        address=Address(Random(name).randbytes(5) + b"\xf0", Address.RANDOM_DEVICE_ADDRESS),
        advertising_data=advertised,
        scan_response_data=answered,
        advertising_interval_min=100.0,
        advertising_interval_max=100.0,
    )
    device = Device.from_config_with_hci(configuration, adapter.source, adapter.sink)
    try:
        async with asyncio.timeout(ANSWER_S):
            await device.power_on()
    except (BaseBumbleError, TimeoutError) as error:
        raise _adapter_error(transport, error) from error
    return device
