"""FIT files message by message, as bytes: the watch's own stay as they are, with fields added to some.

Decoding and encoding a whole message would lose what the profile does not know. Here only the definitions
of records, laps and sessions are made longer, and their data with them; every other byte is copied. The
layout of messages is that of Garmin's FIT protocol, read by the wire layer of fit-tool.
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

if TYPE_CHECKING:
    import pandas as pd
    from fit_tool.wire import RawDataRecord, RawDefinitionRecord, RawFileHeader, RawRecord

TIMESTAMP, DEVELOPER_DATA_ID = 253, 207
PROTOCOL_2 = 0x20
"""The version of the protocol that knows developer fields."""
LONGEST_TEXT = 32
MOST_FIELDS = 255
MOST_PARTS = 100
_HAS_DEVELOPER_FIELDS = 0x20


@dataclass(frozen=True)
class Part:
    """One FIT file; several may follow each other in one file on disk.

    Attributes:
        header: of the file.
        messages: definitions and data in their order.
        cut_short: the file ends before its header says; `messages` are the whole ones.
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
    """Take FIT data apart.

    Raises:
        FormatError: not FIT, damaged, or more than 100 files after each other.
    """
    from fit_tool.exceptions import FitError
    from fit_tool.wire import WireDecoder

    parts: list[Part] = []
    offset = 0
    stream = io.BytesIO(data)
    while offset < len(data):
        if len(parts) == MOST_PARTS:
            raise FormatError(f"more than {MOST_PARTS} activities follow each other in the file; split it.")
        stream.seek(offset)
        decoder = WireDecoder(check_crc=False)
        messages: list[RawRecord] = []
        cut_short = False
        try:
            for message in decoder.iter_raw_records(stream):
                messages.append(message)  # what came before an error is kept
        except FitError as error:
            if decoder.header is None and parts:
                raise FormatError(
                    "something that is not FIT follows the activity; export it again."
                ) from error
            if decoder.header is None:
                raise FormatError("this is no FIT file; give one that a watch wrote.") from error
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
    """The file with values added to its records, laps and sessions; nothing of it is changed or left out.

    A native field that the watch defines itself stays the watch's; imurun's value goes into a developer
    field that names the native one.

    Args:
        part: the file.
        values: for RECORD, LAP and SESSION one row a data message of that number, in their order; columns
            as in `fit_values`. What is NaN in all rows is not written; where that is all, nothing is added.

    Raises:
        FormatError: there is no room for developer fields of one more application.
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
            # right after file_id, which must be first; local message 0 is lent for it
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
    """A developer field as this file needs it."""

    number: int
    name: str
    unit: str
    column: str
    message: int | None = None
    native: int | None = None


@dataclass(frozen=True)
class _Plan:
    """What is added to one kind of message."""

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
    """An index that no other application's developer fields use."""
    used = {number_of(message, 3) for message in part.data(DEVELOPER_DATA_ID)}
    free = [index for index in range(255) if index not in used]
    if not free:
        raise FormatError("the file holds the fields of 255 applications; there is no room for more.")
    return free[0]


def _descriptions(plans: Mapping[int, _Plan], index: int) -> bytes:
    """The messages that say what the developer fields are, in local message 0."""
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
