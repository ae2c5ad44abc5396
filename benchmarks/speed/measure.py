"""Timing a thing beside its reference, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Figure:
    """What was measured, one value a repeat.

    Attributes:
        entry, name: which benchmark, and what of it.
        unit: of the values.
        values: of the thing.
        reference: of the reference, measured right before in the same repeat; same unit. Empty where there
            is none.
        target: not to go beyond; None where none is set.
    """

    entry: str
    name: str
    unit: str
    values: tuple[float, ...]
    reference: tuple[float, ...]
    target: float | None = None

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    @property
    def quartiles(self) -> tuple[float, float]:
        low, high = np.percentile(self.values, (25, 75))
        return float(low), float(high)

    @property
    def ratio(self) -> float | None:
        """To the reference: median of the repeats' own ratios, which a busy machine moves least."""
        if not self.reference:
            return None
        return float(np.median(np.divide(self.values, self.reference)))

    @property
    def is_reached(self) -> bool | None:
        return None if self.target is None else self.median <= self.target

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "entry": self.entry,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "quartiles": list(self.quartiles),
            "ratio": self.ratio,
            "target": self.target,
            "is_reached": self.is_reached,
            "values": list(self.values),
            "reference": list(self.reference),
        }


def compare(
    reference: Callable[[], object], make: Callable[[], Callable[[], object]], repeats: int
) -> tuple[list[float], list[float]]:
    """CPU seconds of the thing and of the reference, repeat by repeat; one repeat before does not count.

    Args:
        reference: what to compare with.
        make: gives the thing to time, fresh for each repeat; making it is not timed.
        repeats: how many.
    """
    seconds: list[float] = []
    of_reference: list[float] = []
    for _ in range(repeats + 1):
        of_reference.append(cpu_s(reference))
        seconds.append(cpu_s(make()))
    return seconds[1:], of_reference[1:]


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of processor time, which other programs on the machine do not lengthen by being served."""
    start = time.process_time()
    work()
    return time.process_time() - start
