"""Simulates transmission faults: notifications that are lost, duplicated, swapped, damaged or late."""

from __future__ import annotations

from collections import Counter, deque
from random import Random

from imurun.virtual.faults import Faults


class Air:
    """Loses, duplicates, swaps, damages and delays packets at random.

    Args:
        faults: probabilities.
        random: source of randomness.

    Attributes:
        counts: number of packets by fault: "lost", "doubled", "swapped", "damaged".
    """

    def __init__(self, faults: Faults, random: Random) -> None:
        self.counts: Counter[str] = Counter()
        self._faults = faults
        self._random = random
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._held: bytes | None = None
        self._last_s = 0.0

    def send(self, packet: bytes, now_s: float) -> None:
        """Send a packet now."""
        faults = self._faults
        if self._happens(faults.loss, "lost"):
            return
        if self._happens(faults.flip, "damaged"):
            bit = self._random.randrange(8 * len(packet))
            damaged = bytearray(packet)
            damaged[bit // 8] ^= 1 << bit % 8
            packet = bytes(damaged)
        if self._held is None and self._happens(faults.reorder, "swapped"):
            self._held = packet
            return
        self._put(packet, now_s)
        if self._happens(faults.duplicate, "doubled"):
            self._put(packet, now_s)
        if self._held is not None:
            held, self._held = self._held, None
            self._put(held, now_s)

    def arrived(self, now_s: float) -> list[bytes]:
        """Packets that have arrived by now, in order of arrival."""
        packets: list[bytes] = []
        while self._under_way and self._under_way[0][0] <= now_s:
            packets.append(self._under_way.popleft()[1])
        return packets

    def clear(self) -> None:
        """Drop the packets under way, when the connection is lost."""
        self._under_way.clear()
        self._held = None

    def _happens(self, probability: float, what: str) -> bool:
        happens = probability > 0.0 and self._random.random() < probability
        self.counts[what] += happens
        return happens

    def _put(self, packet: bytes, now_s: float) -> None:
        due_s = now_s + (self._random.uniform(0.0, self._faults.delay_s) if self._faults.delay_s else 0.0)
        self._last_s = max(self._last_s, due_s)
        self._under_way.append((self._last_s, packet))
