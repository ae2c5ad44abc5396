"""Checks the result of a long run: samples, steps, recovery, memory."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imurun.cli.live import step_frame
from imurun.engine import RunAnalyzer, as_steps
from imurun.export import read_steps
from imurun.io import read
from imurun.model.frames import FloatArray
from imurun.model.gaps import missing_rows
from imurun.model.recording import Recording
from tests.soak.day import COLUMNS, WORDS, Ran, feed, session

RING = 4096
"""Length of the sensor's resend buffer, samples."""
BLOCK = 8192
ACC_SCALE_G, GYR_SCALE_DEG_S = 30500e-9 * 16, 35000e-9 * 2000
STEPS = np.repeat([ACC_SCALE_G * 9.80665, GYR_SCALE_DEG_S * np.pi / 180], 3)
SETTLED_S = 20.0
"""After a gap the orientation filter settles (time constant 6 s), and some features average eight steps."""
ASKING_S = 5.0
"""Requests for missing samples queue; those of this last time before a reboot may never be sent."""
AROUND_S = 1.0
"""Steps are decided within this time."""
TOLERANCE_S = 0.05
"""Largest distance of a detected foot strike from a true one."""
FULL_LOG = "The sensor does not log"
"""Start of the note after hours, when the log of the sensor is full; not a fault."""
MOST_GROWTH_MB = 25.0
"""Allowed growth: caches fill in the first hours, and the allocator does not return memory."""
FIRST_S = 75.0
"""The alignment is found in the first minute of running, which other tests check."""


@dataclass(frozen=True)
class Verdict:
    """Measures of the result.

    Attributes:
        n_steps: steps of the live table.
        missing_s: missing time of the stream; n_gaps: number of gaps.
        n_held: missing samples that the sensor still had when they were last requested.
        n_unasked: missing samples that were never requested.
        n_in_ring: samples lost with the sensor's power before their request was sent.
        n_other: received samples that differ from the sensor's.
        link_adds: largest difference between the live table and that of the feed with the same gaps.
        n_lost, n_found: steps away from gaps that only the run without connection has, or only the live one.
        contact_ms: largest difference of initial contacts to the run without connection, where settled.
        contact_time_ms: the same of contact times.
        f1: F1 of running foot strikes against the simulated runner, outside gaps.
        truth_ms: 95th percentile of the error of initial contacts against the simulated runner.
        recovered: whether `imurun recover` gives the same table from the journal.
        recover_mb: most memory that it took.
        growth_mb: resident memory of the last hour minus the second, or the last sample minus the first.
    """

    n_steps: int
    missing_s: float
    n_gaps: int
    n_held: int
    n_unasked: int
    n_in_ring: int
    n_other: int
    link_adds: float
    n_lost: int
    n_found: int
    contact_ms: float
    contact_time_ms: float
    f1: float
    truth_ms: float
    recovered: bool
    recover_mb: float
    growth_mb: float


def judge(ran: Ran) -> Verdict:
    """Recover the journal, and compare stream, steps and recording with the truth."""
    steps = ran.steps()
    recover_mb = _recover(ran.journal)
    recovered, _ = read_steps(ran.journal.with_name("run-steps.parquet"))
    recording = read(ran.journal.with_suffix(".parquet"))
    ran.rate_hz = recording.rate_hz  # the rate of the analysis
    cut, whole = _expected(ran, gaps=True), _expected(ran, gaps=False)
    moved = _without_link(ran, steps)
    gaps_s = _times(ran)
    time_s, whole_s = moved["initial_contact_s"].to_numpy(), whole["initial_contact_s"].to_numpy()
    pairs = _pair(whole_s, time_s)
    ours, theirs = steps.iloc[pairs[:, 1]], whole.iloc[pairs[:, 0]]
    live_s = steps["initial_contact_s"].to_numpy()
    near = _outside(live_s, gaps_s, AROUND_S, AROUND_S)
    whole_near = _outside(whole_s + _shift(ran, whole_s), gaps_s, AROUND_S, AROUND_S)
    settled = _outside(ours["initial_contact_s"].to_numpy(), gaps_s, AROUND_S, SETTLED_S)
    f1, truth_ms = _against_runner(ran, steps)
    return Verdict(
        n_steps=len(steps),
        missing_s=sum(stop - first for first, stop in ran.gaps) / ran.rate_hz,
        n_gaps=len(ran.gaps),
        **_lost(ran),
        n_other=_others(ran, recording),
        link_adds=_difference(steps, cut),
        n_lost=int(np.sum(whole_near)) - int(np.sum(whole_near[pairs[:, 0]])),
        n_found=int(np.sum(near)) - int(np.sum(near[pairs[:, 1]])),
        contact_ms=1e3 * float(np.abs(time_s[pairs[:, 1]] - whole_s[pairs[:, 0]])[settled].max()),
        contact_time_ms=float(
            np.nanmax(
                np.abs(ours["contact_time_ms"].to_numpy() - theirs["contact_time_ms"].to_numpy())[settled]
            )
        ),
        f1=f1,
        truth_ms=truth_ms,
        recovered=_difference(steps, recovered) == 0.0,
        recover_mb=recover_mb,
        growth_mb=_growth(ran),
    )


