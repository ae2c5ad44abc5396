"""Degraded trials: each fault has the specified effect."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import freqresp

from benchmarks.accuracy.conditions import AS_RECORDED, CONDITIONS, Condition
from benchmarks.accuracy.faults import (
    DAMPING_RATIO,
    Errors,
    at_rate,
    clipped,
    moved,
    on_soft_strap,
    turned,
    with_errors,
    with_losses,
)
from benchmarks.datasets import load
from benchmarks.datasets.trial import Trial
from imurun import Recording
from imurun.errors import SettingsError
from imurun.model.frames import G

RATE_HZ = 200.0


def trial(acc, gyr=None, rate_hz=RATE_HZ, **truth) -> Trial:
    recording = Recording(acc, gyr, rate_hz=rate_hz, frame="anatomical")
    return Trial(
        "made",
        "one",
        "nobody",
        recording,
        np.array([1.0]),
        np.array([1.2]),
        ("left",),
        np.array([2.5]),
        **truth,
    )


def waves(seconds=10.0, rate_hz=RATE_HZ, seed=0):
    """Smooth samples below 20 Hz, six axes, around gravity; shape (n, 6)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    values = np.zeros((len(t), 6))
    for hz in (1.4, 2.8, 5.6, 11.0, 18.0):
        values += np.sin(2 * np.pi * (hz * t[:, None] + rng.random(6))) * rng.uniform(0.5, 4.0, 6)
    values[:, 2] += G
    return values


@pytest.fixture
def six_axes() -> Trial:
    values = waves()
    t = np.arange(len(values)) / RATE_HZ
    angles = 5.0 * np.sin(2 * np.pi * 1.4 * t[:, None] + np.arange(3))
    return trial(values[:, :3], values[:, 3:], vgrf_bw=np.sin(t), angles_deg=angles)


def test_names_are_unique_and_families_follow_each_other():
    labels = [condition.label for condition in CONDITIONS]
    families = [condition.family for condition in CONDITIONS]
    assert CONDITIONS[0] is AS_RECORDED
    assert len(set(labels)) == len(labels)
    assert sum(a != b for a, b in pairwise(families)) == len(set(families)) - 1


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.label)
def test_conditions_are_deterministic_and_do_not_change_their_input(condition: Condition, six_axes):
    before = six_axes.recording.acc.copy()
    copy = pickle.loads(pickle.dumps(condition))
    once, again = condition.apply(six_axes), copy.apply(six_axes)
    np.testing.assert_array_equal(once.recording.acc, again.recording.acc)
    np.testing.assert_array_equal(once.recording.gyr, again.recording.gyr)
    np.testing.assert_array_equal(six_axes.recording.acc, before)
    assert once.recording.duration_s == pytest.approx(six_axes.recording.duration_s, abs=0.02)
    n = len(once.recording)
    assert once.vgrf_bw.shape == (n,)
    assert once.angles_deg.shape == (n, 3)
    largest_g = np.abs(before).max() / G
    unchanged = (
        condition is AS_RECORDED
        or (condition.family == "rate" and condition.value == RATE_HZ)
        or (condition.family == "clipping" and condition.value > largest_g)
    )
    same_gyr = np.array_equal(once.recording.gyr, six_axes.recording.gyr)
    assert (np.array_equal(once.recording.acc, before) and same_gyr) == unchanged


