"""The running steps of a session, as the sections of the report draw and tabulate them."""

from __future__ import annotations

import numpy as np

from imurun.model.columns import COLUMNS
from imurun.plot_style import SIDES
from imurun.report import plots
from imurun.report.parts import Picture
from imurun.report.plots import Line, part_edges, thin
from imurun.report.words import clock_form, clock_like, label_with_unit, shown
from imurun.session import Session
from imurun.summary import median_of, running_column

LEAST_STEPS_TO_DRAW = 20
"""With fewer steps the report shows numbers only."""
SPANS = {
    "cadence_spm": 12.0,
    "contact_time_ms": 40.0,
    "flight_time_ms": 40.0,
    "peak_impact_g": 1.5,
    "lumbar_compression_bw": 0.5,
    "lean_deg": 4.0,
    "roll_rom_deg": 4.0,
    "yaw_rom_deg": 4.0,
    "ml_sway_ratio": 0.06,
}
"""Columns that are drawn, and the least span of their axis, so that noise does not fill it."""
BOTH_SIDES = tuple((side, SIDES[side]) for side in ("left", "right"))
BOTH_COLOR = "#7b61c4"
"""Colour of a line for both feet."""


class Run:
    """The running steps of a session.

    Attributes:
        session: the session.
        duration_s: of the recording.
        time_s: of each running step, shape (n,).
        edges_s: edges of the time bins of lines.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.duration_s = float(session.summary["duration_s"])
        self.time_s = running_column(session.steps, "initial_contact_s")
        self.edges_s = part_edges(self.duration_s)

    @property
    def n_steps(self) -> int:
        """Number of running steps."""
        return len(self.time_s)

    @property
    def can_draw(self) -> bool:
        """Whether there are enough steps for a line plot."""
        return self.n_steps >= LEAST_STEPS_TO_DRAW

    def known(self, column: str) -> bool:
        """Whether any running step has a value."""
        return bool(np.isfinite(running_column(self.session.steps, column)).any())

    @property
    def clock_form(self) -> str:
        """The form of times in tables, such as "min:s"."""
        return clock_form(self.duration_s)

    def clock(self, seconds: float) -> str:
        """A time in the form of `clock_form`."""
        return clock_like(seconds, self.duration_s)

    def line(self, column: str, side: str | None = None) -> Line:
        """A column over time, of both feet or of one."""
        thinned = thin(
            running_column(self.session.steps, "initial_contact_s", side),
            running_column(self.session.steps, column, side),
            self.edges_s,
        )
        return Line(thinned, BOTH_COLOR if side is None else SIDES[side])

    def picture(self, column: str, *, by_side: bool = False, prefix: str = "") -> Picture:
        """A picture of a column over the run, with one line or one for each foot."""
        lines = [self.line(column, side) for side in ("left", "right")] if by_side else [self.line(column)]
        values = running_column(self.session.steps, column)
        usual = median_of(values)
        description = f"{COLUMNS[column].label} over the run; median {shown(column, usual)}."
        return Picture(
            label_with_unit(column),
            plots.time_plot(prefix + column, lines, self.duration_s, SPANS[column]),
            description,
            BOTH_SIDES if by_side else (),
        )
