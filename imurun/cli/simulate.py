"""`imurun simulate`: a simulated run as a recording with exact truth, or as a Bluetooth LE sensor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imurun.errors import SettingsError

if TYPE_CHECKING:
    from imurun.model.recording import Recording
    from imurun.sim import Simulation
    from imurun.virtual.faults import Faults

DURATION_S, SPEED_M_S = 60.0, 3.0
FILE_RATE_HZ, SENSOR_RATE_HZ = 100.0, 208.0
NOTIFICATIONS_PER_S = 400.0
"""Capacity of the simulated connection; at MTU 23 and 208 Hz the sensor needs 221."""


def simulate(
    out: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="Recording to write: .csv, .csv.gz or .parquet.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="S", help=f"Length of a steady run; default {DURATION_S:g}.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(metavar="M/S", help=f"Speed of a steady run; default {SPEED_M_S:g}.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="HZ",
            help=f"Sampling rate; default {FILE_RATE_HZ:g}, with --ble {SENSOR_RATE_HZ:g}.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 1,
    eventful: Annotated[
        bool,
        typer.Option(
            "--eventful", help="Not a steady run: warm-up, walk break, fatigue and a tilted sensor."
        ),
    ] = False,
    truth: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write the true steps: .csv or .parquet.")
    ] = None,
    ble: Annotated[
        str | None,
        typer.Option(
            metavar="ADAPTER",
            help="Advertise as a BLE sensor and replay this run in a loop (extra virtual): "
            "usb:0, hci-socket:0, tcp-client:HOST:PORT.",
        ),
    ] = None,
    recording: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --ble: replay this recording instead.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="With --ble: fault to inject, repeatable: loss=0.05, drop=60:5 (every 60 s "
            "for 5 s), drop=@100:5 (once), silence=120:3, reboot=@300, delay=0.2, duplicate=0.01, "
            "reorder=0.01, flip=0.001, battery=80:-5 (percent, percent per hour).",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="With --ble: end after this time.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="With --ble: name of the sensor.")] = None,
) -> None:
    """Simulate a run with exact truth: write it as a recording, or replay it as a Bluetooth LE sensor."""
    if (out is None) == (ble is None):
        raise typer.BadParameter("Give either OUT, a file to write, or --ble, an adapter to use.")
    if out is not None:
        if recording is not None or fault or seconds is not None or name is not None:
            raise typer.BadParameter("--recording, --fault, --seconds and --name go with --ble.")
        rate_hz = FILE_RATE_HZ if rate is None else rate
        _write(out, truth, _simulated(duration, speed, rate_hz, seed, eventful=eventful))
        return
    assert ble is not None
    if truth is not None:
        raise typer.BadParameter("--truth goes with OUT.")
    import asyncio

    from imurun.virtual.faults import parse_faults

    faults = parse_faults(fault or [])
    if recording is None:
        rate_hz = SENSOR_RATE_HZ if rate is None else rate
        source = _simulated(duration, speed, rate_hz, seed, eventful=eventful).recording
    else:
        if eventful or any(value is not None for value in (duration, speed, rate)):
            raise SettingsError(
                "--recording replays a file; leave --duration, --speed, --rate and --eventful out."
            )
        from imurun.io import read

        source = read(recording)
    try:
        asyncio.run(_advertise(ble, source, faults, seed=seed, seconds=seconds, name=name))
    except KeyboardInterrupt:  # the usual end where no time is set
        pass
    print("The sensor is off.", flush=True)


def _simulated(
    duration_s: float | None, speed_m_s: float | None, rate_hz: float, seed: int, *, eventful: bool
) -> Simulation:
    """The simulated run of the options.

    Raises:
        SettingsError: values outside the range of runners or sensors, or options that exclude each other.
    """
    from imurun.sim.presets import eventful_run, steady_run

    if not eventful:
        duration_s = DURATION_S if duration_s is None else duration_s
        speed_m_s = SPEED_M_S if speed_m_s is None else speed_m_s
        return steady_run(duration_s, speed_m_s, rate_hz=rate_hz, seed=seed)
    if duration_s is not None or speed_m_s is not None:
        raise SettingsError("--eventful has its own duration and speed; leave --duration and --speed out.")
    return eventful_run(rate_hz=rate_hz, seed=seed)


def _write(out: Path, truth_out: Path | None, simulation: Simulation) -> None:
    from imurun.export import write_steps
    from imurun.io import write_recording

    if truth_out is not None and truth_out.resolve() == out.resolve():
        raise SettingsError(f"{out} cannot hold both the recording and its truth; choose another --truth.")
    recording = simulation.recording
    write_recording(recording, out)
    print(f"Simulated recording: {out} ({recording.duration_s:.0f} s at {recording.rate_hz:g} Hz)")
    if truth_out is not None:
        write_steps(simulation.truth.to_frame(), truth_out, metadata={"truth": "simulated"})
        print(f"True steps: {truth_out}")


async def _advertise(
    adapter: str, recording: Recording, faults: Faults, *, seed: int, seconds: float | None, name: str | None
) -> None:
    """Run the virtual sensor on the adapter; events go to stdout with the time since its start.

    Raises:
        SettingsError: no such adapter, or no C compiler for the sensor's firmware.
        AdapterError: the adapter cannot be used, or was removed.
        MissingExtraError: the extra virtual is not installed.
    """
    import asyncio

    from imurun.virtual.feed import Feed
    from imurun.virtual.offer import NAME, build_device_side, offer
    from imurun.virtual.sensor import VirtualSensor

    loop = asyncio.get_running_loop()
    sensor = VirtualSensor(
        build_device_side(),
        Feed(recording),
        faults,
        seed=seed,
        notifications_per_s=NOTIFICATIONS_PER_S,
        now_s=loop.time(),
    )
    started_s = loop.time()

    def report(line: str) -> None:
        print(f"{loop.time() - started_s:8.1f} s  {line}", flush=True)

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await offer(adapter, sensor, name=name or NAME, log=report)
    except TimeoutError:
        if not limit.expired():  # another timeout, inside the sensor
            raise
    finally:
        counts = ", ".join(f"{n} {what}" for what, n in sensor.air.counts.items() if n)
        if counts:
            report(f"notifications: {counts}")
        sensor.close()
