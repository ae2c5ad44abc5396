"""Merging into the FIT activity of a watch: all of the watch's data stay, and added values are right."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
from fit_tool.fit_file import FitFile
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.errors import FormatError, SettingsError
from imurun.export.fit_merge import merge_fit
from imurun.export.fit_wire import extend, number_of, read_parts, timestamp_of
from imurun.model.recording import Marker
from tests.export.fit_helpers import (
    ENUM,
    FIT_START,
    START,
    UINT8,
    UINT16,
    UINT32,
    UNKNOWN_FIELD,
    UNKNOWN_MESSAGE,
    FitBytes,
    made_session,
    named,
    read_messages,
    value,
    watch_content,
)

SPEED_M_S = 3.0


def merge(tmp_path, content, session=None):
    watch, out = tmp_path / "watch.fit", tmp_path / "merged.fit"
    watch.write_bytes(content)
    warnings = merge_fit(made_session() if session is None else session, watch, out)
    assert watch.read_bytes() == content
    return out.read_bytes(), warnings


def plain(field):
    return field.name, field.value, field.raw_value, field.units


def assert_kept(before, after):
    """Every message of the watch is kept, in order and with all of its fields."""
    theirs = read_messages(before)
    ours = [m for m in read_messages(after) if not is_own_description(m)]
    assert len(theirs) == len(ours)
    for old, new in zip(theirs, ours, strict=True):
        assert old.global_mesg_num == new.global_mesg_num
        remaining = [plain(field) for field in new.fields]
        for field in old.fields:
            remaining.remove(plain(field))


def is_own_description(message):
    return message.name in ("developer_data_id", "field_description") and value(
        message, "developer_data_index"
    ) not in (None, 0)


@pytest.mark.parametrize("dynamics", [True, False])
@pytest.mark.parametrize("header_size", [12, 14])
def test_every_message_of_the_watch_stays(tmp_path, dynamics, header_size):
    before = watch_content(dynamics=dynamics, header_size=header_size)
    after, warnings = merge(tmp_path, before)
    assert warnings == ()
    assert_kept(before, after)
    numbers = [message.global_mesg_num for message in read_messages(after)]
    assert numbers.count(UNKNOWN_MESSAGE) == 6
    assert numbers[0] == 0


def test_bytes_of_the_watch_stay(tmp_path):
    """The bytes of every field, in records and in messages unknown to readers."""
    before = watch_content()
    after, _ = merge(tmp_path, before)
    (old,), (new,) = read_parts(before), read_parts(after)
    for number in (20, UNKNOWN_MESSAGE, 19, 18, 34, 21, 0):
        assert len(old.data(number)) == len(new.data(number))
        for one, other in zip(old.data(number), new.data(number), strict=True):
            native = sum(field.size for field in one.definition.field_definitions)
            assert other.payload[:native] == one.payload[:native]
            assert timestamp_of(one) == timestamp_of(other)
            assert one.payload[native:] in other.payload
            assert one.header.source_bytes == other.header.source_bytes
    assert number_of(new.data(20)[3], UNKNOWN_FIELD) == 3


def test_fit_tool_finds_no_error_in_a_merged_file(tmp_path):
    # fit-tool counts the time of a compressed header as if it were data, in the watch's file too
    after, _ = merge(tmp_path, watch_content(squeezed=False))
    assert [str(finding) for finding in FitFile.from_bytes(after).validate().errors] == []
    assert after[1] == 0x20  # developer fields need version 2 of the protocol


def test_a_watch_that_has_no_running_dynamics_gets_native_fields(tmp_path):
    after, _ = merge(tmp_path, watch_content(dynamics=False))
    messages = read_messages(after)
    # record 30 has a normal header, record 32 one with a compressed time
    for record in (named(messages, "record")[30], named(messages, "record")[32]):
        assert field_of(record, "stance_time").field.name == "stance_time"
        assert value(record, "stance_time") == pytest.approx(250.0, abs=2.0)
        length_mm = 1000.0 * SPEED_M_S / (166.5 / 60.0)
        assert value(record, "step_length") == pytest.approx(length_mm, abs=0.06)
        assert value(record, "vertical_ratio") == pytest.approx(100.0 * 90.0 / length_mm, abs=0.006)
        assert value(record, "Impact peak") == 2.5
    record = named(messages, "record")[30]
    assert value(record, "heart_rate") == 150
    assert value(record, "position_lat") == 600_003_000
    assert value(record, "Wind") == 31.5
    (session,) = named(messages, "session")
    assert value(session, "avg_stance_time_balance") == 48.0
    assert value(session, "avg_step_length") == pytest.approx(length_mm, abs=0.06)
    assert value(session, "avg_running_cadence") == 83
    for lap in named(messages, "lap"):
        assert value(lap, "avg_vertical_oscillation") == 90.0
        assert value(lap, "Lumbar dose") == pytest.approx(16.0 * 83, abs=16.0 * 3)


def field_of(message, name):
    return next(field for field in message.fields if field.name == name)


def test_a_field_of_the_watch_is_not_replaced(tmp_path):
    """The watch's value stays; imurun's developer field names the native field."""
    after, _ = merge(tmp_path, watch_content(dynamics=True))
    messages = read_messages(after)
    record = named(messages, "record")[30]
    assert value(record, "stance_time") == 300.0
    assert value(record, "cadence") == 80
    assert value(record, "Stance time") == pytest.approx(250.0, abs=2.0)
    assert value(record, "Cadence") + value(record, "Fractional cadence") == 83.25
    described = {value(m, "field_name"): m for m in named(messages, "field_description")}
    for name, number in (("Stance time", 41), ("Cadence", 4), ("Fractional cadence", 53)):
        assert described[name].get_raw_value("native_mesg_num") == 20
        assert value(described[name], "native_field_num") == number
    assert described["Impact peak"].get_value("native_field_num", fallback=None) is None
    # laps and the session of this watch have no dynamics, so these are native
    assert value(named(messages, "session")[0], "avg_stance_time") == pytest.approx(250.0, abs=1.0)


def test_values_follow_the_time(tmp_path):
    """The recording begins 20 s after the watch and is shorter; records outside it have no values."""
    session = made_session(20.0, start=START + timedelta(seconds=20), markers=[Marker(5.0, "pain", 7.0)])
    after, warnings = merge(tmp_path, watch_content(dynamics=False), session)
    assert len(warnings) == 1
    assert "20 of the 60" in warnings[0]
    records = named(read_messages(after), "record")
    filled = [k for k, record in enumerate(records) if value(record, "Impact peak") is not None]
    assert filled[0] in (20, 21)
    assert filled[-1] in (39, 40)
    assert len(filled) == filled[-1] - filled[0] + 1
    assert [k for k, record in enumerate(records) if value(record, "Pain") is not None] == [25]


def test_without_speed_there_is_no_step_length(tmp_path):
    after, _ = merge(tmp_path, watch_content(speed_m_s=0.0, dynamics=False))
    record = named(read_messages(after), "record")[30]
    assert value(record, "step_length") is None
    assert value(record, "stance_time") is not None


def test_a_merged_file_can_be_merged_again(tmp_path):
    once, _ = merge(tmp_path, watch_content(dynamics=False))
    twice, _ = merge(tmp_path, once)
    theirs, ours = read_messages(once), read_messages(twice)
    assert len([m for m in ours if m.name == "developer_data_id"]) == 3
    assert len(named(theirs, "record")) == len(named(ours, "record"))
    record = named(ours, "record")[30]
    assert [field.value for field in record.fields if field.name == "Impact peak"] == [2.5, 2.5]


def test_each_of_several_activities_gets_values(tmp_path):
    first, second = watch_content(), watch_content(first=FIT_START + 100_000)
    after, _ = merge(tmp_path, first + second)
    parts = read_parts(after)
    assert len(parts) == 2
    assert after.endswith(second)  # an activity at another time is copied byte by byte
    assert_kept(first, after[: -len(second)])


def test_file_id_stays_the_first_data_message(tmp_path):
    """All definitions may come first; file_id must stay the first message with data."""
    fit = FitBytes()
    fit.define(0, 0, [(0, 1, ENUM), (1, 2, UINT16)])
    fit.define(1, 20, [(253, 4, UINT32), (3, 1, UINT8)])
    fit.define(2, UNKNOWN_MESSAGE, [(1, 1, UINT8)])
    fit.data(0, "<BH", 4, 1)
    for k in range(30):
        fit.data(1, "<IB", FIT_START + k, 150)
        fit.data(2, "<B", k)
    fit.data(0, "<BH", 4, 2)
    before = fit.content()
    after, _ = merge(tmp_path, before)
    messages = read_messages(after)
    assert messages[0].name == "file_id"
    theirs = read_messages(before)
    assert [m.global_mesg_num for m in messages if m.global_mesg_num not in (206, 207)] == [
        m.global_mesg_num for m in theirs
    ]
    assert value(messages[-1], "manufacturer") == value(theirs[-1], "manufacturer")
    assert value(named(messages, "record")[10], "Impact peak") == 2.5


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_watch_file_cut_short_is_merged_up_to_the_cut(tmp_path, share):
    before = watch_content()
    after, warnings = merge(tmp_path, before[: int(share * len(before))])
    assert any("cut short" in warning for warning in warnings)
    kept = len(named(read_messages(after), "record"))
    assert kept == len(read_parts(before[: int(share * len(before))])[0].data(20)) > 5


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not a FIT file"),
        (b"time,acc\n0,1\n", "not a FIT file"),
        (bytes(range(256)) * 4, "not a FIT file"),
        (watch_content()[:12], "not a FIT file"),
        (FitBytes().content(), "no record"),
    ],
)
def test_files_that_are_not_an_activity_are_refused(tmp_path, content, word):
    with pytest.raises(FormatError, match=word) as caught:
        merge(tmp_path, content)
    assert str(caught.value).count("watch.fit") == 1
    assert not (tmp_path / "merged.fit").exists()


def test_a_damaged_watch_file_is_refused(tmp_path):
    content = bytearray(watch_content())
    content[700] ^= 0x55
    with pytest.raises(FormatError, match="damaged"):
        merge(tmp_path, bytes(content))


def test_a_watch_file_of_another_day_is_refused(tmp_path):
    with pytest.raises(FormatError, match="--start") as caught:
        merge(tmp_path, watch_content(), made_session(start=START + timedelta(days=1)))
    for part in ("2026-05-01 07:30:00 UTC", "2026-05-01 07:30:59 UTC", "2026-05-02 07:30:00 UTC"):
        assert part in str(caught.value)


def test_other_errors_write_nothing(tmp_path):
    with pytest.raises(SettingsError, match="--start"):
        merge(tmp_path, watch_content(), made_session(start=None))
    with pytest.raises(FormatError, match="No steps"):
        merge(tmp_path, watch_content(), replace(made_session(), steps=made_session().steps[:0]))
    with pytest.raises(SettingsError, match="watch's own file"):
        merge_fit(made_session(), tmp_path / "watch.fit", tmp_path / "watch.fit")
    with pytest.raises(FormatError, match="could not be read"):
        merge_fit(made_session(), tmp_path / "none.fit", tmp_path / "out.fit")
    assert [path.name for path in tmp_path.iterdir()] == ["watch.fit"]


def test_nothing_to_add_changes_nothing():
    content = watch_content()
    (part,) = read_parts(content)
    after = extend(part, {})
    assert after[14:-2] == content[14:-2]


@settings(max_examples=60)
@given(st.data())
def test_damage_raises_only_typed_errors(data):
    """Flipped or lost bytes give complete activities or a FormatError."""
    content = bytearray(watch_content(12))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(FormatError):
        assert read_parts(cut)
