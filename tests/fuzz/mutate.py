"""Seeded mutations of bytes: bit flips, cuts, splices, repeats, changed numbers, lines and encodings."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

MOST_BYTES = 1 << 18
"""Largest input: repeated pieces are cut at this size."""
TOKENS: tuple[bytes, ...] = (
    b"",
    b"\0",
    b"\n",
    b"\r",
    b'"',
    b"'",
    b",",
    b";",
    b"\t",
    b"#",
    b"=",
    b"[",
    b"{",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",  # a surrogate in UTF-8
    b"\xe2\x80\xae",  # from right to left
    b"\x1b[31m",
    b"\x85",
    b"../../x",
    b"/etc/passwd",
    b"nan",
    b"inf",
    b"-inf",
    b"NA",
    b"null",
    b"true",
    b"1e999",
    b"1e308",
    b"-1e308",
    b"1e-400",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1" * 400,
    b"9" * 5000,
    b"-1",
    b"0",
    b"-0.0",
    b"0x7fffffff",
    b"2026-05-01T07:30:00Z",
    b"0001-01-01T00:00:00+14:00",
    b"9999-12-31 23:59:59.999999",
    b"24:61:61",
    "٣".encode(),  # a digit that int() takes
    "\N{LINE SEPARATOR}".encode(),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CELL = re.compile(rb"[^\s,;|=\[\]{}:]+")
_ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "cp1252", "cp037", "utf-7")
_BORDERS = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def mutate(data: bytes, rng: random.Random, others: Sequence[bytes] = (b"",)) -> bytes:
    """`data` with one to eight mutations, some of which insert pieces of `others`; `rng` decides on all."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        rng.choice(CHANGES)(out, rng, others)
        del out[MOST_BYTES:]
    return bytes(out)


def _place(out: bytearray, rng: random.Random) -> int:
    """A random position; half of them near the beginning, where headers are."""
    return rng.randrange(len(out) + 1) if rng.random() < 0.5 else rng.randrange(min(len(out), 128) + 1)


def _span(out: bytearray, rng: random.Random) -> slice:
    start = _place(out, rng)
    return slice(start, start + rng.choice((1, 2, 4, 8, 16, 60, 300, 4000)))


def flip_bits(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        if out:
            out[min(_place(out, rng), len(out) - 1)] ^= 1 << rng.randrange(8)


def set_byte(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    if out:
        out[min(_place(out, rng), len(out) - 1)] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))


def truncate(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    del out[_place(out, rng) :]


def cut_out(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    del out[_span(out, rng)]


def repeat(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    span = _span(out, rng)
    piece = bytes(out[span])
    out[span.stop : span.stop] = piece * min(
        rng.choice((1, 2, 10, 300, 20_000)), MOST_BYTES // (len(piece) + 1)
    )


def swap(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    one, other = _span(out, rng), _span(out, rng)
    piece = bytes(out[one])
    out[one] = out[other]
    out[other] = piece


def splice(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    other = bytearray(rng.choice(others))
    out[_span(out, rng)] = other[_span(other, rng)]


def join(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    out[_place(out, rng) :] = rng.choice(others)


def put_token(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    at = _place(out, rng)
    out[at:at] = rng.choice(TOKENS)


def put_noise(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    at = _place(out, rng)
    out[at : at + rng.choice((0, 4))] = rng.randbytes(rng.choice((1, 2, 4, 40, 300)))


def put_number(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    """Overwrite bytes with an integer near a limit of its width, little or big endian."""
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(_BORDERS) + rng.choice((-1, 0, 0, 1))
    at = _place(out, rng)
    out[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, rng.choice(("little", "big")))


def change_cell(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    """Replace a word or number of a text by a token."""
    found = next((rng.choice((_NUMBER, _CELL))).finditer(out, _place(out, rng)), None)
    if found:
        out[found.start() : found.end()] = rng.choice(TOKENS)


def change_number(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    """Reverse a number of a text, negate it or multiply it by a power of ten."""
    found = next(_NUMBER.finditer(out, _place(out, rng)), None)
    if found:
        text = found.group()
        ways = (
            b"-" + text,
            text + b"0" * rng.randrange(12),
            text + b"e%d" % rng.randrange(-320, 320),
            text[::-1],
        )
        out[found.start() : found.end()] = rng.choice(ways)


def swap_lines(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    lines = bytes(out).split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    out[:] = b"\n".join(lines)


def encode_otherwise(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    out[:] = out.decode("utf-8", "replace").encode(rng.choice(_ENCODINGS), "replace")


def end_lines_otherwise(out: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    out[:] = out.replace(
        b"\n", rng.choice((b"\r", b"\r\n", b"\n\n", b"\x0b", b" ", "\N{NEXT LINE}".encode()))
    )


CHANGES: tuple[Change, ...] = (
    flip_bits,
    flip_bits,
    set_byte,
    truncate,
    cut_out,
    repeat,
    swap,
    splice,
    join,
    put_token,
    put_noise,
    put_number,
    change_cell,
    change_cell,
    change_number,
    swap_lines,
    encode_otherwise,
    end_lines_otherwise,
)
