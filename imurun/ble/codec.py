"""Encodes and decodes the packets of imurun's own Bluetooth protocol, which calls them frames.

`firmware_protocol/README.md` defines them. A frame holds samples, a part of a log, or the header of a log.

Decoding never raises on malformed bytes: it returns a `Reject` with the reason.
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
"""Frame types: the low nibble of the first byte."""
MAX_FRAME_BYTES = 244

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
    """Reason why bytes are rejected."""

    LENGTH = "length"
    VERSION = "version"
    TYPE = "type"
    CHECKSUM = "crc"


class Samples(NamedTuple):
    """Consecutive samples as raw counts; no rows in a frame that carries only a time.

    Attributes:
        flags: bits of `imurun.reassembly.chunks.Flag`.
        sequence: number of the notification, modulo 65536.
        first_index: number of the first sample, counted from 0 at the start of the run.
        time_us: device clock of the last sample, modulo 2**32; None in a short frame.
        configuration_id: id of the settings used; None in a short frame.
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
    """CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, no reflection."""
    return binascii.crc_hqx(data, 0xFFFF)


def samples_per_frame(mtu: int) -> int:
    """Number of samples that fit a notification; 0 where short frames must be used."""
    return max(0, (min(mtu - 3, MAX_FRAME_BYTES) - _SAMPLES_OVERHEAD) // _SAMPLE_BYTES)


def decode_frame(data: bytes) -> Frame | Reject:
    """Decode one notification, or one record of a log.

    The array of `Samples` is a view of `data`, not a copy.
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
    # the checksum is sent little-endian, so the remainder over data and checksum is not zero
    return crc16(data[:-2]) == data[-2] | data[-1] << 8


def encode_frame(frame: Frame) -> bytes:
    """Encode a frame; `Samples` without a time, which hold one sample, become a short frame."""
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
    """Content of an on-device log: its frames in order, and the number of bytes that belong to none."""

    frames: list[Samples | RunHeader]
    lost_bytes: int


def decode_log(data: bytes) -> Log:
    """Decode a downloaded log, in which each frame is preceded by its length; damaged parts are skipped.

    After damage, decoding continues where a length, a frame of that length and its checksum agree. After
    `MAX_REFUSED` positions that only look like a frame the rest is skipped, which bounds the time.
    """
    frames: list[Samples | RunHeader] = []
    lost = at = refused = 0
    while refused < MAX_REFUSED and (found := _LOG_RECORD.search(data, at)) is not None:
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


MAX_REFUSED = 1_000_000
"""Random bytes contain one such position per megabyte, and each damaged record is one."""


def _log_record() -> re.Pattern[bytes]:
    """Pattern of a record's length, first byte and, for samples, the matching count; searched in C for
    speed.
    """
    beginnings = [re.escape(bytes((_RUN_HEADER.size + _CRC.size, _first(RUN_HEADER))))]
    between = _SAMPLES.size - 3  # after the first byte, before count and configuration
    for count in range(samples_per_frame(MAX_FRAME_BYTES + 3) + 1):
        length = _SAMPLES_OVERHEAD + _SAMPLE_BYTES * count
        head = re.escape(bytes((length, _first(SAMPLES))))
        beginnings.append(head + b".{%d}" % between + re.escape(bytes((count,))))
    return re.compile(b"|".join(beginnings), re.DOTALL)


_LOG_RECORD = _log_record()
