"""Terminal output of a live run: a redrawn screen or plain lines, and the page's address as a QR code."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from types import ModuleType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from imurun.files.optional import optional_module
from imurun.files.text import sanitize
from imurun.live.state import METRICS, Alert, RunState, Snapshot
from imurun.live.terminal_view import DASH, TerminalView, number, percent
from imurun.terminal_text import clock

EVERY_S = 0.25
PLAIN_EVERY_S = 10.0
PLAIN_COLUMNS = ("cadence_spm", "contact_time_ms", "peak_impact_g", "lumbar_compression_bw")


async def show_terminal(
    states: Sequence[RunState],
    *,
    address: str | None = None,
    code: str = "",
    keeps: bool = True,
    stop: asyncio.Event,
    console: Console | None = None,
) -> None:
    """Show runs until `stop` is set, redrawn every `EVERY_S`; the terminal's content is restored at the end.

    A thread writes, so that a terminal that is slow or held (Ctrl-S) does not block the event loop.

    Args:
        states: one for each sensor.
        address: of the page, to be shown; None without a page.
        code, keeps: see `TerminalView`.
        stop: ends the output.
        console: where to write; None for standard output.
    """
    console = Console(highlight=False) if console is None else console
    if console.is_terminal and not console.is_dumb_terminal:
        await _draw(TerminalView(states, address, code, keeps=keeps), stop, console)
    else:
        await _print_lines(states, address, stop, console)


async def _draw(view: TerminalView, stop: asyncio.Event, console: Console) -> None:
    loop = asyncio.get_running_loop()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not stop.is_set():
            lines = view.lines(loop.time(), *console.size)
            await asyncio.to_thread(live.update, Group(*lines), refresh=True)
            await _wait(stop, EVERY_S)


async def _print_lines(
    states: Sequence[RunState], address: str | None, stop: asyncio.Event, console: Console
) -> None:
    loop = asyncio.get_running_loop()
    if address:
        await asyncio.to_thread(_print, console, [f"Page: {sanitize(address)}"])
    plain = [PlainLines(state) for state in states]
    while True:
        is_last = stop.is_set()  # changes up to here are still printed
        lines = [line for one in plain for line in one.lines(loop.time())]
        if lines:
            await asyncio.to_thread(_print, console, lines)
        if is_last:
            return
        await _wait(stop, EVERY_S)


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(Text(line), soft_wrap=True)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


class PlainLines:
    """One sensor's run as plain lines: one every `PLAIN_EVERY_S`, and one for each change."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._link = ""
        self._begun: dict[str, Alert] = {}
        self._over: dict[str, Alert] = {}
        self._notes: tuple[str, ...] = ()
        self._printed_s = -PLAIN_EVERY_S

    def lines(self, now_s: float) -> list[str]:
        """Lines that are due at `now_s` of the host's clock."""
        snapshot = self._state.snapshot(now_s)
        lines = list(self._changes(snapshot))
        if now_s - self._printed_s >= PLAIN_EVERY_S:
            self._printed_s = now_s
            lines.append(_line(snapshot))
        head = f"{clock(snapshot.elapsed_s)} {snapshot.name}: "
        return [sanitize(head + line) for line in lines]

    def _changes(self, snapshot: Snapshot) -> Iterator[str]:
        if snapshot.link != self._link:
            self._link = snapshot.link
            yield f"{snapshot.link}. {snapshot.trouble}".rstrip()
        alerts = {alert.key: alert for alert in snapshot.alerts}
        for key, alert in alerts.items():
            if self._begun.get(key) != alert:
                self._begun[key] = alert
                yield f"Alert: {alert.sentence}"
        for key, alert in self._begun.items():
            if key not in alerts and self._over.get(key) != alert:
                self._over[key] = alert
                yield f"Alert over: {key}."
        for note in snapshot.notes:
            if note not in self._notes:
                yield f"Note: {note}"
        self._notes = snapshot.notes


def _line(snapshot: Snapshot) -> str:
    parts: list[str] = [snapshot.link, snapshot.bout]
    for column in PLAIN_COLUMNS:
        label, unit = METRICS[column].label, METRICS[column].unit
        value = snapshot.values[column]
        parts.append(f"{label.lower()} {number(value, column)} {unit}".replace(f"{DASH} {unit}", DASH))
    load = f"load {snapshot.load_bw4:,.0f} BW⁴"
    if snapshot.load_limit_bw4:
        load += f" ({percent(snapshot.load_bw4 / snapshot.load_limit_bw4)} of the limit)"
    parts.append(load)
    if snapshot.battery_percent is not None:
        parts.append(f"battery {snapshot.battery_percent} %")
    if snapshot.missing_s:
        parts.append(f"missing {snapshot.missing_s:.1f} s")
    if snapshot.n_dropped:
        parts.append(f"dropped {snapshot.n_dropped}")
    return ", ".join(parts)


def qr_lines(address: str) -> str:
    """A QR code of an address as half blocks, quiet zone included: 41 by 21 characters for one with a token.

    The blocks are the light modules. Show them white on black (rich: style "bright_white on black") whatever
    the colours of the terminal are; else the code is inverted.

    Raises:
        MissingExtraError: the package segno is missing.
    """
    segno = load_segno()
    out = io.StringIO()
    segno.make_qr(address, error="l").terminal(out, compact=True)
    return out.getvalue().rstrip("\n")


def load_segno() -> ModuleType:
    """The package segno, which makes QR codes.

    Raises:
        MissingExtraError: it is missing.
    """
    return optional_module("segno", extra="live", purpose="The QR code of the live page")