def _recover(journal: Path) -> float:
    """Run `imurun recover` in a new process; returns its peak memory, MB."""
    subprocess.run([sys.executable, "-m", "imurun", "recover", str(journal)], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3


def _rows(ran: Ran, first: int, stop: int) -> np.ndarray:
    """Rows of the feed for these indices of the stream."""
    places = np.arange(first, stop)
    return places + np.where(places < ran.second, ran.begins[0], ran.begins[-1] - ran.second)


def _values(rows: np.ndarray) -> FloatArray:
    counts, _ = feed().counts(
        int(rows[0]),
        int(rows[-1] - rows[0]) + 1,
        rate_hz=session().recording.rate_hz,
        acc_scale_g=ACC_SCALE_G,
        gyr_scale_deg_s=GYR_SCALE_DEG_S,
    )
    return (counts * STEPS)[rows - rows[0]]


def _expected(ran: Ran, *, gaps: bool) -> pd.DataFrame:
    """Steps of the sensor's samples without connection: with the gaps of the stream, or with all samples."""
    analyzer = RunAnalyzer(ran.rate_hz, acc_range_g=16)
    parts = []
    n = ran.n_samples if gaps else ran.n_samples - ran.second + ran.begins[-1]
    for first in range(0, n, BLOCK):
        stop = min(first + BLOCK, n)
        values = _values(_rows(ran, first, stop) if gaps else np.arange(first, stop) + ran.begins[0])
        for begin, end in ran.gaps if gaps else []:
            values[max(begin - first, 0) : max(end - first, 0)] = np.nan
        parts.append(analyzer.push_arrays(values[:, :3], values[:, 3:])[0])
    parts.append(analyzer.finish_arrays()[0])
    return step_frame([step for part in parts for step in as_steps(part)])


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Largest difference of two tables; infinite if number of rows, text columns or NaN differ."""
    if len(one) != len(other) or any(
        (one[name].to_numpy() != other[name].to_numpy()).any() for name in WORDS
    ):
        return np.inf
    names = [name for name in COLUMNS if name not in WORDS]
    a, b = (table[names].to_numpy(dtype=float) for table in (one, other))
    if (np.isnan(a) != np.isnan(b)).any():
        return np.inf
    return float(np.nanmax(np.abs(a - b), initial=0.0))


def _shift(ran: Ran, whole_s: FloatArray) -> FloatArray:
    """Offset from the time of the run without connection to that of the stream, s: the gap of the reboot."""
    return np.where(whole_s < ran.begins[-1] / ran.rate_hz, 0.0, (ran.second - ran.begins[-1]) / ran.rate_hz)


def _without_link(ran: Ran, steps: pd.DataFrame) -> pd.DataFrame:
    """The live steps at the times of the run without connection."""
    moved = steps.copy()
    late = moved["initial_contact_s"] > ran.second / ran.rate_hz
    moved.loc[late, "initial_contact_s"] -= (ran.second - ran.begins[-1]) / ran.rate_hz
    return moved


def _times(ran: Ran) -> FloatArray:
    """Gaps of the stream, s, shape (n, 2)."""
    return np.array(ran.gaps, dtype=float).reshape(-1, 2) / ran.rate_hz


def _outside(time_s: FloatArray, gaps_s: FloatArray, before_s: float, after_s: float) -> np.ndarray:
    """Mask of the times that are away from gaps and after the start."""
    inside = time_s < FIRST_S
    for begin_s, end_s in gaps_s:
        inside |= (time_s > begin_s - before_s) & (time_s < end_s + after_s)
    return ~inside


def _pair(true_s: FloatArray, found_s: FloatArray) -> np.ndarray:
    """Index pairs of mutual nearest neighbours within `TOLERANCE_S`, shape (n, 2); times ascend."""

    def nearest(to: FloatArray, of: FloatArray) -> np.ndarray:
        after = np.clip(np.searchsorted(of, to), 1, len(of) - 1)
        return np.where(to - of[after - 1] < of[after] - to, after - 1, after)

    found = nearest(true_s, found_s)
    mutual = nearest(found_s, true_s)[found] == np.arange(len(true_s))
    close = np.abs(found_s[found] - true_s) < TOLERANCE_S
    return np.column_stack([np.arange(len(true_s)), found])[mutual & close]


def _against_runner(ran: Ran, steps: pd.DataFrame) -> tuple[float, float]:
    """F1 and the 95th percentile of the error, ms, of running foot strikes outside gaps."""
    truth = session().truth.steps
    rate_hz = session().recording.rate_hz
    period_s = len(session().recording) / rate_hz
    n = int(np.ceil(ran.n_samples / rate_hz / period_s)) + 1
    running = truth["initial_contact_s"][truth["gait"] == "running"]
    fed_s = (running + period_s * np.arange(n)[:, None]).ravel()
    # row k of the feed is k / rate of true time: by the stream's clock that is at its own rate
    true_s = fed_s * rate_hz / ran.rate_hz - ran.begins[0] / ran.rate_hz
    true_s = true_s + _shift(ran, true_s)
    gaps_s, end_s = _times(ran), ran.n_samples / ran.rate_hz - AROUND_S
    found_s = steps.loc[steps["gait"] == "running", "initial_contact_s"].to_numpy()
    pairs = _pair(true_s, found_s)
    counted = [_outside(s, gaps_s, AROUND_S, AROUND_S) & (s < end_s) for s in (true_s, found_s)]
    both = pairs[counted[0][pairs[:, 0]] & counted[1][pairs[:, 1]]]
    f1 = 2.0 * len(both) / (counted[0].sum() + counted[1].sum())
    errors = np.abs(found_s[both[:, 1]] - true_s[both[:, 0]])
    return float(f1), 1e3 * float(np.percentile(errors, 95))


def _lost(ran: Ran) -> dict[str, int]:
    """Missing samples by cause: see `n_held`, `n_unasked` and `n_in_ring` of `Verdict`."""
    fetches = ran.fetches()
    held = unasked = in_ring = 0
    for first, stop in ran.gaps:
        if ran.second - ASKING_S * ran.rate_hz < stop <= ran.second:
            in_ring += stop - first
            continue
        run = int(first >= ran.second)
        index = np.arange(first, stop) - run * ran.second
        asked = np.full(len(index), -1)
        own = (fetches[:, 0] == run) & (fetches[:, 1] <= index[-1]) & (fetches[:, 2] > index[0])
        for _, begin, end, next_index in fetches[own]:
            within = (index >= begin) & (index < end)
            asked[within] = np.maximum(asked[within], next_index)
        unasked += int((asked < 0).sum())
        held += int(((asked >= 0) & (index >= asked - RING)).sum())
    return {"n_held": held, "n_unasked": unasked, "n_in_ring": in_ring}


def _others(ran: Ran, recording: Recording) -> int:
    """Number of samples of the recovered recording that differ from the sensor's."""
    assert recording.gyr is not None
    n_other = int(len(recording) != ran.n_samples)
    missing = missing_rows(recording.acc, recording.gyr)
    for first in range(0, len(recording), BLOCK):
        stop = min(first + BLOCK, len(recording))
        came = ~missing[first:stop]
        for begin, end in ran.gaps:  # short gaps are bridged
            came[max(begin - first, 0) : max(end - first, 0)] = False
        values = np.hstack([recording.acc[first:stop], recording.gyr[first:stop]])
        apart = np.abs(values - _values(_rows(ran, first, stop)))[came]
        n_other += int((apart > 1e-6).any(axis=1).sum())
    return n_other


def _growth(ran: Ran) -> float:
    sizes = [(sample.time_s, sample.resident_mb) for sample in ran.samples]
    if not sizes or sizes[-1][0] < 2.5 * 3600:
        return sizes[-1][1] - sizes[0][1] if sizes else 0.0
    second = [mb for time_s, mb in sizes if 3600 < time_s <= 7200 + 300]
    last = [mb for time_s, mb in sizes if time_s > sizes[-1][0] - 3600]
    return float(np.median(last) - np.median(second))


def faults_of(verdict: Verdict, ran: Ran) -> list[str]:
    """One sentence per failed check."""
    checks = {
        "A sample is missing although the sensor had it.": verdict.n_held == 0,
        "A missing sample was never requested.": verdict.n_unasked == 0,
        "A sample differs from the sensor's.": verdict.n_other == 0,
        "The connection changed steps by more than its gaps.": verdict.link_adds < 1e-6,
        "Steps away from gaps were lost or added.": verdict.n_lost + verdict.n_found == 0,
        "Contacts moved by more than 0.5 ms.": verdict.contact_ms < 0.5,
        "Contact times changed by more than 0.5 ms.": verdict.contact_time_ms < 0.5,
        "Foot strikes differ from the simulated runner's.": verdict.f1 > 0.999,
        "The recovered session differs from the live one.": verdict.recovered,
        "Memory grew.": verdict.growth_mb < MOST_GROWTH_MB,
        "An output did not keep up.": ran.n_missed == 0,
        "Tasks were left over.": len({sample.n_tasks for sample in ran.samples}) <= 2,
        "The pipeline has unexpected notes.": all(note.startswith(FULL_LOG) for note in ran.notes),
    }
    return [fault for fault, holds in checks.items() if not holds]
