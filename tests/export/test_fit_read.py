"""Reading the FIT activity of a watch."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.errors import FormatError
from imurun.export.fit_read import read_fit
from tests.export.fit_helpers import FIT_START, START, UINT16, UINT32, FitBytes, watch_content


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        (tmp_path / "watch.fit").write_bytes(content)
        return read_fit(tmp_path / "watch.fit")

    return read_content


def test_the_activity_of_a_watch_is_read(read):
    track = read(watch_content(speed_m_s=2.5))
    assert track.source == "watch.fit"
    assert track.warnings == ()
    assert (track.start, track.end) == (START, START + timedelta(seconds=59))
    assert len(track.time_s) == 60
    assert np.array_equal(np.diff(track.time_s), np.ones(59))
    assert np.array_equal(track.speed_m_s, np.full(60, 2.5))
    assert track.distance_m[30] == 75.0
    assert np.isnan(track.distance_m[2])  # these records have no distance
    assert track.heart_rate_bpm[30] == 150
    assert track.total_distance_m == pytest.approx(2.5 * 59)
    assert track.sport == "running"
    assert [lap.distance_m for lap in track.laps] == [75.0, 72.5]
    assert track.laps[1].start == track.laps[0].end == START + timedelta(seconds=30)


def simple(times, metres, *, speeds=None):
    fit = FitBytes()
    fields = [(253, 4, UINT32), (5, 4, UINT32)]
    fit.define(0, 20, fields if speeds is None else [*fields, (6, 2, UINT16)])
    for row, (at, way) in enumerate(zip(times, metres, strict=True)):
        own = [] if speeds is None else [round(1000 * speeds[row])]
        fit.data(0, "<II" + "H" * len(own), FIT_START + at, round(100 * way), *own)
    return fit.content()


def test_speed_is_taken_from_distance(read):
    track = read(simple(range(60), [2.8 * k for k in range(60)]))
    assert track.speed_m_s == pytest.approx(2.8, abs=0.01)
    assert track.total_distance_m == pytest.approx(2.8 * 59, abs=0.01)


def test_the_speed_of_the_watch_is_read(read):
    assert read(simple([0, 1], [0, 3], speeds=[3.1, 3.2])).speed_m_s.tolist() == [3.1, 3.2]


def test_speed_is_interpolated_between_records_and_nan_in_gaps(read):
    track = read(simple([0, 2, 4, 60, 61], [0, 6, 12, 100, 103], speeds=[3.0, 3.2, 3.4, 2.0, 2.0]))
    asked = track.time_s[0] + np.array([-1.0, 0.0, 1.0, 30.0, 60.5, 62.0])
    assert track.speed_at(asked) == pytest.approx([np.nan, 3.0, 3.1, np.nan, 2.0, np.nan], nan_ok=True)


def test_records_are_sorted_and_duplicates_dropped(read):
    track = read(simple([0, 2, 1, 1, 3], [0, 6, 3, 3, 9], speeds=[3.0] * 5))
    assert track.time_s.tolist() == [track.time_s[0] + k for k in range(4)]
    assert track.distance_m.tolist() == [0, 3, 6, 9]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_read_up_to_the_cut(read, share):
    content = watch_content()
    track = read(content[: int(share * len(content))])
    assert track.warnings == ("watch.fit is cut short; it was read up to the cut.",)
    assert 0 < len(track.time_s) <= 60


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not a FIT file"),
        (b"PK\x03\x04" + bytes(100), "not a FIT file"),
        (b"time,acc\n" * 20, "not a FIT file"),
        (FitBytes().content(), "no record"),
        (watch_content(first=1000), "no record with a date"),
    ],
)
def test_files_that_are_not_an_activity_are_refused(read, content, word):
    with pytest.raises(FormatError, match=word):
        read(content)


def test_a_damaged_file_is_refused(read):
    content = bytearray(watch_content())
    content[900] ^= 0xFF
    with pytest.raises(FormatError, match="damaged"):
        read(bytes(content))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FormatError, match="could not be read"):
        read_fit(tmp_path / "none.fit")
    with pytest.raises(FormatError, match="could not be read"):
        read_fit(tmp_path)


@settings(max_examples=60)
@given(st.data())
def test_damage_raises_only_typed_errors(tmp_path_factory, data):
    content = bytearray(watch_content(12))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.fit"
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(FormatError):
        assert (np.diff(read_fit(file).time_s) > 0).all()


def speeds_of(fields, layout, rows):
    fit = FitBytes()
    fit.define(0, 20, [(253, 4, UINT32), *fields])
    for k, row in enumerate(rows):
        fit.data(0, "<I" + layout, FIT_START + k, *row)
    return fit.content()


@pytest.mark.parametrize(
    ("fields", "layout", "rows"),
    [
        ([(6, 2, UINT16), (73, 4, UINT32)], "HI", [(0xFFFF, 3100), (0xFFFF, 3200)]),
        ([(73, 4, UINT32), (6, 2, UINT16)], "IH", [(3100, 0xFFFF), (3200, 0xFFFF)]),
        ([(73, 4, UINT32), (6, 2, UINT16)], "IH", [(3100, 9999), (3200, 9999)]),
        ([(73, 4, UINT32), (6, 2, UINT16)], "IH", [(0xFFFFFFFF, 3100), (0xFFFFFFFF, 3200)]),
    ],
)
def test_the_speed_of_the_file_counts_before_a_derived_or_empty_one(read, fields, layout, rows):
    assert read(speeds_of(fields, layout, rows)).speed_m_s.tolist() == [3.1, 3.2]


def test_cadence_and_sport(read):
    track = read(watch_content())
    assert track.cadence_rpm[0] == 80.0
    (contact,) = track.contacts
    assert (contact.device, contact.contact_ms[0]) == ("Garmin", 300.0)
    assert np.isnan(contact.contact_ms[2])
    assert read(watch_content(dynamics=False)).contacts == ()
    (part,) = track.sports
    assert (part.sport, part.start_s) == ("running", track.time_s[0])
