"""Binary layouts of the records that saved states of imurun 0.1 and 0.2 contain, and their conversion.

Field names and nesting changed between those versions, the layout did not; so a layout is a list of fields by
today's names, with their length in words of eight bytes. Fields that no longer exist keep their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

WORD = 8


def _layout(text: str) -> dict[str, int]:
    """Lengths in words by name, of "name" or "name:length"."""
    parts = (part.partition(":") for part in text.split())
    return {name: int(length or 1) for name, _, length in parts}


_STEP_CYCLE = _layout(
    "begin up_crossing peak down_crossing end peak_g minimum_g period_s loop_forward loop_left power_z "
    "power_dz force_begin force_peak_g force_minimum_g braking_g propulsion_g forward_rms_g"
)
_STEP = _layout(
    "initial_contact_s final_contact_s side gait step_time_ms contact_time_ms flight_time_ms duty_factor "
    "cadence_spm vertical_oscillation_mm peak_impact_g peak_vertical_g peak_resultant_g braking_g "
    "loading_rate_g_s peak_vgrf_bw vertical_impulse_bw_s lumbar_compression_bw lumbar_shear_bw lumbar_dose "
    "lean_deg roll_rom_deg pitch_rom_deg yaw_rom_deg ml_sway_ratio step_regularity stride_regularity quality "
    "decided_s cycle:7 average:11 period_s ringing_db doubt_ringing doubt_rhythm doubt_clipping doubt_tilt"
)
_STATE = _layout(
    "next slow_next oldest base tracker:10 n_steps n_seconds running n_rejected waiting classification "
    "classified_until last_running:18 average:12 parity:13 cues:3 periods:2 last_contact last_final "
    "last_step_time last_begin ends:9 n_ends fresh_pitch fresh_roll n_fresh standing_pitch standing:3 "
    "drift_pitch drift_roll loop_forward loop_left n_running motion n_motion force:3 last_sample:3 n_clipped "
    "count_from slipped_s n_reversed turned_s"
)
LAYOUTS = {WORD * sum(layout.values()): layout for layout in (_STEP_CYCLE, _STEP, _STATE)}
"""By the size of a row in bytes."""


def converted(rows: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """Saved rows in the dtype of `blank`, shape (1,), which gives the values of fields that are new.

    A nested record that has grown or shrunk has done so at its end: what both have in common is copied.

    Raises:
        ValueError: rows of an unknown size.
    """
    size = rows.dtype.itemsize
    if size == blank.dtype.itemsize:
        return np.frombuffer(rows.tobytes(), dtype=blank.dtype).reshape(rows.shape).copy()
    if size not in LAYOUTS:
        raise ValueError(f"Saved rows have {size} bytes each, this version {blank.dtype.itemsize}.")
    saved = np.frombuffer(rows.tobytes(), dtype=np.uint8).reshape(-1, size)
    new = np.tile(np.frombuffer(blank.tobytes(), dtype=np.uint8), (len(saved), 1))
    fields = cast("Mapping[str, Any]", blank.dtype.fields)
    start = 0
    for name, words in LAYOUTS[size].items():
        if name in fields:
            dtype, offset = fields[name][:2]
            length = min(WORD * words, dtype.itemsize)
            new[:, offset : offset + length] = saved[:, start : start + length]
        start += WORD * words
    return np.frombuffer(new.tobytes(), dtype=blank.dtype).reshape(rows.shape).copy()
