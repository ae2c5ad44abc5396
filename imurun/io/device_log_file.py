"""Reads a log that a sensor with imurun's protocol wrote to its flash storage as a Recording.

The layout is in `firmware_protocol/README.md`. Every sample is numbered, so samples that the sensor lost or
that a damaged record held become gaps of exact length.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imurun.ble.codec import RunHeader, decode_frame, decode_log
from imurun.ble.control import Configuration
from imurun.ble.devices.imurun import ImurunDecoder
from imurun.errors import FormatError
from imurun.files.byte_streams import Progress
from imurun.model.recording import Recording
from imurun.model.sample_block import Gathered
from imurun.model.time_grid import check_rate
from imurun.reassembly.reassembler import Reassembler

HEAD_BYTES = 45
"""Size of the first record, the run header, with its length byte."""
MAX_BYTES = 1 << 29
"""Two days at 208 Hz."""
PROGRESS_FRAMES = 1000
LEAST_OF_RANGE, MOST_OF_RANGE = 0.5, 32.0
"""2**15 counts in full scales: about 1, and more for a sensor with fewer than 16 bits."""


def is_device_log(head: bytes) -> bool:
    """Whether a file that begins with these bytes (`HEAD_BYTES` or more) is a log."""
    return head[:1] == bytes((HEAD_BYTES - 1,)) and isinstance(decode_frame(head[1:HEAD_BYTES]), RunHeader)


def read_device_log(path: Path, source: str, progress: Progress | None = None) -> Recording:
    """Decode a log, even one that a power loss cut short.

    Raises:
        FormatError: too large, or without any sample.
        RecordingError: the samples are not a valid recording.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FormatError(
            "this log is larger than any sensor's storage, so it is damaged; download it again."
        )
    frames, lost_bytes = decode_log(path.read_bytes())
    header = frames[0]
    assert isinstance(header, RunHeader)
    _check_scale("acceleration", header.acc_scale, header.acc_range_g)
    _check_scale("angular rate", header.gyr_scale, header.gyr_range_deg_s)
    rate_hz = check_rate(header.rate_mhz / 1000)
    decoder = ImurunDecoder(rate_hz, header.acc_range_g, header.gyr_range_deg_s)
    decoder.configured(Configuration._make(header[4:10]))
    decoder.started(header.boot_id, header.run)
    reassembler = Reassembler(rate_hz, has_index=True, first_index=0)
    samples = Gathered()
    first_s: float | None = None
    for position, frame in enumerate(frames):
        if samples.is_full:
            break
        if isinstance(frame, RunHeader):
            continue
        if progress is not None and position % PROGRESS_FRAMES == 0:
            progress(position, len(frames))
        for chunk in decoder.take(frame, 0.0):
            if chunk.time_device_s is None:
                continue
            if first_s is None:
                assert chunk.index is not None
                first_s = chunk.time_device_s - (chunk.index + len(chunk) - 1) / rate_hz
            for block in reassembler.push(replace(chunk, arrival_s=chunk.time_device_s)):
                samples.take(block)
    for block in reassembler.finish():
        samples.take(block)
    samples.end()
    if not samples.n or first_s is None:
        raise FormatError("the log holds no sample; record again.")
    if lost_bytes:
        samples.warnings.append(f"{lost_bytes} bytes of the log are damaged; their samples are missing.")
    return Recording(
        samples.acc,
        samples.gyr,
        rate_hz=reassembler.rate_hz,
        start=_start(header, first_s),
        acc_range_g=header.acc_range_g,
        gyr_range_deg_s=header.gyr_range_deg_s,
        source=source,
        warnings=tuple(samples.warnings),
    )


def _check_scale(quantity: str, scale: int, full_scale: int) -> None:
    share = scale * 1e-9 * 2**15
    if not 0.0 < LEAST_OF_RANGE * full_scale <= share <= MOST_OF_RANGE * full_scale:
        raise FormatError(
            f"the log gives {quantity} a full scale of {full_scale} and a count of {scale * 1e-9:g}, which "
            "do not fit together, so it is damaged; download it again."
        )


def _start(header: RunHeader, first_s: float) -> datetime | None:
    """UTC time of the first sample, from its device time `first_s`, which wraps at 2**32 us."""
    if not header.host_time_us:
        return None
    wrap_s = 2**32 * 1e-6
    since_s = first_s - header.device_time_us * 1e-6
    since_s -= wrap_s * round(since_s / wrap_s)
    try:
        return datetime.fromtimestamp(header.host_time_us * 1e-6, UTC) + timedelta(seconds=since_s)
    except (OverflowError, ValueError, OSError):
        return None
