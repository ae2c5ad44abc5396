"""Quantities of the report: columns in the result files, labels, units and decimals."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.accuracy.compare import HARMONISED

F1 = "f1"
F1_WIDE = "f1_wide"


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Attributes:
        name: column of the contacts, or of the trials.
        label, unit, decimals: for display.
        meaning: explanation in one phrase.
        per_trial: whether there is one value for each trial instead of each contact.
        headline: statistic in short tables: "rmse", "mean_abs", or "mean" for a share.
        scale: from the column to the unit shown.
        signed: whether bias, SD and limits of agreement are meaningful.
        harmonised: column of the errors against the harmonised truth, "" if there is none.
    """

    name: str
    label: str
    unit: str
    decimals: int
    meaning: str
    per_trial: bool = False
    headline: str = "rmse"
    scale: float = 1.0
    signed: bool = True
    harmonised: str = ""

    @property
    def statistic(self) -> str:
        """Column of the headline in the score table; the mean of a share is its bias."""
        return "bias" if self.headline == "mean" else self.headline


QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "initial_error_ms",
            "Initial contact",
            "ms",
            1,
            "when the foot touches the ground",
            harmonised=HARMONISED["initial_error_ms"],
        ),
        Quantity(
            "final_error_ms",
            "Final contact",
            "ms",
            1,
            "when the foot leaves the ground",
            harmonised=HARMONISED["final_error_ms"],
        ),
        Quantity(
            "contact_error_ms",
            "Contact time",
            "ms",
            1,
            "how long the foot is on the ground",
            harmonised=HARMONISED["contact_error_ms"],
        ),
        Quantity(
            "flight_error_ms", "Flight time", "ms", 1, "how long no foot is on the ground before a contact"
        ),
        Quantity(
            "step_frequency_error_percent",
            "Step frequency",
            "%",
            2,
            "steps a second, over the steps of a trial; mean of the absolute error",
            per_trial=True,
            headline="mean_abs",
        ),
        Quantity(
            "peak_error_bw",
            "Peak force",
            "BW",
            3,
            "highest vertical force in the middle of a contact",
            harmonised=HARMONISED["peak_error_bw"],
        ),
        Quantity(
            "waveform_rmse_bw",
            "Force waveform",
            "BW",
            3,
            "vertical force at every sample of a trial",
            per_trial=True,
            signed=False,
        ),
        Quantity(
            "side_right",
            "Side right",
            "%",
            1,
            "contacts with the correct foot, left or right",
            headline="mean",
            scale=100.0,
            signed=False,
        ),
        Quantity(
            "side_known",
            "Side known",
            "%",
            1,
            "contacts found whose foot is given as left or right",
            headline="mean",
            scale=100.0,
            signed=False,
        ),
        Quantity(
            "roll_range_error_deg",
            "Side tilt range",
            "deg",
            2,
            "how far the pelvis tilts sideways in a stride",
        ),
        Quantity(
            "pitch_range_error_deg", "Forward tilt range", "deg", 2, "how far it tilts forward and back"
        ),
    )
}
"""By name, in the order of tables."""

SCOPES = {"level": "level ground", "slopes": "slopes", "all": "level and slopes"}
"""Groups of trials: key, label."""

INTERVALS = {
    "initial_error_ms": "initial_half_ms",
    "final_error_ms": "final_half_ms",
    "contact_error_ms": "contact_half_ms",
    "peak_error_bw": "peak_half_bw",
}
"""Errors, and the half widths of their 90 % intervals."""
CALIBRATED = "calibrated contact time"
INSIDE, WIDTH, RANK = "inside", "width", "rank"
CHANGE = "change"


def derived(kind: str, of: str) -> str:
    """Name of a derived figure: `INSIDE`, `WIDTH` or `RANK` of an error, or `CHANGE` under a family."""
    return f"{kind} {of}"


DERIVED: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity(CALIBRATED, "Contact time, calibrated at one speed", "ms", 1, "trial means at other speeds"),
        *(
            Quantity(
                derived(INSIDE, name), f"{QUANTITIES[name].label}, inside", "%", 0, "trials in the interval"
            )
            for name in INTERVALS
        ),
        *(
            Quantity(
                derived(WIDTH, name), f"{QUANTITIES[name].label}, width", "x RMSE", 2, "median half width"
            )
            for name in INTERVALS
        ),
        *(
            Quantity(
                derived(RANK, name), f"{QUANTITIES[name].label}, rank", "", 2, "correlation with the error"
            )
            for name in INTERVALS
        ),
        *(
            Quantity(derived(CHANGE, family), f"Contact time, {family}", "ms", 1, "RMSE minus as recorded")
            for family in ("place", "mounting", "rate", "strap", "gyroscope")
        ),
    )
}
"""Figures of `report.derived`, which are not columns of a result file."""
