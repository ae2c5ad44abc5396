"""Builds the JSON messages that the live page receives: values of the run, alerts, and new chart data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from imurun.live.page.trends import Cursor, Trends
from imurun.live.state import RunState, Snapshot

MIN_INTERVAL_S = 0.1
"""Shortest time between two updates of a browser."""
MAX_INTERVAL_S = 0.25
"""Longest time between two updates, even if nothing changed: values become stale, and a browser takes silence
for a broken connection."""


class Updates:
    """Builds messages from the states of all sensors; browsers that need the same message share it.

    Args:
        states: of the sensors.
        clock: the host's monotonic time in seconds.
    """

    def __init__(self, states: Sequence[RunState], clock: Callable[[], float]) -> None:
        self.states = states
        self.clock = clock
        self._trends = [Trends() for _ in states]
        self._snapshots: list[Snapshot] = []
        self._team = ""
        self._messages: dict[tuple[int, Cursor], tuple[str, Cursor]] = {}
        self._versions: tuple[int, ...] = ()
        self._taken_s = -math.inf

    @property
    def versions(self) -> tuple[int, ...]:
        """Versions of the states, which differ after any change."""
        return tuple(state.version for state in self.states)

    def message(self, chosen: int, cursor: Cursor) -> tuple[str, Cursor]:
        """The message for a browser that shows one of the sensors.

        Args:
            chosen: index of the sensor.
            cursor: the chart data that the browser has.

        Returns:
            JSON, and the cursor after it. `chosen` is the index, `time_s` the time of the snapshots, `run`
            the sensor's snapshot, `team` a short snapshot of each sensor, `trends` the increment of the chart
            data (`Trends.since`) or null.
        """
        self._take_snapshots()
        key = chosen, cursor
        if key not in self._messages:
            self._messages[key] = self._build(chosen, cursor)
        return self._messages[key]

    def _take_snapshots(self) -> None:
        now_s = self.clock()
        if self.versions == self._versions and 0.0 <= now_s - self._taken_s < 0.5 * MIN_INTERVAL_S:
            return
        self._snapshots = [state.snapshot(now_s) for state in self.states]
        self._team = _json([_short(snapshot) for snapshot in self._snapshots])
        self._messages.clear()
        self._versions, self._taken_s = self.versions, now_s

    def _build(self, chosen: int, cursor: Cursor) -> tuple[str, Cursor]:
        trends = self._trends[chosen]
        trends.update(self.states[chosen])
        increment, cursor = trends.since(cursor)
        parts = {
            "chosen": str(chosen),
            "time_s": _json(self._taken_s),
            "run": _json(asdict(self._snapshots[chosen])),
            "team": self._team,
            "trends": json.dumps(increment, allow_nan=False),
        }
        return "{" + ", ".join(f'"{key}": {value}' for key, value in parts.items()) + "}", cursor


class UpdateFeed:
    """The messages for one browser, each at the time it is due.

    Args:
        updates: of all sensors.
        chosen: index of the sensor that the browser shows.
    """

    def __init__(self, updates: Updates, chosen: int) -> None:
        self._updates = updates
        self._chosen = chosen
        self._cursor = Cursor()
        self._versions: tuple[int, ...] = ()
        self._taken_s = -math.inf

    def take(self) -> str | None:
        """The next message if something changed or `MAX_INTERVAL_S` is over, else None.

        A message has everything since the one before, so a browser may take them as slowly as it likes.
        """
        now_s, versions = self._updates.clock(), self._updates.versions
        if versions == self._versions and now_s - self._taken_s < MAX_INTERVAL_S:
            return None
        text, self._cursor = self._updates.message(self._chosen, self._cursor)
        self._versions, self._taken_s = versions, now_s
        return text


def _short(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "name": snapshot.name,
        "link": snapshot.link,
        "bout": snapshot.bout,
        "cadence_spm": snapshot.values["cadence_spm"],
        "contact_time_ms": snapshot.values["contact_time_ms"],
        "alerts": [asdict(alert) for alert in snapshot.alerts],
        "elapsed_s": snapshot.elapsed_s,
    }


def _json(value: Any) -> str:
    return json.dumps(_finite(value), allow_nan=False, default=float)


def _finite(value: Any) -> Any:
    """The value with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
