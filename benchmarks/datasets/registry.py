"""Reads and checks the registry of public datasets, `data/registry.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from imurun.errors import SettingsError
from imurun.files.text import sanitize
from imurun.files.toml import read_toml

REGISTRY = Path(__file__).resolve().parents[2] / "data" / "registry.toml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset.

    Attributes:
        path: in the dataset's folder, with forward slashes.
        sha256: of the file, "" if unknown.
        size_bytes: 0 if unknown.
        url: to download this file alone, "" for none.
    """

    path: str
    sha256: str = ""
    size_bytes: int = 0
    url: str = ""


@dataclass(frozen=True)
class Archive:
    """All files of a dataset in one: a ZIP file, or a gzip file (.gz) of its only file.

    Hash and size are those of the archive.
    """

    url: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Dataset:
    """Entry of one dataset. A field that could not be verified says "not verified".

    Attributes:
        name: key, and name of the folder.
        title, citation, licence: as its authors give them.
        source: an address, a DOI or a package.
        open: whether the licence lets anyone download and use it.
        truth: reference measurements beside the sensor.
        runners: number of people who run in it.
        axes: what the sensor measured, and the orientation of its axes.
        rate_hz: of the sensor, 0 if unknown.
        doi: of the paper, "" for none.
        overlaps: datasets with the same people: never split them between a fit and its score.
        note: anything else a user must know.
        files: in the dataset's folder; empty if the list is unknown.
        archive: all files in one, if published so.
    """

    name: str
    title: str
    source: str
    licence: str
    citation: str
    open: bool
    truth: str
    runners: int
    axes: str
    rate_hz: float
    doi: str = ""
    overlaps: tuple[str, ...] = ()
    note: str = ""
    files: tuple[DataFile, ...] = ()
    archive: Archive | None = None

    @property
    def downloadable(self) -> bool:
        """Whether it may be downloaded, and the addresses and hashes of all files are known."""
        whole = self.archive is not None
        single = bool(self.files) and all(f.url and f.sha256 and f.size_bytes for f in self.files)
        return self.open and (whole or single)


@cache
def registry() -> Mapping[str, Dataset]:
    """The datasets of the project, by name.

    Raises:
        SettingsError: see `read_registry`.
    """
    return read_registry(REGISTRY)


def dataset(name: str) -> Dataset:
    """The dataset of this name.

    Raises:
        SettingsError: there is none.
    """
    known = registry()
    if name not in known:
        raise SettingsError(f"There is no dataset {sanitize(name)!r}; choose from {', '.join(known)}.")
    return known[name]


def read_registry(path: Path, schemes: tuple[str, ...] = ("https",)) -> dict[str, Dataset]:
    """Read and check a registry.

    Args:
        path: a TOML file with a `[[dataset]]` table for each dataset.
        schemes: of the addresses that files may have.

    Raises:
        SettingsError: not TOML, an unknown or missing key, a wrong type, a duplicate name, a path outside the
            dataset's folder, an address of another scheme, or an invalid hash.
    """
    content = read_toml(path, path.name)
    for key in content:
        if key != "dataset":
            raise SettingsError(f"{path.name}: the key {sanitize(key)} is unknown; use [[dataset]] tables.")
    tables = content.get("dataset")
    if not isinstance(tables, list) or not tables:
        raise SettingsError(f"{path.name}: no [[dataset]] table; write one for each dataset.")
    found: dict[str, Dataset] = {}
    for number, table in enumerate(tables, 1):
        entry = _dataset(f"{path.name}: dataset {number}", table, schemes)
        if entry.name in found:
            raise SettingsError(f"{path.name}: two datasets are called {entry.name}; rename one.")
        found[entry.name] = entry
    for entry in found.values():
        for other in entry.overlaps:
            if other not in found:
                raise SettingsError(
                    f"{path.name}: {entry.name} overlaps {sanitize(other)}, which is not there; correct it."
                )
    return found


def _dataset(where: str, table: Any, schemes: tuple[str, ...]) -> Dataset:
    values = _typed(
        where,
        table,
        Dataset,
        {
            "open": lambda value: isinstance(value, bool),
            "runners": _is_count,
            "rate_hz": lambda value: (
                isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
            ),
            "overlaps": lambda value: (
                isinstance(value, list) and all(isinstance(name, str) for name in value)
            ),
            "files": lambda value: isinstance(value, list),
            "archive": lambda value: isinstance(value, dict),
        },
    )
    name = values["name"]
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{where}: the name {sanitize(name)!r} must be small letters, digits and _.")
    where = f"{where} ({name})"
    for key in ("title", "source", "licence", "citation", "truth", "axes"):
        if not values[key].strip():
            raise SettingsError(f"{where}: {key} is empty; enter at least 'not verified'.")
    files = tuple(
        _file(f"{where}: file {i}", file, schemes) for i, file in enumerate(values.get("files", []), 1)
    )
    paths = [file.path.lower() for file in files]
    if len(set(paths)) < len(paths):
        raise SettingsError(f"{where}: a file is listed twice; remove one.")
    values["files"] = files
    values["overlaps"] = tuple(values.get("overlaps", ()))
    if "archive" in values:
        archive = _typed(f"{where}: archive", values["archive"], Archive, {"size_bytes": _is_count})
        _check_address(f"{where}: archive", archive, schemes)
        if not archive["sha256"] or not archive["url"] or not archive["size_bytes"]:
            raise SettingsError(f"{where}: an archive needs url, sha256 and size_bytes; add them.")
        if archive["url"].endswith(".gz") and len(files) != 1:
            raise SettingsError(f"{where}: a gzip archive holds one file; list exactly one.")
        values["archive"] = Archive(**archive)
    return Dataset(**values)


def _file(where: str, table: Any, schemes: tuple[str, ...]) -> DataFile:
    values = _typed(where, table, DataFile, {"size_bytes": _is_count})
    path = PurePosixPath(values["path"])
    if (
        not values["path"]
        or "\\" in values["path"]
        or ":" in values["path"]
        or path.is_absolute()
        or ".." in path.parts
    ):
        raise SettingsError(f"{where}: the path {sanitize(values['path'])!r} must stay inside the folder.")
    _check_address(where, values, schemes)
    return DataFile(**values)


def _check_address(where: str, values: dict[str, Any], schemes: tuple[str, ...]) -> None:
    digest, url = values.get("sha256", ""), values.get("url", "")
    if digest and not _SHA256.fullmatch(digest):
        raise SettingsError(f"{where}: sha256 must be 64 digits of 0-9 and a-f.")
    if url and url.split("://")[0] not in schemes:
        raise SettingsError(f"{where}: the address {sanitize(url)} must begin with {schemes[0]}://.")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _typed(where: str, table: Any, kind: type, checks: dict[str, Callable[[Any], bool]]) -> dict[str, Any]:
    """The checked values of the table: no unknown or missing keys, text unless `checks` has another test."""
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: this must be a table; see data/README.md.")
    known = {field.name: field for field in fields(kind)}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"{where}: the key {sanitize(key)} is unknown; use {', '.join(known)}.")
        if not checks.get(key, lambda text: isinstance(text, str))(value):
            raise SettingsError(f"{where}: {key} has a value of the wrong kind; see data/README.md.")
    missing = [key for key, field in known.items() if field.default is MISSING and key not in table]
    if missing:
        raise SettingsError(f"{where}: {missing[0]} is missing; add it.")
    return dict(table)
