"""Name, unit, label, standard term and decimals of each column of the step table and each derived quantity.

Every table, chart, file and sentence takes them from here. A label is the runner's word; a term is the
field's, where it differs.
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One quantity of the step table, the summary or the history.

    Attributes:
        name: of the column or key; ends in the unit.
        unit: in ASCII, as files store it; "" for a name or a ratio. `printed_unit` is for people.
        label: the runner's word, as a heading.
        decimals: digits after the point in text for people; stored numbers are not rounded.
        meaning: definition in a few words.
        term: the field's standard term, where the label is not it.
    """

    name: str
    unit: str
    label: str
    decimals: int
    meaning: str
    term: str = ""


STEP_COLUMNS: tuple[Column, ...] = (
    Column(
        "initial_contact_s",
        "s",
        "Foot strike",
        2,
        "foot strike, from the start of the recording",
        "initial contact",
    ),
    Column("final_contact_s", "s", "Toe-off", 2, "toe-off of the same foot; running only", "final contact"),
    Column("side", "", "Side", 0, "foot on the ground: left, right or unknown"),
    Column("gait", "", "Gait", 0, "running or walking"),
    Column("step_time_ms", "ms", "Step time", 0, "from the previous foot strike to this one"),
    Column(
        "contact_time_ms",
        "ms",
        "Contact time",
        0,
        "final contact minus initial contact",
        "ground contact time, stance time",
    ),
    Column(
        "contact_time_mean_ms",
        "ms",
        "Contact time, mean",
        0,
        "mean of the last eight contact times; follows slow change better than single steps do",
        "ground contact time, running mean",
    ),
    Column(
        "flight_time_ms",
        "ms",
        "Flight time",
        0,
        "from the final contact before to this foot strike; below 0 when feet overlap",
    ),
    Column("duty_factor", "", "Duty factor", 3, "contact time over the time of a stride (two steps)"),
    Column(
        "cadence_spm", "steps/min", "Cadence", 0, "60 over the mean of the last two step times", "step rate"
    ),
    Column(
        "vertical_oscillation_mm",
        "mm",
        "Oscillation",
        0,
        "rise and fall of the sensor within the step",
        "vertical oscillation",
    ),
    Column(
        "peak_impact_g",
        "g",
        "Impact peak",
        2,
        "highest vertical specific force around foot strike; standing reads 1",
        "peak vertical acceleration at initial contact",
    ),
    Column("peak_vertical_g", "g", "Vertical peak", 2, "highest vertical specific force of the step"),
    Column(
        "peak_resultant_g",
        "g",
        "Resultant peak",
        2,
        "largest specific force in any direction during the step",
    ),
    Column(
        "braking_g",
        "g",
        "Braking peak",
        2,
        "largest backward acceleration in the first half of contact, positive",
        "peak posterior acceleration",
    ),
    Column(
        "loading_rate_g_s",
        "g/s",
        "Loading rate",
        0,
        "steepest rise of the vertical specific force around foot strike",
        "peak rate of the vertical acceleration",
    ),
    Column(
        "peak_vgrf_bw",
        "BW",
        "Peak force",
        2,
        "estimated active peak of the vertical ground reaction force",
        "active peak of the vertical ground reaction force",
    ),
    Column(
        "vertical_impulse_bw_s",
        "BW s",
        "Vertical impulse",
        3,
        "vertical impulse from mid-flight to mid-flight",
    ),
    Column(
        "lumbar_compression_bw",
        "BW",
        "Lumbar load",
        2,
        "modelled peak compression at L5/S1; an index, not a measurement",
        "peak compression at L5/S1",
    ),
    Column(
        "lumbar_shear_bw",
        "BW",
        "Lumbar shear",
        2,
        "modelled peak anterior shear at L5/S1; an index, not a measurement",
        "peak anterior shear at L5/S1",
    ),
    Column(
        "lumbar_dose",
        "BW^4",
        "Lumbar dose",
        0,
        "compression to the power 4: what this step adds to the session's load",
    ),
    Column(
        "lean_deg",
        "deg",
        "Forward lean",
        1,
        "forward lean over the stride, against standing or the first steps",
        "anterior pelvic tilt, mean of the stride",
    ),
    Column(
        "roll_rom_deg", "deg", "Side tilt", 1, "range of side tilt over the stride", "pelvic obliquity, range"
    ),
    Column(
        "pitch_rom_deg",
        "deg",
        "Forward tilt",
        1,
        "range of forward tilt over the stride",
        "pelvic tilt, range",
    ),
    Column(
        "yaw_rom_deg",
        "deg",
        "Rotation",
        1,
        "range of rotation over the stride, turning taken out",
        "pelvic rotation, range",
    ),
    Column(
        "ml_sway_ratio",
        "",
        "Sideways share",
        3,
        "side-to-side share of the acceleration (RMS over RMS of the whole)",
        "mediolateral RMS ratio",
    ),
    Column(
        "step_regularity",
        "",
        "Step regularity",
        3,
        "how alike successive steps are, fore-aft; 1 is identical",
    ),
    Column(
        "stride_regularity",
        "",
        "Stride regularity",
        3,
        "how alike successive strides are, fore-aft; 1 is identical",
    ),
    Column(
        "quality",
        "",
        "Quality",
        2,
        "0 to 1: contact-time error of clean running over the one to expect here; running only",
    ),
    *(
        Column(name, unit, f"{label}, +-", decimals, f"half width of the 90 % interval of the {of}")
        for name, unit, label, decimals, of in (
            ("initial_contact_error_ms", "ms", "Foot strike", 0, "foot strike"),
            ("final_contact_error_ms", "ms", "Toe-off", 0, "toe-off"),
            ("contact_time_error_ms", "ms", "Contact time", 0, "contact time"),
            ("peak_vgrf_error_bw", "BW", "Peak force", 2, "peak force"),
        )
    ),
    Column("decided_s", "s", "Known at", 2, "time of the sample at which the step was known"),
)

