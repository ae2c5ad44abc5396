"""The control point: every status, parts, time sync."""

from __future__ import annotations

import struct

import firmware_wire as wire
import pytest

from tests.firmware_protocol.firmware_link import RING_SAMPLES

CONFIGURE = {"rate_hz": 208, "acc_range_g": 16, "gyr_range_deg_s": 2000}
OK, UNKNOWN, LENGTH, RANGE, NOT_CONFIGURED, RUNNING, NOT_RUNNING, NOT_HELD, BUSY, STORAGE, SENSOR = range(11)


def test_capabilities_are_the_same_by_control_and_by_info(connect):
    for mtu in (23, 185, 247):
        link = connect(mtu, log_bytes=1000)
        status, payload = link.ask("capabilities")
        assert status == OK
        assert payload == link.board.info()
    fields = {
        "op": 1,
        "status": 0,
        "protocol_version": 1,
        "rates_hz": [52, 104, 208, 416],
        "acc_ranges_g": [4, 8, 16],
        "gyr_ranges_deg_s": [500, 1000, 2000],
        "ring_samples": RING_SAMPLES,
        "log_bytes": 1000,
        "firmware": "imurun host",
    }
    assert payload == wire.build_payload(fields)


def test_configure_answers_what_is_set_and_configuration_repeats_it(connect):
    link = connect(23)
    assert link.ask("configuration") == (NOT_CONFIGURED, b"")
    first = link.get("configure", **CONFIGURE)
    assert first == {
        "configuration_id": 1,
        "rate_mhz": 208000,
        "acc_range_g": 16,
        "gyr_range_deg_s": 2000,
        "acc_scale": 488000,
        "gyr_scale": 70000000,
    }
    assert link.get("configuration") == first
    ids = [link.get("configure", **CONFIGURE)["configuration_id"] for _ in range(256)]
    assert ids == [*range(2, 256), 1, 2]


@pytest.mark.parametrize(
    "wrong", [{"rate_hz": 209}, {"acc_range_g": 17}, {"gyr_range_deg_s": 0}, {"rate_hz": 65535}]
)
def test_settings_not_offered_are_out_of_range_and_change_nothing(connect, wrong):
    link = connect()
    set_before = link.get("configure", **CONFIGURE)
    assert link.ask("configure", **{**CONFIGURE, **wrong}) == (RANGE, b"")
    assert link.get("configuration") == set_before


def test_configure_start_and_stop_are_refused_out_of_order(connect):
    link = connect()
    assert link.ask("start", options=0) == (NOT_CONFIGURED, b"")
    assert link.ask("stop") == (NOT_RUNNING, b"")
    link.get("configure", **CONFIGURE)
    assert link.ask("start", options=2) == (RANGE, b"")
    assert link.get("start", options=0)["run"] == 1
    assert link.ask("start", options=0) == (RUNNING, b"")
    assert link.ask("configure", **CONFIGURE) == (RUNNING, b"")
    assert link.get("stop") == {"next_index": 0}
    assert link.ask("stop") == (NOT_RUNNING, b"")
    assert link.get("start", options=0)["run"] == 2


def test_a_failing_sensor_refuses_configure_and_start(connect):
    link = connect()
    link.board.set_failing(sensor=True)
    assert link.ask("configure", **CONFIGURE) == (SENSOR, b"")
    assert link.ask("configuration") == (NOT_CONFIGURED, b"")
    link.board.set_failing()
    link.get("configure", **CONFIGURE)
    link.board.set_failing(sensor=True)
    assert link.ask("start", options=0) == (SENSOR, b"")
    assert link.get("status")["running"] == 0


def test_a_fetch_out_of_range_is_refused(connect):
    link = connect()
    assert link.ask("fetch", first_index=0, count=1) == (RANGE, b"")
    link.start()
    link.take(100)
    for first, count in ((100, 1), (2**32 - 1, 5), (0, 0), (50, 0)):
        assert link.ask("fetch", first_index=first, count=count) == (RANGE, b"")
    assert link.get("fetch", first_index=99, count=65535) == {"first_index": 99, "count": 1}


def test_a_fetch_of_overwritten_samples_is_refused(connect):
    link = connect()
    link.start()
    link.take(RING_SAMPLES + 100)
    assert link.ask("fetch", first_index=0, count=100) == (NOT_HELD, b"")
    assert link.get("fetch", first_index=0, count=101) == {"first_index": 100, "count": 1}


@pytest.mark.parametrize("op", sorted(wire.REQUESTS))
def test_requests_of_wrong_length_are_refused(connect, op):
    link = connect()
    size = struct.calcsize(wire.REQUESTS[op][1] or "<")
    for wrong in {0, size - 1, size + 1, 18} - {size, -1}:
        assert link.board.write(bytes([op, 7]) + bytes(wrong))
        assert link.board.indications() == [bytes([0x80, op, 7, LENGTH])]


@pytest.mark.parametrize("op", [0, *range(0x0C, 0x100)])
def test_unknown_operations_are_refused(connect, op):
    link = connect()
    assert link.board.write(bytes([op, 9, 1, 2, 3]))
    assert link.board.indications() == [bytes([0x80, op, 9, UNKNOWN])]


