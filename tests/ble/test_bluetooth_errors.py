"""What cannot work over the radio is one sentence that says what to do: scan, find and the client."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from imurun.ble.decoding import Settings
from imurun.ble.devices import DRIVERS
from imurun.ble.devices.driver import uuid16
from imurun.ble.devices.imurun import DATA
from imurun.ble.events import Connected, ConnectionLost
from imurun.ble.reconnecting_client import SensorClient
from imurun.ble.scan import DiscoveredSensor, find, scan
from imurun.errors import (
    AdapterError,
    SensorError,
    SensorNotFoundError,
    SettingsError,
    WrongSensorError,
)
from tests.ble.board import Board
from tests.ble.radio import (
    FIND_S,
    SENTENCE,
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
from tests.ble.scripted import movesense, polar

DENIED = "org.freedesktop.DBus.Error.AccessDenied", "Rejected send message"
HEART_RATE = {uuid16(0x180D): {uuid16(0x2A37): ["notify"]}}


def refusing(method, error):
    return lambda bluez: bluez.errors.update({method: error})


# -- scan and find --------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [lambda: scan(0.1), lambda: find("imurun-1", 0.1)], ids=["scan", "find"])
@pytest.mark.parametrize(
    ("of_bluez", "error", "kind", "words"),
    [
        ({"has_adapter": False}, None, AdapterError, "no Bluetooth adapter; plug one in"),
        ({"powered": False}, None, AdapterError, "switched off; switch Bluetooth on"),
        ({}, DENIED, AdapterError, "may not be used by this program; allow it"),
        ({}, ("org.bluez.Error.NotReady", "no"), AdapterError, "switched off; switch Bluetooth on"),
        ({}, ("org.bluez.Error.Failed", "why."), SensorError, r"failed \(.*why\); .* switch it off and on"),
    ],
    ids=["no adapter", "off", "denied", "not ready", "failed"],
)
def test_adapter_errors_of_a_scan_are_one_sentence(look, of_bluez, error, kind, words):
    async def scenario():
        async with sensor(**of_bluez) as bluez:
            if error is not None:
                bluez.errors = {"StartDiscovery": error}
            await look()

    with pytest.raises(kind, match=words) as caught:
        run(scenario())
    assert caught.match(SENTENCE)


def test_a_sensor_out_of_range_is_one_sentence():
    async def scenario():
        async with sensor(name="other"):
            await find("imurun-1", 0.2)

    with pytest.raises(SensorNotFoundError, match=r"imurun-1 is not in range .*; wake it") as caught:
        run(scenario())
    assert caught.match(SENTENCE)


@pytest.mark.parametrize("look", [lambda: scan(0.1), lambda: find("imurun-1", 0.1)], ids=["scan", "find"])
@pytest.mark.parametrize("has_bus", [True, False])
def test_a_missing_bluetooth_service_is_one_sentence(look, has_bus, tmp_path):
    with pytest.raises(AdapterError, match="service does not run; start it") as caught:
        run(look(), None if has_bus else f"unix:path={tmp_path}/none")
    assert caught.match(SENTENCE)


# -- the first connection -------------------------------------------------------------------------------


async def first_item(change, settings=SETTINGS, board=None, name="imurun-1"):
    async with sensor(board, name=name) as bluez:
        found = await find(name, FIND_S)
        change(bluez)
        timeouts = replace(TIMEOUTS, reply_s=0.5) if change is without_answers else TIMEOUTS
        try:
            async with SensorClient(found, settings, timeouts=timeouts, random=Random(1)) as client:
                return await anext(client)
        finally:
            assert not bluez.is_connected


def out_of_range(bluez):
    bluez.in_range = False


def forgotten(bluez):
    bluez.forget()
    bluez.in_range = False


def with_other_services(bluez):
    bluez.board.services = HEART_RATE


def without_characteristic(bluez):
    service, battery = Board.services.items()
    bluez.board.services = {service[0]: {DATA: ["notify"]}, battery[0]: battery[1]}


def without_answers(bluez):
    bluez.board.written = lambda *_: []


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (out_of_range, SensorError, "imurun-1 failed .*le-connection-timeout.*bring the sensor closer"),
        (forgotten, SensorNotFoundError, "not in range .*; wake it"),
        (with_other_services, WrongSensorError, "has other services; choose another sensor"),
        (without_characteristic, WrongSensorError, "choose another sensor"),
        (without_answers, SensorError, "did not answer a command; switch it off and on"),
        (lambda bluez: bluez.switch_off(), AdapterError, "switched off; switch Bluetooth on"),
        (refusing("Connect", DENIED), AdapterError, "may not be used by this program; allow it"),
        (refusing("StartNotify", ("org.bluez.Error.NotPermitted", "no")), AdapterError, "allow it"),
        (
            refusing("WriteValue", ("org.bluez.Error.NotAuthorized", "no")),
            SensorError,
            "imurun-1 answers to paired devices only; pair it",
        ),
        (
            refusing("WriteValue", ("org.bluez.Error.NotSupported", "no")),
            SensorError,
            r"imurun-1 failed \(GATT Protocol Error: Request Not Supported\); bring",
        ),
        (
            refusing("WriteValue", ("org.bluez.Error.Failed", "why")),
            SensorError,
            r"failed \(.*Failed.*why\); bring",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_connection_errors_are_one_sentence(change, kind, words):
    with pytest.raises(kind, match=words) as caught:
        run(first_item(change))
    assert caught.match(SENTENCE)


@pytest.mark.parametrize("name", ["imurun-1", "Movesense 1", "Polar Sense 1", "MetaWear", "WT901BLE68"])
def test_a_known_name_with_other_services_is_refused(name):
    board = Board()
    board.services = HEART_RATE
    driver = next(driver for driver in DRIVERS.values() if driver.recognises(name, ()))
    settings = Settings(driver.rates_hz[-1], driver.acc_ranges_g[-1], driver.gyr_ranges_deg_s[-1])
    with pytest.raises(WrongSensorError, match=f"{name} is not {driver.title}: .*; choose") as caught:
        run(first_item(lambda bluez: None, settings, board, name))
    assert caught.match(SENTENCE)


def test_an_unsupported_sensor_is_refused():
    async def scenario():
        board = Board()
        board.services = HEART_RATE
        async with sensor(board, name="Heart"):
            SensorClient(await find("Heart", FIND_S), SETTINGS)

    with pytest.raises(WrongSensorError, match="Heart is not a supported sensor; choose") as caught:
        run(scenario())
    assert caught.match(SENTENCE)


# -- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(833, 16, 2000), "does not offer a rate of 833 Hz; choose 104 or 208"),
        (Settings(208, 8, 2000), "an acceleration range of 8 g; choose 4 or 16"),
        (Settings(208, 16, 1000), "an angular rate range of 1000 deg/s; choose 500 or 2000"),
    ],
)
def test_settings_the_sensor_does_not_offer_are_refused(settings, words):
    with pytest.raises(SettingsError, match=words) as caught:
        run(first_item(lambda bluez: None, settings))
    assert caught.match(SENTENCE)


@pytest.mark.parametrize("name", [name for name in DRIVERS if name != "imurun"])
@pytest.mark.parametrize("place", range(3))
def test_settings_the_driver_does_not_offer_are_refused(name, place):
    """Said before anything is sent."""
    driver = DRIVERS[name]
    values = [driver.rates_hz[0], driver.acc_ranges_g[0], driver.gyr_ranges_deg_s[0]]
    values[place] = 7
    what = ("a rate of 7 Hz", "an acceleration range of 7 g", "an angular rate range of 7 deg/s")[place]
    found = DiscoveredSensor("sensor", "F1", driver, -50, None)
    with pytest.raises(SettingsError, match=f"{driver.title} does not offer {what}; choose ") as caught:
        SensorClient(found, Settings(*values))
    assert caught.match(SENTENCE)


@pytest.mark.parametrize(
    ("board", "name", "settings", "words"),
    [
        (lambda: movesense(503), "Movesense 1", Settings(208, 8, 2000), r"\(status 503\)"),
        (lambda: polar(refusal=5), "Polar Sense 1", Settings(208, 16, 2000), "does not offer these settings"),
        (lambda: polar(refusal=12), "Polar Sense 1", Settings(208, 16, 2000), "it is charging"),
    ],
    ids=["movesense", "polar settings", "polar charging"],
)
def test_a_refused_command_is_one_sentence(board, name, settings, words):
    with pytest.raises(SensorError, match=f"{name} refused a command .*{words}.*; choose other") as caught:
        run(first_item(lambda bluez: None, settings, board(), name))
    assert caught.match(SENTENCE)


# -- in mid-run: nothing ends, and what came is kept ----------------------------------------------------


def gone(bluez):
    bluez.in_range = False
    bluez.drop()


def back(bluez):
    bluez.in_range = True


def denied(bluez):
    bluez.drop()
    bluez.errors = {"Connect": DENIED}


def allowed(bluez):
    bluez.errors = {}


@pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [
        (lambda bluez: bluez.switch_off(), lambda bluez: bluez.switch_on()),
        (gone, back),
        (denied, allowed),
    ],
    ids=["adapter off", "out of range", "denied"],
)
def test_adapter_errors_in_a_run_are_reported_and_retried(break_it, mend_it):
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(57))
            tried = bluez.log.count("Connect")
            break_it(bluez)
            items += await until(client, is_a(ConnectionLost))
            await eventually(lambda: bluez.log.count("Connect") >= tried + 2)
            mend_it(bluez)
            items += await until(client, is_a(Connected))
            items += await until(client, at_least(blocks_of(items)[-1].next_index + 57))
            return items + await the_rest(client)

    items = run(scenario())
    assert_whole(items)
    assert events_of(items, ConnectionLost)
    for event in events_of(items, ConnectionLost):
        assert event.reason.endswith(".")
        assert ";" in event.reason


def test_a_stop_while_the_adapter_is_off_loses_no_sample():
    async def scenario():
        async with sensor() as bluez, streaming() as client:
            items = await until(client, at_least(19))
            bluez.switch_off()
            items += await until(
                client, lambda item: is_a(ConnectionLost)(item) and "switched off" in item.reason
            )
            return items + await the_rest(client)

    assert_whole(run(scenario()))


def test_changed_services_end_the_run_with_one_sentence():
    """Another device took the address, or the sensor's firmware was changed."""

    async def scenario():
        async with sensor() as bluez, streaming() as client:
            await until(client, at_least(19))
            bluez.board.services = HEART_RATE
            bluez.drop()
            await until(client, lambda item: False)

    with pytest.raises(WrongSensorError, match="has other services; choose another") as caught:
        run(scenario())
    assert caught.match(SENTENCE)
