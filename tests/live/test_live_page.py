"""The page in a browser: what a runner sees and presses."""

from __future__ import annotations

import json
import math
import time
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tests.live.page_helpers import STEP_S, Stand, made_step

PHONE, DESK = (390, 844), (1280, 800)
COMES_BACK_S = 15.0
DASH = "\N{EN DASH}"
SIZES = [
    pytest.param(PHONE, "light", id="phone-light"),
    pytest.param(PHONE, "dark", id="phone-dark"),
    pytest.param(DESK, "light", id="desk-light"),
    pytest.param(DESK, "dark", id="desk-dark"),
]

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
    """Opens an address; what the browser complains of must be expected by the test."""
    contexts, complaints = [], []

    def visit(address, size=PHONE, scheme="dark", expect_trouble=False):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, has_touch=size == PHONE
        )
        contexts.append(context)
        page = context.new_page()
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("websocket", lambda socket: page.requests.append(socket.url))
        if not expect_trouble:
            page.on(
                "console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text)
            )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def text(page, selector):
    return page.locator(selector).first.text_content().strip()


def wait(condition, seconds=10.0):
    """Until it holds; its last value."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def value(page, column):
    return text(page, f'[data-column="{column}"] .value')


def assert_layout(page):
    layout = page.evaluate(LAYOUT)
    assert layout["n"] > 10
    assert {key: layout[key] for key in ("overlaps", "cut", "sideways")} == {
        "overlaps": [],
        "cut": [],
        "sideways": 0,
    }


def keep(page, artefacts, name, size):
    """What is on the screen, and the whole page as on a screen that is long enough."""
    page.screenshot(path=artefacts / f"page_{name}.png")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size[0], "height": height})
    page.screenshot(path=artefacts / f"page_{name}_whole.png")
    page.set_viewport_size({"width": size[0], "height": size[1]})


def n_points(page):
    """Steps in the trends that the browser holds, breaks not counted."""
    return page.evaluate(
        """() => (Bokeh.documents.at(-1)?.get_model_by_name("cadence_spm").renderers ?? [])
        .map((one) => [...one.data_source.data.cadence_spm].filter((v) => !isNaN(v)).length)
        .reduce((a, b) => a + b, 0)"""
    )


@pytest.mark.parametrize(("size", "scheme"), SIZES)
def test_a_run_is_shown_whole_and_uncut(stand, visit, artefacts, size, scheme):
    [state] = stand.states
    stand.fill(state, 1000)
    stand.run(state, 1000)
    served = stand.serve()
    page = visit(served.address, size, scheme)

    assert wait(lambda: value(page, "cadence_spm") != DASH)
    assert 165 < float(value(page, "cadence_spm")) < 185
    assert len(value(page, "roll_rom_deg")) == 4
    assert text(page, "#link") == "streaming"
    assert text(page, "#bout") == "running"
    assert text(page, "#battery") == "83 %"
    assert text(page, "#limit").startswith("of 4000")
    assert page.locator(".plot canvas").count() > 0
    earlier = text(page, "#elapsed"), text(page, "#steps")
    assert wait(lambda: text(page, "#elapsed") != earlier[0] and text(page, "#steps") != earlier[1])
    assert n_points(page) > 600

    tall = page.locator('[data-column="cadence_spm"] .value').evaluate(
        "(one) => parseFloat(getComputedStyle(one).fontSize)"
    )
    assert tall > 64
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(0, 0, 0)") is (scheme == "dark")

    assert_layout(page)
    stand.alert(state, "Impact is 18 % above the fresh part of this run; shorter steps land softer.")
    assert wait(lambda: page.locator("#alerts p").count() == 1)
    assert_layout(page)
    keep(page, artefacts, f"{'phone' if size == PHONE else 'desk'}_{scheme}", size)

    hosts = {urlsplit(url).netloc for url in page.requests if not url.startswith("data:")}
    assert hosts == {urlsplit(served.address).netloc}
    assert served.n_ignored == served.n_refused == 0


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
        assert wait(lambda: value(page, "cadence_spm") != DASH)
        assert page.locator("#team a").count() == 3
        assert page.locator("#team a").nth(1).get_attribute("data-alert") == "true"
        assert text(page, "#limit") == "no limit known yet"
        assert_layout(page)
        keep(page, artefacts, "team_narrow", (320, 640))

        page.locator("#team a").nth(2).click()
        assert wait(lambda: text(page, "#name") == "Chris")
        assert text(page, "#link") == "waiting for the sensor"
        assert value(page, "cadence_spm") == DASH
        page.locator("#lap").click()
        assert wait(lambda: stand.asked == [("lap", None, "Chris")])
        page.close()  # else it looks for the server that is gone
    finally:
        stand.close()


def test_a_phone_on_its_side(stand, visit, artefacts):
    [state] = stand.states
    stand.fill(state, 300)
    stand.run(state, 300)
    page = visit(stand.serve().address, (844, 390))
    assert wait(lambda: value(page, "cadence_spm") != DASH)
    assert_layout(page)
    keep(page, artefacts, "phone_on_its_side", (844, 390))
    page.locator("#pain").click()
    for button in page.locator(".scale button").all():
        box = button.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 390
    page.screenshot(path=artefacts / "page_pain_on_its_side.png")


def test_a_shared_page_opens_with_its_address_only(stand, visit, artefacts):
    [state] = stand.states
    stand.run(state)
    served = stand.serve(share=True)
    own = f"http://127.0.0.1:{served.port}/"
    page = visit(own + "?" + served.address.partition("?")[2], expect_trouble=True)
    assert wait(lambda: text(page, "#link") == "streaming")
    page.locator("#lap").tap()
    assert wait(lambda: stand.asked == [("lap", None, None)])
    page.goto(own)
    assert wait(lambda: text(page, "#link") == "streaming")
    assert served.n_refused == 0

    stranger = visit(own, expect_trouble=True)
    assert "Not allowed" in stranger.content()
    assert stranger.locator("#link").count() == 0
    assert served.n_refused == 1

    stand.shut()
    stand.serve(port=served.port, share=True)
    assert wait(lambda: "no longer valid" in text(page, "#trouble"))
    page.screenshot(path=artefacts / "page_other_run.png")


def test_buttons_reach_the_run(stand, visit, artefacts):
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    assert wait(lambda: text(page, "#link") == "streaming")

    page.locator("#lap").tap()
    assert wait(lambda: text(page, "#told") == "Lap noted")
    assert wait(lambda: text(page, "#laps") == "1")

    page.locator("#pain").tap()
    smallest = min(
        min(box["width"], box["height"])
        for box in (one.bounding_box() for one in page.locator(".scale button").all())
    )
    assert smallest > 70
    page.screenshot(path=artefacts / "page_pain.png")
    page.locator(".scale button[value='7']").tap()
    assert wait(lambda: text(page, "#last_pain") == "7")

    page.locator("#stop").tap()
    page.screenshot(path=artefacts / "page_stop.png")
    page.locator("#stop_dialog .cancel").tap()
    page.locator("#stop").tap()
    assert stand.asked == [("lap", None, None), ("pain", 7.0, None)]
    page.locator("#stop_now").tap()
    assert wait(lambda: len(stand.asked) == 3)
    assert stand.asked == [("lap", None, None), ("pain", 7.0, None), ("stop",)]


def test_an_alert_beeps_once_after_a_tap(stand, visit):
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    assert wait(lambda: text(page, "#link") == "streaming")
    page.evaluate(
        """() => { window.beeps = 0; const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...all) { window.beeps++; return start.apply(this, all); };
        navigator.vibrate = (pattern) => { window.buzz = pattern; return true; }; }"""
    )
    page.locator("#sound").tap()
    assert wait(lambda: text(page, "#sound") == "Sound on")
    tried = page.evaluate("beeps")
    assert tried > 0
    stand.alert(state, "Contact time is above the limit that you set.")
    assert wait(lambda: page.evaluate("beeps") > tried)
    page.wait_for_timeout(600)
    assert page.evaluate("beeps") == 2 * tried
    assert page.evaluate("buzz") == [300, 120, 300]


def test_a_silent_sensor_is_not_shown_as_current(stand, visit, artefacts):
    [state] = stand.states
    stand.run(state)
    page = visit(stand.serve().address)
    assert wait(lambda: value(page, "cadence_spm") != DASH)

    stand.call(stand.rest)

    def lose():
        state.link, state.trouble = "lost", "The link to the sensor broke; it is being looked for."
        state.version += 1

    stand.call(lose)
    assert wait(lambda: text(page, "#link") == "sensor lost", 1.0)
    assert wait(lambda: value(page, "cadence_spm") == DASH, 4.0)
    assert wait(lambda: text(page, "#bout") == "gap", 1.0)
    assert "being looked for" in text(page, "#trouble")
    assert wait(lambda: "s old" in text(page, "#trouble"))
    assert_layout(page)
    page.screenshot(path=artefacts / "page_lost.png")
    assert wait(lambda: not page.evaluate("document.body.classList.contains('silent')"))


def test_the_page_comes_back_with_whole_trends(stand, visit, artefacts):
    [state] = stand.states
    stand.fill(state, 200)
    served = stand.serve()
    page = visit(served.address, expect_trouble=True)
    assert wait(lambda: n_points(page) == 200)

    stand.shut()
    assert wait(lambda: page.evaluate("document.body.classList.contains('silent')"))
    assert value(page, "cadence_spm") == DASH
    assert wait(lambda: "No word from the computer" in text(page, "#trouble"))
    assert text(page, "#link") == "no connection"
    page.screenshot(path=artefacts / "page_no_word.png")

    stand.run(state, 260)
    missed = [made_step(k) for k in range(200, 260)]
    stand.call(state.steps, missed)
    stand.serve(port=served.port)
    assert wait(lambda: text(page, "#link") == "streaming", COMES_BACK_S)
    assert wait(lambda: n_points(page) > 260)
    assert wait(lambda: not page.evaluate("document.body.classList.contains('silent')"))
    minutes = page.evaluate(
        """() => Bokeh.documents.at(-1).get_model_by_name("cadence_spm").renderers
        .flatMap((one) => [...one.data_source.data.minute]).sort((a, b) => a - b)"""
    )
    gaps = [60.0 * (b - a) for a, b in pairwise(minutes)]
    assert max(gaps) < 1.1 * STEP_S
    page.locator("#lap").tap()
    assert wait(lambda: text(page, "#told") == "Lap noted")


def test_a_network_that_swallows_everything(stand, visit):
    """No close, no error: packets just do not arrive, as when a phone leaves the range."""
    [state] = stand.states
    stand.run(state)
    served = stand.serve()
    page = visit(served.address, expect_trouble=True)
    assert wait(lambda: text(page, "#link") == "streaming")
    page.evaluate(
        """() => { const bokeh = Bokeh.documents.at(-1).get_model_by_name("moment");
        bokeh.properties.data.change.disconnect_all?.(); bokeh.properties.data.change.emit = () => {}; }"""
    )
    assert wait(lambda: page.evaluate("document.body.classList.contains('silent')"))
    assert wait(lambda: text(page, "#link") == "streaming", COMES_BACK_S)
    earlier = text(page, "#steps")
    assert wait(lambda: text(page, "#steps") != earlier)


def test_delay_from_the_change_to_the_number(stand, visit, artefacts):
    """Figures for a person; only that every number arrives decides."""
    [state] = stand.states
    page = visit(stand.serve().address)
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => window.seen.push([
          document.querySelector('[data-column="cadence_spm"] .value').textContent,
          performance.timeOrigin + performance.now()]))
        .observe(document.querySelector('[data-column="cadence_spm"] .value'),
          { childList: true, characterData: true, subtree: true }); }"""
    )
    sent = {}
    for number in range(120, 200):

        def tell(number=number):
            now_s = stand.loop.time()
            first = 8 * (number - 120)
            steps = [made_step(k, cadence_spm=float(number)) for k in range(first, first + 8)]
            sent[str(number)] = 1000.0 * time.time()
            state.steps(steps)
            state.samples(steps[-1].final_contact_s + 0.1, now_s, now_s)

        stand.call(tell)
        time.sleep(0.153)  # not in step with the page's own pace
    assert wait(lambda: value(page, "cadence_spm") == "199")
    seen = {number: at_ms for number, at_ms in page.evaluate("seen") if number in sent}
    delays = sorted(seen[number] - sent[number] for number in seen)
    assert len(delays) >= 70
    figures = {
        "n": len(delays),
        "median_ms": delays[len(delays) // 2],
        "p95_ms": delays[math.ceil(0.95 * len(delays)) - 1],
        "max_ms": delays[-1],
        "target_p95_ms": 250.0,
    }
    (artefacts / "page_delay.json").write_text(json.dumps(figures, indent=1))
    print(figures)
