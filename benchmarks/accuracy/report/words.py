"""Formats numbers for tables, the same on the page and in the terminal."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.report.quantities import DERIVED, F1, F1_WIDE, QUANTITIES
from benchmarks.accuracy.report.targets import MISSED, NOT_MEASURED, Verdict

NOTHING = "-"
_ABOUT = QUANTITIES | DERIVED
ONE_RUNNER = "one runner: no interval"


def number(value: float, decimals: int) -> str:
    """A number, or a dash for none."""
    return f"{value:.{decimals}f}" if np.isfinite(value) else NOTHING


def span(low: float, high: float, decimals: int) -> str:
    """Two numbers, or a dash."""
    return f"{low:.{decimals}f} to {high:.{decimals}f}" if np.isfinite(low) else NOTHING


def unit_of(quantity: str) -> str:
    """The unit of a quantity, "" for F1."""
    return _ABOUT[quantity].unit if quantity in _ABOUT else ""


def decimals_of(quantity: str) -> int:
    """Number of decimals of a quantity."""
    return _ABOUT[quantity].decimals if quantity in _ABOUT else 4


def with_unit(value: float, quantity: str) -> str:
    """A value with its unit."""
    text = number(value, decimals_of(quantity))
    return text if text == NOTHING else f"{text} {unit_of(quantity)}".strip()


def interval(low: float, high: float, n_runners: int, quantity: str) -> str:
    """An interval over runners, or the reason why there is none."""
    if quantity in (F1, F1_WIDE) or quantity in DERIVED or not n_runners:
        return NOTHING
    return ONE_RUNNER if n_runners == 1 else span(low, high, decimals_of(quantity))


def verdict_words(verdict: Verdict) -> str:
    """Reached, or the distance to the target and the runners who miss it."""
    target = verdict.target
    if verdict.word == NOT_MEASURED:
        return NOT_MEASURED
    worst = ", ".join(f"{name} {with_unit(value, target.quantity)}" for name, value in verdict.worst[:3])
    where = f" ({verdict.note})" if verdict.note else ""
    if verdict.word == MISSED:
        short = with_unit(verdict.missed_by, target.quantity)
        return f"not reached by {short}{where}" + (f"; worst: {worst}" if worst else "")
    if target.quantity in DERIVED and not worst:
        return f"reached{where}"
    return f"reached; not on {worst}" if worst else "reached, on every runner"


def limit_words(verdict: Verdict) -> str:
    """The limit with its direction and unit."""
    target = verdict.target
    if np.isfinite(target.at_most):
        return f"{target.limit:g} to {target.at_most:g} {unit_of(target.quantity)}".strip()
    sign = "at least" if target.at_least else "at most"
    return f"{sign} {target.limit:g} {unit_of(target.quantity)}".strip()
