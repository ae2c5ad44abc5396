"""Reads a manifest: a CSV file with runner, session and covariates of each recording."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from imurun.cohort.addresses import is_remote, join, local_address, parent, read_bytes
from imurun.cohort.names import runner_label
from imurun.cohort.settings import with_profile
from imurun.cohort.source import Failure, Source, labels
from imurun.cohort.task import Settings
from imurun.errors import CohortError, ImurunError, MissingExtraError
from imurun.files.text import sanitize
from imurun.model.runner import Runner
from imurun.model.speed import SpeedTable
from imurun.model.time_grid import check_rate

RECORDING = "recording"
KNOWN = (RECORDING, "runner", "session", "group", "mass_kg", "height_m", "rate_hz", "profile", "treadmill")
_SEPARATORS = ",;\t"
_HEAD_BYTES = 65_536


def is_manifest(path: Path) -> bool:
    """Whether a file is a CSV file with a column `recording`."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.readline(_HEAD_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return RECORDING in _header(head)


def read_manifest(address: str, settings: Settings) -> Iterator[Source | Failure]:
    """Sources of a manifest's rows, and a failure for each row that cannot be used.

    Args:
        address: path or fsspec URL; recordings are relative to its folder.
        settings: of the cohort.

    Raises:
        CohortError: the manifest cannot be read, has no column `recording`, or has a column twice.
        MissingExtraError: the address needs fsspec, which is not installed.
    """
    text = _text(address)
    name = sanitize(address)
    first = re.split(r"\r\n|\n|\r", text, maxsplit=1)[0]
    header = _header(first)
    if RECORDING not in header:
        raise CohortError(f"{name} has no column `{RECORDING}`; name the columns in the first line.")
    repeated = sorted(column for column, count in Counter(header).items() if count > 1)
    if repeated:
        raise CohortError(f"{name} has the column `{sanitize(repeated[0])}` more than once; rename one.")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first), strict=True))[1:]
    except csv.Error as error:
        raise CohortError(f"{name} is not valid CSV ({sanitize(str(error))}); save it again.") from error
    return _rows(address, header, rows, settings)


def _rows(
    address: str, header: list[str], rows: Iterable[list[str]], settings: Settings
) -> Iterator[Source | Failure]:
    folder = parent(address)
    for number, cells in enumerate(rows, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = {column: cell.strip() for column, cell in zip(header, cells, strict=False)}
        recording = row.get(RECORDING, "")
        where = join(folder, recording) if recording else ""
        try:
            if any(cell.strip() for cell in cells[len(header) :]):
                raise CohortError("it has more cells than the header.")
            if not recording:
                raise CohortError(f"its cell `{RECORDING}` is empty.")
            yield _source(where, number, row, folder, settings)
        except ImurunError as error:
            sentence = f"Row {number} of {sanitize(address.rpartition('/')[2])}: {error}"
            yield Failure(
                where, sentence, number, sanitize(row.get("runner", "")), sanitize(row.get("session", ""))
            )


def _source(address: str, number: int, row: dict[str, str], folder: str, settings: Settings) -> Source:
    runner, session = labels(address, folder)
    mass_kg, height_m, rate_hz = (_number(row, name) for name in ("mass_kg", "height_m", "rate_hz"))
    Runner(mass_kg=mass_kg, height_m=height_m)
    if rate_hz is not None:
        settings = replace(settings, rate_hz=check_rate(rate_hz))
    if row.get("treadmill"):
        SpeedTable.parse(row["treadmill"])  # a mistake is a failure of this row, before any analysis
        settings = replace(settings, treadmill=row["treadmill"])
    if row.get("profile"):
        settings = with_profile(settings, _format_of(row["profile"], folder))
    return Source(
        address,
        runner_label(row["runner"]) if row.get("runner") else runner,
        sanitize(row.get("session", "")) or session,
        replace(
            settings,
            mass_kg=settings.mass_kg if mass_kg is None else mass_kg,
            height_m=settings.height_m if height_m is None else height_m,
        ),
        group=sanitize(row.get("group", "")),
        covariates={name: sanitize(cell) for name, cell in row.items() if name and name not in KNOWN},
        row=number,
    )


def _format_of(word: str, folder: str) -> str:
    """A cell `profile`: name of a format, or a format file relative to the manifest."""
    is_file = word.lower().endswith(".toml") and not is_remote(folder)
    return join(folder, word) if is_file else word


def _number(row: dict[str, str], name: str) -> float | None:
    text = row.get(name, "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise CohortError(f"{name} is {sanitize(text)!r}; give a number.") from error


def _text(address: str) -> str:
    try:
        data = read_bytes(address) if is_remote(address) else Path(local_address(address)).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise CohortError(
            f"{sanitize(address)} could not be read: {error.strerror or error}; check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise CohortError(f"{sanitize(address)} is not UTF-8 text; save it as CSV in UTF-8.") from error
    except MissingExtraError:
        raise
    except ImurunError as error:
        raise CohortError(f"{sanitize(address)}: {error}") from error


def _header(line: str) -> list[str]:
    try:
        cells = next(csv.reader([line.removeprefix("\ufeff")], delimiter=_separator(line)), [])
    except csv.Error:  # a cell beyond the size limit of csv
        return []
    return [sanitize(cell).strip() for cell in cells]


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)
