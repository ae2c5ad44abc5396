"""From samples as written to a Recording: SI units, axes, and the rate."""

from __future__ import annotations

from datetime import UTC

import numpy as np

from imurun.errors import FormatError
from imurun.files.text import printable
from imurun.io import units
from imurun.io.formats.file_format import Profile
from imurun.io.samples import Samples
from imurun.io.two_sensors import finite_rows
from imurun.io.units import SI_FACTOR
from imurun.model.frames import FloatArray
from imurun.model.recording import Recording

_MAX_SANE_TURN = 35.0
"""rad/s (2000 deg/s): a stated rad/s above this is almost surely deg/s."""
_NO_RATE = (
    "the file tells neither the time nor the rate; give the rate with --rate, "
    "or a profile that holds it, such as mobgap."
)


def to_recording(samples: Samples, profile: Profile | None, rate_hz: float | None, source: str) -> Recording:
    """Convert to SI and put the samples on an even grid.

    Args:
        samples: with acceleration.
        profile: gives axes, ranges, frame, and the rate of files that have no time.
        rate_hz: what the user said; used only when the file has no time.
        source: name of the file, for messages.

    Raises:
        FormatError: the unit cannot be told, gravity was removed, or the rate is unknown.
        RecordingError: what `Recording` refuses.
    """
    profile = profile or Profile(name="")
    warnings = list(samples.warnings)
    stamps = samples.stamps
    rate = 0.0
    if stamps is None:
        rate = rate_hz or samples.rate_hz or profile.rate_hz
        if not rate:
            raise FormatError(_NO_RATE)
        about = rate
    else:
        about = len(stamps.seconds) / max(float(stamps.seconds[-1]), 1e-9)
    assert samples.acc is not None
    acc = _acc_to_si(samples.acc, samples.acc_unit, about, profile, warnings)
    gyr = None if samples.gyr is None else _gyr_to_si(samples.gyr, samples.gyr_unit, acc, about, warnings)
    if profile.rotation is not None:
        acc = acc @ profile.rotation.T
        gyr = None if gyr is None else gyr @ profile.rotation.T
    start = samples.start.astimezone(UTC) if samples.start else None
    if stamps is None:
        return Recording(
            acc,
            gyr,
            rate_hz=rate,
            frame=profile.frame,
            start=start,
            acc_range_g=profile.acc_range_g,
            gyr_range_deg_s=profile.gyr_range_deg_s,
            source=source,
            warnings=tuple(map(printable, warnings)),
        )
    if rate_hz and abs(about / rate_hz - 1) > 0.02:
        warnings.append(
            f"The time column gives about {about:.4g} Hz; the rate of {rate_hz:g} Hz was not used."
        )
    return Recording.from_timed_samples(
        stamps.seconds,
        acc,
        gyr,
        frame=profile.frame,
        start=start,
        acc_range_g=profile.acc_range_g,
        gyr_range_deg_s=profile.gyr_range_deg_s,
        source=source,
        warnings=tuple(map(printable, warnings)),
    )


def _acc_to_si(
    acc: FloatArray, unit: str, rate_hz: float, profile: Profile, warnings: list[str]
) -> FloatArray:
    gravity = units.gravity_of(acc, rate_hz)
    if np.isnan(gravity.size):  # no sample at all: Recording says so
        return acc * SI_FACTOR["acc"][unit or "m/s2"]
    guess = units.guess_acc_unit(gravity)
    if unit:
        if guess and guess != unit:
            warnings.append(
                f"Acceleration is said to be in {unit}, but its mean of {gravity.size:.3g} would be gravity "
                f"in {guess}; check the unit."
            )
        elif units.is_gravity_free(gravity, unit):
            raise FormatError(profile.gravity_free_sentence())
        return acc * SI_FACTOR["acc"][unit]
    if not guess:
        advice = f" {profile.advice}" if profile.advice else ""
        raise FormatError(
            f"the mean acceleration of {gravity.size:.3g} is gravity in neither m/s2, g nor mg, so gravity "
            "was removed or this is no accelerometer; export acceleration with gravity, or state the unit."
            f"{advice}"
        )
    warnings.append(
        f"The unit of acceleration is not stated; its mean of {gravity.size:.3g} is gravity in {guess}."
    )
    return acc * SI_FACTOR["acc"][guess]


def _gyr_to_si(
    gyr: FloatArray, unit: str, acc: FloatArray, rate_hz: float, warnings: list[str]
) -> FloatArray:
    if unit:
        turn = np.linalg.norm(gyr[finite_rows(gyr)], axis=1)
        if unit == "rad/s" and len(turn) and np.percentile(turn, 95) > _MAX_SANE_TURN:
            warnings.append(
                "Angular rate is said to be in rad/s, but its size speaks for deg/s; check the unit."
            )
        return gyr * SI_FACTOR["gyr"][unit]
    unit, sure = units.guess_gyr_unit(gyr, acc, rate_hz)
    why = "its size speaks for" if sure else "there is too little motion to tell, taken as"
    warnings.append(f"The unit of angular rate is not stated; {why} {unit}.")
    return gyr * SI_FACTOR["gyr"][unit]
