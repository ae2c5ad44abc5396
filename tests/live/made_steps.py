"""Steps and runs made of given values, for tests of alerts, terminal and outlets."""

from __future__ import annotations

import math

from imurun.engine import Step
from imurun.model.columns import STEP_COLUMNS

PERIOD_S = 0.35


def make_step(time_s, *, gait="running", side="left", **values):
    """A step with the given values; all other numbers are NaN."""
    row = {column.name: math.nan for column in STEP_COLUMNS}
    row |= {"initial_contact_s": time_s, "final_contact_s": time_s + 0.25, "side": side, "gait": gait}
    return Step(**(row | values))


def make_run(column, values, *, start_s=0.0, period_s=PERIOD_S):
    """Running steps with these values of one column, feet in turn."""
    sides = ("left", "right")
    return [
        make_step(start_s + k * period_s, side=sides[k % 2], **{column: value})
        for k, value in enumerate(values)
    ]
