"""The sensor by itself: what it sends, in its own time."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from imurun.ble.codec import decode_frame
from imurun.ble.control import Parts
from imurun.reassembly.chunks import Flag
from imurun.virtual.faults import BOOT_S, Faults, Spell
from imurun.virtual.feed import Feed
from imurun.virtual.sensor import VirtualSensor
from tests.virtual.virtual_board import CONFIGURE, START, STATUS, STOP, counts_of, library, numbered


class Client:
    """Connected to a sensor, it notes what is sent to it."""

    def __init__(self, recording=None, faults=None, *, loop=True, mtu=247, **of_sensor):
        self.sensor = VirtualSensor(
            library(), Feed(recording or numbered(5000), loop=loop), faults, **of_sensor
        )
        self.now_s = 0.0
        self.frames, self.answers = [], []
        self.mtu = mtu
        self.connect()

    def connect(self):
        self.sensor.connect()
        self.sensor.set_mtu(self.mtu)
        self.sensor.subscribe(True)

    def ask(self, request):
        assert self.sensor.write(request, self.now_s)
        parts = Parts()
        answer = None
        while answer is None:
            for packet in self.sensor.advance(self.now_s):
                if packet.on == "data":
                    self.frames.append(packet.data)
                else:
                    self.sensor.confirm()
                    answer = parts.feed(packet.data)
        assert answer.status == 0
        return answer.payload

    def start(self):
        self.ask(CONFIGURE)
        return self.ask(START)

    def pass_time(self, seconds, every_s=0.05):
        for _ in range(round(seconds / every_s)):
            self.now_s += every_s
            self.frames += [packet.data for packet in self.sensor.advance(self.now_s) if packet.on == "data"]

    def samples(self):
        """Index and counts of all samples that came, in their order."""
        decoded = [decode_frame(frame) for frame in self.frames]
        index = np.concatenate([one.first_index + np.arange(len(one.raw)) for one in decoded])
        return index, np.vstack([one.raw for one in decoded])


@pytest.mark.parametrize("mtu", [247, 23])
def test_the_sensor_sends_the_samples_of_its_feed(mtu):
    client = Client(mtu=mtu)
    client.start()
    client.pass_time(10)
    assert client.ask(STOP).next_index == 2080
    client.pass_time(0.1)
    index, counts = client.samples()
    np.testing.assert_array_equal(index, np.arange(2080))
    np.testing.assert_array_equal(counts, counts_of(index))


def test_the_length_of_turns_does_not_matter():
    times = []
    for every_s in (0.005, 30.0):
        client = Client()
        client.start()
        client.pass_time(30, every_s)
        times.append([decode_frame(frame).time_us for frame in client.frames])
    assert times[0] == times[1][-len(times[0]) :] == times[1]


def test_sample_times_are_of_its_own_clock():
    client = Client(clock_ppm=500.0)
    client.now_s = 2.0
    client.start()
    client.pass_time(100)
    status = client.ask(STATUS)
    assert status.device_time_us == pytest.approx(102e6 * 1.0005, abs=1)
    last = decode_frame(client.frames[-1])
    taken = last.first_index + len(last.raw)
    assert last.time_us == pytest.approx(2e6 * 1.0005 + taken / 208 * 1e6, abs=1)
    assert taken / 208 == pytest.approx(100 * 1.0005, abs=0.1)


def test_gaps_of_the_recording_are_lost_in_the_sensor():
    client = Client(numbered(5000, gap=(1000, 1300)))
    client.start()
    client.pass_time(10)
    index, counts = client.samples()
    assert not set(index) & set(range(1000, 1300))
    np.testing.assert_array_equal(counts, counts_of(index))
    assert client.ask(STATUS).lost == 300
    after = next(one for one in map(decode_frame, client.frames) if one.first_index == 1300)
    assert after.flags & Flag.LOST_BEFORE


def test_a_run_ends_with_the_recording():
    client = Client(numbered(1000), loop=False)
    client.start()
    client.pass_time(10)
    assert client.sensor.has_ended
    assert client.ask(STATUS).next_index == 1000


def test_a_later_run_continues_in_the_recording():
    client = Client()
    client.start()
    client.pass_time(3)
    client.ask(STOP)
    client.pass_time(2)
    client.frames.clear()
    client.ask(START)
    client.pass_time(1)
    index, counts = client.samples()
    assert index[0] == 0
    np.testing.assert_array_equal(counts, counts_of(index + 1040))


def test_a_reboot_loses_run_ring_and_clock():
    client = Client(faults=Faults(reboots=(Spell(5.0, BOOT_S),)))
    boot = client.start().boot_id
    client.pass_time(5.2)
    assert client.sensor.news() == ["rebooted: run, ring and clock are lost"]
    assert not client.sensor.is_linked
    assert not client.sensor.in_range
    client.pass_time(1.0)
    assert client.sensor.in_range
    client.connect()
    status = client.ask(STATUS)
    assert status.boot_id != boot
    assert (status.run, status.running, status.next_index) == (0, 0, 0)
    assert status.device_time_us == pytest.approx(0.7e6, abs=1)


def test_a_drop_ends_the_connection_also_between_calls():
    client = Client(faults=Faults(drops=(Spell(5.0, 1.0),)))
    client.start()
    client.pass_time(8, every_s=4.0)
    assert client.sensor.in_range
    assert not client.sensor.is_linked
    assert client.sensor.counts["out of range"] == 1


def test_silence_keeps_the_connection_and_the_samples():
    client = Client(faults=Faults(silences=(Spell(3.0, 2.0),)))
    client.start()
    client.pass_time(3)
    n = len(client.frames)
    client.pass_time(1.9)
    assert len(client.frames) == n
    assert client.sensor.is_linked
    assert client.ask(STATUS).next_index == 1019
    client.pass_time(1)
    assert len(client.frames) > n


def test_the_battery_falls_and_is_notified():
    client = Client(faults=Faults(battery_percent=16, battery_percent_per_h=-3600))
    client.start()
    client.pass_time(1)
    low = [bool(decode_frame(frame).flags & Flag.BATTERY_LOW) for frame in client.frames]
    assert not any(low)
    client.frames.clear()
    client.pass_time(4)
    assert decode_frame(client.frames[-1]).flags & Flag.BATTERY_LOW
    assert client.sensor.battery == client.ask(STATUS).battery == 11


def test_samples_beyond_the_radio_capacity_wait_in_the_ring_buffer():
    client = Client(mtu=23, notifications_per_s=100.0)
    client.start()
    client.pass_time(5)
    assert 450 < len(client.frames) <= 510  # 1105 would be needed
    first = [struct.unpack_from("<H", frame, 2)[0] for frame in client.frames]
    assert first == list(range(len(first)))


def test_the_next_indication_waits_for_confirmation():
    client = Client(mtu=23)
    sensor = client.sensor
    assert sensor.write(bytes([1, 9]), 0.0)  # capabilities take several parts
    assert not sensor.write(STATUS, 0.0)
    parts = 0
    while packets := [packet for packet in sensor.advance(0.0) if packet.on == "control"]:
        assert len(packets) == 1
        parts += 1
        sensor.confirm()
    assert parts == 3
    assert sensor.write(STATUS, 0.0)
