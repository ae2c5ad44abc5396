"""Alignment of a watch's activity with a recording."""

from __future__ import annotations

import numpy as np
import pytest
from fit_tool.profile.profile_type import Sport

from imurun.errors import FormatError, SettingsError
from imurun.export.fit_read import read_fit
from imurun.watch.align import align, at_times, cadence_each_second
from tests.watch.watch_files import START_S, Activity, made_session, stop_and_go


def track_of(tmp_path, activity):
    return read_fit(activity.write(tmp_path / "w.fit"))


@pytest.mark.parametrize("shift", [-28, -7, 0, 3, 29])
@pytest.mark.parametrize("counts_steps", [False, True])
def test_the_shift_is_found_by_stops(tmp_path, shift, counts_steps):
    cadence = stop_and_go()
    track = track_of(tmp_path, Activity(cadence, start_s=START_S + shift, counts_steps=counts_steps))
    found = align(made_session(cadence), track)
    assert found.shift_s == pytest.approx(shift, abs=1.0)
    assert found.start_s == pytest.approx(START_S + shift, abs=1.0)
    assert found.steps_a_cycle == (1.0 if counts_steps else 2.0)


def test_steady_running_alone_gives_no_shift(tmp_path):
    cadence = np.full(300, 170.0)
    found = align(made_session(cadence), track_of(tmp_path, Activity(cadence, start_s=START_S + 4)))
    assert found.shift_s == 0.0


def test_the_activity_may_begin_earlier_and_end_later(tmp_path):
    cadence = stop_and_go(300, stops=((120, 140),))
    longer = np.concatenate([np.full(200, 165.0), cadence, np.full(100, 165.0)])
    found = align(made_session(cadence), track_of(tmp_path, Activity(longer, start_s=START_S - 200 + 6)))
    assert found.shift_s == 6.0


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        (Activity(np.full(300, 170.0), sport=Sport.CYCLING), "activity of cycling"),
        (Activity(np.full(300, 170.0), start_s=START_S + 4000), "too little in common"),
        (Activity(np.full(300, 190.0)), "not the same run"),
        (Activity(np.full(300, 0.0)), "no cadence"),
    ],
)
def test_what_cannot_belong_to_the_recording_is_refused(tmp_path, activity, words):
    with pytest.raises(FormatError, match=words) as caught:
        align(made_session(np.full(300, 170.0)), track_of(tmp_path, activity))
    assert str(caught.value).count(". ") == 0


def test_a_start_is_needed(tmp_path):
    with pytest.raises(SettingsError, match="--start"):
        align(
            made_session(np.full(300, 170.0), start=None), track_of(tmp_path, Activity(np.full(300, 170.0)))
        )


def test_a_recording_without_running_is_refused(tmp_path):
    with pytest.raises(FormatError, match="half a minute"):
        align(made_session(np.full(300, 110.0)), track_of(tmp_path, Activity(np.full(300, 170.0))))


def test_an_activity_that_states_no_sport_is_taken(tmp_path):
    cadence = stop_and_go()
    assert align(made_session(cadence), track_of(tmp_path, Activity(cadence, sport=None))).shift_s == 0.0


def test_the_cadence_of_a_second_is_that_of_its_steps_and_zero_in_standing():
    cadence = np.array([0.0] * 10 + [180.0] * 20 + [0.0] * 10 + [150.0] * 10)
    own = cadence_each_second(made_session(cadence), 50)
    assert own[12:28] == pytest.approx(np.full(16, 180.0), abs=0.1)
    assert (own[:9] == 0.0).all()
    assert (own[31:39] == 0.0).all()
    assert own[43:48] == pytest.approx(np.full(5, 150.0), abs=0.1)


def test_no_value_is_made_up_in_holes_and_outside():
    time_s = np.array([0.0, 1.0, 2.0, 20.0, 21.0])
    values = np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    found = at_times(time_s, values, np.array([-0.5, 0.5, 1.5, 10.0, 20.5, 22.0]))
    assert found == pytest.approx([np.nan, 1.5, np.nan, np.nan, 4.5, np.nan], nan_ok=True)
    assert np.isnan(at_times(time_s, np.zeros(0), np.array([0.5]))).all()
