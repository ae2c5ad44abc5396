"""The runner of a live run: body measures, and the alert rules and limits of the runner's TOML file.

[limits]
session_load_bw4 = 40000      # see `imurun.files.runner_toml`

[alerts]
off = ["cadence"]             # rules of `imurun.live.alert_rules.DEFAULT_RULES` that are not watched

[alerts.contact]              # another rule; the name of a default rule replaces that rule
column = "contact_time_ms"
above = 280                   # or below, outside = [200, 280], drift, drift_percent, load_percent
steps = 60
margin = 5
quiet_s = 300
why = "That is when my back begins to hurt."
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from imurun.files.runner_toml import RunnerToml
from imurun.files.text import sanitize, shown
from imurun.io import read_runner
from imurun.live.alert_rules import DEFAULT_RULES, AlertRule, RuleError
from imurun.model.runner import Runner
from imurun.model.speed import SpeedTable

MOST_RULES = 50

_NUMBERS = ("above", "below", "drift", "drift_percent", "load_percent", "margin", "quiet_s")
_TEXTS = ("column", "why", "only_without")
_KEYS = (*_NUMBERS, *_TEXTS, "outside", "steps")
_COLUMN_KEYS = ("column", "only_without", "steps", "margin")


@dataclass(frozen=True)
class Limits:
    """Alert rules and limits of a runner.

    Attributes:
        rules: the rules to watch, the defaults first.
        session_load_bw4: most load of a session, BW^4; None for no limit.
    """

    rules: tuple[AlertRule, ...] = DEFAULT_RULES
    session_load_bw4: float | None = None


class RunnerProfile(NamedTuple):
    """A runner, with the rules and limits of their runs, and the speed of the treadmill in this one."""

    runner: Runner = Runner()
    limits: Limits = Limits()
    speed: SpeedTable | None = None


def read_runner_profile(path: Path | None) -> RunnerProfile:
    """Read the runner, rules and limits of a runner's file; the defaults where `path` is None.

    Raises:
        SettingsError: the file cannot be read, or holds a value that is not possible.
    """
    return RunnerProfile() if path is None else RunnerProfile(read_runner(path), read_limits(path))


def read_limits(path: str | os.PathLike[str]) -> Limits:
    """Read the tables `alerts` and `limits` of a runner's file; the other keys are not checked.

    Raises:
        SettingsError: no regular file, not TOML, or a wrong key or value in these tables; the sentence
            names the file, the line and the key.
    """
    return _Reader(RunnerToml(path)).limits()


class _Reader:
    """Makes `Limits` of a runner's file."""

    def __init__(self, file: RunnerToml) -> None:
        self._file = file
        self._number = file.number
        self._refuse = file.refuse

    def limits(self) -> Limits:
        alerts = self._file.table(self._file.content, "alerts")
        load_bw4 = self._file.session_load_bw4()
        off = self._off(alerts)
        own = [self._rule(name, alerts[name]) for name in alerts if name != "off"]
        if len(own) > MOST_RULES:
            self._refuse(("alerts",), f"holds {len(own)} rules; give at most {MOST_RULES}")
        named = {rule.key for rule in own}
        kept = [rule for rule in DEFAULT_RULES if rule.key not in off and rule.key not in named]
        return Limits((*kept, *own), load_bw4)

    def _off(self, alerts: dict[str, Any]) -> list[str]:
        off = alerts.get("off", [])
        known = [rule.key for rule in DEFAULT_RULES]
        if not isinstance(off, list):
            self._refuse(("alerts", "off"), f"must be a list of names, such as [{known[0]!r}]")
        for name in off:
            if name not in known:
                self._refuse(("alerts", "off"), f"names {shown(repr(name))}; choose from {', '.join(known)}")
            if name in alerts:
                self._refuse(
                    ("alerts", "off"), f"names {name}, which is also a rule of this file; remove one"
                )
        return off

    def _rule(self, name: str, table: Any) -> AlertRule:
        way = ("alerts", name)
        if not isinstance(table, dict):
            self._refuse(way, f"is not a rule; make it a table [alerts.{shown(name)}]")
        for key in table:
            if key not in _KEYS:
                self._refuse((*way, key), f"is unknown; use {', '.join(_KEYS)}")
        values: dict[str, Any] = {}
        for key, value in table.items():
            at = (*way, key)
            if key in _NUMBERS:
                values[key] = self._number(at, value)
            elif key in _TEXTS:
                values[key] = self._words(at, value)
            elif key == "steps":
                if isinstance(value, bool) or not isinstance(value, int):
                    self._refuse(at, f"is {shown(value)}; give a whole number")
                values[key] = value
        if "outside" in table:
            values |= self._outside(way, table)
        if "load_percent" in values:
            for key in _COLUMN_KEYS:
                if key in table:
                    self._refuse((*way, key), "has no effect in a rule with load_percent; remove it")
        try:
            return AlertRule(name, **values)
        except RuleError as error:
            key = "outside" if "outside" in table and error.key in ("above", "below") else error.key
            self._refuse((*way, key) if key else way, str(error))

    def _outside(self, way: tuple[str, ...], table: dict[str, Any]) -> dict[str, float]:
        at, band = (*way, "outside"), table["outside"]
        for key in ("above", "below"):
            if key in table:
                self._refuse((*way, key), "cannot be combined with outside; make two rules")
        if not isinstance(band, list) or len(band) != 2:
            self._refuse(at, "must be two numbers, such as [160, 190]")
        low, high = (self._number(at, value) for value in band)
        if not low < high:
            self._refuse(at, f"goes from {low:g} to {high:g}; give the lower number first")
        return {"below": low, "above": high}

    def _words(self, at: tuple[str, ...], value: Any) -> str:
        if not isinstance(value, str):
            self._refuse(at, f"is {shown(value)}; give a text in quotes")
        return sanitize(value).strip()
