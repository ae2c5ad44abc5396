"""The report in a browser: on a phone, on a desk, on paper."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import imurun
from benchmarks.datasets import hip_shoe_run
from imurun.report import write_report
from tests.plots_drawn import PATIENCE_MS, wait_for_plots
from tests.report.report_helpers import (
    MadeFlag,
    for_hours,
    made_history,
    nobody_moves,
    short_run,
    tired_session,
    walk_only,
)

PHONE, DESK = (390, 844), (1280, 800)

LAYOUT = """() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const name = (box) => box.id || `${box.className} ${box.textContent.trim().slice(0, 40)}`;
  const overlaps = [];
  for (const kind of ["header, main > section, body > footer", ".tile",
                      "figure, table, details, .panel > p, h2",
                      "th, td", "figcaption > span, figcaption + .plot, .axis", "dt, dd"]) {
    const seen = all(kind).filter((box) => box.checkVisibility());
    const boxes = seen.map((box) => [box, box.getBoundingClientRect()]);
    for (const [k, [a, r]] of boxes.entries()) for (const [b, s] of boxes.slice(k + 1)) {
      if (a.contains(b)) continue;
      const wide = Math.min(r.right, s.right) - Math.max(r.left, s.left);
      const high = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
      if (wide > 0.5 && high > 0.5) overlaps.push([name(a), name(b)]);
    }
  }
  const root = document.documentElement;
  const range = document.createRange();
  const cut = all("h1, h2, p, li, td, th, dt, dd, figcaption, .tile > *").filter((text) => {
    if (!text.checkVisibility() || !text.textContent.trim()) return false;
    const around = text.closest("td, th, .tile, .panel, .verdict, .noticed") ?? document.body;
    const frame = around.getBoundingClientRect();
    range.selectNodeContents(text);
    const r = range.getBoundingClientRect();
    return r.left < frame.left - 0.5 || r.right > frame.right + 0.5;
  }).map(name);
  const broken = [];
  for (const cell of all("th, td, p, li, h2, figcaption, dt")) {
    if (!cell.checkVisibility()) continue;
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode()); ) {
      if (/\\S{17}/.test(text.data)) continue;  // what a user called something may be longer than a line
      for (const word of text.data.matchAll(/[A-Za-z]+/g)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].map((r) => r.top));
        if (lines.size > 1) broken.push(`${word[0]} in ${name(cell)}`);
      }
    }
  }
  const bare = all(".plot").filter((plot) => plot.getBoundingClientRect().height < 40).length;
  return { overlaps, cut, broken, bare, sideways: root.scrollWidth - root.clientWidth };
}"""
SOUND = {"overlaps": [], "cut": [], "broken": [], "bare": 0, "sideways": 0}


@pytest.fixture
def visit(browser, tmp_path):
    """Writes a report and opens it; nothing may be complained of, nothing else asked for."""
    contexts, complaints, requests = [], [], []

    def visit(session, size=PHONE, scheme="light", **options):
        write_report(session, tmp_path / "report.html", **options)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.on("websocket", lambda socket: requests.append(socket.url))
        page.goto((tmp_path / "report.html").as_uri())
        wait_for_plots(page)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []
    asked = {url for url in requests if not url.startswith("data:")}
    assert asked == {(tmp_path / "report.html").as_uri()}


def layout(page):
    """What is wrong with the page's layout, once its plots are drawn."""
    wait_for_plots(page)
    return page.evaluate(LAYOUT)


def assert_layout(page):
    assert layout(page) == SOUND
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert layout(page) == SOUND
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = false")


def keep(page, artefacts, name, size):
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size[0], "height": height})
    wait_for_plots(page)
    page.screenshot(path=artefacts / f"report_{name}.png")


SIZES = [
    pytest.param(PHONE, "dark", id="phone-dark"),
    pytest.param(DESK, "light", id="desk-light"),
]


@pytest.mark.parametrize(("size", "scheme"), SIZES)
def test_a_report_with_history_is_drawn_whole_in_every_size(visit, artefacts, size, scheme):
    session = tired_session()
    flags = [MadeFlag(), MadeFlag(level="note", sentence="No cool-down was seen.", source="")]
    page = visit(
        session,
        size,
        scheme,
        history=made_history(session),
        flags=flags,
        context={"acute_chronic_ratio": 1.31, "strain_bw4": 2e5},
    )  # fmt: skip
    assert page.locator(".plot canvas").count() > 10
    assert page.locator("script", has_text="alert").count() == 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(0, 0, 0)") is (scheme == "dark")
    assert_layout(page)
    keep(page, artefacts, f"tired_{size[0]}", size)


@pytest.mark.parametrize(("size", "scheme"), SIZES)
def test_the_report_of_a_real_run_is_drawn_whole(visit, artefacts, shared_data, size, scheme):
    session = imurun.analyze(hip_shoe_run.hip(shared_data / "hip_shoe_run"))
    page = visit(session, size, scheme)
    assert page.locator("#quality .plot canvas").count() > 0
    assert_layout(page)
    keep(page, artefacts, f"real_{size[0]}", size)


@pytest.mark.parametrize("make", [short_run, walk_only, nobody_moves])
def test_short_and_empty_reports_fit_a_narrow_phone(visit, artefacts, make):
    page = visit(make(), (320, 640))
    assert_layout(page)
    keep(page, artefacts, make.__name__, (320, 640))


def test_two_hours_and_long_words_fit_a_phone(visit, artefacts):
    long = "w" * 90
    session = replace(for_hours(tired_session(), 2.0), source=f"{long}.csv", warnings=(long,))
    history = made_history(session, 100).assign(shoes=[f"{long}{k % 20}" for k in range(101)])
    flag = MadeFlag(sentence=long, source=long)
    page = visit(session, history=history, flags=[flag], context={long: 1.0})
    assert_layout(page)
    keep(page, artefacts, "long", PHONE)


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_on_paper_plots_are_whole_and_explanations_open(visit, artefacts, size):
    page = visit(tired_session(), size, "dark", history=made_history(tired_session()))
    n_plots = page.locator(".plot").count()
    pdf = page.pdf(path=artefacts / f"report_{size[0]}.pdf", format="A4")
    assert 3 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 12
    assert page.locator(".printed").count() == 0
    assert page.locator("details[open]").count() == 0

    page.emulate_media(media="print", color_scheme="light")
    page.set_viewport_size({"width": 688, "height": 971})
    wait_for_plots(page)  # the pictures are made of what is drawn
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".printed").count() == n_plots
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert layout(page) == SOUND
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.printed')]"
        ".map((p) => p.clientWidth - p.parentElement.clientWidth))"
    )
    assert widest <= 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".printed").count() == 0
