"""Writes a session as a FIT activity, for runs without a watch."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imurun.export.fit_fields import RECORD
from imurun.export.fit_merge import add_values, start_time_s, write_bytes
from imurun.export.fit_wire import read_parts
from imurun.files.optional import optional_module
from imurun.session import Session

if TYPE_CHECKING:
    from fit_tool.message import Message

DEVELOPMENT = 255
"""FIT's manufacturer number for software without one of its own."""
LONGEST_SERIAL = 0xFFFF_FFFE


def write_fit(session: Session, path: str | os.PathLike[str]) -> None:
    """Write a FIT activity: a record each second, laps at the markers, one session.

    Native fields are running dynamics, where measured: cadence, vertical oscillation, stance time, its share
    of the stride and its balance (left in percent of left and right). Developer fields are impact, loads,
    lean and sway; see `imurun.export.fit_fields`. Laps and the session hold means over their steps. Without
    distance there is no step length; `imurun.export.fit_merge` adds it.

    FIT times are whole seconds: records are at whole seconds of UTC, the first at or before the first sample.

    Args:
        session: with a start; without steps, the activity has times only.
        path: FIT file to write.

    Raises:
        SettingsError: no start, a start that FIT cannot store, or the file cannot be written.
        MissingExtraError: fit-tool is not installed.
    """
    start_s = start_time_s(session)
    write_bytes(_content(session, start_s), Path(path))


def _content(session: Session, start_s: float) -> bytes:
    parts = read_parts(_skeleton(session, start_s))
    return b"".join(add_values(part, session, start_s) for part in parts)


def _skeleton(session: Session, start_s: float) -> bytes:
    """The activity without values: file_id, timer start, records and laps, timer stop, session, activity."""
    optional_module("fit_tool", extra="fit", purpose="Writing FIT")
    from fit_tool.data_message import DataMessage
    from fit_tool.fit_file_builder import FitFileBuilder
    from fit_tool.profile.messages.activity_message import ActivityMessage
    from fit_tool.profile.messages.common_fields import TimestampField
    from fit_tool.profile.messages.event_message import EventMessage
    from fit_tool.profile.messages.file_id_message import FileIdMessage
    from fit_tool.profile.messages.lap_message import LapMessage
    from fit_tool.profile.messages.session_message import SessionMessage
    from fit_tool.profile.profile_type import Activity, Event, EventType, FileType, LapTrigger, Sport

    first = math.floor(start_s)
    last = max(math.floor(start_s + float(session.summary["duration_s"])), first + 1)
    builder = FitFileBuilder()

    def add(message: Message, **fields: object) -> None:
        for name, value in fields.items():
            setattr(message, name, value)
        builder.add(message)

    def timer(second: int, event_type: EventType) -> None:
        add(
            EventMessage(local_id=1),
            timestamp=1000 * second,
            event=Event.TIMER,
            event_type=event_type,
        )

    def totals(begin: int, end: int) -> dict[str, object]:
        contacts = np.asarray(session.steps["initial_contact_s"], dtype=np.float64) + start_s
        steps = int(np.sum((contacts >= begin) & (contacts < end)))
        return {
            "timestamp": 1000 * end,
            "start_time": 1000 * begin,
            "total_elapsed_time": float(end - begin),
            "total_timer_time": float(end - begin),
            "total_cycles": steps // 2,
            "total_fractional_cycles": 0.5 * (steps % 2),
            "event_type": EventType.STOP,
            "sport": Sport.RUNNING,
        }

    add(
        FileIdMessage(),
        type=FileType.ACTIVITY,
        manufacturer=DEVELOPMENT,
        product=0,
        serial_number=round(1000 * start_s) % LONGEST_SERIAL + 1,
        time_created=1000 * first,
    )
    timer(first, EventType.START)
    borders = _lap_borders(session, start_s, first, last)
    lap = 0
    for second in range(first, last + 1):
        # not RecordMessage, which builds a hundred fields each time
        time = TimestampField(size=4)
        time.set_value(0, 1000 * second)
        builder.add(DataMessage(local_id=3, global_id=RECORD, name="record", fields=[time]))
        if second == borders[lap + 1]:
            trigger = LapTrigger.SESSION_END if second == last else LapTrigger.MANUAL
            if second == last:
                timer(last, EventType.STOP_ALL)
            add(
                LapMessage(local_id=4),
                message_index=lap,
                event=Event.LAP,
                lap_trigger=trigger,
                **totals(borders[lap], second),
            )
            lap = min(lap + 1, len(borders) - 2)
    add(
        SessionMessage(local_id=5),
        message_index=0,
        event=Event.SESSION,
        first_lap_index=0,
        num_laps=len(borders) - 1,
        **totals(first, last),
    )
    add(
        ActivityMessage(local_id=6),
        timestamp=1000 * last,
        total_timer_time=float(last - first),
        num_sessions=1,
        type=Activity.MANUAL,
        event=Event.ACTIVITY,
        event_type=EventType.STOP,
    )
    return builder.build_bytes()


def _lap_borders(session: Session, start_s: float, first: int, last: int) -> list[int]:
    """Whole seconds at which laps begin and end; a lap shorter than a second becomes part of the next."""
    marks = [round(start_s + marker.time_s) for marker in session.markers if marker.kind == "lap"]
    inner = sorted({mark for mark in marks if first < mark < last})
    borders = [first, *inner, last]
    assert all(a < b for a, b in pairwise(borders))
    return borders
