"""Find the header of a text table by content: preamble, delimiter, names, units, first line of data."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imurun.io.column_names import Layout, find_layout
from imurun.io.time_column import time_kind
from imurun.io.units import parse_any_unit

_DELIMITERS = (",", ";", "\t", "|", " ")
_MAX_HEADER_LINE = 300
COMMENT_SIGNS = ("#", "%")
MISSING_CELLS = (
    "",
    "NA",
    "N/A",
    "#N/A",
    "NaN",
    "nan",
    "NAN",
    "null",
    "NULL",
    "None",
    "-",
    "-nan",
    "inf",
    "-inf",
)
_SCALES = {"cal", "raw", "uncal", "calibrated", "uncalibrated", "no_units", "nounits", "unitless"}


@dataclass(frozen=True)
class TextHeader:
    """Where the table starts and how it is written.

    Attributes:
        names: column names, as written.
        delimiter: one character; " " stands for any run of blanks.
        decimal: "." or ",".
        first_line: index of the first line of data, counted from 0.
        preamble: the lines before the names.
        rows: the first lines of data, split.
        layout: what the columns hold, by their names.
    """

    names: tuple[str, ...]
    delimiter: str
    decimal: str
    first_line: int
    preamble: str
    rows: tuple[tuple[str, ...], ...]
    layout: Layout


def split_line(line: str, delimiter: str) -> list[str]:
    """Cells of one line, without quotes and blanks around them."""
    if delimiter == " ":
        return [cell.strip('"') for cell in line.split()]
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    except (csv.Error, StopIteration):
        cells = line.split(delimiter)
    return [cell.strip() for cell in cells]


def find_header(
    lines: Sequence[str], unnamed: Sequence[str] = (), named: Callable[[Sequence[str]], bool] | None = None
) -> TextHeader | None:
    """The header among the first lines of a text, or None when no line names sensor axes.

    Args:
        lines: the first lines, without line ends.
        unnamed: names to use when the table begins with numbers right after the preamble.
        named: tells whether cells are the names that a profile asks for; such a line is the header.
    """
    best: tuple[float, int, str, Layout] | None = None
    for index, line in enumerate(lines[:_MAX_HEADER_LINE]):
        if not line.strip() or len(line) > 20_000:
            continue
        for delimiter in _DELIMITERS:
            cells = split_line(_uncommented(line), delimiter)
            if len(cells) < 3 or _is_numbers(cells):
                continue
            layout = find_layout(cells)
            score = layout.score + 20 * (named is not None and named(cells))
            score += 0.5 * (not line.lstrip().startswith(COMMENT_SIGNS))
            if score >= 2.5 and (best is None or score > best[0]):
                best = (score, index, delimiter, layout)
    if best is None:
        return _unnamed_header(lines, unnamed) if unnamed else None
    _, index, delimiter, layout = best
    names = split_line(_uncommented(lines[index]), delimiter)
    return _complete(lines, index, delimiter, names, layout)


def _uncommented(line: str) -> str:
    return line.lstrip().lstrip("#%").lstrip() if line.lstrip().startswith(COMMENT_SIGNS) else line


def _is_missing(cell: str) -> bool:
    return cell in MISSING_CELLS


def _is_numbers(cells: Sequence[str]) -> bool:
    """Whether cells are all numbers, times or missing, as in a line of data."""
    return all(_is_missing(cell) or time_kind(cell) is not None for cell in cells)


def _complete(
    lines: Sequence[str], index: int, delimiter: str, names: list[str], layout: Layout
) -> TextHeader:
    """Read units and the first data below the line of names."""
    unit_texts = [""] * len(names)
    first = index + 1
    while first < len(lines):
        cells = split_line(lines[first], delimiter)
        kinds = [_unit_cell(cell) for cell in cells]
        blank = not lines[first].strip() or lines[first].lstrip().startswith(COMMENT_SIGNS)
        if sum(kinds) >= 2 and not _is_numbers(cells):
            for i, cell in enumerate(cells[: len(names)]):
                if parse_any_unit(cell):
                    unit_texts[i] = cell
                elif cell.lower() in ("raw", "uncal"):
                    names[i] = f"{names[i]}_{cell}"
        elif not blank:
            break
        first += 1
    below = [line for line in lines[first : first + 50] if line.strip()]
    rows = [tuple(split_line(line, delimiter)) for line in below]
    if rows and len(rows[0]) > len(names):  # a trailing delimiter in the data only
        names += [""] * (len(rows[0]) - len(names)) if not any(rows[0][len(names) :]) else []
    unit_texts += [""] * (len(names) - len(unit_texts))
    return TextHeader(
        names=tuple(names),
        delimiter=delimiter,
        decimal=_decimal_sign(rows, delimiter),
        first_line=first,
        preamble="\n".join(lines[:index]),
        rows=tuple(rows),
        layout=find_layout(names, unit_texts) if any(unit_texts) else layout,
    )


def _unit_cell(cell: str) -> bool:
    return cell.lower() in _SCALES or parse_any_unit(cell) is not None


def _decimal_sign(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    cells = [cell for row in rows for cell in row if time_kind(cell) == "number"]
    commas = sum(re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", cell) is not None for cell in cells)
    return "," if commas and not any("." in cell for cell in cells) else "."


def _unnamed_header(lines: Sequence[str], names: Sequence[str]) -> TextHeader | None:
    for index, line in enumerate(lines):
        for delimiter in _DELIMITERS:
            cells = split_line(line, delimiter)
            if len(cells) == len(names) and _is_numbers(cells) and any(cells):
                return _complete(lines, index - 1, delimiter, list(names), find_layout(names))
    return None
