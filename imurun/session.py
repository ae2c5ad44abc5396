"""A recording through the engine: step table, bouts, summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from imurun._version import __version__
from imurun.core.alignment import Mounting
from imurun.core.bouts import Bout, find_bouts
from imurun.core.contact import CONSTANTS, ContactConstants, as_constants
from imurun.core.quality import STRAP_DB
from imurun.core.rows import NO_SECONDS, NO_STEPS, RowPile
from imurun.engine import Output, Rows, RunAnalyzer, block_length, find_mounting
from imurun.errors import SettingsError
from imurun.gyroscope import TurnWatch, is_dead
from imurun.methods.apply import find_method, method_steps
from imurun.methods.contract import Method
from imurun.model.columns import GAITS, SIDES, STEP_COLUMNS
from imurun.model.frames import FloatArray
from imurun.model.recording import Marker, Runner
from imurun.model.recording_like import Recorded
from imurun.summary import find_phases, summarise
from imurun.vgrf import WAVES_BW, running_force_bw

MountingWord = Literal["auto", "find", "whole"]

SCALE_TOLERANCE = 0.08
"""Over steady steps the mean vertical force is one body weight; further off, the sensor's scale is wrong."""
LEAST_STEPS_FOR_SCALE = 20
LEAST_STEPS_FOR_STRAP = 8
ONE_SIDED_PERCENT = 30.0
"""Left and right peak force of people differ by a few percent; by this much, the sensor sits to one side."""


@dataclass(frozen=True, eq=False)
class Session:
    """What came out of one recording.

    Attributes:
        steps: one row a step, in order of time; see `imurun.model.columns.STEP_COLUMNS`. NaN where a
            value could not be measured.
        bouts: start_s, end_s and kind (running, walking, still, other, gap), without holes.
        phases: start_s, end_s and kind (warm-up, main, cool-down) from first to last movement.
        summary: flat, JSON-ready; units in the keys, None for what is not known.
        mounting: how the sensor sat; None when the recording was too short to say even what is up.
        warnings: what was noticed, one sentence each.
        settings: what the analysis was told, with the version of imurun.
        start: UTC time of the first sample, if known.
        source: where the recording came from.
        markers: laps and pain that the runner noted.
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

        0 in flight, NaN where nobody runs; see `imurun.vgrf` for the model, its constants `waves_bw`, and how
        well it was measured.
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
    progress: Callable[[float], None] | None = None,
) -> Session:
    """Analyse a recording: foot strikes, contact and flight, impact and load, sway.

    Args:
        recording: samples in SI units: a `Recording`, or one that stays in its file
            (`imurun.io.open_recording`); they give the same. A published rule takes it into memory.
        runner: mass gives loads in newtons, height scales the lumbar model; None for neither.
        mounting: "find" it in the first running, as a live run does; "whole": in a first pass over all
            running; or a rotation body from sensor, shape (3, 3). "auto" finds it, unless the recording is
            in the anatomical frame already.
        method: "imurun", or a published rule of `imurun.methods.METHODS` by name: then the step table has
            the rule's running steps and nothing else, and the summary is of these; mounting, bouts, phases
            and warnings stay the engine's.
        constants: of the contact formulas, for those who fit their own (`imurun.core.contact`).
        progress: called with the share done, 0 to 1.

    Raises:
        SettingsError: a mounting that is neither of these words nor a rotation, an unknown method.
        MethodError: a published rule that the recording does not fit, or that failed.
        FormatError: a file that can be read no more.
    """
    runner = Runner() if runner is None else runner
    constants = as_constants(constants)
    gyr_notes: list[str] = []
    if recording.has_gyro and is_dead(recording):
        recording = recording.without_gyro()
        gyr_notes.append("The gyroscope reads the same all the time; it was left out.")
    rule = None if method == "imurun" else find_method(method, recording)
    asked = mounting if isinstance(mounting, str) else "given"
    if isinstance(mounting, str):
        if mounting not in ("auto", "find", "whole"):
            raise SettingsError(
                f"mounting is {mounting!r}; it must be auto, find, whole or a 3 x 3 rotation."
            )
        if mounting == "whole":
            mounting = find_mounting(recording) or "find"
        elif mounting == "auto":
            mounting = np.eye(3) if recording.frame == "anatomical" else "find"
    analyzer = RunAnalyzer(
        recording.rate_hz,
        runner=runner,
        mounting=mounting,
        has_gyro=recording.has_gyro,
        acc_range_g=recording.acc_range_g,
        constants=constants,
    )
    turns = TurnWatch(recording.warnings)
    rows, seconds = _push_all(analyzer, recording, turns, progress)
    steps = steps_frame(rows)
    gaps_s = [(a / recording.rate_hz, b / recording.rate_hz) for a, b in recording.gaps]
    bouts = find_bouts(rows, seconds, gaps_s, recording.duration_s, recording.rate_hz)
    phases = find_phases(steps, bouts)
    summary = summarise(steps, bouts, phases, recording.duration_s, runner)
    warnings = (
        *recording.warnings,
        *gyr_notes,
        *turns.notes,
        *analyzer.warnings,
        *_scale_warning(rows),
        *_strap_warning(rows),
        *_place_warning(summary),
    )
    if rule is not None:
        running_s = [(bout.start_s, bout.end_s) for bout in bouts if bout.kind == "running"]
        steps = method_steps(rule, recording.load(), analyzer.mounting, running_s)
        summary = summarise(steps, bouts, phases, recording.duration_s, runner)
        summary["walking_steps"] = None  # the rules say nothing of walking
    summary.update(
        {
            "rate_hz": recording.rate_hz,
            "method": "imurun" if rule is None else rule.name,
            "gyroscope": recording.has_gyro,
            "clipped_samples": analyzer.n_clipped,
            "bridged_samples": recording.n_bridged,
            "mounting": "unknown" if analyzer.mounting is None else analyzer.mounting.source,
            "mounting_confidence": None if analyzer.mounting is None else analyzer.mounting.confidence,
            "start": None if recording.start is None else recording.start.isoformat(),
            "source": recording.source,
            "warnings": list(warnings),
            "version": __version__,
        }
    )
    settings = {
        "version": __version__,
        "mounting": asked,
        "method": summary["method"],
        "rate_hz": recording.rate_hz,
        "mass_kg": runner.mass_kg,
        "height_m": runner.height_m,
        "acc_range_g": recording.acc_range_g,
        "contact_constants": None if constants == CONSTANTS else constants._asdict(),
    }
    return Session(
        steps,
        bouts_frame(bouts),
        bouts_frame(phases),
        summary,
        analyzer.mounting,
        warnings,
        settings,
        recording.start,
        recording.source,
        recording.markers,
    )


def steps_frame(rows: Rows) -> pd.DataFrame:
    """The core's step array as the step table."""
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


