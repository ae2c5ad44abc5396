from __future__ import annotations

import segno

from imurun.live.terminal import qr_lines

ADDRESS = "http://192.168.178.123:5005/?token=" + "aB3_" * 8
LIGHT = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
QUIET = 4


def test_the_blocks_are_the_light_modules_and_the_quiet_zone():
    lines = qr_lines(ADDRESS).splitlines()
    rows = []
    for line in lines:
        pairs = [LIGHT[block] for block in line]
        rows += [[1 - upper for upper, _ in pairs], [1 - lower for _, lower in pairs]]
    expected = [list(row) for row in segno.make_qr(ADDRESS, error="l").matrix]
    size = len(expected)
    inner = [row[QUIET:-QUIET] for row in rows[QUIET : QUIET + size]]
    assert inner == expected
    assert not any(any(row) for row in rows[:QUIET])
    assert not any(any(row[:QUIET] + row[-QUIET:]) for row in rows[: size + 2 * QUIET])


def test_it_fits_a_small_terminal():
    lines = qr_lines(ADDRESS).splitlines()
    assert len(lines) <= 23
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= 80
