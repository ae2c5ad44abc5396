"""The live page in a browser: what a runner sees and presses."""

from __future__ import annotations

import json
import math
import re
import time
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from imurun.live.page import handlers
from imurun.live.page.trends import SPANS
from imurun.live.state import METRICS
from tests.live.page_helpers import STEP_S, Stand, made_step

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'")
PATIENCE_S = 60.0
"""How long a state may take to appear, on the busiest machine."""
sync_api.expect.set_options(timeout=1000.0 * PATIENCE_S)

PHONE, DESK = (390, 844), (1280, 800)
DASH = "\N{EN DASH}"
SIZES = [
    pytest.param(PHONE, "light", id="phone-light"),
    pytest.param(PHONE, "dark", id="phone-dark"),
    pytest.param(DESK, "light", id="desk-light"),
    pytest.param(DESK, "dark", id="desk-dark"),
]
TICK_PX = 5
CADENCE = '[data-column="cadence_spm"] .value'

LAYOUT = """() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const boxes = all("header > div, #alerts p, #team a, .metric, .panel, footer button")
    .filter((box) => box.checkVisibility())
    .map((box) => ({ box, fixed: box.closest("footer") !== null, r: box.getBoundingClientRect() }));
  const name = (box) => box.dataset.column ?? (box.id || box.className || box.textContent.trim());
  const overlaps = [];
  for (const [k, a] of boxes.entries()) for (const b of boxes.slice(k + 1)) {
    if (a.fixed !== b.fixed) continue;
    const wide = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
    const high = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
    if (wide > 0.5 && high > 0.5) overlaps.push([name(a.box), name(b.box)]);
  }
  const texts = all("h1, h2, output, dd, dt, p, button, small, figcaption, .number, .unit, .side")
    .filter((text) => text.checkVisibility() && text.textContent.trim());
  const range = document.createRange();
  const cut = texts.filter((text) => {
    const around = text.closest(".metric, .panel, button, a, #alerts p") ?? document.body;
    const frame = around.getBoundingClientRect();
    range.selectNodeContents(text);
    const r = range.getBoundingClientRect();
    const isWide = getComputedStyle(text).display !== "inline" && text.scrollWidth > text.clientWidth + 1;
    return r.left < frame.left - 0.5 || r.right > frame.right + 0.5 || isWide;
  }).map((text) => `${name(text)}: ${text.textContent.trim()}`);
  const root = document.documentElement;
  return { overlaps, cut, sideways: root.scrollWidth - root.clientWidth, n: boxes.length };
}"""


@pytest.fixture
def visit(browser):
    """Opens an address; errors in the browser's console must be expected by the test."""
    contexts, complaints = [], []

    def listen(message):
        # a connection that a busy machine breaks is made again; that is no fault of the page
        is_connection = "/ws" in message.text + message.location.get("url", "")
        if message.type in {"error", "warning"} and not is_connection:
            complaints.append(message.text)

    def visit(address, size=PHONE, scheme="dark", expect_trouble=False, has_clock=False):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, has_touch=size == PHONE
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000.0 * PATIENCE_S)
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("websocket", lambda socket: page.requests.append(socket.url))
        if not expect_trouble:
            page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if has_clock:
            page.clock.install()
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def seen(page, selector):
    """What playwright expects of the first element, waiting until it is so."""
    return sync_api.expect(page.locator(selector).first)


def holds(page, condition):
    """Wait until a condition in JavaScript is true; an error if that never happens."""
    page.wait_for_function(f"() => {condition}")


