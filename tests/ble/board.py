"""A sensor with imurun's own protocol behind `bluez.Bluez`: ring, control point, frames, in real time.

The value of a sample is told by its number alone (`counts_of`), so a test knows every one.
"""

from __future__ import annotations

import asyncio
import time

import numpy as np

from imurun.ble.codec import Samples, encode_frame, samples_per_frame
from imurun.ble.control import (
    Capabilities,
    Configuration,
    Fetching,
    Op,
    Response,
    Started,
    Status,
    StatusReport,
    Stopped,
    TimeSync,
    decode_request,
    encode_response,
)
from imurun.ble.devices.driver import BATTERY_LEVEL, uuid16
from imurun.ble.devices.imurun import CONTROL, DATA, INFO, SERVICE
from imurun.reassembly.chunks import Flag

ACC_SCALE, GYR_SCALE = 488_281, 70_000_000
FIRST_BOOT = 77


def counts_of(indices):
    """Counts of samples, shape (n, 6)."""
    indices = np.asarray(indices)[:, None]
    return ((indices * (7 + np.arange(6)) + np.arange(6) * 1000) % 20011 - 10000).astype(np.int16)


def values_of(indices):
    """The same in m/s2 and rad/s."""
    scale = np.repeat([ACC_SCALE * 1e-9 * 9.80665, GYR_SCALE * 1e-9 * np.pi / 180], 3)
    return counts_of(indices) * scale


class Board:
    """The device; `run` sends its live and asked-for samples through a `Bluez`.

    Attributes:
        lose: called with the first index of a live frame; true keeps it from being sent.
        silent: sends nothing at all.
        battery: percent.
        requests: ops that were asked for.
        ring: how many samples it holds.
        fetched_from: the first number of each answer to a fetch.
        began_s: when the run began, on the host's monotonic clock.
        counts_of: what is measured, as the function of this name.
    """

    services = {  # noqa: RUF012
        SERVICE: {
            DATA: ["notify"],
            CONTROL: ["write", "indicate"],
            INFO: ["read"],
        },
        uuid16(0x180F): {BATTERY_LEVEL: ["read"]},
    }

    def __init__(self, *, rate_hz=208, ring=4096, log_bytes=0):
        self.lose = lambda first_index: False
        self.silent = False
        self.battery = 81
        self.flags = 0
        self.requests: list[Op] = []
        self.mtu = 247
        self._rate_hz = rate_hz
        self.ring = ring
        self.fetched_from: list[int] = []
        self._log_bytes = log_bytes
        self._logs = False
        self.start_options = []
        self.counts_of = counts_of
        self._boot_id = FIRST_BOOT
        self._run = 0
        self._sequence = 0
        self._booted_s = time.monotonic()
        self._running = False
        self.began_s = 0.0
        self._sent = 0
        self._fetching: list[int] = []

    def reboot(self):
        """Power comes back: another boot, and a clock that begins anew."""
        self._boot_id += 1
        self._run = self._sequence = 0
        self._booted_s = time.monotonic()
        self._running = False
        self._fetching = []

    @property
    def taken(self):
        """Samples of the run so far."""
        return int((time.monotonic() - self.began_s) * self._rate_hz) if self._running else self._sent

    def read(self, uuid):
        if uuid == BATTERY_LEVEL:
            return bytes((self.battery,))
        rates, acc, gyr = (104, 208), (4, 16), (500, 2000)
        capabilities = Capabilities(1, rates, acc, gyr, self.ring, self._log_bytes, "test")
        return encode_response(Response(Op.CAPABILITIES, 0, 0, capabilities))[0][4:]

    def written(self, uuid, data):
        request = decode_request(data)
        self.requests.append(request.op)
        status, payload = getattr(self, f"_on_{request.op.name.lower()}")(*request.values)
        return encode_response(Response(request.op, request.ref, status, payload), self.mtu)

    def _on_stop(self):
        if not self._running:
            return Status.NOT_RUNNING, None
        self._sent, self._running = self.taken, False
        return Status.OK, Stopped(self._sent)

    def _on_configure(self, rate_hz, acc_range_g, gyr_range_deg_s):
        return Status.OK, Configuration(1, rate_hz * 1000, acc_range_g, gyr_range_deg_s, ACC_SCALE, GYR_SCALE)

    def _on_start(self, options):
        self.start_options.append(options)
        self._run += 1
        self._logs = bool(options)
        if self._logs and not self._log_bytes:
            return Status.STORAGE, None
        self._running, self.began_s, self._sent = True, time.monotonic(), 0
        return Status.OK, Started(self._boot_id, self._run, 0)

    def _on_time_sync(self, utc_us):
        self.utc_us = utc_us
        now_us = int((time.monotonic() - self._booted_s) * 1e6)
        return Status.OK, TimeSync(now_us, now_us)

    def _on_status(self):
        report = (int(self._running), 1, self.taken, self.oldest, 0, self.battery, int(self._logs), 0)
        return Status.OK, StatusReport(self._boot_id, self._run, *report)

    def _on_fetch(self, first, count):
        held = range(max(first, self.oldest), min(first + count, self._sent))
        if not held:
            return Status.NOT_HELD, None
        self._fetching = list(held)
        self.fetched_from.append(held.start)
        return Status.OK, Fetching(held.start, len(held))

    @property
    def oldest(self):
        """The first sample that the ring still holds."""
        return max(0, self.taken - self.ring)

    async def run(self, bluez):
        """Send until cancelled."""
        self.mtu = bluez.mtu
        n = samples_per_frame(self.mtu) or 16
        while True:
            await asyncio.sleep(n / self._rate_hz / 2)
            if DATA not in bluez.subscribed:
                self._sent, self._fetching = max(self._sent, self.taken), []  # live goes on with what is next
                continue
            while self.taken - self._sent >= n:
                self._send(bluez, self._sent, n, 0)
                self._sent += n
            if self._fetching:
                part, self._fetching = self._fetching[: 8 * n], self._fetching[8 * n :]
                for k in range(0, len(part), n):
                    self._send(bluez, part[k], len(part[k : k + n]), Flag.BACKFILLED)

    def _send(self, bluez, first, n, flags):
        if self.silent or (not flags and (not self._running or self.lose(first))):
            return  # the ring is still there after a stop
        for frame in self._frames(first, n, flags | self.flags):
            bluez.notify(DATA, encode_frame(frame))

    def _frames(self, first, n, flags):
        elapsed_s = self.began_s - self._booted_s + (first + n - 1) / self._rate_hz
        time_us = int(elapsed_s * 1e6) % 2**32
        raw = self.counts_of(np.arange(first, first + n))
        if samples_per_frame(self.mtu):
            yield Samples(flags, self._next_sequence(), first, time_us, 1, raw)
            return
        for k in range(n):
            yield Samples(flags, self._next_sequence(), first + k, None, None, raw[k : k + 1])
        yield Samples(flags, self._next_sequence(), first + n, time_us, 1, raw[:0])

    def _next_sequence(self):
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence
