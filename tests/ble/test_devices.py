"""Every driver: recognised, commands as documented, settings refused in a sentence, published vectors."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from imurun.ble.devices import DRIVERS, get_driver, recognise
from imurun.ble.devices.movesense import decode_arrays
from imurun.ble.devices.polar_verity_sense import decode_delta
from imurun.errors import SettingsError
from tests.ble.ble_helpers import RADIAN, G

ADVERTISED = {
    "imurun": ("board", ["7D0C0001-3A5B-4F1E-9C62-1B8A6E0F5D21"]),
    "polar_verity_sense": ("Polar Sense 8C4CAD2F", []),
    "movesense": ("Movesense 174630000192", []),
    "metamotion_s": ("MetaWear", ["326a9000-85cb-9195-d9dd-464cfbbae75a"]),
    "witmotion": ("WT901BLE68", ["0000FFE5-0000-1000-8000-00805F9A34FB"]),
}
# settings, and the bytes of ble.md that start and stop the sensor
COMMANDS = {
    "imurun": ((208, 16, 2000), ["0401", "0202d00010d007", "030300"], ["0404"]),
    "polar_verity_sense": (
        (208, 16, 2000),
        ["0209", "02020001d0000101100002011000040103", "02050001d000010110000201d007040103"],
        ["0302", "0305", "0309"],
    ),
    "movesense": ((208, 8, 2000), ["0163" + b"/Meas/IMU6/208\0".hex()], ["0263"]),
    "metamotion_s": (
        (100, 16, 2000),
        ["0303a803", "13032800", "030501", "130501", "03020100", "13020100", "030101", "130101"],
        ["030100", "130100", "03020001", "13020001", "030500", "130500"],
    ),
    "witmotion": ((200, 16, 2000), ["ffaa6988b5", "ffaa030b00", "ffaa000000"], []),
}


def test_a_driver_is_found_by_name():
    assert set(DRIVERS) == set(ADVERTISED)
    assert get_driver("movesense") is DRIVERS["movesense"]
    with pytest.raises(SettingsError, match=r"There is no kind of sensor 'fitbit'; choose one of imurun, "):
        get_driver("fitbit")


@pytest.mark.parametrize("name", ADVERTISED)
def test_advertised_sensors_are_recognised(name):
    assert recognise(*ADVERTISED[name]).name == name


@pytest.mark.parametrize("name", [None, "", "Polar H10 1234", "Heart", "Sense"])
def test_unsupported_sensors_are_not_recognised(name):
    assert recognise(name, ["0000180d-0000-1000-8000-00805f9b34fb"]) is None


def test_another_polar_sensor_is_not_taken_for_one():
    assert recognise("Polar H10 1234", ["FB005C80-02E7-F387-1CAD-8ACD2D8DF0C8"]) is None


@pytest.mark.parametrize("name", COMMANDS)
def test_start_and_stop_commands_match_the_documented_bytes(name):
    settings, start, stop = COMMANDS[name]
    driver = DRIVERS[name]
    writes = driver.start_commands(*settings)
    assert [write.data.hex() for write in writes] == start
    assert [write.data.hex() for write in driver.stop_commands()] == stop
    assert {write.characteristic for write in writes} == {driver.control_characteristic}
    assert all(write.replies == (driver.reply_characteristic is not None) for write in writes)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_driver_states_how_it_was_tested(name):
    driver = DRIVERS[name]
    assert "not on " in driver.tested
    assert driver.tested.endswith(".")
    assert driver.tested.count(".") == 1


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_settings_not_offered_are_refused_with_those_offered(name, which):
    driver = DRIVERS[name]
    settings = list(COMMANDS[name][0])
    settings[which] = 3
    offered = (driver.rates_hz, driver.acc_ranges_g, driver.gyr_ranges_deg_s)[which]
    for refuse in (driver.start_commands, driver.decoder):
        with pytest.raises(SettingsError) as refused:
            refuse(*settings)
        message = str(refused.value)
        assert message.count(".") == 1
        assert message.endswith(".")
        assert all(f"{value}" in message for value in offered)


def feed(name, hexes, settings=None):
    decoder = DRIVERS[name].decoder(*(settings or COMMANDS[name][0]))
    return [chunk for data in hexes for chunk in decoder.feed(bytes.fromhex(data), 5.0)], decoder


# ------------------------------------------------------------------------------------------------ Polar


def test_a_polar_gyroscope_packet_is_decoded():
    (chunk,), _ = feed("polar_verity_sense", ["05FFFFFFFFFFFFFF7F80EAFF08000D000301DF00"])
    np.testing.assert_allclose(chunk.gyr, np.array([[-22, 8, 13], [-23, 11, 16]]) * 2000 / 32768 * RADIAN)
    assert chunk.kind == "gyr"
    assert chunk.acc is None
    assert chunk.time_device_s == pytest.approx(0x7FFFFFFFFFFFFFFF * 1e-9)


def test_a_polar_acceleration_packet_is_decoded():
    (chunk,), _ = feed("polar_verity_sense", ["02650000000000000081F1FF1400F00306017B0F08"])
    np.testing.assert_allclose(chunk.acc, np.array([[-15, 20, 1008], [-20, 17, 1008]]) * 1e-3 * G)
    assert chunk.time_device_s == pytest.approx(101e-9)


POLAR_LONG = (
    "7107F06A9E8D0A38BE5CBEBA2F96B3EE4BE5ADFB42B9EBBE4CFEBA2F92BFEE4BE4B1FB12B9ECBD3C3EBB2F8FD3DE4BE3B5F7D2B8EDBD307E7"
    "B2F8BE3CE8BE2BAF7A2B8EEBC20BE7B2F88F3CECBE1BDEF52F8EFBC18FE3B2F8403BFCBE0C2EF32B8F0BB044EBC2E8113AF0BE0C6EFF2F7F1"
    "B9FC7DBC2E7D279F4BDFCAEBC2F7F2B8ECCD7C2E7B378F4BDECEE392F7F3B8E00DFD2D774B7FCBDDD2DF6237F5B7D44DBD2D745B6FCBDCD7D"
    "73237F6B5C88D7D2D716B4F4BDCDCD3F236F7B4BCDDFD2C6F7B3F4BDBE0CFD236F8B2B02DBE2C6C8F1FCBDAE3C7A276F9"
)


def test_a_polar_packet_uses_the_factor_of_the_reply():
    """57 samples as of a sensor that told the factor 2.44e-4."""
    decoder = DRIVERS["polar_verity_sense"].decoder(208, 8, 2000)
    decoder.reply(bytes.fromhex("F0020200000501") + struct.pack("<f", 2.44e-4))
    (chunk,) = decoder.feed(bytes.fromhex("02009435770000000080" + POLAR_LONG), 1.0)
    counts = chunk.acc / (np.float32(2.44e-4) * G)
    assert len(chunk) == 57
    np.testing.assert_allclose(counts[0], [1905, 27376, -29282], rtol=1e-6)
    np.testing.assert_allclose(counts[1] - counts[0], [190, -105, -85], rtol=1e-4)


def slow_delta(data):
    """Bit by bit, through one long number; an independent twin."""
    samples, at = [list(struct.unpack_from("<hhh", data))], 6
    while at < len(data):
        bits, count = data[at], data[at + 1]
        size = (bits * count * 3 + 7) // 8
        number = int.from_bytes(data[at + 2 : at + 2 + size], "little")
        at += 2 + size
        for _ in range(count):
            sample = []
            for axis in range(3):
                step = number & ((1 << bits) - 1)
                number >>= bits
                sample.append(samples[-1][axis] + step - ((step >> (bits - 1)) << bits))
            samples.append(sample)
    return samples


def test_polar_differences_match_a_slow_reference():
    data = bytes.fromhex(POLAR_LONG)
    assert decode_delta(data).tolist() == slow_delta(data)


def test_polar_replies_accept_or_refuse_a_command():
    driver = DRIVERS["polar_verity_sense"]
    write = driver.start_commands(208, 16, 2000)[1]
    assert driver.reply_to(write, bytes.fromhex("F0020200000501") + bytes(4)).ok
    assert driver.reply_to(write, bytes.fromhex("F002020600")).ok
    assert driver.reply_to(write, bytes.fromhex("F002050000")) is None
    refused = driver.reply_to(write, bytes.fromhex("F0020205"))
    assert not refused.ok
    assert refused.text == "it does not offer these settings"
    assert write.instead.data.hex() == "02020001d0000101100002011000"


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf"), 5.0])
def test_impossible_polar_factors_are_ignored(factor):
    decoder = DRIVERS["polar_verity_sense"].decoder(208, 16, 2000)
    decoder.reply(bytes.fromhex("F0020500000501") + struct.pack("<f", factor))
    (chunk,) = decoder.feed(bytes.fromhex("05FFFFFFFFFFFFFF7F80EAFF08000D000301DF00"), 0.0)
    assert chunk.gyr[0, 0] == pytest.approx(-22 * 2000 / 32768 * RADIAN)


# ------------------------------------------------------------------------------------------------ Movesense

MOVESENSE_IMU9 = (
    "159e01005c6e61bd56d29cbd8c2a1dc1ee54e6bdccd5febc8c2a1dc1c987dcbd310513bd273e1dc1ccd5febdec0644bdf7a91dc148e1fa3f"
    "8fc225c0c3f5683f66660640cdcc1cc03e0a573f85eb0140cdcc1cc03e0a573f66660640ae4721c0b81e453f52a86f42817bb0c272e85a43"
    "1b6e6a42f053acc24add5a4377706d4204ecb1c2db61594335906f420b7eb0c2d2345a43"
)


def test_a_captured_movesense_packet_is_decoded():
    """Nine axes; the six that are used come first."""
    time_ms, values = decode_arrays(bytes.fromhex(MOVESENSE_IMU9), 3)
    assert time_ms == 106005
    assert len(values) == 4
    np.testing.assert_allclose(values[0, :6], [-0.055, -0.077, -9.823, 1.96, -2.59, 0.91], atol=0.0005)


def test_a_movesense_packet_of_six_axes_is_decoded():
    data = bytes.fromhex(MOVESENSE_IMU9)
    six = b"\x02\x63" + data[: 4 + 2 * 48]
    chunks, decoder = feed("movesense", [six.hex(), six.hex()])
    assert len(chunks) == 2  # the first was held until the second showed that it was whole
    np.testing.assert_allclose(chunks[0].acc[0], [-0.055, -0.077, -9.823], atol=0.0005)
    np.testing.assert_allclose(chunks[0].gyr[0], np.array([1.96, -2.59, 0.91]) * RADIAN, atol=0.0005)
    assert chunks[0].time_device_s == pytest.approx(106.005 + 3 / 208)
    assert not decoder.rejects


@pytest.mark.parametrize("cut", [20, 30, 54, 78])  # also where the first part could be whole
def test_movesense_packets_in_two_parts_are_joined(cut):
    data = bytes.fromhex(MOVESENSE_IMU9)[: 4 + 2 * 48]
    whole, _ = feed("movesense", [(b"\x02\x63" + data).hex()] * 2)
    first, second = b"\x02\x63" + data[: cut - 2], b"\x03\x63" + data[cut - 2 :]
    chunks, decoder = feed("movesense", [first.hex(), second.hex()] * 2)
    assert len(chunks) == 2
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.values, whole[0].values)
    lost, decoder = feed("movesense", [first.hex(), second.hex(), first.hex(), first.hex(), second.hex()])
    assert len(lost) == 2
    assert decoder.rejects == {"continuation missing": 1}


def test_movesense_replies_accept_or_refuse_a_command():
    driver = DRIVERS["movesense"]
    (write,) = driver.start_commands(208, 8, 2000)
    assert driver.reply_to(write, bytes.fromhex("0163c800")).ok
    assert not driver.reply_to(write, bytes.fromhex("01639001")).ok
    assert driver.reply_to(write, bytes.fromhex("0263c800")) is None
    assert driver.battery_percent(bytes.fromhex("0164c80057")) == 87
    assert driver.battery_percent(bytes.fromhex("01649401")) is None


# ------------------------------------------------------------------------------------------------ MetaMotion


@pytest.mark.parametrize(
    ("data", "acc_range", "gyr_range", "first", "n"),
    [
        ("030562b7530de9fd16d04d0e57028affa1050a01", 8, 2000, (-4.539, 0.833, -0.131), 3),
        ("030416c494a22ad0", 4, 2000, (-1.872, -2.919, -1.495), 1),
        ("0304e8059cfe7342", 2, 2000, (0.0923, -0.0217, 1.0383), 1),
        ("13070915ad2608de8a1a0d2665e48d20ac2773ec", 16, 1000, (164.177, 301.860, -265.122), 3),
        ("13053e43ff7f0080", 16, 500, (262.409, 499.497, -499.512), 1),
    ],
)
def test_metamotion_packets_are_decoded(data, acc_range, gyr_range, first, n):
    (chunk,), decoder = feed("metamotion_s", [data], (100, acc_range, gyr_range))
    unit = G if chunk.kind == "acc" else RADIAN
    np.testing.assert_allclose(chunk.values[0] / unit, first, atol=0.0006)
    assert len(chunk) == n
    assert chunk.time_device_s is None
    assert not decoder.rejects


# ------------------------------------------------------------------------------------------------ WitMotion

# captured, 16 bytes each; the last two angles were not kept
WITMOTION = ["556135ff59ff0a08000000000000b9fc" + "00" * 4, "5561e403ebf43f007c0202ff330052fe" + "00" * 4]


def test_captured_witmotion_frames_are_decoded():
    still, moving = feed("witmotion", WITMOTION)[0]
    assert np.linalg.norm(still.acc[0]) / G == pytest.approx(1.013, abs=0.001)
    np.testing.assert_array_equal(still.gyr[0], 0)
    np.testing.assert_allclose(moving.acc[0] / G, [0.4863, -1.385, 0.0308], atol=0.0005)
    np.testing.assert_allclose(moving.gyr[0] / RADIAN, [38.8184, -15.5029, 3.1128], atol=0.0005)


def test_witmotion_counts_are_scaled_to_the_ranges():
    (chunk,), _ = feed("witmotion", ["55610040008000400040008000400000000000" + "00"])
    np.testing.assert_allclose(chunk.acc[0] / G, [8, -16, 8])
    np.testing.assert_allclose(chunk.gyr[0] / RADIAN, [1000, -2000, 1000])


@pytest.mark.parametrize("size", [1, 3, 7, 19, 20, 21, 33, 60])
def test_witmotion_frames_are_found_across_packets(size):
    rng = np.random.default_rng(1)
    counts = rng.integers(-2000, 2000, (50, 9))
    stream = b"".join(b"\x55\x61" + row.astype("<i2").tobytes() for row in counts)
    parts = [stream[at : at + size].hex() for at in range(0, len(stream), size)]
    chunks, decoder = feed("witmotion", parts)
    got = np.vstack([chunk.values for chunk in chunks])
    want, _ = feed("witmotion", [stream.hex()])
    np.testing.assert_array_equal(got, want[0].values)
    assert len(got) == 50
    assert not decoder.rejects


def test_a_cut_witmotion_frame_gives_no_sample():
    chunks, decoder = feed("witmotion", [WITMOTION[0][:24], WITMOTION[1], WITMOTION[0]])
    assert sum(map(len, chunks)) == 2
    assert decoder.rejects == {"truncated": 1}


def test_bytes_between_witmotion_frames_are_skipped():
    chunks, decoder = feed("witmotion", ["0102" + WITMOTION[0] + "0304" + WITMOTION[1] + WITMOTION[0]])
    assert sum(map(len, chunks)) >= 1
    assert decoder.rejects["header"] >= 1
