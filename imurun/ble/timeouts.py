"""Timeouts and intervals of a sensor's client, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Timeouts and intervals, all in seconds, and the number of tries.

    Attributes:
        silence_s: without data for so long, the connection is treated as lost.
        first_data_s: the same before the first data of a connection.
        reply_s: for the reply to a command.
        connect_s: for connecting.
        scan_s: for finding a sensor that the system has forgotten.
        retry_s, longest_retry_s: first delay before reconnecting, and the limit to its growth.
        battery_s: interval between readings of the battery level.
        drain_s: after a stop, for the next of the last samples.
        longest_drain_s: after a stop, for all of the last samples, where no missing ones are requested; where
            the sensor refuses to stop, also for those.
        tries: attempts at the first connection; later ones are repeated until `stop`.
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
