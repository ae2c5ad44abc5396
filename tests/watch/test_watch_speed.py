"""Speed of a run from a watch."""

from __future__ import annotations

import numpy as np
import pytest
from fit_tool.profile.profile_type import SubSport

from imurun.errors import FormatError
from imurun.export.fit_read import read_fit
from imurun.watch.speed import watch_speed
from tests.watch.watch_files import Activity, later, made_session, stop_and_go


def test_steady_speed_is_taken_and_its_delay_undone(tmp_path):
    cadence = np.full(300, 170.0)
    speed = np.where(np.arange(300) < 150, 3.0, 3.6)
    track = read_fit(Activity(cadence, speed_m_s=later(speed, 5)).write(tmp_path / "w.fit"))
    table, notes = watch_speed(made_session(cadence), track)
    at = table.at(np.arange(300) + 0.5)
    assert table.source == "w.fit"
    assert notes == ()
    assert at[30:140] == pytest.approx(np.full(110, 3.0))
    assert at[160:285] == pytest.approx(np.full(125, 3.6))
    assert np.isnan(at[144:156]).all()
    assert len(table.start_s) < 12


def test_speed_that_wanders_or_is_zero_is_not_taken(tmp_path):
    n = np.arange(420)
    speed = np.where(n < 200, 3.0 + 0.4 * np.sin(n / 4.0), np.where(n < 300, 0.0, 3.2))
    cadence = stop_and_go()
    track = read_fit(Activity(cadence, speed_m_s=speed).write(tmp_path / "w.fit"))
    at = watch_speed(made_session(cadence), track)[0].at(n + 0.5)
    assert np.isnan(at[:300]).all()
    assert at[310:400] == pytest.approx(np.full(90, 3.2))


def test_indoors_there_is_a_note(tmp_path):
    cadence = np.full(200, 170.0)
    activity = Activity(cadence, speed_m_s=np.full(200, 3.0), sub_sport=SubSport.TREADMILL)
    _, notes = watch_speed(made_session(cadence), read_fit(activity.write(tmp_path / "w.fit")))
    assert len(notes) == 1
    assert "--treadmill" in notes[0]


def test_without_steady_speed_the_file_is_refused(tmp_path):
    cadence = np.full(200, 170.0)
    track = read_fit(Activity(cadence).write(tmp_path / "w.fit"))
    with pytest.raises(FormatError, match="no speed that is steady"):
        watch_speed(made_session(cadence), track)
