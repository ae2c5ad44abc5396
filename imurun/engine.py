"""RunAnalyzer: the one path from samples to steps, for a stream and for a file."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from imurun.core.alignment import Mounting
from imurun.core.alignment_search import MountingSearch
from imurun.core.contact import CONSTANTS, ContactConstants, as_constants
from imurun.core.orientation import START_S, TINY, Orientation
from imurun.core.rows import NO_SECONDS, NO_STEPS, joined
from imurun.core.stepper import Stepper
from imurun.errors import RecordingError, SettingsError
from imurun.model.columns import GAITS, SIDES, STEP_COLUMNS
from imurun.model.frames import FloatArray, as_rotation
from imurun.model.recording import (
    Runner,
    check_rate,
    longest_bridge,
    missing_rows,
    straight_line,
    stretches,
)
from imurun.model.recording_like import Recorded

Rows = npt.NDArray[Any]
Output = tuple[Rows, Rows]
"""Steps (dtype STEP) and seconds (dtype SECOND) that became known."""

SAME_STEP_S = 0.15
"""A step this soon after one that was reported already is that one, seen again."""
UNSURE_MOUNTING = 0.3
BLOCK_S = 30.0
"""A recording is pushed in blocks of this length, for progress and memory; the steps do not depend on it."""


class Step(NamedTuple):
    """One step; `imurun.model.columns.STEP_COLUMNS` gives the unit and meaning of each field."""

    initial_contact_s: float
    final_contact_s: float
    side: str
    gait: str
    step_time_ms: float
    contact_time_ms: float
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
    decided_s: float


class RunAnalyzer:
    """Samples of one lower-back IMU in, steps out; a recording is a stream that has already ended.

    Any split of the same samples into blocks gives byte-identical steps. Until the mounting is known
    (about ten seconds of running) samples are held back; then they are pushed after, so that none is lost.

    Args:
        rate_hz: samples a second, 25 to 5000.
        runner: whose height scales the lumbar model; None for a height of 1.75 m.
        mounting: "find" it in the first running, or a rotation body from sensor, shape (3, 3); the
            identity for samples that are already anterior, left, up.
        has_gyro: whether blocks will have angular rates.
        acc_range_g: full scale of the accelerometer; None to look for the usual ones.
        constants: of the contact formulas, for those who fit their own.

    Raises:
        RecordingError: a rate outside the limits.
        SettingsError: a mounting that is no rotation.
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
    ) -> None:
        self.rate_hz = check_rate(rate_hz)
        self._has_gyro = has_gyro
        self._height_m = None if runner is None else runner.height_m
        self._acc_range_g = acc_range_g
        self._constants = as_constants(constants)
        self._given = as_mounting(mounting)
        self._n_start = round(START_S * self.rate_hz)
        self._index = 0
        self._hole = 0
        self._last_row = np.zeros(0)
        self._first_index = 0
        self._start: list[tuple[FloatArray, FloatArray | None]] = []
        self._orientation: Orientation | None = None
        self._first_sample = np.zeros(3)
        self._first_up = np.zeros(3)
        self._search: MountingSearch | None = None
        self._stepper: Stepper | None = None
        self._mounting: Mounting | None = None
        self._reported_step_s = -np.inf
        self._reported_second = -1
        self._finished = False
        self._whole_file = False

    # ------------------------------------------------------------------------------ samples in, steps out

    def push(self, acc: npt.ArrayLike, gyr: npt.ArrayLike | None = None) -> list[Step]:
        """Take the next samples, and return the steps that became known.

        Args:
            acc: specific force, shape (n, 3), m/s2, sensor axes. A row with a value that is not finite, or
                larger than any sensor measures, is a missing sample.
            gyr: angular rate, shape (n, 3), rad/s; left out when there is no gyroscope.

        Raises:
            RecordingError: shapes that do not fit, a gyroscope that comes or goes, a finished run.
        """
        return as_steps(self.push_arrays(acc, gyr)[0])

    def finish(self) -> list[Step]:
        """The run is over: decide what is left, and return it. Nothing can be pushed after."""
        return as_steps(self.finish_arrays()[0])

    def push_arrays(self, acc: npt.ArrayLike, gyr: npt.ArrayLike | None = None) -> Output:
        """As `push`, but the steps as a structured array, and the seconds that are full.

        Returns:
            Steps (dtype `imurun.core.step.STEP`) and seconds (dtype `imurun.core.seconds.SECOND`).
        """
        acc, gyr, missing = self._check(acc, gyr)
        if not missing.any() and not self._hole:
            return self._take(acc, gyr)
        return _concatenate(list(self._take_with_holes(acc, gyr, missing)))

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
        """Look at all samples for the mounting only; for a new analyzer, which is then used up."""
        self._whole_file = True
        for acc, gyr in blocks:
            self.push_arrays(acc, gyr)
        self.finish_arrays()
        return self._mounting

    # ---------------------------------------------------------------------------------------- what is known

    @property
    def mounting(self) -> Mounting | None:
        """How the sensor sits on the body; None before anything is known, "level" while it is searched."""
        if self._mounting is not None:
            return self._mounting
        return None if self._search is None else self._search.level

    @property
    def time_s(self) -> float:
        """How much was pushed, gaps included."""
        return (self._index + self._hole) / self.rate_hz

    @property
    def n_clipped(self) -> int:
        """Samples at the accelerometer's full scale so far."""
        if self._stepper is not None:
            return int(self._stepper.record["n_clipped"])
        return 0 if self._search is None else self._search.n_clipped

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed so far about the sensor, one sentence each."""
        notes: list[str] = []
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
        """Everything that changes as samples pass, as arrays and plain values; can be put back.

        Put it back into an analyzer made with the same arguments, and the run goes on as if nothing
        happened.
        """
        acc, gyr = self._started()
        return {
            "index": self._index,
            "hole": self._hole,
            "last_row": self._last_row.copy(),
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
        }

    @state.setter
    def state(self, saved: dict[str, Any]) -> None:
        saved = copy.deepcopy(saved)
        self._index = int(saved["index"])
        self._hole = int(saved["hole"])
        self._last_row = saved["last_row"]
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
            self._stepper = self._new_stepper(self._mounting)
            self._stepper.state = saved["stepper"]
        self._reported_step_s = float(saved["reported_step_s"])
        self._reported_second = int(saved["reported_second"])
        self._finished = bool(saved["finished"])

    # -------------------------------------------------------------------------------------------- the stages

    def _check(
        self, acc: npt.ArrayLike, gyr: npt.ArrayLike | None
    ) -> tuple[FloatArray, FloatArray | None, npt.NDArray[np.bool_]]:
        if self._finished:
            raise RecordingError("The run is finished; start a new RunAnalyzer.")
        if (gyr is not None) != self._has_gyro:
            expected = "with" if self._has_gyro else "without"
            raise RecordingError(f"This RunAnalyzer was made for samples {expected} a gyroscope (has_gyro).")
        acc_array = _as_block("acc", acc)
        gyr_array = None if gyr is None else _as_block("gyr", gyr)
        if gyr_array is not None and gyr_array.shape != acc_array.shape:
            raise RecordingError(f"gyr has shape {gyr_array.shape} but acc has {acc_array.shape}.")
        missing = missing_rows(acc_array, gyr_array)
        return acc_array, gyr_array, missing

    def _take_with_holes(
        self, acc: FloatArray, gyr: FloatArray | None, missing: npt.NDArray[np.bool_]
    ) -> Iterator[Output]:
        """Samples and holes in turn; as in a `Recording`, short holes are bridged and longer ones gaps."""
        longest = longest_bridge(self.rate_hz)
        for rows, hole in stretches(missing):
            if hole:
                self._hole += rows.stop - rows.start
                if self._hole > longest or not self._last_row.size:
                    yield self._skip(self._hole)
                continue
            some_acc, some_gyr = acc[rows], None if gyr is None else gyr[rows]
            if self._hole:
                yield self._take(*self._bridge(some_acc, some_gyr))
            yield self._take(some_acc, some_gyr)

    def _bridge(self, acc: FloatArray, gyr: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
        """What goes into the hole before these samples."""
        filled = straight_line(self._last_row, _joined_row(acc, gyr, 0), self._hole)
        self._hole = 0
        return filled[:, :3].copy(), None if gyr is None else filled[:, 3:].copy()

    def _take(self, acc: FloatArray, gyr: FloatArray | None) -> Output:
        """Unbroken samples."""
        if not len(acc):
            return NO_STEPS, NO_SECONDS
        first_index = self._index
        self._index += len(acc)
        self._last_row = _joined_row(acc, gyr, -1)
        if self._orientation is None:
            if not self._start:
                self._first_index = first_index
            self._start.append((acc, gyr))
            if sum(len(part) for part, _ in self._start) < self._n_start:
                return NO_STEPS, NO_SECONDS
            return self._begin()
        return self._follow(acc, gyr)

    def _skip(self, n_missing: int) -> Output:
        """A gap. The orientation is kept: it finds back by itself within seconds."""
        self._hole, self._last_row = 0, np.zeros(0)
        parts: list[Output] = []
        if self._orientation is None and self._start:
            parts.append(self._begin())
        self._index += n_missing
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
        """The first second or so is there: up is known well enough to start."""
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
            self._stepper = self._new_stepper(self._given, first_index=self._first_index)
        return self._follow(acc, gyr)

    def _follow(self, acc: FloatArray, gyr: FloatArray | None) -> Output:
        """Samples whose orientation can be followed."""
        assert self._orientation is not None
        return self._find_steps(acc, gyr, self._orientation.push(acc, gyr))

    def _find_steps(self, acc: FloatArray, gyr: FloatArray | None, quats: FloatArray) -> Output:
        """Oriented samples, to the search for the mounting or, once it is known, to the stepper."""
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
        """The mounting is known: push the samples that were held back, and go on without the search."""
        search = self._search
        assert search is not None
        held = search.held
        stepper = self._new_stepper(
            mounting,
            first_index=held.start,
            standing=search.standing,
            n_clipped=search.n_clipped,
            count_from=held.stop,
        )
        parts: list[Output] = []
        acc, _, quats = held.arrays()
        for rows, gap in stretches(missing_rows(acc, None)):
            if gap:
                parts.append((stepper.break_off(rows.stop - rows.start), NO_SECONDS))
            else:
                parts.append(stepper.push(acc[rows], quats[rows]))
        steps, seconds = _concatenate(parts)
        # they could not be known before the mounting was
        steps["decided_s"] = np.maximum(steps["decided_s"], mounting.decided_s)
        self._mounting, self._stepper, self._search = mounting, stepper, None
        return self._new_only(steps, seconds)

    def _new_only(self, steps: Rows, seconds: Rows) -> Output:
        """Leave out what was reported before the held samples were seen again."""
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

    def _new_search(self) -> MountingSearch:
        return MountingSearch(
            self.rate_hz,
            has_gyro=self._has_gyro,
            height_m=self._height_m,
            acc_range_g=self._acc_range_g,
            constants=self._constants,
            first_up=self._first_up,
            first_index=self._first_index,
            whole_file=self._whole_file,
        )

    def _new_stepper(self, mounting: Mounting, **resumed: Any) -> Stepper:
        return Stepper(
            self.rate_hz,
            mounting.rotation,
            heading_known=mounting.heading_known,
            has_gyro=self._has_gyro,
            upright=mounting.source in ("found", "whole"),
            height_m=self._height_m,
            acc_range_g=self._acc_range_g,
            constants=self._constants,
            **resumed,
        )


def _as_block(name: str, values: npt.ArrayLike) -> FloatArray:
    """Samples as an array of its own: some are held back, and nobody shall change them meanwhile."""
    try:
        block = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{name} holds something that is not a number.") from error
    if block.size == 0:
        return np.zeros((0, 3))
    if block.ndim != 2 or block.shape[1] != 3:
        raise RecordingError(f"{name} has shape {block.shape}; it must be (samples, 3 axes).")
    return block


def _joined_row(acc: FloatArray, gyr: FloatArray | None, k: int) -> FloatArray:
    """Row k of both, shape (3,) or (6,)."""
    return acc[k].copy() if gyr is None else np.concatenate([acc[k], gyr[k]])


def as_mounting(mounting: Literal["find"] | npt.ArrayLike | Mounting) -> Mounting | None:
    """A given mounting, or None for one that is to be found.

    Raises:
        SettingsError: another word, or a matrix that is no rotation.
    """
    if isinstance(mounting, Mounting):
        return mounting
    if isinstance(mounting, str):
        if mounting == "find":
            return None
        raise SettingsError(f"mounting is {mounting!r}; it must be 'find' or a 3 x 3 rotation matrix.")
    return Mounting(as_rotation(mounting), 1.0, "given", 0.0)


def find_mounting(recording: Recorded) -> Mounting | None:
    """How the sensor sat, from all running of a recording; None where nobody ran."""
    analyzer = RunAnalyzer(recording.rate_hz, has_gyro=recording.has_gyro)
    return analyzer.search_whole(recording.blocks(block_length(recording.rate_hz)))


def block_length(rate_hz: float) -> int:
    """Samples that a recording is pushed in at once: enough that the call costs nothing beside them."""
    return max(int(BLOCK_S * rate_hz), 1)


def as_steps(rows: Rows) -> list[Step]:
    """Rows of the core's step array as named tuples with sides and gaits as words."""
    steps: list[Step] = []
    for row in rows:
        values = {column.name: row[column.name] for column in STEP_COLUMNS}
        numbers = {name: float(value) for name, value in values.items() if name not in ("side", "gait")}
        steps.append(Step(side=SIDES[values["side"]], gait=GAITS[values["gait"]], **numbers))
    return steps


def _concatenate(parts: list[Output]) -> Output:
    return joined([steps for steps, _ in parts], NO_STEPS), joined(
        [seconds for _, seconds in parts], NO_SECONDS
    )
