"""Texts, order and completeness of the report page."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import imurun
from imurun.errors import SettingsError
from imurun.report import write_report
from imurun.report.page import render
from imurun.report.step_sections import GLANCE
from imurun.report.words import TERMS, number, shown
from tests.report.report_helpers import (
    EVIL,
    START,
    MadeFlag,
    a_moment,
    for_hours,
    made_history,
    nobody_moves,
    short_run,
    tired_session,
    walk_only,
    without_gyroscope,
)

MOST_BYTES = 3_000_000


class Words(HTMLParser):
    """The page's elements: visible text and titles, without scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.words, self.titles, self.tags, self._open = [], [], [], []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "h2"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data):
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.words.append(data)
        if self._open and self._open[-1] == "h2":
            self.titles.append(data.strip())


def page_of(session, **options):
    return Words(render(session, **options))


def ids(page):
    return [attrs["id"] for tag, attrs in page.tags if tag == "section"]


def test_sections_of_a_run_without_a_past_are_in_order():
    page = page_of(tired_session())
    order = "verdict glance load rhythm sides impact sway bouts quality markers limits".split()
    assert [one for one in ids(page) if one != "noticed"] == order
    assert page.titles[0] == "No earlier session to compare with."
    assert "No earlier session is known" in page.text
    assert page.text.count("it does not diagnose") == 2
    assert "You marked pain of up to 5 of 10" in page.text


def test_the_numbers_are_those_of_the_summary_with_their_units():
    session = tired_session()
    text = page_of(session).text
    for name in GLANCE[:5]:
        value, unit = shown(name, session.summary[name]).split("\N{NO-BREAK SPACE}")
        assert f"{TERMS[name].label} {value} {unit}" in text
    load = re.sub(r"\s", " ", shown("lumbar_dose_bw4", session.summary["lumbar_dose_bw4"]))
    assert f"The session added up to {load}." in text
    fresh, tired = (number(session.summary[f"{age}_roll_rom_deg"], 1) for age in ("fresh", "tired"))
    assert f"Side tilt, deg {fresh} {tired} +" in text


def test_every_term_of_a_table_or_tile_is_explained():
    page = page_of(tired_session(), history=made_history(tired_session()))
    terms = set(
        re.findall(r"<dt>([^<]+)</dt>", render(tired_session(), history=made_history(tired_session())))
    )
    for name, term in TERMS.items():
        if term.label in page.text:
            assert term.label in terms, name


def test_flags_are_listed_first_worst_first_with_their_source():
    flags = [
        MadeFlag(level="note", sentence="No warm-up was seen.", source=""),
        MadeFlag(level="raised", sentence="Impact was above your usual."),
        MadeFlag(level="very high", sentence="Twice the greatest of 30 days."),
    ]
    page = page_of(tired_session(), history=made_history(tired_session()), flags=flags)
    assert page.titles[0] == "Very high: 2\N{NO-BREAK SPACE}flags."
    places = [page.text.index(word) for word in ("Twice the", "Impact was above", "No warm-up was seen")]
    assert places == sorted(places)
    assert places[-1] < page.text.index("Load over time")
    assert page.text.count("Source: a study") == 2


def test_notes_alone_do_not_change_the_headline():
    page = page_of(
        tired_session(),
        history=made_history(tired_session()),
        flags=[MadeFlag(level="note", sentence="Few.")],
    )
    assert page.titles[0] == "Nothing unusual was found."
    assert "Few." in page.text


def test_too_little_history_is_not_reported_as_nothing_unusual():
    flag = MadeFlag(key="too_little_history", level="note", sentence="It takes more sessions.")
    html = render(tired_session(), history=made_history(tired_session(), 2), flags=[flag])
    assert Words(html).titles[0] == "Too little history to compare with."
    assert 'class="verdict" data-level="unknown"' in html


def test_history_gives_months_shoes_and_pain():
    session = tired_session()
    context = {
        "acute_chronic_ratio": 1.25,
        "monotony": float("nan"),
        "another_thing": 3.0,
        "sentence": "text",
    }
    page = page_of(session, history=made_history(session), context=context)
    assert ids(page)[-5:] == ["months", "shoes", "pain", "markers", "limits"]
    assert "Compared with your 120 earlier sessions, the first on 5 Sep 2024." in page.text
    assert "90 earlier sessions since" in page.text
    assert "Last 7 days over last 28 1.25" in page.text
    assert "Another thing 3" in page.text
    assert "Monotony" not in page.text
    assert "1.23 km" in page.text
    assert "(this run)" in page.text
    assert "after 4 of 10" in page.text


def test_later_sessions_and_the_session_itself_are_left_out_of_its_past():
    session = tired_session()
    history = made_history(session, 3)
    later = history.iloc[[0]].assign(start=pd.Timestamp(START) + pd.Timedelta(days=3))
    page = page_of(session, history=pd.concat([history, later]).sample(frac=1.0, random_state=1))
    assert "Compared with your 3 earlier sessions" in page.text


