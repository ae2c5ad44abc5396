"""Alert rules of a live run: bounds on columns of the step table and on the session load, and the defaults.

A rule is checked when it is made. All numbers are in the units of the step table.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields

from imurun.errors import SettingsError
from imurun.files.text import shown
from imurun.model.columns import STEP_COLUMNS

NUMBERS = tuple(column.name for column in STEP_COLUMNS if column.name not in ("side", "gait"))
"""Columns that a rule may watch."""
NO_PERCENT = ("initial_contact_s", "final_contact_s", "decided_s", "lean_deg", "flight_time_ms")
"""Columns with an arbitrary zero, or values around zero: a change in percent of them has no meaning."""

LEAST_STEPS, MOST_STEPS = 4, 1200
"""Two strides, so that a single step raises no alert; five minutes of running at 240 steps a minute."""
LEAST_QUIET_S, MOST_QUIET_S = 60.0, 86_400.0
MOST_PERCENT = 1000.0
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
LONGEST_WHY = 200


class RuleError(SettingsError):
    """A rule with an impossible or contradictory setting.

    Attributes:
        key: the setting that is wrong; "" for the rule as a whole.
    """

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


@dataclass(frozen=True)
class AlertRule:
    """One bound to watch: `above` and/or `below`, or `drift`, or `drift_percent`, or `load_percent`.

    A rule on a column uses the median of the column's last `steps` values of running steps. It is broken when
    the median passes the bound, and over when the median has come back by more than `margin`.

    Attributes:
        key: its name in the runner's file.
        column: of the step table, a number.
        above, below: bounds, in the column's unit.
        drift: broken when the median is by this much above (or, if negative, below) the median of the fresh
            part of the run, in the column's unit; `drift_percent` in percent of that median.
        load_percent: broken when the session load reaches this share of the runner's limit; no column.
        steps: number of values of the median.
        margin: hysteresis, in the unit of the bound, percent for `drift_percent`; None for `usual_margin`.
        quiet_s: least time between the beginnings of two alerts of this rule.
        why: why it matters, one sentence.
        only_without: a column; the rule is switched off once this column has a value in the run.

    Raises:
        RuleError: a setting is impossible or contradicts another.
    """

    key: str
    column: str = ""
    above: float | None = None
    below: float | None = None
    drift: float | None = None
    drift_percent: float | None = None
    load_percent: float | None = None
    steps: int = 60
    margin: float | None = None
    quiet_s: float = 300.0
    why: str = ""
    only_without: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.key):
            raise RuleError("", "has a bad name; use 1 to 40 of A-Z, a-z, 0-9, - and _")
        for field in fields(self):
            if field.name in _NUMBER_KEYS:
                _check_finite(field.name, getattr(self, field.name))
        self._check_kind()
        if self.load_percent is None:
            self._check_column()
            self._check_bounds()
        elif not 1.0 <= self.load_percent <= MOST_PERCENT:
            raise RuleError("load_percent", f"is {self.load_percent:g}; give 1 to {MOST_PERCENT:g}")
        if not LEAST_STEPS <= self.steps <= MOST_STEPS:
            raise RuleError("steps", f"is {self.steps}; give {LEAST_STEPS} to {MOST_STEPS}")
        if not LEAST_QUIET_S <= self.quiet_s <= MOST_QUIET_S:
            raise RuleError("quiet_s", f"is {self.quiet_s:g}; give {LEAST_QUIET_S:g} to {MOST_QUIET_S:g}")
        if len(self.why) > LONGEST_WHY:
            raise RuleError("why", f"is too long; give at most {LONGEST_WHY} letters")

    def _check_kind(self) -> None:
        given = [key for key in _KINDS if getattr(self, key) is not None]
        if not given:
            raise RuleError("", f"has no bound; give one of {', '.join(_KINDS)} or outside")
        if len(given) > 1 and given != ["above", "below"]:
            raise RuleError(given[-1], f"cannot be combined with {given[0]}; make two rules")

    def _check_column(self) -> None:
        for key in ("column", "only_without"):
            name = getattr(self, key)
            if name in ("side", "gait"):
                raise RuleError(key, f"is {name}, which is not a number; choose another column")
            if name not in NUMBERS and (name or key == "column"):
                what = (
                    f"is {shown(repr(name))}, which is not a column of the step table"
                    if name
                    else "is missing"
                )
                raise RuleError(key, f"{what}; use one such as peak_impact_g")
        if self.drift_percent is not None and self.column in NO_PERCENT:
            raise RuleError("drift_percent", f"has no meaning for {self.column}, which can be 0; use drift")

    def _check_bounds(self) -> None:
        if self.above is not None and self.below is not None and self.below >= self.above:
            raise RuleError(
                "below",
                f"is {self.below:g} and above is {self.above:g}: one of them is always broken; swap them",
            )
        for key in ("drift", "drift_percent"):
            if getattr(self, key) == 0.0:
                raise RuleError(key, "is 0, which every step breaks; give the largest change allowed")
        if self.drift_percent is not None and not -100.0 < self.drift_percent <= MOST_PERCENT:
            raise RuleError(
                "drift_percent", f"is {self.drift_percent:g}; give more than -100, at most {MOST_PERCENT:g}"
            )
        if self.margin is None:
            return
        if self.margin < 0.0:
            raise RuleError("margin", f"is {self.margin:g}; it cannot be negative")
        if self.margin >= self._room:
            raise RuleError(
                "margin", f"is {self.margin:g}: the alert could never be over; give less than {self._room:g}"
            )

    @property
    def _room(self) -> float:
        """The margin from which on an alert could not end: the distance from one bound to the other end."""
        for drift in (self.drift, self.drift_percent):
            if drift is not None:
                return abs(drift)
        if self.above is not None and self.below is not None:
            return (self.above - self.below) / 2.0
        return math.inf

    @property
    def usual_margin(self) -> float:
        """The given margin, else a quarter of the drift, a tenth of the band, or 2 % of the bound."""
        if self.margin is not None:
            return self.margin
        for drift in (self.drift, self.drift_percent):
            if drift is not None:
                return 0.25 * abs(drift)
        if self.above is not None and self.below is not None:
            return 0.1 * (self.above - self.below)
        return 0.02 * abs(self.above if self.above is not None else self.below or 0.0)


_KINDS = ("above", "below", "drift", "drift_percent", "load_percent")
_NUMBER_KEYS = (*_KINDS, "margin", "quiet_s")


def _check_finite(key: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise RuleError(key, f"is {value!r}; give a number")


DEFAULT_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "impact",
        "peak_impact_g",
        drift_percent=25.0,
        steps=60,
        margin=5.0,
        why="Tired runners land harder (Apte 2021); so does a faster pace, a hill down or hard ground.",
    ),
    AlertRule(
        "cadence",
        "cadence_spm",
        drift_percent=-7.0,
        steps=60,
        margin=2.0,
        why="Cadence falls with fatigue and pace; fewer, longer steps load hip and knee more "
        "(Heiderscheit 2011).",
    ),
    AlertRule(
        "side_tilt",
        "roll_rom_deg",
        drift_percent=30.0,
        steps=120,
        margin=6.0,
        why="The pelvis tilts further when the trunk tires, and when the pace is faster.",
    ),
    AlertRule(
        "sideways",
        "ml_sway_ratio",
        drift_percent=30.0,
        steps=120,
        margin=6.0,
        why="Tired runners sway more to the sides (Schuette 2015).",
        only_without="roll_rom_deg",
    ),
    AlertRule(
        "load_80",
        load_percent=80.0,
        why="Plan the way back: 20 % of the limit is left.",
    ),
    AlertRule(
        "load_100",
        load_percent=100.0,
        why="Sessions beyond what a runner is used to are associated with more injuries "
        "(BJSM 2025, on distance).",
    ),
)
"""Rules that are watched unless the runner's file switches them off or replaces them.

They compare with the fresh part of the same run, because the size of an impact or a tilt depends on shoe,
strap and person. Thresholds were set by hand, at or above the change of the medians of simulated runs when
the pace changes by 0.8 to 1 m/s: impact 15 to 19 %, cadence 4 to 7 %, side tilt 20 to 22 %, sideways share
5 to 24 %.

Apte et al. 2021, Front Physiol 12:646042: with fatigue peak tibial acceleration rises and cadence falls.
Heiderscheit et al. 2011, Med Sci Sports Exerc 43:296: with 10 % fewer steps at the same speed all joints of
the leg absorb more. Schuette et al. 2015: sideways share up in tired runners. The study behind `load_100` is
of distance, against the longest session of 30 days; for this load it is an extrapolation.
"""
