"""An address as a code for a phone's camera, in the terminal."""

from __future__ import annotations

import io


def qr_lines(address: str) -> str:
    """Lines of half blocks, dark on light whatever the terminal's colours, with the quiet zone around.

    Args:
        address: what the phone is to open.
    """
    import segno

    out = io.StringIO()
    segno.make_qr(address, error="l").terminal(out, compact=True)
    return out.getvalue()