def test_without_gyroscope_only_another_position_is_refused():
    plain = trial(waves()[:, :3])
    refused = [c for c in CONDITIONS if not c.applies_to(plain)]
    assert {c.family for c in refused} == {"place", "zero-rate level"}
    for condition in CONDITIONS:
        if condition in refused:
            with pytest.raises(SettingsError, match="no gyroscope"):
                condition.apply(plain)
        else:
            assert condition.apply(plain).recording.gyr is None


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 400.0, 240.0])
def test_another_rate_keeps_frequencies_below_half_the_rate(rate_hz):
    t, at = np.arange(2000) / RATE_HZ, np.arange(int(10 * rate_hz)) / rate_hz
    low, high = (np.sin(2 * np.pi * hz * t) for hz in (7.0, 0.75 * rate_hz))
    high[:] = 0.0 if rate_hz > RATE_HZ else high
    made = trial(
        np.column_stack([low, high, low + high]), vgrf_bw=np.sin(t), angles_deg=np.sin(t)[:, None] * [1, 2, 3]
    )
    found = at_rate(made, rate_hz)
    inside = slice(int(rate_hz), -int(rate_hz))
    expected = np.sin(2 * np.pi * 7.0 * at)
    assert found.recording.rate_hz == rate_hz
    np.testing.assert_allclose(found.recording.acc[inside, 0], expected[inside], atol=0.01)
    np.testing.assert_allclose(found.recording.acc[inside, 1], 0.0, atol=0.02)
    np.testing.assert_allclose(found.vgrf_bw, np.sin(np.minimum(at, t[-1])), atol=1e-4)
    np.testing.assert_allclose(found.angles_deg[:, 2], 3 * np.sin(np.minimum(at, t[-1])), atol=1e-3)
    assert found.initial_contact_s is made.initial_contact_s


def test_unknown_truth_stays_unknown_at_another_rate():
    force = np.ones(2000)
    force[300:500] = np.nan
    found = at_rate(trial(waves()[:, :3], vgrf_bw=force), 100.0)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.vgrf_bw)), np.arange(150, 250))


def test_a_fractional_rate_is_refused():
    with pytest.raises(SettingsError, match="whole numbers"):
        at_rate(trial(waves()[:, :3], rate_hz=102.4), 50.0)


def test_clipping_limits_every_axis_and_keeps_smaller_values(six_axes):
    acc = 3.0 * six_axes.recording.acc
    found = clipped(trial(acc), 2.0).recording
    assert np.abs(found.acc).max() == 2.0 * G
    below = np.abs(acc) < 2.0 * G
    assert 0.1 < below.mean() < 0.95
    np.testing.assert_array_equal(found.acc[below], acc[below])


def test_noise_and_offsets_match_the_settings():
    rest = trial(np.tile([0.0, 0.0, G], (40_000, 1)), np.zeros((40_000, 3)))
    errors = Errors(
        acc_density_g=400e-6,
        gyr_density_deg_s=0.005,
        acc_offset_g=0.05,
        gyr_offset_deg_s=20.0,
        acc_scale=0.03,
        gyr_scale=0.02,
    )
    found = with_errors(rest, errors).recording
    acc_g, gyr_deg = found.acc / G, np.degrees(found.gyr)
    np.testing.assert_allclose(acc_g.std(axis=0), 400e-6 * np.sqrt(RATE_HZ / 2), rtol=0.03)
    np.testing.assert_allclose(gyr_deg.std(axis=0), 0.005 * np.sqrt(RATE_HZ / 2), rtol=0.03)
    np.testing.assert_allclose(np.abs(acc_g[:, :2].mean(axis=0)), 0.05, rtol=0.01)
    np.testing.assert_allclose(np.abs(gyr_deg.mean(axis=0)), 20.0, rtol=0.01)
    assert min(abs(abs(acc_g[:, 2].mean() - 1.0) - off) for off in (0.02, 0.08)) < 1e-3


def test_readings_are_quantised(six_axes):
    found = with_errors(six_axes, Errors(acc_step_g=0.01, gyr_step_deg_s=0.5)).recording
    for values, old, step in (
        (found.acc / G, six_axes.recording.acc / G, 0.01),
        (np.degrees(found.gyr), np.degrees(six_axes.recording.gyr), 0.5),
    ):
        np.testing.assert_allclose(values / step, np.rint(values / step), atol=1e-6)
        assert np.abs(values - old).max() <= step / 2 + 1e-9


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_rotation_keeps_lengths_angles_and_its_axis(six_axes, axis):
    old, found = six_axes.recording, turned(six_axes, axis, 30.0).recording
    assert found.frame == "sensor"
    for before, after in ((old.acc, found.acc), (old.gyr, found.gyr)):
        np.testing.assert_allclose(np.linalg.norm(after, axis=1), np.linalg.norm(before, axis=1))
        np.testing.assert_allclose(after[:, axis], before[:, axis])
        first, second = (axis + 1) % 3, (axis + 2) % 3
        lag = np.arctan2(before[:, second], before[:, first]) - np.arctan2(after[:, second], after[:, first])
        np.testing.assert_allclose(np.mod(np.degrees(lag), 360.0), 30.0, atol=1e-6)
    np.testing.assert_allclose(
        (found.acc * found.gyr).sum(axis=1), (old.acc * old.gyr).sum(axis=1), atol=1e-9
    )


