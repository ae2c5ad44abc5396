"""The same run on another clock: later start, clock error, other sampling rate."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numba
import numpy as np
import pytest
from scipy.signal import resample_poly

from tests.metamorphic.metamorphic_helpers import (
    analysed,
    assert_settles,
    changed,
    compared,
    differing,
    shifted,
)

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

MOST_CHANGE = (0.19, 4.0)
"""New rate over old; 500 Hz to 100 Hz, and 100 Hz to 400 Hz."""


@pytest.mark.parametrize("n", [1, 57, 1000])
def test_samples_missing_before_the_first_move_everything_and_change_nothing(runs, n):
    for run in runs:
        late = changed(run.recording, lambda values: np.vstack([np.full((n, 3), np.nan), values]))
        steps = shifted(analysed(run.recording, run.mounting)[0], n / run.recording.rate_hz)
        for name in ("begin", "up_crossing", "peak", "down_crossing", "end"):
            steps["cycle"][name] += n
        assert not differing(steps, analysed(late, run.mounting)[0]), run.name


@pytest.mark.parametrize("cut_s", [0.37, 1.0, 2.0])
def test_a_later_start_gives_the_same_steps_after_some_seconds(runs, cut_s):
    for run in runs:
        assert_settles(*begun_later(run, int(cut_s * run.recording.rate_hz)), 0.0, run.name)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_start_during_the_run_gives_the_same_steps_after_some_seconds(runs, share):
    for run in runs:
        if run.recording.duration_s > 8.0:
            assert_settles(*begun_later(run, int(share * len(run.recording))), 0.0, run.name)


def begun_later(run, n):
    """The steps of the whole and of the run without its first `n` samples, on the clock of the latter."""
    whole = shifted(analysed(run.recording, run.mounting)[0], -n / run.recording.rate_hz)
    return whole, analysed(changed(run.recording, lambda values: values[n:]), run.mounting)[0]


@pytest.mark.parametrize("fast", [0.99, 1.01])
def test_a_clock_error_of_1_percent_changes_little(runs, fast):
    """Times scale with it, and cadence the other way; filters and limits, in Hz and s, stay."""
    analyses = []
    for _, recording, mounting in runs:
        timed = analysed(replace(recording, rate_hz=recording.rate_hz * fast), mounting)[0]
        for name in ("initial_contact_s", "final_contact_s"):
            timed[name] *= fast
        analyses.append((analysed(recording, mounting)[0], timed))
    found = compared(analyses)
    assert found.n_unmatched <= 1 + 0.001 * len(found.one)
    assert found.n_swapped == 0
    assert found.apart_ms("initial") < 2.0
    assert found.apart_ms("final") < 2.5
    ratio = np.nanmedian(found.two["cadence_spm"] / found.one["cadence_spm"])
    assert abs(ratio / fast - 1.0) < 2e-4


@pytest.mark.parametrize("to_hz", [100, 104, 200, 400])
def test_another_sampling_rate_changes_little(runs, to_hz):
    """Resampled within its band: the same contacts to 2.5 ms and the same cadence to 0.02 %."""
    analyses = [
        (
            inside(analysed(recording, mounting)[0], recording),
            inside(analysed(resampled(recording, to_hz), mounting)[0], recording),
        )
        for _, recording, mounting in runs
        if MOST_CHANGE[0] <= to_hz / recording.rate_hz <= MOST_CHANGE[1]
    ]
    found = compared(analyses)
    assert found.n_unmatched <= 1 + 0.001 * len(found.one)
    assert found.n_swapped == 0
    assert found.apart_ms("initial") < 2.5
    assert found.apart_ms("final") < 2.5
    cadence = np.nanmedian(found.two["cadence_spm"] / found.one["cadence_spm"])
    assert abs(cadence - 1.0) < 2e-4


def inside(steps, recording):
    """The steps that the resampling's own ends do not reach."""
    contact_s = steps["initial_contact_s"]
    return steps[(contact_s > 0.5) & (contact_s < recording.duration_s - 0.7)]


def resampled(recording, to_hz):
    """The recording at another rate, its gaps where they were."""
    from_hz = round(recording.rate_hz)
    down = gcd(to_hz, from_hz)
    up, down = to_hz // down, from_hz // down
    missing = np.isnan(recording.acc[:, 0])
    at = np.arange(len(missing))

    def change(values):
        if missing.any():
            known = [np.interp(at, at[~missing], values[~missing, axis]) for axis in range(3)]
            values = np.column_stack(known)
        values = resample_poly(values, up, down, axis=0, padtype="line")
        from_row = np.minimum(np.rint(np.arange(len(values)) * down / up).astype(int), len(missing) - 1)
        values[missing[from_row]] = np.nan
        return values

    return changed(recording, change, rate_hz=recording.rate_hz * up / down)
