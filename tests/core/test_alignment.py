"""The mounting: turned with its input, right on simulated running, and its sums against plain ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from imurun.core.alignment import AlignmentEvidence, Mounting, _cross, _products, smoothing_taps
from imurun.sim import RunnerModel
from tests.core.core_helpers import SLOW, examples, simulated

RATE = 100.0
MARGIN = len(smoothing_taps(RATE)) // 2


def strides_of(kind, runner=None, seed=1):
    """Windows of (acc, gyr, middle) in body axes, cut at the true foot strikes of the left foot."""
    session = simulated((kind, 20.0), seed=seed, runner=runner)
    recording, contacts = session.recording, session.truth.steps["initial_contact_s"]
    contacts = contacts[(contacts > 3.0) & (contacts < 17.0)]
    windows = []
    for a, b, c in zip(contacts[:-2:2], contacts[1:-1:2], contacts[2::2], strict=True):
        first, middle, stop = (round(RATE * t) for t in (a, b, c))
        piece = slice(first - MARGIN, stop + MARGIN)
        windows.append((recording.acc[piece], recording.gyr[piece], middle - first))
    assert len(windows) > 10
    return windows


def evidence_of(windows, turn=None, gyro=True):
    turn = Rotation.identity() if turn is None else turn
    evidence = AlignmentEvidence()
    for acc, gyr, middle in windows:
        rate = turn.apply(gyr.copy()) if gyro else None
        evidence.add_stride(turn.apply(acc.copy()), rate, RATE, MARGIN, middle)
    return evidence


def angle_deg(a, b):
    return np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0)))


@pytest.mark.parametrize("gyro", [True, False])
def test_turning_the_input_turns_the_mounting(gyro):
    windows = strides_of("running")
    base, confidence = evidence_of(windows, gyro=gyro).solve()
    for turn in Rotation.random(4 if SLOW else 30, random_state=1):
        rotation, same = evidence_of(windows, turn, gyro).solve()
        assert np.allclose(rotation @ turn.as_matrix(), base, atol=1e-8)
        assert same == pytest.approx(confidence, abs=1e-8)


RUNNERS = {
    "average": RunnerModel(),
    "upright and still": RunnerModel(lean_deg=0.0, sway_scale=0.3),
    "swaying": RunnerModel(sway_scale=2.0, lean_deg=15.0),
    "limping": RunnerModel(contact_asymmetry=0.1, peak_asymmetry=0.1),
}


@pytest.mark.parametrize("name", RUNNERS)
@pytest.mark.parametrize("gyro", [True, False])
def test_running_gives_the_simulated_axes(name, gyro):
    runner = RUNNERS[name]
    for seed in (1, 2):
        rotation, confidence = evidence_of(strides_of("running", runner, seed), gyro=gyro).solve()
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        # the frame found stands upright over the run: the runner's lean is not part of it
        expected = Rotation.from_euler("y", -runner.lean_deg, degrees=True).apply(np.eye(3))
        assert angle_deg(rotation[2], expected[2]) < (1.0 if gyro else 4.0)
        assert angle_deg(rotation[0], expected[0]) < 10.0
        assert confidence > 0.3


def test_walking_has_the_opposite_loop():
    for kind, sign in (("running", 1.0), ("walking", -1.0)):
        evidence = evidence_of(strides_of(kind), gyro=False)
        size = np.sqrt(evidence.acc[0, 0] * evidence.jerk[2, 2])
        assert sign * evidence.loop[1] / size > 0.05
    rotation, _ = evidence_of(strides_of("walking"), gyro=False).solve()
    assert rotation[0, 0] < 0.0


def test_confidence_rises_with_the_number_of_strides():
    windows = strides_of("running")
    found = [evidence_of(windows[:n]).solve()[1] for n in (1, 3, 6, 12)]
    assert found == sorted(found)
    assert 0.0 < found[0] < 0.5 < found[-1] <= 1.0


@examples(30)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(10, 80), gyro=st.booleans())
def test_evidence_of_one_stride_matches_the_reference(seed, n, gyro):
    rng = np.random.default_rng(seed)
    acc = np.array([0.0, 0.0, 9.8]) + rng.standard_normal((n + 2 * MARGIN, 3))
    gyr = rng.standard_normal((n + 2 * MARGIN, 3)) if gyro else None
    middle = int(rng.integers(1, n))
    evidence = AlignmentEvidence()
    evidence.add_stride(acc, gyr, RATE, MARGIN, middle)

    def prepared(values):
        sigma = np.sqrt(np.log(2.0)) / (2 * np.pi * 3.5) * RATE
        smooth = gaussian_filter1d(values, sigma, axis=0, radius=MARGIN)[MARGIN:-MARGIN]
        return smooth - smooth.mean(axis=0)

    def covariance(x, y):
        return np.einsum("ki,kj->ij", x, y) / len(x)

    def mirrored(values):
        half = min(middle, n - middle)
        pair = np.stack([values[:half], values[middle : middle + half]])
        return covariance(pair.mean(axis=0), pair.mean(axis=0)), covariance(
            *[np.diff(pair, axis=0)[0] / 2] * 2
        )

    a = prepared(acc)
    da = np.gradient(a, axis=0)
    even, odd = mirrored(a)
    expected = {
        "loop": np.mean([np.cross(p, q) for p, q in zip(a, da, strict=True)], axis=0),
        "acc": covariance(a, a),
        "jerk": covariance(da, da),
        "even": even,
        "odd": odd,
        "force": acc[MARGIN:-MARGIN].mean(axis=0),
    }
    if gyr is not None:
        g = prepared(gyr)
        even, odd = mirrored(g)
        raw = gyr[MARGIN:-MARGIN]
        angle = np.cumsum(raw - raw.mean(axis=0), axis=0) / RATE
        angle = angle - angle.mean(axis=0)
        rocking = [np.cross(t, f) for t, f in zip(angle, acc[MARGIN:-MARGIN], strict=True)]
        expected |= {
            "gyr": covariance(g, g),
            "gyr_acc": covariance(g, a),
            "gyr_jerk": covariance(g, da),
            "gyr_even_odd": even - odd,
            "force": expected["force"] + np.mean(rocking, axis=0),
        }
    assert evidence.n_strides == 1
    for name, value in vars(evidence).items():
        if name != "n_strides":
            assert np.allclose(value, expected.get(name, 0.0), atol=1e-10), name


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 90),
    size=st.sampled_from([0.0, 1e-150, 1.0, 1e150]),
)
def test_products_of_rows_match_exact_sums_and_numpy(seed, n, size):
    a, b = size * np.random.default_rng(seed).standard_normal((2, n, 3))
    expected = [[math.fsum(a[:, i] * b[:, j]) for j in range(3)] for i in range(3)]
    assert np.allclose(_products(a, b), expected, rtol=0.0, atol=1e-14 * n * size**2)
    assert np.array_equal(_cross(a, b), np.cross(a, b))


def test_products_do_not_depend_on_where_the_rows_lie():
    """Unlike those of BLAS, which may take other routes for other addresses."""
    a = np.random.default_rng(1).standard_normal((70, 3))
    for shift in range(8):
        moved = np.vstack([np.full((shift, 3), 7.0), a])[shift:]
        assert _products(moved, moved).tobytes() == _products(a, a).tobytes()


@pytest.mark.parametrize("source", ["given", "found", "whole", "level"])
def test_a_level_alignment_has_no_heading(source):
    assert Mounting(np.eye(3), 1.0, source, 0.0).heading_known == (source != "level")


def test_the_pitch_rate_alone_gives_forward():
    evidence = evidence_of(strides_of("running"))
    evidence.loop[:] = 0.0
    assert evidence.solve()[0][0, 0] > 0.9
    evidence.gyr_acc *= -1.0
    evidence.gyr_jerk *= -1.0
    assert evidence.solve()[0][0, 0] < -0.9
    evidence.gyr_acc *= 0.0  # the rise of the force says the same as its height
    assert evidence.solve()[0][0, 0] < -0.9
