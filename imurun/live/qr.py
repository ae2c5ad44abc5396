"""An address as a code for a phone's camera, in the terminal."""

from __future__ import annotations

import io


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
