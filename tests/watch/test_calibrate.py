"""Calibration by a watch, a table, and one number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from imurun.core.contact import CONTACT_MODEL
from imurun.errors import FormatError, SettingsError
from imurun.export.fit_read import read_fit
from imurun.model.speed import SpeedTable
from imurun.watch.calibrate import given_by_hand, joined, make_calibration, renewed
from imurun.watch.measured_contacts import read_contact_table
from imurun.watch.trusted_seconds import compare_watch
from tests.watch.watch_files import START, Activity, Field, later, made_session

DATE = "2026-05-02"


def calibrated(compared, plain, with_speed=None):
    return make_calibration(compared, plain, with_speed, date=DATE, recording="run.csv", fingerprint="f")


def test_a_stryd_at_two_speeds_gives_two_points(tmp_path):
    k = np.arange(500)
    cadence = np.where(k < 250, 165.0, 177.0)
    speed = np.where(k < 250, 2.8, 3.8)
    ground = np.where(k < 250, 262.0, 221.0)
    activity = Activity(
        cadence,
        speed_m_s=later(speed, 5),
        developer=[Field("Ground Time", "Milliseconds", later(ground, 6))],
    )
    plain = made_session(cadence, contact_ms=lambda t: 250.0 if t < 250 else 215.0)
    with_speed = made_session(cadence, contact_ms=lambda t: 255.0 if t < 250 else 218.0)
    compared = compare_watch(plain, read_fit(activity.write(tmp_path / "w.fit")))
    calibration, notes = calibrated(compared, plain, with_speed)
    assert notes == ()
    assert (calibration.source, calibration.date, calibration.model) == ("your Stryd", DATE, CONTACT_MODEL)
    slow, fast = calibration.points
    assert (slow.speed_m_s, fast.speed_m_s) == pytest.approx((2.8, 3.8))
    assert (slow.offset_ms, fast.offset_ms) == pytest.approx((12.0, 6.0), abs=0.7)
    assert (slow.offset_with_speed_ms, fast.offset_with_speed_ms) == pytest.approx((7.0, 3.0), abs=0.7)
    assert min(slow.n_steps, fast.n_steps) > 300


def test_one_number_is_compared_with_the_steps_of_its_stretch_only():
    session = made_session(np.full(300, 170.0), contact_ms=lambda t: 250.0 if 100 <= t < 200 else 300.0)
    compared = given_by_hand(session, 240.0, 100.0, 200.0, None)
    (point,) = calibrated(compared, session)[0].points
    assert point.offset_ms == pytest.approx(-10.0, abs=1.0)
    assert math.isnan(point.speed_m_s)
    assert point.cadence_spm == pytest.approx(170.0)


def test_few_steps_are_noted_and_too_few_refused():
    session = made_session(np.full(300, 170.0))
    _, notes = calibrated(given_by_hand(session, 240.0, 100.0, 160.0, None), session)
    assert len(notes) == 1
    assert "300" in notes[0]
    with pytest.raises(FormatError, match=r"Only \d+ running steps"):
        calibrated(given_by_hand(session, 240.0, 100.0, 120.0, None), session)


def test_more_than_forty_ms_is_refused():
    session = made_session(np.full(300, 170.0))
    with pytest.raises(FormatError, match=r"differ by -4\d ms"):
        calibrated(given_by_hand(session, 207.0, 0.0, 300.0, None), session)


@pytest.mark.parametrize(
    ("values", "words"),
    [((2.4, 0.0, 100.0), "contact time"), ((240.0, 100.0, 50.0), "--from"), ((240.0, 400.0, 500.0), "end")],
)
def test_impossible_numbers_are_refused(values, words):
    with pytest.raises(SettingsError, match=words):
        given_by_hand(made_session(np.full(300, 170.0)), *values, None)


def test_contact_times_of_a_table_give_a_point(tmp_path):
    rows = "".join(f"{t},244\n" for t in range(20, 200))
    (tmp_path / "t.csv").write_text(f"time_s,contact_time_ms\n{rows}")
    session = made_session(np.full(300, 170.0))
    measured = read_contact_table(tmp_path / "t.csv", START, SpeedTable.constant(3.0))
    calibration, _ = calibrated(measured, session, session)
    assert calibration.words == "as the device of t.csv counts, at 10.8 km/h, 2026-05-02"
    assert calibration.points[0].offset_ms == pytest.approx(-6.0, abs=0.7)


def test_another_speed_of_the_same_source_is_joined():
    session = made_session(np.full(300, 170.0))
    slow, fast, near = (
        calibrated(given_by_hand(session, ms, 0.0, 300.0, SpeedTable.constant(v)), session, session)[0]
        for ms, v in ((240.0, 2.8), (235.0, 3.6), (230.0, 3.0))
    )
    both = joined(slow, fast)
    assert [point.speed_m_s for point in both.points] == pytest.approx([2.8, 3.6])
    assert [p.speed_m_s for p in joined(both, near).points] == pytest.approx([3.0])
    assert joined(replace(slow, source="your Garmin"), fast) == fast
    assert joined(replace(slow, model="1"), fast) == fast
    assert joined(None, fast) == fast


def test_a_newer_model_repeats_the_comparison():
    session = made_session(np.full(300, 170.0))
    compared = given_by_hand(session, 240.0, 50.0, 250.0, SpeedTable.constant(3.0))
    old = replace(calibrated(compared, session, session)[0], model="1")
    asked = []

    def analyse(speed):
        asked.append(speed)
        return made_session(np.full(300, 170.0), contact_ms=245.0 if speed is None else 242.0)

    fresh = renewed(old, analyse)
    assert fresh is not None
    assert fresh.model == CONTACT_MODEL
    assert fresh.points[0].offset_ms == pytest.approx(-5.0, abs=0.7)
    assert fresh.points[0].offset_with_speed_ms == pytest.approx(-2.0, abs=0.7)
    assert asked[1].at(np.array([100.0, 290.0])) == pytest.approx([3.0, np.nan], nan_ok=True)
    bare = replace(old, points=(old.points[0]._replace(spans_s=()),))
    assert renewed(bare, analyse) is None
