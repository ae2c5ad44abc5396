"""`imurun sensor`: what a sensor can do, how it is, and the logs that it holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imurun.ble.control import LogEntry, LogState, StatusReport
from imurun.ble.device_info import SensorInfo, download_log, open_inquiry
from imurun.ble.devices import Profile, get_profile
from imurun.ble.scan import Found, find
from imurun.cli.interrupt import on_interrupt
from imurun.cli.screen import patience
from imurun.errors import ImurunError, SettingsError
from imurun.files.atomic import atomic_path
from imurun.files.text import file_word
from imurun.files.write_errors import unwritten
from imurun.io import read

ENDING = ".imulog"


def show_sensor(sensor: str, *, stop: bool, download: Path | None, erase: bool, kind: str | None) -> None:
    """Ask a sensor and print what it says; let it stop, or download its logs, if that is asked for.

    Raises:
        SettingsError: an unknown kind, `erase` without a folder, or a folder that cannot be written.
        SensorError: the sensor cannot be reached, or refuses.
    """
    if erase and download is None:
        raise SettingsError("--erase erases what was downloaded; say where to with --download DIR.")
    profile = get_profile(kind) if kind is not None else None
    try:
        asyncio.run(_ask(sensor, stop, download, erase, profile))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _ask(sensor: str, stop: bool, download: Path | None, erase: bool, profile: Profile | None) -> None:
    task = asyncio.current_task()
    assert task is not None
    with on_interrupt(task.cancel):  # the link is put away first
        found = await find(sensor, profile=profile)
        async with open_inquiry(found) as inquiry:
            if stop:
                await inquiry.stop()
            info = await inquiry.info()
        Console().print(table_of(found, info))
        if download is not None:
            await _download(found, info.logs, download, erase)


def table_of(found: Found, info: SensorInfo) -> Table:
    """What is known of a sensor, a line each."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, words in _lines(found, info):
        if words:
            table.add_row(name, Text(words))
    return table


def _lines(found: Found, info: SensorInfo) -> list[tuple[str, str]]:
    assert found.profile is not None
    told = info.capabilities
    offers = told or found.profile
    lines = [
        ("Name", found.label),
        ("Address", found.address),
        ("Kind", f"{found.profile.title} ({found.profile.name})"),
        ("Maker", info.maker or ""),
        ("Model", info.model or ""),
        ("Firmware", info.firmware or ""),
        ("Battery", "" if info.battery_percent is None else f"{info.battery_percent} %"),
        ("Signal", f"{found.signal_dbm} dBm, MTU {info.mtu}"),
        ("Rates", _list(offers.rates_hz, "Hz")),
        ("Acceleration", _list(offers.acc_ranges_g, "g")),
        ("Angular rate", _list(offers.gyr_ranges_deg_s, "deg/s")),
    ]
    if told is not None:
        log = f"{told.log_bytes / 1e6:.1f} MB" if told.log_bytes else "none"
        lines += [("Held for a lost link", f"{told.ring_samples} samples"), ("Storage for logs", log)]
    if info.status is not None:
        lines.append(("State", _state(info.status)))
    for log in info.logs:
        lines.append((f"Log {log.log_id}", f"{log.bytes / 1e3:.1f} kB"))
    if told is None:
        lines.append(("Tested", found.profile.tested))
    return lines


def _list(values: tuple[int, ...], unit: str) -> str:
    return f"{', '.join(str(value) for value in values)} {unit}" if values else ""


def _state(status: StatusReport) -> str:
    if not status.running:
        return "waiting"
    log = {int(LogState.WRITING): ", writes its log", int(LogState.STOPPED): ", its log is full"}
    lost = f", {status.lost} lost" if status.lost else ""
    return f"recording: {status.next_index} samples{lost}{log.get(status.log, '')}"


async def _download(found: Found, logs: tuple[LogEntry, ...], folder: Path, erase: bool) -> None:
    if not logs:
        print("The sensor holds no log.")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(folder, error) from error
    for log in logs:
        file = folder / f"{file_word(found.label)}-log-{log.log_id}{ENDING}"
        if file.exists():
            print(f"{file} is there already; the log stays on the sensor.")
            continue
        with patience(f"Log {log.log_id}") as progress:
            content = await download_log(found, log, progress)
        try:
            with atomic_path(file) as aside:
                aside.write_bytes(content)
        except OSError as error:
            raise unwritten(file, error) from error
        try:
            print(f"{file}: {read(file).duration_s:.0f} s; `imurun analyze` reads it.")
        except ImurunError as error:
            print(f"{file}: {error} The log stays on the sensor.")
            continue
        if erase:
            async with open_inquiry(found) as inquiry:
                await inquiry.erase_log(log)
