"""Finds the header of a text table: preamble, delimiter, column names, units, first line of data."""

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
_MAX_HEADER_LENGTH = 20_000
_LEAST_SCORE = 2.5
"""Three axes of a sensor score 3, see `Layout.score`; a comment scores half a point less."""
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
_SCALE_WORDS = {"cal", "raw", "uncal", "calibrated", "uncalibrated", "no_units", "nounits", "unitless"}


@dataclass(frozen=True)
class TextHeader:
    """Position of the header, and how the lines below it are written.

    Attributes:
        names: column names as written.
        delimiter: one character; " " means any run of blanks.
        decimal: "." or ",".
        first_line: index of the first line of data, counted from 0.
        preamble: the lines before the names.
        rows: the first lines of data, split.
        layout: roles of the columns, from their names.
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
    lines: Sequence[str],
    unnamed: Sequence[str] = (),
    is_header: Callable[[Sequence[str]], bool] | None = None,
) -> TextHeader | None:
    """Find the header among the first lines of a text.

    Each line is split at each delimiter and scored by the sensor axes it names; the best one is the header.

    Args:
        lines: the first lines, without line ends.
        unnamed: column names of a table without a header: the first line of so many numbers starts it.
        is_header: whether cells are the column names of the file's known format.

    Returns:
        None when no line names sensor axes.
    """
    best: tuple[float, int, str, Layout] | None = None
    for index, line in enumerate(lines[:_MAX_HEADER_LINE]):
        if not line.strip() or len(line) > _MAX_HEADER_LENGTH:
            continue
        for delimiter in _DELIMITERS:
            cells = split_line(_uncommented(line), delimiter)
            if len(cells) < 3 or _is_numbers(cells):
                continue
            layout = find_layout(cells)
            score = layout.score + 20 * (is_header is not None and is_header(cells))
            score += 0.5 * (not line.lstrip().startswith(COMMENT_SIGNS))
            if score >= _LEAST_SCORE and (best is None or score > best[0]):
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
    """Whether all cells are numbers, times or missing, as in a line of data."""
    return all(_is_missing(cell) or time_kind(cell) is not None for cell in cells)


def _complete(
    lines: Sequence[str], index: int, delimiter: str, names: list[str], layout: Layout
) -> TextHeader:
    """Read the units and the first lines of data below the header."""
    unit_texts = [""] * len(names)
    first = index + 1
    while first < len(lines):
        cells = split_line(lines[first], delimiter)
        are_units = [_is_unit(cell) for cell in cells]
        blank = not lines[first].strip() or lines[first].lstrip().startswith(COMMENT_SIGNS)
        if sum(are_units) >= 2 and not _is_numbers(cells):
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
    if rows and len(rows[0]) > len(names):  # only the lines of data end in a delimiter
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


def _is_unit(cell: str) -> bool:
    return cell.lower() in _SCALE_WORDS or parse_any_unit(cell) is not None


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
