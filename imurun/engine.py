"""RunAnalyzer: from samples to steps, the same way for live streams and for files.

Short gaps are bridged (`imurun.model.gaps`). The states of an analysis with mounting="find":

    START    -- START_S of samples -->         SEARCH    orientation is known, steps with the up axis only
    SEARCH   -- alignment found -->            RUNNING   held samples are analysed again, with the alignment
    SEARCH   -- end of the stream -->          RUNNING   if there were enough strides, else the end
    RUNNING

With a given mounting, START leads to RUNNING. `_start`, `_search` and `_stepper` are set in the state of that
name. A gap in START ends it with the samples there are; one in SEARCH or RUNNING splits the
step cycles only; over a short one (`imurun.model.gaps.LONGEST_CARRIED_S`) the run continues.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from imurun.core.alignment import Mounting
from imurun.core.alignment_search import AlignmentSearch
from imurun.core.contact import CONSTANTS, CONTACT_MODEL, ContactConstants, as_constants
from imurun.core.orientation import START_S, TINY, Orientation
from imurun.core.rows import NO_SECONDS, NO_STEPS, joined
from imurun.core.stepper import Stepper, StepperSettings, StepperStart
from imurun.errors import RecordingError, SettingsError
from imurun.model.calibration import Calibration
from imurun.model.columns import GAITS, SIDES
from imurun.model.frames import FloatArray, as_rotation
from imurun.model.gaps import GapFiller, Stretch, longest_bridge, missing_rows, stretches
from imurun.model.recording_like import Recorded
from imurun.model.runner import Runner
from imurun.model.speed import SpeedTable
from imurun.model.time_grid import check_rate

Rows = npt.NDArray[Any]
Output = tuple[Rows, Rows]
"""Steps (dtype STEP) and seconds (dtype SECOND) that were decided."""

SAME_STEP_S = 0.15
"""A step this soon after a reported one is the same step, found again in the held samples."""
UNSURE_MOUNTING = 0.3
"""Below this confidence of the alignment there is a warning."""
BLOCK_S = 30.0
"""A recording is pushed in blocks of this length, for progress and memory; the steps do not depend on it."""


class Step(NamedTuple):
    """One step; `imurun.model.columns.STEP_COLUMNS` lists the same fields, with unit and meaning of each."""

    initial_contact_s: float
    final_contact_s: float
    side: str
    gait: str
    step_time_ms: float
    contact_time_ms: float
    contact_time_mean_ms: float
    flight_time_ms: float
    duty_factor: float
    cadence_spm: float
    vertical_oscillation_mm: float
    peak_impact_g: float
    peak_vertical_g: float
    peak_resultant_g: float
    braking_g: float
    loading_rate_g_s: float
    peak_vgrf_bw: float
    vertical_impulse_bw_s: float
    lumbar_compression_bw: float
    lumbar_shear_bw: float
    lumbar_dose: float
    lean_deg: float
    roll_rom_deg: float
    pitch_rom_deg: float
    yaw_rom_deg: float
    ml_sway_ratio: float
    step_regularity: float
    stride_regularity: float
    quality: float
    initial_contact_error_ms: float
    final_contact_error_ms: float
    contact_time_error_ms: float
    peak_vgrf_error_bw: float
    decided_s: float


def outdated(calibration: Calibration) -> str:
    """Why a calibration cannot be used with this contact model, in a sentence; "" if it can."""
    if calibration.model == CONTACT_MODEL:
        return ""
    return (
        f"The calibration of {calibration.date} was made with another contact model "
        f"({calibration.model}, this one is {CONTACT_MODEL}) and is not used; "
        "make it anew with `imurun calibrate`."
    )


class RunAnalyzer:
    """Detects steps in the samples of one lower-back IMU.

    Any split of the same samples into blocks gives byte-identical steps. Until the mounting is known (after
    about ten seconds of running) samples are held, and analysed again with it, so that no step is lost.

    Args:
        rate_hz: samples a second, 25 to 5000.
        runner: whose height scales the lumbar model, and whose calibration corrects contact times; None for
            a height of 1.75 m and no calibration.
        mounting: "find" to estimate it from the first running, or a rotation body from sensor, shape (3, 3);
            the identity for samples in anatomical axes (anterior, left, up).
        has_gyro: whether blocks will have angular rates.
        acc_range_g: full scale of the accelerometer; None to detect the common ones.
        constants: of the contact formula, `imurun.core.contact`.
        speed: known running speed by stream time; None if unknown.

    Raises:
        RecordingError: a rate outside the limits.
        SettingsError: a mounting that is not a rotation.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        runner: Runner | None = None,
        mounting: Literal["find"] | npt.ArrayLike | Mounting = "find",
        has_gyro: bool = True,
        acc_range_g: float | None = None,
        constants: ContactConstants = CONSTANTS,
        speed: SpeedTable | None = None,
    ) -> None:
        self.rate_hz = check_rate(rate_hz)
        self._has_gyro = has_gyro
        height_m = None if runner is None else runner.height_m
        given = None if runner is None else runner.calibration
        self._outdated = "" if given is None else outdated(given)
        self._settings = StepperSettings(
            self.rate_hz,
            has_gyro,
            height_m,
            acc_range_g,
            as_constants(constants),
            speed,
            None if self._outdated else given,
        )
        self._given = as_mounting(mounting)
        self._n_start = round(START_S * self.rate_hz)
        self._index = 0
        self._gaps = GapFiller(longest_bridge(self.rate_hz))
        self._first_index = 0
        self._start: list[tuple[FloatArray, FloatArray | None]] = []
        self._orientation: Orientation | None = None
        self._first_sample = np.zeros(3)
        self._first_up = np.zeros(3)
        self._search: AlignmentSearch | None = None
        self._stepper: Stepper | None = None
        self._mounting: Mounting | None = None
        self._reported_step_s = -np.inf
        self._reported_second = -1
        self._finished = False
        self._whole_file = False

    # ------------------------------------------------------------------------------ samples in, steps out

    def push(self, acc: npt.ArrayLike, gyr: npt.ArrayLike | None = None) -> list[Step]:
        """Process the next samples, and return the steps that are decided.

        Args:
            acc: specific force, shape (n, 3), m/s2, sensor axes. A row with a value that is not finite, or
                larger than any sensor measures, is a missing sample.
            gyr: angular rate, shape (n, 3), rad/s; left out when there is no gyroscope.

        Raises:
            RecordingError: wrong shapes, a gyroscope against `has_gyro`, a finished run.
        """
        return as_steps(self.push_arrays(acc, gyr)[0])

    def finish(self) -> list[Step]:
        """End the run, and return the last steps. Nothing can be pushed afterwards."""
        return as_steps(self.finish_arrays()[0])

    def push_arrays(self, acc: npt.ArrayLike, gyr: npt.ArrayLike | None = None) -> Output:
        """As `push`, but with steps as a structured array, and with the seconds that are complete.

        Returns:
            Steps (dtype `imurun.core.step.STEP`) and seconds (dtype `imurun.core.seconds.SECOND`).
        """
        return _concatenate([self._take(stretch) for stretch in self._gaps.push(*self._check(acc, gyr))])

    def finish_arrays(self) -> Output:
        """As `finish`, but in the form of `push_arrays`."""
        parts: list[Output] = []
        if not self._finished:
            self._finished = True
            if self._orientation is None and self._start:
                parts.append(self._begin())
            if self._search is not None:
                steps, mounting = self._search.finish()
                parts.append(self._new_only(steps, NO_SECONDS))
                if mounting is not None:
                    parts.append(self._replay_held(mounting))
            if self._stepper is not None:
                parts.append(self._new_only(self._stepper.break_off(0), NO_SECONDS))
        return _concatenate(parts)

    def search_whole(self, blocks: Iterable[tuple[FloatArray, FloatArray | None]]) -> Mounting | None:
        """Estimate the mounting from all samples; for a new analyzer, which is finished afterwards."""
        self._whole_file = True
        for acc, gyr in blocks:
            self.push_arrays(acc, gyr)
        self.finish_arrays()
        return self._mounting

    # ---------------------------------------------------------------------------------------- what is known

    @property
    def mounting(self) -> Mounting | None:
        """The sensor-to-body alignment; None at the start, of source "level" during the search."""
        if self._mounting is not None:
            return self._mounting
        return None if self._search is None else self._search.level

    @property
    def time_s(self) -> float:
        """Duration of the pushed samples, gaps included."""
        return (self._index + self._gaps.n_pending) / self.rate_hz

    @property
    def n_clipped(self) -> int:
        """Number of samples at the accelerometer's full scale so far."""
        if self._stepper is not None:
            return int(self._stepper.record["n_clipped"])
        return 0 if self._search is None else self._search.n_clipped

    @property
    def warnings(self) -> tuple[str, ...]:
        """Findings about the sensor so far, one sentence each."""
        notes = [self._outdated] if self._outdated else []
        if self.n_clipped:
            notes.append(
                f"{self.n_clipped} samples were at the accelerometer's full scale: "
                "peaks and loads are too low; set a larger range."
            )
        if self._mounting is not None and self._mounting.confidence < UNSURE_MOUNTING:
            notes.append(
                f"The mounting was found with a confidence of {self._mounting.confidence:.2f} only: "
                "sides, braking and lean may be wrong."
            )
        slipped_s, turned_s = (np.nan, np.nan) if self._stepper is None else self._stepper.slips_s
        if not np.isnan(turned_s):
            notes.append(
                f"From {turned_s:.0f} s on the running goes against the mounting: the sensor was turned, or "
                "its forward axis is wrong; sides, lean and braking are left empty from there."
            )
        elif not np.isnan(slipped_s):
            notes.append(
                f"By {slipped_s:.0f} s the sensor has slipped, or the posture changed, by more than 15 deg: "
                "compare lean and sides across that with care, and check the strap."
            )
        return tuple(notes)

    @property
    def state(self) -> dict[str, Any]:
        """Everything that changes as samples pass, as arrays and plain values.

        Set it on an analyzer with the same arguments to continue the run there. States of older versions can
        be set too.
        """
        acc, gyr = self._started()
        return {
            "index": self._index,
            "hole": self._gaps.n_pending,
            "last_row": np.zeros(0) if self._gaps.last_row is None else self._gaps.last_row.copy(),
            "first_index": self._first_index,
            "start_acc": acc,
            "start_gyr": np.zeros((0, 3)) if gyr is None else gyr,
            "first_sample": self._first_sample.copy(),
            "first_up": self._first_up.copy(),
            "orientation": None if self._orientation is None else self._orientation.state,
            "search": None if self._search is None else self._search.state,
            "stepper": None if self._stepper is None else self._stepper.state,
            "mounting": None
            if self._mounting is None
            else {
                "rotation": self._mounting.rotation.copy(),
                "confidence": self._mounting.confidence,
                "source": self._mounting.source,
                "decided_s": self._mounting.decided_s,
            },
            "reported_step_s": self._reported_step_s,
            "reported_second": self._reported_second,
            "finished": self._finished,
            "speed": None if self._settings.speed is None else self._settings.speed.as_dict(),
            "calibration": None
            if self._settings.calibration is None
            else self._settings.calibration.as_dict(),
        }

    @state.setter
    def state(self, saved: dict[str, Any]) -> None:
        saved = copy.deepcopy(saved)
        # what the run began with continues, whatever this analyzer was given; older states have neither
        if saved.get("speed") is not None:
            self._settings = self._settings._replace(speed=SpeedTable.from_dict(saved["speed"]))
        if saved.get("calibration") is not None:
            self._settings = self._settings._replace(calibration=Calibration.from_dict(saved["calibration"]))
        self._index = int(saved["index"])
        self._gaps.n_pending = int(saved["hole"])
        self._gaps.last_row = saved["last_row"] if saved["last_row"].size else None
        self._first_index = int(saved["first_index"])
        self._start = []
        if len(saved["start_acc"]):
            self._start = [(saved["start_acc"], saved["start_gyr"] if self._has_gyro else None)]
        self._first_sample = saved["first_sample"]
        self._first_up = saved["first_up"]
        self._orientation = self._search = self._stepper = self._mounting = None
        if saved["orientation"] is not None:
            self._orientation = self._new_orientation()
            self._orientation.state = saved["orientation"]
        if saved["mounting"] is not None:
            self._mounting = Mounting(**saved["mounting"])
        if saved["search"] is not None:
            self._search = self._new_search()
            self._search.state = saved["search"]
        if saved["stepper"] is not None:
            assert self._mounting is not None
            self._stepper = Stepper(self._settings, self._mounting)
            self._stepper.state = saved["stepper"]
        self._reported_step_s = float(saved["reported_step_s"])
        self._reported_second = int(saved["reported_second"])
        self._finished = bool(saved["finished"])

    # -------------------------------------------------------------------------------------------- the stages

    def _check(self, acc: npt.ArrayLike, gyr: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray | None]:
        if self._finished:
            raise RecordingError("The run is finished; start a new RunAnalyzer.")
        if (gyr is not None) != self._has_gyro:
            expected = "with" if self._has_gyro else "without"
            raise RecordingError(f"This RunAnalyzer was made for samples {expected} a gyroscope (has_gyro).")
        acc_array = _as_block("acc", acc)
        gyr_array = None if gyr is None else _as_block("gyr", gyr)
        if gyr_array is not None and gyr_array.shape != acc_array.shape:
            raise RecordingError(f"gyr has shape {gyr_array.shape} but acc has {acc_array.shape}.")
        return acc_array, gyr_array

    def _take(self, stretch: Stretch) -> Output:
        acc, gyr, kind = stretch
        return self._skip(len(acc)) if kind == "gap" else self._process(acc, gyr)

    def _process(self, acc: FloatArray, gyr: FloatArray | None) -> Output:
        """Contiguous samples; collects them in START."""
        first_index = self._index
        self._index += len(acc)
        if self._orientation is None:
            if not self._start:
                self._first_index = first_index
            self._start.append((acc, gyr))
            if sum(len(part) for part, _ in self._start) < self._n_start:
                return NO_STEPS, NO_SECONDS
            return self._begin()
        return self._follow(acc, gyr)

    def _skip(self, n_missing: int) -> Output:
        """A gap. The orientation is carried over a short one, and kept over a longer one."""
        parts: list[Output] = []
        if self._orientation is None and self._start:
            parts.append(self._begin())
        self._index += n_missing
        if self._orientation is not None:
            self._orientation.skip(n_missing)
        if self._search is not None:
            taken, steps, mounting = self._search.skip(n_missing)
            n_missing -= taken
            parts.append(self._new_only(steps, NO_SECONDS))
            if mounting is not None:
                parts.append(self._replay_held(mounting))
        if self._stepper is not None and n_missing:
            parts.append(self._new_only(self._stepper.break_off(n_missing), NO_SECONDS))
        return _concatenate(parts)

    def _begin(self) -> Output:
        """Leave START: the mean of the samples so far gives up."""
        acc, gyr = self._started()
        self._start = []
        self._first_sample = acc[0].copy()
        self._first_up = acc[: self._n_start].mean(axis=0)
        if not np.linalg.norm(self._first_up) > TINY:
            self._first_up = np.array([0.0, 0.0, 1.0])
        self._orientation = self._new_orientation()
        if self._given is None:
            self._search = self._new_search()
        else:
            self._mounting = self._given
            self._stepper = Stepper(self._settings, self._given, StepperStart(self._first_index))
        return self._follow(acc, gyr)

    def _follow(self, acc: FloatArray, gyr: FloatArray | None) -> Output:
        """Samples after START: updates the orientation."""
        assert self._orientation is not None
        return self._find_steps(acc, gyr, self._orientation.push(acc, gyr))

    def _find_steps(self, acc: FloatArray, gyr: FloatArray | None, quats: FloatArray) -> Output:
        """Pass oriented samples to the search or, once the alignment is known, to the stepper."""
        if self._stepper is not None:
            return self._new_only(*self._stepper.push(acc, quats))
        assert self._search is not None
        taken, steps, seconds, mounting = self._search.push(acc, gyr, quats)
        parts = [self._new_only(steps, seconds)]
        if mounting is not None:
            parts.append(self._replay_held(mounting))
            rest = None if gyr is None else gyr[taken:]
            parts.append(self._find_steps(acc[taken:], rest, quats[taken:]))
        return _concatenate(parts)

    def _replay_held(self, mounting: Mounting) -> Output:
        """Leave SEARCH: analyse the held samples with the alignment."""
        search = self._search
        assert search is not None
        held = search.held
        start = StepperStart(held.start, search.standing, search.n_clipped, count_from=held.stop)
        stepper = Stepper(self._settings, mounting, start)
        parts: list[Output] = []
        acc, _, quats = held.arrays()
        for rows, gap in stretches(missing_rows(acc, None)):
            if gap:
                parts.append((stepper.break_off(rows.stop - rows.start), NO_SECONDS))
            else:
                parts.append(stepper.push(acc[rows], quats[rows]))
        steps, seconds = _concatenate(parts)
        # no step is decided before the alignment
        steps["decided_s"] = np.maximum(steps["decided_s"], mounting.decided_s)
        self._mounting, self._stepper, self._search = mounting, stepper, None
        return self._new_only(steps, seconds)

    def _new_only(self, steps: Rows, seconds: Rows) -> Output:
        """Leave out steps and seconds that were reported before the held samples were analysed again."""
        if len(steps):
            contacts_s = steps["initial_contact_s"]
            before_s = np.concatenate([[self._reported_step_s], contacts_s[:-1]])
            if not (contacts_s > before_s + SAME_STEP_S).all():
                steps = self._without_repeats(steps)
            if len(steps):
                self._reported_step_s = float(steps["initial_contact_s"][-1])
        if len(seconds):
            seconds = seconds[seconds["first"] > self._reported_second]
            if len(seconds):
                self._reported_second = int(seconds["first"][-1]) + round(self.rate_hz) - 1
        return steps, seconds

    def _without_repeats(self, steps: Rows) -> Rows:
        last_s = self._reported_step_s
        new = np.zeros(len(steps), dtype=bool)
        for i, contact_s in enumerate(steps["initial_contact_s"].tolist()):
            if contact_s > last_s + SAME_STEP_S:
                new[i], last_s = True, contact_s
        return steps[new]

    def _started(self) -> tuple[FloatArray, FloatArray | None]:
        if not self._start:
            return np.zeros((0, 3)), None
        acc = np.concatenate([part for part, _ in self._start])
        gyr = [part for _, part in self._start if part is not None]
        return acc, np.concatenate(gyr) if gyr else None

    def _new_orientation(self) -> Orientation:
        return Orientation(self.rate_hz, self._has_gyro, self._first_up, self._first_sample)

    def _new_search(self) -> AlignmentSearch:
        return AlignmentSearch(
            self._settings,
            first_up=self._first_up,
            first_index=self._first_index,
            whole_file=self._whole_file,
        )


