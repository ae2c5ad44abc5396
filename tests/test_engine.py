"""The one path from samples to steps: any split, any pause, any mounting."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
from itertools import pairwise
from typing import get_type_hints

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imurun.core.ring_buffer import new_buffer
from imurun.core.seconds import SECOND
from imurun.core.state import NO_GAP
from imurun.core.step import STEP
from imurun.engine import SAME_STEP_S, RunAnalyzer, Step, as_steps
from imurun.errors import RecordingError, SettingsError
from imurun.model.columns import STEP_COLUMNS
from imurun.model.gaps import longest_bridge
from imurun.model.recording import Recording
from imurun.sim import RunnerModel, Segment, SensorModel, simulate
from imurun.sim.rotation import mounting_from_angles
from tests.core.core_helpers import flat_fields

SLOW = numba.config.DISABLE_JIT
RUN_S = 6.0 if SLOW else 14.0


@pytest.fixture(scope="module")
def mixed():
    """Standing, walking, a gap, running, a gap within it, walking: all that the engine has to tell apart."""
    segments = [
        Segment("still", 3.0),
        Segment("walking", 6.0, speed_m_s=1.4),
        Segment("running", RUN_S, speed_m_s=3.0),
        Segment("walking", 4.0, speed_m_s=1.4),
    ]
    sensor = SensorModel(rate_hz=50.0 if SLOW else 100.0, mounting=mounting_from_angles(20.0, 160.0, 75.0))
    recording = simulate(segments, RunnerModel(), sensor, seed=4).recording
    acc, gyr = recording.acc.copy(), recording.gyr.copy()
    rate = recording.rate_hz
    for first_s, length_s in ((5.0, 0.4), (9.0 + 0.8 * RUN_S, 0.3)):
        gap = slice(int(first_s * rate), int((first_s + length_s) * rate))
        acc[gap] = gyr[gap] = np.nan
    return rate, acc, gyr


def run(rate, acc, gyr, edges=(), **options):
    analyzer = RunAnalyzer(rate, has_gyro=gyr is not None, **options)
    edges = [0, *edges, len(acc)]
    output = [analyzer.push_arrays(acc[a:b], None if gyr is None else gyr[a:b]) for a, b in pairwise(edges)]
    output.append(analyzer.finish_arrays())
    return np.concatenate([t[0] for t in output]), np.concatenate([t[1] for t in output]), analyzer


def flat(state, prefix=""):
    """A nested state as pairs of a path and bytes."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, np.ndarray):
            yield f"{prefix}{key}", value.tobytes()
        else:
            yield f"{prefix}{key}", repr(value)


@pytest.mark.parametrize("gyro", [True, False])
@settings(max_examples=3 if SLOW else 25)
@given(data=st.data())
def test_any_split_gives_the_same_bytes(mixed, gyro, data):
    rate, acc, gyr = mixed
    gyr = gyr if gyro else None
    whole = run(rate, acc, gyr)
    edges = sorted(data.draw(st.lists(st.integers(0, len(acc)), max_size=40)))
    split = run(rate, acc, gyr, edges)
    assert len(whole[0]) > 20
    assert whole[0].tobytes() == split[0].tobytes()
    assert whole[1].tobytes() == split[1].tobytes()
    assert list(flat(whole[2].state)) == list(flat(split[2].state))


@functools.cache
def long_mixed(rate_hz):
    """As `mixed`, but longer than what the buffer holds, at any rate."""
    run_s = 12.0 if SLOW else 34.0
    segments = [
        Segment("still", 3.0),
        Segment("walking", 6.0, speed_m_s=1.4),
        Segment("running", run_s, speed_m_s=3.0),
        Segment("walking", 5.0, speed_m_s=1.4),
    ]
    sensor = SensorModel(rate_hz=rate_hz, mounting=mounting_from_angles(20.0, 160.0, 75.0))
    recording = simulate(segments, RunnerModel(), sensor, seed=4).recording
    acc, gyr = recording.acc.copy(), recording.gyr.copy()
    for first_s, length_s in (
        (5.0, 0.4),
        (7.0, 0.04),
        (9.0 + 0.75 * run_s, 0.3),
        (11.0 + 0.75 * run_s, 0.04),
    ):
        gap = slice(int(first_s * rate_hz), int((first_s + length_s) * rate_hz))
        acc[gap] = gyr[gap] = np.nan
    return acc, gyr


