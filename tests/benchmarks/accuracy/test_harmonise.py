"""One definition of contact for all laboratories: filters, moves, and the constants as measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy import harmonise
from benchmarks.accuracy.harmonise import (
    CORNER_HZ,
    KIND,
    KINDS,
    LINES,
    Lines,
    Measurement,
    butterworth,
    critically_damped,
    crossings_s,
    harmonised,
    moves_of,
    published_rise_and_fall_ms,
    rise_and_fall_ms,
)
from benchmarks.datasets import load
from tests.benchmarks.accuracy.accuracy_helpers import made_trial

RATE_HZ = 1000.0


def trapezia(rise_ms=20, top_ms=180, fall_ms=60, n=6):
    """Contacts that rise straight to 2 BW and fall straight; every 400 ms, from 100 ms on."""
    one = np.interp(
        np.arange(400),
        [100, 100 + rise_ms, 100 + rise_ms + top_ms, 100 + rise_ms + top_ms + fall_ms],
        [0, 2, 2, 0],
    )
    return np.tile(one, n)


def response(low_pass, hz, corner_hz):
    t = np.arange(20_000) / RATE_HZ
    return 2 * np.mean(
        (low_pass(np.sin(2 * np.pi * hz * t), RATE_HZ, corner_hz) * np.sin(2 * np.pi * hz * t))[5000:15000]
    )


@pytest.mark.parametrize("hz", [4.0, 10.0, 27.0, 50.0])
def test_filters_have_their_response_and_no_delay(hz):
    ratio = hz / 27.0
    assert response(critically_damped, hz, 27.0) == pytest.approx((1 + ratio**2) ** -2, rel=0.02)
    assert response(butterworth, hz, 27.0) == pytest.approx(1 / (1 + ratio**4), rel=0.03)


def test_a_critically_damped_filter_does_not_overshoot():
    assert critically_damped(trapezia(), RATE_HZ, 27.0).max() <= 2.0 + 1e-9
    assert butterworth(trapezia(), RATE_HZ, 27.0).max() > 2.02


def test_rise_and_fall_are_those_of_the_signal():
    # 2 BW in 20 ms: from 0.05 to 0.5 BW in 4.5 ms; in 60 ms: 13.5 ms
    rise, fall = rise_and_fall_ms(trapezia(), RATE_HZ)
    assert (rise, fall) == (pytest.approx(4.5), pytest.approx(13.5))
    padded = np.r_[[np.nan] * 5, trapezia(), [np.nan] * 9]
    assert rise_and_fall_ms(padded, RATE_HZ) == (pytest.approx(4.5), pytest.approx(13.5))


@pytest.mark.parametrize(
    "force", [np.zeros(500), np.ones(500), np.full(500, np.nan), np.r_[np.zeros(200), np.ones(300)]]
)
def test_without_complete_contacts_rise_and_fall_are_unknown(force):
    assert np.isnan(rise_and_fall_ms(force, RATE_HZ)).all()


def test_short_spans_and_the_ends_do_not_count():
    force = np.zeros(1000)
    force[:100] = force[300:330] = force[500:700] = force[900:] = 1.0
    first, last = crossings_s(force, RATE_HZ, 0.5)
    np.testing.assert_allclose(first, [0.4995])
    np.testing.assert_allclose(last, [0.6995])


def test_moves_are_later_minus_earlier():
    force = trapezia()
    first, last = crossings_s(force, RATE_HZ, 0.05)
    wide = np.roll(force, -7)
    assert moves_of(force, wide, RATE_HZ) == pytest.approx((-7.0, -7.0, 0.0))
    low = moves_of(force, critically_damped(force, RATE_HZ, 27.0), RATE_HZ)
    assert low.initial_ms < -3.0
    assert low.final_ms > 1.0
    assert len(first) == len(last) == 6


def test_lines_are_limited_to_what_was_measured():
    lines = Lines((-30.0, 1.0), (8.0, -0.1), (-0.1, 0.001), (17.0, 25.0), (25.0, 60.0))
    assert lines.at(20.0, 40.0) == pytest.approx((-10.0, 4.0, -0.06))
    assert lines.at(40.0, 90.0) == lines.at(25.0, 60.0)
    assert lines.at(1.0, 1.0) == lines.at(17.0, 25.0)


def test_contacts_of_low_passed_force_become_shorter_and_peaks_higher(monkeypatch):
    monkeypatch.setattr(harmonise, "LINES", Lines((-10.0, 0.0), (4.0, 0.0), (-0.05, 0.0), (0, 99), (0, 99)))
    trial = made_trial("A")
    found = harmonised(trial)
    np.testing.assert_allclose(found.initial_contact_s, trial.initial_contact_s + 0.010)
    np.testing.assert_allclose(found.final_contact_s, trial.final_contact_s - 0.004)
    np.testing.assert_allclose(found.peak_bw, trial.peak_bw + 0.05)
    np.testing.assert_array_equal(found.vgrf_bw, trial.vgrf_bw)
    assert found.recording is trial.recording
    assert found.side == trial.side


def test_other_trials_stay_as_published():
    for trial in (
        made_trial("E", dataset="rbds_speeds"),
        made_trial("A", n=0),
        made_trial("A", vgrf_bw=None),
        replace(made_trial("A"), vgrf_bw=np.full(623, np.nan)),
    ):
        assert harmonised(trial) is trial


@pytest.fixture(scope="module")
def measurement(shared_data):
    return Measurement()


def test_the_constants_are_those_measured(measurement):
    assert measurement.corner_hz(KIND) == pytest.approx(CORNER_HZ, abs=0.1)
    lines, initial_ms, final_ms = measurement.filtered(KIND, CORNER_HZ).lines()
    assert LINES.initial == pytest.approx(lines.initial, rel=0.02)
    assert LINES.final == pytest.approx(lines.final, rel=0.02)
    assert LINES.peak == pytest.approx(lines.peak, rel=0.02)
    assert LINES.rise_ms == pytest.approx(lines.rise_ms, abs=0.2)
    assert LINES.fall_ms == pytest.approx(lines.fall_ms, abs=0.2)
    assert initial_ms < 1.0
    assert final_ms < 0.5


def test_the_kind_is_the_one_with_the_nearest_spectrum(measurement):
    off = {kind: measurement.spectrum_off_db(kind, measurement.corner_hz(kind)) for kind in KINDS}
    assert min(off, key=off.__getitem__) == KIND
    assert off[KIND] < 2.0 < 5.0 < off["Butterworth"]


def test_real_contacts_become_shorter_in_a_to_d_and_stay_elsewhere(shared_data):
    """A to D: initial contact 4 to 14 ms later, final contact 1 to 6 ms earlier; none of the others moves."""
    for trial in load("running_speeds"):
        found = harmonised(trial)
        later_ms = 1000 * np.unique(np.round(found.initial_contact_s - trial.initial_contact_s, 9))
        earlier_ms = 1000 * np.unique(np.round(trial.final_contact_s - found.final_contact_s, 9))
        assert len(later_ms) == len(earlier_ms) == 1
        assert 4.0 < later_ms[0] < 14.0, trial.name
        assert 1.0 < earlier_ms[0] < 6.0, trial.name
        assert 15.0 < published_rise_and_fall_ms(trial)[0] < 31.0
    for name in ("treadmill_run_grf", "rbds_speeds", "sacral_grf"):
        for trial in load(name):
            assert harmonised(trial) is trial


def test_the_command_prints_what_it_measures(shared_data, capsys):
    harmonise.main()
    printed = capsys.readouterr().out
    for part in ("E to Q at 3.5 m/s", "chosen: critically damped", "moves of A to D", "as S"):
        assert part in printed
