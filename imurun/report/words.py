"""Texts of the report: explanations of its quantities, and numbers, times and labels as text."""

from __future__ import annotations

import math

from imurun.model.columns import COLUMNS, Column, printed_unit
from imurun.terminal_text import clock

HOUR_S = 3600
DASH = "\N{EN DASH}"
"""Shown for a value that is not known."""
NO_BREAK = "\N{NO-BREAK SPACE}"


GREATEST_DAYS = 30
"""Span of the greatest earlier session, as in the study behind the flag."""

EXPLANATIONS: dict[str, str] = {
    "cadence_spm": "How many steps you take in a minute, both feet counted.",
    "contact_time_ms": "How long a foot stays on the ground. It grows when you slow down or tire.",
    "flight_time_ms": "How long both feet are off the ground between two steps; below 0 when they overlap.",
    "duty_factor": "",
    "vertical_oscillation_mm": "How far the lower back rises and falls within a step.",
    "peak_impact_g": "The hardest upward jolt at the sensor around foot strike; standing still reads 1 g. "
    "It compares your runs with one another, worn the same way; it is not the force at the foot.",
    "loading_rate_g_s": "How steeply the jolt at foot strike rises.",
    "braking_g": "The strongest backward pull just after foot strike. Landing far ahead raises it.",
    "peak_vgrf_bw": "Estimated greatest force between foot and ground, in body weights (BW): 2.5 BW is two "
    "and a half times your weight.",
    "lumbar_compression_bw": "Modelled pressure on the lowest disc of the spine in each step, in body "
    "weights (BW). An index that compares your steps with your steps, not a measurement.",
    "lumbar_shear_bw": "",
    "lean_deg": "How far the pelvis leans forward, against standing or, without it, against the first steps.",
    "roll_rom_deg": "How far the pelvis drops from side to side within two steps.",
    "pitch_rom_deg": "How far the pelvis tips forward and back within two steps.",
    "yaw_rom_deg": "How far the pelvis turns left and right within two steps.",
    "ml_sway_ratio": "The sideways part of the acceleration, as a share from 0 to 1.",
    "step_regularity": "How alike one step is to the next; 1 is identical, lower is less even.",
    "stride_regularity": "",
    "quality": "How reliable the step's contact time is, from 0 to 1. A soft strap, a clipped signal, an "
    "uneven rhythm or a wrong upright lower it.",
    "lumbar_dose_bw4": "Every running step adds its lumbar load to the power of 4, in BW⁴. So magnitude "
    "counts far more than number: a step with twice the load adds 16 times as much.",
}
"""What a quantity of the report means to a runner; "" where the meaning in `columns` is enough."""

TERMS: dict[str, Column] = {name: COLUMNS[name] for name in EXPLANATIONS}
"""The quantities of the report, by column of the step table or key of the summary."""

DIAGNOSIS = "It measures and compares; it does not diagnose."

LIMITS = (
    "This is not a medical device, a diagnosis or a forecast of injury. See a physician or physiotherapist "
    "about pain that stays or grows, whatever this report shows.",
    "Cadence, contact time, flight time and peak force were checked against force plates on 19 runners, each "
    "left out of the fit; contact times were off by about 15 ms (27 ms for one runner), on slopes by 18 ms, "
    "and peak force by 0.13 BW.",
    "Impact peak, loading rate and braking are measured at the sensor, not at the foot. They compare runs of "
    "one runner who wears the sensor the same way.",
    "Lumbar load comes from a model of trunk and back muscles that no study validates for one sensor. "
    "It is an index that compares your steps with your steps.",
    "Differences between left and right are underestimated: in simulation about three tenths of a "
    "difference in contact time is found, and half of a difference in peak force.",
)
"""What the numbers are and are not; figures from the accuracy benchmark, as in the README."""

CONTACT_ERRORS_MS: tuple[tuple[float, str], ...] = (
    (0.9, "about 13 ms"),
    (0.7, "about 14 ms"),
    (0.5, "about 22 ms"),
    (0.3, "about 36 ms"),
    (0.0, "more than 30 ms"),
)
"""Error of contact times at this quality or above, on real trials that were degraded.

As in benchmarks/accuracy/README.md; few steps lie below 0.3."""
POOR_QUALITY = 0.5
"""Below this quality the error of contact times is more than twice that of clean running."""

