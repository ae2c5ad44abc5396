"""Offsets of a runner's contact times."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from imurun.errors import SettingsError
from imurun.model.calibration import Calibration, CalibrationPoint
from imurun.model.runner import Runner

ONE = Calibration("2026-05-01", "your Stryd", "2", (CalibrationPoint(3.0, 165.0, -12.0, -9.0, 240.0, 400),))
TWO = replace(
    ONE,
    points=(CalibrationPoint(3.0, 165.0, -12.0, -8.0), CalibrationPoint(4.0, 175.0, -20.0, -18.0)),
)


def test_one_point_holds_near_its_speed_or_cadence():
    assert ONE.offset_ms(3.4, 170.0) == (-9.0, True)
    assert ONE.offset_ms(3.6, 165.0) == (-9.0, False)
    assert ONE.offset_ms(None, 170.0) == (-12.0, True)
    assert ONE.offset_ms(math.nan, 150.0) == (-12.0, False)


def test_between_two_points_it_is_linear():
    assert TWO.offset_ms(3.5, 0.0) == (pytest.approx(-13.0), True)
    assert TWO.offset_ms(2.6, 0.0) == (-8.0, True)
    assert TWO.offset_ms(4.6, 0.0) == (-18.0, False)
    assert TWO.offset_ms(None, 170.0) == (pytest.approx(-16.0), True)


def test_like_cadences_do_not_tell_speeds_apart():
    alike = replace(TWO, points=(TWO.points[0], TWO.points[1]._replace(cadence_spm=168.0)))
    assert alike.offset_ms(None, 166.0) == (-16.0, True)
    assert alike.offset_ms(None, 190.0) == (-16.0, False)


def test_without_an_offset_for_known_speeds_the_other_one_is_taken():
    plain = replace(ONE, points=(CalibrationPoint(3.0, 165.0, -12.0),))
    assert plain.offset_ms(3.1, 165.0) == (-12.0, True)
    by_cadence = replace(ONE, points=(CalibrationPoint(math.nan, 165.0, -12.0),))
    assert by_cadence.offset_ms(3.1, 180.0) == (-12.0, False)


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
