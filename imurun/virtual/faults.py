"""Faults of a virtual sensor: their notation on the command line, and their effect on notifications."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from imurun.errors import SettingsError

BOOT_S = 0.5
"""How long a rebooting sensor is off."""
LONGEST_DELAY_S = 60.0


@dataclass(frozen=True)
class Spell:
    """A temporary fault: from `at_s` for `lasting_s`, repeated every `every_s` where given."""

    at_s: float
    lasting_s: float
    every_s: float | None = None

    def __post_init__(self) -> None:
        if not (0.0 <= self.at_s < math.inf and 0.0 < self.lasting_s < math.inf):
            raise SettingsError("A fault must begin at 0 s or later and last longer than 0 s.")
        if self.every_s is not None and not self.lasting_s < self.every_s < math.inf:
            raise SettingsError("A repeated fault must be shorter than its period.")

    def holds(self, time_s: float) -> bool:
        """Whether the fault is active at `time_s`."""
        begun = self.begun(time_s)
        return begun > 0 and time_s < self.begins(begun - 1) + self.lasting_s

    def begun(self, time_s: float) -> int:
        """Number of times the fault has begun up to `time_s`."""
        if time_s < self.at_s:
            return 0
        return 1 if self.every_s is None else 1 + int((time_s - self.at_s) / self.every_s)

    def begins(self, n: int) -> float:
        """Begin of the n-th occurrence, counted from 0."""
        return self.at_s + (0.0 if self.every_s is None else n * self.every_s)

    def between(self, after_s: float, until_s: float) -> list[float]:
        """Begins of all occurrences after `after_s` up to `until_s`."""
        return [self.begins(n) for n in range(self.begun(after_s), self.begun(until_s))]


@dataclass(frozen=True)
class Faults:
    """All faults of a virtual sensor. Times are s since the sensor was first switched on.

    Attributes:
        loss, duplicate, reorder, flip: probability that a notification of samples is lost, is sent twice,
            arrives after the next one, has one bit flipped.
        delay_s: a notification is late by a random time up to this; later ones queue behind it.
        drops: the sensor is out of range: the connection is lost, and it does not advertise.
        silences: the connection holds, but no samples are notified.
        reboots: power is off for `BOOT_S`; run, ring buffer and clock are lost, logs stay.
        battery_percent, battery_percent_per_h: initial battery level, and its change.

    Raises:
        SettingsError: a value is out of range.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    flip: float = 0.0
    delay_s: float = 0.0
    drops: tuple[Spell, ...] = ()
    silences: tuple[Spell, ...] = ()
    reboots: tuple[Spell, ...] = ()
    battery_percent: float = 100.0
    battery_percent_per_h: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder", "flip"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SettingsError(f"{name} is {getattr(self, name):g}; it must lie between 0 and 1.")
        if not 0.0 <= self.delay_s <= LONGEST_DELAY_S:
            raise SettingsError(
                f"delay is {self.delay_s:g} s; it must lie between 0 and {LONGEST_DELAY_S:g}."
            )
        if not 0.0 <= self.battery_percent <= 100.0:
            raise SettingsError(
                f"battery is {self.battery_percent:g}; it must lie between 0 and 100 percent."
            )
        if not math.isfinite(self.battery_percent_per_h):
            raise SettingsError("The battery's percent an hour must be a number.")

    def battery_at(self, time_s: float) -> int:
        """Battery level, percent."""
        percent = self.battery_percent + self.battery_percent_per_h * time_s / 3600
        return round(min(max(percent, 0.0), 100.0))


WORDS = (
    "loss=0.05, duplicate=0.01, reorder=0.01, flip=0.001, delay=0.2 (s, at most), "
    "drop=60:5 (every 60 s, for 5 s), drop=@100:5 (once), silence=120:3, reboot=@300, reboot=600, "
    "battery=80:-5 (percent, an hour)"
)


@dataclass
class _Read:
    """Faults parsed so far, and the words that may be given only once."""

    faults: Faults = field(default_factory=Faults)
    once: set[str] = field(default_factory=set)


def parse_faults(words: Sequence[str]) -> Faults:
    """Parse faults in the notation of `WORDS`; drop, silence and reboot may be given several times.

    Raises:
        SettingsError: a word is not understood, given twice, or out of range.
    """
    read = _Read()
    for word in words:
        name, equals, text = word.partition("=")
        try:
            if not equals:
                raise ValueError
            _take(read, name, text)
        except ValueError as error:
            if isinstance(error, SettingsError):
                raise SettingsError(f"--fault {word}: {error}") from error
            raise SettingsError(f"--fault {word} is not understood; write one of {WORDS}.") from error
    return read.faults


def _take(read: _Read, name: str, text: str) -> None:
    many = {"drop": "drops", "silence": "silences", "reboot": "reboots"}
    if name in many:
        before: tuple[Spell, ...] = getattr(read.faults, many[name])
        spell = _spell(text, lasts=name != "reboot")
        read.faults = replace(read.faults, **{many[name]: (*before, spell)})
        return
    if name in read.once:
        raise SettingsError(f"{name} is given twice; give it once.")
    read.once.add(name)
    if name in ("loss", "duplicate", "reorder", "flip"):
        read.faults = replace(read.faults, **{name: _number(text)})
    elif name == "delay":
        read.faults = replace(read.faults, delay_s=_number(text))
    elif name == "battery":
        percent, colon, per_h = text.partition(":")
        change = _number(per_h) if colon else 0.0
        read.faults = replace(read.faults, battery_percent=_number(percent), battery_percent_per_h=change)
    else:
        raise ValueError(name)


def _spell(text: str, *, lasts: bool) -> Spell:
    """Parse `60:5` (every 60 s) or `@60:5` (once at 60 s); a reboot has no length."""
    when, colon, length = text.partition(":")
    if bool(colon) != lasts:
        raise ValueError(text)
    lasting_s = _number(length) if lasts else BOOT_S
    if when.startswith("@"):
        return Spell(_number(when[1:]), lasting_s)
    every_s = _number(when)
    return Spell(every_s, lasting_s, every_s)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


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
