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
    """Requested sampling rate and full scales."""

    rate_hz: int
    acc_range_g: int
    gyr_range_deg_s: int


USUAL = Settings(208, 16, 2000)
"""Default settings; 16 g and 2000 deg/s are not clipped in running."""


def usual_settings(driver: DeviceDriver) -> Settings:
    """Default settings for a kind of sensor: 208 Hz, 16 g and 2000 deg/s, or the nearest that it offers."""
    offered = (driver.rates_hz, driver.acc_ranges_g, driver.gyr_ranges_deg_s)
    nearest = (
        min(values, key=lambda value: abs(value - usual))
        for values, usual in zip(offered, USUAL, strict=True)
    )
    return Settings(*nearest)


def offering(driver: DeviceDriver, settings: Settings) -> DeviceDriver:
    """The driver limited to these settings, which the sensor is known to offer: from a journal, for
    example.
    """
    rate_hz, acc_range_g, gyr_range_deg_s = settings
    return replace(
        driver, rates_hz=(rate_hz,), acc_ranges_g=(acc_range_g,), gyr_ranges_deg_s=(gyr_range_deg_s,)
    )


class StreamDecoder:
    """Decodes and reassembles one recording of one sensor, which may span several connections.

    Args:
        driver: the device driver.
        settings: the requested settings.

    Attributes:
        decoder: counts rejected packets.
        reassembler: counts late and duplicate packets; has pending ranges, clock and rate.
        chunks: chunks decoded from the last notification.

    Raises:
        SettingsError: the sensor does not have these settings.
    """

    def __init__(self, driver: DeviceDriver, settings: Settings) -> None:
        self._driver = driver
        self.decoder = driver.decoder(*settings)
        self.reassembler = Reassembler(
            settings.rate_hz,
            streams=driver.streams,
            clock=driver.clock,
            has_index=driver.has_index,
            window_s=BACKFILL_WINDOW_S if driver.has_index else WINDOW_S,
            first_index=0 if driver.has_index else None,
        )
        self.chunks: list[SampleChunk] = []

    def take(self, characteristic: str, data: bytes, arrival_s: float) -> list[SampleBlock]:
        """Decode a notification; return the blocks that can be emitted."""
        self.chunks = []
        if characteristic == self._driver.data_characteristic:
            self.chunks = self.decoder.feed(data, arrival_s)
        elif characteristic == self._driver.reply_characteristic:
            self.decoder.reply(data)
        return [block for chunk in self.chunks for block in self.reassembler.push(chunk)]
