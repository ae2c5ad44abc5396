"""FileFormat: how the files of one maker or app are laid out, read from a TOML file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import re2

from imurun.errors import RecordingError, SettingsError
from imurun.files.text import encodable, sanitize, shown
from imurun.files.toml import parse_toml, read_toml
from imurun.io.units import Quantity, parse_unit
from imurun.model.frames import FloatArray, Frame, as_rotation
from imurun.model.time_grid import check_rate

MOST_REGEX_BYTES = 1 << 15
"""Size of a compiled regular expression: larger ones, as of `(.{0,200}){3}`, take seconds on a long text."""
_TABLES: dict[str, tuple[str, ...]] = {
    "detect": ("header", "preamble"),
    "columns": ("acc", "gyr", "time", "unnamed"),
    "units": ("acc", "gyr", "time"),
    "time": ("wraps_at", "day_first"),
    "preamble": ("rate", "start_date", "start_time", "date_format"),
    "files": ("acc", "gyr", "gravity"),
}
_PLAIN = (
    "name",
    "description",
    "tested",
    "advice",
    "frame",
    "axes",
    "rate_hz",
    "acc_range_g",
    "gyr_range_deg_s",
)


@dataclass(frozen=True)
class FileFormat:
    """Layout of one kind of file. Everything but the name may be left out and is then found in the file.

    Attributes:
        name, description: for messages and lists.
        tested: "tested on recordings" or "built from documentation only".
        advice: what to export instead, for the error when gravity or a sensor is missing.
        frame: axes of the recording, after `rotation`.
        rotation: shape (3, 3), recording = rotation @ sensor; from the key `axes`.
        rate_hz: for files without time, 0 when unknown.
        acc_range_g, gyr_range_deg_s: full scale, if known.
        detect_header: regular expressions, each of which must match a column name.
        detect_preamble: regular expressions, each of which must occur above the header. Without either,
            the format is used only when the user names it.
        acc, gyr, time: regular expressions of the column names; empty to find the columns by name.
        unnamed: column names of files that have none.
        units: unit by quantity.
        wraps_at: value at which the time counter restarts at zero, in its unit; 0 for never.
        day_first: whether 3/4/2025 is the 3rd of April; None to guess.
        preamble_*: regular expressions with one group that find rate and start above the header.
        files: file names (with * and ?) of the sensors in a folder or archive, the preferred one first.
    """

    name: str
    description: str = ""
    tested: str = "built from documentation only"
    advice: str = ""
    frame: Frame = "sensor"
    rotation: FloatArray | None = None
    rate_hz: float = 0.0
    acc_range_g: float | None = None
    gyr_range_deg_s: float | None = None
    detect_header: tuple[str, ...] = ()
    detect_preamble: tuple[str, ...] = ()
    acc: tuple[str, ...] = ()
    gyr: tuple[str, ...] = ()
    time: str = ""
    unnamed: tuple[str, ...] = ()
    units: Mapping[Quantity, str] | None = None
    wraps_at: float = 0.0
    day_first: bool | None = None
    preamble_rate: str = ""
    preamble_start_date: str = ""
    preamble_start_time: str = ""
    preamble_date_format: str = ""
    files: Mapping[str, tuple[str, ...]] | None = None

    def score(self, names: Sequence[str], preamble: str) -> int:
        """Number of `detect` expressions, weighted, when all of them match a file; 0 otherwise."""
        header = all(any(matches(regex, name) for name in names) for regex in self.detect_header)
        above = all(occurs(regex, preamble) for regex in self.detect_preamble)
        return (len(self.detect_header) + 2 * len(self.detect_preamble)) if header and above else 0

    def gravity_free_message(self) -> str:
        """The error message for acceleration without gravity."""
        advice = self.advice or "Export the accelerometer with gravity, not linear or user acceleration."
        return f"gravity has been removed from the acceleration. {advice}"

    def find_columns(self, names: Sequence[str], regexes: Sequence[str]) -> tuple[int, ...]:
        """Index of the column that each regular expression matches.

        Raises:
            SettingsError: one of them matches no column, or several.
        """
        return tuple(self._find_column(names, regex) for regex in regexes)

    def names_acc_in(self, names: Sequence[str]) -> bool:
        """Whether `names` has every acceleration column of this format; False when it lists none."""
        return bool(self.acc) and all(any(matches(regex, name) for name in names) for regex in self.acc)

    def _find_column(self, names: Sequence[str], regex: str) -> int:
        found = [i for i, name in enumerate(names) if matches(regex, name)]
        if len(found) != 1:
            many = "no column matches" if not found else "several columns match"
            raise SettingsError(
                f"the profile {shown(self.name)} asks for a column {shown(regex)!r}, "
                f"but {many}; correct it, or give another profile."
            )
        return found[0]


def load_format(profile: str | os.PathLike[str]) -> FileFormat:
    """Load a shipped format by name, or any format by the path of its TOML file.

    Raises:
        SettingsError: no such format, no regular file, or a key that is unknown or has a wrong value.
    """
    shipped = shipped_formats()
    if isinstance(profile, str) and profile in shipped:
        return shipped[profile]
    path = Path(profile)
    try:
        is_file = path.is_file()
    except OSError:  # not a valid file name
        is_file = False
    if path.suffix.lower() != ".toml" and not is_file:
        names = ", ".join(sorted(shipped))
        raise SettingsError(
            f"There is no profile {shown(str(profile))!r}; give one of {names}, or a TOML file."
        )
    source = sanitize(str(path))
    return _FormatReader(source, read_toml(path, source)).file_format()


@cache
def shipped_formats() -> dict[str, FileFormat]:
    """The formats that come with imurun, by name."""
    folder = resources.files("imurun.io") / "formats"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    formats = [parse_format(f.read_text(encoding="utf-8"), f.name) for f in files]
    return {file_format.name: file_format for file_format in formats}


def parse_format(text: str, source: str) -> FileFormat:
    """Read and check the TOML text of a format.

    Raises:
        SettingsError: names the wrong key.
    """
    return _FormatReader(source, parse_toml(text, source)).file_format()


class _FormatReader:
    """Reads the keys of a format and checks their values; every error names the key."""

    def __init__(self, source: str, content: dict[str, Any]) -> None:
        self._source = source
        self._content = content

    def file_format(self) -> FileFormat:
        for key, value in self._content.items():
            if key not in _PLAIN and key not in _TABLES:
                self._fail(key, f"is unknown; use {', '.join((*_PLAIN, *_TABLES))}")
            if key in _TABLES:
                if not isinstance(value, dict):
                    self._fail(key, "must be a table")
                for inner in value:
                    if inner not in _TABLES[key]:
                        self._fail(f"{key}.{inner}", f"is unknown; use {', '.join(_TABLES[key])}")
        frame = self._text("frame") or "sensor"
        if frame not in ("sensor", "anatomical"):
            self._fail("frame", "must be 'sensor' or 'anatomical'")
        name = self._text("name")
        if not name:
            self._fail("name", "is missing")
        return FileFormat(
            name=name,
            description=self._text("description"),
            tested=self._text("tested") or FileFormat.tested,
            advice=self._text("advice"),
            frame=frame,
            rotation=self._axes(),
            rate_hz=self._rate(),
            acc_range_g=self._number("acc_range_g"),
            gyr_range_deg_s=self._number("gyr_range_deg_s"),
            detect_header=self._regexes("detect.header"),
            detect_preamble=self._regexes("detect.preamble"),
            acc=self._three("columns.acc"),
            gyr=self._three("columns.gyr"),
            time=self._regex("columns.time"),
            unnamed=self._list("columns.unnamed"),
            units=self._units(),
            wraps_at=self._number("time.wraps_at") or 0.0,
            day_first=self._flag("time.day_first"),
            preamble_rate=self._regex("preamble.rate", groups=1),
            preamble_start_date=self._regex("preamble.start_date", groups=1),
            preamble_start_time=self._regex("preamble.start_time", groups=1),
            preamble_date_format=self._regex("preamble.date_format", groups=1),
            files={key: self._list(f"files.{key}") for key in self._content.get("files", {})} or None,
        )

    def _fail(self, key: str, problem: str) -> None:
        raise SettingsError(f"{self._source}: the key {shown(key)} {problem}.")

    def _get(self, key: str) -> Any:
        value: Any = self._content
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _text(self, key: str) -> Any:
        value = self._get(key)
        if value is not None and not isinstance(value, str):
            self._fail(key, "must be a string")
        return value or ""

    def _number(self, key: str) -> float | None:
        value = self._get(key)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value <= sys.float_info.max:
            self._fail(key, "must be a number above 0")
        return float(value)

    def _rate(self) -> float:
        value = self._number("rate_hz")
        try:
            return check_rate(value) if value else 0.0
        except RecordingError as error:
            raise SettingsError(f"{self._source}: the key rate_hz is wrong: {error}") from error

    def _flag(self, key: str) -> bool | None:
        value = self._get(key)
        if value is not None and not isinstance(value, bool):
            self._fail(key, "must be true or false")
        return value

    def _list(self, key: str) -> tuple[str, ...]:
        value = self._get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fail(key, "must be a list of strings")
        return tuple(value)

    def _three(self, key: str) -> tuple[str, ...]:
        regexes = self._regexes(key)
        if len(regexes) not in (0, 3):
            self._fail(key, "must name three columns: x, y, z")
        return regexes

    def _regexes(self, key: str) -> tuple[str, ...]:
        for regex in self._list(key):
            self._check_regex(key, regex, 0)
        return self._list(key)

    def _regex(self, key: str, groups: int = 0) -> str:
        regex = self._text(key)
        if regex:
            self._check_regex(key, regex, groups)
        return regex

    def _check_regex(self, key: str, regex: str, groups: int) -> None:
        try:
            n_groups = count_groups(regex)
        except SettingsError as error:
            raise SettingsError(f"{self._source}: the key {key} {error}") from error
        if groups and n_groups != groups:
            self._fail(key, "must have one group in parentheses")

    def _units(self) -> dict[Quantity, str]:
        units: dict[Quantity, str] = {}
        quantities: tuple[Quantity, ...] = ("acc", "gyr", "time")
        for quantity in quantities:
            text = self._text(f"units.{quantity}")
            if text:
                units[quantity] = parse_unit(text, quantity)
                if not units[quantity]:
                    self._fail(
                        f"units.{quantity}", f"is {shown(text)!r}, which is not a known unit; correct it"
                    )
        return units

    def _axes(self) -> FloatArray | None:
        axes = self._list("axes")
        if not axes:
            return None
        rows = [[0.0, 0.0, 0.0] for _ in axes]
        for row, text in zip(rows, axes, strict=True):
            match = re.fullmatch(r"([+-]?)([xyz])", text)
            if not match:
                self._fail("axes", 'must be three of "+x", "-x", ... "-z"')
                continue
            row["xyz".index(match.group(2))] = -1.0 if match.group(1) == "-" else 1.0
        try:
            return as_rotation(rows)
        except SettingsError as error:
            raise SettingsError(
                f"{self._source}: the key axes is not a right-handed frame: {error}"
            ) from error


# -- regular expressions, matched in linear time (RE2), so that none can hang -------------------------------


def count_groups(regex: str) -> int:
    """The number of groups in a regular expression.

    Raises:
        SettingsError: it is not in the syntax of RE2, or too large.
    """
    return _compiled(regex).groups


def matches(regex: str, name: str) -> bool:
    """Whether a regular expression matches a whole column name; case and blanks around it do not matter."""
    return _compiled(regex).fullmatch(encodable(name.strip())) is not None


def occurs(regex: str, text: str) -> bool:
    """Whether a regular expression matches any part of the text; case does not matter."""
    return _compiled(regex).search(encodable(text)) is not None


def first_group(regex: str, text: str) -> str:
    """The group of the first match in the text; "" without a match or for an empty expression."""
    match = _compiled(regex).search(encodable(text)) if regex else None
    return match.group(1) or "" if match else ""


@cache
def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MOST_REGEX_BYTES
    try:
        return re2.compile(regex, options)
    except UnicodeEncodeError as error:
        raise SettingsError("contains half of a surrogate pair; write the character again.") from error
    except re2.error as error:
        reason = shown(error.args[0].decode(errors="replace") if error.args else "")
        raise SettingsError(f"is not a regular expression in RE2 syntax ({reason}); correct it.") from error
