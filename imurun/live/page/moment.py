"""The numbers of a moment, as the page's script gets them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from imurun.live.state import RunState, Snapshot

DRAW_S = 0.1
"""No browser is told more often than this."""
BEAT_S = 0.25
"""How often it is told although nothing happened: values go stale, and silence must mean a broken link."""


class Moments:
    """Snapshots of all sensors, taken once however many browsers look.

    Args:
        states: of the sensors.
        clock: the host's monotonic time in seconds.
    """

    def __init__(self, states: Sequence[RunState], clock: Callable[[], float]) -> None:
        self.states = states
        self.clock = clock
        self._snapshots: list[Snapshot] = []
        self._versions: tuple[int, ...] = ()
        self._taken_s = -math.inf

    @property
    def versions(self) -> tuple[int, ...]:
        """Of the states: another when anything happened."""
        return tuple(state.version for state in self.states)

    def text(self, chosen: int) -> str:
        """JSON: `run` is the chosen sensor's snapshot, `team` a short one of each."""
        now_s = self.clock()
        if self.versions != self._versions or not 0.0 <= now_s - self._taken_s < 0.5 * DRAW_S:
            self._snapshots = [state.snapshot(now_s) for state in self.states]
            self._versions, self._taken_s = self.versions, now_s
        moment = {
            "run": asdict(self._snapshots[chosen]),
            "team": [_short(snapshot) for snapshot in self._snapshots],
        }
        return json.dumps(_known(moment), allow_nan=False, default=float)


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


def _known(value: Any) -> Any:
    """The same with None for what is not a number, which JSON cannot say."""
    if isinstance(value, dict):
        return {key: _known(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_known(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
