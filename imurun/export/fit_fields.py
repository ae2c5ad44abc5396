"""What imurun writes into a FIT activity: native fields where FIT has them, developer fields for the rest."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

RECORD, LAP, SESSION = 20, 19, 18
"""Numbers of the messages that carry values."""
FLOAT32 = 0x88
FLOAT32_INVALID = b"\xff\xff\xff\xff"
APPLICATION_ID = UUID("e0c1f5a4-7d0b-4f6e-9a52-38b7c6d41f93").bytes
"""Says in every file that these developer fields are imurun's; never changed."""


class NativeField(NamedTuple):
    """A field of FIT's own profile, in the messages record, lap (average) and session (average).

    Attributes:
        name: of the record's field; in lap and session it is called avg_NAME.
        unit: of the value that is written.
        record, lap, session: field numbers.
        size: bytes of the unsigned integer; all bits set say that there is no value.
        scale: the integer is value times scale.
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
        """The value's bytes; no value for NaN and for what the field cannot hold."""
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
"""Whole and fraction of one value: written in one place, or neither."""


class DeveloperField(NamedTuple):
    """A field that FIT does not know: a float32 that the file itself describes.

    Attributes:
        name: as an application shows it.
        unit: as an application shows it; "" for a ratio.
        column: of the step table.
        messages: in which it stands; in a lap or session it is the mean, the dose is the sum.
    """

    name: str
    unit: str
    column: str
    messages: tuple[int, ...] = (RECORD, LAP, SESSION)


DEVELOPER = (
    DeveloperField("Impact", "g", "peak_impact_g"),
    DeveloperField("Loading rate", "g/s", "loading_rate_g_s"),
    DeveloperField("Braking", "g", "braking_g"),
    DeveloperField("Peak force", "BW", "peak_vgrf_bw"),
    DeveloperField("Lumbar compression", "BW", "lumbar_compression_bw"),
    DeveloperField("Lumbar shear", "BW", "lumbar_shear_bw"),
    DeveloperField("Lumbar dose", "BW^4", "lumbar_dose", (LAP, SESSION)),
    DeveloperField("Flight time", "ms", "flight_time_ms"),
    DeveloperField("Lean", "deg", "lean_deg"),
    DeveloperField("Pelvis roll", "deg", "roll_rom_deg"),
    DeveloperField("Pelvis pitch", "deg", "pitch_rom_deg"),
    DeveloperField("Pelvis yaw", "deg", "yaw_rom_deg"),
    DeveloperField("Sway", "", "ml_sway_ratio"),
    DeveloperField("Step regularity", "", "step_regularity"),
    DeveloperField("Pain", "0-10", "pain", (RECORD,)),
)
"""Their place here is their number in the file: new ones go to the end."""
OVERRIDE = 100
"""Developer fields from this number on stand for a native field that a watch has filled itself."""
