"""Numbers that break arithmetic: NaN with a payload, infinities, damage, denormals, negative zero."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.engine import RunAnalyzer
from imurun.errors import RecordingError
from imurun.model.gaps import LARGEST_ACC_M_S2, LARGEST_GYR_RAD_S, missing_rows
from imurun.model.recording import Recording
from imurun.session import analyze
from imurun.sim import Segment, SensorModel, simulate
from tests.core.core_helpers import flat_fields

SLOW = numba.config.DISABLE_JIT
RATE_HZ = 50.0
TINY = 5e-324
PAYLOADS = (0x7FF8DEADBEEF0001, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFF4000000000000)
"""NaNs, the last two of them signalling."""
NANS = [float(value) for value in np.array(PAYLOADS, dtype=np.uint64).view(np.float64)]
DAMAGE = [np.inf, -np.inf, 1.0001e6, -1e7, 1e30, 1e154, -1e200, 1.7e308, -1.7e308]
POSSIBLE = [0.0, -0.0, TINY, -TINY, 2.2e-308, 1e-160, -1e-30, 1e-9, 9.81, -9.81, 1e3, -9999.0, 1e5]


@pytest.fixture(scope="module")
def samples():
    segments = [
        Segment("still", 2.0),
        Segment("running", 10.0, speed_m_s=3.0),
        Segment("walking", 3.0, speed_m_s=1.4),
    ]
    recording = simulate(segments, sensor=SensorModel(rate_hz=RATE_HZ), seed=3).recording
    return recording.acc, recording.gyr


def steps_of(acc, gyr, edges=(), rate_hz=RATE_HZ, **options):
    analyzer = RunAnalyzer(rate_hz, has_gyro=gyr is not None, **options)
    output = [
        analyzer.push_arrays(acc[a:b], None if gyr is None else gyr[a:b])[0]
        for a, b in pairwise([0, *edges, len(acc)])
    ]
    return np.concatenate([*output, analyzer.finish_arrays()[0]])


def assert_finite_or_empty(steps):
    for name, values in flat_fields(steps).items():
        assert not np.isinf(values).any(), name
    assert np.isfinite(steps["initial_contact_s"]).all()


def as_signalling(values, payload):
    """The values with this bit pattern where they are NaN; assignment would make a signalling NaN quiet."""
    values = values.copy()
    values.view(np.uint64)[np.isnan(values)] = payload
    return values


@settings(max_examples=5 if SLOW else 60)
@given(
    row=st.integers(0, 749),
    n=st.sampled_from([1, 2, 3, 4, 30]),
    axis=st.integers(0, 5),
    value=st.sampled_from(DAMAGE),
    gyro=st.booleans(),
)
def test_a_damaged_sample_is_a_missing_one(samples, row, n, axis, value, gyro):
    """To the byte, so that nothing of its size is left: it would take the rest of the run along."""
    acc, gyr = (values.copy() for values in samples)
    expected = steps_of(*missing(acc, gyr, row, n, gyro))
    values = gyr if gyro and axis >= 3 else acc
    values[row : row + n, axis % 3] = value
    assert steps_of(acc, gyr if gyro else None).tobytes() == expected.tobytes()


def missing(acc, gyr, row, n, gyro):
    acc = acc.copy()
    acc[row : row + n] = np.nan
    return acc, gyr if gyro else None


@pytest.mark.parametrize("payload", PAYLOADS)
def test_any_nan_is_a_missing_sample(samples, payload):
    acc, gyr = missing(*samples, 300, 20, True)
    expected = steps_of(acc, gyr)
    assert steps_of(as_signalling(acc, payload), gyr).tobytes() == expected.tobytes()
    recording = Recording(as_signalling(acc, payload), gyr, rate_hz=RATE_HZ)
    assert recording.gaps == ((300, 320),)
    assert recording.warnings == ()


def test_negative_zeros_change_nothing(samples):
    acc, gyr = (values.copy() for values in samples)
    acc[:, 1] = 0.0
    gyr[:, 1] = 0.0
    expected = steps_of(acc, gyr)
    acc[:, 1] = -0.0
    gyr[:, 1] = -0.0
    other = steps_of(acc, gyr)
    fields = flat_fields(expected)
    for name, values in flat_fields(other).items():
        assert np.array_equal(values, fields[name], equal_nan=True), name


@pytest.mark.parametrize("tiny", [TINY, -TINY, 1e-310, 1e-160])
def test_denormal_values_count_as_zero(samples, tiny):
    """To 0.1 ms; vqf itself tells a lateral force of exactly zero from the least that there is."""
    acc, gyr = (values.copy() for values in samples)
    acc[:, 1] = gyr[:, 1] = 0.0
    expected = steps_of(acc, gyr)
    acc[:, 1] = gyr[:, 1] = tiny
    other = steps_of(acc, gyr)
    assert len(other) == len(expected) > 25
    assert np.array_equal(other["side"], expected["side"])
    for name in ("initial_contact_s", "final_contact_s"):
        assert np.allclose(other[name], expected[name], rtol=0.0, atol=1e-4, equal_nan=True), name


@pytest.mark.parametrize("gyro", [True, False])
@pytest.mark.parametrize("value", [0.0, -0.0, TINY, 1e-310, 1e-160, 1e-9])
def test_a_start_of_denormal_values_does_not_prevent_steps(samples, value, gyro):
    """Free fall, a sensor that wakes up: there is no direction in it to begin with."""
    acc, gyr = (values.copy() for values in samples)
    for n in (1, 40, 100):
        acc[:n] = value
        acc[0] = [value, 0.0, -value]
        steps = steps_of(acc, gyr if gyro else None)
        assert (steps["initial_contact_s"] > 4.0).sum() > 15
        assert_finite_or_empty(steps)


@settings(max_examples=4 if SLOW else 60)
@given(data=st.data(), gyro=st.booleans(), rate_hz=st.sampled_from([25.0, 50.0, 104.7]))
def test_no_result_is_infinite(samples, data, gyro, rate_hz):
    """Any of the traps, anywhere: no warning of numpy, no infinity, no split that matters."""
    acc, gyr = (values.copy() for values in samples)
    traps = st.sampled_from([*POSSIBLE, *DAMAGE, *NANS])
    for _ in range(data.draw(st.integers(1, 6))):
        values = data.draw(st.sampled_from([acc, gyr]))
        first = data.draw(st.integers(0, len(acc) - 1))
        n = data.draw(st.sampled_from([1, 2, 10, 200, 750]))
        axes = data.draw(st.sampled_from([[0], [1], [2], [0, 1, 2]]))
        trap = data.draw(traps)
        values[first : first + n, axes] = trap
        if data.draw(st.booleans()):
            values[first : first + n : 2, axes] = -trap
    gyr = gyr if gyro else None
    whole = steps_of(acc, gyr, rate_hz=rate_hz)
    assert_finite_or_empty(whole)
    edges = sorted(data.draw(st.lists(st.integers(0, len(acc)), max_size=5)))
    assert steps_of(acc, gyr, edges, rate_hz).tobytes() == whole.tobytes()
    if missing_rows(acc, gyr).all():
        with pytest.raises(RecordingError, match="units"):
            Recording(acc, gyr, rate_hz=rate_hz)
        return
    session = analyze(Recording(acc, gyr, rate_hz=rate_hz))
    numbers = session.steps.select_dtypes("number").to_numpy()
    assert not np.isinf(numbers).any()
    output = [value for value in session.summary.values() if isinstance(value, float)]
    assert np.isfinite(output).all()


def test_the_largest_possible_impact_leaves_no_infinity(samples):
    """It passes for a sample, and distorts the running average for the steps after."""
    acc = samples[0].copy()
    acc[175] = -LARGEST_ACC_M_S2
    assert_finite_or_empty(steps_of(acc, None))
    acc[175] = LARGEST_ACC_M_S2
    assert_finite_or_empty(steps_of(acc, None))


def test_damaged_samples_are_counted_in_the_warnings(samples):
    acc, gyr = (values.copy() for values in samples)
    acc[100, 1] = 2.0 * LARGEST_ACC_M_S2
    gyr[200, 1] = -2.0 * LARGEST_GYR_RAD_S
    time_s = np.arange(len(acc)) / RATE_HZ
    for recording in (Recording(acc, gyr, rate_hz=RATE_HZ), Recording.from_timed_samples(time_s, acc, gyr)):
        assert recording.n_bridged == 2
        assert [note[:9] for note in recording.warnings] == ["2 samples"]
    jittered_s = time_s + np.random.default_rng(1).uniform(-0.4, 0.4, len(acc)) / RATE_HZ
    spread = Recording.from_timed_samples(jittered_s, acc, gyr)
    assert np.nanmax(np.abs(spread.acc)) < 100.0  # not mixed into its neighbours
    with pytest.raises(RecordingError, match="units"):
        Recording(1e7 + acc, gyr, rate_hz=RATE_HZ)


@pytest.mark.skipif(SLOW, reason="compares with a process that has the compiler switched off")
def test_compiled_kernels_fall_into_the_same_traps(samples, tmp_path):
    """With and without the compiler: the same steps within rounding, of a stream full of traps."""
    rng = np.random.default_rng(5)
    acc, gyr = (values.copy() for values in samples)
    for values in (acc, gyr):
        rows, axes = rng.integers(0, len(acc), 24), rng.integers(0, 3, 24)
        values[rows, axes] = rng.choice([*DAMAGE, *NANS, 0.0, -0.0, TINY, -TINY, 300.0, -300.0], 24)
    np.savez(tmp_path / "samples.npz", acc=acc, gyr=gyr)
    code = (
        "import sys, numpy as np; from imurun.engine import RunAnalyzer; s = np.load(sys.argv[1]); out = {}\n"
        "for n, gyr in enumerate((s['gyr'], None)):\n"
        "    a = RunAnalyzer(50.0, has_gyro=gyr is not None)\n"
        "    out[str(n)] = np.concatenate([a.push_arrays(s['acc'], gyr)[0], a.finish_arrays()[0]])\n"
        "np.savez(sys.argv[2], **out)"
    )
    found = []
    for switch in ("0", "1"):
        out = tmp_path / f"steps{switch}.npz"
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code, str(tmp_path / "samples.npz"), str(out)],
            env={**os.environ, "NUMBA_DISABLE_JIT": switch},
            check=True,
        )
        with np.load(out) as steps:
            found.append([steps["0"], steps["1"]])
    for compiled, plain in zip(*found, strict=True):
        assert len(compiled) == len(plain) > 5
        fields = flat_fields(plain)
        for name, values in flat_fields(compiled).items():
            assert np.allclose(values, fields[name], rtol=1e-9, atol=1e-9, equal_nan=True), name
