"""Timing a thing beside its reference, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


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
        at_least: the target is to be reached from below.
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
        """To the reference: median of the repeats' own ratios, which a busy machine moves least."""
        if not self.reference:
            return None
        return float(np.median(np.divide(self.values, self.reference)))

    @property
    def is_reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target

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
            "at_least": self.at_least,
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
    of_reference, seconds = in_turn([lambda: cpu_s(reference), lambda: cpu_s(make())], repeats)
    return seconds, of_reference


def in_turn(works: Sequence[Callable[[], T]], repeats: int, *, warm: bool = True) -> list[tuple[T, ...]]:
    """What each of several works gives, one after the other in every repeat.

    Args:
        works: each measures itself.
        repeats: how many.
        warm: one repeat before does not count.
    """
    given: list[list[T]] = [[] for _ in works]
    for _ in range(repeats + warm):
        for work, values in zip(works, given, strict=True):
            values.append(work())
    return [tuple(values[warm:]) for values in given]


def cpu_s(work: Callable[[], object]) -> float:
    """Seconds of processor time, which other programs on the machine do not lengthen by being served."""
    start = time.process_time()
    work()
    return time.process_time() - start