def wait(condition):
    """Wait until a condition of the run, not the page, is true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def text(page, selector):
    return page.locator(selector).first.text_content().strip()


def assert_layout(page):
    try:
        page.wait_for_function(
            f"""() => {{ const {{ overlaps, cut, sideways, n }} = ({LAYOUT})();
            return n > 10 && !overlaps.length && !cut.length && !sideways; }}""",
            timeout=10_000.0,
        )
    except sync_api.TimeoutError:
        pytest.fail(f"the layout stays like this: {page.evaluate(LAYOUT)}")


def keep(page, artefacts, name, size):
    """Screenshots: the screen, and the whole page as on a screen that is long enough."""
    page.screenshot(path=artefacts / f"page_{name}.png")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size[0], "height": height})
    page.screenshot(path=artefacts / f"page_{name}_whole.png")
    page.set_viewport_size({"width": size[0], "height": size[1]})


N_POINTS = """[...document.querySelectorAll("#chart_cadence_spm path:is(.left, .right, .unknown)")]
  .map((path) => (path.getAttribute("d").match(/[ML]/g) ?? []).length).reduce((a, b) => a + b, 0)"""
"""Steps that the chart of the cadence draws."""
IS_SILENT = "document.body.classList.contains('silent')"


@pytest.mark.parametrize(("size", "scheme"), SIZES)
def test_a_run_is_shown_whole_and_uncut(stand, visit, artefacts, size, scheme):
    [state] = stand.states
    stand.fill(state, 1000)
    stand.run(state, 1000)
    served = stand.serve()
    page = visit(served.address, size, scheme)

    seen(page, CADENCE).to_have_text(re.compile(r"^(16[6-9]|17\d|18[0-4])$"))
    seen(page, '[data-column="roll_rom_deg"] .value').to_have_text(re.compile(r"^\d\d\.\d$"))
    seen(page, "#link").to_have_text("streaming")
    seen(page, "#bout").to_have_text("running")
    seen(page, "#battery").to_have_text("83 %")
    seen(page, "#limit").to_have_text(re.compile("^of 4000"))
    for what in ("#elapsed", "#steps"):
        seen(page, what).not_to_have_text(text(page, what))
    holds(page, f"{N_POINTS} > 600")

    # digits are large, and the ground of the dark page is black
    holds(page, f"parseFloat(getComputedStyle(document.querySelector('{CADENCE}')).fontSize) > 64")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(0, 0, 0)") is (scheme == "dark")

    assert_layout(page)
    stand.alert(state, "Impact is 18 % above the fresh part of this run; shorter steps land softer.")
    seen(page, "#alerts p").to_be_visible()
    assert_layout(page)
    keep(page, artefacts, f"{'phone' if size == PHONE else 'desk'}_{scheme}", size)

    hosts = {urlsplit(url).netloc for url in page.requests if not url.startswith("data:")}
    assert hosts == {urlsplit(served.address).netloc}
    assert served.n_ignored == served.n_refused == 0


CHARTS = """() => {
  const box = (one) => {
    const { left, right, top, bottom } = one.getBoundingClientRect();
    return { left, right, top, bottom };
  };
  const geometry = (svg) => {
    const labels = (axis) => [...svg.querySelectorAll(`.${axis} text`)]
      .map((one) => ({ value: Number(one.textContent), ...box(one) }));
    const result = { svg: box(svg), x: labels("x"), y: labels("y"), colours: {} };
    for (const path of svg.querySelectorAll("path")) {
      const name = path.getAttribute("class");
      if (name === "left" || name === "right") result.colours[name] = getComputedStyle(path).stroke;
      else result[name] = box(path);
    }
    return result;
  };
  const charts = [...document.querySelectorAll(".chart")];
  return Object.fromEntries(charts.map((svg) => [svg.id.slice("chart_".length), geometry(svg)]));
}"""
"""Places of everything in all charts at one instant."""


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_charts_have_lines_of_both_feet_and_labelled_axes(stand, visit, size):
    [state] = stand.states
    stand.fill(state, 1000)
    page = visit(stand.serve().address, size, expect_trouble=True)
    holds(page, f"{N_POINTS} > 600")
    charts = page.evaluate(CHARTS)
    assert charts.keys() == {*SPANS, "load"}
    for chart in charts.values():
        for axis, least in (("x", 4), ("y", 2)):
            values = [label["value"] for label in chart[axis]]
            assert least <= len(values) <= 8
            steps = [b - a for a, b in pairwise(values)]
            assert steps == pytest.approx([steps[0]] * len(steps))
            for label in chart[axis]:
                assert label["left"] >= chart["svg"]["left"]
                assert label["right"] <= chart["svg"]["right"]
                assert label["top"] >= chart["svg"]["top"]
                assert label["bottom"] <= chart["svg"]["bottom"]
    assert charts["contact_time_ms"]["colours"] == {"left": "rgb(47, 134, 224)", "right": "rgb(224, 112, 27)"}
    # the limit is above the load, and both are inside the axes; a label is where its value is
    load = charts["load"]
    axis, zero = load["frame"]["bottom"] - TICK_PX, load["y"][0]
    assert load["frame"]["top"] < load["limit"]["top"] < load["load"]["top"]
    assert load["load"]["bottom"] == pytest.approx(axis, abs=2)
    assert 0.5 * (zero["top"] + zero["bottom"]) == pytest.approx(axis, abs=2)
    assert zero["value"] == 0.0


def test_a_line_is_interrupted_where_a_foot_was_not_seen(stand, visit):
    [state] = stand.states
    stand.fill(state, 40)
    stand.call(state.steps, [made_step(k, at_s=40.0 + k * STEP_S) for k in range(40, 60)])
    stand.call(state.steps, [made_step(60, side="unknown", at_s=62.0)])
    page = visit(stand.serve().address)
    holds(page, f"{N_POINTS} === 61")
    n_lines = {
        side: len(re.findall("M", page.locator(f"#chart_roll_rom_deg path.{side}").get_attribute("d")))
        for side in ("left", "right", "unknown")
    }
    assert n_lines == {"left": 2, "right": 2, "unknown": 1}


def test_charts_fit_a_window_that_changes_its_size(stand, visit):
    [state] = stand.states
    stand.fill(state, 100)
    page = visit(stand.serve().address, DESK)
    holds(page, f"{N_POINTS} === 100")
    for width in (1000, 400, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        holds(
            page,
            """[...document.querySelectorAll(".chart")].every((chart) => {
              const frame = chart.querySelector(".frame").getBoundingClientRect();
              return Math.abs(chart.getBoundingClientRect().right - frame.right - 18) < 1; })""",
        )
        assert_layout(page)


def test_a_narrow_phone_and_long_words_are_not_cut(visit, artefacts):
    stand = Stand(["A sensor with a name as long as nobody would type it", "B" * 40, "Chris"])
    try:
        for state in stand.states[:2]:
            stand.fill(state, 60)
            stand.run(state, 60)
        first = stand.states[0]
        first.notes = ("The strap seems loose: " + "x" * 60,)
        first.trouble = "The sensor is out of range; go nearer to the computer, " + "y" * 50
        stand.alert(stand.states[1], "Cadence fell by 8 % against the fresh part of this run.")
        page = visit(stand.serve().address, (320, 640))
        seen(page, CADENCE).not_to_have_text(DASH)
        sync_api.expect(page.locator("#team a")).to_have_count(3)
        sync_api.expect(page.locator("#team a").nth(1)).to_have_attribute("data-alert", "true")
        seen(page, "#limit").to_have_text("no limit known yet")
        assert_layout(page)
        keep(page, artefacts, "team_narrow", (320, 640))

        page.locator("#team a").nth(2).click()
        seen(page, "#name").to_have_text("Chris")
        seen(page, "#link").to_have_text("waiting for the sensor")
        seen(page, CADENCE).to_have_text(DASH)
        page.locator("#lap").click()
        wait(lambda: stand.asked == [("lap", None, "Chris")])
        page.close()  # else it looks for the server that is gone
    finally:
        stand.close()


def test_a_team_on_a_desktop_shows_the_chosen_sensor(visit, artefacts):
    stand = Stand(["Anna", "Ben", "Chris", "Dora", "Emil"], limit=4000.0)
    try:
        for state in stand.states[:4]:
            stand.fill(state, 300)
            stand.run(state, 300)
        # there is no sensor 9: the first is shown, and the buttons mean it
        page = visit(stand.serve().address + "?sensor=9", DESK)
        seen(page, "#name").to_have_text("Anna")
        sync_api.expect(page.locator("#team a[aria-current=true] b")).to_have_text("Anna")
        sync_api.expect(page.locator("#team a").nth(3).locator(".number").first).to_have_text(
            re.compile(r"^1\d\d$")
        )
        sync_api.expect(page.locator("#team a").nth(4).locator(".number").first).to_have_text(DASH)
        assert_layout(page)
        keep(page, artefacts, "team_desk", DESK)
        page.locator("#lap").click()
        wait(lambda: stand.asked == [("lap", None, "Anna")])
        page.locator("#team a").nth(1).click()
        seen(page, "#name").to_have_text("Ben")
        page.close()
    finally:
        stand.close()


def test_a_phone_on_its_side_cuts_nothing(stand, visit, artefacts):
    [state] = stand.states
    stand.fill(state, 300)
    stand.run(state, 300)
    page = visit(stand.serve().address, (844, 390))
    seen(page, CADENCE).not_to_have_text(DASH)
    assert_layout(page)
    keep(page, artefacts, "phone_on_its_side", (844, 390))
    page.locator("#pain").click()
    for button in page.locator(".scale button").all():
        sync_api.expect(button).to_be_in_viewport(ratio=1.0)
    page.screenshot(path=artefacts / "page_pain_on_its_side.png")


def test_a_shared_page_opens_with_its_address_only(stand, visit, artefacts):
    [state] = stand.states
    stand.run(state)
    served = stand.serve(share=True)
    own = f"http://127.0.0.1:{served.port}/"
    page = visit(own + "?" + served.address.partition("?")[2], expect_trouble=True)
    seen(page, "#link").to_have_text("streaming")
    page.locator("#lap").tap()
    wait(lambda: stand.asked == [("lap", None, None)])
    page.goto(own)
    seen(page, "#link").to_have_text("streaming")
    assert served.n_refused == 0

    stranger = visit(own, expect_trouble=True)
    assert "Not allowed" in stranger.content()
    assert stranger.locator("#link").count() == 0
    assert served.n_refused == 1

    stand.shut()
    stand.serve(port=served.port, share=True)
    seen(page, "#trouble").to_contain_text("no longer valid")
    page.screenshot(path=artefacts / "page_other_run.png")


def test_one_browser_too_many_is_shown_the_reason(stand, visit, monkeypatch):
    monkeypatch.setattr(handlers, "MAX_BROWSERS", 1)
    [state] = stand.states
    stand.run(state)
    address = stand.serve().address
    first = visit(address)
    seen(first, "#link").to_have_text("streaming")
    second = visit(address, expect_trouble=True)
    seen(second, "#trouble").to_contain_text("Too many browsers show this run")
    seen(second, "#link").to_have_text("no connection")
    first.close()
    seen(second, "#link").to_have_text("streaming")


def test_buttons_reach_the_run(stand, visit, artefacts):
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    seen(page, "#link").to_have_text("streaming")

    page.locator("#lap").tap()
    seen(page, "#answer").to_have_text("Lap noted")
    seen(page, "#laps").to_have_text("1")

    page.locator("#pain").tap()
    seen(page, ".scale button").to_be_visible()
    holds(
        page,
        """[...document.querySelectorAll(".scale button")].map((one) => one.getBoundingClientRect())
        .every((box) => Math.min(box.width, box.height) > 70)""",
    )
    page.screenshot(path=artefacts / "page_pain.png")
    page.locator(".scale button[value='7']").tap()
    seen(page, "#last_pain").to_have_text("7")

    page.locator("#stop").tap()
    seen(page, "#stop_now").to_be_visible()
    page.screenshot(path=artefacts / "page_stop.png")
    page.locator("#stop_dialog .cancel").tap()
    seen(page, "#stop_now").to_be_hidden()
    page.locator("#stop").tap()
    assert stand.asked == [("lap", None, None), ("pain", 7.0, None)]
    page.locator("#stop_now").tap()
    wait(lambda: len(stand.asked) == 3)
    assert stand.asked == [("lap", None, None), ("pain", 7.0, None), ("stop",)]


def test_an_alert_beeps_once_after_a_tap(stand, visit):
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    seen(page, "#link").to_have_text("streaming")
    page.evaluate(
        """() => { window.beeps = 0; const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...all) { window.beeps++; return start.apply(this, all); };
        navigator.vibrate = (pattern) => { window.buzz = pattern; return true; }; }"""
    )
    page.locator("#sound").tap()
    seen(page, "#sound").to_have_text("Sound on")
    holds(page, "beeps > 0")
    tried = page.evaluate("beeps")
    stand.alert(state, "Contact time is above the limit that you set.")
    holds(page, f"beeps > {tried}")
    # the updates of the next steps have the same alert
    n_steps = int(text(page, "#steps"))
    holds(page, f"Number(document.getElementById('steps').textContent) >= {n_steps + 3}")
    assert page.evaluate("beeps") == 2 * tried
    assert page.evaluate("buzz") == [300, 120, 300]


def test_a_silent_sensor_is_not_shown_as_current(stand, visit, artefacts):
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    seen(page, CADENCE).not_to_have_text(DASH)

    stand.call(stand.rest)

    def lose():
        state.link, state.trouble = "lost", "The link to the sensor broke; it is being looked for."
        state.version += 1

    stand.call(lose)
    seen(page, "#link").to_have_text("sensor lost")
    for column in METRICS:
        seen(page, f'[data-column="{column}"] .value').to_have_text(DASH)
    seen(page, "#bout").to_have_text("gap")
    seen(page, "#trouble").to_contain_text("being looked for")
    seen(page, "#trouble").to_contain_text("s old")
    assert_layout(page)
    page.screenshot(path=artefacts / "page_lost.png")
    holds(page, f"!{IS_SILENT}")


def is_open(page, action="true"):
    """Wait for an open connection, and do something in the browser in the same instant."""
    holds(page, f"socket?.readyState === WebSocket.OPEN && ({action}, true)")


NO_ANSWER = """(window.Real = WebSocket, window.WebSocket = Object.assign(
  function () { return { readyState: 0, close() {} }; }, { CONNECTING: 0, OPEN: 1 }))"""
"""Connections from here on never open, and never fail."""


def test_no_value_is_shown_three_seconds_after_the_last_update(stand, visit):
    """In the browser's own time, which stands still but for what the test lets pass."""
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address, has_clock=True)
    seen(page, CADENCE).not_to_have_text(DASH)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    # an update that comes after the jump counts as current again
    seen(page, CADENCE).not_to_have_text(DASH)
    is_open(page, f"(socket.onmessage = () => {{}}, {NO_ANSWER})")
    page.clock.run_for(3400)
    for column in METRICS:
        assert text(page, f'[data-column="{column}"] .value') == DASH
    assert text(page, "#bout") == "gap"
    assert text(page, "#link") == "no connection"
    assert page.evaluate(IS_SILENT)
    page.evaluate("() => { window.WebSocket = Real; }")
    page.clock.resume()
    seen(page, "#link").to_have_text("streaming")
    seen(page, CADENCE).not_to_have_text(DASH)


