"""Which contact times of a watch are trusted."""

from __future__ import annotations

import numpy as np
import pytest
from fit_tool.profile.profile_type import Manufacturer

from imurun.errors import FormatError
from imurun.export.fit_merge import merge_fit
from imurun.export.fit_read import read_fit
from imurun.watch.trusted_seconds import compare_watch, settled
from tests.watch.watch_files import Activity, Field, later, made_session, stop_and_go


def compare(tmp_path, activity, cadence, **session):
    return compare_watch(made_session(cadence, **session), read_fit(activity.write(tmp_path / "w.fit")))


def test_native_contact_time_is_the_makers(tmp_path):
    cadence = np.full(300, 170.0)
    compared = compare(tmp_path, Activity(cadence, stance_ms=np.full(300, 240.0)), cadence)
    assert compared.source == "your Garmin"
    assert compared.contact_ms == pytest.approx(np.full(len(compared.contact_ms), 240.0))
    assert compared.time_s[0] == 15.5
    assert len(compared.time_s) > 270


@pytest.mark.parametrize(
    ("fields", "device", "ms"),
    [
        ([Field("Ground Time", "Milliseconds", np.full(300, 232.0))], "Stryd", 232.0),
        ([Field("Ground Time", "Milliseconds", np.full(300, 232.0), native=40)], "Stryd", 232.0),
        ([Field("ContactTime", "", np.full(300, 255.0))], "RunScribe", 255.0),
        (
            [
                Field("RS_ContactTime_L", "ms", np.full(300, 240.0)),
                Field("RS_ContactTime_R", "ms", np.full(300, 250.0)),
            ],
            "RunScribe",
            245.0,
        ),
    ],
)
def test_developer_fields_are_known_by_name_and_unit(tmp_path, fields, device, ms):
    cadence = np.full(300, 170.0)
    compared = compare(tmp_path, Activity(cadence, developer=fields), cadence)
    assert compared.source == f"your {device}"
    assert compared.contact_ms == pytest.approx(np.full(len(compared.contact_ms), ms))


def test_a_field_of_the_name_in_another_unit_is_not_taken(tmp_path):
    cadence = np.full(300, 170.0)
    fields = [Field("Ground Time", "percent", np.full(300, 232.0))]
    with pytest.raises(FormatError, match="no contact times"):
        compare(tmp_path, Activity(cadence, developer=fields), cadence)


def test_of_two_devices_the_fuller_one_counts(tmp_path):
    cadence = np.full(300, 170.0)
    stance = np.where(np.arange(300) < 100, np.nan, 240.0)
    fields = [Field("Ground Time", "Milliseconds", np.full(300, 230.0))]
    compared = compare(tmp_path, Activity(cadence, stance_ms=stance, developer=fields), cadence)
    assert compared.source == "your Stryd"
    assert compared.notes == ("w.fit has contact times of Stryd and Garmin; Stryd was used.",)


def test_the_device_is_named_after_the_maker_of_the_file(tmp_path):
    cadence = np.full(300, 170.0)
    for maker, word in ((Manufacturer.STRYD, "Stryd"), (Manufacturer.COROS, "COROS")):
        activity = Activity(cadence, stance_ms=np.full(300, 240.0), maker=maker)
        assert compare(tmp_path, activity, cadence).source == f"your {word}"


def test_seconds_around_stops_are_left_out(tmp_path):
    cadence = stop_and_go()
    contact = np.where(cadence > 0, 240.0, 0.0)
    compared = compare(tmp_path, Activity(cadence, stance_ms=later(contact, 1)), cadence)
    second = compared.time_s.astype(int)
    for begin, end in ((0, 10), (100, 130), (250, 260)):
        assert not ((second >= begin - 3) & (second < end + 15)).any()
    assert len(second) > 200


def test_walking_that_leaks_in_is_left_out(tmp_path):
    cadence = np.full(300, 170.0)
    contact = np.where((np.arange(300) > 100) & (np.arange(300) < 120), 520.0, 240.0)
    compared = compare(tmp_path, Activity(cadence, stance_ms=contact), cadence)
    assert compared.contact_ms.max() == pytest.approx(240.0)


def test_only_steady_speed_counts_where_speed_is_known(tmp_path):
    cadence = np.full(400, 170.0)
    speed = np.where(np.arange(400) < 200, 3.0, 3.0 + 0.01 * (np.arange(400) - 200))
    activity = Activity(cadence, stance_ms=np.full(400, 240.0), speed_m_s=later(speed, 5))
    compared = compare(tmp_path, activity, cadence)
    assert np.isfinite(compared.speed_m_s).all()
    late = Activity(cadence, stance_ms=np.full(400, 240.0), speed_m_s=np.sin(np.arange(400)) + 3.0)
    assert np.isnan(compare(tmp_path, late, cadence).speed_m_s).all()


def test_a_hole_in_the_records_is_left_out(tmp_path):
    cadence = np.full(300, 170.0)
    activity = Activity(cadence, stance_ms=np.full(300, 240.0), left_out=tuple(range(100, 130)))
    second = compare(tmp_path, activity, cadence).time_s.astype(int)
    assert not ((second > 100) & (second < 144)).any()


def test_our_own_contact_times_in_a_merged_file_are_not_taken(tmp_path):
    cadence = np.full(300, 170.0)
    session = made_session(cadence)
    plain = Activity(cadence).write(tmp_path / "plain.fit")
    merge_fit(session, plain, tmp_path / "merged.fit")
    track = read_fit(tmp_path / "merged.fit")
    with pytest.raises(FormatError, match="no contact times"):
        compare_watch(session, track)
    filled = Activity(cadence, stance_ms=np.full(300, 231.0)).write(tmp_path / "filled.fit")
    merge_fit(session, filled, tmp_path / "both.fit")
    compared = compare_watch(session, read_fit(tmp_path / "both.fit"))
    assert compared.contact_ms == pytest.approx(np.full(len(compared.contact_ms), 231.0))


def test_fifteen_seconds_after_and_three_before_a_bad_second_are_left_out():
    good = np.ones(60, dtype=bool)
    good[30] = False
    assert np.flatnonzero(settled(good)).tolist() == [*range(15, 27), *range(46, 60)]
