"""Events that blocks and chunks give rise to."""

from __future__ import annotations

import numpy as np
import pytest

from imurun.ble.decoding import Settings
from imurun.ble.events import Clipping, GapDetector, GapFilled, GapFinal, RateOff, SignalDetector
from imurun.model.sample_block import SampleBlock
from imurun.reassembly.chunks import Flag, SampleChunk
from imurun.reassembly.reassembler import Reassembler
from tests.ble.ble_helpers import RADIAN, G

SETTINGS = Settings(100, 16, 2000)


def block(first, n, value=1.0):
    return SampleBlock(first, np.full((n, 3), value), np.full((n, 3), value))


def test_a_gap_over_several_blocks_is_reported_once():
    detector = GapDetector()
    assert detector.add_blocks([block(0, 10), block(10, 5, np.nan)], 1.0) == []
    assert detector.add_blocks([block(15, 7, np.nan)], 2.0) == []
    assert detector.add_blocks([block(22, 3)], 3.0) == [GapFinal(3.0, 10, 12)]
    assert detector.finish(4.0) == []


def test_a_gap_at_the_end_is_reported_at_finish():
    detector = GapDetector()
    detector.add_blocks([block(0, 10), block(10, 5, np.nan)], 1.0)
    assert detector.finish(2.0) == [GapFinal(2.0, 10, 5)]


def test_a_range_filled_in_parts_is_reported_when_all_of_it_is_settled():
    detector = GapDetector()
    detector.add_blocks([block(0, 10)], 1.0)
    detector.add_pending([(10, 30)])
    detector.add_pending([(10, 15), (20, 30)])
    assert detector.add_blocks([block(10, 10)], 2.0) == []
    detector.add_pending([(20, 30)])
    events = detector.add_blocks([block(20, 4, np.nan), block(24, 20)], 3.0)
    assert events == [GapFinal(3.0, 20, 4), GapFilled(3.0, 10, 16)]
    assert detector.add_blocks([block(44, 20)], 4.0) == []


def chunk(value_acc, value_gyr, arrival_s, flags=0):
    values = np.hstack([np.full((4, 3), value_acc), np.full((4, 3), value_gyr)])
    return SampleChunk("both", values, arrival_s, flags=flags)


@pytest.mark.parametrize(
    ("acc", "gyr", "told"),
    [
        (16 * G, 0.0, ["acc"]),
        (-16 * G, 0.0, ["acc"]),
        (15.9 * G, 1990 * RADIAN, []),
        (0.0, -2000 * RADIAN, ["gyr"]),
    ],
)
def test_values_at_full_scale_are_reported_as_clipping(acc, gyr, told):
    detector = SignalDetector(SETTINGS, has_flags=False)
    events = detector.examine([chunk(acc, gyr, 5.0)], Reassembler(100))
    assert events == [Clipping(5.0, what) for what in told]


def test_clipping_by_flag_is_reported_again_only_after_a_pause():
    detector = SignalDetector(SETTINGS, has_flags=True)
    reassembler = Reassembler(100)
    told = [
        bool(detector.examine([chunk(0.0, 0.0, t, Flag.ACC_CLIPPED if clipped else 0)], reassembler))
        for t, clipped in [(0.0, True), (0.5, True), (1.4, True), (2.0, False), (3.0, True)]
    ]
    assert told == [True, False, False, False, True]


def test_a_wrong_rate_is_reported_once():
    detector = SignalDetector(SETTINGS, has_flags=True)
    reassembler = Reassembler(100, has_index=True, first_index=0)
    events = []
    for k in range(200):
        last = k * 10 + 9
        p = SampleChunk("both", np.zeros((10, 6)), last / 104, index=k * 10, time_device_s=last / 104)
        reassembler.push(p)
        events += detector.examine([p], reassembler)
    (event,) = events
    assert isinstance(event, RateOff)
    assert event.rate_hz == pytest.approx(104, rel=1e-3)
    assert event.requested_hz == 100
