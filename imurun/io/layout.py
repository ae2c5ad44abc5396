"""Which columns of a table are the acceleration, the angular rate and the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imurun.io.names import ColumnRole, Kind, column_role


@dataclass(frozen=True)
class Layout:
    """Which columns hold what.

    Attributes:
        acc, gyr: column indices of x, y, z; None when the sensor is absent.
        acc_unit, gyr_unit: "" when not stated.
        times: indices of the time columns, best first.
        time_units: unit of each of `times`, "" when not stated.
        acc_kind: "acc", or "gravity_free" when the names say that gravity was removed.
        problem: what is wrong with the columns as one clause, "" when nothing is.
        notes: one sentence for each choice that was made.
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
        """How much of a recording the names describe; tells a header from any other line."""
        axes = 3 * (self.acc is not None) + 3 * (self.gyr is not None)
        return axes + bool(self.times) + 2 * bool(self.problem)


def find_layout(names: Sequence[str], unit_texts: Sequence[str] | None = None) -> Layout:
    """Find the acceleration, angular rate and time among column names.

    Args:
        names: as written in the file.
        unit_texts: one a column, "" where none is stated beside the name.
    """
    texts = unit_texts or [""] * len(names)
    roles = [column_role(name, text) for name, text in zip(names, texts, strict=True)]
    if not any(role.kind in ("acc", "gravity_free") for role in roles):
        alone = any(role.kind in ("time", "index") for role in roles)
        roles = [_bare_axis_as_acc(role) if alone else role for role in roles]
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
    """Columns of the x, y, z of one sensor, and what is wrong (or "")."""
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
    """Calibrated before raw, and the wide range before the low-noise one, which clips in running."""
    words = set(stem.split())
    return 4 * bool(words & {"raw", "uncal", "uncalibrated"}) + 2 * ("ln" in words)
