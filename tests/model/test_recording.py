"""What a recording accepts, refuses and repairs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imurun.errors import ImurunError, RecordingError, SettingsError
from imurun.model.gaps import longest_bridge, missing_rows, runs, stretches
from imurun.model.recording import Recording
from imurun.model.runner import Runner

RATE = 100.0


def still(n=600):
    return np.tile([0.0, 0.0, 9.81], (n, 1)) + 0.01 * np.arange(3 * n).reshape(n, 3)


def test_arrays_are_copied_and_cannot_be_changed():
    acc = still()
    recording = Recording(acc, rate_hz=RATE)
    acc[:] = 0
    assert recording.acc[0, 2] > 9
    with pytest.raises(ValueError, match="read-only"):
        recording.acc[0, 0] = 1.0
    with pytest.raises(AttributeError):
        recording.rate_hz = 50.0


@given(
    values=st.lists(
        st.tuples(*[st.sampled_from([0.0, 1e5, -1.01e6, 1.7e308, -1.7e308, np.nan, np.inf])] * 6), max_size=8
    ),
    gyro=st.booleans(),
)
def test_rows_with_an_impossible_value_are_missing(values, gyro):
    """Those that are no number, and those that no sensor measures."""
    rows = np.array(values).reshape(-1, 6)
    acc, gyr = rows[:, :3].copy(), rows[:, 3:].copy() if gyro else None
    expected = [not all(abs(value) <= 1e6 for value in row[: 6 if gyro else 3]) for row in values]
    missing = missing_rows(acc, gyr)
    assert missing.dtype == np.bool_
    assert missing.tolist() == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e7])
@pytest.mark.parametrize("column", range(6))
def test_one_impossible_value_is_one_missing_row(bad, column):
    rows = np.full((1000, 6), 1e5)
    rows[::2] *= -1.0
    assert not missing_rows(rows[:, :3], rows[:, 3:]).any()
    rows[777, column] = bad
    assert np.flatnonzero(missing_rows(rows[:, :3], rows[:, 3:])).tolist() == [777]
    assert missing_rows(rows[:, :3], None).sum() == (column < 3)


def test_length_duration_times_and_frame_are_given():
    recording = Recording(still(), 0 * still(), rate_hz=200)
    assert (len(recording), recording.duration_s) == (600, 3.0)
    assert recording.time_s[-1] == pytest.approx(599 / 200)
    assert recording.gaps == ()
    assert recording.frame == "sensor"


def test_start_is_utc():
    east = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Recording(still(), rate_hz=RATE, start=east).start == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert Recording(still(), rate_hz=RATE, start=datetime(2026, 3, 1)).start == datetime(
        2026, 3, 1, tzinfo=UTC
    )


def test_short_gaps_are_bridged_and_long_ones_stay():
    acc = still()
    whole = acc.copy()
    acc[100:103] = np.nan
    acc[200, 1] = np.inf
    acc[300 : 300 + longest_bridge(RATE) + 1] = np.nan
    recording = Recording(acc, rate_hz=RATE)
    assert recording.n_bridged == 4
    assert recording.gaps == ((300, 300 + longest_bridge(RATE) + 1),)
    assert np.allclose(recording.acc[:300], whole[:300])
    assert np.isnan(recording.acc[300 : recording.gaps[0][1]]).all()


@pytest.mark.parametrize(("rate_hz", "samples"), [(25.0, 3), (100.0, 5), (208.0, 10), (500.0, 25)])
def test_a_twentieth_of_a_second_is_bridged(rate_hz, samples):
    for n in (samples, samples + 1):
        acc = still()
        acc[100 : 100 + n] = np.nan
        recording = Recording(acc, rate_hz=rate_hz)
        assert recording.n_bridged == (n if n == samples else 0)
        assert len(recording.gaps) == (n > samples)


def test_a_row_is_missing_as_a_whole():
    acc, gyr = still(), 0 * still()
    gyr[100:110, 2] = np.nan
    recording = Recording(acc, gyr, rate_hz=RATE)
    assert recording.gaps == ((100, 110),)
    assert np.isnan(recording.acc[105]).all()
    assert missing_rows(recording.acc, recording.gyr).sum() == 10


@pytest.mark.parametrize(
    ("acc", "gyr", "options", "part"),
    [
        (still()[:, :2], None, {"rate_hz": 100}, "3 axes"),
        (still().ravel(), None, {"rate_hz": 100}, "3 axes"),
        ([["a", "b", "c"]], None, {"rate_hz": 100}, "not a number"),
        (still(0), None, {"rate_hz": 100}, "no samples"),
        (np.nan * still(), None, {"rate_hz": 100}, "finite"),
        (still(), still(10), {"rate_hz": 100}, "600 rows but gyr has 10"),
        (still(), None, {"rate_hz": 24.9}, "at least 25 Hz"),
        (still(), None, {"rate_hz": 0}, "positive"),
        (still(), None, {"rate_hz": np.nan}, "positive"),
        (still(), None, {"rate_hz": 1e6}, "unit of time"),
        (still(), None, {"rate_hz": 100, "frame": "head"}, "frame"),
    ],
)
def test_invalid_samples_and_rates_are_refused(acc, gyr, options, part):
    with pytest.raises(RecordingError, match=part):
        Recording(acc, gyr, **options)


def test_a_low_rate_is_warned_of_once():
    recording = Recording(still(), rate_hz=40)
    assert len(recording.warnings) == 1
    assert "50 Hz" in recording.warnings[0]
    assert Recording(still(), rate_hz=40, warnings=recording.warnings).warnings == recording.warnings
    assert Recording(still(), rate_hz=50).warnings == ()


def test_even_stamps_keep_the_samples():
    acc = still()
    recording = Recording.from_timed_samples(5.0 + np.arange(600) / 240.0, acc)
    assert recording.rate_hz == 240.0
    assert np.array_equal(recording.acc, acc)


def test_a_time_gap_is_kept_at_its_length():
    time, acc = np.arange(600) / RATE, still()
    kept = np.r_[0:200, 250:600]
    recording = Recording.from_timed_samples(time[kept], acc[kept])
    assert recording.gaps == ((200, 250),)
    assert len(recording) == 600
    assert np.array_equal(recording.acc[250:], acc[250:])
    kept = np.r_[0:200, 203:600]
    recording = Recording.from_timed_samples(time[kept], acc[kept])
    assert recording.gaps == ()
    assert recording.n_bridged == 3
    assert np.allclose(recording.acc, acc)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.floats(30.0, 1000.0),
    jitter=st.floats(0.0, 0.45),
    ppm=st.floats(-200, 200),
)
@example(seed=0, rate=718.3764602447135, jitter=0.23910128114107673, ppm=68.203125)
def test_jittered_stamps_find_rate_and_values(seed, rate, jitter, ppm):
    """A slow signal sampled at jittered times comes back on the even grid."""
    rng = np.random.default_rng(seed)
    n = 3000
    time = (np.arange(n) + rng.uniform(-jitter, jitter, n)) / rate * (1 + 1e-6 * ppm)
    time -= time[0]
    signal = np.sin(2 * np.pi * 0.01 * rate * time)
    recording = Recording.from_timed_samples(time, np.column_stack([signal, signal, 9.81 + signal]))
    assert recording.rate_hz == pytest.approx(rate, rel=1e-3)
    assert recording.gaps == ()
    even = np.sin(2 * np.pi * 0.01 * rate * recording.time_s)
    assert np.abs(recording.acc[:, 0] - even)[5:-5].max() < 0.08


def test_a_packets_shared_stamp_is_that_of_its_last_sample():
    stamps = np.repeat(np.arange(1, 61) * 0.1, 10)
    recording = Recording.from_timed_samples(stamps, still())
    assert recording.rate_hz == pytest.approx(RATE)
    assert np.array_equal(recording.acc, still())
    assert "spread" in recording.warnings[0]


@pytest.mark.parametrize(
    ("time", "part"),
    [
        ([0.0, 0.01, 0.005, 0.02], "backwards at sample 2"),
        ([0.0, 0.01, np.nan, 0.02], "time of sample 2"),
        ([0.0, 0.0, 0.0, 0.0], "does not advance"),
        ([0.0], "one each"),
        ([0.0, 0.01, 0.02, 1e9], "cannot be right"),
    ],
)
def test_invalid_times_are_refused(time, part):
    with pytest.raises(RecordingError, match=part):
        Recording.from_timed_samples(time, still(4))


def test_one_sample_has_no_rate():
    with pytest.raises(RecordingError, match="fewer than two"):
        Recording.from_timed_samples([0.0], still(1))


@given(st.lists(st.booleans(), max_size=40))
def test_runs_cover_what_is_true(mask):
    found = runs(np.array(mask, dtype=bool))
    rebuilt = [any(a <= k < b for a, b in found) for k in range(len(mask))]
    assert rebuilt == mask
    assert all(b1 < a2 for (_, b1), (a2, _) in pairwise(found))


def test_mass_and_height_must_be_possible():
    assert Runner().mass_kg is None
    assert Runner("A", 70, 1.75).height_m == 1.75
    for bad in ({"mass_kg": 7000}, {"mass_kg": -1}, {"height_m": 175}, {"mass_kg": float("nan")}):
        with pytest.raises(SettingsError, match="must lie between"):
            Runner(**bad)
    assert issubclass(SettingsError, ImurunError)


@given(st.lists(st.booleans(), max_size=40))
def test_stretches_follow_each_other_and_are_of_one_kind(mask):
    missing = np.array(mask, dtype=bool)
    parts = list(stretches(missing))
    assert [k for rows, _ in parts for k in range(len(mask))[rows]] == list(range(len(mask)))
    assert all(rows.stop > rows.start and (missing[rows] == gap).all() for rows, gap in parts)
    assert all(a[1] != b[1] for a, b in pairwise(parts))


@pytest.mark.parametrize(("rate_hz", "jitter"), [(200.0, 0.3), (1000.0, 0.3), (208.0, 0.05)])
def test_lost_packets_do_not_slow_the_clock(rate_hz, jitter):
    """5 % lost in packets of 40 ms; with jitter they cannot be output from it one by one."""
    rng = np.random.default_rng(1)
    n, packet = 4000, round(0.04 * rate_hz)
    time = (np.arange(n) + jitter * rng.uniform(-0.5, 0.5, n)) / rate_hz
    lost = np.isin(np.arange(n) // packet, rng.choice(n // packet - 1, n // packet // 20, replace=False) + 1)
    acc = np.tile([0.0, 0.0, 9.81], (n, 1))
    recording = Recording.from_timed_samples(time[~lost], acc[~lost])
    assert recording.rate_hz == pytest.approx(rate_hz, rel=1e-3)
