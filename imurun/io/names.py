"""What a column holds, read from its name: sensor, axis and unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from imurun.io.units import parse_any_unit, parse_unit

Kind = Literal["acc", "gyr", "time", "index", "gravity_free", "axis", "other"]

_ACC = {
    "acc",
    "accel",
    "acceleration",
    "accelerations",
    "accelerometer",
    "accelerometers",
    "a",
    "gf",
    "accelerometre",
}
_GYR = {
    "gyr",
    "gyro",
    "gyros",
    "gyroscope",
    "gyrometer",
    "rot",
    "rotation",
    "rotrate",
    "omega",
    "w",
    "angvel",
}
_FREE = {
    "linear",
    "lin",
    "user",
    "useracceleration",
    "linearacceleration",
    "free",
    "freeacc",
    "linacc",
    "linaccel",
}
_TIME = {
    *("time", "times", "timestamp", "timestamps", "elapsed", "t", "datetime", "epoch", "epoc", "unix", "utc"),
    *("millis", "milliseconds", "seconds", "sampletimefine", "ts", "zeit", "temps", "tiempo"),
}
_INDEX = {
    *(
        "index",
        "sample",
        "samples",
        "count",
        "counter",
        "packet",
        "packetcounter",
        "frame",
        "frames",
        "row",
        "n",
    ),
    *("no", "idx", "seq", "sequence", "id"),
}
_NOT_A_SENSOR = {
    *(
        "mag",
        "magn",
        "magnetometer",
        "magnetic",
        "compass",
        "gravity",
        "grav",
        "quat",
        "quaternion",
        "euler",
        "q",
    ),
    *(
        "roll",
        "pitch",
        "yaw",
        "orientation",
        "attitude",
        "position",
        "pos",
        "location",
        "abs",
        "absolute",
        "norm",
    ),
    *(
        "magnitude",
        "temp",
        "temperature",
        "offset",
        "bias",
        "jerk",
        "dq",
        "dv",
        "zone",
        "timezone",
        "velocity",
    ),
    *("force", "grf", "vgrf", "moment", "angle", "angles"),
}
_NOISE = {"axis", "sensor", "imu", "data", "value", "rate", "motion", "device", "angular", "specific", "cal"}
_COMPACT = re.compile(
    r"(linacc|acc|accel|acceleration|accelerometer|gf|a|gyr|gyro|gyroscope|rot|omega|w|g|mag|m|q)([xyz])"
)
_BRACKET = re.compile(r"[\[(]([^\[\]]*)[\])]\s*$")


@dataclass(frozen=True)
class ColumnRole:
    """What one column holds.

    Attributes:
        kind: the quantity; "axis" is a bare x, y or z, "index" counts samples.
        axis: 0, 1, 2 for x, y, z; -1 for a column without an axis.
        unit: in the spelling of `imurun.io.units`, "" when the name does not say.
        stem: what else the name says; columns of one sensor share it.
    """

    kind: Kind
    axis: int = -1
    unit: str = ""
    stem: str = ""


def column_role(name: str, unit_text: str = "") -> ColumnRole:
    """Read one column name.

    Args:
        name: as written in the file; may end in a unit, "[m/s2]", "(g)" or "_m_s2".
        unit_text: the unit from a row below the header or from the file's metadata, if any.
    """
    text = name.strip().strip("\"'").strip()
    bracket = _BRACKET.search(text)
    if bracket:
        unit_text = unit_text or bracket.group(1)
        text = text[: bracket.start()]
    tokens = _tokens(text)
    axis = _take_axis(tokens)
    words = set(tokens)
    kind = _kind(words, axis)
    if kind == "axis":
        stated = parse_any_unit(unit_text)
        if stated and stated[0] != "time":
            return ColumnRole(stated[0], axis, stated[1])
    if kind in ("other", "index"):
        return ColumnRole(kind)
    quantity = "gyr" if kind == "gyr" else "time" if kind == "time" else "acc"
    rest = [token for token in tokens if token not in (_ACC | _GYR | _NOISE | {"angular"})]
    unit = parse_unit(unit_text, quantity) if unit_text else ""
    if not unit:
        unit, rest = _take_unit(rest, quantity)
    return ColumnRole(kind, axis, unit, " ".join(rest))


def _tokens(text: str) -> list[str]:
    """Lower-case words of a name: split at signs, at camelCase and inside `accx`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    tokens: list[str] = []
    for word in re.split(r"[^0-9a-zA-Z/²°µ]+", spaced):
        compact = _COMPACT.fullmatch(word.lower())
        if compact:
            tokens += [*compact.groups()]
        elif word:
            tokens.append(word.lower())
    if len(tokens) == 2 and tokens[0] == "g" and tokens[1] in ("fx", "fy", "fz"):  # gFx: g-force along x
        tokens = ["gf", tokens[1][1]]
    return tokens


def _take_axis(tokens: list[str]) -> int:
    """Remove the axis letter from `tokens` and return its index; -1 unless there is exactly one."""
    found = [i for i, token in enumerate(tokens) if token in ("x", "y", "z")]
    if len(found) != 1:
        return -1
    return "xyz".index(tokens.pop(found[0]))


def _kind(words: set[str], axis: int) -> Kind:
    if axis >= 0:
        if "angular" in words or ("velocity" in words and words & _GYR):
            return "gyr"
        if words == {"m"} or words & _NOT_A_SENSOR:
            return "other"
        if words & _FREE and (words & _ACC or words & {"freeacc", "linacc", "linaccel", "useracceleration"}):
            return "gravity_free"
        if words & _GYR:
            return "gyr"
        if words & _ACC or {"specific", "force"} <= words:
            return "acc"
        if "g" in words and words <= {"g", "dps", "mdps", "deg", "rad", "s"}:
            return "gyr"  # gx, gy, gz beside ax, ay, az
        return "axis" if not words - {"axis"} else "other"
    if words & (_NOT_A_SENSOR - {"offset"}):
        return "other"
    if words & _INDEX and not words & (_TIME - {"t"}):
        return "index"
    if words & _TIME:
        return "time"
    return "other"


def _take_unit(tokens: list[str], quantity: Literal["acc", "gyr", "time"]) -> tuple[str, list[str]]:
    """The unit written as the last words of a name (`acc_x_m_s2`), and the words without it."""
    for first in range(len(tokens)):
        unit = parse_unit("_".join(tokens[first:]), quantity)
        if unit:
            return unit, tokens[:first]
    return "", tokens
