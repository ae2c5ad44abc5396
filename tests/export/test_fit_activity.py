"""FIT activities written by imurun, read with an independent reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fit_tool.fit_file import FitFile

from imurun.errors import SettingsError
from imurun.export.fit_activity import write_fit
from imurun.export.fit_fields import NATIVE
from imurun.export.fit_read import read_fit
from imurun.model.recording import Marker
from tests.export.fit_helpers import START, made_session, named, read_messages, value

MARKERS = (Marker(20.3, "lap"), Marker(31.0, "pain", 4.0), Marker(45.0, "lap"))


@pytest.fixture
def content(tmp_path):
    out = tmp_path / "run.fit"
    write_fit(made_session(markers=MARKERS), out)
    assert [path.name for path in tmp_path.iterdir()] == ["run.fit"]
    return out.read_bytes()


def test_an_activity_has_its_messages_in_order(content):
    messages = read_messages(content)
    names = [message.name for message in messages]
    assert names[0] == "file_id"
    assert names[-2:] == ["session", "activity"]
    assert {name: names.count(name) for name in ("file_id", "session", "activity", "lap", "record")} == {
        "file_id": 1,
        "session": 1,
        "activity": 1,
        "lap": 3,
        "record": 61,
    }
    assert names.index("developer_data_id") < names.index("field_description")
    assert max(k for k, name in enumerate(names) if name == "field_description") < names.index("record")
    times = [time for message in messages if (time := value(message, "timestamp")) is not None]
    assert times == sorted(times)
    timer = [value(message, "event_type") for message in named(messages, "event")]
    assert timer == ["start", "stop_all"]
    assert value(messages[0], "type") == "activity"
    assert value(messages[0], "time_created") == START


def test_fit_tool_finds_no_error(content, tmp_path):
    assert [str(finding) for finding in FitFile.from_bytes(content).validate().errors] == []


def test_laps_cover_the_session(content):
    messages = read_messages(content)
    laps, (session,) = named(messages, "lap"), named(messages, "session")
    assert [value(lap, "message_index") for lap in laps] == [0, 1, 2]
    assert [value(lap, "lap_trigger") for lap in laps] == ["manual", "manual", "session_end"]
    edges = [START + timedelta(seconds=s) for s in (0, 20, 45, 60)]
    assert [value(lap, "start_time") for lap in laps] == edges[:-1]
    assert [value(lap, "timestamp") for lap in laps] == edges[1:]
    for name in ("total_elapsed_time", "total_timer_time"):
        assert sum(value(lap, name) for lap in laps) == value(session, name) == 60.0
    assert value(session, "num_laps") == 3
    assert value(session, "sport") == "running"
    strides = [value(m, "total_strides") + value(m, "total_fractional_cycles") for m in (*laps, session)]
    assert sum(strides[:-1]) == strides[-1] == 166 / 2
    assert value(named(messages, "activity")[0], "num_sessions") == 1


@pytest.mark.parametrize("kind", ["record", "lap", "session"])
def test_native_fields_have_their_scale_and_unit(content, kind):
    message = named(read_messages(content), kind)[-1 if kind == "session" else 1]
    first = "" if kind == "record" else "avg_"
    cadence = value(message, "cadence" if kind == "record" else "avg_running_cadence")
    assert cadence + value(message, first + "fractional_cadence") == 83.25
    expected = {
        "vertical_oscillation": 90.0,
        "stance_time": pytest.approx(250.0, abs=2.0),
        "stance_time_percent": 35.0,
        "stance_time_balance": 48.0,
    }
    for name, wanted in expected.items():
        assert value(message, first + name) == wanted
    units = {field.name: field.units for field in message.fields}
    assert units[first + "stance_time"] == "ms"
    assert units[first + "vertical_oscillation"] == "mm"
    # no distance: no step length
    for name in ("step_length", "vertical_ratio", "distance", "speed"):
        assert value(message, first + name) is None


def test_developer_fields_are_described_and_filled(content):
    messages = read_messages(content)
    descriptions = named(messages, "field_description")
    names = [value(message, "field_name") for message in descriptions]
    assert names == ["Impact peak", "Lumbar dose", "Pain"]
    assert {value(message, "fit_base_type_id") for message in descriptions} == {"float32"}
    record = named(messages, "record")[10]
    impact = next(field for field in record.fields if field.name == "Impact peak")
    assert (impact.value, impact.units) == (2.5, "g")
    session = named(messages, "session")[0]
    assert value(session, "Lumbar dose") == 16.0 * len(made_session().steps)
    laps = [value(lap, "Lumbar dose") for lap in named(messages, "lap")]
    assert sum(laps) == value(session, "Lumbar dose")
    assert value(record, "Lumbar dose") is None


def test_a_pain_score_is_in_the_nearest_record(content):
    records = named(read_messages(content), "record")
    pains = {value(message, "timestamp"): value(message, "Pain") for message in records}
    assert {time: pain for time, pain in pains.items() if pain is not None} == {
        START + timedelta(seconds=31): 4.0
    }


def test_without_sides_there_is_no_balance(tmp_path):
    write_fit(made_session(side="unknown"), tmp_path / "a.fit")
    record = named(read_messages((tmp_path / "a.fit").read_bytes()), "record")[10]
    assert "stance_time_balance" not in {field.name for field in record.fields}
    assert value(record, "stance_time") is not None


def test_walking_has_a_cadence_only(tmp_path):
    write_fit(made_session(gait="walking"), tmp_path / "a.fit")
    record = named(read_messages((tmp_path / "a.fit").read_bytes()), "record")[10]
    assert {field.name for field in record.fields} == {"timestamp", "cadence", "fractional_cadence"}


def test_records_without_steps_have_no_values(tmp_path):
    session = made_session()
    at = session.steps["initial_contact_s"]
    session = replace(session, steps=session.steps[(at < 20) | (at > 40)])
    write_fit(session, tmp_path / "a.fit")
    records = named(read_messages((tmp_path / "a.fit").read_bytes()), "record")
    assert value(records[15], "cadence") == 83
    for record in records[22:39]:
        assert value(record, "cadence") is None
        assert value(record, "Impact peak") is None
    assert value(records[45], "cadence") == 83


@pytest.mark.parametrize("impossible", [1e6, -5.0, np.inf])
def test_values_out_of_range_are_written_as_invalid(tmp_path, impossible):
    session = made_session(vertical_oscillation_mm=np.where(np.arange(166) < 80, 90.0, impossible)[:166])
    write_fit(session, tmp_path / "a.fit")
    records = named(read_messages((tmp_path / "a.fit").read_bytes()), "record")
    assert value(records[10], "vertical_oscillation") == 90.0
    assert value(records[50], "vertical_oscillation") is None


def test_native_values_round_trip_over_their_range():
    for field in NATIVE:
        top = ((1 << 8 * field.size) - 2) / field.scale
        for wanted in (0.0, 0.5 * top, top):
            raw = int.from_bytes(field.encode(wanted, "<"), "little")
            assert raw / field.scale == pytest.approx(wanted, abs=0.5 / field.scale)
        assert field.encode(top + 1.0 / field.scale, ">") == b"\xff" * field.size
        assert field.encode(np.nan, "<") == b"\xff" * field.size


def test_a_start_between_seconds_is_cut_to_the_second(tmp_path):
    start = START + timedelta(seconds=0.7)
    write_fit(made_session(start=start, duration_s=0.9), tmp_path / "a.fit")
    track = read_fit(tmp_path / "a.fit")
    assert track.start == START
    assert track.end == START + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (None, "--start"),
        (datetime(1970, 1, 1, tzinfo=UTC), "1970"),
        (datetime(2150, 1, 1, tzinfo=UTC), "2150"),
    ],
)
def test_starts_that_fit_cannot_store_are_refused(tmp_path, start, word):
    with pytest.raises(SettingsError, match=word):
        write_fit(made_session(start=start), tmp_path / "a.fit")
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_steps_has_all_records(tmp_path):
    session = replace(made_session(), steps=made_session().steps[:0])
    write_fit(session, tmp_path / "a.fit")
    assert len(named(read_messages((tmp_path / "a.fit").read_bytes()), "record")) == 61


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="could not be written"):
        write_fit(made_session(), tmp_path / "none" / "a.fit")
