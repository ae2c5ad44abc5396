"""Known speed over a recording."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.errors import SettingsError
from imurun.model.speed import SpeedTable


@pytest.mark.parametrize(
    ("text", "speed"), [("10.8km/h", 3.0), ("3m/s", 3.0), ("3.0", 3.0), ("10.8 KM/H", 3.0), (".9", 0.9)]
)
def test_one_speed_holds_throughout(text, speed):
    table = SpeedTable.parse(text)
    assert table.at(np.array([0.0, 1.0, 9e4])) == pytest.approx([speed] * 3)
    assert table.source == "treadmill"


def test_changes_by_minute():
    table = SpeedTable.parse("1:3.0, 5:12.6km/h,6.5:0")
    asked = np.array([0.0, 59.9, 60.0, 299.9, 300.0, 389.0, 390.0])
    assert table.at(asked) == pytest.approx([np.nan, np.nan, 3.0, 3.0, 3.5, 3.5, np.nan], nan_ok=True)
    assert table.words == "10.8 to 12.6 km/h (treadmill)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.5", "10.5km/h or 10.5m/s"),
        ("fast", "cannot be read"),
        ("", "cannot be read"),
        ("-3", "cannot be read"),
        ("nan", "cannot be read"),
        ("0", "not possible"),
        ("60km/h", "not possible"),
        ("0:3,0:4", "must rise"),
        ("5:3,0:4", "must rise"),
        ("0:3,4", "cannot be read"),
        ("0:3," * 2000, "1000 times"),
    ],
)
def test_impossible_speeds_are_one_sentence(text, words):
    with pytest.raises(SettingsError, match=words) as caught:
        SpeedTable.parse(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("starts", "speeds"),
    [([], []), ([0.0, 0.0], [3.0, 3.0]), ([0.0], [3.0, 3.0]), ([np.inf], [3.0]), ([0.0], [13.0])],
)
def test_impossible_tables_are_refused(starts, speeds):
    with pytest.raises(SettingsError):
        SpeedTable(np.array(starts), np.array(speeds))


def test_the_table_survives_json():
    table = SpeedTable(np.array([0.0, 10.0]), np.array([3.0, np.nan]), "w.fit")
    again = SpeedTable.from_dict(json.loads(json.dumps(table.as_dict(), allow_nan=False)))
    assert again.as_dict() == table.as_dict()
    for broken in ({}, {"start_s": [0.0], "speed_m_s": ["x"], "source": "a"}, {"start_s": 1}):
        with pytest.raises(SettingsError):
            SpeedTable.from_dict(broken)


def test_the_table_cannot_be_changed():
    given_s = np.array([0.0])
    table = SpeedTable(given_s, np.array([3.0]))
    given_s[0] = 5.0
    assert table.start_s[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        table.speed_m_s[0] = 1.0


@given(st.text(max_size=30))
def test_any_text_gives_a_table_or_one_error(text):
    try:
        table = SpeedTable.parse(text)
    except SettingsError:
        return
    assert len(table.start_s) == len(table.speed_m_s)
