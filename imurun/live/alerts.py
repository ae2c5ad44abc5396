"""Alerts: rules that are held against the steps of a run while it happens.

Time is the stream's, and memory bounded. What comes out depends on the running steps only, not on how they
are grouped into calls; a step without a value in a rule's column does not exist for that rule. A rule that is
broken again in its quiet time takes up the alert it had: an alert is a new one if its `time_s` is.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from imurun.engine import Step
from imurun.live.rules import AlertRule
from imurun.live.state import METRICS, Alert
from imurun.model.columns import UNITS

SETTLING_STEPS = 60
FRESH_STEPS = 480
"""The fresh part of a run: running steps 61 to 540, about 20 s to 3 min, once the pace is found."""
PAUSE_S = 10.0
"""Steps further apart do not belong together: medians begin anew, and what was broken is over."""


class AlertWatch:
    """Steps in, alerts that begin out.

    Args:
        rules: what to watch, such as `imurun.live.rules.DEFAULT_RULES`.
        session_load_bw4: the runner's limit for the load of a session, BW^4; without it rules on the load
            rest.
    """

    def __init__(self, rules: Iterable[AlertRule], session_load_bw4: float | None = None) -> None:
        self._watches = [
            _ColumnWatch(rule) if rule.load_percent is None else _LoadWatch(rule, session_load_bw4)
            for rule in rules
        ]

    def steps(self, steps: Sequence[Step]) -> list[Alert]:
        """The next steps of the run; returns the alerts that begin with them, in order of time."""
        begun: list[Alert] = []
        for step in steps:
            if step.gait == "running" and math.isfinite(step.initial_contact_s):
                for watch in self._watches:
                    alert = watch.step(step)
                    if alert is not None:
                        begun.append(alert)
        return begun

    @property
    def active(self) -> tuple[Alert, ...]:
        """What is broken as of the last step, the newest first."""
        return self.active_at(-math.inf)

    def active_at(self, time_s: float) -> tuple[Alert, ...]:
        """As `active`, at a later time of the stream: without what ended because nobody has run since."""
        broken = [watch.alert for watch in self._watches if watch.alert and watch.is_known_at(time_s)]
        return tuple(sorted(broken, key=lambda alert: -alert.time_s))


class _ColumnWatch:
    """One rule on a column."""

    def __init__(self, rule: AlertRule) -> None:
        self.alert: Alert | None = None
        self._rule = rule
        self._window = _Window(rule.steps)
        self._is_drift = rule.drift is not None or rule.drift_percent is not None
        self._fresh_values: list[float] = []
        self._n_values = 0
        self._fresh = math.nan
        self._last_s = -math.inf
        self._begun: Alert | None = None
        self._is_said = False
        self._rests = False

    def is_known_at(self, time_s: float) -> bool:
        return time_s - self._last_s <= PAUSE_S

    def step(self, step: Step) -> Alert | None:
        rule = self._rule
        if rule.only_without and math.isfinite(getattr(step, rule.only_without)):
            self._rests = True
            self._over()
        value = getattr(step, rule.column)
        if self._rests or not math.isfinite(value):
            return None
        time_s = step.initial_contact_s
        if time_s - self._last_s > PAUSE_S:
            self._window.clear()
            self._over()
        self._last_s = time_s
        self._window.add(value)
        if self._is_drift and not self._knows_fresh(value):
            return None
        return self._judge(time_s) if self._window.is_full else None

    def _knows_fresh(self, value: float) -> bool:
        """Takes a value into the fresh part while that lasts; whether it is over."""
        if not math.isnan(self._fresh):
            return True
        self._n_values += 1
        if self._n_values > SETTLING_STEPS:
            self._fresh_values.append(value)
        if len(self._fresh_values) == FRESH_STEPS:
            self._fresh = float(np.median(self._fresh_values))
            self._fresh_values.clear()
        return False

    def _judge(self, time_s: float) -> Alert | None:
        excess = self._excess(self._window.median)
        if excess <= -self._rule.usual_margin and excess < 0.0:
            self._over()
        elif excess > 0.0 and self.alert is None:
            self.alert = self._begun  # the same alert goes on, if there was one
        if excess <= 0.0 or self._is_said or self._is_quiet(time_s):
            return None
        self.alert = self._begun = Alert(self._rule.key, time_s, self._sentence())
        self._is_said = True
        return self.alert

    def _is_quiet(self, time_s: float) -> bool:
        return self._begun is not None and time_s - self._begun.time_s < self._rule.quiet_s

    def _over(self) -> None:
        self.alert = None
        self._is_said = False

    def _excess(self, median: float) -> float:
        """How far the median is past the bound, in the unit of the margin; negative inside."""
        rule = self._rule
        if rule.drift is not None:
            return math.copysign(median - self._fresh, rule.drift * (median - self._fresh)) - abs(rule.drift)
        if rule.drift_percent is not None:
            if self._fresh <= 0.0:
                return -math.inf  # no percent of that
            change = 100.0 * (median / self._fresh - 1.0)
            return math.copysign(change, rule.drift_percent * change) - abs(rule.drift_percent)
        over = -math.inf if rule.above is None else median - rule.above
        under = -math.inf if rule.below is None else rule.below - median
        return max(over, under)

    def _sentence(self) -> str:
        rule, median = self._rule, self._window.median
        label, value = label_of(rule.column), _with_unit(rule.column, median)
        if rule.drift_percent is not None:
            change = 100.0 * (median / self._fresh - 1.0)
            side = "above" if change > 0 else "below"
            fact = f"{label} {value}, {abs(change):.0f} % {side} the first minutes."
        elif rule.drift is not None:
            side = "above" if median > self._fresh else "below"
            change = _with_unit(rule.column, abs(median - self._fresh))
            fact = f"{label} {value}, {change} {side} the first minutes."
        elif rule.above is not None and median > rule.above:
            fact = f"{label} {value}, above {_with_unit(rule.column, rule.above)}."
        else:
            fact = f"{label} {value}, below {_with_unit(rule.column, rule.below or 0.0)}."
        return f"{fact} {rule.why}".rstrip()


class _LoadWatch:
    """One rule on the session's load, which only grows: it is broken once, and stays so."""

    def __init__(self, rule: AlertRule, limit_bw4: float | None) -> None:
        self.alert: Alert | None = None
        self._rule = rule
        self._limit_bw4 = limit_bw4
        self._load_bw4 = 0.0

    def is_known_at(self, _: float) -> bool:
        return True

    def step(self, step: Step) -> Alert | None:
        if not math.isfinite(step.lumbar_dose):
            return None
        self._load_bw4 += step.lumbar_dose
        if self.alert is not None or self._limit_bw4 is None or self._rule.load_percent is None:
            return None
        if self._load_bw4 < self._limit_bw4 * self._rule.load_percent / 100.0:
            return None
        fact = f"Session load {self._load_bw4:,.0f} BW⁴, {self._rule.load_percent:.0f} % of your limit."
        self.alert = Alert(self._rule.key, step.initial_contact_s, f"{fact} {self._rule.why}".rstrip())
        return self.alert