def _push_all(
    analyzer: RunAnalyzer,
    recording: Recorded,
    turns: TurnWatch,
    progress: Callable[[float], None] | None,
) -> Output:
    steps, seconds = RowPile(NO_STEPS), RowPile(NO_SECONDS)
    done = 0
    for acc, gyr in recording.blocks(block_length(recording.rate_hz)):
        some_steps, some_seconds = analyzer.push_arrays(acc, gyr)
        steps.add(some_steps)
        seconds.add(some_seconds)
        if gyr is not None:
            turns.take(gyr)
        done += len(acc)
        if progress is not None:
            progress(done / len(recording))
    last_steps, last_seconds = analyzer.finish_arrays()
    steps.add(last_steps)
    seconds.add(last_seconds)
    return steps.taken(), seconds.taken()


def _scale_warning(rows: Rows) -> list[str]:
    """A sentence when the accelerometer's scale cannot be right."""
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
    """A sentence when the sensor swings on a soft strap."""
    ringing_db = rows["ringing_db"][rows["gait"] == GAITS.index("running")]
    known_db = ringing_db[np.isfinite(ringing_db)]
    if len(known_db) < LEAST_STEPS_FOR_STRAP or float(np.median(known_db)) <= STRAP_DB:
        return []
    return [
        "The sensor seems to swing on a soft strap, at 8 to 12 Hz: contact times may be 10 to 50 ms "
        "too short; wear it tighter."
    ]


def _place_warning(summary: dict[str, Any]) -> list[str]:
    """A sentence when left and right differ by more than legs do."""
    difference = summary["peak_vgrf_asymmetry_percent"]
    if difference is None or abs(difference) <= ONE_SIDED_PERCENT:
        return []
    return [
        f"Left and right peak forces differ by {abs(difference):.0f} %: the sensor seems to sit to one side; "
        "put it over the spine to compare left and right."
    ]
