"""Helpers: sessions with known steps, and FIT activities as watches and pods write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from fit_tool.base_type import BaseType
from fit_tool.developer_field import DeveloperField
from fit_tool.fit_file_builder import FitFileBuilder
from fit_tool.profile.messages.developer_data_id_message import DeveloperDataIdMessage
from fit_tool.profile.messages.field_description_message import FieldDescriptionMessage
from fit_tool.profile.messages.file_id_message import FileIdMessage
from fit_tool.profile.messages.record_message import RecordMessage
from fit_tool.profile.messages.session_message import SessionMessage
from fit_tool.profile.profile_type import FileType, Manufacturer, Sport, SubSport

from imurun.model.columns import STEP_COLUMNS
from imurun.session import Session

START = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
START_S = int(START.timestamp())


def made_session(times_spm, *, contact_ms=250.0, start=START, seed=0):
    """A session whose cadence at each second is given, 0 for standing; contact time is constant.

    Args:
        times_spm: shape (n,).
        contact_ms: a number, or a function of the time of the step.
    """
    times_spm = np.asarray(times_spm, dtype=float)
    contacts, at = [], 0.1
    while at < len(times_spm):
        spm = times_spm[int(at)]
        if spm <= 0.0:
            at += 0.1
            continue
        contacts.append(at)
        at += 60.0 / spm
    onset = np.array(contacts)
    contact = np.array([contact_ms(t) if callable(contact_ms) else contact_ms for t in contacts])
    scatter = np.random.default_rng(seed).normal(0.0, 4.0, len(onset))
    scatter -= scatter.mean() if len(scatter) else 0.0
    known = {
        "initial_contact_s": onset,
        "final_contact_s": onset + contact / 1000.0,
        "side": np.where(np.arange(len(onset)) % 2 == 0, "left", "right"),
        "gait": np.where(times_spm[onset.astype(int)] > 140.0, "running", "walking"),
        "contact_time_ms": contact + scatter,
        "cadence_spm": times_spm[onset.astype(int)],
    }
    table = {c.name: known.get(c.name, np.nan) for c in STEP_COLUMNS}
    bouts = pd.DataFrame({"start_s": [0.0], "end_s": [float(len(times_spm))], "kind": ["running"]})
    summary = {"duration_s": float(len(times_spm))}
    return Session(
        pd.DataFrame(table, index=range(len(onset))), bouts, bouts, summary, None, (), {}, start, "made.csv"
    )


@dataclass
class Field:
    """A developer field; `native` is the number of the native field that it says it replaces."""

    name: str
    unit: str
    ms: np.ndarray
    native: int | None = None


@dataclass
class Activity:
    """What an activity holds at each second from its start; NaN and None are left out of a record."""

    spm: np.ndarray
    start_s: int = START_S
    stance_ms: np.ndarray | None = None
    speed_m_s: np.ndarray | None = None
    developer: list[Field] = field(default_factory=list)
    maker: Manufacturer = Manufacturer.GARMIN
    sport: Sport | None = Sport.RUNNING
    sub_sport: SubSport | None = None
    counts_steps: bool = False
    left_out: tuple[int, ...] = ()

    def content(self) -> bytes:
        """The FIT file."""
        builder = FitFileBuilder()
        head = FileIdMessage()
        head.type = FileType.ACTIVITY
        head.manufacturer = self.maker
        head.time_created = 1000 * self.start_s
        builder.add(head)
        if self.developer:
            who = DeveloperDataIdMessage(local_id=1)
            who.developer_data_index = 0
            who.application_id = bytes(range(16))
            builder.add(who)
            for number, each in enumerate(self.developer):
                builder.add(_description(number, each))
        for k, spm in enumerate(self.spm):
            if k not in self.left_out:
                builder.add(self._record(k, float(spm)))
        if self.sport is not None:
            end = SessionMessage(local_id=4)
            end.timestamp = 1000 * (self.start_s + len(self.spm))
            end.start_time = 1000 * self.start_s
            end.sport = self.sport
            if self.sub_sport is not None:
                end.sub_sport = self.sub_sport
            builder.add(end)
        return builder.build_bytes()

    def _record(self, k: int, spm: float) -> RecordMessage:
        developer = []
        for number, each in enumerate(self.developer):
            made = DeveloperField(
                field_id=number, name=each.name, base_type=BaseType.FLOAT32, units=each.unit, size=4
            )
            made.set_value(0, float(each.ms[k]))
            developer.append(made)
        record = RecordMessage(local_id=3, developer_fields=developer)
        record.timestamp = 1000 * (self.start_s + k)
        cadence = spm if self.counts_steps else 0.5 * spm
        record.cadence = int(cadence)
        record.fractional_cadence = cadence - int(cadence)
        if self.stance_ms is not None and np.isfinite(self.stance_ms[k]):
            record.stance_time = float(self.stance_ms[k])
        if self.speed_m_s is not None and np.isfinite(self.speed_m_s[k]):
            record.enhanced_speed = float(self.speed_m_s[k])
        return record

    def write(self, path):
        """Write the file, and return its path."""
        path.write_bytes(self.content())
        return path


def _description(number: int, each: Field) -> FieldDescriptionMessage:
    told = FieldDescriptionMessage(local_id=2)
    told.developer_data_index = 0
    told.field_definition_number = number
    told.fit_base_type_id = BaseType.FLOAT32.value
    told.field_name = each.name
    if each.unit:
        told.units = each.unit
    if each.native is not None:
        told.native_mesg_num = 20
        told.native_field_num = each.native
    return told


def later(values, delay):
    """Values that a device shows `delay` whole seconds late."""
    values = np.asarray(values, dtype=float)
    return np.concatenate([np.full(delay, values[0]), values[: len(values) - delay]])


def stop_and_go(n=420, spm=170.0, stops=((100, 130), (250, 260))):
    """Cadence at each second with stops; standing at the beginning."""
    cadence = np.full(n, spm)
    cadence[:10] = 0.0
    for begin, end in stops:
        cadence[begin:end] = 0.0
    return cadence
