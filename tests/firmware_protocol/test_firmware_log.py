"""The on-device log: what is written, and what comes back over the air."""

from __future__ import annotations

import struct

import firmware_wire as wire
import numpy as np
import pytest

from tests.firmware_protocol.firmware_link import PERIOD_US, Link, indices, raw_samples

OP_LOG_LIST = 8


def logs(link: Link) -> list[tuple[int, int]]:
    status, payload = link.ask("log_list")
    assert status == 0
    assert len(payload) == 1 + 6 * payload[0]
    return list(struct.iter_unpack("<HI", payload[1:]))


def download(link: Link, log_id: int, size: int, chunk: int = 65535) -> bytes:
    """The bytes of a log, put together from log data frames by their offset."""
    data = bytearray(size)
    came = 0
    for offset in range(0, size, chunk):
        came += link.get("log_read", log_id=log_id, offset=offset, length=min(chunk, 65535))["length"]
        link.board.poll()
        for packet in link.board.notifications():
            assert packet == wire.sealed(packet[:-2])
            assert len(packet) <= link.mtu - 3
            kind, _, _, at, length = struct.unpack_from("<BBHIB", packet)
            assert kind == 0x12
            assert len(packet) == 11 + length
            data[at : at + length] = packet[9:-2]
    assert came == size
    return bytes(data)


def records(log: bytes) -> list[bytes]:
    found = []
    while log:
        found.append(log[1 : 1 + log[0]])
        assert len(found[-1]) == log[0]
        log = log[1 + log[0] :]
    return found


@pytest.mark.parametrize("mtu", [247, 185, 23])
def test_the_log_equals_the_live_stream(connect, mtu):
    link = connect(boot_id=99, log_bytes=10**6)
    link.board.set_clock(5_000_000)
    link.get("time_sync", host_time_us=1_700_000_000_000_000)
    link.board.set_clock(7_500_000)
    link.start(log=True)
    live = []
    for _ in range(50):
        link.take(41)
        link.receive()
        live += link.frames
    link.get("stop")
    link.receive()
    live += link.frames
    ((log_id, size),) = logs(link)
    link.reconnect(mtu)
    header, *frames = records(download(link, log_id, size, chunk=7000))
    assert header == wire.build_frame(
        {
            "type": 3,
            "flags": 0,
            "sequence": 0,
            "boot_id": 99,
            "run": 1,
            "configuration_id": 1,
            "rate_mhz": 208000,
            "acc_range_g": 16,
            "gyr_range_deg_s": 2000,
            "acc_scale": 488000,
            "gyr_scale": 70000000,
            "device_time_us": 7_500_000,
            "host_time_us": 1_700_000_002_500_000,
        }
    )
    assert [frame[4:-2] for frame in frames] == [frame[4:-2] for frame in live]
    assert [wire.parse_samples(frame)["sequence"] for frame in frames] == list(range(1, len(frames) + 1))


def test_the_log_continues_without_a_connection_and_holds_lost_samples(connect):
    link = connect(log_bytes=10**6)
    link.start(log=True)
    link.board.disconnect()
    link.take(1000)
    link.lose(7)
    link.take(500)
    link.reconnect()
    link.get("stop")
    link.board.notifications()
    ((log_id, size),) = logs(link)
    frames = [wire.parse_samples(record) for record in records(download(link, log_id, size))[1:]]
    assert indices(frames) == [*range(1000), *range(1007, 1507)]
    assert [frame["first_index"] for frame in frames if frame["flags"] & 8] == [1007]
    samples = np.concatenate([frame["samples"] for frame in frames])
    assert np.array_equal(samples, np.concatenate([raw_samples(0, 1000), raw_samples(1007, 500)]))
    assert frames[-1]["time_us"] == 1507 * PERIOD_US


def test_full_storage_stops_the_log_and_not_the_run(connect):
    link = connect(log_bytes=1000)
    link.start(log=True)
    link.take(200)
    assert indices(link.receive()) == list(range(190))
    status = link.get("status")
    assert (status["running"], status["log"]) == (1, 2)
    link.get("stop")
    assert indices(link.receive()) == list(range(190, 200))
    ((log_id, size),) = logs(link)
    frames = [wire.parse_samples(record) for record in records(download(link, log_id, size))[1:]]
    assert indices(frames) == list(range(57))
    assert link.get("start", options=0)["run"] == 2
    assert link.get("status")["log"] == 0


def test_logs_outlive_a_power_cycle_and_are_erased_one_by_one(connect):
    link = connect(log_bytes=10**6)
    for _ in range(3):
        link.start(log=True)
        link.take(19)
        link.get("stop")
    before = logs(link)
    assert [size for _, size in before] == [45 + 245] * 3
    link.board.power_cycle(2)
    link.reconnect()
    assert logs(link) == before
    assert link.ask("log_erase", log_id=before[1][0]) == (0, b"")
    assert logs(link) == [before[0], before[2]]
    assert link.ask("log_erase", log_id=before[1][0]) == (3, b"")


def test_power_loss_in_mid_run_leaves_whole_records(connect):
    link = connect(log_bytes=10**6)
    link.board.set_clock(1000)
    link.start(log=True)
    link.take(50)
    link.receive()
    link.board.power_cycle(2)
    link.reconnect()
    ((log_id, size),) = logs(link)
    header, *frames = records(download(link, log_id, size))
    assert struct.unpack_from("<QQ", header, 26) == (1000, 0)  # no time sync: the host's time is unknown
    assert indices([wire.parse_samples(frame) for frame in frames]) == list(range(38))


def test_at_most_sixteen_logs_are_listed_and_any_can_be_read(connect):
    link = connect(23, log_bytes=10**6)
    for _ in range(20):
        link.start(log=True)
        link.get("stop")
    listed = logs(link)
    assert [log_id for log_id, _ in listed] == list(range(1, 17))
    (header,) = records(download(link, 20, 45))
    assert header[8:10] == (20).to_bytes(2, "little")
    link.ask("log_erase", log_id=1)
    assert [log_id for log_id, _ in logs(link)] == list(range(2, 18))


def test_storage_that_fails_in_mid_download_ends_it(connect):
    link = connect(log_bytes=10**6)
    link.start(log=True)
    link.take(500)
    link.get("stop")
    link.receive()
    link.board.set_radio_room(notifications=2)
    link.get("log_read", log_id=1, offset=0, length=5000)
    link.board.poll()
    link.board.set_failing(storage=True)
    link.board.set_radio_room()
    link.board.poll()
    assert len(link.board.notifications()) == 2
    link.board.set_failing()
    assert link.get("log_read", log_id=1, offset=466, length=1) == {"length": 1}
