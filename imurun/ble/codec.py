"""Frames of imurun's own protocol, bytes to arrays and back; `firmware_protocol/README.md` defines them.

Nothing here raises on bad bytes: what is no frame comes back as a `Reject`, which says why.
"""

from __future__ import annotations

import binascii
import re
from enum import StrEnum
from struct import Struct
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

VERSION = 1
SAMPLES, SHORT, LOG_DATA, RUN_HEADER = range(4)
"""Types of frames: the low nibble of the first byte."""
MAX_FRAME_BYTES = 244
SHORT_MTU = 31
"""Below this MTU not even one sample fits a frame with header and checksum: samples come short."""

_HEAD_BYTES = 4
_SAMPLES = Struct("<BBHIIBB")
_SHORT = Struct("<BBHI6h")
_SHORT_HEAD = Struct("<BBHI")
_LOG_DATA = Struct("<BBHIB")
_RUN_HEADER = Struct("<BBHIHBIBHIIQQ")
_CRC = Struct("<H")
_SAMPLE_BYTES = 12
_LOG_DATA_OVERHEAD = _LOG_DATA.size + _CRC.size
_SAMPLES_OVERHEAD = _SAMPLES.size + _CRC.size
_RAW = np.dtype("<i2")

RawArray = npt.NDArray[np.int16]


class Reject(StrEnum):
    """Why bytes are no frame, or not one that can be used."""

    LENGTH = "length"
    VERSION = "version"
    TYPE = "type"
    CHECKSUM = "crc"


class Samples(NamedTuple):
    """Consecutive samples as the sensor counted them; none in a frame that only tells the time.

    Attributes:
        flags: bits of `imurun.reassembly.chunks.Flag`.
        sequence: number of the notification, modulo 65536.
        first_index: samples since the start of the run, before these.
        time_us: device clock of the last sample, modulo 2**32; None in a short frame.
        configuration_id: which settings the values are of; None in a short frame.
        raw: shape (n, 6), counts: acceleration x, y, z, angular rate x, y, z.
    """

    flags: int
    sequence: int
    first_index: int
    time_us: int | None
    configuration_id: int | None
    raw: RawArray


class LogData(NamedTuple):
    """A chunk of an on-device log, `offset` bytes from its start."""

    flags: int
    sequence: int
    offset: int
    data: bytes


class RunHeader(NamedTuple):
    """The first record of a log. Scales are in 1e-9 g and 1e-9 deg/s a count; `host_time_us` 0 is unknown."""

    flags: int
    sequence: int
    boot_id: int
    run: int
    configuration_id: int
    rate_mhz: int
    acc_range_g: int
    gyr_range_deg_s: int
    acc_scale: int
    gyr_scale: int
    device_time_us: int
    host_time_us: int


