"""The same samples in other blocks, with a gap, and after another run."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.model.frames import G
from imurun.model.gaps import longest_bridge
from tests.metamorphic.metamorphic_helpers import analysed, assert_settles, changed, compared, shifted, turned

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

BODY = np.eye(3)
PAUSE_S = 6.0


@settings(max_examples=2)
@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=12), pick=st.randoms(use_true_random=False))
def test_block_sizes_in_any_order_give_the_same_bytes(runs, sizes, pick):
    for run in runs:
        whole = analysed(run.recording)[0].tobytes()
        orders = [sizes, pick.sample(sizes, len(sizes))]
        for order in orders:
            assert (
                analysed(run.recording, edges=np.minimum(np.cumsum(order), len(run.recording)))[0].tobytes()
                == whole
            )


@pytest.mark.parametrize("gap_s", [0.2, 1.0, 5.0])
def test_a_gap_changes_no_step_before_it_and_few_after_it(runs, gap_s):
    """To the byte before; after it the contacts are near those of the whole as `SETTLED_MS` says."""
    for run in runs:
        recording = run.recording
        if gap_s > 0.25 * recording.duration_s:
            continue
        first = int(0.35 * len(recording))
        stop = first + max(int(gap_s * recording.rate_hz), longest_bridge(recording.rate_hz) + 1)
        first_s, stop_s = first / recording.rate_hz, stop / recording.rate_hz
        acc = recording.acc.copy()
        acc[first:stop] = np.nan
        steps = analysed(recording, run.mounting)[0]
        gapped = analysed(replace(recording, acc=acc), run.mounting)[0]
        before = steps[steps["decided_s"] < first_s]
        assert gapped[: len(before)].tobytes() == before.tobytes(), run.name
        contact_s = gapped["initial_contact_s"]
        assert not ((contact_s >= first_s) & (contact_s < stop_s - 1.0 / recording.rate_hz)).any(), run.name
        assert_settles(steps, gapped, stop_s, run.name)


@pytest.mark.parametrize("gap_s", [0.06, 0.1, 0.15, 0.25, 0.4])
def test_steps_after_a_short_gap_are_those_of_the_whole(runs, gap_s):
    """From the third step on, whose step periods lie after the gap. At worst as `SETTLED_MS`."""
    apart = []
    for run in runs:
        recording = run.recording
        if 0.6 * recording.duration_s < 5.0:
            continue  # the gap would meet the first strides, from which nothing can be carried yet
        whole = analysed(recording, run.mounting)[0]
        for share in (0.6, 0.61, 0.62):
            first = int(share * len(recording))
            stop = first + max(int(gap_s * recording.rate_hz), longest_bridge(recording.rate_hz) + 1)
            acc = recording.acc.copy()
            acc[first:stop] = np.nan
            gapped = analysed(replace(recording, acc=acc), run.mounting)[0]
            stop_s = stop / recording.rate_hz
            near = [
                some[(some["initial_contact_s"] > stop_s + 1.0) & (some["initial_contact_s"] < stop_s + 8.0)]
                for some in (whole, gapped)
            ]
            apart.append(tuple(near))
    if not apart:
        assert all(run.recording.duration_s < 10.0 for run in runs)  # too short for any such gap
        return
    found = compared(apart)
    assert found.n_unmatched <= 1 + len(apart) // 4  # at the ends of the eight seconds
    assert found.n_swapped == 0
    assert (found.two["side"] == found.one["side"]).mean() > 0.97
    for name, most_rms, most in (("contact_time_ms", 2.0, 8.0), ("lean_deg", 1.2, 6.0)):
        error = found.two[name] - found.one[name]
        assert np.sqrt(np.nanmean(error**2)) < most_rms, name
        assert np.nanmax(np.abs(error)) < most, name


@pytest.mark.parametrize("between", ["gap", "standing"])
def test_two_runs_one_after_the_other_have_the_steps_of_both(runs, between):
    """Those of the first to the byte; those of the second, shifted, as `SETTLED_MS` says of its begin."""
    for first, second in zip(runs, [*runs[1:], runs[0]], strict=True):
        one, two = (turned(run.recording, run.mounting) for run in (first, second))
        if one.duration_s + two.duration_s > 1000.0:
            one = changed(one, lambda values: values[: len(values) // 3])
            two = changed(two, lambda values: values[-len(values) // 3 :])
        pause = standing(one) if between == "standing" else np.full((int(PAUSE_S * one.rate_hz), 3), np.nan)
        gyr = (
            None if one.gyr is None else np.vstack([one.gyr, np.where(np.isnan(pause), pause, 0.0), two.gyr])
        )
        both = replace(one, acc=np.vstack([one.acc, pause, two.acc]), gyr=gyr)
        steps = analysed(both, BODY)[0]
        alone = analysed(one, BODY)[0]
        known = alone[alone["decided_s"] < one.duration_s - 1.0 / one.rate_hz]
        assert steps[: len(known)].tobytes() == known.tobytes(), first.name
        begin_s = (len(one) + len(pause)) / one.rate_hz
        later = shifted(analysed(two, BODY)[0], begin_s)
        contact_s = steps["initial_contact_s"]
        in_pause = (contact_s > one.duration_s + 0.5) & (contact_s < begin_s - 0.5)
        assert not in_pause.any(), first.name
        assert_settles(later, steps, begin_s, second.name)


def standing(recording):
    """Specific force of somebody who stands still, with a little noise; shape (n, 3)."""
    n = int(PAUSE_S * recording.rate_hz)
    return np.array([0.0, 0.0, G]) + 0.02 * np.random.default_rng(1).standard_normal((n, 3))


def test_there_are_no_steps_in_a_gap(runs):
    """However long: the table has nothing between its ends, and the time goes on."""
    run = runs[0]
    recording = run.recording
    middle = len(recording) // 2
    hour = np.full((int(3600 * recording.rate_hz), 3), np.nan)
    long = changed(recording, lambda values: np.vstack([values[:middle], hour, values[middle:]]))
    steps = analysed(long, run.mounting)[0]
    middle_s = middle / recording.rate_hz
    assert not (
        (steps["initial_contact_s"] >= middle_s) & (steps["initial_contact_s"] < middle_s + 3600.0)
    ).any()
    rest = shifted(
        analysed(changed(recording, lambda values: values[middle:]), run.mounting)[0], middle_s + 3600.0
    )
    assert_settles(rest, steps, middle_s + 3600.0, run.name)