DERIVED_COLUMNS: tuple[Column, ...] = (
    # of a session
    Column("lumbar_dose_bw4", "BW^4", "Session load", 0, "sum of the lumbar dose of the running steps"),
    Column("lumbar_dose_bw1", "BW", "Load, linear", 0, "sum of the lumbar compression of the running steps"),
    Column("lumbar_dose_bw10", "BW^10", "Load, m = 10", 0, "sum of the compression to the power 10"),
    Column(
        "contact_time_asymmetry_percent",
        "%",
        "Contact time, left - right",
        1,
        "left minus right, over their mean",
        "contact time asymmetry",
    ),
    Column("hard_percent", "%", "Hard steps", 0, "steps above the runner's own percentile of lumbar load"),
    Column("running_h", "h", "Running", 1, "time spent running"),
    Column("distance_km", "km", "Distance", 1, "distance of the session, from a watch or the runner"),
    Column("pain", "of 10", "Pain", 0, "highest pain of the session, 0 to 10", "numeric pain rating"),
    # of the weeks before a session
    Column("week_load_bw4", "BW^4", "Load of the week", 0, "sum of the session loads of the last 7 days"),
    Column("acute_bw4", "BW^4", "Load a day, last 7 days", 0, "weighted mean load a day", "acute load"),
    Column("chronic_bw4", "BW^4", "Load a day, last 28 days", 0, "weighted mean load a day", "chronic load"),
    Column(
        "acute_chronic_ratio",
        "",
        "Last 7 days over last 28",
        2,
        "acute load over chronic load",
        "acute:chronic workload ratio",
    ),
    Column("monotony", "", "Monotony", 2, "mean load a day of the week over its standard deviation"),
    Column("strain_bw4", "BW^4", "Strain", 0, "load of the week times its monotony"),
    Column("days", "days", "Length of history", 0, "from the first session that is known to this one"),
)
"""Quantities of the summary and of the history that tables show."""

COLUMNS: dict[str, Column] = {column.name: column for column in STEP_COLUMNS + DERIVED_COLUMNS}
"""Every quantity by its name."""

UNITS: dict[str, str] = {column.name: column.unit for column in STEP_COLUMNS}
"""Units of the step table, as files store them."""

SIDES = ("unknown", "left", "right")
GAITS = ("running", "walking")
"""Codes of the text columns inside the core are indices into these."""

BOUT_KINDS = ("running", "walking", "still", "other", "gap")

_SIGNS = {"BW^4": "BW⁴", "BW^10": "BW¹⁰"}


def printed_unit(name: str) -> str:
    """The unit of a quantity as people read it, such as "BW⁴"; "" for a ratio."""
    unit = COLUMNS[name].unit
    return _SIGNS.get(unit, unit)
