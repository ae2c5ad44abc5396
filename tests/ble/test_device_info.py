"""Questions to the C device side over a look-alike of org.bluez."""

from __future__ import annotations

import asyncio
import shutil
import sys
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

if sys.platform != "linux" or shutil.which("dbus-daemon") is None:
    pytest.skip("needs the program dbus-daemon, on Linux: apt-get install dbus", allow_module_level=True)

from imurun.ble.codec import LOG_DATA, RunHeader, decode_log
from imurun.ble.control import LogEntry
from imurun.ble.decoding import Settings
from imurun.ble.device_info import PartialLog, battery_of, download_log, open_management
from imurun.ble.reconnecting_client import SensorClient
from imurun.ble.scan import find
from imurun.ble.timeouts import Timeouts
from imurun.errors import SensorError
from imurun.model.sample_block import SampleBlock
from imurun.virtual import board as host
from tests.ble.bluez import Bluez, start_daemon
from tests.ble.firmware_board import FirmwareBoard

if host.compiler() is None:
    pytest.skip("needs a C compiler: install gcc or clang, or name one in CC", allow_module_level=True)

PATIENCE_S = 300.0
"""Protects a test against hanging only."""
FIND_S = 60.0
TIMEOUTS = Timeouts(silence_s=60.0, first_data_s=60.0, reply_s=60.0, connect_s=60.0, drain_s=0.5, tries=1)
"""Nothing is given up because the machine is busy."""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return host.load(host.build_library(tmp_path_factory.mktemp("device")))


@pytest.fixture
def firmware(library, monkeypatch):
    daemon, address = start_daemon()
    monkeypatch.setattr(Bluez, "address", address)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with host.Board(library, log_bytes=1_000_000) as firmware:
        yield firmware
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


@asynccontextmanager
async def in_range(board, mtu=247):
    async with Bluez(board, mtu=mtu) as bluez:
        task = asyncio.create_task(board.run(bluez))
        try:
            yield bluez
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def log_a_run(found, n_samples):
    """Let the sensor log a run, and return how many samples it had."""
    async with SensorClient(found, Settings(208, 16, 2000), keep_log=True, timeouts=TIMEOUTS) as client:
        async for item in client:
            if isinstance(item, SampleBlock) and item.next_index >= n_samples:
                client.stop()
        return client.stream_decoder.reassembler.next_index


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, PATIENCE_S))


@pytest.mark.parametrize("mtu", [247, 23])
def test_a_log_is_downloaded_whole_though_notifications_are_lost(firmware, mtu):
    async def scenario():
        board, random = FirmwareBoard(firmware), Random(1)
        async with in_range(board, mtu):
            found = await find("imurun-1", FIND_S)
            n = await log_a_run(found, 300)
            board.lose = lambda data: data[0] & 0x0F == LOG_DATA and random.random() < 0.05
            async with open_management(found, TIMEOUTS) as management:
                info = await management.info()
                shares, part = [], PartialLog(info.logs[0])
                await management.read_log(part, shares.append)
                content = part.content
                await management.erase_log(info.logs[0])
                assert not (await management.info()).logs
                with pytest.raises(SensorError, match="no longer has this log; list its logs again"):
                    await management.read_log(PartialLog(info.logs[0]))
        return n, info, content, shares

    n, info, content, shares = run(scenario())
    assert (info.mtu, info.battery_percent, info.firmware) == (mtu, 64, "imurun host")
    assert info.capabilities.log_bytes == 1_000_000
    header, *frames = decode_log(content).frames
    assert decode_log(content).lost_bytes == 0
    assert isinstance(header, RunHeader)
    assert sum(len(frame.raw) for frame in frames) == n
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_log_is_not_read_while_the_sensor_records(firmware):
    async def scenario():
        async with in_range(FirmwareBoard(firmware)):
            found = await find("imurun-1", FIND_S)
            await log_a_run(found, 60)
            client = SensorClient(found, Settings(208, 16, 2000), timeouts=TIMEOUTS)
            async with client:
                await anext(client)  # and left without a stop: the sensor goes on
            async with open_management(found, TIMEOUTS) as management:
                info = await management.info()
                assert info.status.running
                log = info.logs[0]
            with pytest.raises(SensorError, match="is recording; stop it first: imurun sensor imurun-1"):
                await download_log(found, log, timeouts=TIMEOUTS)
            async with open_management(found, TIMEOUTS) as management:
                await management.stop()
                assert not (await management.info()).status.running
            assert len(await download_log(found, log, timeouts=TIMEOUTS)) == log.bytes

    run(scenario())


def test_a_download_resumes_after_a_lost_connection(firmware):
    async def scenario():
        board, sent = FirmwareBoard(firmware), []
        async with in_range(board) as bluez:
            found = await find("imurun-1", FIND_S)
            n = await log_a_run(found, 300)

            def drop_once(data):
                sent.append(data)
                if len(sent) == 10:
                    bluez.drop()
                return False

            async with open_management(found, TIMEOUTS) as management:
                (log,) = (await management.info()).logs
            board.lose = drop_once
            content = await download_log(found, log, timeouts=TIMEOUTS)
            assert len(sent) < 2 * log.bytes / 233  # not all of it twice
        return n, content

    n, content = run(scenario())
    assert sum(len(frame.raw) for frame in decode_log(content).frames[1:]) == n


def test_a_log_of_absurd_size_is_refused():
    with pytest.raises(SensorError, match="a size of 4294967295 bytes for its log 3; erase it"):
        PartialLog(LogEntry(3, 0xFFFFFFFF))


def test_a_log_that_does_not_come_is_given_up(firmware):
    async def scenario():
        board = FirmwareBoard(firmware)
        async with in_range(board):
            found = await find("imurun-1", FIND_S)
            await log_a_run(found, 60)
            board.lose = lambda data: True
            async with open_management(found, TIMEOUTS) as management:
                info = await management.info()
                await management.read_log(PartialLog(LogEntry(info.logs[0].log_id, 300)))

    with pytest.raises(SensorError, match="does not send all of its log"):
        run(scenario())


def test_the_battery_of_a_sensor_that_went_away_is_unknown(firmware):
    async def scenario():
        async with in_range(FirmwareBoard(firmware)) as bluez:
            found = await find("imurun-1", FIND_S)
            assert await battery_of(found, TIMEOUTS) == 64
            bluez.in_range = False
            return await battery_of(found, TIMEOUTS)

    assert run(scenario()) is None
