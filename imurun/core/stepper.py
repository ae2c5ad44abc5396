"""Stepper: detects steps in oriented samples, and classifies them as running or walking.

Samples are rotated to level axes and low-passed many at a time, then processed one by one. Each sample
changes the state in the same way, so that results and state do not depend on the split of the stream into
blocks.

Completed step cycles wait in a queue until they are classified, at most `LONGEST_WAIT_S` (see `classify`):

    NOT RUNNING  -- STREAK similar cycles of running -->      RUNNING      all of them are running steps
    NOT RUNNING  -- a cycle that cannot begin a run -->       NOT RUNNING  a walking step or none
    RUNNING      -- a cycle that continues the run -->        RUNNING      a running step
    RUNNING      -- a first cycle that does not -->           RUNNING      dropped: it may be two merged steps
    RUNNING      -- a second such cycle in a row -->          NOT RUNNING  classified as above

A cycle is a walking step if it and one of its neighbours have the amplitude and length of walking. When
`MANY_REVERSED` cycles in a row would be a run with another alignment, the forward axis is dropped. Over a
short gap RUNNING stays RUNNING; over a longer one it becomes NOT RUNNING.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imurun.core.alignment import Mounting
from imurun.core.contact import CONSTANTS, ContactConstants
from imurun.core.earlier_layouts import converted
from imurun.core.filters import gaussian_taps, smooth_span, sum_of
from imurun.core.gait import (
    QUEUE,
    RUNNING_PERIOD_S,
    STREAK,
    add_alternation,
    alternates,
    follows,
    has_running_amplitude,
    has_running_mechanics,
    has_walking_amplitude,
    is_reversed_streak,
    is_running_streak,
    may_begin_run,
    measure_loop,
    restart_alternation,
    stays_running,
)
from imurun.core.impact import CUTOFF_HZ as IMPACT_CUTOFF_HZ
from imurun.core.jit import entry, is_kept, kernel, read_only
from imurun.core.lumbar import DEFAULT_HEIGHT_M
from imurun.core.ring_buffer import (
    CLIPPED,
    FORWARD,
    LASTING_CHANNELS,
    LEFTWARD,
    RESULTANT,
    SLOW_FORWARD,
    SLOW_LEFTWARD,
    SLOW_VERTICAL,
    VERTICAL,
    make_room,
    new_buffer,
    write_levels,
)
from imurun.core.rows import NO_SECONDS, NO_STEPS, copied, in_bytes
from imurun.core.seconds import FULL_SCALES_G, SECOND, close_second, watch_second, write_clipped
from imurun.core.side import log_odds_of_left, side_code
from imurun.core.state import (
    Coefficients,
    continue_after,
    count_reversed,
    forget_steps,
    knows_heading,
    new_state,
)
from imurun.core.step import (
    BLANK,
    FRESH_STEPS,
    RUNNING,
    WALKING,
    store_standing,
    write_running,
    write_walking,
)
from imurun.core.step_cycle import CUTOFF_HZ as STEP_CYCLE_CUTOFF_HZ
from imurun.core.step_cycle import STEP_CYCLE, track
from imurun.core.stride_component import measure_halves
from imurun.model.calibration import Calibration, tables
from imurun.model.frames import FloatArray, G
from imurun.model.speed import SpeedTable

CONTINUES = -1
"""In place of a number of missing samples: the stream continues without a gap."""
NO_SAMPLES = (read_only(0, 3), read_only(0, 4))
LONGEST_WAIT_S = 1.5
"""A waiting cycle is classified after this time even if no further cycle is completed."""


LEAST_SEEN_S = 0.01
"""Without so much signal before it, a minimum after a gap may be the edge of the gap."""


class StepperSettings(NamedTuple):
    """Settings of an analysis, the same for the alignment search and for the run after it.

    Attributes:
        rate_hz: samples a second.
        has_gyro: whether roll, pitch and yaw are measured.
        height_m: stature, or None for 1.75.
        acc_range_g: full scale of the accelerometer, or None to detect the common ones.
        constants: of the contact formula.
        speed: known running speed by stream time; None if unknown.
        calibration: of this runner's contact times, made with `CONTACT_MODEL`; None without one.
    """

    rate_hz: float
    has_gyro: bool = True
    height_m: float | None = None
    acc_range_g: float | None = None
    constants: ContactConstants = CONSTANTS
    speed: SpeedTable | None = None
    calibration: Calibration | None = None


class StepperStart(NamedTuple):
    """Where a stepper begins in a stream, and what the alignment search has measured before.

    Attributes:
        first_index: absolute index of the next sample.
        standing: mean specific force while standing, shape (3,), sensor frame, if it was measured.
        n_clipped: samples at full scale that are counted already.
        count_from: first index not counted for `n_clipped`.
    """

    first_index: int = 0
    standing: FloatArray | None = None
    n_clipped: int = 0
    count_from: int = 0


FROM_ZERO = StepperStart()


class Stepper:
    """Detects steps in samples whose orientation is known.

    Args:
        settings: see `StepperSettings`.
        mounting: the sensor-to-body alignment. With the source "level", columns that need a forward axis are
            NaN; one found from running has zero pitch at no lean.
        start: see `StepperStart`.
    """

    def __init__(
        self, settings: StepperSettings, mounting: Mounting, start: StepperStart = FROM_ZERO
    ) -> None:
        self.coefficients = coefficients(settings, mounting)
        rate_hz = self.coefficients.rate_hz
        self._states = new_state(start.first_index)
        if start.standing is not None:
            self._states[0]["standing"] = start.standing
        if mounting.source in ("found", "whole"):
            self._states[0]["n_fresh"] = FRESH_STEPS
            self._states[0]["fresh_pitch"] = 0.0
        self._states[0]["n_clipped"] = start.n_clipped
        self._states[0]["count_from"] = start.count_from
        self._buffer = new_buffer(rate_hz)
        self._queue = np.zeros(QUEUE, dtype=STEP_CYCLE)
        self._steps = np.repeat(BLANK, most_steps(0, rate_hz))
        self._seconds = np.zeros(1, dtype=SECOND)

    def push(self, acc: FloatArray, quats: FloatArray) -> tuple[np.ndarray, np.ndarray]:
        """Process contiguous samples; returns the steps (STEP) and seconds (SECOND) that are decided.

        Args:
            acc: shape (n, 3), m/s2, sensor frame, finite. quats: shape (n, 4), sensor to earth.
        """
        acc, quats = np.ascontiguousarray(acc), np.ascontiguousarray(quats)
        self._make_room(len(acc))
        steps, n_seconds = self._advance(acc, quats, CONTINUES)
        return steps, copied(self._seconds[:n_seconds]) if n_seconds else NO_SECONDS

    def break_off(self, n_missing: int) -> np.ndarray:
        """End the stream, or continue it after `n_missing` samples; returns the steps decided by that."""
        return self._advance(*NO_SAMPLES, n_missing)[0]

    def _make_room(self, n: int) -> None:
        """Enlarge the output arrays for `n` samples."""
        rate_hz = self.coefficients.rate_hz
        if len(self._steps) < most_steps(n, rate_hz):
            self._steps = np.repeat(BLANK, most_steps(n, rate_hz))
        most_seconds = n // int(rate_hz) + 2
        if len(self._seconds) < most_seconds:
            self._seconds = np.zeros(most_seconds, dtype=SECOND)

    def _advance(self, acc: FloatArray, quats: FloatArray, n_missing: int) -> tuple[np.ndarray, int]:
        """Returns the decided steps, and how many rows of `_seconds` were filled."""
        n_steps, n_seconds = advance(*self.arguments(acc, quats, n_missing))
        if not n_steps:
            return NO_STEPS, n_seconds
        taken = copied(self._steps[:n_steps])
        in_bytes(self._steps)[:n_steps] = in_bytes(BLANK)
        return taken, n_seconds

    def arguments(self, acc: FloatArray, quats: FloatArray, n_missing: int) -> tuple[Any, ...]:
        """The arguments of `advance`."""
        return (
            acc,
            quats,
            n_missing,
            self._states,
            self._buffer,
            self._queue,
            self.coefficients,
            self._steps,
            self._seconds,
        )

    @property
    def record(self) -> Any:
        """The state as one record of STATE, for reading."""
        return self._states[0]

    @property
    def slips_s(self) -> tuple[float, float]:
        """When a slipped sensor, and when a wrong alignment, was detected, s; NaN where not."""
        return float(self._states[0]["slipped_s"]), float(self._states[0]["turned_s"])

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Copies of everything that changes, for saving and restoring, also from older versions."""
        return {"state": self._states.copy(), "history": self._buffer.copy(), "queue": self._queue.copy()}

    @state.setter
    def state(self, saved: dict[str, np.ndarray]) -> None:
        self._states[:] = converted(saved["state"], new_state(0))
        n = len(self._buffer) if len(saved["history"]) == len(self._buffer) else LASTING_CHANNELS
        self._buffer[:n] = saved["history"][:n]  # temporary channels differ between versions
        self._queue[:] = converted(saved["queue"], np.zeros(1, dtype=STEP_CYCLE))