def in_blocks(rate_hz, acc, gyr, block, resumed_every=None):
    """Steps, seconds and last state; with `resumed_every`, each so many blocks in another analyzer."""
    analyzer, output = RunAnalyzer(rate_hz, has_gyro=gyr is not None), []
    for i, first in enumerate(range(0, len(acc), block)):
        if resumed_every is not None and i % resumed_every == resumed_every - 1:
            saved, analyzer = analyzer.state, RunAnalyzer(rate_hz, has_gyro=gyr is not None)
            analyzer.state = saved
        piece = slice(first, first + block)
        output.append(analyzer.push_arrays(acc[piece], None if gyr is None else gyr[piece]))
    state = analyzer.state
    output.append(analyzer.finish_arrays())
    steps, seconds = (np.concatenate(part).tobytes() for part in zip(*output, strict=True))
    return steps, seconds, list(flat(state))


@pytest.mark.parametrize("gyro", [True, False])
@pytest.mark.parametrize("rate_hz", [25.0] if SLOW else [25.0, 100.0, 208.0, 1000.0])
def test_block_sizes_do_not_change_the_bytes_at_any_rate(rate_hz, gyro):
    """Across every border inside: the buffer that is moved, seconds, gaps."""
    acc, gyr = long_mixed(rate_hz)
    gyr = gyr if gyro else None
    assert SLOW or len(acc) > new_buffer(rate_hz).shape[1] + 100
    whole = in_blocks(rate_hz, acc, gyr, len(acc))
    steps = np.frombuffer(whole[0], dtype=STEP)
    assert (np.bincount(steps["gait"]) > ([20, 8] if SLOW else [60, 15])).all()
    for block in (1, 7, 1000, 1024, 5000):
        assert in_blocks(rate_hz, acc, gyr, block) == whole, block
    for block, resumed_every in ((97, 13), (1000, 1)):
        assert in_blocks(rate_hz, acc, gyr, block, resumed_every) == whole, (block, resumed_every)


@settings(max_examples=60)
@given(
    parts=st.lists(
        st.lists(st.integers(-3, 40).map(lambda tenths: tenths / 10.0 * 0.75), max_size=6), max_size=6
    )
)
def test_no_step_is_reported_twice(parts):
    """Contacts that come again, out of order, or too soon after one that was output, one by one."""
    analyzer, output = RunAnalyzer(50.0), []
    for contacts_s in parts:
        steps = np.zeros(len(contacts_s), dtype=STEP)
        steps["initial_contact_s"] = contacts_s
        output += analyzer._new_only(steps, np.zeros(0, dtype=SECOND))[0]["initial_contact_s"].tolist()
    expected = []
    for contact_s in (contact for part in parts for contact in part):
        if not expected or contact_s > expected[-1] + SAME_STEP_S:
            expected.append(contact_s)
    assert output == expected
    assert analyzer.state["reported_step_s"] == (expected[-1] if expected else -np.inf)


def test_state_in_mid_run_does_not_depend_on_the_split(mixed):
    rate, acc, gyr = mixed
    for stop_s in (0.7, 4.0, 8.0, 12.0, 9.0 + RUN_S):
        stop = int(stop_s * rate)
        states = []
        for block in (1, 7, stop):
            analyzer = RunAnalyzer(rate)
            for k in range(0, stop, block):
                analyzer.push_arrays(acc[k : min(k + block, stop)], gyr[k : min(k + block, stop)])
            states.append(list(flat(analyzer.state)))
        assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("gyro", [True, False])
