"""Runs a published method on the running bouts that the engine found in a recording.

`imurun.analyze(recording, method=...)` is the public way to do this.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from imurun.core.alignment import Mounting
from imurun.core.step import LOST_STEP
from imurun.errors import ImurunError, MethodError, SettingsError
from imurun.methods import METHODS
from imurun.methods.contract import Contacts, Method
from imurun.model.columns import SIDES, STEP_COLUMNS
from imurun.model.frames import FloatArray
from imurun.model.gaps import missing_rows, stretches
from imurun.model.recording import Recording
from imurun.model.recording_like import Recorded

MARGIN_S = 1.0
"""Samples given to a method on either side of a bout, where recorded, so that its filters settle."""
BORDER_S = 0.1
"""A bout lasts from its first foot strike to one step after its last, by the engine's times. Contacts of a
method count from this long before the start to this long before the end: under half of the shortest step."""


def find_method(method: str | Method, recording: Recorded) -> Method:
    """Look up a method by name and check that it can use the recording.

    Raises:
        SettingsError: an unknown name.
        MethodError: the method needs angular rates and the recording has none.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise SettingsError(f"method is {method!r}; it must be imurun, {', '.join(METHODS)}.")
        method = METHODS[method]
    if method.needs_gyro and not recording.has_gyro:
        raise MethodError(
            f"{method.name} needs a working gyroscope, which the recording lacks; choose another method."
        )
    return method


def method_steps(
    method: Method, recording: Recording, mounting: Mounting | None, running_s: list[tuple[float, float]]
) -> pd.DataFrame:
    """Step table of a published method over all running bouts.

    Args:
        method: as `find_method` returns it.
        mounting: sensor-to-body alignment; None in a recording without running.
        running_s: start and end of each bout of running, s.

    Raises:
        MethodError: the method needs an axis that is unknown, failed, or returned invalid contacts.
    """
    if running_s and mounting is None:
        raise MethodError(f"{method.name} needs the vertical, and the recording is too short to find it.")
    bouts = [step_columns(Contacts(np.zeros(0), np.zeros(0), np.zeros(0, dtype="<U7")))]
    for start_s, end_s in running_s:
        assert mounting is not None
        if method.needs_forward and not mounting.heading_known:
            raise MethodError(
                f"{method.name} needs the forward axis, and there is too little running to find it; "
                "give the mounting, or choose a method that uses the vertical only."
            )
        bouts.append(step_columns(_bout_contacts(method, recording, mounting.rotation, start_s, end_s)))
    return pd.DataFrame({name: np.concatenate([bout[name] for bout in bouts]) for name in bouts[0]})


def run_checked(method: Method, acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Run a method on one unbroken stretch and validate the contacts that it returns.

    Args:
        acc: shape (n, 3), m/s2, body frame, finite. gyr: shape (n, 3), rad/s, or None.

    Raises:
        MethodError: the method raised an exception, or returned no valid `Contacts`.
    """
    if method.needs_gyro and gyr is None:
        raise MethodError(f"{method.name} needs a gyroscope; choose another method.")
    try:
        with np.errstate(all="ignore"):
            found = method.detect(acc, gyr, rate_hz)
        initial = np.asarray(found.initial_contact_s, dtype=np.float64)
        final = np.asarray(found.final_contact_s, dtype=np.float64)
        side = np.asarray(found.side)
        fault = _fault(initial, final, side, len(acc) / rate_hz)
    except ImurunError:
        raise
    except Exception as error:  # user-supplied code may raise anything
        reason = " ".join(str(error).split())
        raise MethodError(f"{method.name} failed with {type(error).__name__}: {reason}.") from error
    if fault:
        raise MethodError(f"{method.name} returned invalid contacts: {fault}.")
    return Contacts(initial, final, side)


def _fault(initial: FloatArray, final: FloatArray, side: np.ndarray, duration_s: float) -> str:
    """Description of the first violation, or "" for valid contacts."""
    if initial.ndim != 1 or not initial.shape == final.shape == side.shape:
        return f"the shapes are {initial.shape}, {final.shape} and {side.shape} instead of three times (k,)"
    if not np.isfinite(initial).all():
        return "a foot strike is not a finite number"
    if len(initial) and (initial.min() < 0.0 or initial.max() > duration_s):
        return f"a foot strike lies outside the {duration_s:.1f} s of samples"
    if (np.diff(initial) <= 0.0).any():
        return "the foot strikes are out of order"
    known = ~np.isnan(final)
    if (final[known] <= initial[known]).any():
        return "a toe-off comes before its foot strike"
    if (final[known] > duration_s).any():
        return f"a toe-off lies outside the {duration_s:.1f} s of samples"
    strange = sorted({str(word) for word in side.tolist()} - set(SIDES))
    return f"{strange[0]!r} is no side" if strange else ""


def _bout_contacts(
    method: Method, recording: Recording, rotation: FloatArray, start_s: float, end_s: float
) -> Contacts:
    """Contacts of one bout, s from the recording's start; gaps split the bout into separate calls."""
    rate_hz = recording.rate_hz
    first = max(int((start_s - MARGIN_S) * rate_hz), 0)
    rows = slice(first, int(np.ceil((end_s + MARGIN_S) * rate_hz)))
    acc, gyr = recording.acc[rows], None if recording.gyr is None else recording.gyr[rows]
    strikes, offs, sides = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype="<U7")]
    for block, gap in stretches(missing_rows(acc, gyr)):
        if gap:
            continue
        body_gyr = None if gyr is None else gyr[block] @ rotation.T
        found = run_checked(method, acc[block] @ rotation.T, body_gyr, rate_hz)
        offset_s = (first + block.start) / rate_hz
        strike_s = found.initial_contact_s + offset_s
        inside = (strike_s >= start_s - BORDER_S) & (strike_s < end_s - BORDER_S)
        strikes.append(strike_s[inside])
        offs.append(found.final_contact_s[inside] + offset_s)
        sides.append(found.side[inside].astype(str))
    return Contacts(np.concatenate(strikes), np.concatenate(offs), np.concatenate(sides))


def step_columns(contacts: Contacts) -> dict[str, np.ndarray]:
    """Columns of the step table for the contacts of one bout, defined as in the engine's table.

    An interval of more than 1.6 median steps is no step time: a step was missed in between.
    """
    strike_s, off_s = contacts.initial_contact_s, contacts.final_contact_s
    n = len(strike_s)
    step_s = np.full(n, np.nan)
    step_s[1:] = np.diff(strike_s)
    if n > 1:
        step_s[step_s > LOST_STEP * np.nanmedian(step_s)] = np.nan
    before_s, before_off_s = np.full(n, np.nan), np.full(n, np.nan)
    before_s[1:] = step_s[:-1]
    before_off_s[1:] = off_s[:-1]
    period_s = np.where(np.isnan(before_s), step_s, 0.5 * (step_s + before_s))
    known = {
        "initial_contact_s": strike_s,
        "final_contact_s": off_s,
        "side": contacts.side,
        "gait": np.full(n, "running"),
        "step_time_ms": 1000.0 * step_s,
        "contact_time_ms": 1000.0 * (off_s - strike_s),
        "flight_time_ms": np.where(np.isnan(step_s), np.nan, 1000.0 * (strike_s - before_off_s)),
        "duty_factor": 0.5 * (off_s - strike_s) / period_s,
        "cadence_spm": 60.0 / period_s,
    }
    unknown = np.full(n, np.nan)
    return {column.name: known.get(column.name, unknown) for column in STEP_COLUMNS}