def _as_block(name: str, values: npt.ArrayLike) -> FloatArray:
    """A copy of the samples, since some are held and the caller may change the array."""
    try:
        block = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{name} holds something that is not a number.") from error
    if block.size == 0:
        return np.zeros((0, 3))
    if block.ndim != 2 or block.shape[1] != 3:
        raise RecordingError(f"{name} has shape {block.shape}; it must be (samples, 3 axes).")
    return block


def as_mounting(mounting: Literal["find"] | npt.ArrayLike | Mounting) -> Mounting | None:
    """A given mounting, or None for "find".

    Raises:
        SettingsError: another word, or a matrix that is not a rotation.
    """
    if isinstance(mounting, Mounting):
        return mounting
    if isinstance(mounting, str):
        if mounting == "find":
            return None
        raise SettingsError(f"mounting is {mounting!r}; it must be 'find' or a 3 x 3 rotation matrix.")
    return Mounting(as_rotation(mounting), 1.0, "given", 0.0)


def find_mounting(recording: Recorded) -> Mounting | None:
    """The sensor-to-body alignment from all running of a recording; None without running."""
    analyzer = RunAnalyzer(recording.rate_hz, has_gyro=recording.has_gyro)
    return analyzer.search_whole(recording.blocks(block_length(recording.rate_hz)))


def block_length(rate_hz: float) -> int:
    """Length of the blocks in which a recording is pushed, so long that the cost of a call is negligible."""
    return max(int(BLOCK_S * rate_hz), 1)


def as_steps(rows: Rows) -> list[Step]:
    """Rows of the core's step array as named tuples, with side and gait as words."""
    steps = map(Step._make, rows[list(Step._fields)].tolist())
    return [step._replace(side=SIDES[int(step.side)], gait=GAITS[int(step.gait)]) for step in steps]


def _concatenate(parts: list[Output]) -> Output:
    if len(parts) == 1:
        return parts[0]
    return joined([steps for steps, _ in parts], NO_STEPS), joined(
        [seconds for _, seconds in parts], NO_SECONDS
    )
