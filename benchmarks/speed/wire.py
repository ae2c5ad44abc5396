"""Time to decode notifications into samples, for each set of six values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.speed.measure import Figure, compare
from benchmarks.speed.packets import Traffic, every_kind
from imurun.ble.codec import decode_frame
from imurun.ble.decoding import StreamDecoder
from imurun.ble.devices import DRIVERS

UNIT = "us of a core for a set of six values"
TARGET_US = 2.0
"""Amortised."""


def measure_wire(*, quick: bool) -> list[Figure]:
    """The codec alone for imurun's frames; decoder, and all work of the client, for every kind of sensor."""
    seconds, repeats = (5.0, 3) if quick else (30.0, 9)
    figures: list[Figure] = []
    for traffic in every_kind(seconds):
        cases = {"decoder": _decoder, "client": _client}
        if traffic.profile == "imurun":
            cases = {"codec": _codec, **cases}
        for what, make in cases.items():
            took, reference = compare(views_of(traffic), lambda: make(traffic), repeats)  # noqa: B023
            per_set = 1e6 / traffic.n_sets
            figures.append(
                Figure(
                    "wire",
                    f"{traffic.name}: {what}",
                    UNIT,
                    tuple(s * per_set for s in took),
                    tuple(s * per_set for s in reference),
                    TARGET_US,
                )
            )
    return figures


def views_of(traffic: Traffic) -> Callable[[], None]:
    """The reference: one `numpy.frombuffer` for each packet, the minimum for code with arrays."""

    def work() -> None:
        view, u8 = np.frombuffer, np.uint8
        for data, _ in traffic.packets:
            view(data, u8)

    return work


def _codec(traffic: Traffic) -> Callable[[], None]:
    def work() -> None:
        for data, _ in traffic.packets:
            decode_frame(data)

    return work


def _decoder(traffic: Traffic) -> Callable[[], None]:
    decoder = DRIVERS[traffic.profile].decoder(*traffic.settings)

    def work() -> None:
        for data, arrival_s in traffic.packets:
            decoder.feed(data, arrival_s)
        assert not decoder.rejects

    return work


def _client(traffic: Traffic) -> Callable[[], None]:
    profile = DRIVERS[traffic.profile]
    stream_decoder = StreamDecoder(profile, traffic.settings)
    uuid = profile.data_characteristic

    def work() -> None:
        rows = 0
        for data, arrival_s in traffic.packets:
            for block in stream_decoder.take(uuid, data, arrival_s):
                rows += len(block)
        rows += sum(len(block) for block in stream_decoder.reassembler.finish())
        assert rows == traffic.n_sets

    return work