@settings(max_examples=3 if SLOW else 15)
@given(share=st.floats(0.0, 1.0))
def test_state_can_be_restored(mixed, gyro, share):
    rate, acc, gyr = mixed
    gyr = gyr if gyro else None
    cut = int(share * len(acc))
    whole = run(rate, acc, gyr)[0]
    first = RunAnalyzer(rate, has_gyro=gyro)
    before = first.push_arrays(acc[:cut], None if gyr is None else gyr[:cut])[0]
    saved = first.state
    first.push_arrays(acc[cut:], None if gyr is None else gyr[cut:])  # must not reach into what was saved
    second = RunAnalyzer(rate, has_gyro=gyro)
    second.state = saved
    after = second.push_arrays(acc[cut:], None if gyr is None else gyr[cut:])[0]
    last = second.finish_arrays()[0]
    assert np.concatenate([before, after, last]).tobytes() == whole.tobytes()


def with_older_names(state):
    """A state as of an older version: records with other field names and without nested records."""
    if isinstance(state, dict):
        return {key: with_older_names(value) for key, value in state.items()}
    if not isinstance(state, np.ndarray) or state.dtype.names is None:
        return state
    formats = [values.dtype.str for values in flat_fields(state).values()]
    sizes = [values.shape[1:] for values in flat_fields(state).values()]
    older = [(f"old_{i}", *parts) for i, parts in enumerate(zip(formats, sizes, strict=True))]
    return np.frombuffer(state.tobytes(), dtype=older).reshape(state.shape)


@pytest.mark.parametrize("stop_s", [0.7, 11.0, 9.0 + 0.88 * RUN_S])
def test_a_state_with_older_field_names_continues_the_run(mixed, stop_s):
    """At the start, in the search with withheld steps, and after it."""
    rate, acc, gyr = mixed
    cut = int(stop_s * rate)
    first, second = RunAnalyzer(rate), RunAnalyzer(rate)
    first.push_arrays(acc[:cut], gyr[:cut])
    saved = first.state
    second.state = with_older_names(saved)
    assert list(flat(second.state)) == list(flat(saved))
    output = [
        np.concatenate([machine.push_arrays(acc[cut:], gyr[cut:])[0], machine.finish_arrays()[0]])
        for machine in (first, second)
    ]
    assert len(output[0]) > (3 if SLOW else 10)
    assert output[0].dtype == output[1].dtype == STEP
    assert output[0].tobytes() == output[1].tobytes()


@pytest.mark.parametrize("gyro", [True, False])
def test_any_rotation_gives_the_same_steps(mixed, gyro):
    rate, acc, gyr = mixed
    gyr = gyr if gyro else None
    base, _, found = run(rate, acc, gyr)
    for turn in Rotation.random(4 if SLOW else 20, random_state=3).as_matrix():
        turned, _, analyzer = run(rate, acc @ turn.T, None if gyr is None else gyr @ turn.T)
        assert np.array_equal(turned["side"], base["side"])
        assert np.array_equal(turned["gait"], base["gait"])
        expected = flat_fields(base)
        for name, values in flat_fields(turned).items():
            assert np.allclose(values, expected[name], rtol=1e-6, atol=1e-7, equal_nan=True), name
        assert np.allclose(analyzer.mounting.rotation @ turn, found.mounting.rotation, atol=1e-7)


def test_given_mounting_is_used(mixed):
    rate, acc, gyr = mixed
    found = run(rate, acc, gyr)[2].mounting
    steps, _, analyzer = run(rate, acc @ found.rotation.T, gyr @ found.rotation.T, mounting=np.eye(3))
    direct = run(rate, acc, gyr, mounting=found.rotation)[0]
    assert analyzer.mounting.source == "given"
    expected = flat_fields(direct)
    for name, values in flat_fields(steps).items():
        assert np.allclose(values, expected[name], rtol=1e-6, atol=1e-7, equal_nan=True), name


