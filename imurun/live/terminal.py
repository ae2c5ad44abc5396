"""Terminal output of a live run: a redrawn screen or plain lines, and a QR code of the page's address."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from imurun.files.text import printable
from imurun.live.state import METRICS, Alert, RunState, Snapshot
from imurun.live.terminal_view import DASH, TerminalView, number, percent
from imurun.terminal_text import clock


def qr_lines(address: str) -> str:
    """Lines of half blocks, 41 by 21 characters for an address with a token, with the quiet zone around.

    Its blocks are the light modules: show them white on black (rich: style "bright_white on black") whatever
    the terminal's own colours are, or the code is its negative.

    Args:
        address: what the phone is to open.
    """
    import segno

    out = io.StringIO()
    segno.make_qr(address, error="l").terminal(out, compact=True)
    return out.getvalue().rstrip("\n")


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
    """Show runs until `stop` is set, four times a second; the terminal is left as it was.

    Writing is done beside the event loop: a terminal that is slow or held (Ctrl-S) holds nothing else.

    Args:
        states: one a sensor.
        address: of the page, to be shown.
        code, keeps: see `TerminalView`.
        stop: ends it.
        console: where to; None for standard output.
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
        await asyncio.to_thread(_print, console, [f"Page: {printable(address)}"])
    plain = [PlainLines(state) for state in states]
    while True:
        is_last = stop.is_set()  # what happened until then is still said
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
    """One sensor in lines: one every ten seconds, and one for whatever changes."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._link = ""
        self._begun: dict[str, Alert] = {}
        self._over: dict[str, Alert] = {}
        self._notes: tuple[str, ...] = ()
        self._said_s = -PLAIN_EVERY_S

    def lines(self, now_s: float) -> list[str]:
        """What is to be said at `now_s` of the host's clock."""
        moment = self._state.snapshot(now_s)
        said = list(self._changes(moment))
        if now_s - self._said_s >= PLAIN_EVERY_S:
            self._said_s = now_s
            said.append(_line(moment))
        head = f"{clock(moment.elapsed_s)} {moment.name}: "
        return [printable(head + line) for line in said]

    def _changes(self, moment: Snapshot) -> Iterator[str]:
        if moment.link != self._link:
            self._link = moment.link
            yield f"{moment.link}. {moment.trouble}".rstrip()
        alerts = {alert.key: alert for alert in moment.alerts}
        for key, alert in alerts.items():
            if self._begun.get(key) != alert:
                self._begun[key] = alert
                yield f"Alert: {alert.sentence}"
        for key, alert in self._begun.items():
            if key not in alerts and self._over.get(key) != alert:
                self._over[key] = alert
                yield f"Alert over: {key}."
        for note in moment.notes:
            if note not in self._notes:
                yield f"Note: {note}"
        self._notes = moment.notes


def _line(moment: Snapshot) -> str:
    parts: list[str] = [moment.link, moment.bout]
    for column in PLAIN_COLUMNS:
        label, unit, _ = METRICS[column]
        value = moment.values[column]
        parts.append(f"{label.lower()} {number(value, column)} {unit}".replace(f"{DASH} {unit}", DASH))
    load = f"load {moment.load_bw4:,.0f} BW⁴"
    if moment.load_limit_bw4:
        load += f" ({percent(moment.load_bw4 / moment.load_limit_bw4)} of the limit)"
    parts.append(load)
    if moment.battery_percent is not None:
        parts.append(f"battery {moment.battery_percent} %")
    if moment.missing_s:
        parts.append(f"missing {moment.missing_s:.1f} s")
    if moment.n_dropped:
        parts.append(f"dropped {moment.n_dropped}")
    return ", ".join(parts)
