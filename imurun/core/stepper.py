"""The kernel that leads samples to steps.

They are turned to level axes and smoothed many at a time, then looked at one by one. Nothing that is kept
or told depends on how they were split into blocks: each sample changes the state in the same way, whatever
came with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imurun.core.contact import (
    CONSTANTS,
    UNSMOOTHED_CUTOFF_HZ,
    ContactConstants,
    add_pulse,
    measure_push,
    restart_typical,
)
from imurun.core.filters import gaussian_taps, smooth_span, sum_of
from imurun.core.gait import (
    QUEUE,
    RUNNING_PERIOD_S,
    STREAK,
    alike,
    follows,
    goes_against,
    is_running_streak,
    may_begin_run,
    measure_loop,
    stays_running,
    swings_like_running,
    swings_like_walking,
)
from imurun.core.impact import CUTOFF_HZ as IMPACT_CUTOFF_HZ
from imurun.core.jit import entry, is_kept, kernel, read_only
from imurun.core.lumbar import DEFAULT_HEIGHT_M
from imurun.core.ring_buffer import (
    CLIPPED,
    FORWARD,
    LEFTWARD,
    RESULTANT,
    SLOW_FORWARD,
    SLOW_LEFTWARD,
    SLOW_VERTICAL,
    VERTICAL,
    make_room,
    new_history,
    write_levels,
)
from imurun.core.rows import NO_SECONDS, NO_STEPS, copied, in_bytes
from imurun.core.seconds import FULL_SCALES_G, SECOND, close_second, watch_second, write_clipped
from imurun.core.side import is_steady, side_code
from imurun.core.state import (
    Coefficients,
    forget_steps,
    knows_heading,
    new_state,
    note_against,
    restart,
)
from imurun.core.step import (
    BLANK,
    FRESH_STEPS,
    RUNNING,
    WALKING,
    is_askew,
    remember_standing,
    write_running,
    write_walking,
)
from imurun.core.step_cycle import CUTOFF_HZ as PULSE_CUTOFF_HZ
from imurun.core.step_cycle import PULSE, track
from imurun.model.frames import FloatArray, G

GOES_ON = -1
"""Instead of a number of missing samples: more samples will follow at once."""
NO_SAMPLES = (read_only(0, 3), read_only(0, 4))
LONGEST_WAIT_S = 1.5
"""Pulses wait no longer than this for the next one to say what they are."""


class Stepper:
    """Samples with their orientation in, steps out.

    Args:
        rate_hz: samples a second.
        mounting: body from sensor, shape (3, 3).
        heading_known: False when only the up row of the mounting is right; what needs a forward axis is
            then NaN.
        has_gyro: whether roll, pitch and yaw are measured.
        upright: whether the mounting was found from running, so that no lean is no pitch.
        height_m: stature, or None for 1.75.
        acc_range_g: full scale of the accelerometer, or None to look for the usual ones.
        constants: of the contact formulas.
        first_index: absolute index of the first sample to come.
        standing: mean specific force while standing, shape (3,), sensor frame, if it was seen before.
        n_clipped, count_from: samples at full scale seen before, and the first index not yet counted.
    """

    def __init__(
        self,
        rate_hz: float,
        mounting: FloatArray,
        *,
        heading_known: bool,
        has_gyro: bool,
        upright: bool = False,
        height_m: float | None = None,
        acc_range_g: float | None = None,
        constants: ContactConstants = CONSTANTS,
        first_index: int = 0,
        standing: FloatArray | None = None,
        n_clipped: int = 0,
        count_from: int = 0,
    ) -> None:
        scales_g = FULL_SCALES_G if acc_range_g is None else (acc_range_g,)
        self.coefficients = Coefficients(
            rate_hz=float(rate_hz),
            slow_taps=gaussian_taps(rate_hz, PULSE_CUTOFF_HZ),
            sharp_taps=gaussian_taps(rate_hz, min(IMPACT_CUTOFF_HZ, 0.4 * rate_hz)),
            unsmoothed_taps=gaussian_taps(rate_hz, min(UNSMOOTHED_CUTOFF_HZ, 0.4 * rate_hz)),
            mounting=np.array(mounting, dtype=np.float64, order="C"),
            heading_known=bool(heading_known),
            has_gyro=bool(has_gyro),
            height_m=DEFAULT_HEIGHT_M if height_m is None else float(height_m),
            clip_levels=np.array(scales_g) * G,
            clip_exact=acc_range_g is not None,
            contact=constants,
        )
        self._states = new_state(first_index)
        if standing is not None:
            self._states[0]["standing"] = standing
        if upright:
            self._states[0]["n_fresh"] = FRESH_STEPS
            self._states[0]["fresh_pitch"] = 0.0
        self._states[0]["n_clipped"] = n_clipped
        self._states[0]["count_from"] = count_from
        self._history = new_history(rate_hz)
        self._queue = np.zeros(QUEUE, dtype=PULSE)
        self._steps = np.repeat(BLANK, most_steps(0, rate_hz))
        self._seconds = np.zeros(1, dtype=SECOND)

    def push(self, acc: FloatArray, quats: FloatArray) -> tuple[np.ndarray, np.ndarray]:
        """Take unbroken samples; returns the steps (STEP) and seconds (SECOND) that became known.

        Args:
            acc: shape (n, 3), m/s2, sensor frame, finite. quats: shape (n, 4), sensor to earth.
        """
        acc, quats = np.ascontiguousarray(acc), np.ascontiguousarray(quats)
        self._make_room(len(acc))
        steps, n_seconds = self._advance(acc, quats, GOES_ON)
        return steps, copied(self._seconds[:n_seconds]) if n_seconds else NO_SECONDS

    def break_off(self, n_missing: int) -> np.ndarray:
        """The stream ends, or goes on after `n_missing` samples; returns the steps still decided."""
        return self._advance(*NO_SAMPLES, n_missing)[0]

    def _make_room(self, n: int) -> None:
        """Room for all that `n` samples can bring."""
        rate_hz = self.coefficients.rate_hz
        if len(self._steps) < most_steps(n, rate_hz):
            self._steps = np.repeat(BLANK, most_steps(n, rate_hz))
        most_seconds = n // int(rate_hz) + 2
        if len(self._seconds) < most_seconds:
            self._seconds = np.zeros(most_seconds, dtype=SECOND)

    def _advance(self, acc: FloatArray, quats: FloatArray, n_missing: int) -> tuple[np.ndarray, int]:
        """The steps that became known, and how many rows of `_seconds` were filled."""
        n_steps, n_seconds = advance(*self.arguments(acc, quats, n_missing))
        if not n_steps:
            return NO_STEPS, n_seconds
        taken = copied(self._steps[:n_steps])
        in_bytes(self._steps)[:n_steps] = in_bytes(BLANK)
        return taken, n_seconds

    def arguments(self, acc: FloatArray, quats: FloatArray, n_missing: int) -> tuple[Any, ...]:
        """What `advance` is called with."""
        return (
            acc,
            quats,
            n_missing,
            self._states,
            self._history,
            self._queue,
            self.coefficients,
            self._steps,
            self._seconds,
        )

    @property
    def record(self) -> Any:
        """The state as one record of STATE, to read."""
        return self._states[0]

    @property
    def slips_s(self) -> tuple[float, float]:
        """When the sensor was found to have slipped, and to sit another way than was thought; or NaN."""
        return float(self._states[0]["slipped_s"]), float(self._states[0]["turned_s"])

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Copies of everything that changes; can be put back."""
        return {"state": self._states.copy(), "history": self._history.copy(), "queue": self._queue.copy()}

    @state.setter
    def state(self, saved: dict[str, np.ndarray]) -> None:
        self._states[:] = saved["state"]
        self._history[:] = saved["history"]
        self._queue[:] = saved["queue"]