def test_steps_are_out_within_a_step_of_final_contact():
    segments = [Segment("running", 16.0 if not SLOW else 6.0, speed_m_s=3.0)]
    recording = simulate(segments, sensor=SensorModel(rate_hz=100.0), seed=1).recording
    steps = run(100.0, recording.acc, recording.gyr, mounting=np.eye(3))[0]
    running = steps[steps["gait"] == 0][4:]  # the first four wait for each other
    delay_ms = 1000.0 * (running["decided_s"] - running["final_contact_s"])
    assert (delay_ms < running["step_time_ms"]).all()
    assert (delay_ms > 0.0).all()


def test_nothing_is_lost_while_the_mounting_is_searched():
    segments = [Segment("running", 7.0 if SLOW else 30.0, speed_m_s=3.0)]
    simulation = simulate(segments, sensor=SensorModel(rate_hz=100.0), seed=1)
    steps, _, analyzer = run(100.0, simulation.recording.acc, simulation.recording.gyr)
    truth = simulation.truth.steps["initial_contact_s"]
    inside = truth[(truth > 0.5) & (truth < segments[0].duration_s - 0.5)]
    nearest = np.abs(steps["initial_contact_s"][:, None] - inside).min(axis=0)
    assert nearest.max() < 0.05
    assert analyzer.mounting.source == "found"
    assert (steps["decided_s"] >= analyzer.mounting.decided_s).all()
    assert (np.diff(steps["initial_contact_s"]) > 0.15).all()


def test_lost_samples_are_a_gap_in_the_stream(mixed):
    rate, acc, gyr = mixed
    steps = run(rate, acc, gyr)[0]
    gap = np.flatnonzero(np.isnan(acc[:, 0])) / rate
    inside = [
        ((gap > a) & (gap < b)).any()
        for a, b in zip(steps["cycle"]["begin"] / rate, steps["cycle"]["end"] / rate, strict=True)
    ]
    assert not any(inside)
    shifted = run(
        rate, np.vstack([np.full((57, 3), np.nan), acc]), np.vstack([np.full((57, 3), np.nan), gyr])
    )[0]
    assert np.allclose(shifted["initial_contact_s"], steps["initial_contact_s"] + 57 / rate)


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_a_slipping_strap_is_noticed():
    segments = [Segment("running", 120.0, speed_m_s=3.0)]
    firm = simulate(segments, sensor=SensorModel(rate_hz=50.0), seed=1).recording
    loose = simulate(segments, sensor=SensorModel(rate_hz=50.0, slip_s=60.0, slip_deg=30.0), seed=1).recording
    assert run(50.0, firm.acc, firm.gyr)[2].warnings == ()
    (warning,) = run(50.0, loose.acc, loose.gyr)[2].warnings
    assert "slipped" in warning


@pytest.mark.parametrize("gyro", [True, False])
@settings(max_examples=2 if SLOW else 15)
@given(data=st.data())
def test_short_gaps_are_bridged_as_in_a_recording(mixed, gyro, data):
    rate, acc, gyr = mixed
    acc, gyr = acc.copy(), gyr.copy() if gyro else None
    longest = longest_bridge(rate)
    for _ in range(12):
        first = data.draw(st.integers(0, len(acc) - 1))
        acc[first : first + data.draw(st.sampled_from([1, 2, longest, longest + 1]))] = np.nan
    edges = sorted(data.draw(st.lists(st.integers(0, len(acc)), max_size=40)))
    split = run(rate, acc, gyr, edges)
    recording = Recording(acc, gyr, rate_hz=rate)
    whole = run(rate, recording.acc, recording.gyr)
    assert split[0].tobytes() == whole[0].tobytes()
    assert split[1].tobytes() == whole[1].tobytes()