Frame: TypeAlias = Samples | LogData | RunHeader


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021 from 0xFFFF, nothing reflected."""
    return binascii.crc_hqx(data, 0xFFFF)


def samples_per_frame(mtu: int) -> int:
    """Samples that fit a notification; 0 where they must come short."""
    return max(0, (min(mtu - 3, MAX_FRAME_BYTES) - _SAMPLES_OVERHEAD) // _SAMPLE_BYTES)


def decode_frame(data: bytes) -> Frame | Reject:
    """One notification, or one record of a log, as what it holds.

    The array of `Samples` looks into `data` without copying it.
    """
    if len(data) < _HEAD_BYTES:
        return Reject.LENGTH
    kind = data[0]
    if kind >> 4 != VERSION:
        return Reject.VERSION
    decode = _DECODERS.get(kind & 0x0F)
    return Reject.TYPE if decode is None else decode(data)


def _decode_samples(data: bytes) -> Samples | Reject:
    if len(data) < _SAMPLES_OVERHEAD:
        return Reject.LENGTH
    _, flags, sequence, first_index, time_us, count, configuration_id = _SAMPLES.unpack_from(data)
    if len(data) != _SAMPLES_OVERHEAD + _SAMPLE_BYTES * count:
        return Reject.LENGTH
    if not _checksum_holds(data):
        return Reject.CHECKSUM
    raw = np.frombuffer(data, _RAW, 6 * count, _SAMPLES.size).reshape(count, 6)
    return Samples(flags, sequence, first_index, time_us, configuration_id, raw)


def _decode_short(data: bytes) -> Samples | Reject:
    if len(data) != _SHORT.size:
        return Reject.LENGTH
    _, flags, sequence, index = _SHORT_HEAD.unpack_from(data)
    raw = np.frombuffer(data, _RAW, 6, _SHORT_HEAD.size).reshape(1, 6)
    return Samples(flags, sequence, index, None, None, raw)


def _decode_log_data(data: bytes) -> LogData | Reject:
    if len(data) < _LOG_DATA_OVERHEAD:
        return Reject.LENGTH
    _, flags, sequence, offset, length = _LOG_DATA.unpack_from(data)
    if len(data) != _LOG_DATA_OVERHEAD + length:
        return Reject.LENGTH
    if not _checksum_holds(data):
        return Reject.CHECKSUM
    return LogData(flags, sequence, offset, bytes(data[_LOG_DATA.size : _LOG_DATA.size + length]))


def _decode_run_header(data: bytes) -> RunHeader | Reject:
    if len(data) != _RUN_HEADER.size + _CRC.size:
        return Reject.LENGTH
    if not _checksum_holds(data):
        return Reject.CHECKSUM
    return RunHeader._make(_RUN_HEADER.unpack_from(data)[1:])


_DECODERS = {
    SAMPLES: _decode_samples,
    SHORT: _decode_short,
    LOG_DATA: _decode_log_data,
    RUN_HEADER: _decode_run_header,
}


def _checksum_holds(data: bytes) -> bool:
    # over bytes and their own checksum, most significant byte first, the remainder would be zero
    return crc16(data[:-2]) == data[-2] | data[-1] << 8


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame; `Samples` without a time make a short one, and hold one sample."""
    if isinstance(frame, LogData):
        head = _LOG_DATA.pack(_first(LOG_DATA), *frame[:3], len(frame.data))
        return _with_checksum(head + frame.data)
    if isinstance(frame, RunHeader):
        return _with_checksum(_RUN_HEADER.pack(_first(RUN_HEADER), *frame))
    raw = np.asarray(frame.raw, _RAW)
    if frame.time_us is None:
        return _SHORT.pack(_first(SHORT), *frame[:3], *raw.ravel().tolist())
    head = _SAMPLES.pack(_first(SAMPLES), *frame[:4], len(raw), frame.configuration_id or 0)
    return _with_checksum(head + raw.tobytes())


def _first(kind: int) -> int:
    return VERSION << 4 | kind


def _with_checksum(data: bytes) -> bytes:
    return data + _CRC.pack(crc16(data))


class Log(NamedTuple):
    """What an on-device log holds: its frames in order, and how many of its bytes belong to none."""

    frames: list[Samples | RunHeader]
    lost_bytes: int


def decode_log(data: bytes) -> Log:
    """Frames of a downloaded log, each preceded by its length; what is damaged is left out.

    After damage the next place is sought at which a length, a frame of that length and its checksum agree;
    after `MOST_REFUSED` places that only look like it the rest is not looked at.
    """
    frames: list[Samples | RunHeader] = []
    lost = at = refused = 0
    while refused < MOST_REFUSED and (found := _LOG_RECORD.search(data, at)) is not None:
        start = found.start()
        stop = start + 1 + data[start]
        frame = decode_frame(data[start + 1 : stop]) if stop <= len(data) else Reject.LENGTH
        lost += start - at
        if isinstance(frame, Samples | RunHeader):
            frames.append(frame)
            at = stop
        else:
            refused += 1
            lost += 1
            at = start + 1
    return Log(frames, lost + len(data) - at)


MOST_REFUSED = 1_000_000
"""Noise has one such place in a megabyte, and a damaged record is one."""


def _log_record() -> re.Pattern[bytes]:
    """Length, first byte and, for samples, the count that goes with the length; C finds them fast."""
    beginnings = [re.escape(bytes((_RUN_HEADER.size + _CRC.size, _first(RUN_HEADER))))]
    between = _SAMPLES.size - 3  # after the first byte, before count and configuration
    for count in range(samples_per_frame(MAX_FRAME_BYTES + 3) + 1):
        length = _SAMPLES_OVERHEAD + _SAMPLE_BYTES * count
        head = re.escape(bytes((length, _first(SAMPLES))))
        beginnings.append(head + b".{%d}" % between + re.escape(bytes((count,))))
    return re.compile(b"|".join(beginnings), re.DOTALL)


_LOG_RECORD = _log_record()
