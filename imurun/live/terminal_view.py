"""Text lines that show one or several runs in a terminal of a given size.

Nothing here waits, writes or reads a clock. What is not known or not fresh is a dash.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache

from rich.text import Text

from imurun.files.text import printable
from imurun.live.state import METRICS, Link, RunState, Snapshot
from imurun.terminal_text import clock, sparkline

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
"""Three dots wide, five high."""

_HALVES = {"  ": " ", "# ": "▀", " #": "▄", "##": "█"}

SMALL_LINES, LARGE_LINES = 3, 5


@cache
def block_digits(number: str, large: bool = False) -> tuple[str, ...]:
    """A number, of the characters 0 to 9, - and ., as lines of equal length.

    Small digits are three lines of half blocks, large ones five lines, and twice as wide.
    """
    dots = [" ".join(_FONT[char][row] for char in number) for row in range(LARGE_LINES)]
    if large:
        return tuple("".join(2 * ("█" if dot == "#" else " ") for dot in row) for row in dots)
    dots.append(" " * len(dots[0]))
    return tuple(
        "".join(_HALVES[above + below] for above, below in zip(dots[row], dots[row + 1], strict=True))
        for row in range(0, len(dots), 2)
    )


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
"""The least that a value with its label needs."""
LARGE_HEIGHT = 30
MOST_COLUMNS, MOST_ROWS = 5, 2
SMALLEST_SPARK = 8
SPARK_STEPS = 8
"""Trends are drawn anew after so many steps: they hold up to 2400."""
BAR_WIDTH = 24
EVERY_PAGE_S = 5.0
"""A team of more sensors than lines is shown in turns."""
SIDED = ("contact_time_ms", "peak_impact_g", "lumbar_compression_bw")

CODE_STYLE = "bright_white on black"
"""Its blocks are the light modules."""


class TerminalView:
    """Draws the same runs again and again.

    Args:
        states: one a sensor.
        address: of the page, where there is one.
        code: the address as a QR code, shown until the first runner starts; "" for none.
        keeps: whether the run is recorded.
    """

    def __init__(
        self, states: Sequence[RunState], address: str | None = None, code: str = "", *, keeps: bool = True
    ) -> None:
        self._states = states
        self._address = address
        self._code = code.splitlines()
        self._end = " ends the run and keeps it" if keeps else " ends the run"
        self._sparks: dict[tuple[int, str, int], tuple[int, str]] = {}

    def lines(self, now_s: float, width: int, height: int) -> list[Text]:
        """At most `height` lines of at most `width` cells for the moment `now_s` of the host's clock."""
        width, height = max(width, 1), max(height, 1)
        moments = [state.snapshot(now_s) for state in self._states]
        hint = self._hint(width)
        room = max(height - len(hint), 0)
        if self._shows_code(moments, width, room):
            lines = [_header(moments[0]), *(Text(line, CODE_STYLE) for line in self._code)]
        elif len(moments) == 1:
            lines = self._one(moments[0], width, room)
        else:
            lines = self._team(moments, now_s, width, room)
        lines = lines[:room]
        lines += [Text()] * (room - len(lines))
        lines += hint[-height:]
        for line in lines:
            line.no_wrap = True
            line.truncate(width, overflow="ellipsis")
        return lines

    def _hint(self, width: int) -> list[Text]:
        """What to press, and where the page is, on a line of its own where it is long."""
        keys = Text.assemble(("Ctrl-C", "bold"), (self._end, "dim"))
        if not self._address:
            return [keys]
        page = f"page: {printable(self._address)}"
        if len(keys) + len(page) + 3 <= width:
            return [Text.assemble(keys, (f" · {page}", "dim"))]
        return [Text(page if len(page) <= width else printable(self._address)), keys]

    def _shows_code(self, moments: Sequence[Snapshot], width: int, room: int) -> bool:
        """Whether nobody runs yet and there is room for the code of the address."""
        if not self._code or any(moment.n_steps for moment in moments):
            return False
        return len(self._code) < room and len(self._code[0]) <= width

    # -- one sensor -----------------------------------------------------------------------------------------

    def _one(self, moment: Snapshot, width: int, room: int) -> list[Text]:
        foot = [_load(moment, width), *_sides(moment, width), *_sensor(moment, width)]
        if moment.trouble:
            foot += _wrapped("", moment.trouble, "red", width)
        lines = [_header(moment), Text()]
        least_words = 3
        lines += self._values(moment, width, room - len(lines) - len(foot) - 1 - least_words)
        lines += [*foot, Text()]
        return lines + _words([moment], width, room - len(lines))

    def _values(self, moment: Snapshot, width: int, room: int) -> list[Text]:
        """Current values in large digits, each over its trend, in a grid."""
        large = room >= LARGE_HEIGHT - 12 and width >= 4 * LARGE_WIDTH
        n_columns = min(max(width // (LARGE_WIDTH if large else SMALL_WIDTH), 1), MOST_COLUMNS)
        panel_lines = 3 + (LARGE_LINES if large else SMALL_LINES)
        n_rows = min(max(room // panel_lines, 0), MOST_ROWS)
        panel_width = width // n_columns
        shown = _chosen(moment)[: n_rows * n_columns]
        lines: list[Text] = []
        for first in range(0, len(shown), n_columns):
            panels = [
                self._panel(moment, column, panel_width, large) for column in shown[first : first + n_columns]
            ]
            lines += [Text.assemble(*pieces) for pieces in zip(*panels, strict=True)]
        return lines

    def _panel(self, moment: Snapshot, column: str, width: int, large: bool) -> list[Text]:
        label, unit, _ = METRICS[column]
        value = _number(moment, column)
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
        """The trend of the last minutes; half as wide while there are few steps."""
        state = self._states[which]
        key = (which, column, width)
        drawn_at, spark = self._sparks.get(key, (-SPARK_STEPS, ""))
        if state.n_trend - drawn_at >= SPARK_STEPS:
            values = [getattr(step, column) for step in state.trend()]
            spark = sparkline(values, width) or sparkline(values, SMALLEST_SPARK)
            if len(self._sparks) > 8 * len(METRICS) * len(self._states):
                self._sparks.clear()  # the window was resized often
            self._sparks[key] = (state.n_trend, spark)
        return spark

    # -- a team ---------------------------------------------------------------------------------------------

    def _team(self, moments: list[Snapshot], now_s: float, width: int, room: int) -> list[Text]:
        n_words = min(max(room // 4, 2), sum(len(moment.alerts) for moment in moments) + 1)
        n_rows = max(room - n_words - 2, 1)
        n_pages = max(-(-len(moments) // n_rows), 1)
        first = int(now_s / EVERY_PAGE_S) % n_pages * n_rows
        name_width = min(max(12, width - _TEAM_WIDTH), 24)
        spark_width = min(width - name_width - _TEAM_WIDTH - 1, 40)
        titles = [_cell(title, size) for title, size in (("Sensor", name_width), *_TEAM_TITLES)]
        lines = [Text.assemble(*titles, style="dim")]
        for which in range(first, min(first + n_rows, len(moments))):
            row = _team_row(moments[which], name_width)
            if spark_width >= SMALLEST_SPARK:
                row.append(" " + self._spark("peak_impact_g", spark_width, which), "cyan")
            lines.append(row)
        if n_pages > 1:
            last = min(first + n_rows, len(moments))
            lines.append(Text(f"{first + 1} to {last} of {len(moments)} sensors", "dim"))
        else:
            lines.append(Text())
        return lines + _words(moments, width, room - len(lines))


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


def _team_row(moment: Snapshot, name_width: int) -> Text:
    share = _share(moment)
    battery = DASH if moment.battery_percent is None else f"{moment.battery_percent} %"
    styles = {"link": LINK_STYLES[moment.link], "!": "bold red"}
    values = {
        "link": moment.link,
        "time": clock(moment.elapsed_s),
        "bout": moment.bout,
        "spm": _number(moment, "cadence_spm"),
        "contact": _number(moment, "contact_time_ms"),
        "impact": _number(moment, "peak_impact_g"),
        "tilt": _number(moment, "roll_rom_deg"),
        "load": f"{moment.load_bw4:,.0f}" if share is None else percent(share),
        "batt": battery,
        "!": "!" if moment.alerts else "",
    }
    row = _cell(moment.name, name_width, "bold")
    for title, size in _TEAM_TITLES:
        row.append_text(_cell(values[title], size, styles.get(title, "")))
    return row


def _cell(words: str, width: int, style: str = "") -> Text:
    """Words in a column, a blank after them."""
    cell = Text(printable(words), style)
    cell.truncate(width - 1, overflow="ellipsis", pad=True)
    cell.append(" ")
    return cell


# -- pieces -------------------------------------------------------------------------------------------------


def _header(moment: Snapshot) -> Text:
    marks = f" · {moment.n_laps} laps" * bool(moment.n_laps)
    if moment.last_pain is not None:
        marks += f" · pain {moment.last_pain:.0f}"
    return Text.assemble(
        (printable(moment.name), "bold"),
        f" · {clock(moment.elapsed_s)} · {moment.bout} · {moment.n_steps} steps{marks}",
    )


def _sensor(moment: Snapshot, width: int) -> list[Text]:
    known = [
        "battery " + (DASH if moment.battery_percent is None else f"{moment.battery_percent} %"),
        DASH + " Hz" if moment.rate_hz is None else f"{moment.rate_hz:.1f} Hz",
        "delay " + (DASH if moment.delay_s is None or not moment.is_fresh else f"{moment.delay_s:.2f} s"),
        f"missing {moment.missing_s:.1f} s",
    ]
    if moment.filling_s:
        known.append(f"{moment.filling_s:.1f} s may still come")
    known.append(f"dropped {moment.n_dropped}")
    head = [Text(f"● {moment.link}", LINK_STYLES[moment.link])]
    if moment.age_s is not None and not moment.is_fresh:
        head.append(Text(f"last sample {moment.age_s:.0f} s ago", "red"))
    return _packed("Sensor  ", [*head, *map(Text, known)], width)


def _load(moment: Snapshot, width: int) -> Text:
    share = _share(moment)
    if share is None or not moment.load_limit_bw4:
        return Text.assemble(
            "Load    ", (f"{moment.load_bw4:,.0f} BW⁴", "bold"), (" · no limit given", "dim")
        )
    size = max(min(BAR_WIDTH, width - 50), 4)
    full = round(size * min(share, 1.0))
    style = "green" if share < 0.8 else "yellow" if share < 1.0 else "bold red"
    return Text.assemble(
        "Load    ",
        ("█" * full, style),
        ("░" * (size - full), "dim"),
        (f" {percent(share)}", style),
        f" · {moment.load_bw4:,.0f} of {moment.load_limit_bw4:,.0f} BW⁴",
    )


def _share(moment: Snapshot) -> float | None:
    """Load over its limit."""
    return moment.load_bw4 / moment.load_limit_bw4 if moment.load_limit_bw4 else None


def _sides(moment: Snapshot, width: int) -> list[Text]:
    parts: list[Text] = []
    for column in SIDED:
        label, unit, _ = METRICS[column]
        sides = (moment.left[column], moment.right[column])
        parts.append(Text(f"{label.lower()} {' | '.join(number(side, column) for side in sides)} {unit}"))
    return _packed("L | R   ", parts, width)


def _packed(head: str, parts: list[Text], width: int) -> list[Text]:
    """Parts after a heading, on as many lines as they need."""
    lines = [Text(head) + parts[0]]
    for part in parts[1:]:
        if lines[-1].cell_len + 3 + part.cell_len <= width:
            lines[-1] += Text(" · ") + part
        else:
            lines.append(Text(" " * len(head)) + part)
    return lines


def _words(moments: list[Snapshot], width: int, room: int) -> list[Text]:
    """Alerts, the newest first, then notes, as many as there is room for."""
    alerts = [(alert, moment.name) for moment in moments for alert in moment.alerts]
    alerts.sort(key=lambda pair: -pair[0].time_s)
    entries: list[tuple[str, str, str]] = []
    for alert, name in alerts:
        whose = f"{name}: " if len(moments) > 1 else ""
        entries.append(("! ", f"{whose}{clock(alert.time_s)} {alert.sentence}", "bold yellow"))
    for moment in moments:
        whose = f"{moment.name}: " if len(moments) > 1 else ""
        entries += [("· ", whose + note, "") for note in moment.notes]
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
    return Text(mark + textwrap.shorten(printable(words), room, placeholder=" …"), style)


def _wrapped(mark: str, words: str, style: str, width: int) -> list[Text]:
    parts = textwrap.wrap(printable(words), max(width - len(mark), 1))
    return [Text((mark if k == 0 else " " * len(mark)) + part, style) for k, part in enumerate(parts)]


def _chosen(moment: Snapshot) -> list[str]:
    """Columns in the order of `METRICS`; without a gyroscope the sideways share in place of the tilt."""
    columns = [column for column in METRICS if column != "ml_sway_ratio"]
    if moment.values["roll_rom_deg"] is None and moment.values["ml_sway_ratio"] is not None:
        columns[columns.index("roll_rom_deg")] = "ml_sway_ratio"
        return [*columns, "roll_rom_deg"]
    return [*columns, "ml_sway_ratio"]


def _number(moment: Snapshot, column: str) -> str:
    return number(moment.values[column], column)


def number(value: float | None, column: str) -> str:
    """A value with the decimals of its column; a dash for None."""
    if value is None:
        return DASH
    decimals = METRICS[column][2]
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # no -0


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100.0 * share:.0f} %"
