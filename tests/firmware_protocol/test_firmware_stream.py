"""Live stream and backfill: batches, index, sequence, holes."""

from __future__ import annotations

import firmware_wire as wire
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.virtual.board import Board
from tests.firmware_protocol.firmware_link import (
    BACKFILLED,
    GAP_FLAG,
    PERIOD_US,
    RING_SAMPLES,
    Link,
    indices,
    raw_samples,
)


@pytest.mark.parametrize(
    ("mtu", "count"), [(31, 1), (42, 1), (43, 2), (185, 13), (246, 18), (247, 19), (517, 19)]
)
def test_a_frame_is_as_full_as_the_mtu_allows(connect, mtu, count):
    link = connect(mtu)
    link.start()
    link.take(200)
    frames = link.receive()
    assert {len(frame["samples"]) for frame in frames} == {count}
    assert indices(frames) == list(range(200 // count * count))
    assert all(len(frame) <= min(mtu - 3, 244) for frame in link.frames)


def test_sequence_counts_notifications_and_wraps(connect):
    link = connect(31)
    link.start()
    seen = []
    for _ in range(400):
        link.take(180)
        seen += [frame["sequence"] for frame in link.receive()]
    assert seen == [k % 65536 for k in range(400 * 180)]


def test_the_mtu_can_change_in_mid_run(connect):
    link = connect(31)
    link.start()
    link.take(40)
    frames = link.receive()
    link.board.set_mtu(247)
    link.take(40)
    frames += link.receive()
    link.board.set_mtu(185)
    link.take(40)
    frames += link.receive()
    assert indices(frames) == list(range(len(indices(frames))))
    assert sorted({len(frame["samples"]) for frame in frames}) == [1, 13, 19]


def test_short_mode_sends_every_sample_and_the_time_of_each_sixteenth(connect):
    link = connect(23)
    link.start()
    link.take(50)
    packets = link.board.notifications()
    assert all(len(packet) <= 20 for packet in packets)
    shorts = [packet for packet in packets if packet[0] == 0x11]
    times = [(k, wire.parse_samples(packet)) for k, packet in enumerate(packets) if packet[0] == 0x10]
    for index, packet in enumerate(shorts):
        axes = raw_samples(index, 1)[0].tolist()
        fields = {
            "type": 1,
            "flags": 0,
            "sequence": packet[2] | packet[3] << 8,
            "index": index,
            "sample": axes,
        }
        assert packet == wire.build_frame(fields)
    assert [frame["first_index"] for _, frame in times] == [16, 32, 48]
    assert [k for k, _ in times] == [16, 33, 50]
    assert all(frame["time_us"] == frame["first_index"] * PERIOD_US for _, frame in times)
    assert [packet[2] for packet in packets] == list(range(53))


def test_stop_sends_the_remaining_samples(connect):
    link = connect()
    link.start()
    link.take(45)
    assert len(indices(link.receive())) == 38
    link.board.push(raw_samples(45, 5), (np.arange(45, 50) + 1) * PERIOD_US)  # still in the FIFO at stop
    assert link.get("stop") == {"next_index": 50}
    assert indices(link.receive()) == list(range(38, 50))
    link.board.poll()
    assert link.board.notifications() == []


def test_stop_empties_the_fifo_beyond_a_loss(connect):
    link = connect()
    link.start()
    link.board.push(raw_samples(0, 5), (np.arange(5) + 1) * PERIOD_US)
    link.lose(3)
    link.board.push(raw_samples(8, 4), (np.arange(8, 12) + 1) * PERIOD_US)
    link.board.lose(3)
    link.board.push(raw_samples(15, 1), [16 * PERIOD_US])
    assert link.get("stop") == {"next_index": 16}
    assert indices(link.receive()) == [*range(5), *range(8, 12), 15]


def test_nothing_is_sent_before_the_subscription(connect):
    link = connect()
    link.board.subscribe(False)
    link.start()
    link.take(100)
    assert link.receive() == []
    link.board.push(raw_samples(100, 5), (np.arange(100, 105) + 1) * PERIOD_US)  # taken before, not yet read
    link.taken = 105
    link.board.subscribe()
    link.take(19)
    assert indices(link.receive()) == list(range(105, 124))


def test_samples_a_full_radio_refuses_are_sent_later(connect):
    link = connect()
    link.start()
    link.board.set_radio_room(notifications=2)
    link.take(190)
    frames = link.receive()
    assert indices(frames) == list(range(38))
    link.board.set_radio_room()
    frames += link.receive()
    assert indices(frames) == list(range(190))
    assert [frame["sequence"] for frame in frames] == list(range(10))
    assert not any(frame["flags"] for frame in frames)


def test_samples_overwritten_unsent_are_a_flagged_gap(connect):
    link = connect()
    link.start()
    link.board.set_radio_room(notifications=0)
    link.take(1000)
    link.board.set_radio_room()
    frames = link.receive()
    assert indices(frames)[0] == 1000 - RING_SAMPLES
    assert [bool(frame["flags"] & GAP_FLAG) for frame in frames] == [True] + [False] * (len(frames) - 1)
    assert link.ask("fetch", first_index=0, count=1000 - RING_SAMPLES) == (7, b"")


def test_samples_the_sensor_loses_are_a_gap_of_exact_length(connect):
    link = connect()
    link.start()
    link.take(25)
    link.lose(10)
    link.take(40)
    frames = link.receive()
    link.get("stop")
    frames += link.receive()
    assert indices(frames) == [*range(25), *range(35, 75)]
    assert [frame["first_index"] for frame in frames if frame["flags"] & GAP_FLAG] == [35]
    assert link.get("status")["lost"] == 10
    link.start()
    assert link.get("status")["lost"] == 0


def test_overrun_of_the_fifo_is_counted_and_flagged(connect):
    link = connect(fifo_samples=100)
    link.start()
    link.take(19)
    link.take(150)
    frames = link.receive()
    assert indices(frames)[:19] == list(range(19))
    assert indices(frames)[19] == 69
    assert frames[1]["flags"] & GAP_FLAG
    assert link.get("status")["lost"] == 50


def test_a_loss_longer_than_the_ring_is_a_flagged_gap(connect):
    link = connect()
    link.start()
    link.take(30)
    link.lose(RING_SAMPLES + 40)
    link.take(40)
    frames = link.receive()
    first = 30 + RING_SAMPLES + 40
    assert indices(frames) == [*range(19), *range(first, first + 38)]
    assert [bool(frame["flags"] & GAP_FLAG) for frame in frames] == [False, True, False]
    assert link.get("status")["oldest_index"] == first


def test_clipping_and_low_battery_are_flagged(connect):
    link = connect()
    link.start()
    raw = np.zeros((57, 6), dtype=int)
    raw[3, 1], raw[20, 5] = 32767, -32768
    link.board.push(raw[:38], np.arange(38))
    link.board.poll()
    link.board.set_battery(14)
    link.board.push(raw[38:], np.arange(19))
    link.board.poll()
    assert [wire.parse_samples(frame)["flags"] for frame in link.board.notifications()] == [1, 2, 16]


def test_a_sample_at_the_lowest_value_is_not_a_gap(connect):
    link = connect()
    link.start()
    link.board.push(np.full((19, 6), -32768), np.arange(19))
    link.board.poll()
    (frame,) = map(wire.parse_samples, link.board.notifications())
    assert frame["samples"] == [[-32768] * 5 + [-32767]] * 19
    assert frame["flags"] == 3


def test_time_is_of_the_last_sample_and_wraps(connect):
    link = connect()
    link.start()
    times = 2**32 - 10 * PERIOD_US + np.arange(19, dtype=np.uint64) * PERIOD_US
    link.board.push(np.zeros((19, 6)), times)
    link.board.poll()
    (frame,) = map(wire.parse_samples, link.board.notifications())
    assert frame["time_us"] == 8 * PERIOD_US


@pytest.mark.parametrize("mtu", [31, 185, 247])
def test_backfill_sends_exactly_the_requested_samples(connect, mtu):
    link = connect(mtu)
    link.start()
    link.take(200)
    link.receive()
    assert link.get("fetch", first_index=33, count=77) == {"first_index": 33, "count": 77}
    frames = link.receive()
    assert indices(frames) == list(range(33, 110))
    assert all(frame["flags"] == BACKFILLED for frame in frames)


def test_backfill_in_short_mode_sends_samples_and_times(connect):
    link = connect(23)
    link.start()
    link.take(40)
    link.board.notifications()
    link.get("fetch", first_index=10, count=10)
    link.board.poll()
    packets = link.board.notifications()
    assert [packet[0] for packet in packets] == [0x11] * 6 + [0x10] + [0x11] * 4
    assert {packet[1] for packet in packets} == {BACKFILLED}
    assert [packet[4] for packet in packets if packet[0] == 0x11] == list(range(10, 20))


def test_backfill_gives_what_is_still_held(connect):
    link = connect()
    link.start()
    link.take(600)
    link.receive()
    oldest = link.get("status")["oldest_index"]
    assert oldest == 600 - RING_SAMPLES
    assert link.get("fetch", first_index=oldest - 50, count=60) == {"first_index": oldest, "count": 10}
    frames = link.receive()
    assert indices(frames) == list(range(oldest, oldest + 10))
    assert frames[0]["flags"] == BACKFILLED | GAP_FLAG
    assert link.get("fetch", first_index=590, count=60000) == {"first_index": 590, "count": 10}


def test_backfill_leaves_out_what_the_sensor_lost(connect):
    link = connect()
    link.start()
    link.take(30)
    link.lose(5)
    link.take(30)
    link.receive()
    assert link.get("fetch", first_index=20, count=30) == {"first_index": 20, "count": 25}
    assert indices(link.receive()) == [*range(20, 30), *range(35, 50)]
    assert link.ask("fetch", first_index=30, count=5) == (7, b"")
    assert link.get("fetch", first_index=32, count=5) == {"first_index": 35, "count": 2}


def test_live_frames_go_first_while_fetching(connect):
    link = connect()
    link.start()
    link.take(190)
    link.receive()
    link.get("fetch", first_index=0, count=100)
    link.board.set_radio_room(notifications=3)
    link.take(19)
    frames = link.receive()
    assert [frame["flags"] & BACKFILLED for frame in frames] == [0, BACKFILLED, BACKFILLED]
    assert link.ask("fetch", first_index=0, count=1) == (8, b"")
    link.board.set_radio_room()
    link.take(19)
    frames += link.receive()
    assert indices([frame for frame in frames if not frame["flags"]]) == list(range(190, 228))
    assert indices([frame for frame in frames if frame["flags"]]) == list(range(100))
    assert [frame["sequence"] for frame in frames] == list(range(10, 10 + len(frames)))
    assert link.ask("fetch", first_index=0, count=1)[0] == 0


def test_a_fetch_that_the_ring_overtakes_ends(connect):
    link = connect()
    link.start()
    link.take(250)
    link.receive()
    link.get("fetch", first_index=0, count=100)
    link.board.set_radio_room(notifications=0)
    link.take(300)
    link.board.set_radio_room()
    frames = link.receive()
    assert not any(frame["flags"] & BACKFILLED for frame in frames)
    assert link.ask("fetch", first_index=0, count=100) == (7, b"")


def test_a_run_continues_after_a_lost_connection(connect):
    link = connect()
    started = link.start()
    link.take(100)
    before = indices(link.receive())
    link.board.disconnect()
    link.take(120)
    assert link.receive() == []
    link.reconnect(185)
    link.take(26)
    after = link.receive()
    status = link.get("status")
    assert (status["boot_id"], status["run"], status["running"]) == (started["boot_id"], started["run"], 1)
    assert not any(frame["flags"] for frame in after)
    missing = after[0]["first_index"] - len(before)
    link.get("fetch", first_index=len(before), count=missing)
    assert before + indices(link.receive()) + indices(after) == list(range(246))


def test_a_lost_connection_ends_a_fetch(connect):
    link = connect()
    link.start()
    link.take(200)
    link.receive()
    link.board.set_radio_room(notifications=1)
    link.get("fetch", first_index=0, count=190)
    link.board.disconnect()
    link.board.set_mtu(247)
    assert link.ask("fetch", first_index=0, count=1)[0] == 0
    link.reconnect()
    link.board.set_radio_room()
    assert link.receive() == []
    assert link.ask("fetch", first_index=0, count=1)[0] == 0


def test_the_last_run_can_be_fetched_after_stop(connect):
    link = connect()
    link.start()
    link.take(100)
    link.get("stop")
    link.receive()
    link.get("fetch", first_index=5, count=100)
    assert indices(link.receive()) == list(range(5, 100))
    link.start()
    assert link.ask("fetch", first_index=5, count=1) == (3, b"")


def test_a_reboot_restarts_run_numbers_and_clock(connect):
    link = connect(boot_id=17)
    assert link.start() == {"boot_id": 17, "run": 1, "first_index": 0}
    link.take(100)
    link.receive()
    link.board.power_cycle(18)
    link.reconnect()
    status = link.get("status")
    assert (status["boot_id"], status["run"], status["running"], status["configuration_id"]) == (18, 0, 0, 0)
    assert status["next_index"] == status["device_time_us"] == 0
    assert link.ask("start", options=0) == (4, b"")
    assert link.start() == {"boot_id": 18, "run": 1, "first_index": 0}
    link.take(19)
    (frame,) = link.receive()
    assert (frame["first_index"], frame["sequence"]) == (0, 0)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 60)),
        st.tuples(st.just("lose"), st.integers(1, 300)),
        st.tuples(st.just("mtu"), st.sampled_from([31, 43, 100, 185, 247])),
        st.tuples(st.just("radio"), st.integers(-1, 4)),
        st.tuples(st.just("drop"), st.just(0)),
        st.tuples(st.just("fetch"), st.integers(0, 400)),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(actions=ACTIONS)
def test_no_sample_is_invented_doubled_or_out_of_order(small_library, actions):
    with Board(small_library) as board:
        link = Link(board)
        link.start()
        live: list[int] = []
        took: set[int] = set()
        sequence = 0
        for action, value in [*actions, ("radio", -1), ("mtu", 247)]:
            before = link.taken
            if action == "take":
                link.take(value)
                took |= set(range(before, link.taken))
            elif action == "lose":
                link.lose(value)
            elif action == "mtu":
                board.set_mtu(value)
                link.mtu = value
            elif action == "radio":
                board.set_radio_room(notifications=value)
            elif action == "drop":
                link.reconnect(link.mtu)
            else:
                link.ask("fetch", first_index=value, count=50)
            for frame in link.receive():
                assert frame["sequence"] == sequence
                sequence += 1
                assert set(indices([frame])) <= took
                if not frame["flags"] & BACKFILLED:
                    live += indices([frame])
        assert live == sorted(set(live))
