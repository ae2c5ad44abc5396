"""The client with sensors of other makers: stream, values, a drop, stop; over the look-alike of org.bluez."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from imurun.ble.decoding import Settings
from imurun.ble.events import Battery, Connected, ConnectionLost, GapFinal
from imurun.ble.reconnecting_client import SensorClient
from imurun.ble.scan import find
from tests.ble.ble_helpers import RADIAN, G, rows
from tests.ble.radio import (
    FIND_S,
    TIMEOUTS,
    at_least,
    blocks_of,
    events_of,
    is_a,
    run,
    sensor,
    the_rest,
    until,
)
from tests.ble.scripted import POLAR_FACTOR, POLAR_SIZE, metamotion, movesense, polar, witmotion


def client_of(found, rate_hz, acc_range_g=16):
    return SensorClient(found, Settings(rate_hz, acc_range_g, 2000), timeouts=TIMEOUTS)


async def dropped_once(board, name, rate_hz, acc_range_g=16, away_s=0.6):
    """All items of a run with one drop, after which the sensor is out of range for a while."""
    async with sensor(board, name=name) as bluez:
        async with client_of(await find(name, FIND_S), rate_hz, acc_range_g) as client:
            items = await until(client, at_least(2 * rate_hz))
            bluez.in_range = False
            bluez.drop()
            items += await until(client, is_a(ConnectionLost))
            await asyncio.sleep(away_s)
            bluez.in_range = True
            items += await until(client, is_a(Connected))
            items += await until(client, is_a(GapFinal))
            items += await until(client, at_least(items[-1].first_index + items[-1].n_samples + rate_hz // 2))
            items += await the_rest(client)
            assert not client.stream_decoder.decoder.rejects
        assert not bluez.is_connected
    assert [event.count for event in events_of(items, Connected)] == [1, 2]
    assert len(events_of(items, ConnectionLost)) == 1
    return items


def expected_rows(board, size):
    """Numbers of the rows from the first that was sent to the last, and which of them were sent."""
    sent = np.array(board.sent)
    number = np.arange(size * sent[0], size * (sent[-1] + 1))
    return number, np.isin(number // size, sent)


def assert_gaps_are_told(items, values):
    """Rows in which anything is missing are those of the events."""
    told = np.zeros(len(values), dtype=bool)
    for gap in events_of(items, GapFinal):
        told[gap.first_index : gap.first_index + gap.n_samples] = True
    np.testing.assert_array_equal(np.isnan(values).any(axis=1), told)


def test_movesense_samples_and_gaps_are_exact():
    board = movesense()
    items = run(dropped_once(board, "Movesense 1", 208, acc_range_g=8))
    assert events_of(items, Battery)[0].percent == 64
    _, values = rows(blocks_of(items))
    number, sent = expected_rows(board, 10)
    assert len(values) in (len(number), len(number) - 10)  # the last may come after the stop
    number, sent = number[: len(values)], sent[: len(values)]
    assert_gaps_are_told(items, values)
    np.testing.assert_array_equal(~np.isnan(values[:, 0]), sent)
    np.testing.assert_allclose(values[sent, 0], number[sent] * 0.01, rtol=1e-6, atol=1e-6)
    assert board.commands[-1][0] == 2


def test_witmotion_is_disconnected_while_it_sends():
    async def scenario():
        async with sensor(witmotion(), name="WT901BLE68") as bluez:
            async with client_of(await find("WT901BLE68", FIND_S), 200) as client:
                items = await until(client, at_least(100))
                items += await the_rest(client)
            assert not bluez.is_connected
            return items

    _, values = rows(blocks_of(run(scenario())))
    counts = values[:, 0] / (16 / 32768 * G)
    np.testing.assert_allclose(counts, counts[0] + np.arange(len(counts)), atol=1e-6)


@pytest.mark.parametrize("knows_channels", [True, False])
def test_polar_signals_share_one_time_base_with_exact_gaps(knows_channels):
    board = polar(knows_channels=knows_channels)
    items = run(dropped_once(board, "Polar Sense 12345678", 208))
    assert events_of(items, Battery)[0].percent == 73
    _, values = rows(blocks_of(items))
    number, sent = expected_rows(board, POLAR_SIZE)
    number, sent = number[: len(values)], sent[: len(values)]
    assert len(values) >= len(number) - POLAR_SIZE

    assert_gaps_are_told(items, values)
    np.testing.assert_array_equal(~np.isnan(values[:, 0]), sent)
    acc = np.stack([number, 2 * number, np.full(len(number), 1000)], axis=1) * 1e-3 * G
    np.testing.assert_allclose(values[sent, :3], acc[sent], rtol=1e-9, atol=1e-9)

    # half a sample later, so that the first row after a hole has no angular rate before it
    seen = ~np.isnan(values[:, 3])
    np.testing.assert_array_equal(seen[1:], sent[1:] & sent[:-1])
    assert not seen[0]
    gyr = np.float32(POLAR_FACTOR) * RADIAN * 5 * (number[seen] - 0.5)
    np.testing.assert_allclose(values[seen, 3], gyr, atol=np.float32(POLAR_FACTOR) * RADIAN * 0.05)
    np.testing.assert_allclose(values[seen, 4], -values[seen, 3])

    starts = [command[:2] for command in board.commands if command[0] == 2]
    each = 1 if knows_channels else 2
    assert starts == 2 * [b"\x02\x09", *each * [b"\x02\x02"], *each * [b"\x02\x05"]]
    assert [command for command in board.commands if command[0] == 3] == [
        b"\x03\x02",
        b"\x03\x05",
        b"\x03\x09",
    ]


def test_metamotion_gaps_are_as_long_as_arrivals_show():
    """It tells neither time nor number: the hole is as long as arrivals say, and nothing is out of place."""
    board = metamotion()
    items = run(dropped_once(board, "MetaWear", 100))
    assert events_of(items, Battery)[0].percent == 55
    _, values = rows(blocks_of(items))
    number, sent = expected_rows(board, 3)
    missing = np.isnan(values[:, 0])
    assert_gaps_are_told(items, values)
    assert np.count_nonzero(np.diff(missing.astype(int)) > 0) == 1
    assert np.count_nonzero(missing) == pytest.approx(np.count_nonzero(~sent), abs=25)

    acc = values[~missing, 0] / (16 / 32768 * G)
    np.testing.assert_allclose(acc, number[sent][: len(acc)], atol=1e-6)
    assert len(acc) >= np.count_nonzero(sent) - 6

    # both are counted from their own arrivals, which are the same here but for the radio
    seen = ~np.isnan(values[:, 3])
    gyr = values[seen, 3] / (RADIAN / 16.4)
    place = np.cumsum(~missing)[seen] - 1
    assert np.count_nonzero(seen) > 0.7 * len(acc)
    assert np.abs(gyr - acc[place]).max() < 25
    assert board.commands[:8] == board.commands[8:16]
    assert board.commands[16:18] == [bytes((3, 1, 0)), bytes((0x13, 1, 0))]
