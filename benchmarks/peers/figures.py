"""Figures of the peers benchmark: medians, quartiles, ratios in the same round, targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.peers.contenders import OURS, REFERENCE, Contender
from benchmarks.peers.hours import Hour
from benchmarks.peers.turns import Measured, Outcome

MOST_OF_REFERENCE = 2.0
LEAST_FASTER = 50.0
FOUND_SHARE = 0.5
"""Share of the true steps; a pipeline that finds fewer is not used for the target."""

TIMES = ("wall_s", "cpu_s")


@dataclass(frozen=True)
class Figure:
    """One contender on one hour.

    Attributes:
        contender, hour: package and data.
        rounds: measurement of each round, in order; empty after an error.
        to_reference, to_ours: ratio to vqf alone and to imurun in the same round, for wall and processor
            time, medians over the rounds; None if the other has no measurement.
        trouble: error in one sentence; "" for none.
    """

    contender: Contender
    hour: Hour
    rounds: tuple[Measured, ...]
    to_reference: dict[str, float] | None
    to_ours: dict[str, float] | None
    trouble: str

    def quartiles(self, time: str) -> tuple[float, float, float]:
        """Lower quartile, median, upper quartile of "wall_s" or "cpu_s"."""
        low, middle, high = np.percentile([getattr(measured, time) for measured in self.rounds], (25, 50, 75))
        return float(low), float(middle), float(high)

    @property
    def steps(self) -> int | None:
        return self.rounds[-1].steps if self.rounds else None

    @property
    def found_share(self) -> float | None:
        """Detected steps over true steps."""
        return None if self.steps is None else self.steps / self.hour.n_steps

    @property
    def target(self) -> str:
        """Target of imurun relative to this package, as text; "" for none."""
        if self.contender.name == OURS:
            return f"<= {MOST_OF_REFERENCE:g} x {REFERENCE}"
        return f">= {LEAST_FASTER:g} x {OURS}" if self.contender.is_whole else ""

    @property
    def over_reference(self) -> float | None:
        """Ratio to vqf alone, the larger of wall and processor time."""
        return None if self.to_reference is None else max(self.to_reference.values())

    @property
    def over_ours(self) -> float | None:
        """Ratio to imurun, the smaller of wall and processor time."""
        return None if self.to_ours is None else min(self.to_ours.values())

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is reached by wall and processor time; None if unknown."""
        if self.contender.name == OURS:
            return None if self.over_reference is None else self.over_reference <= MOST_OF_REFERENCE
        if not self.contender.is_whole or self.over_ours is None or (self.found_share or 0.0) < FOUND_SHARE:
            return None
        return self.over_ours >= LEAST_FASTER

    def record(self) -> dict[str, Any]:
        """JSON-ready content."""
        times: dict[str, Any] = {}
        for time in TIMES if self.rounds else ():
            low, middle, high = self.quartiles(time)
            values = [getattr(measured, time) for measured in self.rounds]
            times[time] = {"median": middle, "quartiles": [low, high], "rounds": values}
        last = self.rounds[-1] if self.rounds else None
        return {
            "name": self.contender.name,
            "hour": self.hour.name,
            "leaves_out": self.contender.leaves_out,
            "trouble": self.trouble,
            **times,
            "to_reference": self.to_reference,
            "to_ours": self.to_ours,
            "steps": self.steps,
            "true_steps": self.hour.n_steps,
            "bouts": None if last is None else last.bouts,
            "target": self.target,
            "is_reached": self.is_reached,
            "versions": {} if last is None else dict(last.versions),
        }


def figures_of(outcomes: Sequence[Outcome]) -> list[Figure]:
    """One figure for each outcome, with ratios to vqf alone and imurun on the same hour."""
    rounds = {(outcome.hour.name, outcome.contender.name): outcome.rounds for outcome in outcomes}
    return [
        Figure(
            outcome.contender,
            outcome.hour,
            tuple(outcome.rounds),
            _ratio(outcome.rounds, rounds.get((outcome.hour.name, REFERENCE), [])),
            _ratio(outcome.rounds, rounds.get((outcome.hour.name, OURS), [])),
            outcome.trouble,
        )
        for outcome in outcomes
    ]


def _ratio(own: Sequence[Measured], other: Sequence[Measured]) -> dict[str, float] | None:
    if not own or not other:
        return None
    return {
        time: float(np.median([getattr(a, time) / getattr(b, time) for a, b in zip(own, other, strict=True)]))
        for time in TIMES
    }
