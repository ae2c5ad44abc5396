"""Kill test of `imurun record`, with a stand-in for org.bluez on a bus and a simulated board behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from imurun.ble.devices.imurun import DATA
from imurun.ble.journal import Notification, open_journal
from imurun.model.recording import Recording
from imurun.sim.presets import steady_run
from imurun.virtual.feed import Feed
from tests.ble.bluez import Bluez, start_daemon
from tests.ble.board import ACC_SCALE, GYR_SCALE, Board
from tests.kills.probes import ArrivalLog, read_log
from tests.kills.session_commands import STEM, Recorded
from tests.kills.warm import PROBED, Warm

RATE_HZ = 208
SECONDS = 4.0
ENOUGH_S = 60.0
SCALES = {"rate_hz": RATE_HZ, "acc_scale_g": ACC_SCALE * 1e-9, "gyr_scale_deg_s": GYR_SCALE * 1e-9}


class RunningBoard(Board):
    """A board on a simulated runner; `sent` logs its samples with their times."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(rate_hz=RATE_HZ)
        self.counts_of = lambda indices: feed.counts(int(indices[0]), len(indices), **SCALES)[0]
        self.sent = ArrivalLog()

    def _send(self, bluez, first, n, flags):
        if self._running and DATA in bluez.subscribed:
            self.sent.add(first + n)
        super()._send(bluez, first, n, flags)


class Record(Recorded):
    """`imurun record` for a few seconds."""

    name = "record"
    probe = "packets"
    most_gone = 12  # packets of a second

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        self._feed = Feed(steady_run(ENOUGH_S, rate_hz=float(RATE_HZ)).recording)
        self._board = RunningBoard(self._feed)
        self._address = ""

    def words(self, place: Path, stem: str = STEM) -> list[str]:
        """Arguments for a few seconds."""
        return ["record", "imurun-1", str(place / stem), "--seconds", str(SECONDS)]

    def environment(self, place: Path) -> dict[str, str]:
        """Environment with the bus; all runs share one cache, so that files of killed runs are met."""
        cache = {"XDG_CACHE_HOME": str(self.folder / "cache")}
        return super().environment(place) | cache | {"DBUS_SYSTEM_BUS_ADDRESS": self._address}

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """A bus with a sensor in range that has just been switched on."""
        daemon, self._address = start_daemon()
        self._board = RunningBoard(self._feed)
        try:
            with _in_range(self._board, self._address):
                yield
        finally:
            daemon.terminate()
            daemon.wait()
            daemon.stdout.close()

    def truth(self, recording: Recording) -> Recording:
        """Samples of the simulated sensor; scaled in another order, so that the last bit may differ."""
        n = len(recording)
        counts = self._feed.counts(0, n, **SCALES)[0]
        scale = np.repeat([ACC_SCALE * 1e-9 * 9.80665, GYR_SCALE * 1e-9 * np.pi / 180], 3)
        true = counts * scale
        assert recording.gyr is not None
        found = np.hstack([recording.acc, recording.gyr])
        if np.allclose(found, true, rtol=1e-12, atol=1e-12):
            return recording
        return replace(recording, acc=true[:, :3], gyr=true[:, 3:])

    def came(self, journal: Path | None, n: int, notes: Path) -> list[tuple[ArrivalLog, int]]:
        """Log and journal count of the notifications from bleak, then of the samples that the board sent."""
        records = () if journal is None else open_journal(journal).records()
        packets = sum(isinstance(record, Notification) for record in records)
        return [(read_log(notes / PROBED), packets), (self._board.sent, n)]


@contextmanager
def _in_range(board: RunningBoard, address: str) -> Iterator[None]:
    """Run the board in a thread."""
    loop = asyncio.new_event_loop()
    begun, end = threading.Event(), asyncio.Event()

    async def serve() -> None:
        bluez = Bluez(board)
        bluez.address = address
        async with bluez:
            sending = asyncio.create_task(board.run(bluez))
            begun.set()
            await end.wait()
            sending.cancel()
            await asyncio.wait([sending])

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        begun.wait(60.0)
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
