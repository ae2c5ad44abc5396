from __future__ import annotations

import asyncio
import io
import math
import threading
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console, Group
from rich.live import Live

from imurun.live.state import FRESH_S, Alert, RunState
from imurun.live.terminal import PLAIN_EVERY_S, PlainLines, qr_lines, show_terminal
from imurun.live.terminal_view import (
    DASH,
    EVERY_PAGE_S,
    LARGE_LINES,
    SMALL_LINES,
    TerminalView,
    block_digits,
    number,
)
from tests.live.made_steps import PERIOD_S, make_step
from tests.virtual.virtual_loop import run_virtual

NOW_S = 1000.0
SENTENCE = "Impact 3.1 g, 26 % above the first minutes. Tired runners land harder; so does a faster pace."


def running(name="hip", n=300, **known):
    """A run of `n` steps whose newest sample was measured 0.1 s before NOW_S."""
    state = RunState(name)
    for k in range(n):
        state.steps(
            [
                make_step(
                    k * PERIOD_S,
                    side=("left", "right")[k % 2],
                    cadence_spm=170.0 + k / 10,
                    contact_time_ms=240.0 + 10 * (k % 2),
                    peak_impact_g=2.5,
                    lumbar_compression_bw=4.25,
                    lumbar_dose=300.0,
                    roll_rom_deg=8.0,
                    lean_deg=-0.2,
                )
            ]
        )
    state.samples(n * PERIOD_S, NOW_S - 0.1, NOW_S)
    state.link = "streaming"
    for key, value in known.items():
        setattr(state, key, value)
    return state


def crowded():
    """A run with long texts in every field."""
    return running(
        "A name that is far too long for any terminal " * 3,
        load_limit_bw4=100_000.0,
        battery_percent=87,
        rate_hz=104.02,
        missing_s=1234.5,
        filling_s=17.4,
        n_dropped=123_456,
        trouble="The link was lost, " * 20,
        notes=tuple(f"Note {k}: " + "the strap is loose " * 10 for k in range(5)),
        alerts=tuple(Alert(f"rule{k}", 60.0 * k, SENTENCE) for k in range(9)),
    )


def screen(states, width=80, height=24, now_s=NOW_S, address="http://127.0.0.1:5006/live"):
    """What a terminal of this size holds once it was drawn."""
    lines = TerminalView(states, address).lines(now_s, width, height)
    out = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    with out.capture() as capture:
        out.print(Group(*lines), end="")
    text = capture.get()
    shown = text.removesuffix("\n").split("\n")
    assert len(lines) == height
    assert len(shown) <= height, "it scrolls"
    assert all(line.cell_len <= width for line in lines), "it wraps"
    return text


def test_one_run_fits_80_by_24():
    state = running(load_limit_bw4=100_000.0, battery_percent=87, rate_hz=104.02, missing_s=1.5)
    state.alerts = (Alert("impact", 65.0, SENTENCE),)
    text = screen([state])
    assert "hip · 1:45 · running · 300 steps" in text
    for line in (*block_digits("200"), *block_digits("245"), *block_digits("2.50"), *block_digits("4.25")):
        assert line.rstrip() in text
    for words in (
        "Cadence steps/min",
        "Contact time ms",
        "Impact peak g",
        "Lumbar load BW",
        "Side tilt deg",
        "Forward lean deg",
    ):
        assert words in text
    assert "▁▂▃" in text.replace("▁▁", "▁").replace("▂▂", "▂").replace("▃▃", "▃")
    assert "90 % · 90,000 of 100,000 BW⁴" in text
    assert "contact time 240 | 250 ms" in text
    assert "● streaming · battery 87 % · 104.0 Hz · delay 0.10 s · missing 1.5 s" in text
    assert "dropped 0" in text
    assert "! 1:05 Impact 3.1 g, 26 % above the first minutes." in text
    assert text.split("\n")[23].startswith(
        "Ctrl-C ends the run and saves it · page: http://127.0.0.1:5006/live"
    )


def test_a_larger_terminal_has_larger_digits():
    small, large = screen([running()], 80, 24), screen([running()], 120, 40)
    assert block_digits("200", large=True)[0].rstrip() in large
    assert block_digits("200", large=True)[0].rstrip() not in small
    assert max(map(len, large.split("\n"))) > 100


def test_values_that_are_not_fresh_are_dashes():
    state = running()
    fresh, old = screen([state]), screen([state], now_s=NOW_S + FRESH_S + 1.0)
    assert block_digits("2.50")[0] in fresh
    assert block_digits("2.50")[0] not in old
    assert f"contact time {DASH} | {DASH} ms" in old
    assert f"delay {DASH}" in old
    assert "· gap ·" in old
    assert "last sample 4 s ago" in old


def test_before_the_first_sample_values_are_dashes():
    text = screen([RunState("hip")])
    assert f"● waiting · battery {DASH} · {DASH} Hz · delay {DASH} · missing 0.0 s · dropped 0" in text
    assert "No alerts." in text
    assert "no limit set" in text


