"""Checks the steps of a live run against alert rules and reports the alerts that begin.

Times are stream times, and memory is bounded. The result depends on the running steps only, not on how they
are grouped into calls. A rule ignores steps without a value in its column. A rule that is broken again within
its quiet time continues its last alert, with the same `time_s`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from imurun.engine import Step
from imurun.live.alert_rules import AlertRule
from imurun.live.state import Alert
from imurun.model.columns import COLUMNS, printed_unit

SETTLING_STEPS = 60
FRESH_STEPS = 480
"""Drift is measured from the fresh part of a run: running steps 61 to 540, about 20 s to 3 min. The first
steps are left out because the pace settles."""
PAUSE_S = 10.0
"""A longer time without running steps ends an alert and restarts the median."""
SESSION_LOAD = "lumbar_dose_bw4"


class AlertWatch:
    """Watches a set of rules.

    Args:
        rules: such as `imurun.live.alert_rules.DEFAULT_RULES`.
        session_load_bw4: the runner's limit for the load of a session, BW^4; None switches the rules on the
            load off.
    """

    def __init__(self, rules: Iterable[AlertRule], session_load_bw4: float | None = None) -> None:
        self._watches = [
            _ColumnWatch(rule) if rule.load_percent is None else _LoadWatch(rule, session_load_bw4)
            for rule in rules
        ]

    def steps(self, steps: Sequence[Step]) -> list[Alert]:
        """Check the next steps of the run and return the alerts that begin with them, in order of time."""
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
        """Active alerts as of the last step, the newest first."""
        return self.active_at(-math.inf)

    def active_at(self, time_s: float) -> tuple[Alert, ...]:
        """As `active`, at a later stream time: without the alerts that a pause has ended since."""
        broken = [watch.alert for watch in self._watches if watch.alert and watch.is_known_at(time_s)]
        return tuple(sorted(broken, key=lambda alert: -alert.time_s))


class _ColumnWatch:
    """Watches one rule on a column.

    "Broken" and "inside" refer to the median of the last `rule.steps` values; "inside" means by more than the
    margin. An alert is reported when a state marked * is entered.

        armed ---broken---------------------> * active
        active --inside or pause------------> resting
        resting -broken, quiet time passed--> * active, a new alert
        resting -broken in the quiet time---> active again, the same alert; a new one when the time has passed
        any ----`only_without` has a value--> off, for the rest of the run

    A drift rule is armed only after the fresh part of the run.
    """

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
        self._is_reported = False
        self._is_off = False

    def is_known_at(self, time_s: float) -> bool:
        return time_s - self._last_s <= PAUSE_S

    def step(self, step: Step) -> Alert | None:
        rule = self._rule
        if rule.only_without and math.isfinite(getattr(step, rule.only_without)):
            self._is_off = True
            self._over()
        value = getattr(step, rule.column)
        if self._is_off or not math.isfinite(value):
            return None
        time_s = step.initial_contact_s
        if time_s - self._last_s > PAUSE_S:
            self._window.clear()
            self._over()
        self._last_s = time_s
        self._window.add(value)
        if self._is_drift and not self._has_fresh(value):
            return None
        return self._judge(time_s) if self._window.is_full else None

    def _has_fresh(self, value: float) -> bool:
        """Whether the median of the fresh part is known; adds the value to the fresh part until then."""
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
            self.alert = self._begun  # continues the last alert; None if there was none
        if excess <= 0.0 or self._is_reported or self._is_quiet(time_s):
            return None
        self.alert = self._begun = Alert(self._rule.key, time_s, self._sentence())
        self._is_reported = True
        return self.alert

    def _is_quiet(self, time_s: float) -> bool:
        return self._begun is not None and time_s - self._begun.time_s < self._rule.quiet_s

    def _over(self) -> None:
        self.alert = None
        self._is_reported = False

    def _excess(self, median: float) -> float:
        """By how much the median is past the bound, in the unit of the margin; negative inside."""
        rule = self._rule
        if rule.drift is not None:
            return math.copysign(median - self._fresh, rule.drift * (median - self._fresh)) - abs(rule.drift)
        if rule.drift_percent is not None:
            if self._fresh <= 0.0:
                return -math.inf  # percent of zero or less has no meaning
            change = 100.0 * (median / self._fresh - 1.0)
            return math.copysign(change, rule.drift_percent * change) - abs(rule.drift_percent)
        over = -math.inf if rule.above is None else median - rule.above
        under = -math.inf if rule.below is None else rule.below - median
        return max(over, under)

    def _sentence(self) -> str:
        rule, median = self._rule, self._window.median
        label, value = COLUMNS[rule.column].label, _value_text(rule.column, median)
        if rule.drift_percent is not None:
            change = 100.0 * (median / self._fresh - 1.0)
            side = "above" if change > 0 else "below"
            fact = f"{label} {value}, {abs(change):.0f} % {side} the first minutes."
        elif rule.drift is not None:
            side = "above" if median > self._fresh else "below"
            change = _value_text(rule.column, abs(median - self._fresh))
            fact = f"{label} {value}, {change} {side} the first minutes."
        elif rule.above is not None and median > rule.above:
            fact = f"{label} {value}, above {_bound_text(rule.column, rule.above)}."
        else:
            fact = f"{label} {value}, below {_bound_text(rule.column, rule.below or 0.0)}."
        return f"{fact} {rule.why}".rstrip()


class _LoadWatch:
    """Watches one rule on the session load: the load only grows, so the rule stays broken once it is."""

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
        load = f"{COLUMNS[SESSION_LOAD].label} {self._load_bw4:,.0f} {printed_unit(SESSION_LOAD)}"
        fact = f"{load}, {self._rule.load_percent:.0f} % of your limit."
        self.alert = Alert(self._rule.key, step.initial_contact_s, f"{fact} {self._rule.why}".rstrip())
        return self.alert


class _Window:
    """The last values, in order of time and sorted, for a running median."""

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


def _value_text(column: str, value: float) -> str:
    return f"{value:.{COLUMNS[column].decimals}f} {printed_unit(column)}".rstrip()


def _bound_text(column: str, bound: float) -> str:
    """A bound as it is written in the rule, with its unit."""
    return f"{bound:g} {printed_unit(column)}".rstrip()
