"""How long the client waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Waits:
    """Seconds.

    Attributes:
        silence_s: without data for so long, the link is taken as gone.
        first_data_s: the same before the first data of a link.
        reply_s: for the reply to a command.
        connect_s: for a connection.
        scan_s: for a sensor that the system has forgotten.
        retry_s, longest_retry_s: the first wait before connecting again, and the limit to its growth.
        battery_s: between readings of the charge.
        drain_s, longest_drain_s: for the next of the last samples after a stop, and for all of them where
            none are asked for again.
        tries: how often the first connection is tried; later ones are tried until `stop`.
    """

    silence_s: float = 1.0
    first_data_s: float = 5.0
    reply_s: float = 3.0
    connect_s: float = 10.0
    scan_s: float = 10.0
    retry_s: float = 0.5
    longest_retry_s: float = 15.0
    battery_s: float = 60.0
    drain_s: float = 0.3
    longest_drain_s: float = 3.0
    tries: int = 3
