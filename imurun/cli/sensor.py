"""`imurun sensor`: a sensor's capabilities, battery, firmware, state, and the logs it stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imurun.cli.options import KindOption, SensorArgument
from imurun.errors import ImurunError, SettingsError

if TYPE_CHECKING:
    from rich.table import Table

    from imurun.ble.control import LogEntry, StatusReport
    from imurun.ble.device_info import SensorInfo
    from imurun.ble.devices import DeviceDriver
    from imurun.ble.scan import DiscoveredSensor

ENDING = ".imulog"


def sensor(
    name: SensorArgument,
    download: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Download the stored logs into this folder.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the measurement, if one is running.")] = False,
    erase: Annotated[
        bool,
        typer.Option("--erase", help="With --download: erase each log on the sensor after its download."),
    ] = False,
    kind: KindOption = None,
) -> None:
    """Show a sensor's capabilities, battery, firmware and stored logs; download the logs."""
    if erase and download is None:
        raise SettingsError("--erase goes with --download DIR: only downloaded logs are erased.")
    import asyncio

    from imurun.ble.devices import get_driver

    driver = get_driver(kind) if kind is not None else None
    try:
        asyncio.run(_run(name, driver, download, stop=stop, erase=erase))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _run(
    name: str, driver: DeviceDriver | None, download: Path | None, *, stop: bool, erase: bool
) -> None:
    """Print what the sensor reports, then download its logs if asked for.

    Raises:
        SettingsError: a folder that cannot be written.
        SensorError: the sensor cannot be reached, or refuses.
    """
    import asyncio

    from rich.console import Console

    from imurun.ble.device_info import open_management
    from imurun.ble.scan import find
    from imurun.cli.interrupt import on_interrupt

    task = asyncio.current_task()
    assert task is not None
    with on_interrupt(task.cancel):  # cancelling closes the connection properly
        found = await find(name, driver=driver)
        async with open_management(found) as management:
            if stop:
                await management.stop()
            info = await management.info()
        Console().print(_table(found, info))
        if download is not None:
            await _download(found, info.logs, download, erase)


def _table(found: DiscoveredSensor, info: SensorInfo) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for label, value in _rows(found, info):
        if value:
            table.add_row(label, Text(value))  # Text: what comes by radio is no markup
    return table


def _rows(found: DiscoveredSensor, info: SensorInfo) -> list[tuple[str, str]]:
    """Label and value of every line; an empty value is left out of the table."""
    assert found.driver is not None
    reported = info.capabilities
    capabilities = reported or found.driver
    rows = [
        ("Name", found.label),
        ("Address", found.address),
        ("Kind", f"{found.driver.title} ({found.driver.name})"),
        ("Maker", info.maker or ""),
        ("Model", info.model or ""),
        ("Firmware", info.firmware or ""),
        ("Battery", "" if info.battery_percent is None else f"{info.battery_percent} %"),
        ("Signal", f"{found.signal_dbm} dBm, MTU {info.mtu}"),
        ("Rates", _list(capabilities.rates_hz, "Hz")),
        ("Acceleration", _list(capabilities.acc_ranges_g, "g")),
        ("Angular rate", _list(capabilities.gyr_ranges_deg_s, "deg/s")),
    ]
    if reported is not None:
        storage = f"{reported.log_bytes / 1e6:.1f} MB" if reported.log_bytes else "none"
        rows += [("Resend buffer", f"{reported.ring_samples} samples"), ("Storage for logs", storage)]
    if info.status is not None:
        rows.append(("State", _state(info.status)))
    for log in info.logs:
        rows.append((f"Log {log.log_id}", f"{log.bytes / 1e3:.1f} kB"))
    if reported is None:
        rows.append(("Tested", found.driver.tested))
    return rows


def _list(values: tuple[int, ...], unit: str) -> str:
    return f"{', '.join(str(value) for value in values)} {unit}" if values else ""


def _state(status: StatusReport) -> str:
    from imurun.ble.control import LogState

    if not status.running:
        return "waiting"
    log = {int(LogState.WRITING): ", writes its log", int(LogState.STOPPED): ", its log is full"}
    lost = f", {status.lost} lost" if status.lost else ""
    return f"recording: {status.next_index} samples{lost}{log.get(status.log, '')}"


async def _download(found: DiscoveredSensor, logs: tuple[LogEntry, ...], folder: Path, erase: bool) -> None:
    """Write each log to a file of its own; a file that exists is never replaced."""
    from imurun.ble.device_info import download_log, open_management
    from imurun.cli.screen import progress_bar
    from imurun.files.atomic import atomic_path, write_error
    from imurun.files.text import file_word
    from imurun.io import read

    if not logs:
        print("The sensor stores no log.")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    for log in logs:
        file = folder / f"{file_word(found.label)}-log-{log.log_id}{ENDING}"
        if file.exists():
            print(f"{file} is there already; the log stays on the sensor.")
            continue
        with progress_bar(f"Log {log.log_id}") as progress:
            content = await download_log(found, log, progress)
        try:
            with atomic_path(file) as aside:
                aside.write_bytes(content)
        except OSError as error:
            raise write_error(file, error) from error
        try:
            print(f"{file}: {read(file).duration_s:.0f} s; `imurun analyze` reads it.")
        except ImurunError as error:  # a log that cannot be read is never erased
            print(f"{file}: {error} The log stays on the sensor.")
            continue
        if erase:
            async with open_management(found) as management:
                await management.erase_log(log)
