"""The words of the report: what each number is called, and what it means to a runner."""

from __future__ import annotations

import math
from typing import NamedTuple

from imurun.model.columns import STEP_COLUMNS, UNITS
from imurun.terminal_text import clock

HOUR_S = 3600
DASH = "\N{EN DASH}"
"""In the place of what is not known."""
NO_BREAK = "\N{NO-BREAK SPACE}"


class Term(NamedTuple):
    """A number of the report.

    Attributes:
        label: what it is called.
        decimals: that are shown.
        plain: what it means to a runner; "" where the step table's own words will do.
    """

    label: str
    decimals: int
    plain: str = ""


TERMS: dict[str, Term] = {
    "cadence_spm": Term("Cadence", 0, "How many steps you take in a minute, both feet counted."),
    "contact_time_ms": Term(
        "Contact time", 0, "How long a foot stays on the ground. It grows when you slow down or tire."
    ),
    "flight_time_ms": Term(
        "Flight time",
        0,
        "How long both feet are off the ground between two steps; below 0 when they overlap.",
    ),
    "duty_factor": Term("Duty factor", 3),
    "vertical_oscillation_mm": Term(
        "Oscillation", 0, "How far the lower back rises and falls within a step."
    ),
    "peak_impact_g": Term(
        "Impact peak",
        2,
        "The hardest upward jolt at the sensor around foot strike; standing still reads 1 g. "
        "It compares your runs with one another, worn the same way; it is not the force at the foot.",
    ),
    "loading_rate_g_s": Term("Loading rate", 0, "How steeply the jolt at foot strike rises."),
    "braking_g": Term(
        "Braking peak", 2, "The strongest backward pull just after foot strike. Landing far ahead raises it."
    ),
    "peak_vgrf_bw": Term(
        "Peak force",
        2,
        "Estimated greatest force between foot and ground, in body weights (BW): 2.5 BW is two and a half "
        "times what you weigh.",
    ),
    "lumbar_compression_bw": Term(
        "Lumbar load",
        2,
        "Modelled pressure on the lowest disc of the spine in each step, in body weights (BW). "
        "An index that compares your steps with your steps, not a measurement.",
    ),
    "lumbar_shear_bw": Term("Lumbar shear", 2),
    "lean_deg": Term(
        "Forward lean",
        1,
        "How far the pelvis leans forward, against standing or, without it, against the first steps.",
    ),
    "roll_rom_deg": Term("Side tilt", 1, "How far the pelvis drops from side to side within two steps."),
    "pitch_rom_deg": Term("Forward tilt", 1, "How far the pelvis tips forward and back within two steps."),
    "yaw_rom_deg": Term("Rotation", 1, "How far the pelvis turns left and right within two steps."),
    "ml_sway_ratio": Term(
        "Sideways share", 3, "How much of all the motion goes sideways, as a share from 0 to 1."
    ),
    "step_regularity": Term(
        "Step regularity", 3, "How alike one step is to the next; 1 is identical, lower is less even."
    ),
    "stride_regularity": Term("Stride regularity", 3),
    "quality": Term(
        "Quality",
        2,
        "How far the step's contact time can be trusted, from 0 to 1. A soft strap, a cut-off signal, a "
        "broken rhythm or a wrong upright lower it.",
    ),
    "lumbar_dose_bw4": Term(
        "Session load",
        0,
        "Every running step adds its lumbar load to the power of 4, in BW⁴. So magnitude counts far more "
        "than number: a step with twice the load adds 16 times as much.",
    ),
}
"""By column of the step table; and the sum over the session, by its key in the summary."""

UNIT_WORDS = {"lumbar_dose_bw4": "BW⁴"}
_MEANINGS = {column.name: column.meaning for column in STEP_COLUMNS}

DIAGNOSIS = "It measures and compares; it does not diagnose."

LIMITS = (
    "This is no medical device, no diagnosis and no forecast of injury. Pain that stays or grows belongs "
    "before a physician or physiotherapist, whatever is written here.",
    "Cadence, contact time, flight time and peak force were checked against force plates on a few runners; "
    "contact times were off by about 11 ms, on slopes by 13 ms, and peak force by 0.10 to 0.15 BW.",
    "Impact peak, loading rate and braking are those of the sensor, not of the foot. They compare runs of "
    "one runner who wears the sensor the same way.",
    "Lumbar load comes from a model of trunk and back muscles that no study validates for one sensor. "
    "It is an index that compares your steps with your steps.",
    "Left against right is seen smaller than it is: in simulation about three tenths of a difference in "
    "contact time, and half of one in peak force.",
)
"""What the numbers are and are not; figures from the accuracy benchmark, as in the README."""

