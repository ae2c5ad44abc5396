"""`imurun scan`, `record`, `sensor` as processes, with a stand-in for org.bluez and the C firmware behind."""

from __future__ import annotations

import asyncio
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import numpy as np
import pytest

if sys.platform != "linux" or shutil.which("dbus-daemon") is None:
    pytest.skip("needs the program dbus-daemon, on Linux: apt-get install dbus", allow_module_level=True)

import imurun
from imurun.ble.journal import Notification, open_journal
from imurun.errors import ImurunError
from imurun.reassembly.chunks import Flag
from imurun.virtual import board as host
from tests.ble.bluez import Bluez, start_daemon
from tests.ble.firmware_board import FirmwareBoard, values_of

if host.compiler() is None:
    pytest.skip("needs a C compiler: install gcc or clang, or name one in CC", allow_module_level=True)


@pytest.fixture(scope="module")
def bus_address():
    daemon, address = start_daemon()
    yield address
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return host.load(host.build_library(tmp_path_factory.mktemp("device")))


@pytest.fixture
def firmware(library, bus_address, monkeypatch):
    monkeypatch.setattr(Bluez, "address", bus_address)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address)
    with host.Board(library, log_bytes=1_000_000) as firmware:
        yield firmware


@asynccontextmanager
async def in_range(board):
    async with Bluez(board) as bluez:
        task = asyncio.create_task(board.run(bluez))
        try:
            yield bluez
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def start(*words, **of_process):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "imurun",
        *map(str, words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **of_process,
    )


async def outcome(process):
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def run(scenario):
    """A coroutine to its end; the limit protects against hanging only."""
    return asyncio.run(asyncio.wait_for(scenario, 300))


async def eventually(done, process):
    """Wait until `done` is true, while the process goes on."""
    while not done():
        assert process.returncode is None, await outcome(process)
        await asyncio.sleep(0.1)


def n_kept(journal):
    """How many samples a growing journal holds."""
    try:
        return len(imurun.read(journal))
    except ImurunError:
        return 0


def test_scan_shows_the_battery(firmware):
    async def scenario():
        async with in_range(FirmwareBoard(firmware)):
            while (ended := await outcome(await start("scan", "--seconds", "0.5")))[1].count("\n") < 2:
                pass  # a busy machine may need longer than the scan
            return ended

    code, out, err = run(scenario())
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == ["imurun-1", "imurun", "F1:F1:F1:F1:F1:F1", "-50", "dBm", "64", "%"]