def test_a_state_can_be_restored_within_a_pending_range(mixed):
    rate, acc, gyr = mixed
    acc = acc.copy()
    acc[700:703] = np.nan
    expected = run(rate, acc, gyr)[0]
    first = RunAnalyzer(rate)
    steps = [first.push_arrays(acc[:702], gyr[:702])[0]]
    assert first.time_s == 702 / rate
    second = RunAnalyzer(rate)
    second.state = first.state
    steps += [second.push_arrays(acc[702:], gyr[702:])[0], second.finish_arrays()[0]]
    assert np.concatenate(steps).tobytes() == expected.tobytes()


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_a_long_time_before_the_run_holds_few_samples():
    """An hour of standing and walking before the run does not fill the memory."""
    analyzer = RunAnalyzer(50.0)
    rng = np.random.default_rng(1)
    acc = np.array([0.0, 0.0, 9.81]) + 0.05 * rng.standard_normal((50 * 60, 3))
    sizes = []
    for _ in range(20):
        analyzer.push_arrays(acc, 0.001 * acc)
        sizes.append(sum(len(value) for _, value in flat(analyzer.state)))
    assert max(sizes[1:]) - min(sizes[1:]) < 1000


def test_clipped_samples_are_counted_once(mixed):
    rate, acc, gyr = mixed
    held = np.clip(acc, -16.0, 16.0)
    n = int((np.abs(held) >= 0.995 * 16.0).any(axis=1).sum())
    for edges in ((), (100, 333, 700)):
        analyzer = run(rate, held, gyr, edges, acc_range_g=16.0 / 9.80665)[2]
        assert analyzer.n_clipped == n > 0
    assert str(n) in analyzer.warnings[0]


def test_push_returns_steps_with_names_of_gait_and_side(mixed):
    rate, acc, gyr = mixed
    analyzer = RunAnalyzer(rate)
    steps = analyzer.push(acc, gyr) + analyzer.finish()
    assert {step.gait for step in steps} == {"running", "walking"}
    running = [step for step in steps if step.gait == "running"]
    assert {step.side for step in running} == {"left", "right"}
    assert isinstance(running[0].initial_contact_s, float)


def test_a_step_has_the_columns_of_the_step_table():
    """Words for side and gait, numbers for all else; and it can be pickled."""
    assert Step._fields == tuple(column.name for column in STEP_COLUMNS)
    kinds = get_type_hints(Step)
    assert {name for name, kind in kinds.items() if kind is str} == {"side", "gait"}
    assert {kind for kind in kinds.values() if kind is not str} == {float}
    rows = np.zeros(2, dtype=STEP)
    rows["side"], rows["gait"], rows["contact_time_ms"] = [1, 2], [0, 1], [250.0, np.nan]
    first, second = as_steps(rows)
    assert (first.side, first.gait, first.contact_time_ms) == ("left", "running", 250.0)
    assert (second.side, second.gait) == ("right", "walking")
    assert pickle.loads(pickle.dumps(first)) == first


@pytest.mark.parametrize("n", [0, 1, 10, 149])
def test_a_very_short_stream_gives_no_steps(n):
    analyzer = RunAnalyzer(100.0)
    acc = np.tile([0.0, 0.0, 9.81], (n, 1))
    assert analyzer.push(acc, 0.0 * acc) == []
    assert analyzer.finish() == []
    assert analyzer.finish() == []


@pytest.mark.parametrize("value", [0.0, 9.81, 1e-300, 1e9])
def test_constant_signals_make_no_steps(value):
    analyzer = RunAnalyzer(100.0, has_gyro=False)
    assert analyzer.push(np.full((600, 3), value)) == []
    assert analyzer.finish() == []


def test_invalid_samples_and_settings_are_refused(mixed):
    rate, acc, gyr = mixed
    with pytest.raises(RecordingError, match="25 Hz"):
        RunAnalyzer(20.0)
    with pytest.raises(RecordingError, match="has_gyro"):
        RunAnalyzer(rate).push(acc)
    with pytest.raises(RecordingError, match="has_gyro"):
        RunAnalyzer(rate, has_gyro=False).push(acc, gyr)
    with pytest.raises(RecordingError, match="3 axes"):
        RunAnalyzer(rate).push(acc[:, :2], gyr)
    with pytest.raises(RecordingError, match="gyr has shape"):
        RunAnalyzer(rate).push(acc, gyr[:-1])
    with pytest.raises(SettingsError, match="orthonormal"):
        RunAnalyzer(rate, mounting=np.ones((3, 3)))
    with pytest.raises(SettingsError, match="find"):
        RunAnalyzer(rate, mounting="somewhere")
    analyzer = RunAnalyzer(rate)
    analyzer.finish()
    with pytest.raises(RecordingError, match="finished"):
        analyzer.push(acc, gyr)


