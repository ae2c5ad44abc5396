"""A radio for tests: a bus of our own, a look-alike of org.bluez on it, a sensor behind that, and the client.

Whoever imports this is skipped where there is no dbus-daemon.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import sys
from contextlib import asynccontextmanager, suppress
from functools import cache
from random import Random
from unittest.mock import patch

import numpy as np
import pytest

from tests.ble.ble_helpers import rows

if sys.platform != "linux" or shutil.which("dbus-daemon") is None:
    pytest.skip("needs the program dbus-daemon, on Linux: apt-get install dbus", allow_module_level=True)

from imurun.ble.decoding import Settings
from imurun.ble.reconnecting_client import SensorClient
from imurun.ble.scan import find
from imurun.ble.timeouts import Timeouts
from imurun.model.sample_block import SampleBlock
from tests.ble.bluez import Bluez, start_daemon
from tests.ble.board import Board, values_of

SETTINGS = Settings(208, 16, 2000)
PATIENCE_S = 300.0
"""Protects a test against hanging only."""
FIND_S = 60.0
"""For a sensor that is in range: it is found at once, or as soon as the machine comes to it."""
TIMEOUTS = Timeouts(
    silence_s=60.0,
    first_data_s=60.0,
    reply_s=60.0,
    longest_drain_s=60.0,
    connect_s=60.0,
    scan_s=0.3,
    retry_s=0.02,
    longest_retry_s=0.1,
    tries=2,
)
"""Nothing is given up because the machine is busy; a test of what is given up has shorter ones."""
SENTENCE = r"^[^\n]+\.$"


@cache
def bus_address():
    """Of a daemon that lives as long as the tests."""
    daemon, address = start_daemon()

    def end():
        daemon.terminate()
        daemon.wait()
        daemon.stdout.close()

    atexit.register(end)
    return address


def run(scenario, address=None):
    """A coroutine to its end, with the system's bus at `address`; ours unless given."""
    Bluez.address = bus_address()
    with patch.dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=address or Bluez.address):
        return asyncio.run(asyncio.wait_for(scenario, PATIENCE_S))


@asynccontextmanager
async def sensor(board=None, **of_bluez):
    board = board or Board()
    async with Bluez(board, **of_bluez) as bluez:
        task = asyncio.create_task(board.run(bluez))
        try:
            yield bluez
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def streaming(timeouts=TIMEOUTS, **of_client):
    async with SensorClient(
        await find("imurun-1", FIND_S), SETTINGS, timeouts=timeouts, random=Random(1), **of_client
    ) as client:
        yield client


async def eventually(done):
    """Wait until `done` is true; `run` protects against hanging."""
    while not done():
        await asyncio.sleep(0.02)


async def until(client, done):
    """Items up to the first for which `done` is true."""
    items = []
    async for item in client:
        items.append(item)
        if done(item):
            return items
    raise AssertionError(f"ended before: {[i for i in items if not isinstance(i, SampleBlock)]}")


async def the_rest(client):
    client.stop()
    return [item async for item in client]


def blocks_of(items):
    return [item for item in items if isinstance(item, SampleBlock)]


def events_of(items, kind):
    return [item for item in items if isinstance(item, kind)]


def at_least(n):
    return lambda item: isinstance(item, SampleBlock) and item.next_index >= n


def is_a(kind):
    return lambda item: isinstance(item, kind)


def assert_whole(items):
    """Every sample of one run from the first on, each once, with its own value."""
    first, values = rows(blocks_of(items))
    assert first == 0
    np.testing.assert_allclose(values, values_of(np.arange(len(values))), rtol=1e-12, atol=1e-12)
