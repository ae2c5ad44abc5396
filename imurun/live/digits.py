"""Numbers in large digits of blocks, readable from where one runs."""

from __future__ import annotations

from functools import cache

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