def test_updates_that_come_late_are_not_shown_as_current(stand, visit):
    """As over a network that stores them: each says when it was made."""
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    seen(page, CADENCE).not_to_have_text(DASH)
    is_open(
        page,
        """(() => {
          const own = socket;
          const deliver = socket.onmessage;
          window.shown = [];
          socket.onmessage = ({ data }) => {
            if (own !== socket) return;
            const update = JSON.parse(data);
            update.time_s -= 4;
            deliver({ data: JSON.stringify(update) });
            shown.push(document.querySelector('[data-column="cadence_spm"] .value').textContent);
          };
        })()""",
    )
    holds(page, "shown.length > 0")
    seen(page, "#link").to_have_text("streaming")
    seen(page, CADENCE).not_to_have_text(DASH)
    assert set(page.evaluate("shown")) == {DASH}


def test_the_page_comes_back_with_whole_trends(stand, visit, artefacts):
    [state] = stand.states
    stand.fill(state, 200)
    served = stand.serve()
    page = visit(served.address, expect_trouble=True)
    holds(page, f"{N_POINTS} === 200")

    stand.shut()
    holds(page, IS_SILENT)
    seen(page, CADENCE).to_have_text(DASH)
    seen(page, "#trouble").to_contain_text("No word from the computer")
    seen(page, "#link").to_have_text("no connection")
    page.screenshot(path=artefacts / "page_no_word.png")

    missed = [made_step(k) for k in range(200, 260)]
    stand.call(state.steps, missed)
    stand.run(state, 260)
    stand.serve(port=served.port)
    seen(page, "#link").to_have_text("streaming")
    holds(page, f"{N_POINTS} > 260")
    holds(page, f"!{IS_SILENT}")
    minutes = page.evaluate("rows.map(([, minute]) => minute).sort((a, b) => a - b)")
    gaps = [60.0 * (b - a) for a, b in pairwise(minutes)]
    assert max(gaps) < 1.1 * STEP_S
    assert min(gaps) > 0.9 * STEP_S  # no step twice
    page.locator("#lap").tap()
    seen(page, "#answer").to_have_text("Lap noted")


