"""Simulates one Bluetooth sensor: runs imurun's firmware in C on given samples, and injects faults.

It uses neither radio nor clock: the caller passes the time, and sends the packets that it returns.
"""

from __future__ import annotations

import math
from collections import Counter
from ctypes import CDLL
from itertools import pairwise
from random import Random
from typing import Literal, NamedTuple

import numpy as np

from imurun.virtual.board import Board
from imurun.virtual.faults import BOOT_S, Air, Faults, Spell
from imurun.virtual.feed import Feed

CHUNK = 2048
"""At most so many samples between two runs of the firmware, so that its ring buffer cannot overflow."""
LOG_BYTES = 1 << 24
OUT_OF_RANGE, SILENT, REBOOTED = "out of range", "silent", "rebooted"


class Packet(NamedTuple):
    """Bytes to send: a notification of the data characteristic, or an indication of the control point."""

    on: Literal["data", "control"]
    data: bytes


class VirtualSensor:
    """One virtual sensor. The caller passes the time, in s on any clock that does not go back, from `now_s`
    on.

    The feed begins with the first start of a run and keeps running; a later run joins it at that time, on the
    same grid of sample times.

    Args:
        library: the firmware, loaded by `imurun.virtual.board.load`.
        feed: its measurements.
        faults: its faults.
        seed: the same seed gives the same random faults.
        clock_ppm: how much faster its clock and its rate run than the caller's.
        notifications_per_s: capacity of the radio; None is no limit.
        log_bytes: storage for logs.
        now_s: when it is switched on.

    Attributes:
        air: counts what happened to notifications.
        counts: number of faults "out of range", "silent", "rebooted".
        is_linked: whether it is connected; some faults end the connection.
        clock_ppm: see above.
        boot_id: id of the current boot.
    """

    def __init__(
        self,
        library: CDLL,
        feed: Feed,
        faults: Faults | None = None,
        *,
        seed: int = 0,
        clock_ppm: float = 0.0,
        notifications_per_s: float | None = None,
        log_bytes: int = LOG_BYTES,
        now_s: float = 0.0,
    ) -> None:
        self._feed = feed
        self._faults = faults or Faults()
        self._random = Random(seed)
        self.air = Air(self._faults, self._random)
        self.counts: Counter[str] = Counter()
        self.boot_id = self._random.getrandbits(32)
        self.clock_ppm = clock_ppm
        self._board = Board(library, self.boot_id, log_bytes)
        self._on_s = now_s
        self._booted_s = now_s
        self._now_s = now_s
        self._anchor_s: float | None = None
        self._rate_hz = 0.0
        self._next = 0
        self._room = notifications_per_s
        self._room_left = 0.0
        self.is_linked = False
        self._unconfirmed = False
        self._out: list[Packet] = []
        self._news: list[str] = []

    def close(self) -> None:
        """Free the firmware's memory."""
        self._board.close()

    # -- what it is ---------------------------------------------------------------------------------------

    @property
    def in_range(self) -> bool:
        """Whether the sensor is in range: else it has no connection, and does not advertise."""
        elapsed_s = self._now_s - self._on_s
        return not any(spell.holds(elapsed_s) for spell in (*self._faults.drops, *self._faults.reboots))

    @property
    def battery(self) -> int:
        """Charge, percent."""
        return self._faults.battery_at(self._now_s - self._on_s)

    @property
    def has_ended(self) -> bool:
        """Whether a feed that does not loop has reached its last sample."""
        return self._anchor_s is not None and self._next >= self._feed.n_samples(self._rate_hz)

    @property
    def next_sample(self) -> int:
        """Position in the feed of the next sample."""
        return self._next

    def info(self) -> bytes:
        """Content of the info characteristic."""
        return self._board.info()

    def news(self) -> list[str]:
        """Faults since the last call, in words."""
        news, self._news = self._news, []
        return news

    # -- the connection -----------------------------------------------------------------------------------

    def connect(self) -> None:
        """Begin a connection, with the default MTU."""
        self.disconnect()
        self.is_linked = True

    def set_mtu(self, mtu: int) -> None:
        """Set the negotiated MTU."""
        self._board.set_mtu(mtu)

    def disconnect(self) -> None:
        """End the connection."""
        self.is_linked = False
        self._board.disconnect()
        self.air.clear()
        self._unconfirmed = False
        self._out.clear()

    def subscribe(self, subscribed: bool) -> None:
        """Turn notifications of the data characteristic on or off."""
        self._board.subscribe(subscribed)

    def write(self, request: bytes, now_s: float) -> bool:
        """Write to the control point; False where the previous request is not answered yet."""
        self.advance_clock(now_s)
        was_sampling = self._board.sampling
        taken = self._board.write(request)
        self._keep_indications()
        if self._board.sampling and not was_sampling:
            self._start()
        self._turn()
        return taken

    def confirm(self) -> None:
        """Confirm the last indication."""
        self._unconfirmed = False
        self._turn()

    def advance(self, now_s: float) -> list[Packet]:
        """Advance to `now_s`; return the packets to send, in order.

        At most one indication is returned before `confirm` is called.
        """
        self.advance_clock(now_s)
        packets, self._out = self._out, []
        return packets + [Packet("data", data) for data in self.air.arrived(self._now_s)]

    def advance_clock(self, now_s: float) -> None:
        """Advance to `now_s`; packets are kept for the next `advance`."""
        now_s = max(now_s, self._now_s)
        for at_s, name, spell in self._begin(self._now_s - self._on_s, now_s - self._on_s):
            self._pass(self._on_s + at_s)
            self.counts[name] += 1
            if name == REBOOTED:
                self._reboot()
            else:
                self._news.append(f"{name} for {spell.lasting_s:g} s")
            if name == OUT_OF_RANGE:
                self.disconnect()
        self._pass(now_s)

    def _begin(self, after_s: float, until_s: float) -> list[tuple[float, str, Spell]]:
        """Faults that begin, by time."""
        faults = self._faults
        named = ((OUT_OF_RANGE, faults.drops), (SILENT, faults.silences), (REBOOTED, faults.reboots))
        begin = [
            (at_s, name, spell)
            for name, spells in named
            for spell in spells
            for at_s in spell.between(after_s, until_s)
        ]
        return sorted(begin, key=lambda one: one[0])

    # -- time ---------------------------------------------------------------------------------------------

    def _pass(self, until_s: float) -> None:
        """Take samples and run the firmware, up to `until_s`."""
        if self._room is not None:
            at_once = 1.0 + self._room * 0.1  # an idle radio accumulates capacity for 0.1 s only
            self._room_left = min(self._room_left + (until_s - self._now_s) * self._room, at_once)
        while True:
            n = self._n_due(until_s)
            part = min(n, CHUNK)
            at_s = until_s if part == n else self._taken_s(self._next + part - 1)
            if part and self._board.sampling:
                self._take(part)
            self._next += part
            self._now_s = max(self._now_s, at_s)
            self._turn()
            if part == n:
                return

    def _n_due(self, until_s: float) -> int:
        """Number of samples to take up to `until_s`."""
        if self._anchor_s is None:
            return 0
        # the margin keeps rounding from taking a sample early or twice
        stop = math.floor((until_s - self._anchor_s) * self._true_rate_hz + 1e-6)
        return max(0, int(min(stop, self._feed.n_samples(self._rate_hz))) - self._next)

    @property
    def _true_rate_hz(self) -> float:
        """Samples a second of the caller's clock: the sensor's own clock sets its pace."""
        return self._rate_hz * (1.0 + self.clock_ppm * 1e-6)

    def _taken_s(self, sample: int) -> float:
        """Time of a sample of the feed."""
        assert self._anchor_s is not None
        return self._anchor_s + (sample + 1) / self._true_rate_hz

    def _device_s(self, time_s: float) -> float:
        return max(0.0, (time_s - self._booted_s) * (1.0 + self.clock_ppm * 1e-6))

    def _take(self, n: int) -> None:
        sensor = self._board.sensor
        counts, missing = self._feed.counts(
            self._next,
            n,
            rate_hz=self._rate_hz,
            acc_scale_g=sensor.acc_scale * 1e-9,
            gyr_scale_deg_s=sensor.gyr_scale * 1e-9,
        )
        times_us = [round(self._device_s(self._taken_s(self._next + k)) * 1e6) for k in range(n)]
        edges = [0, *(np.flatnonzero(np.diff(missing)) + 1).tolist(), n]
        for first, stop in pairwise(edges):
            if missing[first]:
                self._board.lose(stop - first)
            else:
                self._board.push(counts[first:stop], times_us[first:stop])

    def _start(self) -> None:
        """Begin a run: the first one starts the feed, later ones join it."""
        rate_hz = self._board.sensor.rate_mhz / 1000
        if self._anchor_s is None:
            self._anchor_s, self._next = self._now_s, 0
        elif rate_hz != self._rate_hz:
            # the grid of another rate begins at the same time
            elapsed = (self._now_s - self._anchor_s) * rate_hz * (1.0 + self.clock_ppm * 1e-6)
            self._next = math.floor(elapsed + 1e-6)
        self._rate_hz = rate_hz

    def _reboot(self) -> None:
        self.disconnect()
        self.boot_id = self._random.getrandbits(32)
        self._board.power_cycle(self.boot_id)
        self._booted_s = self._now_s + BOOT_S
        self._news.append("rebooted: run, ring and clock are lost")

    def _turn(self) -> None:
        """Run the firmware's main loop once, and pass its notifications on."""
        self._board.set_clock(round(self._device_s(self._now_s) * 1e6))
        self._board.set_battery(self.battery)
        room = -1 if self._room is None else int(self._room_left)
        self._board.set_radio_room(room, 0 if self._unconfirmed else 1)
        self._board.poll()
        self._keep_indications()
        notified = self._board.notifications()
        if self._room is not None:
            self._room_left -= len(notified)
        elapsed_s = self._now_s - self._on_s
        if not any(spell.holds(elapsed_s) for spell in self._faults.silences):
            for data in notified:
                self.air.send(data, self._now_s)

    def _keep_indications(self) -> None:
        for data in self._board.indications():
            self._unconfirmed = True
            self._out.append(Packet("control", data))
