"""Encodes and decodes the requests and responses of the control point of imurun's own protocol.

`firmware_protocol/README.md` defines them. A response longer than an indication is sent in parts, which
`Parts` joins:

    client                                 sensor
      | -- write: op, ref, parameters -------> |
      | <-- indication: MORE, op, ref, ... --- |  any number of these
      | <-- indication: LAST, op, ref, ... --- |  exactly one

Decoding never raises on malformed bytes.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct, error
from typing import NamedTuple, TypeAlias

MORE, LAST = 0x81, 0x80
"""First byte of a part of a response: more parts follow, or none."""
HEAD_BYTES = 4
MAX_PAYLOAD_BYTES = 4096
"""Larger than any response; parts that add up to more are dropped."""


class Op(IntEnum):
    """Operation of a request."""

    CAPABILITIES = 1
    CONFIGURE = 2
    START = 3
    STOP = 4
    TIME_SYNC = 5
    FETCH = 6
    STATUS = 7
    LOG_LIST = 8
    LOG_READ = 9
    LOG_ERASE = 10
    CONFIGURATION = 11


class Status(IntEnum):
    """Result of a request."""

    OK = 0
    UNKNOWN_OP = 1
    WRONG_LENGTH = 2
    OUT_OF_RANGE = 3
    NOT_CONFIGURED = 4
    RUNNING = 5
    NOT_RUNNING = 6
    NOT_HELD = 7
    BUSY = 8
    STORAGE = 9


class LogState(IntEnum):
    """State of the on-device log of the run; STOPPED means that storage is full or failing."""

    NONE = 0
    WRITING = 1
    STOPPED = 2


class Capabilities(NamedTuple):
    """Rates, ranges and memory that a sensor offers; also the content of its info characteristic."""

    protocol_version: int
    rates_hz: tuple[int, ...]
    acc_ranges_g: tuple[int, ...]
    gyr_ranges_deg_s: tuple[int, ...]
    ring_samples: int
    log_bytes: int
    firmware: str


class Configuration(NamedTuple):
    """The settings in use. Scales are in 1e-9 g and 1e-9 deg/s a count."""

    configuration_id: int
    rate_mhz: int
    acc_range_g: int
    gyr_range_deg_s: int
    acc_scale: int
    gyr_scale: int


class Started(NamedTuple):
    """A run, identified by the sensor's boot and the start since then, and the index of its first sample."""

    boot_id: int
    run: int
    first_index: int


class Stopped(NamedTuple):
    """End of a run: the index after its last sample."""

    next_index: int


class TimeSync(NamedTuple):
    """Device clock when the request arrived and when it was answered, microseconds."""

    received_us: int
    answered_us: int


class Fetching(NamedTuple):
    """Samples that will be sent again."""

    first_index: int
    n_samples: int


class StatusReport(NamedTuple):
    """State of the sensor. `battery` is in percent, 255 unknown; `log` is one of `LogState`."""

    boot_id: int
    run: int
    running: int
    configuration_id: int
    next_index: int
    oldest_index: int
    lost: int
    battery: int
    log: int
    device_time_us: int


class LogEntry(NamedTuple):
    """One log on the sensor."""

    log_id: int
    bytes: int


class LogList(NamedTuple):
    """The logs on the sensor, oldest first."""

    logs: tuple[LogEntry, ...]


class LogReading(NamedTuple):
    """Number of bytes of a log that will be sent."""

    length: int


Payload: TypeAlias = (
    Capabilities
    | Configuration
    | Started
    | Stopped
    | TimeSync
    | Fetching
    | StatusReport
    | LogList
    | LogReading
)


class Request(NamedTuple):
    """A request and its numeric parameters, in the order of the specification."""

    op: Op
    ref: int
    values: tuple[int, ...] = ()


class Response(NamedTuple):
    """The answer to the request with the same `op` and `ref`.

    `payload` is None for a refusal, for an op without payload, and where there are too few bytes for the op.
    """

    op: int
    ref: int
    status: int
    payload: Payload | None = None


_NO_PARAMETERS = Struct("<")
_REQUESTS = {
    Op.CAPABILITIES: _NO_PARAMETERS,
    Op.CONFIGURE: Struct("<HBH"),
    Op.START: Struct("<B"),
    Op.STOP: _NO_PARAMETERS,
    Op.TIME_SYNC: Struct("<Q"),
    Op.FETCH: Struct("<IH"),
    Op.STATUS: _NO_PARAMETERS,
    Op.LOG_LIST: _NO_PARAMETERS,
    Op.LOG_READ: Struct("<HIH"),
    Op.LOG_ERASE: Struct("<H"),
    Op.CONFIGURATION: _NO_PARAMETERS,
}
_FIXED = {
    Op.CONFIGURE: (Configuration, Struct("<BIBHII")),
    Op.CONFIGURATION: (Configuration, Struct("<BIBHII")),
    Op.START: (Started, Struct("<IHI")),
    Op.STOP: (Stopped, Struct("<I")),
    Op.TIME_SYNC: (TimeSync, Struct("<QQ")),
    Op.FETCH: (Fetching, Struct("<IH")),
    Op.STATUS: (StatusReport, Struct("<IHBBIIIBBQ")),
    Op.LOG_READ: (LogReading, Struct("<H")),
}
_LOG_ENTRY = Struct("<HI")
_SIZES = Struct("<II")


