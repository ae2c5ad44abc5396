"""Offsets of a runner's contact times."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from imurun.core.contact import on_line
from imurun.errors import SettingsError
from imurun.model.calibration import NEAR_M_S, NEAR_SPM, Calibration, CalibrationPoint, tables
from imurun.model.runner import Runner

ONE = Calibration("2026-05-01", "your Stryd", "2", (CalibrationPoint(3.0, 165.0, -12.0, -9.0, 240.0, 400),))
TWO = replace(
    ONE,
    points=(CalibrationPoint(3.0, 165.0, -12.0, -8.0), CalibrationPoint(4.0, 175.0, -20.0, -18.0)),
)


def read(calibration, *, speed_m_s=None, cadence_spm=None):
    """Offset, ms, and whether it holds, read from a table as the core does."""
    by_speed, by_cadence = tables(calibration)
    if speed_m_s is not None:
        offset_s, holds = on_line(speed_m_s, by_speed, NEAR_M_S)
    else:
        offset_s, holds = on_line(cadence_spm, by_cadence, NEAR_SPM)
    return pytest.approx(1000.0 * offset_s), holds


def test_one_point_holds_near_its_speed_or_cadence():
    assert read(ONE, speed_m_s=3.4) == (-9.0, True)
    assert read(ONE, speed_m_s=3.6) == (-9.0, False)
    assert read(ONE, cadence_spm=170.0) == (-12.0, True)
    assert read(ONE, cadence_spm=150.0) == (-12.0, False)


def test_between_two_points_it_is_linear_and_beyond_them_constant():
    assert read(TWO, speed_m_s=3.5) == (-13.0, True)
    assert read(TWO, speed_m_s=2.6) == (-8.0, True)
    assert read(TWO, speed_m_s=4.6) == (-18.0, False)
    assert read(TWO, cadence_spm=170.0) == (-16.0, True)


@pytest.mark.parametrize("second_spm", [165.0, 168.0])
def test_like_cadences_do_not_tell_speeds_apart(second_spm):
    alike = replace(TWO, points=(TWO.points[0], TWO.points[1]._replace(cadence_spm=second_spm)))
    assert read(alike, cadence_spm=166.0) == (-16.0, True)
    assert read(alike, cadence_spm=190.0) == (-16.0, False)


def test_points_with_rising_speed_and_falling_cadence_are_read_in_order_of_cadence():
    crossed = replace(TWO, points=(TWO.points[0], TWO.points[1]._replace(cadence_spm=155.0)))
    assert read(crossed, cadence_spm=157.5) == (-18.0, True)
    assert read(crossed, speed_m_s=3.5) == (-13.0, True)


def test_without_an_offset_for_known_speeds_the_other_one_is_taken():
    plain = replace(ONE, points=(CalibrationPoint(3.0, 165.0, -12.0),))
    assert read(plain, speed_m_s=3.1) == (-12.0, True)


def test_without_a_speed_there_is_no_table_by_speed():
    by_speed, by_cadence = tables(replace(ONE, points=(CalibrationPoint(math.nan, 165.0, -12.0),)))
    assert by_speed.shape == (0, 2)
    assert by_cadence == pytest.approx(np.array([[165.0, -0.012]]))
    assert [table.shape for table in tables(None)] == [(0, 2), (0, 2)]


def test_words():
    assert ONE.words == "as your Stryd counts, at 10.8 km/h, 2026-05-01"
    by_hand = replace(ONE, source="given by hand", points=(CalibrationPoint(math.nan, 165.0, 1.0),))
    assert by_hand.words == "given by hand, at 165 steps/min, 2026-05-01"


def test_it_survives_json_with_its_runner():
    spans = ((10.0, 70.5), (90.0, 100.0))
    calibration = replace(ONE, recording="/a/run.csv", points=(ONE.points[0]._replace(spans_s=spans),))
    runner = Runner("Kim", 62.0, None, calibration)
    assert Runner.from_dict(json.loads(json.dumps(runner.as_dict(), allow_nan=False))) == runner
    assert Runner("Kim").as_dict() == {"name": "Kim", "mass_kg": None, "height_m": None}


@pytest.mark.parametrize(
    "change",
    [
        {"date": "yesterday"},
        {"source": ""},
        {"model": ""},
        {"points": ()},
        {"points": (CalibrationPoint(3.0, 165.0, 41.0),)},
        {"points": (CalibrationPoint(3.0, 165.0, math.nan),)},
        {"points": (CalibrationPoint(3.0, 165.0, 1.0, -50.0),)},
        {"points": (CalibrationPoint(-3.0, 165.0, 1.0),)},
        {"points": (CalibrationPoint(3.0, math.inf, 1.0),)},
        {"points": (CalibrationPoint(3.0, 165.0, 1.0), CalibrationPoint(3.5, 170.0, 1.0))},
        {"points": (CalibrationPoint(3.0, 165.0, 1.0, spans_s=((5.0, 4.0),)),)},
    ],
)
def test_impossible_calibrations_are_refused(change):
    with pytest.raises(SettingsError):
        replace(ONE, **change)


@pytest.mark.parametrize(
    "change", [{"points": 3}, {"points": [3]}, {"points": [{}]}, {"points": [{"x": 1}]}, {"other": 1}]
)
def test_other_tables_are_refused(change):
    with pytest.raises(SettingsError):
        Calibration.from_dict(ONE.as_dict() | change)
