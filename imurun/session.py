"""Analyses a recording with the engine: step table, bouts, phases, summary, warnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from imurun._version import __version__
from imurun.core.alignment import Mounting
from imurun.core.bouts import Bout, find_bouts
from imurun.core.contact import CONSTANTS, ContactConstants, as_constants, as_plain
from imurun.core.quality import STRAP_DB
from imurun.core.rows import NO_SECONDS, NO_STEPS, RowPile
from imurun.engine import Rows, RunAnalyzer, block_length, find_mounting, outdated
from imurun.errors import SettingsError
from imurun.methods.apply import find_method, method_steps
from imurun.methods.contract import Method
from imurun.model.columns import GAITS, SIDES, STEP_COLUMNS
from imurun.model.frames import FloatArray
from imurun.model.gyroscope import TurnWatch, is_dead
from imurun.model.recording import Marker
from imurun.model.recording_like import Recorded
from imurun.model.runner import Runner
from imurun.model.speed import SpeedTable
from imurun.summary import find_phases, median_of, running_column, summarise
from imurun.vgrf import WAVES_BW, running_force_bw

MountingWord = Literal["auto", "find", "whole"]

SCALE_TOLERANCE = 0.08
"""Over steady steps the mean vertical force is one body weight; a larger deviation means a wrong scale."""
LEAST_STEPS_FOR_SCALE = 20
LEAST_STEPS_FOR_STRAP = 8
ONE_SIDED_PERCENT = 30.0
"""Left and right peak force of people differ by a few percent; more means a sensor worn to one side."""


@dataclass(frozen=True, eq=False)
class Session:
    """Result of analysing one recording.

    Attributes:
        steps: one row a step, in order of time; see `imurun.model.columns.STEP_COLUMNS`. NaN where a
            value could not be measured.
        bouts: start_s, end_s and kind (running, walking, still, other, gap); they cover the recording.
        phases: start_s, end_s and kind (warm-up, main, cool-down) from first to last movement.
        summary: flat, JSON-ready; units in the keys, None for what is not known.
        mounting: sensor-to-body alignment; None when the recording is too short to find even the vertical.
        warnings: doubts about the recording or the result, one sentence each.
        settings: arguments of the analysis, and the version of imurun.
        start: UTC time of the first sample, if known.
        source: file or sensor of the recording.
        markers: laps and pain scores that the runner entered.
    """

    steps: pd.DataFrame
    bouts: pd.DataFrame
    phases: pd.DataFrame
    summary: dict[str, Any]
    mounting: Mounting | None
    warnings: tuple[str, ...]
    settings: dict[str, Any]
    start: datetime | None
    source: str
    markers: tuple[Marker, ...] = ()

    def vgrf(self, waves_bw: FloatArray = WAVES_BW) -> FloatArray:
        """Vertical ground reaction force in body weights at the recording's samples, shape (n,).

        0 in flight, NaN outside running; see `imurun.vgrf` for the model, its constants `waves_bw`, and its
        accuracy.
        """
        rate_hz, duration_s = self.summary["rate_hz"], self.summary["duration_s"]
        return running_force_bw(self.steps, self.bouts, rate_hz, duration_s, waves_bw)


def analyze(
    recording: Recorded,
    runner: Runner | None = None,
    *,
    mounting: MountingWord | npt.ArrayLike | Mounting = "auto",
    method: str | Method = "imurun",
    constants: ContactConstants = CONSTANTS,
    speed: SpeedTable | None = None,
    progress: Callable[[float], None] | None = None,
) -> Session:
    """Analyse a recording: initial and final contacts, flight, impact and load, trunk sway.

    Args:
        recording: samples in SI units: a `Recording`, or one whose samples stay in its file
            (`imurun.io.open_recording`); both give the same result. A published method loads it into memory.
        runner: mass gives loads in newtons, height scales the lumbar model, a calibration corrects contact
            times; None for none of these.
        mounting: "find" aligns the sensor during the first running, as a live run does; "whole" makes a
            first pass over all running; or a rotation body from sensor, shape (3, 3). "auto" means "find",
            unless the recording is in the anatomical frame already.
        method: "imurun", or the name of a published method in `imurun.methods.METHODS`: the step table then
            holds its running steps only, and the summary describes these; mounting, bouts, phases and
            warnings still come from the engine.
        constants: of the contact formulas, to use a fit of your own (`imurun.core.contact`).
        speed: known running speed, from a treadmill or a watch (`imurun.model.speed`); None if unknown.
        progress: called with the share that is done, 0 to 1.

    Raises:
        SettingsError: an unknown mounting word, a matrix that is no rotation, or an unknown method.
        MethodError: a published method that cannot use the recording, or that failed.
        FormatError: the recording's file can no longer be read.

    Example:
        >>> session = imurun.analyze(imurun.read("run.csv"))
        >>> session.steps["contact_time_ms"].median()
    """
    who = Runner() if runner is None else runner
    plan = _plan(recording, who, mounting, method, as_constants(constants), speed)
    output = _run_engine(plan, progress)
    tables = _tabulate(plan, output)
    return _as_session(plan, output, tables)


class _Plan(NamedTuple):
    """Input of one analysis, checked."""

    recording: Recorded
    runner: Runner
    mounting: Literal["find"] | npt.ArrayLike | Mounting
    mounting_word: str  # for the settings: "given" for a rotation
    method: Method | None  # None for imurun's own
    constants: ContactConstants
    speed: SpeedTable | None
    warnings: list[str]


class _EngineOutput(NamedTuple):
    """Everything the engine measures in one recording."""

    steps: Rows
    seconds: Rows
    mounting: Mounting | None
    n_clipped: int
    warnings: list[str]


class _Tables(NamedTuple):
    """Steps, bouts, phases and the figures that follow from them."""

    steps: pd.DataFrame
    bouts: list[Bout]
    phases: list[Bout]
    summary: dict[str, Any]
    warnings: list[str]


def _plan(
    recording: Recorded,
    runner: Runner,
    mounting: MountingWord | npt.ArrayLike | Mounting,
    method: str | Method,
    constants: ContactConstants,
    speed: SpeedTable | None,
) -> _Plan:
    """Step 1: drop a dead gyroscope, look up the method, and resolve the mounting word."""
    warnings: list[str] = []
    if recording.has_gyro and is_dead(recording):
        recording = recording.without_gyro()
        warnings.append("The gyroscope reads the same value throughout; it is not used.")
    published = None if method == "imurun" else find_method(method, recording)
    word = mounting if isinstance(mounting, str) else "given"
    if isinstance(mounting, str):
        mounting = _resolve(mounting, recording)
    return _Plan(recording, runner, mounting, word, published, constants, speed, warnings)


def _resolve(word: str, recording: Recorded) -> Literal["find"] | npt.ArrayLike | Mounting:
    if word not in ("auto", "find", "whole"):
        raise SettingsError(f"mounting is {word!r}; it must be auto, find, whole or a 3 x 3 rotation.")
    if word == "whole":
        return find_mounting(recording) or "find"
    return np.eye(3) if word == "auto" and recording.frame == "anatomical" else "find"


def _run_engine(plan: _Plan, progress: Callable[[float], None] | None) -> _EngineOutput:
    """Step 2: push all samples through the engine, block by block."""
    recording = plan.recording
    analyzer = RunAnalyzer(
        recording.rate_hz,
        runner=plan.runner,
        mounting=plan.mounting,
        has_gyro=recording.has_gyro,
        acc_range_g=recording.acc_range_g,
        constants=plan.constants,
        speed=plan.speed,
    )
    turns = TurnWatch(recording.warnings)
    steps, seconds = RowPile(NO_STEPS), RowPile(NO_SECONDS)
    n_done = 0
    for acc, gyr in recording.blocks(block_length(recording.rate_hz)):
        some_steps, some_seconds = analyzer.push_arrays(acc, gyr)
        steps.add(some_steps)
        seconds.add(some_seconds)
        if gyr is not None:
            turns.take(gyr)
        n_done += len(acc)
        if progress is not None:
            progress(n_done / len(recording))
    last_steps, last_seconds = analyzer.finish_arrays()
    steps.add(last_steps)
    seconds.add(last_seconds)
    warnings = [*turns.notes, *analyzer.warnings]
    return _EngineOutput(steps.taken(), seconds.taken(), analyzer.mounting, analyzer.n_clipped, warnings)


def _tabulate(plan: _Plan, output: _EngineOutput) -> _Tables:
    """Step 3: step table, bouts, phases, and the summary of the steps, by the requested method."""
    recording = plan.recording
    steps = steps_frame(output.steps)
    gaps_s = [(first / recording.rate_hz, stop / recording.rate_hz) for first, stop in recording.gaps]
    bouts = find_bouts(output.steps, output.seconds, gaps_s, recording.duration_s, recording.rate_hz)
    phases = find_phases(steps, bouts)
    summary = summarise(steps, bouts, phases, recording.duration_s, plan.runner)
    warnings = [
        *_scale_warning(output.steps),
        *_strap_warning(output.steps),
        *_place_warning(summary),
    ]
    if plan.method is not None:
        running_s = [(bout.start_s, bout.end_s) for bout in bouts if bout.kind == "running"]
        steps = method_steps(plan.method, recording.load(), output.mounting, running_s)
        summary = summarise(steps, bouts, phases, recording.duration_s, plan.runner)
        summary["walking_steps"] = None  # published methods cover running only
    return _Tables(steps, bouts, phases, summary, warnings)


def _as_session(plan: _Plan, output: _EngineOutput, tables: _Tables) -> Session:
    """Step 4: complete the summary with the circumstances of the measurement, and record the settings."""
    recording, mounting = plan.recording, output.mounting
    warnings = (*recording.warnings, *plan.warnings, *output.warnings, *tables.warnings)
    method = "imurun" if plan.method is None else plan.method.name
    summary = tables.summary | {
        "rate_hz": recording.rate_hz,
        "method": method,
        **knowledge(plan.runner, plan.speed, tables.steps),
        "gyroscope": recording.has_gyro,
        "clipped_samples": output.n_clipped,
        "bridged_samples": recording.n_bridged,
        "mounting": "unknown" if mounting is None else mounting.source,
        "mounting_confidence": None if mounting is None else mounting.confidence,
        "start": None if recording.start is None else recording.start.isoformat(),
        "source": recording.source,
        "warnings": list(warnings),
        "version": __version__,
    }
    constants = as_plain(plan.constants)
    settings = {
        "version": __version__,
        "mounting": plan.mounting_word,
        "method": method,
        "rate_hz": recording.rate_hz,
        "mass_kg": plan.runner.mass_kg,
        "height_m": plan.runner.height_m,
        "acc_range_g": recording.acc_range_g,
        "contact_constants": None if constants == as_plain(CONSTANTS) else constants,
        **sources(plan.runner, plan.speed),
    }
    return Session(
        tables.steps,
        bouts_frame(tables.bouts),
        bouts_frame(tables.phases),
        summary,
        mounting,
        warnings,
        settings,
        recording.start,
        recording.source,
        recording.markers,
    )


def sources(runner: Runner, speed: SpeedTable | None) -> dict[str, str | None]:
    """What is known beside the samples, as texts for settings and metadata; None where nothing is."""
    calibration = runner.calibration
    used = calibration is not None and not outdated(calibration)
    return {
        "known_speed": None if speed is None else speed.words,
        "calibration": calibration.words if calibration is not None and used else None,
    }


def knowledge(runner: Runner, speed: SpeedTable | None, steps: pd.DataFrame) -> dict[str, Any]:
    """Entries of the summary on what is known beside the samples; None where nothing is."""
    known = np.zeros(0) if speed is None else speed.at(running_column(steps, "initial_contact_s"))
    return {"speed_m_s": median_of(known), **sources(runner, speed)}


def steps_frame(rows: Rows) -> pd.DataFrame:
    """The step table from the core's step array; sides and gaits as words."""
    words = {"side": np.array(SIDES)[rows["side"]], "gait": np.array(GAITS)[rows["gait"]]}
    return pd.DataFrame({c.name: words.get(c.name, rows[c.name]) for c in STEP_COLUMNS})


