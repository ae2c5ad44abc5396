"""Flags of synthetic years: the right sessions with the right numbers, and few others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.errors import SettingsError
from imurun.history import THRESHOLDS, Store, Tags, Thresholds, context, find_flags
from imurun.history.flags import LEVELS
from imurun.history.past import ewma
from imurun.history.thresholds import read_thresholds
from tests.history.made_sessions import YEAR_START, Run, ordinary_year, session_of

SPIKE, DRIFT = 141, range(200, 212)
"""Sessions of the year: a run that is far too long; three weeks of a growing injury."""


def eventful_year(seed):
    """An ordinary year with one spike and one injury-like drift."""
    runs = ordinary_year(seed)
    runs[SPIKE] = replace(runs[SPIKE], minutes=240.0, distance_km=43.0)
    for k, which in enumerate(DRIFT):
        runs[which] = replace(
            runs[which],
            asymmetry_percent=runs[which].asymmetry_percent + 0.8 * k,
            sway_drift_percent=runs[which].sway_drift_percent + 1.5 * k,
            pain=min(0.4 * k, 5.0),
        )
    return runs


def store_year(folder, runs, seed=0):
    with Store(folder) as store:
        for k, run in enumerate(runs):
            tags = Tags(pain_after=round(run.pain), distance_km=run.distance_km)
            store.add(
                session_of(run, 1000 * seed + k), runner="Kim", fingerprint=f"{k:064x}"[::-1], tags=tags
            )
        return store.sessions("Kim")


def all_flags(table):
    return [find_flags(table, table.iloc[k]) for k in range(len(table))]


def raised(flags):
    return [flag for flag in flags if flag.level != "note"]


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    table = store_year(tmp_path_factory.mktemp("year"), eventful_year(0))
    return table, all_flags(table)


def test_the_spike_is_flagged_with_its_numbers(year):
    table, flags = year
    spike = next(flag for flag in flags[SPIKE] if flag.key == "session_load")
    recent = table[
        (table["start"] < table["start"].iloc[SPIKE])
        & (table["start"] > table["start"].iloc[SPIKE] - pd.Timedelta(days=30))
    ]
    dose, greatest = table["lumbar_dose_bw4"].iloc[SPIKE], recent["lumbar_dose_bw4"].max()
    assert spike.level == "very high"
    assert spike.numbers["more_percent"] == pytest.approx(100 * (dose / greatest - 1))
    assert spike.numbers["greatest_lumbar_dose_bw4"] == greatest
    day = recent.loc[recent["lumbar_dose_bw4"].idxmax(), "start"]
    for part in (
        f"{dose:,.0f} BW⁴",
        f"{greatest:,.0f} BW⁴ on {day:%Y-%m-%d}",
        f"{100 * (dose / greatest - 1):.0f} %",
        "2.28 times (1.50 to 3.48)",
        "found on distance",
    ):
        assert part in spike.sentence
    linear = table["lumbar_dose_bw1"].iloc[SPIKE] / recent["lumbar_dose_bw1"].max()
    assert spike.numbers["more_percent_bw1"] == pytest.approx(100 * (linear - 1))
    far = next(flag for flag in flags[SPIKE] if flag.key == "session_distance")
    assert "extrapolation" in spike.source
    assert "extrapolation" not in far.source
    assert flags[SPIKE][0].level == "very high"


def test_the_drift_of_an_injury_is_flagged(year):
    _, flags = year
    found = {flag.key for which in DRIFT for flag in flags[which]}
    assert {"contact_time_asymmetry", "sway"} <= found
    assert {"pain_rise", "pain_with_load", "pain_high"} & found or "sway" in found


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_sessions_are_seldom_flagged(tmp_path, seed):
    """Few false flags in a year of some 250 ordinary sessions."""
    runs = ordinary_year(seed)
    rng = np.random.default_rng(seed)
    table = made_table(runs, rng)
    flags = all_flags(table)
    loads = sum(flag.key == "session_load" for found in flags for flag in found)
    others = sum(
        flag.key not in ("session_load", "session_distance") for found in flags for flag in raised(found)
    )
    assert loads <= 2
    assert others <= 2


def made_table(runs, rng):
    """The rows of runs without a store; no step counts, so no share of hard steps."""
    rows = []
    for k, run in enumerate(runs):
        summary = session_of(replace(run, minutes=max(run.minutes / 20, 1.0)), k).summary
        scale = run.minutes / max(run.minutes / 20, 1.0)
        rows.append(
            {
                **{name: value for name, value in summary.items() if isinstance(value, float | int)},
                "session_id": f"{k:04d}",
                "start": pd.Timestamp(run.start),
                "lumbar_dose_bw4": summary["lumbar_dose_bw4"] * scale,
                "distance_km": run.distance_km,
                "pain_after": run.pain,
            }
        )
    return pd.DataFrame(rows).sort_values("start", ignore_index=True)


@settings(max_examples=20)
@given(order=st.permutations(range(60)))
def test_flags_do_not_depend_on_the_order_of_rows(order):
    table = made_table(eventful_year(1)[100:160], None)
    expected = [find_flags(table, table.iloc[k]) for k in (41, 59)]
    mixed = table.iloc[list(order)]
    found = [find_flags(mixed, table.iloc[k]) for k in (41, 59)]
    assert found == expected
    assert [context(mixed, table.iloc[k]) for k in (41, 59)] == [
        context(table, table.iloc[k]) for k in (41, 59)
    ]


@settings(max_examples=4)
@given(order=st.permutations(range(24)))
def test_flags_do_not_depend_on_the_order_of_adding(tmp_path_factory, order):
    runs = [replace(run, minutes=2.0 + 0.1 * k) for k, run in enumerate(ordinary_year(2)[:24])]
    runs[22] = replace(runs[22], minutes=9.0, compression_bw=3.6)
    with Store(tmp_path_factory.mktemp("store")) as store:
        for k in order:
            store.add(session_of(runs[k], k), runner="Kim", fingerprint=f"{k:064x}"[::-1])
        table = store.sessions()
        last = [store.with_past(session_id) for session_id in table["session_id"]]
        found = [find_flags(past, now) for past, now in last]
    assert found == ORDERED.setdefault("flags", found)
    assert {flag.key for flag in found[22]} >= {"session_load", "intensity"}
    assert find_flags(table, table.iloc[22]) == found[22]


ORDERED: dict[str, list] = {}
"""Result of the first order; every other order must give the same."""


# -- single rules -------------------------------------------------------------------------------------------


def past_of(n=30, every_days=1.0, **columns):
    """n sessions that end a day before `now_of`."""
    start = pd.Timestamp(YEAR_START) + pd.Timedelta(days=200)
    data = {
        "session_id": [f"{k:03d}" for k in range(n)],
        "start": pd.to_datetime(
            [start - pd.Timedelta(days=every_days * (n - k)) for k in range(n)], utc=True
        ),
        "lumbar_dose_bw4": np.full(n, 1000.0),
    }
    return pd.DataFrame({**data, **columns})


def now_of(**values):
    start = pd.Timestamp(YEAR_START) + pd.Timedelta(days=200)
    return pd.Series({"session_id": "now", "start": start, "lumbar_dose_bw4": 1000.0, **values}, dtype=object)


def keys(past, now, thresholds=THRESHOLDS):
    return {flag.key: flag.level for flag in find_flags(past, now, thresholds)}


def test_usual_sessions_get_no_flag():
    assert find_flags(past_of(), now_of()) == []


@pytest.mark.parametrize(
    ("dose", "level"),
    [(1099.0, None), (1101.0, "raised"), (1299.0, "raised"), (1301.0, "high"), (2001.0, "very high")],
)
def test_excess_of_load_sets_the_level(dose, level):
    assert keys(past_of(), now_of(lumbar_dose_bw4=dose)).get("session_load") == level


def test_sessions_older_than_30_days_do_not_count():
    past = past_of()
    past.loc[0, ["start", "lumbar_dose_bw4"]] = [past["start"].iloc[0] - pd.Timedelta(days=1.5), 9000.0]
    assert keys(past, now_of(lumbar_dose_bw4=1500.0)) == {"session_load": "high"}
    past.loc[0, "start"] += pd.Timedelta(days=2)
    assert keys(past, now_of(lumbar_dose_bw4=1500.0)) == {}


def test_later_sessions_do_not_count():
    past = past_of()
    later = past.assign(start=past["start"] + pd.Timedelta(days=90), lumbar_dose_bw4=9000.0)
    assert keys(pd.concat([later, past]), now_of(lumbar_dose_bw4=1500.0)) == {"session_load": "high"}


@pytest.mark.parametrize("past", [past_of(3), past_of(10), past_of(30, every_days=10.0), past_of(0)])
def test_with_little_history_only_absolute_rules_and_a_note_are_flagged(past):
    limits = replace(THRESHOLDS, session_load_bw4=5000.0)
    now = now_of(lumbar_dose_bw4=9000.0, pain_after=7.0, pain_before=1.0, peak_impact_g=9.0)
    found = keys(past, now, limits)
    assert found == {
        "session_limit": "high",
        "pain_high": "high",
        "pain_rise": "raised",
        "too_little_history": "note",
    }
    sentence = find_flags(past, now, limits)[-1].sentence
    assert "at least 4 sessions and 14 days are needed" in sentence


def test_sessions_of_another_body_height_are_not_compared():
    past = past_of(height_m=1.7)
    assert keys(past, now_of(height_m=1.7, lumbar_dose_bw4=1500.0)) == {"session_load": "high"}
    found = find_flags(past, now_of(height_m=1.8, lumbar_dose_bw4=1500.0))
    assert [flag.key for flag in found] == ["too_little_history"]
    assert "30 computed for another body height" in found[0].sentence


def test_distance_is_compared_only_if_known_for_all_sessions():
    past = past_of(distance_km=10.0)
    assert keys(past, now_of(distance_km=14.0)) == {"session_distance": "high"}
    past.loc[29, "distance_km"] = np.nan
    assert keys(past, now_of(distance_km=14.0)) == {}


def test_unusual_impact_is_flagged():
    values = 2.5 + 0.1 * np.sin(np.arange(30))
    found = find_flags(past_of(peak_impact_g=values), now_of(peak_impact_g=3.4))
    assert [flag.key for flag in found] == ["impact"]
    assert f"3.40 g; the median of 30 sessions is {np.median(values):.2f} g" in found[0].sentence
    assert keys(past_of(peak_impact_g=values), now_of(peak_impact_g=1.5)) == {}
    hard_days = np.where(np.arange(30) % 5 == 0, 3.4, values)
    assert keys(past_of(peak_impact_g=hard_days), now_of(peak_impact_g=3.5)) == {}


def test_asymmetry_only_where_it_grew_and_sides_are_known():
    past = past_of(contact_time_asymmetry_percent=4.0, side_known_percent=100.0)
    for value, known, expected in ((12.0, 100.0, True), (-3.9, 100.0, False), (12.0, 50.0, False)):
        now = now_of(contact_time_asymmetry_percent=value, side_known_percent=known)
        assert ("contact_time_asymmetry" in keys(past, now)) is expected


def test_drift_within_the_run_is_flagged_without_history():
    now = now_of(
        fresh_cadence_spm=170.0, tired_cadence_spm=155.0, fresh_roll_rom_deg=8.0, tired_roll_rom_deg=11.0
    )
    found = {flag.key: flag for flag in find_flags(past_of(0), now)}
    assert set(found) == {"cadence_drift", "sway_drift", "too_little_history"}
    assert "from 170 to 155 steps/min (-9 %)" in found["cadence_drift"].sentence


def test_a_hard_session_without_warm_up_is_flagged():
    now = now_of(intensity_share=0.6, warm_up_s=20.0)
    assert keys(past_of(), now) == {"intensity": "note", "no_warm_up": "note"}
    assert keys(past_of(), now_of(intensity_share=0.9, warm_up_s=400.0)) == {"intensity": "raised"}
    assert keys(past_of(), now_of(intensity_share=0.3, warm_up_s=20.0)) == {}


def test_pain_that_rises_with_load_is_flagged():
    past = past_of(60, pain_after=1.0)
    assert keys(past, now_of(pain_after=4.0)).get("pain_with_load") is None  # the load of the week is usual
    past.loc[past["start"] > past["start"].max() - pd.Timedelta(days=5), "lumbar_dose_bw4"] = 1090.0
    loaded = past.assign(lumbar_dose_bw4=past["lumbar_dose_bw4"] * np.where(past.index > 53, 1.3, 1.0))
    found = {flag.key: flag for flag in find_flags(loaded, now_of(pain_after=4.0))}
    assert found["pain_with_load"].level == "high"
    assert "Pain was 4, usually it is 1" in found["pain_with_load"].sentence
    assert "pain_with_load" not in keys(loaded, now_of(pain_after=2.0))


def test_flags_are_sorted_by_severity():
    now = now_of(
        lumbar_dose_bw4=2500.0, intensity_share=0.6, warm_up_s=500.0, pain_before=0.0, pain_after=3.0
    )
    levels = [LEVELS.index(flag.level) for flag in find_flags(past_of(), now)]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) == 3


# -- context ------------------------------------------------------------------------------------------------


def test_context_has_acute_load_ratio_monotony_and_strain():
    past = past_of(60)
    found = context(past, now_of())
    assert found["acute_bw4"] == pytest.approx(1000.0)
    assert found["acute_chronic_ratio"] == pytest.approx(1.0)
    assert found["week_load_bw4"] == 7000.0
    assert found["monotony"] is None  # no day differs
    two = context(past_of(30, every_days=2.0), now_of())
    loads = [1000.0, 0.0, 1000.0, 0.0, 1000.0, 0.0, 1000.0]
    assert two["monotony"] == pytest.approx(np.mean(loads) / np.std(loads, ddof=1))
    assert two["strain_bw4"] == pytest.approx(4000.0 * two["monotony"])
    assert context(past_of(5), now_of())["acute_chronic_ratio"] is None
    assert ewma(np.array([1.0] * 7 + [5.0]), 7) == pytest.approx(1.0 + 0.25 * 4.0)


# -- thresholds in the runner's file ------------------------------------------------------------------------


def test_a_runners_file_overrides_thresholds(tmp_path):
    file = tmp_path / "kim.toml"
    file.write_text(
        "[flags]\nspike_percent = [60, 70, 80]\nimpact_z = 4\n[limits]\nsession_load_bw4 = 1200\n"
    )
    found = read_thresholds(file)
    assert found == Thresholds(spike_percent=(60.0, 70.0, 80.0), impact_z=4.0, session_load_bw4=1200.0)
    assert keys(past_of(), now_of(lumbar_dose_bw4=1500.0), found) == {"session_limit": "high"}
    flag = find_flags(past_of(), now_of(lumbar_dose_bw4=1650.0), found)[1]
    assert "1.64" not in flag.sentence  # the study's bands are its own
    assert read_thresholds(None) == THRESHOLDS


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[flags]\nspike = 3", "flags.spike is unknown"),
        ("flags = 3", "must be a table"),
        ("[flags]\nspike_percent = [10, 30]", "3 numbers"),
        ("[flags]\nspike_percent = [30, 10, 100]", "increasing order"),
        ("[flags]\nimpact_z = nan", "finite"),
        ("[flags]\nimpact_z = -1", "positive"),
        ('[flags]\nimpact_z = "high"', "give a number"),
        ("[flags]\nspike_days = 30.5", "whole number"),
        ("[flags]\nhard_percentile = 100", "50 to 99.9"),
        ("[limits]\nsession_load_bw4 = inf", "finite"),
    ],
)
def test_invalid_thresholds_are_refused(tmp_path, text, part):
    (tmp_path / "kim.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        read_thresholds(tmp_path / "kim.toml")
    assert part in str(error.value)
    assert str(error.value).startswith(("kim.toml: ", "kim.toml, line 2: limits."))


def test_a_session_outside_the_store_gets_the_same_flags(tmp_path):
    with Store(tmp_path) as store:
        runs = [replace(run, minutes=3.0) for run in ordinary_year(3)[:20]]
        for k, run in enumerate(runs):
            store.add(session_of(run, k), runner="Kim", fingerprint=f"{k:064x}"[::-1])
        new = Run(runs[-1].start + timedelta(days=1), 12.0)
        past, now = store.beside(session_of(new, 99), runner="Kim")
        kept = store.add(session_of(new, 99), runner="Kim", fingerprint="f" * 64)
        assert find_flags(past, now) == find_flags(*store.with_past(kept.session_id))
        assert find_flags(past, now)[0].level == "very high"