MOUNTINGS = {
    "given": "given",
    "found": "found in the first running",
    "whole": "found in all of the running",
    "level": "only the vertical is known",
}

KINDS: dict[str, tuple[str, str]] = {
    "running": ("#1f9d61", "running"),
    "walking": ("#4aa3c7", "walking"),
    "still": ("#a6a9b0", "still"),
    "other": ("#c9a227", "other movement"),
    "gap": ("#c9302c", "no data"),
}
"""Colour and word of each kind of bout."""

CONTEXT: dict[str, str] = {
    "acute_bw4": "Mean load a day; the newest days count most.",
    "chronic_bw4": "The same over four weeks.",
    "acute_chronic_ratio": "1 means the same load as before. For orientation, not a warning: studies "
    "disagree on its value.",
    "week_load_bw4": "The sum of the last 7 days.",
    "monotony": "Mean load a day of the week over how much it varies; high when all days are alike.",
    "strain_bw4": "Load of the week times its monotony.",
    "days": "Days from the first known session to this one.",
}
"""What the numbers of the weeks before mean, by their key in `imurun.history.flags.context`."""


def unit_of(name: str) -> str:
    """The unit of a quantity as people read it; "" for a ratio."""
    return printed_unit(name)


def label_with_unit(name: str) -> str:
    """Such as "Cadence, steps/min"."""
    unit = unit_of(name)
    return COLUMNS[name].label + (f", {unit}" if unit else "")


def heading(name: str) -> str:
    """As `label_with_unit`, in lower case for the head of a table: "cadence, steps/min"."""
    label = label_with_unit(name)
    return label[0].lower() + label[1:]


def plain(name: str) -> str:
    """What a quantity means, in one or two sentences, and its standard term where the label is another."""
    text = EXPLANATIONS.get(name) or CONTEXT.get(name) or COLUMNS[name].meaning
    text = text[0].upper() + text[1:].rstrip(".") + "."
    term = COLUMNS[name].term
    return f"{text} Standard term: {term}." if term else text


def number(value: float | None, decimals: int) -> str:
    """A number as text; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.replace("-", "\N{MINUS SIGN}") if float(f"{value:.{decimals}f}") else text.lstrip("-")


def shown(name: str, value: float | None) -> str:
    """A value with its unit, joined by a no-break space."""
    unit = unit_of(name)
    return number(value, COLUMNS[name].decimals) + (f"{NO_BREAK}{unit}" if unit else "")


def change(before: float | None, after: float | None, decimals: int, unit: str) -> str:
    """The change of a value, with its sign."""
    if before is None or after is None or not math.isfinite(before) or not math.isfinite(after):
        return DASH
    text = number(after - before, decimals)
    sign = "+" if float(f"{after - before:.{decimals}f}") > 0 else ""
    return f"{sign}{text}" + (f"{NO_BREAK}{unit}" if unit else "")


def lasting(seconds: float) -> str:
    """A duration, such as "4:40 min" or "1:02:03 h"."""
    return f"{clock(seconds)}{NO_BREAK}{'min' if round(seconds) < HOUR_S else 'h'}"


def clock_form(longest_s: float) -> str:
    """The form in which `clock_like` writes times in a table whose longest time is this."""
    return "min:s" if round(longest_s) < HOUR_S else "h:min:s"


def clock_like(seconds: float, longest_s: float) -> str:
    """A time in the form of `clock_form`."""
    is_short = round(seconds) < HOUR_S <= round(longest_s)
    return f"0:{clock(seconds):0>5}" if is_short else clock(seconds)


def count(n: int, one: str, many: str) -> str:
    """A count with its noun, such as "3 steps"."""
    return f"{number(n, 0)}{NO_BREAK}{one if n == 1 else many}"


def explained(*columns: str) -> tuple[tuple[str, str], ...]:
    """Label and meaning of each, for a section's terms."""
    return tuple((COLUMNS[name].label, plain(name)) for name in columns)