@pytest.mark.parametrize("resonance_hz", [8.0, 15.0, 20.0])
@pytest.mark.parametrize("share", [0.25, 1.0, 1.4])
def test_the_strap_follows_its_transfer_function(resonance_hz, share):
    w = 2 * np.pi * resonance_hz
    hz = round(share * resonance_hz, 1)
    t = np.arange(round(20 * RATE_HZ)) / RATE_HZ
    made = trial(np.column_stack([np.cos(2 * np.pi * hz * t), np.zeros_like(t), np.full_like(t, G)]))
    found = on_soft_strap(made, resonance_hz).recording.acc
    settled = slice(round(10 * RATE_HZ), None)  # ten whole seconds: whole periods of every frequency
    gain = 2 * np.mean(found[settled, 0] * np.exp(-2j * np.pi * hz * t[settled]))
    _, expected = freqresp(
        ([2 * DAMPING_RATIO * w, w * w], [1.0, 2 * DAMPING_RATIO * w, w * w]), [2 * np.pi * hz]
    )
    assert gain == pytest.approx(expected[0], rel=0.01)
    np.testing.assert_allclose(found[:, 2], G, rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], 0.0, atol=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.10])
@pytest.mark.parametrize("n_together", [1, 8])
def test_the_share_of_lost_samples_matches_the_setting(six_axes, share, n_together):
    old, found = six_axes.recording, with_losses(six_axes, share, n_together).recording
    n_lost = round(share * len(old) / n_together) * n_together
    gaps = sum(b - a for a, b in found.gaps)
    assert len(found) == len(old)
    assert found.rate_hz == old.rate_hz
    assert found.n_bridged + gaps == n_lost
    if n_together == 8:  # one packet is bridged, two in a row are not
        assert found.n_bridged > 0
        assert all(b - a >= 16 and (b - a) % 8 == 0 for a, b in found.gaps)
    kept = np.isfinite(found.acc[:, 0])
    differ = (found.acc[kept] != old.acc[kept]).any(axis=1)
    assert differ.sum() <= found.n_bridged


def test_a_sensor_off_the_axis_of_rotation_measures_centripetal_acceleration():
    """Rotation about z by a sine: tangential alpha r and centripetal omega^2 r."""
    t = np.arange(4000) / RATE_HZ
    w = 2 * np.pi * 1.4
    angle_rate, angle_acc = 3.0 * np.cos(w * t), -3.0 * w * np.sin(w * t)
    gyr = np.column_stack([np.zeros_like(t), np.zeros_like(t), angle_rate])
    made = trial(np.tile([0.0, 0.0, G], (len(t), 1)), gyr)
    found = moved(made, (0.05, 0.0, 0.02)).recording
    inside = slice(400, -400)
    np.testing.assert_allclose(found.acc[inside, 0], -0.05 * angle_rate[inside] ** 2, atol=0.005)
    np.testing.assert_allclose(found.acc[inside, 1], 0.05 * angle_acc[inside], atol=0.01)
    np.testing.assert_allclose(found.acc[:, 2], G)
    np.testing.assert_array_equal(found.gyr, gyr)


def test_all_conditions_apply_to_real_trials(shared_data):
    for name in ("treadmill_run_grf", "sacral_grf"):
        real = load(name)[0]
        for condition in CONDITIONS:
            if condition.applies_to(real):
                found = condition.apply(real)
                assert found.recording.duration_s == pytest.approx(real.recording.duration_s, abs=0.02)
                assert len(found.vgrf_bw) == len(found.recording)