def bouts_frame(bouts: list[Bout]) -> pd.DataFrame:
    """Bouts as a table with columns start_s, end_s, kind."""
    return pd.DataFrame(
        {
            "start_s": np.array([bout.start_s for bout in bouts], dtype=np.float64),
            "end_s": np.array([bout.end_s for bout in bouts], dtype=np.float64),
            "kind": [bout.kind for bout in bouts],
        }
    )


def _scale_warning(rows: Rows) -> list[str]:
    """A warning when the mean vertical force over running is far from one body weight."""
    running = rows["gait"] == GAITS.index("running")
    if np.count_nonzero(running) < LEAST_STEPS_FOR_SCALE:
        return []
    mean_g = float(np.median(rows["vertical_impulse_bw_s"][running] / rows["period_s"][running]))
    if abs(mean_g - 1.0) <= SCALE_TOLERANCE:
        return []
    return [
        f"The mean vertical force over running is {mean_g:.2f} body weights instead of 1: "
        "the accelerometer's unit or scale is off, or it is clipped."
    ]


def _strap_warning(rows: Rows) -> list[str]:
    """A warning when the sensor oscillates on a soft strap."""
    ringing_db = rows["ringing_db"][rows["gait"] == GAITS.index("running")]
    known_db = ringing_db[np.isfinite(ringing_db)]
    if len(known_db) < LEAST_STEPS_FOR_STRAP or float(np.median(known_db)) <= STRAP_DB:
        return []
    return [
        "The sensor seems to oscillate on a soft strap, at 8 to 12 Hz: contact times may be 10 to 50 ms "
        "too short; tighten the strap."
    ]


def _place_warning(summary: dict[str, Any]) -> list[str]:
    """A warning when left and right peak forces differ more than those of two legs."""
    difference = summary["peak_vgrf_asymmetry_percent"]
    if difference is None or abs(difference) <= ONE_SIDED_PERCENT:
        return []
    return [
        f"Left and right peak forces differ by {abs(difference):.0f} %: the sensor seems to sit to one side; "
        "put it over the spine to compare left and right."
    ]
