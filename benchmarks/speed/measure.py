"""Repeated timing of a function and its reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """A measured quantity, one value for each repeat.

    Attributes:
        entry, name: benchmark and quantity.
        unit: of the values.
        values: measured values.
        reference: values of the reference, measured right before in the same repeat; same unit. Empty if
            there is none.
        target: upper limit; None for no target.
        at_least: whether the target is a lower limit.
    """

    entry: str
    name: str
    unit: str
    values: tuple[float, ...]
    reference: tuple[float, ...]
    target: float | None = None
    at_least: bool = False

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    @property
    def quartiles(self) -> tuple[float, float]:
        low, high = np.percentile(self.values, (25, 75))
        return float(low), float(high)

    @property
    def ratio(self) -> float | None:
        """Median over the repeats of the ratio to the reference, which a busy machine affects least."""
        if not self.reference:
            return None
        return float(np.median(np.divide(self.values, self.reference)))

    @property
    def is_reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target

    def record(self) -> dict[str, Any]:
        """JSON-ready content."""
        return {
            "entry": self.entry,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "quartiles": list(self.quartiles),
            "ratio": self.ratio,
            "target": self.target,
            "at_least": self.at_least,
            "is_reached": self.is_reached,
            "values": list(self.values),
            "reference": list(self.reference),
        }


def compare(
    reference: Callable[[], object], make: Callable[[], Callable[[], object]], repeats: int
) -> tuple[list[float], list[float]]:
    """CPU seconds of the function and of the reference for each repeat, after one warm-up repeat.

    Args:
        reference: what to compare with.
        make: returns the function to time, new for each repeat; not timed itself.
        repeats: number of repeats.
    """
    of_reference, seconds = in_turn([lambda: cpu_s(reference), lambda: cpu_s(make())], repeats)
    return seconds, of_reference


def in_turn(works: Sequence[Callable[[], T]], repeats: int, *, warm: bool = True) -> list[tuple[T, ...]]:
    """Results of several functions, called one after the other in every repeat.

    Args:
        works: functions that return their measurement.
        repeats: number of repeats.
        warm: whether to do a warm-up repeat before.
    """
    given: list[list[T]] = [[] for _ in works]
    for _ in range(repeats + warm):
        for work, values in zip(works, given, strict=True):
            values.append(work())
    return [tuple(values[warm:]) for values in given]


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of processor time, which does not include the time of other programs."""
    start = time.process_time()
    work()
    return time.process_time() - start
