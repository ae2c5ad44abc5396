"""Driver for sensors with imurun's own protocol, on any board.

The protocol is defined in `firmware_protocol/README.md`. It is the only one with sample numbers, a device
clock, a count of lost samples, and backfill. The sensor reports its scales in the answer to `configure`: the
scale of an LSM6DS3TR-C at +-2000 deg/s, for example, is not 2000 / 32768.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from imurun.ble.codec import VERSION, Reject, Samples, decode_frame
from imurun.ble.control import (
    Capabilities,
    Configuration,
    Op,
    Parts,
    Request,
    Started,
    Status,
    decode_response,
    encode_request,
)
from imurun.ble.devices.driver import BATTERY_LEVEL, Command, DeviceDriver, Reply, lower
from imurun.errors import SettingsError
from imurun.model.frames import FloatArray, G
from imurun.reassembly.chunks import BACKFILLED, SampleChunk

SERVICE = "7d0c0001-3a5b-4f1e-9c62-1b8a6e0f5d21"
DATA = "7d0c0002-3a5b-4f1e-9c62-1b8a6e0f5d21"
CONTROL = "7d0c0003-3a5b-4f1e-9c62-1b8a6e0f5d21"
INFO = "7d0c0004-3a5b-4f1e-9c62-1b8a6e0f5d21"

TIME_WRAP_S = 2**32 / 1e6
START_LOGS = 1
"""Option of `start`."""
RESTART_SAMPLES = 2048
"""A live index this far below the last one means that the sensor was restarted unnoticed."""
CONFIGURATION, NOT_SAMPLES = "configuration", "not samples"
"""Reasons for rejection beside those of the codec: unknown scale, and frames that hold no samples."""

_REFUSALS = {
    Status.UNKNOWN_OP: "unknown command",
    Status.WRONG_LENGTH: "the command had the wrong length",
    Status.OUT_OF_RANGE: "it does not offer these settings",
    Status.NOT_CONFIGURED: "it has no settings yet",
    Status.RUNNING: "it is running",
    Status.NOT_RUNNING: "it is not running",
    Status.NOT_HELD: "it no longer holds these samples",
    Status.BUSY: "it is busy",
    Status.STORAGE: "its storage is missing or full",
}


class ImurunDecoder:
    """Decodes frames to chunks.

    Until a `Configuration` is known, values are scaled by the nominal ranges, and the first configuration id
    received is assumed to mean them. Frames of another configuration are rejected, since their scale is
    unknown. Short frames carry no id, and are assumed to be of the known one.

    Args:
        rate_hz, acc_range_g, gyr_range_deg_s: the requested settings.
    """

    def __init__(self, rate_hz: float, acc_range_g: float, gyr_range_deg_s: float) -> None:
        self.rejects: Counter[str] = Counter()
        self._parts = Parts()
        self._rate_hz = float(rate_hz)
        self._configuration_id: int | None = None
        self._scale = _scale(acc_range_g / 32768, gyr_range_deg_s / 32768)
        self._run = 0
        self._boot: tuple[int, int] | None = None
        self._last_live: int | None = None
        self._reference: tuple[int, float] | None = None

    def reply(self, data: bytes) -> None:
        """Read scales and starts of runs from an indication of the control characteristic."""
        response = self._parts.feed(data)
        if response is None:
            return
        if isinstance(response.payload, Configuration):
            self.configured(response.payload)
        elif isinstance(response.payload, Started):
            self.started(response.payload.boot_id, response.payload.run)

    def configured(self, configuration: Configuration) -> None:
        """Use this configuration for the frames that follow."""
        if configuration.rate_mhz:
            self._rate_hz = configuration.rate_mhz / 1000
        self._configuration_id = configuration.configuration_id
        self._scale = _scale(configuration.acc_scale * 1e-9, configuration.gyr_scale * 1e-9)

    def started(self, boot_id: int, run: int) -> None:
        """Record which run the frames that follow belong to; in a new run, index and clock restart."""
        if (boot_id, run) != self._boot:
            if self._boot is not None or self._last_live is not None:
                self._begin_run()
            self._boot = boot_id, run

    def _begin_run(self) -> None:
        self._run += 1
        self._last_live = None
        self._reference = None

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Decode one notification to at most one chunk."""
        frame = decode_frame(data)
        if isinstance(frame, Reject):
            self.rejects[frame.value] += 1
            return []
        if not isinstance(frame, Samples):
            self.rejects[NOT_SAMPLES] += 1
            return []
        return self.take(frame, arrival_s)

    def take(self, frame: Samples, arrival_s: float) -> list[SampleChunk]:
        """Convert one frame, from a notification or a log, to at most one chunk."""
        if frame.configuration_id is not None and frame.configuration_id != self._configuration_id:
            if self._configuration_id is not None:
                self.rejects[CONFIGURATION] += 1
                return []
            self._configuration_id = frame.configuration_id
        count = len(frame.raw)
        last = frame.first_index + count - 1
        live = not frame.flags & BACKFILLED
        if live:
            if self._last_live is not None and last < self._last_live - RESTART_SAMPLES:
                self._begin_run()
            self._last_live = last if self._last_live is None else max(last, self._last_live)
        time_s = None if frame.time_us is None else self._unwrap(frame.time_us * 1e-6, last)
        chunk = SampleChunk(
            "both",
            frame.raw * self._scale,
            arrival_s,
            frame.first_index,
            frame.sequence,
            time_s,
            frame.flags,
            self._run,
        )
        return [chunk]

    def _unwrap(self, time_s: float, index: int) -> float:
        """Unwrap the device clock, which wraps every 71.6 minutes; the index gives the number of wraps."""
        if self._reference is None:
            self._reference = index, time_s
            return time_s
        at, then_s = self._reference
        expected_s = then_s + (index - at) / self._rate_hz
        time_s += TIME_WRAP_S * round((expected_s - time_s) / TIME_WRAP_S)
        if index > at:  # a recent reference keeps the error of the rate small
            self._reference = index, time_s
        return time_s


