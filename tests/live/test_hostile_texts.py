"""Hostile texts from people, files and sensors are shown as text by the live page, report and terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import imurun
from imurun.live.state import Alert
from imurun.live.terminal import PlainLines
from imurun.live.terminal_view import TerminalView
from imurun.model.recording import Marker
from imurun.report import write_report
from imurun.sim.presets import eventful_run
from tests.live.page_helpers import Stand
from tests.plots_drawn import PATIENCE_MS, wait_for_plots

OWNED = "document.documentElement.dataset.owned=1"
TEXTS = [
    f"<script>{OWNED}</script>",
    f'"><img src=x onerror="{OWNED}">',
    f"</script><script>{OWNED}</script>",
    "{{7*7}}",
    "{% raw %}",
    f"<svg onload={OWNED}>",
    f"javascript:{OWNED}",
    "$$\\href{javascript:1}{x}$$",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "[red]x[/red]",
    "@{x}{safe}",
]
EVIL = " ".join(TEXTS)
SHORT = f"<img src=x onerror={OWNED}>"


def assert_harmless(page):
    assert page.evaluate("document.documentElement.dataset.owned ?? null") is None
    assert page.locator("img[src=x], svg[onload]").count() == 0
    assert page.locator("script", has_text="dataset.owned").count() == 0


def seen(page):
    return " ".join(page.evaluate("document.body.innerText").split())


def test_the_live_page_shows_texts_as_texts(browser):
    stand = Stand([EVIL, SHORT])
    try:
        for state in stand.states:
            stand.fill(state, 60)
            stand.run(state, 60)
        first = stand.states[0]
        first.notes = (f"a note {EVIL}",)
        stand.alert(first, f"an alert {EVIL}", key=EVIL)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(stand.serve(title=EVIL).address)
        page.locator("#alerts p").first.wait_for()
        assert_harmless(page)
        assert page.title() == EVIL
        assert page.locator("#name").text_content() == EVIL
        assert page.locator("#alerts p").first.text_content() == f"an alert {EVIL}"
        assert page.locator("#notes li").first.text_content() == f"a note {EVIL}"
        assert page.locator("#team b").nth(1).text_content() == SHORT
        page.locator("#team a").nth(1).click()
        page.locator("#name", has_text=SHORT).wait_for()
        assert_harmless(page)
        assert faults == []
        page.close()
    finally:
        stand.close()


class Flag:
    """As the history gives them."""

    def __init__(self):
        self.key, self.level, self.sentence, self.source = EVIL, "high", f"a flag {EVIL}", f"a study {EVIL}"
        self.numbers = {SHORT: 1.0}


@pytest.fixture(scope="module")
def session():
    start = pd.Timestamp("2025-05-03 07:30", tz="UTC").to_pydatetime()
    made = imurun.analyze(replace(eventful_run().recording, start=start, source=f"folder/{SHORT}.csv"))
    return replace(
        made,
        warnings=(*made.warnings, f"a warning {EVIL}"),
        markers=(Marker(200.0, "lap"), Marker(250.0, "pain", 3.0)),
        summary={**made.summary, "method": EVIL},
    )


def past(session):
    rows = [
        {
            **session.summary,
            "session_id": SHORT,
            "runner": EVIL,
            "start": pd.Timestamp(session.start) - pd.Timedelta(days=days),
            "shoes": f"shoe {TEXTS[days % len(TEXTS)]}",
            "surface": f"ground {EVIL}",
            "notes": f"a note {EVIL}",
            "source": EVIL,
            "pain_after": float(days % 4),
            "distance_km": 8.0,
        }
        for days in range(60, -1, -2)
    ]
    return pd.DataFrame(rows)


def test_the_report_shows_texts_as_texts(browser, session, tmp_path):
    file = tmp_path / "report.html"
    write_report(session, file, history=past(session), flags=[Flag()], context={EVIL: 1.0, SHORT: 2.0})
    context = browser.new_context(offline=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    faults, asked = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    wait_for_plots(page)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for box in page.locator(".plot").all()[:12]:
        box.hover()
    assert_harmless(page)
    text = seen(page)
    for said in (f"a flag {EVIL}", f"a warning {EVIL}", f"shoe {TEXTS[0]}", f"ground {EVIL}"):
        assert " ".join(said.split()) in text
    assert SHORT in page.title()
    assert "49" not in page.title()
    # without its policy nothing runs either: it is the escape that holds
    bare = Path(tmp_path / "bare.html")
    bare.write_text(
        file.read_text(encoding="utf-8").replace("Content-Security-Policy", "x"), encoding="utf-8"
    )
    page.goto(bare.as_uri())
    wait_for_plots(page)
    assert_harmless(page)
    assert faults == []
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri(), bare.as_uri()}
    context.close()


def test_the_terminal_shows_texts_as_texts():
    """No markup is read, no cursor moved, no link or title set."""
    name = "[red]x[/red] \x1b]0;owned\x07\x1b[2J[link=http://x]y[/link]\r\nz"
    stand = Stand([name, "b"])
    try:
        state = stand.states[0]
        stand.fill(state, 60)
        state.notes = (f"note {name}",)
        state.trouble = f"trouble {name}"
        state.alerts = (Alert("k", 1.0, f"alert {name}"),)
        out = io.StringIO()
        console = Console(file=out, width=200, force_terminal=True, color_system=None, highlight=False)
        now_s = stand.call(stand.loop.time)
        for states in (stand.states, stand.states[:1]):
            for line in TerminalView(states, f"http://h/{name}", "", keeps=True).lines(now_s, 200, 50):
                console.print(line)
        lines = PlainLines(state).lines(now_s)
    finally:
        stand.close()
    shown = out.getvalue()
    assert "[red]x[/red]" in shown
    for text in (shown, *lines):
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
        assert "\r" not in text
        assert "\x07" not in text
    assert any("[link=http://x]y[/link]" in line for line in lines)