def test_a_silent_network_makes_the_page_reconnect(stand, visit):
    """No close, no error: packets do not arrive, as when a phone leaves the range."""
    [state] = stand.states
    stand.run(state)
    served = stand.serve()
    page = visit(served.address, expect_trouble=True)
    seen(page, "#link").to_have_text("streaming")
    is_open(page, "(window.dead = socket).onmessage = () => {}")
    page.evaluate("dead.onclose = () => {}")
    # the page notices the silence, and opens another connection by itself
    holds(page, "socket && socket !== dead && socket.readyState === WebSocket.OPEN")
    seen(page, "#link").to_have_text("streaming")
    holds(page, f"!{IS_SILENT}")
    seen(page, "#steps").not_to_have_text(text(page, "#steps"))


def test_a_connection_that_is_never_answered_is_given_up(stand, visit):
    """A server that takes connections and says nothing is what a router between can be."""
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address, expect_trouble=True)
    seen(page, "#link").to_have_text("streaming")
    page.evaluate(f"() => {{ {NO_ANSWER}; disconnect(); }}")
    holds(page, "socket?.readyState === WebSocket.CONNECTING")
    page.evaluate("() => { window.first = socket; window.WebSocket = Real; }")
    holds(page, IS_SILENT)
    seen(page, "#link").to_have_text("no connection")
    seen(page, "#link").to_have_text("streaming")
    holds(page, "socket && socket !== first")


