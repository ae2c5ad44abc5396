"""Samples to steps: any split, any pause, any gap; and nothing read that was never written."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.filters import gaussian_taps
from imurun.core.ring_buffer import N_CHANNELS, new_buffer
from imurun.core.step import RUNNING, WALKING
from imurun.core.stepper import most_steps
from imurun.model.frames import G
from tests.core.core_helpers import (
    SLOW,
    TILTED,
    examples,
    flat,
    flat_fields,
    made_stepper,
    oriented,
    simulated,
)

RATE = 50.0
PARTS = (("still", 3.0), ("walking", 8.0), ("running", 9.0), ("walking", 5.0))
"""Longer than the 20 s after which the buffer is moved."""


def stepper(rate_hz=RATE, heading=True, mounting=TILTED, **options):
    return made_stepper(rate_hz, mounting, heading=heading, **options)


@pytest.fixture(scope="module")
def samples():
    recording = simulated(*PARTS, rate_hz=RATE, tilted=True).recording
    return np.array(recording.acc), oriented(recording)


def output_of(machine, acc, quats, edges=(), last=True):
    """Steps and seconds of all blocks, and of the end."""
    edges = [0, *edges, len(acc)]
    output = [machine.push(acc[a:b], quats[a:b]) for a, b in pairwise(edges)]
    steps, seconds = (np.concatenate(part) for part in zip(*output, strict=True))
    return (np.concatenate([steps, machine.break_off(0)]) if last else steps), seconds


def same(a, b):
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


def same_state(a, b):
    return list(flat(a.state)) == list(flat(b.state))


def test_a_session_gives_steps_of_both_gaits_and_all_seconds(samples):
    steps, seconds = output_of(stepper(), *samples)
    assert np.bincount(steps["gait"]).tolist()[RUNNING] > 20
    assert np.bincount(steps["gait"]).tolist()[WALKING] > 15
    assert seconds["first"].tolist() == list(range(0, len(samples[0]) - round(RATE) + 1, round(RATE)))


@examples(40, slow=2)
@given(data=st.data(), heading=st.booleans())
def test_any_split_gives_the_same_bytes(samples, data, heading):
    acc, quats = samples
    whole, split = stepper(heading=heading), stepper(heading=heading)
    expected = output_of(whole, acc, quats, last=False)
    edges = sorted(data.draw(st.lists(st.integers(0, len(acc)), max_size=30)))
    found = output_of(split, acc, quats, edges, last=False)
    assert same(expected[0], found[0])
    assert same(expected[1], found[1])
    assert same_state(whole, split)
    assert same(whole.break_off(0), split.break_off(0))


def test_pushing_samples_one_by_one_gives_the_same_bytes(samples):
    acc, quats = (part[: 400 if SLOW else 1200] for part in samples)
    whole, single = stepper(), stepper()
    expected, found = output_of(whole, acc, quats), output_of(single, acc, quats, range(len(acc)))
    assert same(expected[0], found[0])
    assert same(expected[1], found[1])
    assert same_state(whole, single)


@examples(25, slow=2)
@given(share=st.floats(0.0, 1.0))
def test_state_can_be_restored(samples, share):
    acc, quats = samples
    cut = int(share * len(acc))
    expected, first = output_of(stepper(), acc, quats)[0], stepper()
    before = first.push(acc[:cut], quats[:cut])[0]
    saved = first.state
    first.push(acc[cut:], quats[cut:])  # must not reach into what was saved
    second = stepper()
    second.push(acc[:77], quats[:77])  # what it saw before is gone
    second.state = saved
    assert same(np.concatenate([before, output_of(second, acc[cut:], quats[cut:])[0]]), expected)


@examples(20, slow=2)
@given(at=st.integers(0, 1200), parts=st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_a_gap_may_come_in_parts(samples, at, parts):
    acc, quats = samples
    whole, split = stepper(), stepper()
    for machine in (whole, split):
        machine.push(acc[:at], quats[:at])
    expected = [whole.break_off(sum(parts))]
    found = [split.break_off(part) for part in parts]
    assert same_state(whole, split)
    for machine, output in ((whole, expected), (split, found)):
        output += [machine.push(acc[at:], quats[at:])[0], machine.break_off(0), machine.break_off(0)]
        assert not len(output[-1])
    assert same(np.concatenate(expected), np.concatenate(found))


def test_breaking_off_twice_changes_nothing(samples):
    acc, quats = samples
    once, twice = stepper(), stepper()
    for machine in (once, twice):
        machine.push(acc[:777], quats[:777])
        machine.break_off(0)
    assert len(twice.break_off(0)) == 0
    assert same_state(once, twice)


def test_no_step_reaches_across_a_gap(samples):
    acc, quats = samples
    machine, at, missing = stepper(), 750, 31  # in the middle of the run
    steps = np.concatenate(
        [
            machine.push(acc[:at], quats[:at])[0],
            machine.break_off(missing),
            *output_of(machine, acc[at:], quats[at:])[:1],
        ]
    )
    assert not ((steps["cycle"]["begin"] < at) & (steps["cycle"]["end"] > at)).any()
    after = steps[steps["cycle"]["begin"] >= at + missing]
    assert len(after) > 10
    assert np.isnan(after[0]["step_time_ms"])
    assert (after["initial_contact_s"] * RATE >= at + missing).all()


@pytest.mark.parametrize("shift", [1, 1000, 10**7])
def test_only_the_clock_differs_later_in_a_stream(samples, shift):
    """Where the buffer is moved must not matter."""
    acc, quats = samples
    early, late = output_of(stepper(), acc, quats), output_of(stepper(first_index=shift), acc, quats)
    assert np.array_equal(late[1]["first"], early[1]["first"] + shift)
    late_fields = flat_fields(late[0])
    for name, values in flat_fields(early[0]).items():
        moved = shift if name.startswith("cycle.") and not name.endswith("_g") else 0
        moved = shift / RATE if name in ("initial_contact_s", "final_contact_s", "decided_s") else moved
        assert np.allclose(late_fields[name] - moved, values, rtol=1e-5, atol=1e-5, equal_nan=True), name


def test_moving_the_buffer_changes_nothing(samples):
    """The same samples, but the buffer is moved at another place of them."""
    acc, quats = samples
    lead = 333
    first = np.tile(acc[:1], (lead, 1)), np.tile(quats[:1], (lead, 1))
    plain, moved = stepper(), stepper()
    moved.push(*first)
    moved.break_off(0)
    assert moved.record["base"] == lead
    machine = stepper()
    machine._buffer = np.zeros((N_CHANNELS, 4 * new_buffer(RATE).shape[1]))  # never moved
    output = output_of(machine, acc, quats)
    assert machine._buffer.shape[1] > len(acc) > plain._buffer.shape[1]
    expected = output_of(plain, acc, quats)
    assert same(expected[1], output[1])
    output_fields = flat_fields(output[0])
    for name, values in flat_fields(expected[0]).items():
        assert np.allclose(output_fields[name], values, rtol=1e-9, atol=1e-9, equal_nan=True), name


def hopping(rate_hz, seconds, amplitude, frequency=1.8):
    acc = np.zeros((int(rate_hz * seconds), 3))
    acc[:, 2] = G * (1.0 + amplitude * np.sin(2 * np.pi * frequency * np.arange(len(acc)) / rate_hz))
    return acc


@pytest.mark.parametrize("rest_g", [1.0, 1.04], ids=["standing", "standing, scale 4 % high"])
def test_nothing_is_read_that_was_not_written(rest_g):
    """Walk, stand for minutes, walk: what lies beside the buffer in memory must not matter."""
    rate = 25.0
    rest = np.tile([0.0, 0.0, rest_g * G], (int(200 * rate), 1))
    walk = hopping(rate, 5.0, 0.3)
    acc = np.vstack([walk, rest, walk])
    quats = np.tile([1.0, 0.0, 0.0, 0.0], (len(acc), 1))
    states = []
    for beside in (0.0, 1e6):
        machine = stepper(rate, mounting=np.eye(3))
        around = np.full((3 * N_CHANNELS, machine._buffer.shape[1]), beside)
        machine._buffer = around[N_CHANNELS : 2 * N_CHANNELS]
        machine._buffer[:] = 0.0
        states.append([])
        machine.push(acc[: len(walk) + len(rest)], quats[: len(walk) + len(rest)])
        for k in range(len(walk) + len(rest), len(acc)):
            machine.push(acc[k : k + 1], quats[k : k + 1])
            states[-1].append(machine.state["queue"].tobytes() + machine.state["state"].tobytes())
    assert states[0] == states[1]


@pytest.mark.parametrize("amplitude", [0.05, 0.3, 1.5])
def test_the_length_of_standing_does_not_change_later_steps(amplitude):
    """Seconds, not the rest of the day, decide on the steps after a pause."""
    rate, after = 25.0, hopping(25.0, 10.0, amplitude)
    quats = np.tile([1.0, 0.0, 0.0, 0.0], (4000, 1))
    output = []
    for seconds in (8.0, 15.0):
        machine, rest = stepper(rate, mounting=np.eye(3), heading=False), int(seconds * rate)
        acc = np.vstack([np.tile([0.0, 0.0, G], (rest, 1)), after])
        output.append(output_of(machine, acc, quats[: len(acc)])[0]["cycle"]["begin"] - rest)
    assert np.allclose(output[0][1:], output[1][1:])


@pytest.mark.parametrize("value", [0.0, 5e-324, 1.0, 9.81, 1e9])
@pytest.mark.parametrize("n", [0, 1, 7, 600])
def test_constant_signals_make_no_steps(value, n):
    machine = stepper()
    steps, seconds = output_of(machine, np.full((n, 3), value), np.tile([1.0, 0.0, 0.0, 0.0], (n, 1)))
    assert len(steps) == 0
    assert len(seconds) == n // 50
    assert machine.record["next"] == n


@pytest.mark.parametrize("rate_hz", [25.0, 25.49, 50.0])
@pytest.mark.parametrize("block_s", [0.2, 20.0, 100.0])
def test_a_push_has_rows_for_the_fastest_steps(rate_hz, block_s):
    """The fastest steps there are, whatever one call of the kernel takes."""
    acc = hopping(rate_hz, 20.0 if SLOW else 100.0, 1.5, 4.4)
    acc[:, 0] = 5.0 * np.cos(2.0 * np.pi * 4.4 * np.arange(len(acc)) / rate_hz)  # without a loop nobody runs
    acc[:, 1] = 2.0 * np.cos(np.pi * 4.4 * np.arange(len(acc)) / rate_hz)  # nor without two feet in turn
    quats = np.tile([1.0, 0.0, 0.0, 0.0], (len(acc), 1))
    machine = stepper(rate_hz, heading=False, mounting=np.eye(3))
    n = min(int(block_s * rate_hz), len(acc))
    found = 0
    for first in range(0, len(acc), n):
        steps, seconds = machine.push(acc[first : first + n], quats[first : first + n])
        found += len(steps)
        assert len(steps) < most_steps(n, rate_hz) == len(machine._steps)
        assert len(seconds) < len(machine._seconds)
    found += len(machine.break_off(0))
    assert found > 4.0 * len(acc) / rate_hz


@examples(30, slow=4)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.1, 1.0, 10.0, 1000.0]))
def test_steps_of_noise_are_ordered_and_within_limits(seed, size):
    rng = np.random.default_rng(seed)
    n = 300 if SLOW else 3000
    acc = np.array([0.0, 0.0, G]) + size * np.cumsum(rng.standard_normal((n, 3)), axis=0) / 10
    acc -= np.array([1.0, 1.0, 0.9]) * (acc - acc.mean(axis=0)).cumsum(axis=0) / np.arange(1, n + 1)[:, None]
    machine = stepper(25.0, mounting=np.eye(3))
    steps, seconds = output_of(machine, acc, np.tile([1.0, 0.0, 0.0, 0.0], (n, 1)))
    assert (np.diff(steps["cycle"]["begin"]) > 0.0).all()
    assert (steps["cycle"]["end"] > steps["cycle"]["begin"]).all()
    assert (steps["decided_s"] <= n / 25.0).all()
    running = steps[steps["gait"] == RUNNING]
    assert ((running["contact_time_ms"] >= 70.0) & (running["contact_time_ms"] <= 650.0)).all()
    assert ((running["quality"] >= 0.0) & (running["quality"] <= 1.0)).all()
    assert np.isnan(steps["quality"][steps["gait"] != RUNNING]).all()
    assert np.isfinite(seconds["motion_g"]).all()


def test_columns_that_need_a_heading_are_empty_without_one(samples):
    steps = output_of(stepper(heading=False), *samples)[0]
    running = steps[steps["gait"] == RUNNING]
    assert len(running) > 20
    for name in ("braking_g", "lean_deg", "roll_rom_deg", "lumbar_dose", "step_regularity", "ml_sway_ratio"):
        assert np.isnan(running[name]).all(), name
    assert (running["side"] == 0).all()
    assert np.isfinite(running["peak_impact_g"]).all()


def test_walking_has_no_contact_times(samples):
    steps = output_of(stepper(), *samples)[0]
    walking = steps[steps["gait"] == WALKING]
    for name in ("final_contact_s", "contact_time_ms", "flight_time_ms", "duty_factor", "peak_vgrf_bw"):
        assert np.isnan(walking[name]).all(), name
    assert np.isfinite(walking["initial_contact_s"]).all()


def test_clipped_samples_are_counted_from_where_they_were_not(samples):
    acc, quats = samples
    held = np.clip(acc, -14.0, 14.0)
    n = (np.abs(held) >= 0.995 * 14.0).any(axis=1)
    machine = stepper(settings={"acc_range_g": 14.0 / G}, n_clipped=5, count_from=700)
    output_of(machine, held, quats)
    assert machine.record["n_clipped"] == 5 + n[700:].sum() > 5


@pytest.mark.parametrize(
    ("rate_hz", "cutoff_hz"), [(25.0, 10.0), (50.0, 20.0), (100.0, 25.0), (1000.0, 25.0)]
)
def test_the_cutoff_of_sharp_smoothing_depends_on_the_rate(rate_hz, cutoff_hz):
    assert np.array_equal(stepper(rate_hz).coefficients.sharp_taps, gaussian_taps(rate_hz, cutoff_hz))
