"""Share of a core for many sensors in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.speed.measure import Figure, compare
from benchmarks.speed.packets import Traffic, own
from benchmarks.speed.wire import views_of
from imurun.ble.decoding import StreamDecoder
from imurun.ble.devices import DRIVERS
from imurun.ble.journal import JournalWriter

N_SENSORS = 50
UNIT = "percent of a core"
TARGET = 100.0


def measure_sensors(*, quick: bool) -> list[Figure]:
    """50 sensors at 208 Hz, from bytes of notifications to blocks; with and without journals."""
    figures: list[Figure] = []
    for mtu in (247, 23):
        # the clock fit has all its points after five minutes, which would take too long with short frames
        seconds, repeats = (4.0, 2) if quick else (330.0, 3) if mtu == 247 else (30.0, 5)
        traffic = own(mtu, seconds)
        for recorded in (False, True):
            with TemporaryDirectory() as folder, ExitStack() as stack:
                runs = _runs(traffic, Path(folder) if recorded else None, stack)
                views = views_of(traffic)

                def reference() -> None:
                    for _ in range(N_SENSORS):
                        views()  # noqa: B023

                took, least = compare(reference, lambda: next(runs), repeats)  # noqa: B023
            figures.append(
                Figure(
                    "sensors",
                    f"{N_SENSORS} at MTU {mtu}" + (", with journals" if recorded else ""),
                    UNIT,
                    tuple(100 * s / traffic.seconds for s in took),
                    tuple(100 * s / traffic.seconds for s in least),
                    TARGET,
                )
            )
    return figures


def _runs(traffic: Traffic, folder: Path | None, stack: ExitStack) -> Iterator[Callable[[], None]]:
    """Functions to time, each with its own sensors, and journals in `folder`."""
    profile = DRIVERS[traffic.profile]
    uuid = profile.data_characteristic
    repeat = 0
    while True:
        sensors: list[tuple[StreamDecoder, JournalWriter | None]] = []
        for k in range(N_SENSORS):
            journal = None
            if folder is not None:
                path = folder / f"{repeat}-{k}.journal"
                journal = stack.enter_context(JournalWriter(path, {}, [uuid]))
            sensors.append((StreamDecoder(profile, traffic.settings), journal))

        def work(sensors: list[tuple[StreamDecoder, JournalWriter | None]] = sensors) -> None:
            for data, arrival_s in traffic.packets:
                for stream_decoder, journal in sensors:
                    if journal is not None:
                        journal.notification(arrival_s, uuid, data)
                    stream_decoder.take(uuid, data, arrival_s)
            assert all(
                stream_decoder.reassembler.next_index == traffic.n_sets for stream_decoder, _ in sensors
            )

        yield work
        for _, journal in sensors:
            if journal is not None:
                journal.close()
        repeat += 1
