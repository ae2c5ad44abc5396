"""The runner's profile for live use: alert rules and limits from the runner's TOML file.

[limits]
session_load_bw4 = 40000      # of a session, as analyze prints it

[alerts]
off = ["cadence"]             # not watched, of `imurun.live.rules.DEFAULT_RULES`

[alerts.contact]              # a rule of one's own; one named as a default stands in its place
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
from typing import Any, NamedTuple, NoReturn

from imurun.errors import SettingsError
from imurun.files.text import printable, shown
from imurun.files.toml import line_of, parse_toml, read_text
from imurun.io import read_runner
from imurun.live.rules import DEFAULT_RULES, AlertRule, RuleError
from imurun.model.recording import Runner

MOST_RULES = 50
LOAD_LIMITS_BW4 = (1.0, 1e9)

_NUMBERS = ("above", "below", "drift", "drift_percent", "load_percent", "margin", "quiet_s")
_TEXTS = ("column", "why", "only_without")
_KEYS = (*_NUMBERS, *_TEXTS, "outside", "steps")
_COLUMN_KEYS = ("column", "only_without", "steps", "margin")


@dataclass(frozen=True)
class Limits:
    """What a runner's file says of sessions.

    Attributes:
        rules: what to watch, the defaults first.
        session_load_bw4: most load of a session, BW^4; None when the file has no limit.
    """

    rules: tuple[AlertRule, ...] = DEFAULT_RULES
    session_load_bw4: float | None = None


def read_limits(path: str | os.PathLike[str]) -> Limits:
    """Read the tables `alerts` and `limits` of a runner's file; the other keys are not looked at.

    Raises:
        SettingsError: no regular file, not TOML, or anything in these tables that makes no sense; the
            sentence names the file, the line and the key.
    """
    file = Path(path)
    source = printable(file.name)
    text = read_text(file, source)
    return _Reader(text, source).limits()


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._content = parse_toml(text, source)

    def limits(self) -> Limits:
        alerts = self._table(self._content, "alerts")
        limits = self._table(self._content, "limits")
        for key in limits:
            if key != "session_load_bw4":
                self._refuse(("limits", key), "is unknown; use session_load_bw4")
        load_bw4 = None
        if "session_load_bw4" in limits:
            at = ("limits", "session_load_bw4")
            load_bw4 = self._number(at, limits["session_load_bw4"])
            if not LOAD_LIMITS_BW4[0] <= load_bw4 <= LOAD_LIMITS_BW4[1]:
                self._refuse(
                    at, f"is {load_bw4:g}; give {LOAD_LIMITS_BW4[0]:g} to {LOAD_LIMITS_BW4[1]:g} BW^4"
                )
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
                self._refuse(("alerts", "off"), f"names {name}, which is also a rule of this file; drop one")
        return off

    def _rule(self, name: str, table: Any) -> AlertRule:
        way = ("alerts", name)
        if not isinstance(table, dict):
            self._refuse(way, f"is no rule; make it a table [alerts.{shown(name)}]")
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
                    self._refuse((*way, key), "has no meaning in a rule with load_percent; drop it")
        try:
            return AlertRule(name, **values)
        except RuleError as error:
            key = "outside" if "outside" in table and error.key in ("above", "below") else error.key
            self._refuse((*way, key) if key else way, str(error))

    def _outside(self, way: tuple[str, ...], table: dict[str, Any]) -> dict[str, float]:
        at, band = (*way, "outside"), table["outside"]
        for key in ("above", "below"):
            if key in table:
                self._refuse((*way, key), "cannot stand beside outside; make two rules of them")
        if not isinstance(band, list) or len(band) != 2:
            self._refuse(at, "must be two numbers, such as [160, 190]")
        low, high = (self._number(at, value) for value in band)
        if not low < high:
            self._refuse(at, f"goes from {low:g} to {high:g}; give the lower number first")
        return {"below": low, "above": high}

    def _table(self, content: dict[str, Any], key: str) -> dict[str, Any]:
        table = content.get(key, {})
        if not isinstance(table, dict):
            self._refuse((key,), f"must be a table: [{key}]")
        return table

    def _number(self, at: tuple[str, ...], value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(at, f"is {shown(repr(value))}; give a number")
        try:
            return float(value)
        except OverflowError:
            self._refuse(at, "is far too large; give a number of the column's size")

    def _words(self, at: tuple[str, ...], value: Any) -> str:
        if not isinstance(value, str):
            self._refuse(at, f"is {shown(value)}; give a text in quotes")
        return printable(value).strip()

    def _refuse(self, at: tuple[str, ...], what: str) -> NoReturn:
        line = line_of(self._text, at) or line_of(self._text, at[:-1])  # a missing key: its table's
        place = self._source if line is None else f"{self._source}, line {line}"
        raise SettingsError(printable(f"{place}: {shown('.'.join(at))} {what}."))


class Wearer(NamedTuple):
    """A runner, and the rules and limits for their runs."""

    runner: Runner = Runner()
    limits: Limits = Limits()


def read_wearer(path: Path | None) -> Wearer:
    """From the runner's file; the defaults without one.

    Raises:
        SettingsError: the file makes no sense.
    """
    return Wearer() if path is None else Wearer(read_runner(path), read_limits(path))
