"""Any order and duplication of packets gives the same samples; what never came is a hole of exact length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.ble.codec import Samples, encode_frame
from imurun.ble.control import Op, Response, Started, encode_response
from imurun.ble.devices import DRIVERS
from imurun.reassembly.chunks import Flag, SampleChunk
from imurun.reassembly.reassembler import Reassembler
from tests.ble.ble_helpers import RADIAN, G, movesense_packet, polar_packet, rows, witmotion_frame

RATE = 208.0


def reassembler(name, rate_hz=RATE, **settings_):
    profile = DRIVERS[name]
    return Reassembler(
        rate_hz, streams=profile.streams, clock=profile.clock, has_index=profile.has_index, **settings_
    )


def run(a, chunks):
    return rows([block for chunk in chunks for block in a.push(chunk)] + a.finish())


def own_pieces(n_packets, count=19, first=0, seed=0, rate_hz=RATE):
    values = np.random.default_rng(seed).normal(size=(n_packets * count, 6))
    chunks = []
    for k in range(n_packets):
        part = values[k * count : (k + 1) * count]
        index = first + k * count
        time_s = 50 + (index + count - 1) / rate_hz
        chunks.append(SampleChunk("both", part, 1000 + time_s + 0.02, index, k, time_s))
    return values, chunks


def shuffled(chunks, data, reach):
    """Each packet up to `reach` places late, some twice, arrivals in the order of arrival."""
    keys = [k + data.draw(st.integers(0, reach)) for k in range(len(chunks))]
    again = data.draw(st.lists(st.integers(0, len(chunks) - 1), max_size=6))
    order = sorted([(key, k) for k, key in enumerate(keys)] + [(keys[k] + 1, k) for k in again])
    arrivals = sorted(chunk.arrival_s for chunk in chunks)
    arrivals += [arrivals[-1]] * len(again)
    return [
        SampleChunk(p.kind, p.values, at, p.index, p.sequence, p.time_device_s, p.flags, p.run)
        for (_, k), at in zip(order, arrivals, strict=True)
        for p in [chunks[k]]
    ]


# ------------------------------------------------------------------------------------------------ by number


@settings(max_examples=100)
@given(st.data(), st.sampled_from([0, 12345, 2**32 - 4000]), st.booleans())
def test_numbered_chunks_in_any_order_give_the_same_rows(data, first, known):
    """40 packets of 91 ms, up to ten places late, and some never."""
    values, chunks = own_pieces(40, first=first)
    lost = data.draw(st.sets(st.integers(1, 38), max_size=6))
    kept = [chunk for k, chunk in enumerate(chunks) if k not in lost]
    want = values.copy()
    for k in lost:
        want[k * 19 : (k + 1) * 19] = np.nan
    a = reassembler("imurun", first_index=first if known else None)
    start, got = run(a, shuffled(kept, data, 10))
    assert start == first
    np.testing.assert_array_equal(got, want)
    assert a.counts["missing rows"] == 19 * len(lost)


def test_chunks_in_order_are_emitted_at_once():
    _, chunks = own_pieces(30)
    a = reassembler("imurun", first_index=0)
    for chunk in chunks:
        (block,) = a.push(chunk)
        assert len(block) == 19
        assert block.time_s == pytest.approx(chunk.arrival_s, abs=1e-6)


def test_a_range_is_pending_for_the_window_only():
    _, chunks = own_pieces(60)
    a = reassembler("imurun", first_index=0, window_s=1.0)
    out = [a.push(chunk) for k, chunk in enumerate(chunks) if k != 10]
    waited = next(k for k in range(10, 59) if out[k])
    assert (waited + 1 - 9) * 19 > RATE >= (waited - 9) * 19  # out[waited] came of chunks[waited + 1]
    hole = out[waited][0]
    assert (hole.first_index, len(hole)) == (190, 19)
    assert hole.missing.all()
    assert hole.time_s == pytest.approx(chunks[10].arrival_s, abs=1e-6)
    assert a.push(chunks[10]) == []
    assert a.counts["late or duplicate"] == 1


def test_backfilled_and_given_up_rows_are_no_longer_pending():
    values, chunks = own_pieces(30)
    a = reassembler("imurun", first_index=0, window_s=60.0)
    blocks = [block for k, chunk in enumerate(chunks) if k not in (5, 6, 9) for block in a.push(chunk)]
    assert a.pending_ranges() == [(95, 133), (171, 190)]
    backfilled = SampleChunk("both", values[100:133], 1100.0, 100, 99, None, Flag.BACKFILLED)
    assert a.push(backfilled) == []
    assert a.pending_ranges() == [(95, 100), (171, 190)]
    blocks += a.give_up(100)
    assert a.pending_ranges() == [(171, 190)]
    blocks += a.push(SampleChunk("both", values[160:200], 1100.0, 160, 100, None, Flag.BACKFILLED))
    assert a.pending_ranges() == []
    want = values.copy()
    want[95:100] = np.nan
    np.testing.assert_array_equal(rows(blocks)[1], want)


def test_an_expected_end_can_be_taken_back():
    """A sensor that says at its stop that it took more samples than it did."""
    values, chunks = own_pieces(30)
    a = reassembler("imurun", first_index=0, window_s=60.0)
    blocks = [block for chunk in chunks for block in a.push(chunk)]
    a.expect(600)
    assert a.pending_ranges() == [(570, 600)]
    a.expect(None)
    assert a.pending_ranges() == []
    np.testing.assert_array_equal(rows(blocks + a.finish())[1], values)


def test_no_more_is_given_up_than_was_seen_or_expected():
    values, chunks = own_pieces(30)
    for end in (None, 600):
        a = reassembler("imurun", first_index=0, window_s=60.0)
        blocks = [block for chunk in chunks for block in a.push(chunk)]
        a.expect(end)
        blocks += a.give_up(10**12)
        assert a.pending_ranges() == []
        assert len(rows(blocks + a.finish())[1]) == (end or len(values))


def test_a_loss_reported_by_the_device_is_a_gap_at_once():
    _, chunks = own_pieces(30)
    a = reassembler("imurun", first_index=0, window_s=60.0)
    for chunk in chunks[:10]:
        a.push(chunk)
    after = chunks[12]
    blocks = a.push(
        SampleChunk(
            "both", after.values, after.arrival_s, after.index, 10, after.time_device_s, Flag.LOST_BEFORE
        )
    )
    assert [len(block) for block in blocks] == [38, 19]
    # with a packet missing too, some of the hole may come again
    after = chunks[15]
    assert not a.push(
        SampleChunk(
            "both", after.values, after.arrival_s, after.index, 13, after.time_device_s, Flag.LOST_BEFORE
        )
    )


def test_a_new_run_begins_behind_the_time_without_samples():
    values, chunks = own_pieces(100)
    again = [
        SampleChunk("both", p.values, p.arrival_s + 30.0, p.index, p.sequence, p.time_device_s, 0, 1)
        for p in chunks
    ]
    a = reassembler("imurun", first_index=0)
    _, got = run(a, [*chunks, *again[2:5], again[0], again[1], *again[5:]])
    hole = len(got) - 2 * len(values)
    assert hole / RATE == pytest.approx(30.0 - 1900 / RATE, abs=0.02)
    np.testing.assert_array_equal(got[:1900], values)
    np.testing.assert_array_equal(got[-1900:], values)
    assert np.isnan(got[1900:-1900]).all()
    assert a.clock.host_s(60.0) == pytest.approx(1090.02, abs=1e-3)


def test_one_impossible_number_is_dropped_and_two_are_a_new_start():
    values, chunks = own_pieces(60)
    odd = SampleChunk("both", values[:19], chunks[30].arrival_s, 2**31, 30, None)
    a = reassembler("imurun", first_index=0)
    _, got = run(a, [*chunks[:30], odd, *chunks[30:]])
    np.testing.assert_array_equal(got, values)
    assert a.counts == {"implausible": 1}
    far = [SampleChunk("both", p.values, p.arrival_s + 26, p.index + 10**9, p.sequence, None) for p in chunks]
    a = reassembler("imurun", first_index=0)
    _, got = run(a, [*chunks, *far])
    assert a.counts["restart"] == 1
    np.testing.assert_array_equal(got[-59 * 19 :], values[19:])


def test_a_backfilled_piece_cannot_run_ahead():
    values, chunks = own_pieces(60)
    ahead = SampleChunk("both", values[:19], chunks[30].arrival_s, 2**30, 30, None, Flag.BACKFILLED)
    a = reassembler("imurun", first_index=0)
    _, got = run(a, [*chunks[:30], ahead, *chunks[30:]])
    np.testing.assert_array_equal(got, values)
    assert a.counts == {"implausible": 1}


def test_a_stream_does_not_begin_with_a_backfilled_piece_from_long_before():
    values, chunks = own_pieces(60, first=10**8)
    old = SampleChunk("both", values[:19], chunks[1].arrival_s, 988, 1, None, Flag.BACKFILLED)
    a = reassembler("imurun")
    first, got = run(a, [chunks[0], old, *chunks[1:]])
    assert first == 10**8
    np.testing.assert_array_equal(got, values)
    assert a.counts == {"implausible": 1}


def test_long_gaps_are_emitted_in_several_blocks():
    values, chunks = own_pieces(2)
    far = SampleChunk("both", values[:19], chunks[0].arrival_s + 300, 62400, 2, 50 + 62418 / RATE)
    a = reassembler("imurun", first_index=0)
    blocks = [block for chunk in (chunks[0], far) for block in a.push(chunk)] + a.finish()
    assert max(len(block) for block in blocks) <= 4096
    assert rows(blocks)[1].shape == (62419, 6)
    times = [block.time_s for block in blocks]
    np.testing.assert_allclose(np.diff(times), [len(block) / RATE for block in blocks[1:]], atol=0.01)


# ------------------------------------------------------------------------------------------------ own frames


def test_frames_are_decoded_across_wraps_of_sequence_and_clock():
    """Three hours with the sequence, and the clock twice, beginning again; scales as the sensor told them."""
    decoder = DRIVERS["imurun"].decoder(208, 16, 2000)
    decoder.reply(bytes.fromhex("8002010001802c030010d00740720700801d2c04"))
    raw = np.random.default_rng(0).integers(-3000, 3000, (19, 6)).astype("<i2")
    a = reassembler("imurun", first_index=0)
    n, total = 118_000, 0
    start_us = 2**32 - 30_000_000
    for k in range(n):
        if k % 3 and 2000 < k < n - 2000:
            continue  # two of three are lost: gaps in time and number
        last_us = start_us + round((19 * k + 18) / 208 * 1e6)
        frame = encode_frame(Samples(0, k & 0xFFFF, 19 * k, last_us & 0xFFFFFFFF, 1, raw))
        chunks = decoder.feed(frame, 500 + last_us * 1e-6 + 0.01)
        total += sum(len(block) for chunk in chunks for block in a.push(chunk))
    assert total == 19 * n
    assert a.counts["missing rows"] == 19 * sum(1 for k in range(n) if k % 3 and 2000 < k < n - 2000)
    assert a.clock.resets == 0
    assert abs(a.clock.rate_ppm) < 1
    assert a.rate_hz == pytest.approx(208, rel=1e-6)
    (chunk,) = decoder.feed(encode_frame(Samples(0, 0, 19 * n, 0, 1, raw)), 1.0)
    np.testing.assert_allclose(chunk.acc, raw[:, :3] * 488e-6 * G)
    np.testing.assert_allclose(chunk.gyr, raw[:, 3:] * 0.07 * RADIAN)


def test_short_frames_take_their_time_from_the_time_frames():
    decoder = DRIVERS["imurun"].decoder(208, 16, 2000)
    raw = np.arange(6, dtype="<i2").reshape(1, 6)
    a = reassembler("imurun", first_index=0)
    blocks = []
    for k in range(3000):
        at = 100 + k / 208
        short = encode_frame(Samples(0, k, k, None, None, raw))
        blocks += [b for p in decoder.feed(short, at) for b in a.push(p)]
        if k % 16 == 15:
            frame = Samples(0, k, k + 1, round(k / 208 * 1e6), 0, np.empty((0, 6), "<i2"))
            assert not [b for p in decoder.feed(encode_frame(frame), at + 0.001) for b in a.push(p)]
    assert len(rows(blocks)[1]) == 3000
    assert math.isnan(blocks[0].time_s)
    assert blocks[-1].time_s == pytest.approx(100 + 2999 / 208 + 0.001, abs=0.002)


def test_a_start_reply_begins_a_run():
    decoder = DRIVERS["imurun"].decoder(208, 16, 2000)
    raw = np.zeros((19, 6), "<i2")

    def started(boot, run_):
        (data,) = encode_response(Response(Op.START, 1, 0, Started(boot, run_, 0)))
        decoder.reply(data)

    def chunk(index):
        (found,) = decoder.feed(encode_frame(Samples(0, 0, index, 5, 1, raw)), 0.0)
        return found.run

    started(7, 1)
    assert chunk(0) == 0
    started(7, 1)  # a status of the same run, after a drop
    assert chunk(19) == 0
    started(9, 1)
    assert chunk(0) == 1
    assert chunk(50_000) == 1
    assert chunk(0) == 2  # without a reply, by the number


def test_frames_of_unknown_scale_are_refused():
    decoder = DRIVERS["imurun"].decoder(208, 16, 2000)
    raw = np.ones((1, 6), "<i2")
    decoder.reply(bytes.fromhex("8002010001802c030010d00740720700801d2c04"))
    assert decoder.feed(encode_frame(Samples(0, 0, 0, 0, 2, raw)), 0.0) == []
    assert decoder.rejects == {"configuration": 1}
    assert len(decoder.feed(encode_frame(Samples(0, 0, 0, 0, 1, raw)), 0.0)) == 1


# ------------------------------------------------------------------------------------------------ by time


def movesense_pieces(n_packets, rate_hz=RATE, seed=0):
    """Eight samples a packet through the decoder; stamps are whole milliseconds."""
    rng = np.random.default_rng(seed)
    acc, gyr = rng.normal(0, 10, (2, n_packets * 8, 3)).astype(np.float32)
    decoder = DRIVERS["movesense"].decoder(208, 8, 2000)
    chunks = []
    for k in range(n_packets):
        time_s = 106.0 + 8 * k / rate_hz
        part = slice(8 * k, 8 * k + 8)
        packet = movesense_packet(int(time_s * 1000), acc[part], gyr[part])
        chunks += decoder.feed(packet, 1000 + time_s + 8 / rate_hz)
    chunks += decoder.feed(b"\x02\x63", 0.0)
    return np.hstack([acc, gyr * RADIAN]).astype(np.float64), chunks


@settings(max_examples=60)
@given(st.data(), st.sampled_from([208.0, 203.0, 214.0]))
def test_timed_chunks_in_any_order_give_the_same_rows(data, true_hz):
    """120 packets of 38 ms up to ten places late, some never, from a sensor 3 % off its nominal rate."""
    values, chunks = movesense_pieces(120, true_hz)
    lost = data.draw(st.sets(st.integers(5, 115), max_size=6))
    want = values[: 8 * len(chunks)].copy()
    for k in lost:
        want[8 * k : 8 * k + 8] = np.nan
    a = reassembler("movesense")
    _, got = run(a, shuffled([p for k, p in enumerate(chunks) if k not in lost], data, 10))
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_times_without_any_regularity_keep_the_nominal_rate():
    """Two intervals so different that neither is near the median of both."""
    a = reassembler("movesense")
    for time_s in (10.0, 10.04, 10.9, 12.5):
        a.push(SampleChunk("both", np.zeros((8, 6)), 100 + time_s, None, None, time_s))
    a.finish()
    assert a.rate_hz == pytest.approx(RATE, rel=1e-3)


def test_timed_long_gaps_are_exact():
    """A hole of 20 s from a sensor 2.4 % slow: the rate learnt before tells how many samples it held."""
    values, chunks = movesense_pieces(1500, 203.0)
    kept = chunks[:700] + chunks[1207:]
    a = reassembler("movesense")
    _, got = run(a, kept)
    assert len(got) == 8 * len(chunks)
    np.testing.assert_allclose(got[8 * 1207 :], values[8 * 1207 : 8 * len(chunks)], rtol=1e-6)
    assert a.rate_hz == pytest.approx(203.0, rel=0.001)


def test_a_device_whose_clock_is_set_loses_one_packet():
    values, chunks = movesense_pieces(400)
    moved = [
        SampleChunk(p.kind, p.values, p.arrival_s, None, None, p.time_device_s + 7e8, 0, 0)
        for p in chunks[200:]
    ]
    a = reassembler("movesense")
    _, got = run(a, [*chunks[:200], *moved])
    assert a.counts == {"implausible": 1, "restart": 1, "missing rows": 8}
    want = values.copy()
    want[1600:1608] = np.nan  # the first packet of the other time was odd until the next agreed
    np.testing.assert_allclose(got, want, rtol=1e-6)


# ------------------------------------------------------------------------------------------------ apart


def smooth(t):
    """A signal that linear interpolation follows closely."""
    return np.stack([np.sin(3 * t), np.cos(2 * t), np.sin(t)], axis=1)


def polar_pieces(seconds, *, gyr_lag=0.0023, lost_gyr=(), lost_acc=(), rate_hz=RATE):
    """Acceleration 36 samples a packet and angular rate 28, on one clock, through the decoder."""
    decoder = DRIVERS["polar_verity_sense"].decoder(208, 16, 2000)
    packets = []
    for kind, size, lag, lost in ((2, 36, 0.0, lost_acc), (5, 28, gyr_lag, lost_gyr)):
        scale = 1000 if kind == 2 else 8000
        for k in range(int(seconds * rate_hz / size)):
            t = lag + np.arange(k * size, (k + 1) * size) / rate_hz
            if k not in lost:
                counts = np.rint(scale * smooth(t)).astype(int)
                packet = polar_packet(kind, round((600 + t[-1]) * 1e9), counts)
                packets.append((1000 + t[-1] + 0.02, packet))
    return [chunk for arrival_s, packet in sorted(packets) for chunk in decoder.feed(packet, arrival_s)]


def test_separate_streams_share_one_time_base():
    a = reassembler("polar_verity_sense")
    first, got = run(a, polar_pieces(20))
    t = (np.arange(len(got)) + first) / RATE
    np.testing.assert_allclose(got[:, :3], np.rint(1000 * smooth(t)) * 1e-3 * G, atol=1e-9)
    gyr = 8000 * smooth(t) * 2000 / 32768 * RADIAN
    seen = np.isfinite(got[:, 3])
    assert seen[1:-40].all()
    assert not seen[0]  # the angular rate began later
    np.testing.assert_allclose(got[seen, 3:], gyr[seen], atol=0.002 * 8.5)


def test_separate_streams_are_not_interpolated_across_gaps():
    a = reassembler("polar_verity_sense")
    _, got = run(a, polar_pieces(20, lost_gyr=(40, 41), lost_acc=(60,)))
    missing_acc, missing_gyr = (np.flatnonzero(np.isnan(got[:-40, column])) for column in (0, 3))
    np.testing.assert_array_equal(missing_acc, np.arange(60 * 36, 61 * 36))
    # the row before the first; those with neighbours on either side of the hole; those without acceleration
    want = [0, *range(40 * 28, 42 * 28 + 1), *range(60 * 36, 61 * 36)]
    np.testing.assert_array_equal(missing_gyr, want)


@settings(max_examples=30)
@given(st.data())
def test_separate_streams_in_any_order_give_the_same_rows(data):
    chunks = polar_pieces(8, lost_gyr=(20,), lost_acc=(12,))
    want = run(reassembler("polar_verity_sense"), chunks)[1]
    got = run(reassembler("polar_verity_sense"), shuffled(chunks, data, 6))[1]
    np.testing.assert_array_equal(got, want)


def test_rows_are_emitted_without_the_gyroscope():
    chunks = [chunk for chunk in polar_pieces(20) if chunk.kind == "acc"]
    a = reassembler("polar_verity_sense")
    early = [block for chunk in chunks for block in a.push(chunk)]
    assert sum(map(len, early)) > 10 * RATE
    got = rows(early + a.finish())[1]
    assert len(got) == 36 * len(chunks)
    assert np.isnan(got[:, 3:]).all()
    assert np.isfinite(got[:, :3]).all()


# ------------------------------------------------------------------------------------------------ by counting


def counted_packets(seconds, size, *, true_hz=201.0, lost=(), stall=(), seed=0):
    """Packets of `size` samples from a sensor off its rate of 200 Hz, over a link of 30 ms intervals."""
    rng = np.random.default_rng(seed)
    n = int(seconds * true_hz / size)
    true = 50 + (np.arange(n) + 1) * size / true_hz
    arrival = np.ceil(true / 0.03) * 0.03 + 0.03 * (rng.geometric(0.9, n) - 1) + rng.exponential(0.001, n)
    for start, stop in stall:
        arrival[(true > start) & (true < stop)] = stop
    keep = ~np.isin(np.arange(n), lost)
    return true[keep], np.maximum.accumulate(arrival)[keep], np.flatnonzero(keep)


def test_counted_samples_get_times_and_rate_from_arrivals():
    true, arrival, _ = counted_packets(180, 1)
    a = reassembler("witmotion", 200)
    decoder = DRIVERS["witmotion"].decoder(200, 16, 2000)
    error = []
    for t, at in zip(true, arrival, strict=True):
        (chunk,) = decoder.feed(witmotion_frame(range(6)), at)
        for block in a.push(chunk):
            error.append(block.time_s - t)
    error = np.array(error)[60 * 201 :]
    assert np.abs(error).max() < 0.005
    assert a.rate_hz == pytest.approx(201.0, rel=1e-4)
    assert a.counts["missing rows"] == 0


def test_of_counted_samples_a_loss_is_a_gap_and_a_stall_is_not():
    lost = range(12_000, 12_100)
    true, arrival, number = counted_packets(120, 1, lost=lost, stall=[(80.0, 80.8)])
    a = reassembler("witmotion", 200)
    blocks = []
    for at, k in zip(arrival, number, strict=True):
        blocks += a.push(SampleChunk("both", np.full((1, 6), float(k)), at))
    _, got = rows(blocks + a.finish())
    holes = np.flatnonzero(np.isnan(got[:, 0]))
    assert a.counts["gaps by lateness"] == 1
    assert abs(len(holes) - 100) <= 6  # as well as arrivals tell
    assert abs(int(holes[0]) - 12_000) == 0
    assert len(got) - len(holes) == len(true)


def test_separate_counted_streams_are_aligned():
    """Acceleration and angular rate of a MetaMotion, three samples a packet, the latter begun 20 ms later."""
    a = Reassembler(100, streams=("acc", "gyr"), clock="none")
    true, arrival, _ = counted_packets(120, 3, true_hz=101.0)
    chunks = []
    for kind, lag in (("acc", 0.0), ("gyr", 0.02)):
        for t, at in zip(true, arrival, strict=True):
            when = t + lag - np.arange(2, -1, -1) / 101.0
            chunks.append(SampleChunk(kind, smooth(when), at + lag))
    chunks.sort(key=lambda chunk: chunk.arrival_s)
    got = run(a, chunks)[1]
    later = got[60 * 101 : -20]
    assert np.isfinite(later).all()
    # the two signals are the same, so that they differ by what the times are off
    assert np.abs(later[:, :3] - later[:, 3:]).max() < 0.02


def test_chunks_of_another_kind_are_implausible():
    a = reassembler("imurun", first_index=0)
    assert a.push(SampleChunk("acc", np.zeros((3, 3)), 0.0)) == []
    assert a.counts == {"implausible": 1}
    assert a.finish() == []
