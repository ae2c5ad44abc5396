"""Search for the sensor-to-body alignment in the first running of a stream.

Samples are held, and steps are detected with only the up axis known, until the alignment is found:

    NO RUNNING    -- first running step -->              RUNNING SEEN
    RUNNING SEEN  -- enough running, see `_decide` -->   FOUND
    RUNNING SEEN  -- LONGEST_HOLD_S with too few -->     NO RUNNING    the withheld steps are reported

In NO RUNNING, steps are reported and LOOK_BACK_S of samples are held. In RUNNING SEEN, steps are withheld,
and samples are held from LEAD_S before the first running step. With FOUND, `RunAnalyzer` analyses the held
samples again, with the alignment.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imurun.core.alignment import AlignmentEvidence, Mounting, smoothing_taps
from imurun.core.earlier_layouts import converted
from imurun.core.rows import NO_SECONDS, NO_STEPS, copied, joined
from imurun.core.step import BLANK, RUNNING
from imurun.core.stepper import Stepper, StepperSettings, StepperStart
from imurun.model.frames import FloatArray, level_rotation

LOOK_BACK_S = 4.0
"""Held without running: a run is dated back by less than this."""
LEAD_S = 1.0
"""Seconds held before the first running step, so that the smoothing settles."""
ENOUGH_RUNNING_S = 10.0
ENOUGH_CONFIDENCE = 0.5
PLENTY_RUNNING_S = 20.0
LONGEST_HOLD_S = 60.0
"""This long after the first running step, the search decides with the strides there are."""
LEAST_STRIDES = 3
"""At the end of the stream, fewer strides give no alignment."""
FEW_STRIDES = 8
"""With fewer strides after the longest hold it was no run, and the search restarts."""


class AlignmentSearch:
    """Finds the sensor-to-body alignment while samples pass, and holds the samples to analyse again with it.

    Decisions are made once a second, counted in samples from the start, so that they do not depend on the
    split of the stream into blocks.

    Args:
        settings: as for `Stepper`.
        first_up: mean specific force at the start, shape (3,), sensor frame.
        first_index: absolute index of the first sample.
        whole_file: use all running of the stream before deciding (for files).
    """

    def __init__(
        self, settings: StepperSettings, *, first_up: FloatArray, first_index: int, whole_file: bool
    ) -> None:
        self._rate_hz = settings.rate_hz
        self._whole_file = whole_file
        self._up = level_rotation(first_up)
        self._level_stepper = Stepper(settings, self.level, StepperStart(first_index))
        self._evidence = AlignmentEvidence()
        self._margin = len(smoothing_taps(settings.rate_hz)) // 2
        self._samples_a_second = round(settings.rate_hz)
        self._held = HeldSamples(first_index)
        self._withheld = NO_STEPS
        self._standing = np.full(3, np.nan)
        self._last_step = NO_STEPS

    def push(
        self, acc: FloatArray, gyr: FloatArray | None, quats: FloatArray
    ) -> tuple[int, np.ndarray, np.ndarray, Mounting | None]:
        """Process contiguous samples until the alignment is found.

        Returns:
            How many samples were processed, the steps and seconds that can be reported already, and the
            alignment once it is found; the rest of the samples is then unused.
        """
        ready: list[np.ndarray] = []
        seconds: list[np.ndarray] = []
        taken = 0
        while taken < len(acc):
            rows = slice(taken, taken + self._samples_a_second - self._held.stop % self._samples_a_second)
            block = acc[rows]
            self._held.append(block, None if gyr is None else gyr[rows], quats[rows])
            steps, these_seconds = self._level_stepper.push(block, quats[rows])
            taken += len(block)
            seconds.append(these_seconds)
            ready.append(self._take(steps))
            mounting, no_run = self._decide()
            ready.append(no_run)
            if mounting is not None:
                return taken, joined(ready, NO_STEPS), joined(seconds, NO_SECONDS), mounting
            self._forget()
        return taken, joined(ready, NO_STEPS), joined(seconds, NO_SECONDS), None

    def skip(self, n_missing: int) -> tuple[int, np.ndarray, Mounting | None]:
        """Continue after a gap of `n_missing` samples; returns as `push`, but no seconds."""
        ready = [self._take(self._level_stepper.break_off(0))]
        self._last_step = NO_STEPS
        taken = 0
        while taken < n_missing:
            if len(self._withheld):
                n_part = min(
                    self._samples_a_second - self._held.stop % self._samples_a_second, n_missing - taken
                )
            else:
                n_part = n_missing - taken  # there is nothing to decide within the gap
            self._level_stepper.break_off(n_part)
            self._held.skip(n_part)
            taken += n_part
            mounting, no_run = self._decide()
            ready.append(no_run)
            if mounting is not None:
                return taken, joined(ready, NO_STEPS), mounting
            self._forget()
        return taken, joined(ready, NO_STEPS), None

    def finish(self) -> tuple[np.ndarray, Mounting | None]:
        """End the stream; returns the last steps to report, and the alignment if strides suffice."""
        ready = self._take(self._level_stepper.break_off(0))
        if self._evidence.n_strides >= LEAST_STRIDES:
            return ready, self._solve("whole" if self._whole_file else "found")
        return joined([ready, self._withheld], NO_STEPS), None

    @property
    def level(self) -> Mounting:
        """The alignment before running: up from the start, any heading."""
        return Mounting(self._up, 0.0, "level", 0.0)

    @property
    def held(self) -> HeldSamples:
        """The samples to analyse again."""
        return self._held

    @property
    def standing(self) -> FloatArray:
        """Mean specific force of the last still second before the run, sensor frame; NaN without one."""
        return self._standing

    @property
    def n_clipped(self) -> int:
        """Number of samples at full scale so far."""
        return int(self._level_stepper.record["n_clipped"])

    def _take(self, steps: np.ndarray) -> np.ndarray:
        """Use new steps for the search; returns those to report: all before the first run."""
        if not len(steps):
            return steps
        for i in np.flatnonzero(steps["gait"] == RUNNING):
            self._learn(steps[i - 1 : i] if i else self._last_step, steps[i])
        self._last_step = copied(steps[-1:])
        if self._whole_file:
            return steps  # not reported: the file is analysed again
        first = 0
        if not len(self._withheld):
            running = np.flatnonzero(steps["gait"] == RUNNING)
            first = int(running[0]) if len(running) else len(steps)
            self._standing = np.array(self._level_stepper.record["standing"])
        self._withheld = joined([self._withheld, steps[first:]], NO_STEPS)
        return steps[:first]

    def _learn(self, last_step: np.ndarray, step: np.void) -> None:
        """Add the stride that ends with this running step; `last_step` has one row or none."""
        if not len(last_step) or last_step[0]["gait"] != RUNNING:
            return
        before = last_step[0]
        if before["cycle"]["end"] != step["cycle"]["begin"]:
            return
        first = int(np.ceil(before["cycle"]["begin"]))
        middle = round(float(before["cycle"]["end"])) - first
        stop = int(np.ceil(step["cycle"]["end"]))
        window = self._held.window(first - self._margin, stop + self._margin)
        if window is not None:
            self._evidence.add_stride(*window, self._rate_hz, self._margin, middle)

    def _decide(self) -> tuple[Mounting | None, np.ndarray]:
        """Returns the alignment if the evidence suffices, and the withheld steps of what was no run."""
        if self._whole_file or not len(self._withheld) or self._held.stop % self._samples_a_second:
            return None, NO_STEPS
        held_s = self._held.stop / self._rate_hz - self._withheld[0]["initial_contact_s"]
        running_s = float(np.sum(self._withheld["period_s"][self._withheld["gait"] == RUNNING]))
        if self._evidence.n_strides >= FEW_STRIDES:
            mounting = self._solve("found")
            sure = mounting.confidence >= ENOUGH_CONFIDENCE and running_s >= ENOUGH_RUNNING_S
            if sure or running_s >= PLENTY_RUNNING_S or held_s >= LONGEST_HOLD_S:
                return mounting, NO_STEPS
        elif held_s >= LONGEST_HOLD_S:
            no_run, self._withheld = self._withheld, NO_STEPS
            self._evidence = AlignmentEvidence()
            return None, no_run
        return None, NO_STEPS

    def _solve(self, source: Any) -> Mounting:
        rotation, confidence = self._evidence.solve()
        return Mounting(rotation, confidence, source, self._held.stop / self._rate_hz)

    def _forget(self) -> None:
        """Drop samples that no run can reach back to."""
        if len(self._withheld):
            first = self._withheld[0]["cycle"]["begin"] - LEAD_S * self._rate_hz
        else:
            first = self._held.stop - LOOK_BACK_S * self._rate_hz
        self._held.drop_before(int(first))

    @property
    def state(self) -> dict[str, Any]:
        """Copies of everything that changes, for saving and restoring."""
        return {
            "level": self._level_stepper.state,
            "evidence": {name: np.array(value) for name, value in vars(self._evidence).items()},
            "held": self._held.state,
            "withheld": self._withheld.copy(),
            "standing": self._standing.copy(),
            "last_step": self._last_step.copy(),
        }

    @state.setter
    def state(self, saved: dict[str, Any]) -> None:
        self._level_stepper.state = saved["level"]
        evidence: dict[str, Any] = {name: np.array(value) for name, value in saved["evidence"].items()}
        evidence["n_strides"] = int(saved["evidence"]["n_strides"])
        self._evidence = AlignmentEvidence(**evidence)
        self._held.state = saved["held"]
        self._withheld = converted(saved["withheld"], BLANK)
        self._standing = saved["standing"].copy()
        self._last_step = converted(saved["last_step"], BLANK)


class HeldSamples:
    """The last samples with their orientation; gaps are rows of NaN.

    `start` and `stop` are absolute sample indices.
    """

    def __init__(self, first_index: int) -> None:
        self.start = first_index
        self.stop = first_index
        self._parts: list[tuple[FloatArray, FloatArray | None, FloatArray]] = []

    def append(self, acc: FloatArray, gyr: FloatArray | None, quats: FloatArray) -> None:
        """Add samples; they are copied."""
        self._parts.append((acc.copy(), None if gyr is None else gyr.copy(), quats.copy()))
        self.stop += len(acc)

    def skip(self, n_missing: int) -> None:
        """Append a gap of `n_missing` rows."""
        has_gyro = bool(self._parts) and self._parts[-1][1] is not None
        missing = np.broadcast_to(np.nan, (n_missing, 4))  # needs no memory until joined
        self._parts.append((missing[:, :3], missing[:, :3] if has_gyro else None, missing))
        self.stop += n_missing

    def drop_before(self, index: int) -> None:
        """Drop samples before an absolute index."""
        while self._parts and self.start + len(self._parts[0][0]) <= index:
            self.start += len(self._parts.pop(0)[0])
        if self._parts and index > self.start:
            cut = index - self.start
            self._parts[0] = tuple(None if a is None else a[cut:] for a in self._parts[0])  # type: ignore[assignment]
            self.start = index

    def arrays(self) -> tuple[FloatArray, FloatArray | None, FloatArray]:
        """Specific force, angular rate and quaternions from `start` to `stop`."""
        if len(self._parts) > 1:
            acc, gyr, quats = zip(*self._parts, strict=True)
            joined = None if gyr[0] is None else np.concatenate(gyr)
            self._parts = [(np.concatenate(acc), joined, np.concatenate(quats))]
        if not self._parts:
            return np.zeros((0, 3)), None, np.zeros((0, 4))
        return self._parts[0]

    def window(self, first: int, stop: int) -> tuple[FloatArray, FloatArray | None] | None:
        """Specific force and rate of [first, stop), or None when some of it is missing."""
        if first < self.start or stop > self.stop:
            return None
        acc, gyr, _ = self.arrays()
        rows = slice(first - self.start, stop - self.start)
        if not np.isfinite(acc[rows]).all():
            return None
        return acc[rows], None if gyr is None else gyr[rows]

    @property
    def state(self) -> dict[str, Any]:
        """Copies of everything that changes, for saving and restoring."""
        acc, gyr, quats = self.arrays()
        none = np.zeros((0, 3))
        return {
            "start": self.start,
            "stop": self.stop,
            "acc": acc.copy(),
            "gyr": none if gyr is None else gyr.copy(),
            "has_gyro": gyr is not None,
            "quats": quats.copy(),
        }

    @state.setter
    def state(self, saved: dict[str, Any]) -> None:
        self.start, self.stop = int(saved["start"]), int(saved["stop"])
        gyr = saved["gyr"].copy() if saved["has_gyro"] else None
        self._parts = [(saved["acc"].copy(), gyr, saved["quats"].copy())] if len(saved["acc"]) else []
