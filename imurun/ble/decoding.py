"""Decodes the notifications of a sensor to blocks of samples: the driver's decoder, then `Reassembler`.

The client and the replay of a journal both use it, so the same notifications give the same blocks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from imurun.ble.devices.driver import DeviceDriver
from imurun.model.sample_block import SampleBlock
from imurun.reassembly.chunks import SampleChunk
from imurun.reassembly.reassembler import WINDOW_S, Reassembler

BACKFILL_WINDOW_S = 3600.0
"""How long a range stays pending whose samples can be requested again: the sensor usually decides earlier."""


class Settings(NamedTuple):
    """Sampling rate and full scales that a sensor is asked for."""

    rate_hz: int
    acc_range_g: int
    gyr_range_deg_s: int


USUAL = Settings(208, 16, 2000)
"""Default settings; 16 g and 2000 deg/s are not clipped in running."""


def usual_settings(profile: DeviceDriver) -> Settings:
    """Default settings for a kind of sensor: 208 Hz, 16 g and 2000 deg/s, or the nearest that it offers."""
    offered = (profile.rates_hz, profile.acc_ranges_g, profile.gyr_ranges_deg_s)
    nearest = (
        min(values, key=lambda value: abs(value - usual))
        for values, usual in zip(offered, USUAL, strict=True)
    )
    return Settings(*nearest)


def offering(profile: DeviceDriver, settings: Settings) -> DeviceDriver:
    """The driver limited to these settings, which the sensor is known to offer: from a journal, for
    example.
    """
    rate_hz, acc_range_g, gyr_range_deg_s = settings
    return replace(
        profile, rates_hz=(rate_hz,), acc_ranges_g=(acc_range_g,), gyr_ranges_deg_s=(gyr_range_deg_s,)
    )


class StreamDecoder:
    """Decodes and reassembles one recording of one sensor, which may span several connections.

    Args:
        profile: the device driver.
        settings: what the sensor was started with.

    Attributes:
        decoder: counts rejected packets.
        reassembler: counts late and duplicate packets; has pending ranges, clock and rate.
        chunks: chunks decoded from the last notification.

    Raises:
        SettingsError: the sensor does not have these settings.
    """

    def __init__(self, profile: DeviceDriver, settings: Settings) -> None:
        self._profile = profile
        self.decoder = profile.decoder(*settings)
        self.reassembler = Reassembler(
            settings.rate_hz,
            streams=profile.streams,
            clock=profile.clock,
            has_index=profile.has_index,
            window_s=BACKFILL_WINDOW_S if profile.has_index else WINDOW_S,
            first_index=0 if profile.has_index else None,
        )
        self.chunks: list[SampleChunk] = []

    def take(self, characteristic: str, data: bytes, arrival_s: float) -> list[SampleBlock]:
        """Decode a notification; return the blocks that can be emitted."""
        self.chunks = []
        if characteristic == self._profile.data_characteristic:
            self.chunks = self.decoder.feed(data, arrival_s)
        elif characteristic == self._profile.reply_characteristic:
            self.decoder.reply(data)
        return [block for chunk in self.chunks for block in self.reassembler.push(chunk)]