def coefficients(settings: StepperSettings, mounting: Mounting) -> Coefficients:
    """The constants of the kernels that follow from the settings and the alignment."""
    rate_hz, scale_g, speed = float(settings.rate_hz), settings.acc_range_g, settings.speed
    by_speed, by_cadence = tables(settings.calibration)
    highest_hz = 0.4 * rate_hz  # below the Nyquist frequency, so that a filter has at least a few taps
    return Coefficients(
        rate_hz=rate_hz,
        slow_taps=gaussian_taps(rate_hz, STEP_CYCLE_CUTOFF_HZ),
        sharp_taps=gaussian_taps(rate_hz, min(IMPACT_CUTOFF_HZ, highest_hz)),
        mounting=np.array(mounting.rotation, dtype=np.float64, order="C"),
        heading_known=mounting.heading_known,
        has_gyro=bool(settings.has_gyro),
        height_m=DEFAULT_HEIGHT_M if settings.height_m is None else float(settings.height_m),
        clip_levels=np.array(FULL_SCALES_G if scale_g is None else (scale_g,)) * G,
        clip_exact=scale_g is not None,
        contact=settings.constants,
        speed_starts_s=np.zeros(0) if speed is None else speed.start_s.copy(),
        speeds_m_s=np.zeros(0) if speed is None else speed.speed_m_s.copy(),
        offset_by_speed=by_speed,
        offset_by_cadence=by_cadence,
    )


