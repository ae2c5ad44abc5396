"""imurun's own client, unchanged, and the virtual sensor: GATT at both ends, in virtual time."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

pytest.importorskip("bumble", reason="needs the extra 'virtual'")

import bleak
from bleak import BleakClient
from bleak.exc import BleakGATTProtocolError

from imurun.ble.control import Op
from imurun.ble.devices.driver import BATTERY_LEVEL, uuid16
from imurun.ble.devices.imurun import CONTROL, INFO, SERVICE
from imurun.ble.events import Battery, Clipping, Connected, ConnectionLost, GapFilled, GapFinal
from imurun.ble.reconnecting_client import SensorClient
from imurun.model.recording import Recording
from imurun.virtual.faults import BOOT_S, Faults, Spell
from imurun.virtual.feed import Feed
from tests.virtual.virtual_board import CONFIGURE, STATUS, counts_of, library, numbered
from tests.virtual.virtual_loop import run_virtual
from tests.virtual.virtual_rig import SETTINGS, Watched, as_counts, offered, rows

MODEL = uuid16(0x2A24)


def stream(monkeypatch, faults=None, *, seconds=30.0, recording=None, mtu=247, **of_sensor):
    """Items of a client that listens for so long, the client and the sensor."""

    async def scenario():
        loop = asyncio.get_running_loop()
        feed = Feed(recording or numbered(20_000))
        sensor = Watched(library(), feed, faults, seed=5, now_s=loop.time(), **of_sensor)
        async with offered(monkeypatch, sensor, mtu=mtu) as found:
            assert found.driver.name == "imurun"
            end_s = loop.time() + seconds
            items = []
            async with SensorClient(found, SETTINGS, clock=loop.time) as client:
                async for item in client:
                    items.append(item)
                    if loop.time() >= end_s:
                        client.stop()
            return items, client, sensor

    return run_virtual(scenario())


def events(items, kind):
    return [item for item in items if isinstance(item, kind)]


def assert_whole(items, seconds):
    """Every sample of one run, each with its own value, for about so long."""
    counts = as_counts(rows(items))
    assert len(counts) == pytest.approx(seconds * 208, abs=3 * 208)
    np.testing.assert_allclose(counts, counts_of(np.arange(len(counts))), atol=1e-6)


@pytest.mark.parametrize("mtu", [247, 185, 23])
def test_a_stream_without_faults_is_complete(monkeypatch, mtu):
    items, client, sensor = stream(monkeypatch, mtu=mtu)
    assert_whole(items, 30)
    assert [event.mtu for event in events(items, Connected)] == [mtu]
    assert not events(items, ConnectionLost) + events(items, GapFilled) + events(items, GapFinal)
    assert not client.stream_decoder.decoder.rejects + client.stream_decoder.reassembler.counts
    assert sensor.asked[-1].op == Op.STOP


def test_lost_notifications_are_fetched(monkeypatch):
    items, _, sensor = stream(monkeypatch, Faults(loss=0.2))
    assert sensor.air.counts["lost"] > 40
    assert_whole(items, 30)
    assert len(events(items, GapFilled)) > 20
    assert not events(items, GapFinal)


def test_lost_notifications_are_fetched_at_the_least_mtu(monkeypatch):
    items, _, sensor = stream(monkeypatch, Faults(loss=0.05), seconds=15, mtu=23)
    assert sensor.air.counts["lost"] > 100
    assert_whole(items, 15)


@pytest.mark.parametrize(
    ("fault", "what", "count"),
    [
        (Faults(duplicate=0.1), "doubled", "late or duplicate"),
        (Faults(reorder=0.1), "swapped", None),
        (Faults(delay_s=0.3), None, None),
        (Faults(flip=0.1), "damaged", None),
    ],
    ids=["duplicate", "reorder", "delay", "flip"],
)
def test_duplicate_late_and_damaged_packets_change_no_sample(monkeypatch, fault, what, count):
    items, client, sensor = stream(monkeypatch, fault)
    assert_whole(items, 30)
    if what:
        assert sensor.air.counts[what] > 10
    if count:
        assert client.stream_decoder.reassembler.counts[count] == sensor.air.counts[what]
    if fault.flip:
        assert sum(client.stream_decoder.decoder.rejects.values()) > 10


def test_lost_connections_are_filled_from_the_ring_buffer(monkeypatch):
    items, _, sensor = stream(monkeypatch, Faults(drops=(Spell(10, 8), Spell(40, 3))), seconds=60)
    assert_whole(items, 60)
    assert len(events(items, Connected)) == 3
    assert len(events(items, ConnectionLost)) == 2
    assert [one.op for one in sensor.asked].count(Op.START) == 1


def test_samples_no_longer_in_the_ring_buffer_are_a_gap_of_exact_length(monkeypatch):
    items, _, sensor = stream(monkeypatch, Faults(drops=(Spell(10, 40),)), seconds=90)
    counts = as_counts(rows(items))
    missing = np.isnan(counts[:, 0])
    (gap,) = events(items, GapFinal)
    _, _, next_index = sensor.fetches(sensor.boot_id)[0]
    lost = np.arange(gap.first_index, next_index - 4096)
    np.testing.assert_array_equal(np.flatnonzero(missing), lost)
    assert gap.n_samples == len(lost) > 20 * 208
    np.testing.assert_allclose(counts[~missing], counts_of(np.flatnonzero(~missing)), atol=1e-6)


def test_silence_is_a_lost_connection(monkeypatch):
    items, _, sensor = stream(monkeypatch, Faults(silences=(Spell(10, 4),)), seconds=40)
    assert "sent nothing for 1.0 s" in events(items, ConnectionLost)[0].reason
    assert sensor.counts["silent"] == 1
    assert sensor.counts["out of range"] == 0
    assert_whole(items, 40)


def test_a_reboot_is_a_new_run_behind_a_gap(monkeypatch):
    items, client, sensor = stream(monkeypatch, Faults(reboots=(Spell(15, BOOT_S),)), seconds=40)
    counts = as_counts(rows(items))
    (gap,) = events(items, GapFinal)
    begin = list(sensor.begins().values())
    assert len(begin) == 2
    stop = gap.first_index + gap.n_samples
    np.testing.assert_allclose(counts[: gap.first_index], counts_of(np.arange(gap.first_index)), atol=1e-6)
    after = begin[1] + np.arange(len(counts) - stop)
    np.testing.assert_allclose(counts[stop:], counts_of(after), atol=1e-6)
    # how long it was off only arrivals tell: within a turn of the firmware
    assert stop == pytest.approx(begin[1], abs=11)
    assert client.stream_decoder.reassembler.counts["restart"] == 1


def test_samples_lost_in_the_sensor_are_a_gap(monkeypatch):
    recording = numbered(20_000, gap=(2000, 2200))
    items, _, _ = stream(monkeypatch, recording=recording)
    missing = np.isnan(rows(items)[:, 0])
    np.testing.assert_array_equal(np.flatnonzero(missing), np.arange(2000, 2200))
    assert [(gap.first_index, gap.n_samples) for gap in events(items, GapFinal)] == [(2000, 200)]


def test_battery_and_clipping_are_reported(monkeypatch):
    acc = np.tile([0.0, 0.0, 9.81], (30_000, 1))
    acc[2000, 2] = 400.0
    recording = Recording(acc, np.zeros_like(acc), rate_hz=208)
    items, _, _ = stream(
        monkeypatch,
        Faults(battery_percent=90, battery_percent_per_h=-600),
        recording=recording,
        seconds=130,
    )
    assert [event.what for event in events(items, Clipping)] == ["acc"]
    assert [event.percent for event in events(items, Battery)] == [90, 80, 70]


def test_a_slow_radio_catches_up(monkeypatch):
    faults = Faults(drops=(Spell(10, 5),))
    items, _, _ = stream(monkeypatch, faults, seconds=60, notifications_per_s=15.0)
    assert_whole(items, 60)


def gatt(monkeypatch, scenario, mtu=247, faults=None):
    """Run `scenario(client, sensor)` with bleak's own client connected."""

    async def connected():
        loop = asyncio.get_running_loop()
        sensor = Watched(library(), Feed(numbered(1000)), faults, now_s=loop.time())
        async with (
            offered(monkeypatch, sensor, mtu=mtu) as found,
            bleak.BleakClient(found.device) as client,
        ):
            assert isinstance(client, BleakClient)
            return await scenario(client, sensor)

    return run_virtual(connected())