def _scale(acc_g: float, gyr_deg_s: float) -> FloatArray:
    return np.repeat([acc_g * G, gyr_deg_s * math.pi / 180], 3)


@dataclass(frozen=True, kw_only=True)
class ImurunDriver(DeviceDriver):
    """Driver for sensors with imurun's own protocol."""

    name = "imurun"
    title = "A sensor with imurun's own protocol"
    service = SERVICE
    data_characteristic = DATA
    control_characteristic = CONTROL
    reply_characteristic = CONTROL
    streams = ("both",)
    clock = "device"
    has_index = True
    can_backfill = True
    syncs_time = True
    reports_run = True
    can_log = True
    capabilities_characteristic = INFO
    battery = "standard battery service (180F), and the status of the control point"
    battery_characteristic = BATTERY_LEVEL
    tested = "Tested on the golden vectors of the protocol, not on a board."

    def recognises(self, name: str, services: Collection[str]) -> bool:
        """By the service, or by the name of a board that does not advertise it."""
        return SERVICE in lower(services) or name.lower().startswith("imurun")

    def with_capabilities(self, capabilities: Capabilities) -> ImurunDriver:
        """The same driver with the rates and ranges that the sensor reports.

        Raises:
            SettingsError: the sensor uses another version of the protocol.
        """
        if capabilities.protocol_version != VERSION:
            raise SettingsError(
                f"The sensor uses protocol version {capabilities.protocol_version}, imurun uses {VERSION}; "
                "update the older one."
            )
        return replace(
            self,
            rates_hz=capabilities.rates_hz,
            acc_ranges_g=capabilities.acc_ranges_g,
            gyr_ranges_deg_s=capabilities.gyr_ranges_deg_s,
        )

    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Command]:
        """Stop a run that may be in progress, configure, start; without the log where the log is refused."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        requests = [
            Request(Op.STOP, 1),
            Request(Op.CONFIGURE, 2, (rate_hz, acc_range_g, gyr_range_deg_s)),
        ]
        commands = [
            Command(CONTROL, encode_request(request), replies=True, may_fail=request.op == Op.STOP)
            for request in requests
        ]
        start = Command(CONTROL, encode_request(Request(Op.START, 3, (0,))), replies=True)
        if self.keeps_log:
            logged = Request(Op.START, 5, (START_LOGS,))
            start = Command(CONTROL, encode_request(logged), replies=True, instead=start)
        return [*commands, start]

    def stop_commands(self) -> list[Command]:
        """One request to stop."""
        return [Command(CONTROL, encode_request(Request(Op.STOP, 4)), replies=True, may_fail=True)]

    def reply_to(self, command: Command, data: bytes) -> Reply | None:
        """Match by op and reference; the responses to start and stop commands have one part only."""
        response = decode_response(data)
        if response is None or bytes((response.op, response.ref)) != command.data[:2]:
            return None
        if response.status == Status.OK:
            return Reply(True)
        known = response.status in _REFUSALS
        return Reply(False, _REFUSALS[Status(response.status)] if known else f"status {response.status}")

    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> ImurunDecoder:
        """A new `ImurunDecoder`."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        return ImurunDecoder(rate_hz, acc_range_g, gyr_range_deg_s)


DRIVER = ImurunDriver(
    rates_hz=(52, 104, 208, 416),
    acc_ranges_g=(2, 4, 8, 16),
    gyr_ranges_deg_s=(125, 250, 500, 1000, 2000),
)
