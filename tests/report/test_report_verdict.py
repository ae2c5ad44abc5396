"""The headline of the verdict: the worst flag with its number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from imurun.history import find_flags
from imurun.report.past import make_past
from imurun.report.verdict import make_verdict
from tests.report.report_helpers import START, short_run

NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class NumberedFlag:
    key: str
    level: str
    numbers: dict = field(default_factory=dict)
    sentence: str = "The reason."
    source: str = "a study"


def load_flag(more_percent, level="very high", greatest=1000.0):
    numbers = {
        "lumbar_dose_bw4": greatest * (1.0 + more_percent / 100.0),
        "greatest_lumbar_dose_bw4": greatest,
        "more_percent": more_percent,
    }
    return NumberedFlag("session_load", level, numbers)


def past_of(loads, days_apart=3):
    starts = [START - timedelta(days=days_apart * (k + 1)) for k in range(len(loads))]
    return make_past(pd.DataFrame({"start": starts, "lumbar_dose_bw4": loads}), START)


def headline(*flags, past=None):
    return make_verdict(short_run(), past, flags).headline


def test_a_load_beyond_the_maximum_is_given_in_times_or_percent():
    past = past_of([700.0, 1000.0, 800.0])
    assert headline(load_flag(200.0), past=past) == "Very high load: 3.0 times your 30-day maximum."
    assert headline(load_flag(45.0, "high"), past=past) == "High load: 45 % above your 30-day maximum."


def test_thirty_days_are_named_only_where_the_maximum_is_that_of_thirty_days():
    older = past_of([700.0, 1000.0], days_apart=20)  # the greatest is 40 days old
    assert headline(load_flag(45.0), past=older) == "Very high load: 45 % above your recent maximum."
    assert headline(load_flag(45.0), past=None) == "Very high load: 45 % above your recent maximum."


def test_more_flags_are_counted_and_notes_are_not():
    past = past_of([1000.0])
    note = NumberedFlag("no_warm_up", "note")
    one = NumberedFlag("sway", "raised", {"drift_percent": 40.0})
    assert headline(note, load_flag(45.0), past=past).endswith("30-day maximum.")
    assert headline(one, load_flag(45.0), past=past).endswith(f"30-day maximum. 1{NO_BREAK}more flag.")
    assert headline(one, one, load_flag(45.0), past=past).endswith(f" 2{NO_BREAK}more flags.")


@pytest.mark.parametrize(
    ("key", "numbers", "expected"),
    [
        ("session_limit", {"limit_bw4": 900.0}, f"High load: above your limit of 900{NO_BREAK}BW⁴."),
        ("pain_high", {"pain": 6.0}, "High pain: 6 of 10."),
        ("pain_rise", {"pain_before": 1.0, "pain": 4.0}, "High pain: from 1 before the run to 4 of 10."),
        (
            "pain_with_load",
            {"pain": 4.0, "more_percent": 20.0},
            "High pain: 4 of 10 in a week with 20 % more load than usual.",
        ),
        (
            "impact",
            {"peak_impact_g": 4.1, "usual_peak_impact_g": 3.2},
            f"High impact: 4.10{NO_BREAK}g, usually 3.20{NO_BREAK}g.",
        ),
        ("intensity", {"share_percent": 80.0}, "High effort: 80 % of the steps were hard."),
        ("asymmetry", {}, f"High: 1{NO_BREAK}flag."),
        ("impact", {}, f"High: 1{NO_BREAK}flag."),  # a flag without the numbers of its rule
    ],
)
def test_other_flags_have_their_number(key, numbers, expected):
    assert headline(NumberedFlag(key, "high", numbers)) == expected


def test_the_flags_of_the_history_have_the_numbers_of_the_headline():
    now = datetime(2025, 5, 3, 7, 30, tzinfo=UTC)
    rows = [
        {"start": now - timedelta(days=days), "lumbar_dose_bw4": 1000.0, "height_m": 1.75}
        for days in range(40, 0, -3)
    ]
    history = pd.DataFrame(rows)
    history["start"] = pd.to_datetime(history["start"], utc=True)
    row = pd.Series(
        {"start": pd.Timestamp(now), "lumbar_dose_bw4": 2500.0, "height_m": 1.75, "pain_after": 1.0}
    )
    flags = find_flags(history, row)
    assert flags[0].key == "session_load"
    assert headline(*flags, past=make_past(history, now)).startswith(
        "Very high load: 2.5 times your 30-day maximum."
    )