def test_every_changed_number_is_shown(stand, visit, artefacts):
    """Figures for a person; only that every number arrives decides."""
    [state] = stand.states
    page = visit(stand.serve().address)
    page.evaluate(
        """() => {
          window.seen = {};
          const value = document.querySelector('[data-column="cadence_spm"] .value');
          const look = () => { seen[value.textContent] ??= performance.timeOrigin + performance.now(); };
          new MutationObserver(look).observe(value, { childList: true, characterData: true, subtree: true });
        }"""
    )
    sent = {}
    for number in range(120, 200):

        def change(number=number):
            now_s = stand.loop.time()
            first = 8 * (number - 120)
            steps = [made_step(k, cadence_spm=float(number)) for k in range(first, first + 8)]
            sent[str(number)] = 1000.0 * time.time()
            state.steps(steps)
            state.samples(steps[-1].final_contact_s + 0.1, now_s, now_s)

        time.sleep(0.001 * (37 * number % 100))  # at any place between two updates
        stand.call(change)
        holds(page, f"'{number}' in seen")
    seen_ms = page.evaluate("seen")
    delays = sorted(seen_ms[number] - sent[number] for number in sent)
    assert len(delays) == 80
    figures = {
        "n": len(delays),
        "median_ms": delays[len(delays) // 2],
        "p95_ms": delays[math.ceil(0.95 * len(delays)) - 1],
        "max_ms": delays[-1],
        "target_p95_ms": 250.0,
    }
    (artefacts / "page_delay.json").write_text(json.dumps(figures, indent=1))
    print(figures)