@pytest.mark.skipif(SLOW, reason="compares with a process that has the compiler switched off")
def test_compiled_kernels_match_the_python_code(tmp_path):
    """The same recording with and without the compiler: the same steps within rounding.

    Not to the last bit: numpy's own exp, arcsin, arctan2 and log10 round otherwise than the C library's.
    """
    code = (
        "import sys, numpy as np; from imurun.engine import RunAnalyzer; "
        "from imurun.sim import Segment, simulate; "
        "r = simulate([Segment('walking', 4.0), Segment('running', 9.0, speed_m_s=3.0)], seed=2).recording; "
        "a = RunAnalyzer(100.0); s = [a.push_arrays(r.acc, r.gyr)[0], a.finish_arrays()[0]]; "
        "np.save(sys.argv[1], np.concatenate(s))"
    )
    tables = []
    for switch in ("0", "1"):
        out = tmp_path / f"steps{switch}.npy"
        subprocess.run(
            [sys.executable, "-c", code, str(out)],
            env={**os.environ, "NUMBA_DISABLE_JIT": switch},
            check=True,
        )
        tables.append(np.load(out))
    assert len(tables[0]) == len(tables[1]) > 25
    expected = flat_fields(tables[1])
    for name, values in flat_fields(tables[0]).items():
        assert np.allclose(values, expected[name], rtol=1e-11, atol=1e-11, equal_nan=True), name


# -- gaps ---------------------------------------------------------------------------------------------------

SHORT_GAPS_MS = (60, 100, 150, 250, 400)


@functools.cache
def steady(gyro):
    """A run in a tilted sensor, its mounting from all of it, and its steps."""
    segments = [Segment("still", 3.0), Segment("running", 45.0, speed_m_s=3.2)]
    sensor = SensorModel(rate_hz=100.0, mounting=mounting_from_angles(20.0, 160.0, 75.0))
    recording = simulate(segments, RunnerModel(), sensor, seed=6).recording
    acc, gyr = recording.acc, recording.gyr if gyro else None
    mounting = RunAnalyzer(100.0, has_gyro=gyro).search_whole([(acc, gyr)])
    return acc, gyr, mounting, run(100.0, acc, gyr, mounting=mounting)[0]


def cut(values, first, stop):
    if values is None:
        return None
    values = values.copy()
    values[first:stop] = np.nan
    return values


@pytest.mark.skipif(SLOW, reason="needs a minute of samples")
@pytest.mark.parametrize("gyro", [True, False])
@pytest.mark.parametrize("length_ms", SHORT_GAPS_MS)
def test_steps_after_a_short_gap_are_those_of_the_uncut_run(gyro, length_ms):
    acc, gyr, mounting, steps = steady(gyro)
    errors = {name: [] for name in ("contact_time_ms", "lean_deg", "roll_rom_deg", "step_time_ms")}
    for first in range(3000, 3072, 9):  # at all phases of a stride
        stop = first + length_ms // 10
        found = run(100.0, cut(acc, first, stop), cut(gyr, first, stop), mounting=mounting)[0]
        contact_s, true_s = found["initial_contact_s"], steps["initial_contact_s"]
        assert not ((contact_s >= first / 100.0) & (contact_s < stop / 100.0)).any()
        later = np.flatnonzero((true_s > stop / 100.0 + 0.25) & (true_s < stop / 100.0 + 8.0))
        matched = [int(np.argmin(np.abs(contact_s - s))) for s in true_s[later]]
        assert np.abs(contact_s[matched] - true_s[later]).max() < 0.012  # none is lost
        # sides, and which step is which, are known at once
        assert np.array_equal(found["side"][matched], steps["side"][later])
        assert (found["side"][matched] > 0).all()
        for name, parts in errors.items():
            parts.append(found[name][matched] - steps[name][later])
        # the step time over the gap is right, or there is none
        assert np.nanmax(np.abs(errors["step_time_ms"][-1])) < 12.0
        good = found["quality"][matched] > 0.9
        assert good.mean() > 0.9
        assert np.abs(errors["contact_time_ms"][-1][good]).max() < 6.0
    rms = {name: np.sqrt(np.mean(np.concatenate(parts) ** 2)) for name, parts in errors.items()}
    assert rms["contact_time_ms"] < 1.5
    assert rms["lean_deg"] < 1.0
    if gyr is not None:
        roll = np.concatenate(errors["roll_rom_deg"])
        assert np.isnan(roll).sum() <= 8  # of the first step after each gap: there is no whole stride yet
        assert np.sqrt(np.nanmean(roll**2)) < 0.3