def test_requests_without_a_reference_are_refused(connect):
    link = connect()
    assert link.board.write(b"")
    assert link.board.write(b"\x07")
    assert link.board.indications() == [bytes([0x80, 0, 0, LENGTH]), bytes([0x80, 7, 0, LENGTH])]


def test_a_second_request_is_refused_until_the_answer_is_sent(connect):
    link = connect(23)
    link.board.set_radio_room(indications=1)
    assert link.board.write(b"\x07\x01")
    assert not link.board.write(b"\x07\x02")
    link.board.poll()
    (first,) = link.board.indications()
    link.board.set_radio_room(indications=-1)
    link.board.poll()
    (second,) = link.board.indications()
    assert (first[:4], second[:4]) == (b"\x81\x07\x01\x00", b"\x80\x07\x01\x00")
    assert len(first[4:] + second[4:]) == struct.calcsize(wire.RESPONSES[7][0])
    assert link.board.write(b"\x07\x03")


def test_a_lost_connection_discards_the_answer(connect):
    link = connect(23)
    link.board.set_radio_room(indications=0)
    assert link.board.write(b"\x07\x01")
    link.reconnect()
    link.board.set_radio_room()
    link.board.poll()
    assert link.board.indications() == []


def test_the_status_has_all_its_fields(connect):
    link = connect(23, boot_id=0xCAFEBABE, log_bytes=10**6)
    link.start(log=True)
    link.take(300)
    link.lose(4)
    link.take(20)
    link.board.set_battery(87)
    link.board.set_clock(2**40 + 5)
    assert link.get("status") == {
        "boot_id": 0xCAFEBABE,
        "run": 1,
        "running": 1,
        "configuration_id": 1,
        "next_index": 324,
        "oldest_index": 324 - RING_SAMPLES,
        "lost": 4,
        "battery": 87,
        "log": 1,
        "device_time_us": 2**40 + 5,
    }


def test_time_sync_stamps_receipt_and_answer(connect):
    link = connect(23)
    link.board.set_clock(2**33 + 1000)
    link.board.set_radio_room(indications=0)
    assert link.board.write(wire.build_request({"op": 5, "ref": 1, "host_time_us": 1700000000123456}))
    link.board.set_clock(2**33 + 31000)  # the radio is free at last
    link.board.set_radio_room()
    link.board.poll()
    (answer,) = link.board.indications()
    assert answer[:4] == bytes([0x80, 5, 1, OK])
    assert wire.parse_payload(5, answer[4:]) == {"received_us": 2**33 + 1000, "answered_us": 2**33 + 31000}


def test_log_requests_are_refused_with_their_status(connect):
    link = connect()
    assert link.ask("log_list") == (OK, b"\x00")
    assert link.ask("log_read", log_id=1, offset=0, length=10) == (RANGE, b"")
    assert link.ask("log_erase", log_id=1) == (RANGE, b"")
    link.get("configure", **CONFIGURE)
    assert link.ask("start", options=1) == (STORAGE, b"")
    assert link.get("status")["running"] == 0

    link = connect(log_bytes=10**6)
    link.start(log=True)
    assert link.ask("log_read", log_id=1, offset=0, length=10) == (RUNNING, b"")
    assert link.ask("log_erase", log_id=1) == (RUNNING, b"")
    link.get("stop")
    link.board.set_radio_room(notifications=0)
    assert link.get("log_read", log_id=1, offset=0, length=10) == {"length": 10}
    assert link.ask("log_read", log_id=1, offset=0, length=10) == (BUSY, b"")
    assert link.ask("log_erase", log_id=1) == (BUSY, b"")
    link.board.set_radio_room()
    link.board.poll()
    for offset, length in ((45, 1), (2**32 - 1, 1), (0, 0)):
        assert link.ask("log_read", log_id=1, offset=offset, length=length) == (RANGE, b"")
    link.board.set_failing(storage=True)
    assert link.ask("log_erase", log_id=1) == (STORAGE, b"")
    assert link.ask("start", options=1) == (STORAGE, b"")


def test_a_new_connection_begins_at_the_least_mtu(connect):
    link = connect(247)
    link.board.disconnect()
    link.mtu = 23
    link.get("status")
    link.board.set_mtu(5)
    link.get("status")


@pytest.mark.parametrize("request_", [("configure", CONFIGURE), ("start", {"options": 0})])
def test_configure_and_start_empty_the_ring(connect, request_):
    link = connect()
    link.start()
    link.take(50)
    link.get("stop")
    link.get(request_[0], **request_[1])
    status = link.get("status")
    assert (status["next_index"], status["oldest_index"]) == (0, 0)


def test_a_log_of_a_run_that_did_not_start_is_closed(connect):
    link = connect(log_bytes=10**6)
    link.get("configure", **CONFIGURE)
    link.board.set_failing(sensor=True)
    assert link.ask("start", options=1) == (SENSOR, b"")
    assert link.get("status")["log"] == 0