@pytest.mark.parametrize("link", ["waiting", "learning", "streaming", "filling", "lost", "ended"])
def test_every_link_state_has_a_word_and_a_colour(link):
    lines = TerminalView([running(link=link, filling_s=2.0 * (link == "filling"))]).lines(NOW_S, 80, 24)
    (line,) = [line for line in lines if "●" in line.plain]
    assert f"● {link}" in line.plain
    assert any(span.style and line.plain[span.start : span.end] == f"● {link}" for span in line.spans)
    assert ("2.0 s may still arrive" in "\n".join(line.plain for line in lines)) == (link == "filling")


def test_without_a_gyroscope_the_sideways_share_replaces_the_side_tilt():
    state = RunState("hip")
    state.steps([make_step(k * PERIOD_S, ml_sway_ratio=0.25) for k in range(9)])
    state.samples(9 * PERIOD_S, NOW_S, NOW_S)
    text = screen([state])
    assert "Sideways share" in text
    assert "Side tilt" not in text


def test_each_sensor_of_a_team_has_a_row():
    states = [running("Ada"), running("Bo", link="lost"), running("Cy", alerts=(Alert("a", 3.0, SENTENCE),))]
    text = screen(states)
    rows = [line for line in text.split("\n") if line[:3].strip() in ("Ada", "Bo", "Cy")]
    assert len(rows) == 3
    assert rows[0].split() == [
        "Ada",
        "streaming",
        "1:45",
        "running",
        "200",
        "245",
        "2.50",
        "8.0",
        "90,000",
        DASH,
    ]
    assert "lost" in rows[1]
    assert rows[2].rstrip().endswith("!")
    assert "! Cy: 0:03 Impact 3.1 g" in text
    assert "▁" in screen(states, 120, 40)


def test_a_team_larger_than_the_screen_is_shown_in_turns():
    states = [running(f"s{k:02d}", n=3) for k in range(50)]
    texts = [screen(states, now_s=k * EVERY_PAGE_S) for k in range(4)]
    assert "of 50 sensors" in texts[0]
    assert all(any(f"s{k:02d}" in text for text in texts) for k in range(50))


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(1, 70), st.integers(1, 4), st.booleans())
def test_nothing_wraps_or_scrolls_in_any_size(width, height, n_states, is_crowded):
    screen([crowded() if is_crowded else running(n=30) for _ in range(n_states)], width, height)


@given(st.text(max_size=40))
def test_texts_from_outside_cannot_move_the_cursor(words):
    state = running(words, n=3, trouble=words, notes=(words,), alerts=(Alert("a", 1.0, words),))
    for states in ([state], [state, state]):
        text = screen(states, address=words)
        assert all(char.isprintable() or char == "\n" for char in text)


def test_the_sparkline_cache_is_bounded():
    view = TerminalView([running(), running()])
    for width in range(20, 200):
        view.lines(NOW_S, width, 24)
    assert len(view._sparks) < 200


# -- digits ----------------------------------------------------------------------------------------------


@given(st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,2})?", fullmatch=True), st.booleans())
def test_digits_are_lines_of_equal_length(text, large):
    lines = block_digits(text, large)
    assert len(lines) == (LARGE_LINES if large else SMALL_LINES)
    assert len({len(line) for line in lines}) == 1


def test_no_two_block_digits_are_equal():
    assert len({block_digits(char) for char in "0123456789-."}) == 12


@pytest.mark.parametrize(("value", "text"), [(-0.02, "0.0"), (0.06, "0.1"), (None, DASH), (-3.44, "-3.4")])
def test_numbers_have_the_decimals_of_their_column(value, text):
    assert number(value, "lean_deg") == text


# -- drawing ---------------------------------------------------------------------------------------------


def show(states, console, during=lambda k: None, address=None):
    """Everything that `show_terminal` writes in 0.6 s of virtual time."""

    async def at_once(function, *args, **kwargs):
        return function(*args, **kwargs)  # virtual time waits for no thread

    async def run():
        stop = asyncio.Event()
        task = asyncio.create_task(show_terminal(states, address=address, stop=stop, console=console))
        for k in range(3):
            await asyncio.sleep(0.2)
            during(k)
        stop.set()
        await task

    with patch("asyncio.to_thread", at_once):
        run_virtual(run())
    return console.file.getvalue()


def terminal(width=80, height=24):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, legacy_windows=False)


def test_the_alternate_screen_is_left_clean():
    written = show([running()], terminal())
    assert written.startswith("\x1b[?1049h")
    assert written.count("Ctrl-C") >= 2
    tail = written[written.rindex("Ctrl-C") :]
    assert "\x1b[?1049l" in tail
    assert "\x1b[?25h" in tail