class _Window:
    """The last values, in order of time and of size."""

    def __init__(self, length: int) -> None:
        self._values: deque[float] = deque()
        self._sorted: list[float] = []
        self._length = length

    def add(self, value: float) -> None:
        if len(self._values) == self._length:
            del self._sorted[bisect_left(self._sorted, self._values.popleft())]
        self._values.append(value)
        insort(self._sorted, value)

    def clear(self) -> None:
        self._values.clear()
        self._sorted.clear()

    @property
    def is_full(self) -> bool:
        return len(self._values) == self._length

    @property
    def median(self) -> float:
        half, odd = divmod(len(self._sorted), 2)
        if odd:
            return self._sorted[half]
        return 0.5 * self._sorted[half - 1] + 0.5 * self._sorted[half]


def label_of(column: str) -> str:
    """A column in words."""
    if column in METRICS:
        return METRICS[column][0]
    unit = UNITS[column].replace(" ", "_").replace("/", "_").replace("steps_min", "spm").lower()
    return column.removesuffix(f"_{unit}").replace("_", " ").capitalize()


def _with_unit(column: str, value: float) -> str:
    decimals = METRICS[column][2] if column in METRICS else 3
    number = f"{value:.{decimals}f}" if column in METRICS else f"{value:.4g}"
    return f"{number} {UNITS[column]}".rstrip()