def test_a_recording_without_a_date_is_not_in_the_picture():
    session = replace(tired_session(), start=None)
    page = page_of(session, history=made_history(session, 5))
    assert "has no date" in page.text
    assert "UTC" not in page.text


def test_a_history_with_starts_only_is_enough():
    history = pd.DataFrame({"start": ["2025-04-01T08:00:00Z"]})
    page = page_of(tired_session(), history=history)
    assert "Compared with your 1 earlier session" in page.text
    assert {"shoes", "pain"}.isdisjoint(ids(page))
    empty = page_of(tired_session(), history=history.iloc[:0])
    assert "No earlier session is known" in empty.text


def test_texts_of_users_are_escaped():
    session = replace(tired_session(), source=f"/runs/{EVIL.replace('/', '|')}\ud800.csv", warnings=(EVIL,))
    flags = [MadeFlag(sentence=EVIL, source=EVIL, level=EVIL)]
    html = render(session, history=made_history(session), flags=flags, context={EVIL: 1.0})
    page = Words(html)
    plain = Words(render(tired_session(), history=made_history(tired_session())))
    n_scripts = [sum(tag == "script" for tag, _ in one.tags) for one in (page, plain)]
    assert n_scripts[0] == n_scripts[1]
    assert "alert('shoe')" in page.text
    assert "<script>alert" not in html
    html.encode("utf-8")


def test_without_a_gyroscope_angles_are_left_out_with_a_sentence():
    page = page_of(without_gyroscope())
    assert "need a gyroscope" in page.text
    assert "Side tilt, deg" not in page.text
    assert "Rotation, deg" not in page.text
    assert "accelerometer only" in page.text


def test_a_run_shorter_than_a_minute_has_a_note():
    page = page_of(short_run())
    assert "The recording lasts 0:25 min: too short for reliable values" in page.text
    assert "Fresh and tired are compared from 100 running steps on" in page.text
    assert "Contact time" in page.text


def test_walking_only_has_no_sections_of_running():
    page = page_of(walk_only())
    assert page.titles[0] == "No running was found, only walking."
    assert "Walking cadence" in page.text
    assert {"load", "rhythm", "sides", "impact", "sway"}.isdisjoint(ids(page))
    assert "nan" not in page.text.lower().split()


@pytest.mark.parametrize("make", [nobody_moves, a_moment])
def test_recordings_without_running_have_a_headline(make):
    page = page_of(make())
    assert page.titles[0].startswith("No running was found")
    assert "does not diagnose" in page.text


def test_few_steps_have_numbers_and_no_plot():
    session = tired_session()
    running = np.flatnonzero(session.steps["gait"] == "running")[:12]
    few = replace(session, steps=session.steps.iloc[running], markers=())
    few = replace(few, summary=session.summary | {"running_steps": 12})
    page = page_of(few)
    assert "12 running steps: too few to draw a line." in page.text


def test_a_published_rule_shows_the_columns_it_has():
    from imurun.sim.presets import steady_run

    session = imurun.analyze(steady_run(60.0).recording, method="wixted2010")
    page = page_of(session)
    assert "steps by the published rule wixted2010" in page.text
    assert "load" not in ids(page)
    assert "nan" not in page.text.lower().split()


def test_the_page_of_two_hours_is_below_the_size_limit(tmp_path):
    session = for_hours(tired_session(), 2.0)
    write_report(session, tmp_path / "long.html", history=made_history(session, 400))
    size = (tmp_path / "long.html").stat().st_size
    assert size < MOST_BYTES
    page = Words((tmp_path / "long.html").read_text(encoding="utf-8"))
    assert re.search(r"Running \d:\d\d:\d\d h", page.text)
    assert "And " in page.text


def test_the_page_requests_nothing_from_a_network():
    page = page_of(tired_session(), history=made_history(tired_session()))
    outside = [
        attrs[key]
        for tag, attrs in page.tags
        for key in ("src", "href", "action")
        if key in attrs and tag != "a"
    ]
    assert outside == ["data:,"]
    policy = [attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs]
    assert policy
    assert policy[0].startswith("default-src 'none'")


def test_a_failed_write_leaves_the_old_report(tmp_path, monkeypatch):
    out = tmp_path / "run.html"
    out.write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(SettingsError, match="full"):
        write_report(short_run(), out)
    assert out.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["run.html"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234.5, 0, "1\N{NARROW NO-BREAK SPACE}234"),
        (-0.04, 1, "0.0"),
        (-0.06, 1, "\N{MINUS SIGN}0.1"),
        (None, 1, "\N{EN DASH}"),
        (float("nan"), 1, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_and_grouped(value, decimals, text):
    assert number(value, decimals) == text