def encode_request(request: Request) -> bytes:
    """The bytes to write to the control characteristic."""
    return bytes((request.op, request.ref)) + _REQUESTS[request.op].pack(*request.values)


def decode_request(data: bytes) -> Request | None:
    """Decode a client's request; None where the op or the length is wrong."""
    if len(data) < 2 or data[0] not in _REQUESTS:
        return None
    layout = _REQUESTS[Op(data[0])]
    if len(data) != 2 + layout.size:
        return None
    return Request(Op(data[0]), data[1], layout.unpack_from(data, 2))


class Parts:
    """Joins the parts of responses, in the order of arrival.

    Attributes:
        rejected: number of indications that belong to no response.
    """

    def __init__(self) -> None:
        self.rejected = 0
        self._head = b""
        self._payload = b""

    def feed(self, data: bytes) -> Response | None:
        """Add one indication; return the response that it completes, else None."""
        if len(data) < HEAD_BYTES or data[0] not in (MORE, LAST):
            self.rejected += 1
            return None
        head = bytes(data[1:HEAD_BYTES])
        if head != self._head:
            self.rejected += bool(self._payload)  # the previous response is incomplete
            self._head, self._payload = head, b""
        self._payload += data[HEAD_BYTES:]
        if len(self._payload) > MAX_PAYLOAD_BYTES:
            self._head, self._payload = b"", b""
            self.rejected += 1
            return None
        if data[0] == MORE:
            return None
        payload, self._head, self._payload = self._payload, b"", b""
        return Response(*head, payload=decode_payload(head[0], payload) if head[2] == Status.OK else None)


def decode_response(data: bytes) -> Response | None:
    """Decode a response of one part; None where the bytes are not one."""
    return Parts().feed(data) if data[:1] == bytes((LAST,)) else None


def decode_payload(op: int, data: bytes) -> Payload | None:
    """Decode the payload of a successful response; further bytes, of later versions, are ignored."""
    try:
        if op in _FIXED:
            kind, layout = _FIXED[Op(op)]
            return kind._make(layout.unpack_from(data))
        if op == Op.CAPABILITIES:
            return decode_capabilities(data)
        if op == Op.LOG_LIST:
            entries = (_LOG_ENTRY.unpack_from(data, 1 + k * _LOG_ENTRY.size) for k in range(data[0]))
            return LogList(tuple(LogEntry._make(entry) for entry in entries))
    except (error, IndexError):
        pass
    return None


def decode_capabilities(data: bytes) -> Capabilities | None:
    """Decode capabilities, from a response or the info characteristic; None where bytes are missing."""
    try:
        version, at = data[0], 1
        lists: list[tuple[int, ...]] = []
        for letter in "HBH":
            layout = Struct(f"<{data[at]}{letter}")
            lists.append(layout.unpack_from(data, at + 1))
            at += 1 + layout.size
        ring, log = _SIZES.unpack_from(data, at)
        at += _SIZES.size
        text = data[at + 1 : at + 1 + data[at]]
        if len(text) != data[at]:
            return None
        rates, acc, gyr = lists
        return Capabilities(version, rates, acc, gyr, ring, log, text.decode("ascii", errors="replace"))
    except (error, IndexError):
        return None


def encode_response(response: Response, mtu: int = 247) -> list[bytes]:
    """Encode a response as indications of at most `mtu` - 3 bytes."""
    payload = b"" if response.payload is None else _encode_payload(response.op, response.payload)
    head, room = bytes(response[:3]), mtu - 3 - HEAD_BYTES
    chunks = [payload[at : at + room] for at in range(0, len(payload), room)] or [b""]
    return [bytes((LAST if k == len(chunks) - 1 else MORE,)) + head + chunk for k, chunk in enumerate(chunks)]


def _encode_payload(op: int, payload: Payload) -> bytes:
    if isinstance(payload, LogList):
        return bytes((len(payload.logs),)) + b"".join(_LOG_ENTRY.pack(*entry) for entry in payload.logs)
    if isinstance(payload, Capabilities):
        parts = [bytes((payload.protocol_version,))]
        for letter, values in zip("HBH", payload[1:4], strict=True):
            parts.append(Struct(f"<B{len(values)}{letter}").pack(len(values), *values))
        firmware = payload.firmware.encode("ascii", errors="replace")
        parts += [_SIZES.pack(payload.ring_samples, payload.log_bytes), bytes((len(firmware),)), firmware]
        return b"".join(parts)
    return _FIXED[Op(op)][1].pack(*payload)