def test_record_then_analyze_then_download_the_log(firmware, tmp_path):
    out, folder = tmp_path / "run.parquet", tmp_path / "logs"
    before = datetime.now(UTC)

    async def scenario():
        board = FirmwareBoard(firmware)
        async with in_range(board) as bluez:
            board.lose = lambda data: data[4] == 57 and not data[1] & Flag.BACKFILLED
            process = await start("record", "imurun-1", out)
            await eventually(lambda: board.pushed > 600, process)
            process.send_signal(signal.SIGINT)
            recorded = await outcome(process)
            assert not bluez.is_connected
            told = await outcome(await start("sensor", "imurun-1", "--download", folder, "--erase"))
            again = await outcome(await start("sensor", "imurun-1"))
        return recorded, told, again

    recorded, told, again = run(scenario())
    after = datetime.now(UTC)
    assert recorded[0] == 0, recorded
    assert "no gap" in recorded[1]
    assert "19 missing samples were received later." in recorded[2]
    recording = imurun.read(out)
    assert len(recording) > 500
    assert recording.rate_hz == pytest.approx(208, rel=2e-3)
    assert before < recording.start < after
    expected = values_of(np.arange(len(recording)))
    np.testing.assert_allclose(np.hstack([recording.acc, recording.gyr]), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(imurun.read(out.with_suffix(".journal")).acc, recording.acc)

    assert told[0] == 0, told
    assert "64 %" in told[1]
    assert "imurun host" in told[1]
    (log,) = folder.glob("*.imulog")
    logged = imurun.read(log)
    assert len(logged) == len(recording)
    np.testing.assert_array_equal(logged.acc, recording.acc)
    assert logged.rate_hz == pytest.approx(208, rel=1e-3)
    assert abs((logged.start - recording.start).total_seconds()) < 5.0  # a busy machine syncs clocks late
    assert "Log " not in again[1]


def test_ctrl_c_ends_a_recording_with_all_files(firmware, tmp_path):
    out = tmp_path / "run"

    async def scenario():
        async with in_range(FirmwareBoard(firmware)) as bluez:
            process = await start("record", "imurun-1", out, "--no-log")
            await eventually(lambda: bluez.board.pushed > 350, process)
            process.send_signal(signal.SIGINT)
            result = await outcome(process)
            assert not bluez.is_connected
            return result

    code, _, err = run(scenario())
    assert code == 0, err
    assert len(imurun.read(tmp_path / "run.parquet")) > 300


def test_a_kill_loses_less_than_a_second(firmware, tmp_path):
    out = tmp_path / "run.parquet"

    async def scenario():
        async with in_range(FirmwareBoard(firmware)) as bluez:
            process = await start("record", "imurun-1", out)
            journal = out.with_suffix(".journal")
            # as soon as the busy machine lets the command keep up
            await eventually(lambda: 416 < bluez.board.pushed < n_kept(journal) + 208, process)
            n_measured, killed_s = bluez.board.pushed, time.monotonic()
            process.kill()
            await process.wait()
            process._transport.close()
            return n_measured, killed_s

    n_measured, killed_s = run(scenario())
    journal = open_journal(out.with_suffix(".journal"))
    arrivals = [r.arrival_s for r in journal.records() if isinstance(r, Notification)]
    assert arrivals[-1] <= killed_s
    recording = imurun.read(out.with_suffix(".journal"))
    assert len(recording) > n_measured - 208 > 208
    assert not recording.gaps
    assert not out.exists()


def test_a_full_disk_is_one_sentence_and_the_journal_stays(firmware, tmp_path):
    out = tmp_path / "run.parquet"

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    async def scenario():
        async with in_range(FirmwareBoard(firmware)) as bluez:
            result = await outcome(await start("record", "imurun-1", out, preexec_fn=small_disk))
            assert not bluez.is_connected
            return result

    code, _, err = run(scenario())
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("imurun: ")
    assert (
        "run.journal cannot be written any more (File too large); the data written so far stay readable."
        in last
    )
    assert "Traceback" not in err
    assert len(imurun.read(out.with_suffix(".journal"))) > 300
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--rate", "833"], "does not offer a rate of 833 Hz; choose 52, 104, 208 or 416."),
        (["--gyr-range", "1"], "does not offer an angular rate range of 1 deg/s; choose "),
        (["--kind", "polar_verity_sense"], "is not Polar Verity Sense: it has other services; choose"),
        (["--kind", "fitness"], "There is no kind of sensor 'fitness'; choose one of imurun, "),
    ],
)
def test_unsupported_settings_are_one_sentence(firmware, tmp_path, words, sentence):
    async def scenario():
        async with in_range(FirmwareBoard(firmware)):
            return await outcome(await start("record", "imurun-1", tmp_path / "run", *words))

    code, _, err = run(scenario())
    assert code == 1
    assert sentence in err.strip().splitlines()[-1]
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("run.parquet", "run.journal is there already; give another name."),
        ("nowhere/run", "nowhere is no folder that can be written to; make it, or choose another."),
        (".", "a session is kept as NAME.parquet; change the name."),
        ("..", "a session is kept as NAME.parquet; change the name."),
        ("run.csv", "a session is kept as NAME.parquet; change the name."),
    ],
)
def test_an_unusable_output_name_is_one_sentence(tmp_path, out, sentence):
    (tmp_path / "run.journal").write_bytes(b"precious")
    result = subprocess.run(
        [sys.executable, "-m", "imurun", "record", "x", out],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.endswith(f"{sentence}\n")
    assert result.stderr.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.journal"]
    assert (tmp_path / "run.journal").read_bytes() == b"precious"


def test_a_second_recording_of_one_name_is_refused(firmware, tmp_path):
    async def scenario():
        async with in_range(FirmwareBoard(firmware)) as bluez:
            words = ("record", "imurun-1", tmp_path / "run")
            both = [await start(*words), await start(*words)]
            await asyncio.wait(
                [asyncio.create_task(one.wait()) for one in both], return_when="FIRST_COMPLETED"
            )
            (left,) = [one for one in both if one.returncode is None]
            await eventually(lambda: bluez.board.pushed > 350, left)
            left.send_signal(signal.SIGINT)
            return [await outcome(one) for one in both]

    outcomes = sorted(run(scenario()))
    assert [code for code, _, _ in outcomes] == [0, 1], outcomes
    assert "run.journal is there already" in outcomes[1][2] or "in use by another" in outcomes[1][2]
    assert len(imurun.read(tmp_path / "run.parquet")) > 300


def test_a_disk_full_from_the_start_leaves_no_file(firmware, tmp_path):
    def no_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))

    async def scenario():
        async with in_range(FirmwareBoard(firmware)):
            return await outcome(await start("record", "imurun-1", tmp_path / "run", preexec_fn=no_disk))

    code, _, err = run(scenario())
    assert code == 1
    assert "run.journal cannot be written (File too large)" in err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_sensor_left_recording_can_be_stopped(firmware, tmp_path):
    async def scenario():
        async with in_range(FirmwareBoard(firmware)) as bluez:
            process = await start("record", "imurun-1", tmp_path / "run")
            await eventually(lambda: bluez.board.pushed > 208, process)
            process.kill()
            await process.wait()
            process._transport.close()
            bluez.drop()
            goes_on = await outcome(await start("sensor", "imurun-1"))
            stopped = await outcome(await start("sensor", "imurun-1", "--stop"))
            return goes_on, stopped

    goes_on, stopped = run(scenario())
    assert "recording:" in goes_on[1]
    assert "writes its log" in goes_on[1]
    assert stopped[0] == 0, stopped
    assert "waiting" in stopped[1]