def test_the_screen_is_left_clean_after_a_cancel_or_an_error(monkeypatch):
    console = terminal()

    async def cancelled():
        task = asyncio.create_task(show_terminal([running()], stop=asyncio.Event(), console=console))
        while "Ctrl-C" not in console.file.getvalue():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert "\x1b[?1049l" in console.file.getvalue()

    def fail(*args):
        raise ZeroDivisionError

    broken = terminal()
    monkeypatch.setattr(TerminalView, "lines", fail)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(show_terminal([running()], stop=asyncio.Event(), console=broken))
    assert "\x1b[?1049l" in broken.file.getvalue()


def test_a_blocked_terminal_does_not_block_the_event_loop(monkeypatch):
    began, released, waited = threading.Event(), threading.Event(), []

    def held(*args, **kwargs):
        began.set()
        waited.append(released.wait(60.0))

    async def run():
        stop = asyncio.Event()
        task = asyncio.create_task(show_terminal([running()], stop=stop, console=terminal()))
        while not began.is_set():
            await asyncio.sleep(0.01)
        stop.set()
        released.set()
        await task

    monkeypatch.setattr(Live, "update", held)
    asyncio.run(run())
    assert waited == [True]


# -- plain lines -----------------------------------------------------------------------------------------


def test_plain_lines_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=80)
    state = running(battery_percent=87, load_limit_bw4=100_000.0)
    written = show([state], console, during=lambda k: setattr(state, "link", "lost"), address="http://x/")
    assert "\x1b" not in written
    lines = written.splitlines()
    assert lines[0] == "Page: http://x/"
    assert lines[1] == "1:45 hip: streaming."
    assert lines[2].startswith("1:45 hip: streaming, ")
    assert lines[2].endswith("load 90,000 BW⁴ (90 % of the limit), battery 87 %")
    assert lines[3] == "1:45 hip: lost."
    assert len(lines) == 4


def test_plain_lines_every_ten_seconds_and_with_each_change():
    state = running()
    plain = PlainLines(state)
    first = plain.lines(NOW_S)
    assert len(first) == 2
    assert "cadence 200 steps/min, contact time 245 ms, impact peak 2.50 g, lumbar load 4.25 BW" in first[1]
    assert plain.lines(NOW_S + 1.0) == []
    state.link, state.trouble = "lost", "Go nearer."
    assert plain.lines(NOW_S + 2.0) == ["1:45 hip: lost. Go nearer."]
    state.notes = ("The strap is loose.",)
    assert plain.lines(NOW_S + 3.0) == ["1:45 hip: Note: The strap is loose."]
    assert plain.lines(NOW_S + 4.0) == []
    (regular,) = plain.lines(NOW_S + PLAIN_EVERY_S)
    assert f"lost, gap, cadence {DASH}, contact time {DASH}" in regular


def test_an_alert_is_printed_once():
    state = running()
    plain = PlainLines(state)
    plain.lines(NOW_S)
    alert = Alert("impact", 50.0, SENTENCE)
    printed = []
    for alerts in [(alert,), (alert,), (), (alert,), (), (replace(alert, time_s=400.0),)]:
        state.alerts = alerts
        printed += plain.lines(NOW_S + 0.1)
    assert printed == [
        f"1:45 hip: Alert: {SENTENCE}",
        "1:45 hip: Alert over: impact.",
        f"1:45 hip: Alert: {SENTENCE}",
    ]


def test_a_missing_value_is_a_dash_in_plain_lines():
    state = RunState("hip")
    state.steps([make_step(0.0, lumbar_dose=math.nan)])
    assert f"impact peak {DASH}" in PlainLines(state).lines(0.0)[1]


def test_many_alerts_are_shortened_to_a_line_each():
    alerts = tuple(Alert(f"r{k}", 60.0 * k, SENTENCE) for k in range(1, 8))
    text = screen([running(alerts=alerts)])
    for k in (7, 6, 5):
        assert f"! {k}:00 Impact 3.1 g, 26 % above the first minutes. Tired runners land harder; …" in text
    assert "… 7 alerts in all" in text


# -- the address -----------------------------------------------------------------------------------------

LONG_ADDRESS = "http://192.168.178.123:5005/?token=" + "A" * 43


@pytest.mark.parametrize("n_states", [1, 3])
def test_the_qr_code_is_shown_until_the_first_step(n_states):
    code = qr_lines(LONG_ADDRESS)
    waiting = TerminalView([RunState(f"s{k}") for k in range(n_states)], LONG_ADDRESS, code)
    shown = [line.plain for line in waiting.lines(NOW_S, 80, 24)]
    assert all(line in "\n".join(shown) for line in code.splitlines())
    assert LONG_ADDRESS in "\n".join(shown)  # also to be typed
    runs = TerminalView([running()], LONG_ADDRESS, code).lines(NOW_S, 80, 24)
    assert not any(code.splitlines()[3] in line.plain for line in runs)
    assert any(LONG_ADDRESS in line.plain for line in runs)


def test_a_code_that_does_not_fit_is_left_out():
    code = qr_lines(LONG_ADDRESS)
    lines = TerminalView([RunState("s")], LONG_ADDRESS, code).lines(NOW_S, 80, 20)
    assert len(lines) == 20
    assert not any(code.splitlines()[3] in line.plain for line in lines)
