"""Notifications of each kind of sensor, as input of the decoding benchmarks."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import numpy.typing as npt

from imurun.ble.codec import Samples, encode_frame, samples_per_frame
from imurun.ble.decoding import Settings
from imurun.ble.devices import DRIVERS
from imurun.model.frames import FloatArray

Counts = npt.NDArray[np.int16]

DELAY_S, JITTER_S = 0.02, 0.01
SHORT_TIME_EVERY = 16
"""Short frames between two frames with a time stamp, as in the firmware."""


@dataclass(frozen=True)
class Traffic:
    """Notifications of one sensor, in order of arrival.

    Attributes:
        name: of the stream.
        profile: name of the device driver.
        settings: of the sensor.
        packets: bytes and arrival times.
        n_sets: number of rows of six values.
    """

    name: str
    profile: str
    settings: Settings
    packets: tuple[tuple[bytes, float], ...]
    n_sets: int

    @property
    def seconds(self) -> float:
        """Duration of the measurement, s."""
        return self.n_sets / self.settings.rate_hz


def own(mtu: int, seconds: float) -> Traffic:
    """imurun's own protocol at 208 Hz with this MTU."""
    rate_hz = 208
    raw = counts(round(seconds * rate_hz))
    n = samples_per_frame(mtu)

    def frames() -> Iterator[tuple[bytes, float]]:
        size = n or SHORT_TIME_EVERY
        for k, first in enumerate(range(0, len(raw) - size + 1, size)):
            last_s = (first + size - 1) / rate_hz
            time_us = round(last_s * 1e6) % 2**32
            if n:
                part = raw[first : first + size]
                yield encode_frame(Samples(0, k & 0xFFFF, first, time_us, 1, part)), last_s
                continue
            number = k * (size + 1)
            for j in range(size):
                short = Samples(
                    0, (number + j) & 0xFFFF, first + j, None, None, raw[first + j : first + j + 1]
                )
                yield encode_frame(short), (first + j) / rate_hz
            time = Samples(0, (number + size) & 0xFFFF, first + size, time_us, 1, raw[:0])
            yield encode_frame(time), last_s

    done = len(raw) // (n or SHORT_TIME_EVERY) * (n or SHORT_TIME_EVERY)
    return Traffic(f"imurun, MTU {mtu}", "imurun", Settings(rate_hz, 16, 2000), _sent(frames()), done)


def polar(seconds: float) -> Traffic:
    """Polar Verity Sense at 208 Hz: 36 samples of acceleration and of angular rate, as differences."""
    rate_hz, size = 208, 36
    raw = counts(round(seconds * rate_hz))

    def packets() -> Iterator[tuple[bytes, float]]:
        for first in range(0, len(raw) - size + 1, size):
            last_s = (first + size - 1) / rate_hz
            for kind, frame, columns in ((2, 0x81, slice(0, 3)), (5, 0x80, slice(3, 6))):
                head = struct.pack("<BQB", kind, round(last_s * 1e9), frame)
                yield head + _differences(raw[first : first + size, columns]), last_s

    settings = Settings(rate_hz, 16, 2000)
    return Traffic(
        "Polar Verity Sense", "polar_verity_sense", settings, _sent(packets()), len(raw) // size * size
    )


def movesense(seconds: float) -> Traffic:
    """Movesense at 208 Hz: eight samples of both as float32 in one notification."""
    rate_hz, size = 208, 8
    values = counts(round(seconds * rate_hz)) * 0.005

    def packets() -> Iterator[tuple[bytes, float]]:
        for first in range(0, len(values) - size + 1, size):
            part = values[first : first + size].astype("<f4")
            head = struct.pack("<BBI", 2, 99, round(first / rate_hz * 1000))
            body = part[:, :3].tobytes() + part[:, 3:].tobytes()
            yield head + body, (first + size - 1) / rate_hz

    settings = Settings(rate_hz, 8, 2000)
    return Traffic("Movesense", "movesense", settings, _sent(packets()), len(values) // size * size)


def metamotion(seconds: float) -> Traffic:
    """MetaMotionS at 200 Hz: three samples of acceleration, then of angular rate."""
    rate_hz, size = 200, 3
    raw = counts(round(seconds * rate_hz))

    def packets() -> Iterator[tuple[bytes, float]]:
        for first in range(0, len(raw) - size + 1, size):
            part = raw[first : first + size]
            for module, columns in ((0x03, slice(0, 3)), (0x13, slice(3, 6))):
                yield bytes((module, 5)) + part[:, columns].tobytes(), (first + size - 1) / rate_hz

    settings = Settings(rate_hz, 16, 2000)
    return Traffic("MetaMotionS", "metamotion_s", settings, _sent(packets()), len(raw) // size * size)


def witmotion(seconds: float) -> Traffic:
    """WitMotion at 200 Hz: one frame a notification."""
    rate_hz = 200
    raw = counts(round(seconds * rate_hz))
    frames = ((b"\x55\x61" + sample.tobytes() + bytes(6), k / rate_hz) for k, sample in enumerate(raw))
    return Traffic("WitMotion", "witmotion", Settings(rate_hz, 16, 2000), _sent(frames), len(raw))


MAKERS: tuple[Callable[[float], Traffic], ...] = (polar, movesense, metamotion, witmotion)


def every_kind(seconds: float) -> list[Traffic]:
    """imurun's protocol at three MTUs, then all other kinds of sensors."""
    made = [own(mtu, seconds) for mtu in (247, 185, 23)] + [make(seconds) for make in MAKERS]
    assert {traffic.profile for traffic in made} == set(DRIVERS), "a profile without a benchmark"
    return made


@cache
def counts(n: int) -> Counts:
    """Raw values similar to running, shape (n, 6): strides of 1.4 Hz, steps of 2.8 Hz, noise."""
    t = np.arange(n)[:, None] / 208
    phase = np.arange(6) * 0.7
    smooth: FloatArray = 1500 * np.sin(2 * np.pi * 1.4 * t + phase) + 900 * np.sin(
        2 * np.pi * 2.8 * t + phase
    )
    noise = np.random.default_rng(1).normal(0, 60, (n, 6))
    return np.rint(smooth + noise).astype("<i2")


def _sent(packets: Iterator[tuple[bytes, float]]) -> tuple[tuple[bytes, float], ...]:
    """Add arrival times with varying delays, in order."""
    rng = np.random.default_rng(2)
    sent: list[tuple[bytes, float]] = []
    before_s = 0.0
    while part := list(islice(packets, 1000)):
        late = DELAY_S + rng.exponential(JITTER_S, len(part))
        for (data, last_s), late_s in zip(part, late.tolist(), strict=True):
            before_s = max(before_s, 100.0 + last_s + late_s)
            sent.append((data, before_s))
    return tuple(sent)


def _differences(part: Counts) -> bytes:
    """The first sample, then groups of eight differences with the number of bits that they need."""
    out = part[0].tobytes()
    steps = np.diff(part.astype(np.int64), axis=0)
    for first in range(0, len(steps), 8):
        run = steps[first : first + 8]
        bits = int(np.abs(run).max()).bit_length() + 1
        each = (run.reshape(-1, 1) >> np.arange(bits)) & 1
        packed = np.packbits(each.astype(np.uint8).ravel(), bitorder="little")
        out += bytes((bits, len(run))) + packed.tobytes()
    return out
