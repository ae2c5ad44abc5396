"""Finds acceleration, angular rate and time among column names: quantity, axis and unit of each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_GRAVITY_FREE = {
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
_FILLERS = {
    "axis",
    "sensor",
    "imu",
    "data",
    "value",
    "rate",
    "motion",
    "device",
    "angular",
    "specific",
    "cal",
}
_COMPACT = re.compile(
    r"(linacc|acc|accel|acceleration|accelerometer|gf|a|gyr|gyro|gyroscope|rot|omega|w|g|mag|m|q)([xyz])"
)
_BRACKET = re.compile(r"[\[(]([^\[\]]*)[\])]\s*$")


@dataclass(frozen=True)
class ColumnRole:
    """Role of one column.

    Attributes:
        kind: the quantity; "axis" is a bare x, y or z, "index" counts samples.
        axis: 0, 1, 2 for x, y, z; -1 for a column without an axis.
        unit: in the spelling of `imurun.io.units`, "" when not stated.
        stem: the other words of the name; the columns of one sensor share them.
    """

    kind: Kind
    axis: int = -1
    unit: str = ""
    stem: str = ""


def column_role(name: str, unit_text: str = "") -> ColumnRole:
    """The role of a column, from its name.

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
    rest = [token for token in tokens if token not in (_ACC | _GYR | _FILLERS | {"angular"})]
    unit = parse_unit(unit_text, quantity) if unit_text else ""
    if not unit:
        unit, rest = _take_unit(rest, quantity)
    return ColumnRole(kind, axis, unit, " ".join(rest))


def _tokens(text: str) -> list[str]:
    """Lower-case words of a name, split at punctuation, in camelCase and within `accx`."""
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
        if words & _GRAVITY_FREE and (
            words & _ACC or words & {"freeacc", "linacc", "linaccel", "useracceleration"}
        ):
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


@dataclass(frozen=True)
class Layout:
    """Roles of the columns of a table.

    Attributes:
        acc, gyr: column indices of x, y, z; None when the sensor is absent.
        acc_unit, gyr_unit: "" when not stated.
        times: indices of the time columns, best first.
        time_units: unit of each of `times`, "" when not stated.
        acc_kind: "acc", or "gravity_free" when by its name gravity was removed.
        problem: what is wrong with the columns, as a clause; "" when nothing is.
        notes: one sentence for each choice between several columns.
    """

    acc: tuple[int, int, int] | None = None
    gyr: tuple[int, int, int] | None = None
    acc_unit: str = ""
    gyr_unit: str = ""
    times: tuple[int, ...] = ()
    time_units: tuple[str, ...] = ()
    acc_kind: Kind = "acc"
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> int:
        """How much of a recording the names describe: a header scores higher than any other line."""
        axes = 3 * (self.acc is not None) + 3 * (self.gyr is not None)
        return axes + bool(self.times) + 2 * bool(self.problem)


def find_layout(names: Sequence[str], unit_texts: Sequence[str] | None = None) -> Layout:
    """Find the acceleration, angular rate and time among column names.

    Args:
        names: as written in the file.
        unit_texts: units stated outside the names, one a column; "" for none.
    """
    texts = unit_texts or [""] * len(names)
    roles = [column_role(name, text) for name, text in zip(names, texts, strict=True)]
    if not any(role.kind in ("acc", "gravity_free") for role in roles):
        has_other_roles = any(role.kind in ("time", "index") for role in roles)
        roles = [_bare_axis_as_acc(role) if has_other_roles else role for role in roles]
    notes: list[str] = []
    times = [i for i, role in enumerate(roles) if role.kind == "time"]
    times.sort(key=lambda i: roles[i].unit == "")
    acc, acc_problem = _triplet(roles, "acc", names, notes)
    gyr, gyr_problem = _triplet(roles, "gyr", names, notes)
    kind: Kind = "acc"
    if acc is None and not acc_problem:
        acc, acc_problem = _triplet(roles, "gravity_free", names, notes)
        kind = "gravity_free" if acc else "acc"
    return Layout(
        acc=acc,
        gyr=gyr,
        acc_unit=_common_unit(roles, acc),
        gyr_unit=_common_unit(roles, gyr),
        times=tuple(times),
        time_units=tuple(roles[i].unit for i in times),
        acc_kind=kind,
        problem=acc_problem or gyr_problem,
        notes=tuple(notes),
    )


def _bare_axis_as_acc(role: ColumnRole) -> ColumnRole:
    return ColumnRole("acc", role.axis, role.unit) if role.kind == "axis" else role


def _common_unit(roles: Sequence[ColumnRole], columns: tuple[int, int, int] | None) -> str:
    units = {roles[i].unit for i in columns} if columns else set[str]()
    return units.pop() if len(units) == 1 else ""


def _triplet(
    roles: Sequence[ColumnRole], kind: Kind, names: Sequence[str], notes: list[str]
) -> tuple[tuple[int, int, int] | None, str]:
    """Columns of x, y and z of one sensor, and what is wrong with them (or "")."""
    groups: dict[str, dict[int, int]] = {}
    for i, role in enumerate(roles):
        if role.kind == kind:
            groups.setdefault(role.stem, {}).setdefault(role.axis, i)
    word = "angular rate" if kind == "gyr" else "acceleration"
    whole = {stem: (axes[0], axes[1], axes[2]) for stem, axes in groups.items() if set(axes) >= {0, 1, 2}}
    if not whole:
        if not groups:
            return None, ""
        axes = max(groups.values(), key=len)
        if -1 in axes and len(axes) == 1:
            return None, ""
        missing = " and ".join("xyz"[axis] for axis in range(3) if axis not in axes)
        return None, f"the {missing} axis of the {word} is missing"
    ranked = sorted(whole, key=_stem_rank)
    if len(ranked) > 1 and _stem_rank(ranked[0]) == _stem_rank(ranked[1]):
        firsts = ", ".join(names[whole[stem][0]] for stem in ranked)
        return (
            None,
            f"there are several sets of {word} columns ({firsts}), so a profile must name the right one",
        )
    if len(ranked) > 1:
        notes.append(
            f"Of several sets of {word} columns, the one with {names[whole[ranked[0]][0]]} was read."
        )
    return whole[ranked[0]], ""


def _stem_rank(stem: str) -> int:
    """Sort key: calibrated before raw; wide range before low noise, which clips in running."""
    words = set(stem.split())
    return 4 * bool(words & {"raw", "uncal", "uncalibrated"}) + 2 * ("ln" in words)
