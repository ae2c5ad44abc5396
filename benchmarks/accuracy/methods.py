"""Scored methods, with one interface from a trial to its running contacts.

"imurun" is the shipped version, with constants fitted on the runners that it is scored on. "imurun-left-out"
is the same code with constants of contacts and waveform fitted, and everything in them chosen, without the
scored runner (`fit_contact.constants_without`, `fit_vgrf.waves_without`); only this row estimates the error
on other runners. "imurun-left-out-speed" is told the speed of the treadmill too. The others are the published
rules of `imurun.methods`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

import imurun
from benchmarks.accuracy.fit_contact import constants_without
from benchmarks.accuracy.fit_vgrf import waves_without
from benchmarks.datasets import Trial
from imurun.errors import MethodError
from imurun.methods import METHODS as RULES
from imurun.model.frames import FloatArray
from imurun.model.speed import SpeedTable

LEFT_OUT = "imurun-left-out"
SPEED_GIVEN = "imurun-left-out-speed"
FITTED_WITHOUT = (LEFT_OUT, SPEED_GIVEN)
"""Methods that are fitted without the scored runner."""
HALF_WIDTHS = {
    "initial_half_ms": "initial_contact_error_ms",
    "final_half_ms": "final_contact_error_ms",
    "contact_half_ms": "contact_time_error_ms",
    "peak_half_bw": "peak_vgrf_error_bw",
}
"""Half widths of the 90 % intervals: names here, and columns of the step table."""
RULES_WITH_SIDES = ("auvinet2002", "lee2010")


@dataclass(frozen=True, eq=False)
class Found:
    """Result of a method on a trial; one value for each running contact, NaN if not given.

    Attributes:
        initial_s, final_s: contacts, s from the recording's first sample, in order; shape (k,).
        side: left, right or unknown, shape (k,).
        peak_bw: active peak of the vertical force.
        quality: confidence in the contact, 0 to 1.
        roll_range_deg, pitch_range_deg: of the pelvis over the stride that ends with the contact.
        vgrf_bw: vertical force at the recording's samples, shape (n,), or None.
        half_widths: of the 90 % intervals, shape (k,) each, by the names of `HALF_WIDTHS`; none if not given.
    """

    initial_s: FloatArray
    final_s: FloatArray
    side: np.ndarray
    peak_bw: FloatArray
    quality: FloatArray
    roll_range_deg: FloatArray
    pitch_range_deg: FloatArray
    vgrf_bw: FloatArray | None = None
    half_widths: Mapping[str, FloatArray] = field(default_factory=dict[str, FloatArray])

    @staticmethod
    def from_steps(steps: pd.DataFrame, vgrf_bw: FloatArray | None = None) -> Found:
        """The running steps of a step table of imurun."""
        running = steps[steps["gait"] == "running"]
        names = ("peak_vgrf_bw", "quality", "roll_rom_deg", "pitch_rom_deg")
        return Found(
            running["initial_contact_s"].to_numpy(dtype=np.float64),
            running["final_contact_s"].to_numpy(dtype=np.float64),
            running["side"].to_numpy(dtype=str),
            *(running[name].to_numpy(dtype=np.float64) for name in names),
            vgrf_bw,
            {
                name: running[column].to_numpy(dtype=np.float64)
                for name, column in HALF_WIDTHS.items()
                if column in running
            },
        )


@dataclass(frozen=True)
class ScoredMethod:
    """A scored method.

    Attributes:
        name: key, in file names and on the command line.
        label: for tables.
        source: where it was published.
        run: the method.
        gives_side: whether it detects the side; otherwise sides are not scored.
        needs_gyro: whether trials without a gyroscope are omitted.
        needs_speed: whether trials of unknown speed are omitted.
    """

    name: str
    label: str
    source: str
    run: Callable[[Trial], Found]
    gives_side: bool = False
    needs_gyro: bool = False
    needs_speed: bool = False

    def applies_to(self, trial: Trial) -> bool:
        """Whether the trial has what the method needs."""
        has_speed = bool(np.isfinite(trial.speed_m_s))
        return (trial.recording.gyr is not None or not self.needs_gyro) and (
            has_speed or not self.needs_speed
        )

    @property
    def lacking(self) -> str:
        """What a dataset lacks to which the method does not apply."""
        return "no gyroscope" if self.needs_gyro else "no known speed"


def imurun_as_shipped(trial: Trial) -> Found:
    """imurun as shipped."""
    session = imurun.analyze(trial.recording)
    return Found.from_steps(session.steps, session.vgrf())


def imurun_left_out(trial: Trial) -> Found:
    """imurun with constants fitted without the runner of the trial."""
    session = imurun.analyze(trial.recording, constants=constants_without(trial.runner))
    return Found.from_steps(session.steps, session.vgrf(waves_bw=waves_without(trial.runner)))


def imurun_left_out_speed(trial: Trial) -> Found:
    """The same, told the speed of the treadmill."""
    speed = SpeedTable.constant(trial.speed_m_s)
    session = imurun.analyze(trial.recording, constants=constants_without(trial.runner), speed=speed)
    return Found.from_steps(session.steps, session.vgrf(waves_bw=waves_without(trial.runner)))


def _rule(name: str) -> ScoredMethod:
    rule = RULES[name]
    author, year = name[:-4].capitalize(), name[-4:]
    return ScoredMethod(
        name,
        f"{author} {year}",
        rule.source,
        lambda trial: Found.from_steps(imurun.analyze(trial.recording, method=name).steps),
        gives_side=name in RULES_WITH_SIDES,
        needs_gyro=rule.needs_gyro,
    )


METHODS: dict[str, ScoredMethod] = {
    method.name: method
    for method in (
        ScoredMethod(LEFT_OUT, "imurun, left out", "this package", imurun_left_out, gives_side=True),
        ScoredMethod(
            SPEED_GIVEN,
            "imurun, left out, speed given",
            "this package",
            imurun_left_out_speed,
            gives_side=True,
            needs_speed=True,
        ),
        ScoredMethod("imurun", "imurun, as shipped", "this package", imurun_as_shipped, gives_side=True),
        *map(_rule, RULES),
    )
}
"""By name, in the order of tables."""


def proper(found: object, trial: Trial) -> Found:
    """Check the result of a method, and convert it to arrays of floats.

    Raises:
        ValueError: the result is invalid, with the reason.
    """
    if found is None:
        raise ValueError("it returned nothing")
    if not isinstance(found, Found):
        raise ValueError(f"it returned {type(found).__name__} instead of Found")
    names = ("initial_s", "final_s", "peak_bw", "quality", "roll_range_deg", "pitch_range_deg")
    try:
        columns = {name: np.array(getattr(found, name), dtype=np.float64) for name in names}
        vgrf_bw = None if found.vgrf_bw is None else np.array(found.vgrf_bw, dtype=np.float64)
        half_widths = {name: np.array(values, dtype=np.float64) for name, values in found.half_widths.items()}
        side = np.array(found.side, dtype=str)
    except Exception as error:  # the values may be of any class
        raise ValueError("a column holds something that is not a number") from error
    initial_s = columns["initial_s"]
    if initial_s.ndim != 1 or {
        column.shape for column in (*columns.values(), *half_widths.values(), side)
    } != {initial_s.shape}:
        raise ValueError("its columns are not of one length")
    if any(
        np.isinf(values).any() for values in (*columns.values(), np.zeros(0) if vgrf_bw is None else vgrf_bw)
    ):
        raise ValueError("a value is infinite; what is not known is NaN")
    if np.isnan(initial_s).any():
        raise ValueError("a foot strike is not a finite number")
    if (np.diff(initial_s) <= 0.0).any():
        raise ValueError("its foot strikes are not in order of time")
    if (columns["final_s"] <= initial_s).any():
        raise ValueError("a final contact comes before its foot strike")
    if ((columns["quality"] < 0.0) | (columns["quality"] > 1.0)).any():
        raise ValueError("a quality is not between 0 and 1")
    if vgrf_bw is not None and vgrf_bw.shape != (len(trial.recording),):
        raise ValueError(f"its force has shape {vgrf_bw.shape} instead of a value a sample")
    if any((values < 0.0).any() for values in half_widths.values()):
        raise ValueError("a half width of an interval is negative")
    return Found(**columns, side=side, vgrf_bw=vgrf_bw, half_widths=half_widths)


def checked(method: ScoredMethod, trial: Trial) -> Found:
    """Run a method on a trial.

    Raises:
        MethodError: it raised an exception, or its result is invalid.
    """
    try:
        found = method.run(trial)
    except (Exception, SystemExit) as error:  # methods may be external code
        reason = " ".join(str(error).split()) or "no reason given"
        raise MethodError(f"{method.name} failed ({type(error).__name__}: {reason.rstrip('.')})") from error
    try:
        return proper(found, trial)
    except ValueError as error:
        raise MethodError(f"{method.name} gave no proper contacts: {error}") from error