@pytest.mark.parametrize("mtu", [247, 23])
def test_services_give_info_battery_and_model(monkeypatch, mtu):
    async def scenario(client, sensor):
        assert client.services.get_service(SERVICE) is not None
        assert bytes(await client.read_gatt_char(INFO)) == sensor.info()
        assert len(sensor.info()) > 22  # so it is a long read at the shortest MTU
        assert bytes(await client.read_gatt_char(BATTERY_LEVEL)) == b"\x64"
        assert bytes(await client.read_gatt_char(MODEL)) == b"virtual sensor"

    gatt(monkeypatch, scenario, mtu)


def test_control_without_its_subscription_is_refused(monkeypatch):
    async def scenario(client, _):
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_char(CONTROL, STATUS, response=True)
        assert refused.value.code == 0xFD

    gatt(monkeypatch, scenario)


def test_a_request_before_the_answer_is_refused(monkeypatch):
    async def scenario(client, _):
        answers = []
        await client.start_notify(CONTROL, lambda _, data: answers.append(bytes(data)))
        capabilities = bytes([1, 9])  # several parts at this MTU
        results = await asyncio.gather(
            *(client.write_gatt_char(CONTROL, capabilities, response=True) for _ in range(2)),
            return_exceptions=True,
        )
        (refused,) = [one for one in results if one is not None]
        assert refused.code == 0xFE
        await asyncio.sleep(1.0)
        assert [answer[0] for answer in answers] == [0x81, 0x81, 0x80]
        await client.write_gatt_char(CONTROL, CONFIGURE, response=True)
        await asyncio.sleep(1.0)
        assert answers[-1][:4] == bytes([0x80, 2, 1, 0])

    gatt(monkeypatch, scenario, mtu=23)


def test_the_battery_notifies(monkeypatch):
    async def scenario(client, _):
        told = []
        await client.start_notify(BATTERY_LEVEL, lambda _, data: told.append(data[0]))
        await asyncio.sleep(100.0)
        return told

    told = gatt(monkeypatch, scenario, faults=Faults(battery_percent=50, battery_percent_per_h=-180))
    assert told[:3] == [49, 48, 47]
    assert told[-1] == 45
