"""Fields that imurun writes to FIT: native where the FIT profile has them, else developer fields."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from imurun.model.columns import COLUMNS

RECORD, LAP, SESSION = 20, 19, 18
"""FIT numbers of the messages that get values."""
FLOAT32 = 0x88
FLOAT32_INVALID = b"\xff\xff\xff\xff"
APPLICATION_ID = UUID("e0c1f5a4-7d0b-4f6e-9a52-38b7c6d41f93").bytes
"""Identifies the developer fields as imurun's in every file; it must not change."""


class NativeField(NamedTuple):
    """A field of the FIT profile in the messages record, lap (average) and session (average).

    Attributes:
        name: in a record; in lap and session it is avg_NAME.
        unit: of the value that is written.
        record, lap, session: field numbers.
        size: bytes of the unsigned integer; all bits set means no value.
        scale: the integer is the value times the scale.
    """

    name: str
    unit: str
    record: int
    lap: int
    session: int
    size: int
    scale: int

    def number(self, message: int) -> int:
        """The field's number in the message RECORD, LAP or SESSION."""
        return {RECORD: self.record, LAP: self.lap, SESSION: self.session}[message]

    @property
    def base_type(self) -> int:
        """FIT's code of uint8 or uint16."""
        return 0x02 if self.size == 1 else 0x84

    def encode(self, value: float, byte_order: str) -> bytes:
        """The value's bytes; FIT's "no value" for NaN and for values out of the field's range."""
        invalid = (1 << 8 * self.size) - 1
        raw = round(value * self.scale) if value == value and abs(value) < invalid else invalid
        order = "little" if byte_order == "<" else "big"
        return (raw if 0 <= raw < invalid else invalid).to_bytes(self.size, order)


NATIVE = (
    NativeField("cadence", "rpm", 4, 17, 18, 1, 1),
    NativeField("fractional_cadence", "rpm", 53, 80, 92, 1, 128),
    NativeField("vertical_oscillation", "mm", 39, 77, 89, 2, 10),
    NativeField("stance_time", "ms", 41, 79, 91, 2, 10),
    NativeField("stance_time_percent", "percent", 40, 78, 90, 2, 100),
    NativeField("stance_time_balance", "percent", 84, 119, 133, 2, 100),
    NativeField("vertical_ratio", "percent", 83, 118, 132, 2, 100),
    NativeField("step_length", "mm", 85, 120, 134, 2, 10),
)
"""Numbers and scales as in Garmin's FIT profile. Cadence counts strides (two steps) a minute."""
CADENCE = ("cadence", "fractional_cadence")
"""Integer and fraction of one value: both are native fields, or both are developer fields."""


class DeveloperField(NamedTuple):
    """A float32 field that is not in the FIT profile and is described in the file.

    Attributes:
        column: of the step table, or "pain".
        messages: that have it; in a lap or session it is the mean, for the dose the sum.
    """

    column: str
    messages: tuple[int, ...] = (RECORD, LAP, SESSION)

    @property
    def name(self) -> str:
        """The column's label, which applications show."""
        return COLUMNS[self.column].label

    @property
    def unit(self) -> str:
        """The column's unit, which applications show; "" for a ratio."""
        return COLUMNS[self.column].unit


DEVELOPER = (
    DeveloperField("peak_impact_g"),
    DeveloperField("loading_rate_g_s"),
    DeveloperField("braking_g"),
    DeveloperField("peak_vgrf_bw"),
    DeveloperField("lumbar_compression_bw"),
    DeveloperField("lumbar_shear_bw"),
    DeveloperField("lumbar_dose", (LAP, SESSION)),
    DeveloperField("flight_time_ms"),
    DeveloperField("lean_deg"),
    DeveloperField("roll_rom_deg"),
    DeveloperField("pitch_rom_deg"),
    DeveloperField("yaw_rom_deg"),
    DeveloperField("ml_sway_ratio"),
    DeveloperField("step_regularity"),
    DeveloperField("pain", (RECORD,)),
)
"""The position is the field's number in the file: append new fields at the end."""
OVERRIDE = 100
"""Developer fields from this number on replace a native field that the watch has filled."""