def most_steps(n: int, rate_hz: float) -> int:
    """More steps than `n` samples can bring: those that waited, and pulses of a running step's least length.

    Pulses do not overlap, and one may have begun before.
    """
    return QUEUE + int(n / (RUNNING_PERIOD_S[0] * rate_hz)) + 2


def is_compiled() -> bool:
    """Whether the kernels are ready; compiling them takes about 20 seconds, once per machine."""
    return is_kept(advance)


def _arguments() -> tuple[Any, ...]:
    """Arguments of the types that `advance` is compiled for."""
    return Stepper(25.0, np.eye(3), heading_known=True, has_gyro=True).arguments(*NO_SAMPLES, GOES_ON)


@entry(_arguments)
def advance(acc, quats, n_missing, states, history, queue, c, steps, seconds):
    """Take unbroken samples, then go on `n_missing` samples later, or at once for `GOES_ON`.

    Returns:
        How many rows of `steps` and `seconds` were written.
    """
    state = states[0]
    taken = 0
    while taken < len(acc):
        if state["next"] - state["base"] == history.shape[1]:
            state["base"] = make_room(history, state["base"], history.shape[1])
        stop = min(len(acc), taken + history.shape[1] - (state["next"] - state["base"]))
        part = acc[taken:stop]
        column = state["next"] - state["base"]
        write_levels(history, column, part, quats[taken:stop], c.mounting)
        flags = history[CLIPPED, column : column + len(part)]
        write_clipped(flags, part, state["last_sample"], c.clip_levels, c.clip_exact)
        counted = flags[max(state["count_from"] - state["next"], 0) :]
        state["n_clipped"] += int(sum_of(counted))
        newest = state["next"] + len(part) - 1
        smooth_until(state, history, newest + 1 - len(c.slow_taps) // 2, newest, c)
        find_steps(state, history, queue, part, c, steps, seconds)
        taken = stop
    if n_missing != GOES_ON:
        break_off(state, history, queue, c, steps)
        state["next"] += n_missing
        restart(state)
    written = state["n_steps"], state["n_seconds"]
    # what is kept must not tell how the samples came
    state["n_steps"] = 0
    state["n_seconds"] = 0
    return written


@kernel
def smooth_until(state, history, stop, newest, c):
    """Smooth all samples before index `stop` that are not yet; `newest` is the last that there is."""
    base = state["base"]
    first = max(state["oldest"], base) - base
    last = newest - base
    begin = state["slow_next"] - base
    for raw, slow in ((VERTICAL, SLOW_VERTICAL), (FORWARD, SLOW_FORWARD), (LEFTWARD, SLOW_LEFTWARD)):
        smooth_span(history[raw], history[slow], begin, max(stop - base, begin), first, last, c.slow_taps)


@kernel
def find_steps(state, history, queue, acc, c, steps, seconds):
    """Take samples, which stand in the history, one by one.

    What is decided with a sample rests on nothing after it, though the history holds more already.
    """
    lag = len(c.slow_taps) // 2
    window = int(np.rint(c.rate_hz))
    longest_wait = LONGEST_WAIT_S * c.rate_hz
    slow, resultant = history[SLOW_VERTICAL], history[RESULTANT]
    for i in range(len(acc)):
        index = state["next"]
        state["next"] = index + 1
        if watch_second(state, acc, i, resultant[index - state["base"]], window):
            second = seconds[state["n_seconds"]]
            second["first"] = index + 1 - window
            second["motion_g"] = close_second(state, window)
            state["n_seconds"] += 1
        if index >= state["slow_next"] + lag and track_next(state, slow, queue, c):
            judge(state, history, queue, c, steps)
        n = state["waiting"]
        if n > 0 and index > queue[n - 1]["end"] + longest_wait:
            settle(state, history, queue, n, c, steps)


@kernel
def break_off(state, history, queue, c, steps):
    """Decide what can be decided without further samples."""
    smooth_until(state, history, state["next"], state["next"] - 1, c)
    while state["slow_next"] < state["next"]:
        if track_next(state, history[SLOW_VERTICAL], queue, c):
            judge(state, history, queue, c, steps)
    settle(state, history, queue, state["waiting"], c, steps)


@kernel
def track_next(state, slow, queue, c):
    """Follow the pulse by one more sample of the smoothed vertical; True when the queue got another."""
    k = state["slow_next"]
    state["slow_next"] = k + 1
    return track(slow, state["base"], k, c.rate_hz, state["tracker"], queue[state["waiting"]])


@kernel
def judge(state, history, queue, c, steps):
    """A pulse was completed at the end of the queue: say what it is, and those that wait with it."""
    n = state["waiting"]
    heading = knows_heading(state, c)
    measure_loop(history, state["base"], queue[n])
    n += 1
    state["waiting"] = n
    if state["running"]:
        if stays_running(
            queue[0], state["last_run"], state["verdict_end"], state["misses"], heading, c.rate_hz
        ):
            note_period(state, queue[0])
            write_run(state, history, queue, c, steps)
            return
        state["misses"] += 1
        if state["misses"] == 1:
            state["waiting"] = 0
            return
        state["running"] = 0
        forget_steps(state)
    if heading and goes_against(queue, n, c.rate_hz):
        note_against(state, queue[n - 1]["end"] / c.rate_hz)
        heading = knows_heading(state, c)
    elif not swings_like_running(queue[n - 1], c.rate_hz, 1.0):
        state["against"] = 0
    if is_running_streak(queue, n, heading, c.rate_hz):
        settle(state, history, queue, n - STREAK, c, steps)
        forget_steps(state)
        state["running"] = 1
        state["against"] = 0
        restart_typical(state["typical"])
        remember_standing(state, c.mounting)
        # the first step has no period of its own yet: it borrows the second's
        state["periods"][:] = (queue[1]["end"] - queue[1]["begin"]) / c.rate_hz
        note_period(state, queue[1])
        note_period(state, queue[1])
        write_run(state, history, queue, c, steps)
        return
    settle(state, history, queue, n - n_undecided(queue, n, heading, c.rate_hz), c, steps)
    # a step that goes on with a walk needs no next one to say so
    goes_on = state["verdict"] == WALKING and state["verdict_end"] == queue[0]["begin"]
    if state["waiting"] == 1 and goes_on and not may_begin_run(queue[0], heading, c.rate_hz):
        settle(state, history, queue, 1, c, steps)


@kernel
def n_undecided(queue, n, heading_known, rate_hz):
    """How many of the last pulses may still begin a run, or need the next one to say what they are."""
    for waiting in range(min(n, STREAK - 1), 1, -1):
        if may_begin_run(queue[n - waiting], heading_known, rate_hz):
            return waiting
    return 1


@kernel
def note_period(state, pulse):
    """Remember the period of a running step if it is one."""
    period_s = pulse["period_s"]
    if RUNNING_PERIOD_S[0] <= period_s <= RUNNING_PERIOD_S[1]:
        state["periods"][0] = state["periods"][1]
        state["periods"][1] = period_s


@kernel
def settle(state, history, queue, gone, c, steps):
    """Decide the first `gone` waiting pulses: walking steps, or nothing; move the others up."""
    n = state["waiting"]
    for i in range(gone):
        pulse = queue[i]
        before = state["verdict"] == WALKING and state["verdict_end"] == pulse["begin"]
        walks = False
        if swings_like_walking(pulse, c.rate_hz):
            after = (
                i + 1 < n and swings_like_walking(queue[i + 1], c.rate_hz) and follows(pulse, queue[i + 1])
            )
            walks = after or before
        if walks:
            if not before:
                forget_steps(state)
            write_walking(state, history, pulse, c, steps[state["n_steps"]])
            state["n_steps"] += 1
        state["verdict"] = WALKING if walks else -1
        state["verdict_end"] = pulse["end"]
    for i in range(gone, n):
        queue[i - gone] = queue[i]
    state["waiting"] = n - gone


@kernel
def write_run(state, history, queue, c, steps):
    """Write all waiting pulses as running steps, then name their sides together."""
    first_row = state["n_steps"]
    flips = np.zeros(STREAK)
    base = state["base"]
    oldest, newest = max(state["oldest"], base) - base, state["next"] - 1 - base
    heading = knows_heading(state, c)
    trusted = heading and not is_askew(state)
    for i in range(state["waiting"]):
        measure_push(history, base, queue[i], oldest, newest, trusted, c)
        # two steps that ran together shall not stay in the mean
        if state["typical"]["n"] == 0 or alike(queue[i - 1] if i > 0 else state["last_run"], queue[i]):
            add_pulse(state["typical"], queue[i], c.rate_hz)
    for i in range(state["waiting"]):
        if i > 0:
            note_period(state, queue[i])
        row = state["n_steps"]
        if write_running(state, history, queue[i], c, steps[row]):
            flips[row - first_row] = state["parity"]["flip"]
            state["n_steps"] = row + 1
        state["verdict_end"] = queue[i]["end"]
    state["last_run"] = queue[state["waiting"] - 1]
    state["verdict"] = RUNNING
    state["misses"] = 0
    state["waiting"] = 0
    if not heading:
        return
    # the last step knows most: its side settles those that waited with it
    log_odds = state["parity"]["log_odds"] if is_steady(state["parity"]) else 0.0
    for row in range(state["n_steps"] - 1, first_row - 1, -1):
        steps[row]["side"] = side_code(log_odds)
        log_odds *= flips[row - first_row]
