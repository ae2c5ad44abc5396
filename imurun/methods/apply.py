"""A published rule on a recording: the engine finds mounting and running, the rule finds the contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from imurun.core.alignment import Mounting
from imurun.core.step import LOST_STEP
from imurun.errors import ImurunError, MethodError, SettingsError
from imurun.methods import METHODS
from imurun.methods.contract import Contacts, Method
from imurun.model.columns import SIDES, STEP_COLUMNS
from imurun.model.frames import FloatArray
from imurun.model.recording import Recording, Runner, missing_rows, stretches
from imurun.model.recording_like import Recorded

if TYPE_CHECKING:
    from imurun.session import MountingWord

MARGIN_S = 1.0
"""A rule sees so much more on either side of a bout, where it was recorded: filters have settled by then."""
BORDER_S = 0.1
"""A bout reaches from its first foot strike to a step after its last, both as the engine has them. Contacts
count from this long before the one to this long before the other: less than half a shortest step."""


def apply(
    method: str | Method,
    recording: Recorded,
    runner: Runner | None = None,
    *,
    mounting: MountingWord | npt.ArrayLike | Mounting = "auto",
) -> pd.DataFrame:
    """Steps of a recording by a published rule.

    Args:
        method: a name in `imurun.methods.METHODS`, or a rule of your own.
        recording, runner, mounting: as for `imurun.analyze`.

    Returns:
        The step table of `imurun.model.columns.STEP_COLUMNS`, running only; what no rule gives is NaN.

    Raises:
        SettingsError: an unknown name, or a mounting that is none.
        MethodError: a rule that needs what the recording has not, that failed, or that gave no contacts.
    """
    from imurun.session import analyze

    return analyze(recording, runner, mounting=mounting, method=method).steps


def find_method(method: str | Method, recording: Recorded) -> Method:
    """The rule of that name, if it can do something with the recording.

    Raises:
        SettingsError: an unknown name.
        MethodError: a rule of angular rates, and a recording without.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise SettingsError(f"method is {method!r}; it must be imurun, {', '.join(METHODS)}.")
        method = METHODS[method]
    if method.needs_gyro and not recording.has_gyro:
        raise MethodError(
            f"{method.name} needs a gyroscope, and the recording has none that works; choose another method."
        )
    return method


def method_steps(
    method: Method, recording: Recording, mounting: Mounting | None, running_s: list[tuple[float, float]]
) -> pd.DataFrame:
    """The step table of a rule on the running of a recording.

    Args:
        method: as `find_method` gave it.
        mounting: how the sensor sat; None where nobody ran.
        running_s: start and end of each bout of running, s.

    Raises:
        MethodError: as `apply` says.
    """
    if running_s and mounting is None:
        raise MethodError(f"{method.name} needs to know what is up, and the recording is too short to say.")
    bouts = [step_columns(Contacts(np.zeros(0), np.zeros(0), np.zeros(0, dtype="<U7")))]
    for start_s, end_s in running_s:
        assert mounting is not None
        if method.needs_forward and not mounting.heading_known:
            raise MethodError(
                f"{method.name} needs the forward axis, and too little running shows it; "
                "give the mounting, or choose a method that reads the vertical only."
            )
        bouts.append(step_columns(_bout_contacts(method, recording, mounting.rotation, start_s, end_s)))
    return pd.DataFrame({name: np.concatenate([bout[name] for bout in bouts]) for name in bouts[0]})


def run_checked(method: Method, acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Run a rule on one stretch, and check that contacts come out.

    Args:
        acc: shape (n, 3), m/s2, body frame, finite. gyr: shape (n, 3), rad/s, or None.

    Raises:
        MethodError: the rule raised something, or what it gave breaks `imurun.methods.contract.Contacts`.
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
    except Exception as error:  # a rule may be anybody's code
        reason = " ".join(str(error).split())
        raise MethodError(f"{method.name} failed with {type(error).__name__}: {reason}.") from error
    if fault:
        raise MethodError(f"{method.name} gave no proper contacts: {fault}.")
    return Contacts(initial, final, side)


def _fault(initial: FloatArray, final: FloatArray, side: np.ndarray, duration_s: float) -> str:
    """What is wrong with contacts, or ""."""
    if initial.ndim != 1 or not initial.shape == final.shape == side.shape:
        return f"the shapes are {initial.shape}, {final.shape} and {side.shape} instead of three times (k,)"
    if not np.isfinite(initial).all():
        return "a foot strike is not a finite number"
    if len(initial) and (initial.min() < 0.0 or initial.max() > duration_s):
        return f"a foot strike lies outside the {duration_s:.1f} s it was given"
    if (np.diff(initial) <= 0.0).any():
        return "the foot strikes are out of order"
    known = ~np.isnan(final)
    if (final[known] <= initial[known]).any():
        return "a toe-off comes before its foot strike"
    if (final[known] > duration_s).any():
        return f"a toe-off lies outside the {duration_s:.1f} s it was given"
    strange = sorted({str(word) for word in side.tolist()} - set(SIDES))
    return f"{strange[0]!r} is no side" if strange else ""


def _bout_contacts(
    method: Method, recording: Recording, rotation: FloatArray, start_s: float, end_s: float
) -> Contacts:
    """Contacts of one bout, from each unbroken piece of it with its margins; s from the recording's start."""
    rate_hz = recording.rate_hz
    first = max(int((start_s - MARGIN_S) * rate_hz), 0)
    rows = slice(first, int(np.ceil((end_s + MARGIN_S) * rate_hz)))
    acc, gyr = recording.acc[rows], None if recording.gyr is None else recording.gyr[rows]
    strikes, offs, sides = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype="<U7")]
    for piece, gap in stretches(missing_rows(acc, gyr)):
        if gap:
            continue
        body_gyr = None if gyr is None else gyr[piece] @ rotation.T
        found = run_checked(method, acc[piece] @ rotation.T, body_gyr, rate_hz)
        offset_s = (first + piece.start) / rate_hz
        strike_s = found.initial_contact_s + offset_s
        inside = (strike_s >= start_s - BORDER_S) & (strike_s < end_s - BORDER_S)
        strikes.append(strike_s[inside])
        offs.append(found.final_contact_s[inside] + offset_s)
        sides.append(found.side[inside].astype(str))
    return Contacts(np.concatenate(strikes), np.concatenate(offs), np.concatenate(sides))


def step_columns(contacts: Contacts) -> dict[str, np.ndarray]:
    """The columns of the step table for the contacts of one bout, times from the start of the recording.

    They mean what they mean in the engine's table. The time since a foot strike more than 1.6 median
    steps ago is no step time: a step was missed in between.
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
