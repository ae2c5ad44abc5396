"""Lays out one or several live runs as text lines for a terminal of a given size.

Nothing here waits, writes or reads a clock. Values that are not known or not fresh are a dash.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache

from rich.text import Text

from imurun.files.text import sanitize
from imurun.live.state import ERRORS, METRICS, Link, RunState, Snapshot
from imurun.terminal_text import clock, sparkline

LINK_STYLES: dict[Link, str] = {
    "waiting": "yellow",
    "learning": "yellow",
    "streaming": "green",
    "filling": "cyan",
    "lost": "bold red",
    "ended": "dim",
}
DASH = "–"  # noqa: RUF001

SMALL_WIDTH, LARGE_WIDTH = 19, 28
"""Least cells of a value with its label, with small and with large digits."""
LARGE_HEIGHT = 30
MOST_COLUMNS, MOST_ROWS = 5, 2
SMALL_LINES, LARGE_LINES = 3, 5
"""Lines of small and of large digits."""
SMALLEST_SPARK = 8
SPARK_STEPS = 8
"""Trends of up to 2400 steps are redrawn after this many new steps only."""
BAR_WIDTH = 24
EVERY_PAGE_S = 5.0
"""Sensors that do not fit the screen are shown page by page, each page for this long."""
SIDED_COLUMNS = ("contact_time_ms", "peak_impact_g", "lumbar_compression_bw")

CODE_STYLE = "bright_white on black"
"""Of the QR code, whose blocks are the light modules."""


class TerminalView:
    """Lays out the same runs repeatedly; sparklines are cached.

    Args:
        states: one for each sensor.
        address: of the page; None without a page.
        code: the address as a QR code, shown until the first step; "" for none.
        keeps: whether the run is recorded.
    """

    def __init__(
        self, states: Sequence[RunState], address: str | None = None, code: str = "", *, keeps: bool = True
    ) -> None:
        self._states = states
        self._address = address
        self._code = code.splitlines()
        self._end = " ends the run and saves it" if keeps else " ends the run"
        self._sparks: dict[tuple[int, str, int], tuple[int, str]] = {}

    def lines(self, now_s: float, width: int, height: int) -> list[Text]:
        """At most `height` lines of at most `width` cells, for the time `now_s` of the host's clock."""
        width, height = max(width, 1), max(height, 1)
        snapshots = [state.snapshot(now_s) for state in self._states]
        hint = self._hint(width)
        room = max(height - len(hint), 0)
        if self._shows_code(snapshots, width, room):
            lines = [_header(snapshots[0]), *(Text(line, CODE_STYLE) for line in self._code)]
        elif len(snapshots) == 1:
            lines = self._one(snapshots[0], width, room)
        else:
            lines = self._team(snapshots, now_s, width, room)
        lines = lines[:room]
        lines += [Text()] * (room - len(lines))
        lines += hint[-height:]
        for line in lines:
            line.no_wrap = True
            line.truncate(width, overflow="ellipsis")
        return lines

    def _hint(self, width: int) -> list[Text]:
        """The key that ends the run, and the page's address, on a separate line where it is long."""
        keys = Text.assemble(("Ctrl-C", "bold"), (self._end, "dim"))
        if not self._address:
            return [keys]
        page = f"page: {sanitize(self._address)}"
        if len(keys) + len(page) + 3 <= width:
            return [Text.assemble(keys, (f" · {page}", "dim"))]
        return [Text(page if len(page) <= width else sanitize(self._address)), keys]

    def _shows_code(self, snapshots: Sequence[Snapshot], width: int, room: int) -> bool:
        """Whether there is no step yet and the QR code fits."""
        if not self._code or any(snapshot.n_steps for snapshot in snapshots):
            return False
        return len(self._code) < room and len(self._code[0]) <= width

    # -- one sensor -----------------------------------------------------------------------------------------

    def _one(self, snapshot: Snapshot, width: int, room: int) -> list[Text]:
        bottom = [_load(snapshot, width), *_sides(snapshot, width), *_sensor(snapshot, width)]
        if snapshot.trouble:
            bottom += _wrapped("", snapshot.trouble, "red", width)
        lines = [_header(snapshot)]
        least_words = 3
        lines += self._values(snapshot, width, room - len(lines) - len(bottom) - 1 - least_words)
        lines += [*bottom, Text()]
        return lines + _words([snapshot], width, room - len(lines))

    def _values(self, snapshot: Snapshot, width: int, room: int) -> list[Text]:
        """A grid of current values in block digits, each above its trend."""
        large = room >= LARGE_HEIGHT - 12 and width >= 4 * LARGE_WIDTH
        n_columns = min(max(width // (LARGE_WIDTH if large else SMALL_WIDTH), 1), MOST_COLUMNS)
        panel_lines = 3 + (LARGE_LINES if large else SMALL_LINES)
        n_rows = min(max(room // panel_lines, 0), MOST_ROWS)
        panel_width = width // n_columns
        shown = _chosen(snapshot)[: n_rows * n_columns]
        lines: list[Text] = []
        for first in range(0, len(shown), n_columns):
            panels = [
                self._panel(snapshot, column, panel_width, large)
                for column in shown[first : first + n_columns]
            ]
            lines += [Text.assemble(*pieces) for pieces in zip(*panels, strict=True)]
        return lines

    def _panel(self, snapshot: Snapshot, column: str, width: int, large: bool) -> list[Text]:
        label, unit = METRICS[column].label, METRICS[column].unit
        value = _number(snapshot, column)
        error = snapshot.values.get(ERRORS.get(column, ""))
        if error is not None:
            unit = f"± {number(error, column)} {unit}"
        style = "bold" if value != DASH else "dim"
        digits = block_digits(value.replace(DASH, "-"), large)
        if len(digits[0]) >= width:
            digits = (*[""] * (len(digits) - 1), value)
        spark = self._spark(column, max(width - 3, SMALLEST_SPARK), 0)
        pieces = [
            Text.assemble((label, ""), (f" {unit}", "dim")),
            *(Text(line, style) for line in digits),
            Text(spark, "cyan"),
            Text(),
        ]
        for piece in pieces:
            piece.align("left", width)
        return pieces

    def _spark(self, column: str, width: int, which: int) -> str:
        """Sparkline of a column over the kept steps; shorter while there are few steps."""
        state = self._states[which]
        key = (which, column, width)
        drawn_at, spark = self._sparks.get(key, (-SPARK_STEPS, ""))
        if state.n_trend - drawn_at >= SPARK_STEPS:
            values = [getattr(step, column) for step in state.trend()]
            spark = sparkline(values, width) or sparkline(values, SMALLEST_SPARK)
            if len(self._sparks) > 8 * len(METRICS) * len(self._states):
                self._sparks.clear()  # one entry for each width the window had
            self._sparks[key] = (state.n_trend, spark)
        return spark

    # -- a team ---------------------------------------------------------------------------------------------

    def _team(self, snapshots: list[Snapshot], now_s: float, width: int, room: int) -> list[Text]:
        n_words = min(max(room // 4, 2), sum(len(snapshot.alerts) for snapshot in snapshots) + 1)
        n_rows = max(room - n_words - 2, 1)
        n_pages = max(-(-len(snapshots) // n_rows), 1)
        first = int(now_s / EVERY_PAGE_S) % n_pages * n_rows
        name_width = min(max(12, width - _TEAM_WIDTH), 24)
        spark_width = min(width - name_width - _TEAM_WIDTH - 1, 40)
        titles = [_cell(title, size) for title, size in (("Sensor", name_width), *_TEAM_TITLES)]
        lines = [Text.assemble(*titles, style="dim")]
        for which in range(first, min(first + n_rows, len(snapshots))):
            row = _team_row(snapshots[which], name_width)
            if spark_width >= SMALLEST_SPARK:
                row.append(" " + self._spark("peak_impact_g", spark_width, which), "cyan")
            lines.append(row)
        if n_pages > 1:
            last = min(first + n_rows, len(snapshots))
            lines.append(Text(f"{first + 1} to {last} of {len(snapshots)} sensors", "dim"))
        else:
            lines.append(Text())
        return lines + _words(snapshots, width, room - len(lines))


_TEAM_TITLES = (
    ("link", 10),
    ("time", 8),
    ("bout", 8),
    ("spm", 4),
    ("contact", 8),
    ("impact", 7),
    ("tilt", 5),
    ("load", 8),
    ("batt", 6),
    ("!", 2),
)
_TEAM_WIDTH = sum(size for _, size in _TEAM_TITLES)


def _team_row(snapshot: Snapshot, name_width: int) -> Text:
    share = _share(snapshot)
    battery = DASH if snapshot.battery_percent is None else f"{snapshot.battery_percent} %"
    styles = {"link": LINK_STYLES[snapshot.link], "!": "bold red"}
    values = {
        "link": snapshot.link,
        "time": clock(snapshot.elapsed_s),
        "bout": snapshot.bout,
        "spm": _number(snapshot, "cadence_spm"),
        "contact": _number(snapshot, "contact_time_ms"),
        "impact": _number(snapshot, "peak_impact_g"),
        "tilt": _number(snapshot, "roll_rom_deg"),
        "load": f"{snapshot.load_bw4:,.0f}" if share is None else percent(share),
        "batt": battery,
        "!": "!" if snapshot.alerts else "",
    }
    row = _cell(snapshot.name, name_width, "bold")
    for title, size in _TEAM_TITLES:
        row.append_text(_cell(values[title], size, styles.get(title, "")))
    return row


def _cell(words: str, width: int, style: str = "") -> Text:
    """Text cut or padded to `width` cells, the last one a blank."""
    cell = Text(sanitize(words), style)
    cell.truncate(width - 1, overflow="ellipsis", pad=True)
    cell.append(" ")
    return cell


# -- pieces -------------------------------------------------------------------------------------------------


def _header(snapshot: Snapshot) -> Text:
    marks = f" · {snapshot.n_laps} laps" * bool(snapshot.n_laps)
    if snapshot.last_pain is not None:
        marks += f" · pain {snapshot.last_pain:.0f}"
    return Text.assemble(
        (sanitize(snapshot.name), "bold"),
        f" · {clock(snapshot.elapsed_s)} · {snapshot.bout} · {snapshot.n_steps} steps{marks}",
    )


def _sensor(snapshot: Snapshot, width: int) -> list[Text]:
    known = [
        "battery " + (DASH if snapshot.battery_percent is None else f"{snapshot.battery_percent} %"),
        DASH + " Hz" if snapshot.rate_hz is None else f"{snapshot.rate_hz:.1f} Hz",
        "delay "
        + (DASH if snapshot.delay_s is None or not snapshot.is_fresh else f"{snapshot.delay_s:.2f} s"),
        f"missing {snapshot.missing_s:.1f} s",
    ]
    if snapshot.filling_s:
        known.append(f"{snapshot.filling_s:.1f} s may still arrive")
    known.append(f"dropped {snapshot.n_dropped}")
    head = [Text(f"● {snapshot.link}", LINK_STYLES[snapshot.link])]
    if snapshot.age_s is not None and not snapshot.is_fresh:
        head.append(Text(f"last sample {snapshot.age_s:.0f} s ago", "red"))
    return _packed("Sensor  ", [*head, *map(Text, known)], width)


def _load(snapshot: Snapshot, width: int) -> Text:
    share = _share(snapshot)
    if share is None or not snapshot.load_limit_bw4:
        return Text.assemble(
            "Load    ", (f"{snapshot.load_bw4:,.0f} BW⁴", "bold"), (" · no limit set", "dim")
        )
    size = max(min(BAR_WIDTH, width - 50), 4)
    full = round(size * min(share, 1.0))
    style = "green" if share < 0.8 else "yellow" if share < 1.0 else "bold red"
    return Text.assemble(
        "Load    ",
        ("█" * full, style),
        ("░" * (size - full), "dim"),
        (f" {percent(share)}", style),
        f" · {snapshot.load_bw4:,.0f} of {snapshot.load_limit_bw4:,.0f} BW⁴",
    )


def _share(snapshot: Snapshot) -> float | None:
    """Session load over the runner's limit; None without a limit."""
    return snapshot.load_bw4 / snapshot.load_limit_bw4 if snapshot.load_limit_bw4 else None


def _sides(snapshot: Snapshot, width: int) -> list[Text]:
    parts: list[Text] = []
    for column in SIDED_COLUMNS:
        label, unit = METRICS[column].label, METRICS[column].unit
        sides = (snapshot.left[column], snapshot.right[column])
        parts.append(Text(f"{label.lower()} {' | '.join(number(side, column) for side in sides)} {unit}"))
    return _packed("L | R   ", parts, width)


def _packed(head: str, parts: list[Text], width: int) -> list[Text]:
    """Parts after a heading, joined by dots and broken into lines."""
    lines = [Text(head) + parts[0]]
    for part in parts[1:]:
        if lines[-1].cell_len + 3 + part.cell_len <= width:
            lines[-1] += Text(" · ") + part
        else:
            lines.append(Text(" " * len(head)) + part)
    return lines


def _words(snapshots: list[Snapshot], width: int, room: int) -> list[Text]:
    """Alerts, the newest first, then notes, in at most `room` lines."""
    alerts = [(alert, snapshot.name) for snapshot in snapshots for alert in snapshot.alerts]
    alerts.sort(key=lambda pair: -pair[0].time_s)
    entries: list[tuple[str, str, str]] = []
    for alert, name in alerts:
        whose = f"{name}: " if len(snapshots) > 1 else ""
        entries.append(("! ", f"{whose}{clock(alert.time_s)} {alert.sentence}", "bold yellow"))
    for snapshot in snapshots:
        whose = f"{snapshot.name}: " if len(snapshots) > 1 else ""
        entries += [("· ", whose + note, "") for note in snapshot.notes]
    lines = [line for entry in entries for line in _wrapped(*entry, width)]
    if not lines:
        lines = [Text("No alerts.", "dim")]
    elif len(lines) > room:
        lines = [_shortened(*entry, width) for entry in entries]
    if len(lines) > room > 0:
        lines[room - 1 :] = [Text(f"… {len(alerts)} alerts in all", "dim")]
    return lines[: max(room, 0)]


def _shortened(mark: str, words: str, style: str, width: int) -> Text:
    room = max(width - len(mark), 2)
    return Text(mark + textwrap.shorten(sanitize(words), room, placeholder=" …"), style)


def _wrapped(mark: str, words: str, style: str, width: int) -> list[Text]:
    parts = textwrap.wrap(sanitize(words), max(width - len(mark), 1))
    return [Text((mark if k == 0 else " " * len(mark)) + part, style) for k, part in enumerate(parts)]


def _chosen(snapshot: Snapshot) -> list[str]:
    """Columns in the order of `METRICS`; without a gyroscope the sideways share replaces the side tilt."""
    columns = [column for column in METRICS if column != "ml_sway_ratio"]
    if snapshot.values["roll_rom_deg"] is None and snapshot.values["ml_sway_ratio"] is not None:
        columns[columns.index("roll_rom_deg")] = "ml_sway_ratio"
        return [*columns, "roll_rom_deg"]
    return [*columns, "ml_sway_ratio"]


def _number(snapshot: Snapshot, column: str) -> str:
    return number(snapshot.values[column], column)


def number(value: float | None, column: str) -> str:
    """A value with the decimals of its column; a dash for None."""
    if value is None:
        return DASH
    decimals = METRICS[column].decimals
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0 turns -0.0 into 0.0


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100.0 * share:.0f} %"


# -- digits of block characters -----------------------------------------------------------------------------

_FONT = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "-": ("   ", "   ", "###", "   ", "   "),
    ".": (" ", " ", " ", " ", "#"),
}
"""Dots of the characters, three wide and five high; the point is one wide."""

_HALVES = {"  ": " ", "# ": "▀", " #": "▄", "##": "█"}


@cache
def block_digits(number: str, large: bool = False) -> tuple[str, ...]:
    """A number, of the characters 0 to 9, - and ., as block characters in lines of equal length.

    Small digits are three lines of half blocks; large digits are five lines and twice as wide.
    """
    dots = [" ".join(_FONT[char][row] for char in number) for row in range(LARGE_LINES)]
    if large:
        return tuple("".join(2 * ("█" if dot == "#" else " ") for dot in row) for row in dots)
    dots.append(" " * len(dots[0]))
    return tuple(
        "".join(_HALVES[above + below] for above, below in zip(dots[row], dots[row + 1], strict=True))
        for row in range(0, len(dots), 2)
    )
