"""Every decoder fed bytes that are wrong in every way: counted, never raised, no samples invented."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.ble.devices import DRIVERS
from imurun.reassembly.reassembler import Reassembler
from tests.ble.ble_helpers import SETTINGS, VECTORS, movesense_packet, polar_packet, witmotion_frame

# the least bytes that a set of samples takes: a difference of one bit an axis, for Polar
LEAST_BYTES = {"imurun": 12, "polar_verity_sense": 3 / 8, "movesense": 24, "metamotion_s": 6, "witmotion": 20}

_rng = np.random.default_rng(0)
_slow = np.cumsum(_rng.integers(-90, 90, (40, 3)), axis=0)
GOOD = {
    "imurun": [bytes.fromhex(vector["hex"]) for vector in VECTORS["frames"]],
    "polar_verity_sense": [
        polar_packet(2, 10**9, _slow, 8),
        polar_packet(5, 10**9, _slow, 9),
        bytes.fromhex("F0020200000501") + bytes(4),
    ],
    "movesense": [
        movesense_packet(106005, _rng.normal(0, 10, (8, 3)), _rng.normal(0, 100, (8, 3))),
        bytes((3, 99)) + bytes(48),
        bytes.fromhex("0163c800"),
    ],
    "metamotion_s": [b"\x03\x05" + bytes(range(18)), b"\x13\x05" + bytes(range(18)), b"\x03\x04" + bytes(6)],
    "witmotion": [witmotion_frame(range(6)) * 3, witmotion_frame(range(6))[:13], b"\x55\x71" + bytes(18)],
}


def packets(name):
    """Good ones, cut, lengthened, with flipped bits, and noise with and without a good beginning."""
    good = st.sampled_from(GOOD[name])
    flips = st.lists(st.integers(0, 10**6), max_size=6)

    def flipped(data, bits):
        out = bytearray(data)
        for bit in bits:
            out[bit // 8 % len(out)] ^= 1 << bit % 8
        return bytes(out)

    return st.one_of(
        good,
        st.builds(flipped, good, flips),
        st.builds(lambda data, n: data[: n % (len(data) + 1)], good, st.integers(0, 10**6)),
        st.builds(lambda data, more: data + more, good, st.binary(max_size=300)),
        st.builds(lambda data, n, noise: data[:n] + noise, good, st.integers(0, 12), st.binary(max_size=250)),
        st.binary(max_size=600),
    )


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=200)
@given(st.data())
def test_random_packets_give_finite_samples_of_bounded_number(name, data):
    """Some 700 packets a driver, each through the decoder and on to blocks."""
    driver = DRIVERS[name]
    decoder = driver.decoder(*SETTINGS[name])
    reassembler = Reassembler(
        SETTINGS[name][0], streams=driver.streams, clock=driver.clock, has_index=driver.has_index
    )
    n_bytes, n_samples, n_rows = 0, 0, 0
    for k, packet in enumerate(data.draw(st.lists(packets(name), min_size=1, max_size=8))):
        decoder.reply(packet)
        n_bytes += len(packet)
        chunks = decoder.feed(packet, 100.0 + 0.1 * k)
        for chunk in chunks:
            assert np.isfinite(chunk.values).all()
            assert chunk.values.shape == (len(chunk), 6 if chunk.kind == "both" else 3)
            n_samples += len(chunk)
            n_rows += sum(int((~block.missing).sum()) for block in reassembler.push(chunk))
    n_rows += sum(int((~block.missing).sum()) for block in reassembler.finish())
    assert n_samples <= n_bytes / LEAST_BYTES[name] + 2
    assert n_rows <= n_samples
    assert reassembler.counts["missing rows"] < 100_000


@pytest.mark.parametrize("name", SETTINGS)
def test_refused_packets_are_counted(name):
    decoder = DRIVERS[name].decoder(*SETTINGS[name])
    noise = [bytes([200 + k % 50]) * (3 + k) for k in range(60)]
    assert not [chunk for data in noise for chunk in decoder.feed(data, 0.0)]
    assert sum(decoder.rejects.values()) >= 60
    assert decoder.feed(b"", 0.0) == []


@pytest.mark.parametrize("name", ["imurun", "polar_verity_sense", "movesense", "metamotion_s"])
def test_a_refused_packet_changes_nothing_after(name):
    """The stream goes on as if the bad packet had not come."""
    first, *_ = GOOD[name]
    with_noise, without = (DRIVERS[name].decoder(*SETTINGS[name]) for _ in range(2))
    for decoder in (with_noise, without):
        decoder.feed(first, 0.0)
    with_noise.feed(b"\xff" * 30, 0.1)
    pair = [decoder.feed(first, 0.2) for decoder in (with_noise, without)]
    assert len(pair[0]) == len(pair[1]) > 0
    for one, other in zip(*pair, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert one.time_device_s == other.time_device_s
