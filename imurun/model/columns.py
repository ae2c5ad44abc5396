"""The columns of the step table: name, unit and meaning, in the order in which they appear."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column of the step table. `unit` is "" for a name or a ratio."""

    name: str
    unit: str
    meaning: str


STEP_COLUMNS: tuple[Column, ...] = (
    Column("initial_contact_s", "s", "foot strike, from the start of the recording"),
    Column("final_contact_s", "s", "toe-off of the same foot; running only"),
    Column("side", "", "foot on the ground: left, right or unknown"),
    Column("gait", "", "running or walking"),
    Column("step_time_ms", "ms", "from the previous foot strike to this one"),
    Column("contact_time_ms", "ms", "final contact minus initial contact"),
    Column(
        "flight_time_ms", "ms", "from the final contact before to this foot strike; below 0 when feet overlap"
    ),
    Column("duty_factor", "", "contact time over the time of a stride (two steps)"),
    Column("cadence_spm", "steps/min", "60 over the mean of the last two step times"),
    Column("vertical_oscillation_mm", "mm", "rise and fall of the sensor within the step"),
    Column("peak_impact_g", "g", "highest vertical specific force around foot strike; standing reads 1"),
    Column("peak_vertical_g", "g", "highest vertical specific force of the step"),
    Column("peak_resultant_g", "g", "largest specific force in any direction during the step"),
    Column("braking_g", "g", "largest backward acceleration in the first half of contact, positive"),
    Column("loading_rate_g_s", "g/s", "steepest rise of the vertical specific force around foot strike"),
    Column("peak_vgrf_bw", "BW", "estimated active peak of the vertical ground reaction force"),
    Column("vertical_impulse_bw_s", "BW s", "vertical impulse from mid-flight to mid-flight"),
    Column("lumbar_compression_bw", "BW", "modelled peak compression at L5/S1; an index, not a measurement"),
    Column("lumbar_shear_bw", "BW", "modelled peak anterior shear at L5/S1; an index, not a measurement"),
    Column("lumbar_dose", "BW^4", "compression to the power 4: what this step adds to the session's load"),
    Column("lean_deg", "deg", "forward lean over the stride, against standing or the first steps"),
    Column("roll_rom_deg", "deg", "range of side tilt over the stride"),
    Column("pitch_rom_deg", "deg", "range of forward tilt over the stride"),
    Column("yaw_rom_deg", "deg", "range of rotation over the stride, turning taken out"),
    Column("ml_sway_ratio", "", "side-to-side share of the acceleration (RMS over RMS of the whole)"),
    Column("step_regularity", "", "how alike successive steps are, fore-aft; 1 is identical"),
    Column("stride_regularity", "", "how alike successive strides are, fore-aft; 1 is identical"),
    Column(
        "quality", "", "0 to 1: contact-time error of clean running over the one to expect here; running only"
    ),
    Column("decided_s", "s", "time of the sample at which the step was known"),
)

UNITS: dict[str, str] = {column.name: column.unit for column in STEP_COLUMNS}

SIDES = ("unknown", "left", "right")
GAITS = ("running", "walking")
"""Codes of the text columns inside the core are indices into these."""

BOUT_KINDS = ("running", "walking", "still", "other", "gap")
