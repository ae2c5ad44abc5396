"""Takes contact times from the records of a watch's FIT file, with the device they come from and its delay.

Fields are known by name and unit, never by their native number: an early version of Stryd's field names the
number of another quantity. Delays are medians behind the cadence of the same file at starts (249 public files
of watches; quartiles 0 to 2.5 s native, 4 to 7 s Stryd); those of RunScribe are set by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imurun.export.fit_fields import APPLICATION_ID
from imurun.export.fit_messages import FitMessage
from imurun.model.frames import FloatArray

NATIVE_FIELD = "stance_time"
NATIVE_DELAY_S = 1.0
OUR_FIELD = "Stance time"
"""Developer field of imurun beside a native contact time of the watch (`imurun.export.fit_wire`)."""
DEVELOPER_FIELDS: dict[tuple[str, str], tuple[str, float]] = {
    ("ground time", "milliseconds"): ("Stryd", 6.0),
    ("ground time", "ms"): ("Stryd", 6.0),
    ("contacttime", ""): ("RunScribe", 3.0),
    ("contacttime", "ms"): ("RunScribe", 3.0),
    ("rs_contacttime_l", "ms"): ("RunScribe", 3.0),
    ("rs_contacttime_r", "ms"): ("RunScribe", 3.0),
}
"""Device and delay, s, by name and unit in lower case; several fields of one device are averaged."""
MAKERS = {
    "garmin": "Garmin",
    "dynastream": "Garmin",
    "stryd": "Stryd",
    "coros": "COROS",
    "polar_electro": "Polar",
    "suunto": "Suunto",
    "wahoo_fitness": "Wahoo",
}


@dataclass(frozen=True, eq=False)
class WatchContact:
    """Contact times of one device.

    Attributes:
        device: its maker, such as "Stryd"; "watch" if unknown.
        contact_ms: at each record, ms, shape (n,); NaN where there is none; 0 counts as none.
        delay_s: how much later than the cadence it reacts.
    """

    device: str
    contact_ms: FloatArray
    delay_s: float


def watch_contacts(records: Sequence[FitMessage], others: Sequence[FitMessage]) -> tuple[WatchContact, ...]:
    """The contact times of each device in the records, those with most values first.

    Values that imurun itself has added to the file are left out.

    Args:
        records: messages "record".
        others: all messages, among them "file_id" and "developer_data_id".
    """
    found: list[WatchContact] = []
    native = _positive([message.values.get(NATIVE_FIELD) for message in records])
    if np.isfinite(native).any() and not _is_ours(records, others):
        found.append(WatchContact(maker_of(others), native, NATIVE_DELAY_S))
    by_device: dict[tuple[str, float], list[FloatArray]] = {}
    keys = {key for message in records for key in message.developer}
    for name, unit in sorted(keys):
        known = DEVELOPER_FIELDS.get((name.strip().lower(), unit.strip().lower()))
        if known is not None:
            column = _positive([message.developer.get((name, unit)) for message in records])
            by_device.setdefault(known, []).append(column)
    for (device, delay_s), columns in by_device.items():
        values = np.array(columns)
        n = np.isfinite(values).sum(axis=0)
        mean = np.where(n > 0, np.nansum(values, axis=0) / np.maximum(n, 1), np.nan)
        if n.any():
            found.append(WatchContact(device, mean, delay_s))
    return tuple(sorted(found, key=lambda contact: -int(np.isfinite(contact.contact_ms).sum())))


def maker_of(messages: Sequence[FitMessage]) -> str:
    """The maker of the watch, such as "Garmin"; "watch" if unknown."""
    for message in messages:
        if message.kind == "file_id":
            return MAKERS.get(str(message.values.get("manufacturer")), "watch")
    return "watch"


def _is_ours(records: Sequence[FitMessage], others: Sequence[FitMessage]) -> bool:
    """Whether the native contact times are imurun's: then no developer field of imurun holds them too."""
    if any(name == OUR_FIELD for message in records for name, _ in message.developer):
        return False
    return any(
        message.kind == "developer_data_id"
        and _as_bytes(message.values.get("application_id")) == APPLICATION_ID
        for message in others
    )


def _as_bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, tuple | list):
        return bytes(part for part in value if isinstance(part, int) and 0 <= part < 256)
    return b""


def _positive(values: Sequence[object]) -> FloatArray:
    """Numbers above 0; NaN for all else."""
    return np.array(
        [
            float(value)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            else np.nan
            for value in values
        ],
        dtype=np.float64,
    )