CONTACT_ERRORS_MS: tuple[tuple[float, str], ...] = (
    (0.9, "about 13 ms"),
    (0.7, "13 to 15 ms"),
    (0.5, "about 15 ms"),
    (0.3, "about 30 ms"),
    (0.0, "about 43 ms"),
)
"""How far contact times were off at this quality or above, on real trials made worse, as in the README."""
POOR_QUALITY = 0.5
"""Below it contact times were off by twice as much as those of clean running."""

MOUNTINGS = {
    "given": "as it was given",
    "found": "found in the first running",
    "whole": "found in all of the running",
    "level": "only up is known",
}

KINDS: dict[str, tuple[str, str]] = {
    "running": ("#1f9d61", "running"),
    "walking": ("#4aa3c7", "walking"),
    "still": ("#a6a9b0", "still"),
    "other": ("#c9a227", "other movement"),
    "gap": ("#c9302c", "no data"),
}
"""Colour and word of each kind of bout."""

CONTEXT: dict[str, Term] = {
    "acute_bw4": Term("Load a day, last 7 days, BW⁴", 0, "Mean load a day, the newest days counting most."),
    "chronic_bw4": Term("Load a day, last 28 days, BW⁴", 0, "The same over four weeks."),
    "acute_chronic_ratio": Term(
        "Last 7 days over last 28",
        2,
        "1 is even. Shown for orientation, never as a warning: studies disagree on what it is worth.",
    ),
    "week_load_bw4": Term("Load of the week, BW⁴", 0, "All that the last 7 days added up to."),
    "monotony": Term(
        "Monotony", 2, "Mean load a day of the week over how much it varies; high when all days are alike."
    ),
    "strain_bw4": Term("Strain, BW⁴", 0, "Load of the week times its monotony."),
    "days": Term("Days of history", 0, "From the first session that is known to this one."),
}
"""Numbers of the weeks before, by their key in `imurun.history.flags.context`."""


def unit_of(name: str) -> str:
    """The unit of a column or of the session load; "" for a ratio."""
    return UNIT_WORDS.get(name) or UNITS[name]


def label_with_unit(name: str) -> str:
    """Such as "Cadence, steps/min"."""
    unit = unit_of(name)
    return TERMS[name].label + (f", {unit}" if unit else "")


def plain(name: str) -> str:
    """What a number means, one or two sentences."""
    said = TERMS[name].plain or _MEANINGS[name]
    return said[0].upper() + said[1:].rstrip(".") + "."


def number(value: float | None, decimals: int) -> str:
    """A number as text, a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.replace("-", "\N{MINUS SIGN}") if float(f"{value:.{decimals}f}") else text.lstrip("-")


def shown(name: str, value: float | None) -> str:
    """A value with its unit, that a line break does not part."""
    unit = unit_of(name)
    return number(value, TERMS[name].decimals) + (f"{NO_BREAK}{unit}" if unit else "")


def change(before: float | None, after: float | None, decimals: int, unit: str) -> str:
    """By how much a value moved, with its sign."""
    if before is None or after is None or not math.isfinite(before) or not math.isfinite(after):
        return DASH
    text = number(after - before, decimals)
    sign = "+" if float(f"{after - before:.{decimals}f}") > 0 else ""
    return f"{sign}{text}" + (f"{NO_BREAK}{unit}" if unit else "")


def lasting(seconds: float) -> str:
    """A span of time, such as "4:40 min" or "1:02:03 h"."""
    return f"{clock(seconds)}{NO_BREAK}{'min' if round(seconds) < HOUR_S else 'h'}"


def clock_form(longest_s: float) -> str:
    """How `clock_like` writes times in a table whose longest is this."""
    return "min:s" if round(longest_s) < HOUR_S else "h:min:s"


def clock_like(seconds: float, longest_s: float) -> str:
    """A time in the form of `clock_form`."""
    is_short = round(seconds) < HOUR_S <= round(longest_s)
    return f"0:{clock(seconds):0>5}" if is_short else clock(seconds)


def count(n: int, one: str, many: str) -> str:
    """A number of things in words."""
    return f"{number(n, 0)}{NO_BREAK}{one if n == 1 else many}"


def explained(*columns: str) -> tuple[tuple[str, str], ...]:
    """Label and meaning of each, for a section's terms."""
    return tuple((TERMS[name].label, plain(name)) for name in columns)
