"""`imurun simulate --ble` as a user runs it: its adapter is a bumble controller behind a TCP port."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.virtual.virtual_board import library, numbered

pytest.importorskip("bumble", reason="needs the extra 'virtual'")

from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket

from imurun.ble.events import Connected, ConnectionLost, GapFinal
from imurun.ble.reconnecting_client import SensorClient
from imurun.ble.scan import find
from imurun.ble.timeouts import Timeouts
from imurun.cli.main import main
from imurun.errors import AdapterError
from imurun.io import write_recording
from imurun.model.sample_block import SampleBlock
from imurun.virtual import offer
from tests.virtual.bumble_backend import make_device
from tests.virtual.virtual_rig import SETTINGS, as_counts, rows, use

PATIENT = Timeouts(silence_s=5.0, first_data_s=60.0, reply_s=10.0, connect_s=60.0)
"""A busy machine is no lost link."""
COMMAND = [sys.executable, "-m", "imurun", "simulate"]


def test_a_client_streams_from_it(monkeypatch, tmp_path):
    library()  # skips without a compiler
    path = tmp_path / "run.parquet"
    write_recording(numbered(12000), path)

    async def scenario():
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
        transport = await open_tcp_server_transport_with_socket(server)
        air = LocalLink()
        Controller("adapter", transport.source, transport.sink, air)
        central = make_device(air, "central", "F0:F0:F0:F0:F0:F0")
        await central.power_on()
        use(monkeypatch, central)
        words = ["--ble", f"tcp-client:127.0.0.1:{port}", "--recording", str(path), "--seconds", "60"]
        command = await asyncio.create_subprocess_exec(
            *COMMAND,
            *words,
            *("--fault", "loss=0.1", "--fault", "drop=@8:0.5", "--name", "imurun-test"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            said = (await command.stdout.readline()).decode()
            assert f"imurun-test advertises on tcp-client:127.0.0.1:{port} as " in said
            found = await find(said.split()[-1], 60.0)
            items, links = [], 0
            async with SensorClient(found, SETTINGS, timeouts=PATIENT) as client:
                async for item in client:
                    items.append(item)
                    links += isinstance(item, Connected)
                    if links == 2 and isinstance(item, SampleBlock):
                        client.stop()
            os.kill(command.pid, signal.SIGINT)
            rest, errors = await command.communicate()
        finally:
            if command.returncode is None:
                command.kill()
                await command.wait()
            transport.server.close()
            await transport.server.wait_closed()
        return items, command.returncode, rest.decode(), errors.decode()

    items, code, said, errors = asyncio.run(asyncio.wait_for(scenario(), 300))
    counts = as_counts(rows(items))
    first = numbered(len(counts))
    expected = as_counts(np.hstack([first.acc, first.gyr]))
    np.testing.assert_allclose(counts, expected, rtol=0, atol=0.51)  # a file keeps fewer digits
    assert len([item for item in items if isinstance(item, ConnectionLost)]) == 1
    assert len([item for item in items if isinstance(item, Connected)]) == 2
    assert not [item for item in items if isinstance(item, GapFinal)]
    assert (code, errors) == (0, "")
    assert said.count("connected to F0:F0:F0:F0:F0:F0") == 2
    assert said.count("disconnected") == 2
    assert "out of range for 0.5 s" in said
    assert "notifications: " in said
    assert said.endswith("The sensor is off.\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "Give either OUT"),
        (["run.csv", "--ble", "usb:0"], 2, "Give either OUT"),
        (["run.csv", "--fault", "loss=0.1"], 2, "go with --ble"),
        (["--ble", "usb:0", "--truth", "t.csv"], 2, "--truth goes with OUT"),
        (["--ble", "usb:0", "--fault", "luck=1"], 1, "--fault luck=1 is not understood"),
        (["--ble", "usb:0", "--recording", "r.csv", "--speed", "3"], 1, "--recording replays a file"),
        (["--ble", "usb:0", "--recording", "nowhere.csv"], 1, "nowhere.csv"),
        (["--ble", "pigeon:0"], 1, "There is no transport pigeon:0"),
        (["--ble", "tcp-client:127.0.0.1:1"], 1, "cannot be opened"),
        (["--ble", "tcp-client:127.0.0.1"], 1, "There is no transport"),
        (["--ble", "usb:0", "--name", "x" * 30], 1, "must have 1 to 29"),
    ],
)
def test_invalid_options_are_one_sentence(monkeypatch, capsys, words, code, sentence):
    library()
    monkeypatch.setattr(sys, "argv", ["imurun", "simulate", *words])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert sentence in said
    if code == 1:
        assert said.startswith("imurun: ")
        assert said.count("\n") == 1


def test_a_missing_c_compiler_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(sys, "argv", ["imurun", "simulate", "--ble", "tcp-client:127.0.0.1:1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "No C compiler: install gcc or clang" in capsys.readouterr().err


def test_without_bumble_the_extra_is_named():
    """As in an installation without the extra."""
    hide = "import sys; sys.modules['bumble'] = None; sys.argv = ['imurun', *sys.argv[1:]]; "
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            hide + "from imurun.cli.main import main; main()",
            "simulate",
            "--ble",
            "usb:0",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "imurun: A virtual sensor needs the extra 'virtual': in imurun's checkout, "
        "run .venv/bin/python -m pip install -e '.[virtual]'.\n"
    )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "Permission denied"), "may not be used"),
        (OSError(16, "Device or resource busy"), "is in use"),
        (RuntimeError("LIBUSB_ERROR_BUSY [-6]"), "is in use"),
        (RuntimeError("LIBUSB_ERROR_ACCESS [-3]"), "may not be used"),
        (TimeoutError(), "does not answer"),
        (RuntimeError(), "cannot be opened"),
    ],
)
def test_an_adapter_error_is_one_sentence(monkeypatch, error, sentence):
    async def fails(_):
        raise error

    monkeypatch.setattr("bumble.transport.open_transport", fails)

    async def scenario():
        async with offer._opened("usb:0"):
            pass

    with pytest.raises(AdapterError, match=sentence) as raised:
        asyncio.run(scenario())
    assert str(raised.value).endswith(".")
    assert str(raised.value).count(".") == 1


def test_an_adapter_that_does_not_answer_is_an_error(monkeypatch):
    library()
    monkeypatch.setattr(offer, "ANSWER_S", 0.3)

    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(AdapterError, match="does not answer"),
    ):
        asyncio.run(offer.offer(f"tcp-client:127.0.0.1:{server.getsockname()[1]}", None))
