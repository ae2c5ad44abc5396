"""Splits FIT files into messages as bytes and adds fields to some of them; all other bytes are copied.

Decoding and encoding whole messages would lose fields that are not in the FIT profile of the library. So only
the definitions of records, laps and sessions are extended, and their data with them. The wire layer of
fit-tool reads the messages of Garmin's FIT protocol.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imurun.errors import FormatError
from imurun.export.fit_fields import (
    APPLICATION_ID,
    CADENCE,
    DEVELOPER,
    FLOAT32,
    FLOAT32_INVALID,
    LAP,
    NATIVE,
    OVERRIDE,
    RECORD,
    SESSION,
    NativeField,
)
from imurun.files.optional import optional_module

if TYPE_CHECKING:
    import pandas as pd
    from fit_tool.wire import RawDataRecord, RawDefinitionRecord, RawFileHeader, RawRecord

TIMESTAMP, DEVELOPER_DATA_ID = 253, 207
PROTOCOL_2 = 0x20
"""FIT protocol version with developer fields."""
LONGEST_TEXT = 32
MOST_FIELDS = 255
MOST_PARTS = 100
_HAS_DEVELOPER_FIELDS = 0x20


@dataclass(frozen=True)
class Part:
    """One FIT activity; a file on disk may hold several, one after another.

    Attributes:
        header: of the activity.
        messages: definitions and data, in order.
        cut_short: the file ends before the size in its header; `messages` are the complete ones.
    """

    header: RawFileHeader
    messages: list[RawRecord]
    cut_short: bool

    def data(self, number: int) -> list[RawDataRecord]:
        """The data messages of a global message number, in their order."""
        from fit_tool.wire import RawDataRecord

        return [
            message
            for message in self.messages
            if isinstance(message, RawDataRecord) and message.definition.global_id == number
        ]


def read_parts(data: bytes) -> list[Part]:
    """Split FIT data into activities.

    Raises:
        FormatError: not FIT, damaged, or more than 100 activities.
        MissingExtraError: fit-tool is not installed.
    """
    optional_module("fit_tool", extra="fit", purpose="Writing FIT")
    from fit_tool.exceptions import FitError
    from fit_tool.wire import WireDecoder

    parts: list[Part] = []
    offset = 0
    stream = io.BytesIO(data)
    while offset < len(data):
        if len(parts) == MOST_PARTS:
            raise FormatError(f"the file has more than {MOST_PARTS} activities; split it.")
        stream.seek(offset)
        decoder = WireDecoder(check_crc=False)
        messages: list[RawRecord] = []
        cut_short = False
        try:
            for message in decoder.iter_raw_records(stream):
                messages.append(message)  # one by one, to keep those before an error
        except FitError as error:
            if decoder.header is None and parts:
                raise FormatError(
                    "the activity is followed by data that are not FIT; export it again."
                ) from error
            if decoder.header is None:
                raise FormatError("this is not a FIT file; give one that a watch wrote.") from error
            if stream.read(1):
                raise FormatError("the file is damaged; export it from the watch again.") from error
            cut_short = True
        if not cut_short and decoder.calculated_crc != decoder.stored_crc:
            raise FormatError("the file is damaged (its checksum is wrong); export it from the watch again.")
        assert decoder.header is not None
        parts.append(Part(decoder.header, messages, cut_short))
        if cut_short:
            break
        offset += decoder.crc_offset + 2
    if not parts:
        raise FormatError("the file is empty; export it from the watch again.")
    return parts


def timestamp_of(message: RawDataRecord) -> int | None:
    """FIT time of a message, s since 1989-12-31 UTC, from its field or its compressed header."""
    return (
        message.resolved_timestamp
        if message.resolved_timestamp is not None
        else number_of(message, TIMESTAMP)
    )


def number_of(message: RawDataRecord, field: int) -> int | None:
    """An unsigned field of a message as the raw number; None where absent or without a value."""
    offset = 0
    for defined in message.definition.field_definitions:
        if defined.field_id == field:
            order = "big" if message.definition.architecture else "little"
            value = int.from_bytes(message.payload[offset : offset + defined.size], order)
            return None if value == (1 << 8 * defined.size) - 1 else value
        offset += defined.size
    return None


def extend(part: Part, values: Mapping[int, pd.DataFrame]) -> bytes:
    """The activity with values added to its records, laps and sessions; nothing else changes.

    A native field that the watch defines keeps the watch's value; imurun's value goes to a developer field
    that names the native one.

    Args:
        part: the activity.
        values: for RECORD, LAP and SESSION one row a data message of that number, in their order; columns
            as in `fit_values`. Columns of NaN only are not written.

    Raises:
        FormatError: all 255 indices for developer fields are taken.
    """
    from fit_tool.wire import RawDefinitionRecord, crc16, rewrite_header_source_bytes

    index = _free_developer_index(part)
    plans = {number: _plan(part, number, frame) for number, frame in values.items() if len(frame)}
    plans = {number: plan for number, plan in plans.items() if plan.natives or plan.developers}
    out: list[bytes] = []
    active: dict[int, RawDefinitionRecord] = {}
    seen = dict.fromkeys(plans, 0)
    described = False
    for message in part.messages:
        if isinstance(message, RawDefinitionRecord):
            active[message.local_id] = message
            plan = plans.get(message.global_id) if described else None
            out.append(_longer_definition(message, plan, index))
            continue
        number = message.definition.global_id
        plan = plans.get(number)
        row = seen.get(number, 0)
        if plan is not None:
            seen[number] = row + 1
        out.append(_longer_data(message, plan if described else None, row))
        if plans and not described:
            # after file_id, which must be first; this borrows local message 0, so its definition is repeated
            described = True
            out.append(_descriptions(plans, index))
            out += [
                _longer_definition(definition, plans.get(definition.global_id), index)
                for local, definition in active.items()
                if local == 0 or definition.global_id in plans
            ]
    body = b"".join(out)
    header = part.header
    if plans:
        header = replace(header, protocol_version=max(header.protocol_version, PROTOCOL_2))
    whole = rewrite_header_source_bytes(header, len(body)) + body
    return whole + struct.pack("<H", crc16(whole))


@dataclass(frozen=True)
class _Developer:
    """A developer field, with its number in this file."""

    number: int
    name: str
    unit: str
    column: str
    message: int | None = None
    native: int | None = None


@dataclass(frozen=True)
class _Plan:
    """Fields and values to add to one kind of message."""

    natives: list[NativeField]
    developers: list[_Developer]
    columns: dict[str, list[float]]

    def fits(self, definition: RawDefinitionRecord) -> bool:
        return (
            len(definition.field_definitions) + len(self.natives) <= MOST_FIELDS
            and len(definition.developer_field_definitions) + len(self.developers) <= MOST_FIELDS
        )


def _plan(part: Part, number: int, frame: pd.DataFrame) -> _Plan:
    taken = {
        field.field_id
        for message in part.messages
        for field in getattr(message, "field_definitions", ())
        if getattr(message, "global_id", None) == number
    }
    known = {name for name in frame.columns if np.isfinite(np.asarray(frame[name], dtype=np.float64)).any()}
    natives, developers = [], []
    cadence_taken = any(field.number(number) in taken for field in NATIVE if field.name in CADENCE)
    for place, field in enumerate(NATIVE):
        if field.name not in known:
            continue
        if field.number(number) in taken or (field.name in CADENCE and cadence_taken):
            own = OVERRIDE + place + len(NATIVE) * (RECORD, LAP, SESSION).index(number)
            name = field.name.replace("_", " ").capitalize()
            developers.append(
                _Developer(own, name, field.unit, field.name, message=number, native=field.number(number))
            )
        else:
            natives.append(field)
    developers += [
        _Developer(place, field.name, field.unit, field.column)
        for place, field in enumerate(DEVELOPER)
        if number in field.messages and field.column in known
    ]
    columns = {name: np.asarray(frame[name], dtype=np.float64).tolist() for name in known}
    return _Plan(natives, developers, columns)


def _free_developer_index(part: Part) -> int:
    """The lowest index that no other application uses for its developer fields."""
    used = {number_of(message, 3) for message in part.data(DEVELOPER_DATA_ID)}
    free = [index for index in range(255) if index not in used]
    if not free:
        raise FormatError(
            "the file has developer fields of 255 applications, the most that FIT allows; give another."
        )
    return free[0]


def _descriptions(plans: Mapping[int, _Plan], index: int) -> bytes:
    """The messages that describe the developer fields, in local message 0."""
    from fit_tool.fit_file_builder import FitFileBuilder
    from fit_tool.profile.messages.developer_data_id_message import DeveloperDataIdMessage
    from fit_tool.profile.messages.field_description_message import FieldDescriptionMessage

    builder = FitFileBuilder(min_string_size=LONGEST_TEXT)
    owner = DeveloperDataIdMessage()
    owner.application_id = APPLICATION_ID
    owner.developer_data_index = index
    builder.add(owner)
    fields = {field.number: field for plan in plans.values() for field in plan.developers}
    for number in sorted(fields):
        field = fields[number]
        text = FieldDescriptionMessage()
        text.developer_data_index = index
        text.field_definition_number = number
        text.fit_base_type_id = FLOAT32
        text.field_name = field.name
        text.units = field.unit
        if field.message is not None and field.native is not None:
            text.native_mesg_num = field.message
            text.native_field_num = field.native
        builder.add(text)
    return b"".join(record.to_bytes() for record in builder.records)


def _longer_definition(message: RawDefinitionRecord, plan: _Plan | None, index: int) -> bytes:
    if plan is None or not plan.fits(message):
        return message.source_bytes
    own = b"".join(bytes((f.number(message.global_id), f.size, f.base_type)) for f in plan.natives)
    mine = b"".join(bytes((field.number, 4, index)) for field in plan.developers)
    source = message.source_bytes
    n_fields, n_developers = len(message.field_definitions), len(message.developer_field_definitions)
    fields_end = 6 + 3 * n_fields
    flagged = message.header.has_developer_fields
    theirs = source[fields_end + 1 :] if flagged else b""
    head = bytes((source[0] | (_HAS_DEVELOPER_FIELDS if plan.developers else 0),)) + source[1:5]
    longer = head + bytes((n_fields + len(plan.natives),)) + source[6:fields_end] + own
    if flagged or plan.developers:
        longer += bytes((n_developers + len(plan.developers),)) + theirs + mine
    return longer


def _longer_data(message: RawDataRecord, plan: _Plan | None, row: int) -> bytes:
    definition = message.definition
    if plan is None or not plan.fits(definition):
        return message.source_bytes
    order = ">" if definition.architecture else "<"
    own = b"".join(field.encode(plan.columns[field.name][row], order) for field in plan.natives)
    mine = b"".join(_float32(plan.columns[field.column][row], order) for field in plan.developers)
    fields_end = sum(field.size for field in definition.field_definitions)
    payload = message.payload
    header = message.source_bytes[:1]
    return header + payload[:fields_end] + own + payload[fields_end:] + mine


def _float32(value: float, order: str) -> bytes:
    return struct.pack(order + "f", value) if np.isfinite(value) else FLOAT32_INVALID