def most_steps(n: int, rate_hz: float) -> int:
    """An upper bound of the steps decided with `n` samples: those waiting, and cycles of the least length.

    Cycles do not overlap, and one may have begun before.
    """
    return QUEUE + int(n / (RUNNING_PERIOD_S[0] * rate_hz)) + 2


def is_compiled() -> bool:
    """Whether the kernels are compiled; it takes about 20 seconds, once per machine."""
    return is_kept(advance)


def _arguments() -> tuple[Any, ...]:
    """Arguments of the types that `advance` is compiled for."""
    mounting = Mounting(np.eye(3), 1.0, "given", 0.0)
    return Stepper(StepperSettings(25.0), mounting).arguments(*NO_SAMPLES, CONTINUES)


@entry(_arguments)
def advance(acc, quats, n_missing, states, buffer, queue, c, steps, seconds):
    """Process contiguous samples, then skip `n_missing` samples, or none for `CONTINUES`.

    Returns:
        How many rows of `steps` and `seconds` were written.
    """
    state = states[0]
    taken = 0
    while taken < len(acc):
        if state["next"] - state["base"] == buffer.shape[1]:
            state["base"] = make_room(buffer, state["base"], buffer.shape[1])
        stop = min(len(acc), taken + buffer.shape[1] - (state["next"] - state["base"]))
        part = acc[taken:stop]
        column = state["next"] - state["base"]
        write_levels(buffer, column, part, quats[taken:stop], c.mounting)
        flags = buffer[CLIPPED, column : column + len(part)]
        write_clipped(flags, part, state["last_sample"], c.clip_levels, c.clip_exact)
        counted = flags[max(state["count_from"] - state["next"], 0) :]
        state["n_clipped"] += int(sum_of(counted))
        newest = state["next"] + len(part) - 1
        smooth_until(state, buffer, newest + 1 - len(c.slow_taps) // 2, newest, c)
        find_steps(state, buffer, queue, part, c, steps, seconds)
        taken = stop
        state["measured_until"] = state["next"]
    if n_missing != CONTINUES:
        break_off(state, buffer, queue, c, steps)
        continue_after(state, n_missing, c.rate_hz)
    written = state["n_steps"], state["n_seconds"]
    # the saved state must not depend on the split of the samples
    state["n_steps"] = 0
    state["n_seconds"] = 0
    return written


@kernel
def smooth_until(state, buffer, stop, newest, c):
    """Low-pass the samples before index `stop` that are not low-passed yet; `newest` is the last sample."""
    base = state["base"]
    first = max(state["oldest"], base) - base
    last = newest - base
    begin = state["slow_next"] - base
    for raw, slow in ((VERTICAL, SLOW_VERTICAL), (FORWARD, SLOW_FORWARD), (LEFTWARD, SLOW_LEFTWARD)):
        smooth_span(buffer[raw], buffer[slow], begin, max(stop - base, begin), first, last, c.slow_taps)


@kernel
def find_steps(state, buffer, queue, acc, c, steps, seconds):
    """Process samples, which are in the buffer already, one by one.

    Decisions at a sample use no later one, although the buffer contains them: so any split gives the same
    bytes.
    """
    lag = len(c.slow_taps) // 2
    window = int(np.rint(c.rate_hz))
    longest_wait = LONGEST_WAIT_S * c.rate_hz
    slow, resultant = buffer[SLOW_VERTICAL], buffer[RESULTANT]
    for i in range(len(acc)):
        index = state["next"]
        state["next"] = index + 1
        if watch_second(state, acc, i, resultant[index - state["base"]], window):
            second = seconds[state["n_seconds"]]
            second["first"] = index + 1 - window
            second["motion_g"] = close_second(state, window)
            state["n_seconds"] += 1
        if index >= state["slow_next"] + lag and track_next(state, slow, queue, c):
            classify(state, buffer, queue, c, steps)
        n = state["waiting"]
        if n > 0 and index > queue[n - 1]["end"] + longest_wait:
            resolve_first(state, buffer, queue, n, c, steps)


@kernel
def break_off(state, buffer, queue, c, steps):
    """Classify all waiting cycles, as no samples follow."""
    smooth_until(state, buffer, state["next"], state["next"] - 1, c)
    while state["slow_next"] < state["next"]:
        if track_next(state, buffer[SLOW_VERTICAL], queue, c):
            classify(state, buffer, queue, c, steps)
    resolve_first(state, buffer, queue, state["waiting"], c, steps)


@kernel
def track_next(state, slow, queue, c):
    """Track one more sample of the low-passed vertical; True when a cycle was added to the queue."""
    k = state["slow_next"]
    state["slow_next"] = k + 1
    return track(slow, state["base"], k, c.rate_hz, state["tracker"], queue[state["waiting"]])


@kernel
def classify(state, buffer, queue, c, steps):
    """Classify the cycle just completed, at the end of the queue, and those waiting before it if possible.

    In a run that continues after a gap, the first cycle is left out if it seems to have begun in the gap.
    """
    n = state["waiting"]
    if state["running"] and queue[n]["begin"] < state["oldest"] + max(LEAST_SEEN_S * c.rate_hz, 1.0):
        state["tracker"]["last_up_crossing"] = np.nan
        return
    heading = knows_heading(state, c)
    measure_loop(buffer, state["base"], queue[n])
    measure_halves(buffer, state["base"], queue[n])
    n += 1
    state["waiting"] = n
    if state["running"]:
        if stays_running(
            queue[0],
            state["last_running"],
            state["classified_until"],
            state["n_rejected"],
            heading,
            c.rate_hz,
        ) and alternates(state["alternation"]):
            note_period(state, queue[0])
            write_run(state, buffer, queue, c, steps)
            return
        state["n_rejected"] += 1
        if state["since_gap"] == 0:
            # the gap may have cut the cycle: the next one must not count its period from it
            state["tracker"]["last_up_crossing"] = np.nan
        if state["n_rejected"] == 1:
            state["waiting"] = 0
            return
        state["running"] = 0
        forget_steps(state)
    base, has_gyro = state["base"], c.has_gyro
    if (
        heading
        and is_reversed_streak(queue, n, c.rate_hz)
        and has_running_mechanics(buffer, base, queue, n, False, has_gyro, c.rate_hz)
    ):
        count_reversed(state, queue[n - 1]["end"] / c.rate_hz)
        heading = knows_heading(state, c)
    elif not has_running_amplitude(queue[n - 1], c.rate_hz, 1.0):
        state["n_reversed"] = 0
    if is_running_streak(queue, n, heading, c.rate_hz) and has_running_mechanics(
        buffer, base, queue, n, heading, has_gyro, c.rate_hz
    ):
        resolve_first(state, buffer, queue, n - STREAK, c, steps)
        forget_steps(state)
        state["running"] = 1
        state["n_reversed"] = 0
        state["n_contacts"] = 0
        restart_alternation(state["alternation"])
        store_standing(state, c.mounting)
        # the first step has no period yet: it takes that of the second
        state["periods"][:] = (queue[1]["end"] - queue[1]["begin"]) / c.rate_hz
        note_period(state, queue[1])
        note_period(state, queue[1])
        write_run(state, buffer, queue, c, steps)
        return
    resolve_first(state, buffer, queue, n - n_undecided(queue, n, heading, c.rate_hz), c, steps)
    # a step that continues a walk is classified without a next one
    continues_walk = state["classification"] == WALKING and state["classified_until"] == queue[0]["begin"]
    if state["waiting"] == 1 and continues_walk and not may_begin_run(queue[0], heading, c.rate_hz):
        resolve_first(state, buffer, queue, 1, c, steps)


@kernel
def n_undecided(queue, n, heading_known, rate_hz):
    """How many of the last cycles may still begin a run, or need the next one for their classification."""
    for waiting in range(min(n, STREAK - 1), 1, -1):
        if may_begin_run(queue[n - waiting], heading_known, rate_hz):
            return waiting
    return 1


@kernel
def note_period(state, cycle):
    """Store the period of a step if it is one of running."""
    period_s = cycle["period_s"]
    if RUNNING_PERIOD_S[0] <= period_s <= RUNNING_PERIOD_S[1]:
        state["periods"][0] = state["periods"][1]
        state["periods"][1] = period_s


@kernel
def resolve_first(state, buffer, queue, gone, c, steps):
    """Classify the first `gone` waiting cycles as walking steps or no steps, and move the others up."""
    n = state["waiting"]
    for i in range(gone):
        cycle = queue[i]
        before = state["classification"] == WALKING and state["classified_until"] == cycle["begin"]
        walks = False
        if has_walking_amplitude(cycle, c.rate_hz):
            after = (
                i + 1 < n and has_walking_amplitude(queue[i + 1], c.rate_hz) and follows(cycle, queue[i + 1])
            )
            walks = after or before
        if walks:
            if not before:
                forget_steps(state)
            write_walking(state, buffer, cycle, c, steps[state["n_steps"]])
            state["n_steps"] += 1
        state["classification"] = WALKING if walks else -1
        state["classified_until"] = cycle["end"]
    for i in range(gone, n):
        queue[i - gone] = queue[i]
    state["waiting"] = n - gone


@kernel
def write_run(state, buffer, queue, c, steps):
    """Write all waiting cycles as running steps, then determine their sides together."""
    first_row = state["n_steps"]
    flips = np.zeros(STREAK)
    heading = knows_heading(state, c)
    for i in range(state["waiting"]):
        before = queue[i - 1] if i > 0 else state["last_running"]
        add_alternation(state["alternation"], before, queue[i], heading, c.has_gyro)
        if i > 0:
            note_period(state, queue[i])
        row = state["n_steps"]
        if write_running(state, buffer, before, queue[i], c, steps[row]):
            flips[row - first_row] = state["parity"]["flip"]
            state["n_steps"] = row + 1
        state["classified_until"] = queue[i]["end"]
    state["last_running"] = queue[state["waiting"] - 1]
    state["classification"] = RUNNING
    state["n_rejected"] = 0
    state["waiting"] = 0
    if not heading:
        return
    # the last step has the most evidence: its side determines those that waited with it
    log_odds = log_odds_of_left(state["parity"])
    for row in range(state["n_steps"] - 1, first_row - 1, -1):
        steps[row]["side"] = side_code(log_odds)
        log_odds *= flips[row - first_row]
