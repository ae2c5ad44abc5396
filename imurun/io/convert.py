"""Converts samples in the units of a file to a Recording: SI units, axes, sampling rate."""

from __future__ import annotations

from datetime import UTC

import numpy as np

from imurun.errors import FormatError
from imurun.files.text import sanitize
from imurun.io.formats.file_format import FileFormat
from imurun.io.samples import Samples
from imurun.io.units import SI_FACTOR, gravity_of, infer_acc_unit, is_gravity_free
from imurun.model.frames import FloatArray
from imurun.model.gyroscope import TurnWatch, infer_gyr_unit
from imurun.model.recording import Recording

_NO_RATE = (
    "the file states neither times nor a rate; give the rate with --rate, "
    "or a profile that states it, such as mobgap."
)


def to_recording(
    samples: Samples, file_format: FileFormat | None, rate_hz: float | None, source: str
) -> Recording:
    """Convert to SI units and resample to an even grid.

    Args:
        samples: with acceleration.
        file_format: gives axes, ranges, frame, and the rate of files without time.
        rate_hz: given by the user; used only when the file has no time.
        source: name of the file, for messages.

    Raises:
        FormatError: the unit cannot be inferred, gravity was removed, or the rate is unknown.
        RecordingError: as `Recording`.
    """
    file_format = file_format or FileFormat(name="")
    warnings = list(samples.warnings)
    stamps = samples.stamps
    rate = 0.0
    if stamps is None:
        rate = rate_hz or samples.rate_hz or file_format.rate_hz
        if not rate:
            raise FormatError(_NO_RATE)
        about = rate
    else:
        about = len(stamps.seconds) / max(float(stamps.seconds[-1]), 1e-9)
    assert samples.acc is not None
    acc = _acc_to_si(samples.acc, samples.acc_unit, about, file_format, warnings)
    gyr = None if samples.gyr is None else _gyr_to_si(samples.gyr, samples.gyr_unit, acc, about, warnings)
    if file_format.rotation is not None:
        acc = acc @ file_format.rotation.T
        gyr = None if gyr is None else gyr @ file_format.rotation.T
    start = samples.start.astimezone(UTC) if samples.start else None
    if stamps is None:
        return Recording(
            acc,
            gyr,
            rate_hz=rate,
            frame=file_format.frame,
            start=start,
            acc_range_g=file_format.acc_range_g,
            gyr_range_deg_s=file_format.gyr_range_deg_s,
            source=source,
            warnings=tuple(map(sanitize, warnings)),
        )
    if rate_hz and abs(about / rate_hz - 1) > 0.02:
        warnings.append(
            f"The time column gives about {about:.4g} Hz; the rate of {rate_hz:g} Hz was not used."
        )
    return Recording.from_timed_samples(
        stamps.seconds,
        acc,
        gyr,
        frame=file_format.frame,
        start=start,
        acc_range_g=file_format.acc_range_g,
        gyr_range_deg_s=file_format.gyr_range_deg_s,
        source=source,
        warnings=tuple(map(sanitize, warnings)),
    )


def _acc_to_si(
    acc: FloatArray, unit: str, rate_hz: float, file_format: FileFormat, warnings: list[str]
) -> FloatArray:
    gravity = gravity_of(acc, rate_hz)
    if np.isnan(gravity.size):  # without any sample; Recording raises the error
        return acc * SI_FACTOR["acc"][unit or "m/s2"]
    inferred = infer_acc_unit(gravity)
    if unit:
        if inferred and inferred != unit:
            warnings.append(
                f"The stated unit of acceleration is {unit}, but its mean of {gravity.size:.3g} is gravity "
                f"in {inferred}; check the unit."
            )
        elif is_gravity_free(gravity, unit):
            raise FormatError(file_format.gravity_free_message())
        return acc * SI_FACTOR["acc"][unit]
    if not inferred:
        advice = f" {file_format.advice}" if file_format.advice else ""
        raise FormatError(
            f"the mean acceleration of {gravity.size:.3g} is gravity in none of m/s2, g and mg, so gravity "
            "was removed or this is not an accelerometer; export acceleration with gravity, or state the "
            f"unit.{advice}"
        )
    warnings.append(
        f"The unit of acceleration is not stated; its mean of {gravity.size:.3g} is gravity in {inferred}."
    )
    return acc * SI_FACTOR["acc"][inferred]


def _gyr_to_si(
    gyr: FloatArray, unit: str, acc: FloatArray, rate_hz: float, warnings: list[str]
) -> FloatArray:
    if unit:
        if unit == "rad/s":
            watch = TurnWatch()
            watch.take(gyr)
            warnings.extend(watch.notes)
        return gyr * SI_FACTOR["gyr"][unit]
    unit, is_sure = infer_gyr_unit(gyr, acc, rate_hz)
    why = f"its magnitude suggests {unit}" if is_sure else f"with so little motion, {unit} is assumed"
    warnings.append(f"The unit of angular rate is not stated; {why}.")
    return gyr * SI_FACTOR["gyr"][unit]
