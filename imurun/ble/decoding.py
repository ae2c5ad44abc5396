"""Notifications of a sensor to blocks of samples: its profile's decoder, then `Aligner`.

The client and the replay of a journal go through this alike, so the same notifications give the same blocks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from imurun.ble.devices.driver import Profile
from imurun.model.sample_block import SampleBlock
from imurun.reassembly.chunks import SampleChunk
from imurun.reassembly.reassembler import WINDOW_S, Aligner

HELD_S = 3600.0
"""A hole whose samples can be asked for again is held open until the sensor says that it is final."""


class Settings(NamedTuple):
    """What a sensor is asked for."""

    rate_hz: int
    acc_range_g: int
    gyr_range_deg_s: int


USUAL = Settings(208, 16, 2000)


def usual_settings(profile: Profile) -> Settings:
    """What a sensor of this kind is best asked for: 208 Hz, 16 g, 2000 deg/s, or what is nearest."""
    offered = (profile.rates_hz, profile.acc_ranges_g, profile.gyr_ranges_deg_s)
    nearest = (
        min(values, key=lambda value: abs(value - usual))
        for values, usual in zip(offered, USUAL, strict=True)
    )
    return Settings(*nearest)


def offering(profile: Profile, settings: Settings) -> Profile:
    """The profile of a sensor that offers these settings, as its capabilities said or a journal shows."""
    rate_hz, acc_range_g, gyr_range_deg_s = settings
    return replace(
        profile, rates_hz=(rate_hz,), acc_ranges_g=(acc_range_g,), gyr_ranges_deg_s=(gyr_range_deg_s,)
    )


class Assembly:
    """One recording of one sensor, over all its links.

    Args:
        profile: the kind of sensor.
        settings: what it was started with.

    Attributes:
        decoder: counts refused packets.
        aligner: counts late and doubled ones, and knows holes, clock and rate.
        chunks: what the last notification held.

    Raises:
        SettingsError: the sensor does not have these settings.
    """

    def __init__(self, profile: Profile, settings: Settings) -> None:
        self._profile = profile
        self.decoder = profile.decoder(*settings)
        self.aligner = Aligner(
            settings.rate_hz,
            streams=profile.streams,
            clock=profile.clock,
            has_index=profile.has_index,
            window_s=HELD_S if profile.has_index else WINDOW_S,
            first_index=0 if profile.has_index else None,
        )
        self.pieces: list[SampleChunk] = []

    def take(self, characteristic: str, data: bytes, arrival_s: float) -> list[SampleBlock]:
        """Take a notification, and return the blocks that can be given out."""
        self.pieces = []
        if characteristic == self._profile.data_characteristic:
            self.pieces = self.decoder.feed(data, arrival_s)
        elif characteristic == self._profile.reply_characteristic:
            self.decoder.reply(data)
        return [block for chunk in self.pieces for block in self.aligner.push(chunk)]
