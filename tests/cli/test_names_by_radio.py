"""A sensor's name, which comes by radio, becomes one harmless word of a file name and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from bleak.backends.device import BLEDevice
from hypothesis import example, given
from hypothesis import strategies as st

from imurun.ble.control import LogEntry
from imurun.ble.devices import DRIVERS
from imurun.ble.scan import DiscoveredSensor
from imurun.ble.scan import clean_name as as_scanned
from imurun.cli import live, sensor
from imurun.cli.choose_sensor import SensorOptions
from imurun.files.text import LONGEST_WORD, file_word
from imurun.live.runner_profile import RunnerProfile

HOSTILE = [
    "../../x",
    "/etc/passwd",
    "C:\\Windows\\x",
    "..",
    ".",
    "",
    "a\0b",
    "a\nb",
    "CON",
    "nul.txt",
    "~root",
    "$(reboot)",
    "x" * 5000,
    "走" * 300,
    "\u202egpj.exe",
    "-rf",
    "a:stream",
    "\ud800",
]


def found(name, address="F1:F1:F1:F1:F1:F1"):
    return DiscoveredSensor(as_scanned(name), address, DRIVERS["imurun"], -50, BLEDevice(address, None, None))


@given(st.text())
@example("\ud800")
@example("走" * 300)
@example("..")
def test_a_file_word_is_one_short_part_of_a_file_name(text):
    word = file_word(text)
    assert word == Path(f"x{word}").name[1:]
    assert not set(word) & set('/\\.:*?"<>|~$ \0\n')
    assert 0 < len(word.encode()) <= LONGEST_WORD


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_downloaded_logs_stay_in_their_folder(tmp_path, monkeypatch, name):
    """Path separators and other special characters in the sensor's name change no path."""

    async def download(*_):
        return b"no log at all"

    monkeypatch.setattr("imurun.ble.device_info.download_log", download)
    folder = tmp_path / "deep" / "logs"
    folder.parent.mkdir()
    logs = (LogEntry(1, 13), LogEntry(2**32 - 1, 13))
    asyncio.run(sensor._download(found(name), logs, folder, erase=False))
    assert len(list(folder.iterdir())) == 2
    assert sorted(tmp_path.rglob("*")) == sorted([folder.parent, folder, *folder.iterdir()])


NAMES = [*HOSTILE, "twin", "twin", "Twin", "x" * 6000]


def test_each_sensor_of_several_with_one_name_gets_its_own_files(tmp_path, monkeypatch):
    team = [found(name, f"F1:F1:F1:F1:F1:{k:02X}") for k, name in enumerate(NAMES)]

    async def choose(*_):
        return team

    monkeypatch.setattr("imurun.cli.choose_sensor.choose_sensors", choose)
    monkeypatch.setattr("imurun.cli.choose_sensor.settings_for", lambda *_: None)
    monkeypatch.setattr(
        "imurun.live.pipeline.sensor_pipeline", lambda sensor, _, __, stem: SimpleNamespace(stem=stem)
    )
    runs = asyncio.run(live._sensor_pipelines([], SensorOptions(), RunnerProfile(), tmp_path / "run"))
    stems = [run.stem for run in runs]
    assert {stem.parent for stem in stems} == {tmp_path}
    assert len({stem.name.casefold() for stem in stems}) == len(NAMES)
    for stem in stems:
        assert stem.name.startswith("run-")
        stem.with_name(stem.name + "-steps.parquet").touch()
