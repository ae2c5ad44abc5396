"""The client through bleak's own BlueZ backend, against a look-alike of org.bluez: no radio, real D-Bus."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import numpy as np
import pytest

import imurun
from imurun.ble.connection import notifying
from imurun.ble.control import Op, Status
from imurun.ble.devices import DRIVERS
from imurun.ble.devices.driver import uuid16
from imurun.ble.events import (
    Battery,
    Clipping,
    Connected,
    ConnectionLost,
    Dropped,
    GapFilled,
    GapFinal,
    NotLogged,
    NotStopped,
)
from imurun.ble.journal import JournalEvent, JournalWriter, open_journal
from imurun.ble.journal_replay import Replay, journal_header
from imurun.ble.reconnecting_client import RetryDelay, SensorClient
from imurun.ble.scan import find, scan
from imurun.ble.timeouts import Timeouts
from imurun.errors import RecordingError
from imurun.model.sample_block import SampleBlock
from imurun.reassembly.chunks import Flag
from tests.ble.ble_helpers import rows
from tests.ble.bluez import ADDRESS
from tests.ble.board import Board, values_of
from tests.ble.radio import (
    FIND_S,
    SETTINGS,
    TIMEOUTS,
    assert_whole,
    at_least,
    blocks_of,
    events_of,
    eventually,
    is_a,
    run,
    sensor,
    streaming,
    the_rest,
    until,
)


async def seen():
    """Sensors that a scan finds, which ends before the busy machine comes to them at worst."""
    while not (found := await scan(0.2)):
        pass
    return found


def test_a_scan_gives_name_address_signal_and_driver():
    async def scenario():
        async with sensor():
            return await seen()

    (found,) = run(scenario())
    assert (found.name, found.address, found.signal_dbm) == ("imurun-1", ADDRESS, -50)
    assert found.driver.name == "imurun"


def test_a_scan_lists_unsupported_sensors_without_a_driver():
    async def scenario():
        board = Board()
        board.services = {uuid16(0x180D): {uuid16(0x2A37): ["notify"]}}
        async with sensor(board, name="Heart\x1b[31m"):
            return await seen()

    (found,) = run(scenario())
    assert found.driver is None
    assert found.name == "Heart[31m"


@pytest.mark.parametrize("mtu", [247, 23])
def test_a_stream_holds_all_samples_with_their_times(mtu):
    async def scenario():
        came = []

        def is_enough(item):
            came.append((item, time.monotonic()))
            return at_least(400)(item)

        async with sensor(mtu=mtu) as bluez, streaming() as client:
            items = await until(client, is_enough)
            items += await the_rest(client)
            assert not bluez.is_connected
            assert bluez.board.requests[:5] == [Op.TIME_SYNC, Op.STOP, Op.CONFIGURE, Op.START, Op.STATUS]
            assert abs(bluez.board.utc_us * 1e-6 - time.time()) < 20
            assert bluez.board.requests.count(Op.STOP) == 2
            assert client.n_dropped == 0
            assert not client.stream_decoder.decoder.rejects
            assert items_end(items) == bluez.board.taken  # up to the last one
            return items, came, bluez.board.began_s

    items, came, began_s = run(scenario())
    assert_whole(items)
    assert [event.mtu for event in events_of(items, Connected)] == [mtu]
    assert [event.percent for event in events_of(items, Battery)] == [81]
    assert not events_of(items, ConnectionLost)
    timed = [(b, came_s) for b, came_s in came if isinstance(b, SampleBlock) and np.isfinite(b.time_s)]
    assert len(timed) > 5
    for (
        block,
        came_s,
    ) in timed:  # a busy machine delays what comes, and nothing is dated before it was measured
        assert began_s + block.next_index / 208 - 0.05 < block.time_s < came_s + 0.05


def test_ten_lost_connections_lose_and_repeat_no_sample():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, is_a(SampleBlock))
            connections = await bluez.count_connections()
            for _ in range(10):
                bluez.drop()
                items += await until(client, is_a(ConnectionLost))
                items += await until(client, is_a(Connected))
                items += await until(client, at_least(items_end(items) + 19))
            # bleak opens one for each connection, and closes it only in disconnect()
            assert await bluez.count_connections() == connections
            items += await the_rest(client)
            assert bluez.board.requests.count(Op.START) == 1
            assert not client.stream_decoder.reassembler.counts["late or duplicate"]
            return items

    items = run(scenario())
    assert_whole(items)
    assert [event.count for event in events_of(items, Connected)] == list(range(1, 12))
    assert len(events_of(items, ConnectionLost)) == 10
    assert not events_of(items, GapFinal)


def items_end(items):
    return blocks_of(items)[-1].next_index


def test_lost_notifications_are_fetched():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            bluez.board.lose = lambda first: 95 <= first < 190 or first == 19 * 14
            items = await until(client, at_least(19 * 20))
            return items + await the_rest(client)

    items = run(scenario())
    assert_whole(items)
    assert [(e.first_index, e.n_samples) for e in events_of(items, GapFilled)] == [(95, 95), (266, 19)]
    assert not events_of(items, GapFinal)


def test_samples_the_sensor_no_longer_holds_are_a_gap_of_exact_length():
    async def scenario():
        async with sensor(Board(ring=100)) as bluez, streaming() as client:
            items = await until(client, at_least(38))
            bluez.in_range = False
            bluez.drop()
            items += await until(client, is_a(ConnectionLost))
            await eventually(lambda: bluez.board.oldest > items_end(items) + 50)
            bluez.in_range = True
            items += await until(client, is_a(GapFinal))
            items += await until(client, is_a(SampleBlock))
            return items + await the_rest(client), bluez.board.fetched_from

    items, fetched_from = run(scenario())
    _, values = rows(blocks_of(items))
    missing = np.isnan(values[:, 0])
    (gap,) = events_of(items, GapFinal)
    assert gap.n_samples > 50
    assert gap.first_index + gap.n_samples in fetched_from
    assert np.flatnonzero(missing).tolist() == list(range(gap.first_index, gap.first_index + gap.n_samples))
    np.testing.assert_allclose(values[~missing], values_of(np.flatnonzero(~missing)), rtol=1e-12, atol=1e-12)


def test_a_tail_that_the_sensor_no_longer_holds_is_a_gap():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(95))
            bluez.board.lose = lambda first: True
            await eventually(lambda: bluez.board.taken > items_end(items) + 57)
            bluez.board._on_fetch = lambda first, count: (Status.NOT_HELD, None)
            items += await the_rest(client)
            assert items_end(items) == bluez.board.taken
            return items

    items = run(scenario())
    _, values = rows(blocks_of(items))
    (gap,) = events_of(items, GapFinal)
    assert gap.n_samples > 19
    assert gap.first_index + gap.n_samples == len(values)
    assert np.flatnonzero(np.isnan(values[:, 0])).tolist() == list(range(gap.first_index, len(values)))


@pytest.mark.parametrize(("log_bytes", "options"), [(10_000, [1]), (0, [1, 0])])
def test_the_sensor_writes_its_own_log_where_it_can(log_bytes, options):
    async def scenario():
        board = Board(log_bytes=log_bytes)
        async with sensor(board), streaming(keep_log=True) as client:
            items = await until(client, at_least(19))
            assert client.is_logged == bool(log_bytes)
            items += await the_rest(client)
            assert board.start_options == options

    run(scenario())


@pytest.mark.parametrize("end", ["silent", "dead"])
def test_silence_is_a_lost_connection_though_the_system_reports_connected(end):
    timeouts = replace(TIMEOUTS, silence_s=1.0, first_data_s=1.0)

    async def scenario():
        async with sensor() as bluez, streaming(timeouts) as client:
            items = await until(client, at_least(38))
            if end == "silent":
                bluez.board.silent = True
            else:
                bluez.subscribed.clear()  # as after a restart of bluetoothd
            assert bluez.is_connected
            items += await until(client, is_a(ConnectionLost))
            bluez.board.silent = False
            items += await until(client, is_a(Connected))
            items += await until(client, at_least(items_end(items) + 19))
            return items + await the_rest(client)

    items = run(scenario())
    assert_whole(items)
    assert "sent nothing for 1.0 s" in events_of(items, ConnectionLost)[0].reason


def test_a_reboot_is_a_new_run_behind_a_gap():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(57))
            bluez.drop()
            bluez.board.reboot()
            items += await until(client, is_a(GapFinal))
            items += await until(client, is_a(SampleBlock))
            assert bluez.board.requests.count(Op.START) == 2
            return items + await the_rest(client)

    items = run(scenario())
    _, values = rows(blocks_of(items))
    (gap,) = events_of(items, GapFinal)
    after = gap.first_index + gap.n_samples
    np.testing.assert_allclose(values[: gap.first_index], values_of(np.arange(gap.first_index)), rtol=1e-12)
    np.testing.assert_allclose(values[after:], values_of(np.arange(len(values) - after)), rtol=1e-12)


def test_a_sensor_that_the_system_forgot_is_found_again():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, is_a(SampleBlock))
            bluez.forget()
            items += await until(client, is_a(ConnectionLost))
            items += await until(client, is_a(Connected))
            items += await until(client, at_least(items_end(items) + 19))
            return items + await the_rest(client)

    assert_whole(run(scenario()))


def test_clipping_is_reported_once():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            bluez.board.flags = Flag.GYR_CLIPPED
            items = await until(client, at_least(100))
            return items + await the_rest(client)

    assert [event.what for event in events_of(run(scenario()), Clipping)] == ["gyr"]


def test_the_journal_gives_the_same_samples_again(tmp_path):
    path = tmp_path / "run.journal"
    driver = DRIVERS["imurun"]
    start = datetime(2026, 5, 1, 7, tzinfo=UTC)
    clock_s, begun_s = time.monotonic(), []
    header = journal_header(driver, SETTINGS, name="imurun-1", address=ADDRESS, start=start, clock_s=clock_s)

    async def scenario(journal):
        async with sensor() as bluez, streaming(journal=journal) as client:
            bluez.board.lose = lambda first: first == 38
            items = await until(client, at_least(95))
            begun_s.append(bluez.board.began_s)
            bluez.in_range = False
            bluez.drop()
            bluez.board.ring = 100
            await eventually(lambda: bluez.board.oldest > items_end(items) + 50)
            bluez.in_range = True
            items += await until(client, is_a(GapFinal))
            bluez.drop()
            bluez.board.reboot()
            items += await until(client, is_a(GapFinal))
            return items + await the_rest(client)

    with JournalWriter(path, header, notifying(driver)) as journal:
        items = run(scenario(journal))
    _, values = rows(blocks_of(items))
    replayed = list(Replay(open_journal(path)).blocks())
    np.testing.assert_array_equal(rows(replayed)[1], values)
    kinds = [r.what["kind"] for r in open_journal(path).records() if isinstance(r, JournalEvent)]
    assert [kinds.count(kind) for kind in ("connected", "lost")] == [3, 2]
    assert "give up" in kinds

    recording = imurun.read(path)
    assert recording.rate_hz == pytest.approx(208, rel=0.01)
    assert (recording.acc_range_g, recording.gyr_range_deg_s) == (16, 2000)
    assert -0.1 < (recording.start - start).total_seconds() - (begun_s[0] - clock_s) < 2
    present = ~np.isnan(values[:, 0])
    np.testing.assert_array_equal(recording.acc[present], values[present, :3])
    assert len(recording) == len(values)


def test_a_full_disk_ends_the_stream_and_disconnects(tmp_path):
    class FullDisk(JournalWriter):
        def notification(self, *_):
            raise RecordingError("run.journal cannot be written any more (No space left on device).")

    async def scenario():
        with FullDisk(tmp_path / "run.journal", {}, notifying(DRIVERS["imurun"])) as journal:
            async with sensor() as bluez, streaming(journal=journal) as client:
                with pytest.raises(RecordingError, match="No space left"):
                    await until(client, is_a(SampleBlock))
                assert not bluez.is_connected

    run(scenario())


def test_a_stop_while_the_sensor_is_out_of_range_loses_no_sample():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(19))
            bluez.in_range = False
            bluez.drop()
            items += await until(client, is_a(ConnectionLost))
            return items + await the_rest(client)

    assert_whole(run(scenario()))


def test_leaving_the_client_disconnects():
    async def scenario():
        async with sensor() as bluez:
            async with streaming() as client:
                await until(client, is_a(SampleBlock))
            assert not bluez.is_connected

    run(scenario())


def test_the_callback_never_blocks_and_counts_dropped_notifications(monkeypatch):
    monkeypatch.setattr("imurun.ble.reconnecting_client.QUEUE_LIMIT", 5)
    monkeypatch.setattr("imurun.ble.reconnecting_client.OUTPUT_LIMIT", 3)

    async def scenario():
        async with sensor(), streaming() as client:
            await eventually(lambda: client.n_dropped)
            n_dropped = client.n_dropped
            items = await until(client, at_least(400))
            items += await the_rest(client)
            assert sum(event.n_notifications for event in events_of(items, Dropped)) >= n_dropped
            return items

    items = run(scenario())
    assert_whole(items)  # what was dropped was asked for again


# -- the end of a run ---------------------------------------------------------------------------------------


def test_stop_while_the_connection_is_lost_reconnects_once_to_end_the_run():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(57))
            bluez.in_range = False
            bluez.drop()
            items += await until(client, is_a(ConnectionLost))
            bluez.in_range = True
            items += await the_rest(client)
            assert not bluez.board._running
            assert items_end(items) == bluez.board.taken
            return items

    items = run(scenario())
    assert_whole(items)
    assert not events_of(items, NotStopped)


def test_a_sensor_that_cannot_be_stopped_is_reported():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(57))
            bluez.board._on_stop = lambda: (Status.BUSY, None)
            return items + await the_rest(client)

    items = run(scenario())
    assert len(events_of(items, NotStopped)) == 1
    assert_whole(items)


def test_what_is_missing_is_fetched_from_a_sensor_that_cannot_be_stopped():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            bluez.board._on_stop = lambda: (Status.BUSY, None)
            items = await until(client, at_least(57))
            lost = items_end(items) + 38
            bluez.board.lose = lambda first: first == lost
            await eventually(lambda: bluez.board.taken > lost + 57)
            items += await the_rest(client)
            assert items_end(items) > lost
            return items

    items = run(scenario())
    assert len(events_of(items, NotStopped)) == 1
    assert_whole(items)


def test_a_sensor_that_neither_stops_nor_gives_what_is_missing_does_not_hold_the_client():
    async def scenario():
        async with sensor() as bluez, streaming(replace(TIMEOUTS, longest_drain_s=1.0)) as client:
            bluez.board._on_stop = lambda: (Status.BUSY, None)
            bluez.board._on_fetch = lambda first, count: (Status.BUSY, None)
            bluez.board.lose = lambda first: first % 2
            items = await until(client, at_least(38))
            return items + await the_rest(client)

    assert len(events_of(run(scenario()), NotStopped)) == 1


def test_an_answer_to_stop_that_is_lost_is_asked_for_again():
    async def scenario():
        async with sensor() as bluez, streaming(replace(TIMEOUTS, reply_s=3.0)) as client:
            items = await until(client, at_least(57))
            written, lost = bluez.board.written, []

            def once_unheard(uuid, data):
                answers = written(uuid, data)
                if data[0] == Op.STOP and not lost:
                    lost.extend(answers)
                    return []
                return answers

            bluez.board.written = once_unheard
            items += await the_rest(client)
            assert lost
            assert not bluez.board._running
            return items

    items = run(scenario())
    assert_whole(items)
    assert not events_of(items, NotStopped)


def test_samples_in_the_ring_buffer_arrive_though_the_connection_is_lost_at_stop():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(57))
            bluez.board.lose = lambda first: True
            fetch = bluez.board._on_fetch

            def drop_once(first, count):
                if bluez.log.count("Connect") == 1:
                    bluez.drop()
                return fetch(first, count)

            bluez.board._on_fetch = drop_once
            await eventually(lambda: bluez.board.taken > items_end(items) + 57)
            items += await the_rest(client)
            assert bluez.log.count("Connect") == 2
            assert items_end(items) == bluez.board.taken
            return items

    assert_whole(run(scenario()))


def test_a_stop_before_the_sensor_is_connected_is_at_once():
    for_ever = Timeouts(scan_s=1e6, retry_s=1e6, longest_retry_s=1e6, tries=1000)

    async def scenario():
        async with sensor() as bluez:
            found = await find("imurun-1", FIND_S)
            bluez.in_range = False
            async with SensorClient(found, SETTINGS, timeouts=for_ever) as client:
                await eventually(lambda: "Connect" in bluez.log)
                return await the_rest(client)

    assert run(scenario()) == []


def test_a_log_that_ends_before_the_run_is_reported():
    async def scenario():
        board = Board(log_bytes=10_000)
        async with sensor(board), streaming(replace(TIMEOUTS, battery_s=0.2), keep_log=True) as client:
            items = await until(client, at_least(57))
            assert client.is_logged
            board._logs = False
            items += await until(client, is_a(NotLogged))
            assert not client.is_logged
            return items + await the_rest(client)

    assert len(events_of(run(scenario()), NotLogged)) == 1


def test_retry_delays_grow_to_a_limit_and_are_jittered():
    delay = RetryDelay(0.5, 8.0, Random(3))
    waits = [delay.next_s() for _ in range(50)]
    for k, wait in enumerate(waits):
        longest = min(8.0, 0.5 * 2**k)
        assert longest / 2 <= wait <= longest
    assert len(set(waits)) == 50
    delay.reset()
    assert delay.next_s() <= 0.5
    again = RetryDelay(0.5, 8.0, Random(3))
    assert [again.next_s() for _ in range(50)] == waits