@pytest.mark.skipif(SLOW, reason="needs a minute of samples")
def test_after_a_longer_gap_a_run_begins_anew():
    acc, gyr, mounting, _ = steady(True)
    found = run(100.0, cut(acc, 3000, 3051), cut(gyr, 3000, 3051), mounting=mounting)[0]
    after = found[found["initial_contact_s"] > 30.5]
    assert np.isnan(after["step_time_ms"][0])
    assert len(after) > 30


@pytest.mark.parametrize("gyro", [True, False])
@pytest.mark.parametrize("length_ms", [60, 150, 400, 510])
def test_blocks_that_end_at_a_gap_give_the_same_bytes(gyro, length_ms):
    """Also with the state saved and restored before, in and after the gap."""
    rate = 50.0 if SLOW else 100.0
    segments = [Segment("still", 2.0), Segment("running", 6.0 if SLOW else 24.0, speed_m_s=3.2)]
    recording = simulate(segments, RunnerModel(), SensorModel(rate_hz=rate), seed=6).recording
    first, n_missing = round(0.8 * len(recording.acc)), int(length_ms * rate / 1000)
    stop = first + n_missing
    acc, gyr = cut(recording.acc, first, stop), cut(recording.gyr, first, stop) if gyro else None
    for mounting in ("find", np.eye(3)):
        whole = run(rate, acc, gyr, mounting=mounting)
        assert len(whole[0]) > 8
        splits = (
            [first], [stop], [first, stop], range(first - 2, stop + 3), [first + 1], [stop - 1],
            [first, first + 4],
        )  # fmt: skip
        for edges in splits:
            split = run(rate, acc, gyr, list(edges), mounting=mounting)
            assert split[0].tobytes() == whole[0].tobytes()
            assert split[1].tobytes() == whole[1].tobytes()
            assert list(flat(split[2].state)) == list(flat(whole[2].state))
            analyzer, parts = RunAnalyzer(rate, has_gyro=gyro, mounting=mounting), []
            for a, b in pairwise([0, *edges, len(acc)]):
                parts.append(analyzer.push_arrays(acc[a:b], None if gyr is None else gyr[a:b])[0])
                saved = pickle.loads(pickle.dumps(analyzer.state))
                analyzer = RunAnalyzer(rate, has_gyro=gyro, mounting=mounting)
                analyzer.state = saved
            parts.append(analyzer.finish_arrays()[0])
            assert np.concatenate(parts).tobytes() == whole[0].tobytes()


@pytest.mark.skipif(SLOW, reason="needs a minute of samples")
def test_steps_since_the_last_gap_are_counted():
    acc, gyr, mounting, _ = steady(True)
    analyzer = RunAnalyzer(100.0, mounting=mounting)
    analyzer.push_arrays(acc[:3000], gyr[:3000])
    assert analyzer._stepper.record["since_gap"] > NO_GAP
    analyzer.push_arrays(np.full((15, 3), np.nan), np.full((15, 3), np.nan))
    assert analyzer._stepper.record["since_gap"] == 0
    n_steps = len(analyzer.push_arrays(acc[3015:3400], gyr[3015:3400])[0])
    assert analyzer._stepper.record["since_gap"] == n_steps > 8
