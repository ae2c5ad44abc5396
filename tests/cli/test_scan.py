"""`imurun scan`: its table, and its error without Bluetooth."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

pytest.importorskip("bleak")

from bleak.backends.device import BLEDevice

from imurun.ble.devices import DRIVERS
from imurun.ble.scan import DiscoveredSensor
from imurun.cli.scan import table_of


def call(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "imurun", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.skipif(
    sys.platform != "linux", reason="Bluetooth is hidden by an unreachable D-Bus, which is Linux only"
)
def test_missing_bluetooth_is_one_sentence(tmp_path):
    result = call("scan", "--seconds", "0.1", DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/none")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("imurun: The system's Bluetooth service does not run; start it")
    assert result.stderr.count("\n") == 1


def test_help_does_not_import_bleak():
    code = "import sys, imurun.cli.main; sys.exit(any(m in sys.modules for m in ('bleak', 'imurun.ble')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_table_shows_sensor_names_without_markup():
    device = BLEDevice("F1:F1:F1:F1:F1:F1", None, None)
    sensors = [
        DiscoveredSensor("[red]imurun-1", "F2:F2:F2:F2:F2:F2", DRIVERS["imurun"], -50, device),
        DiscoveredSensor("", device.address, DRIVERS["witmotion"], -71, device),
    ]
    out = io.StringIO()
    Console(file=out, width=100).print(table_of(sensors, {sensors[1].address: 64}))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines[0] == ["Name", "Kind", "Address", "Signal", "Battery"]
    assert lines[1] == ["[red]imurun-1", "imurun", "F2:F2:F2:F2:F2:F2", "-50", "dBm"]
    assert lines[2] == ["-", "witmotion", device.address, "-71", "dBm", "64", "%"]
