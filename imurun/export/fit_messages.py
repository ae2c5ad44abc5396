"""Reads the messages of a FIT file as dictionaries; native values win over derived and developer ones."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imurun.errors import FormatError
from imurun.files.optional import optional_module

DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""Raised by fitdecode for damaged files, beside its own errors."""
READ = ("record", "lap", "session", "sport", "file_id", "developer_data_id")

Scales = dict[tuple[int, int], tuple[float, float]]
"""Scale and offset of developer fields, by index of the developer's data and number of the field."""


@dataclass(frozen=True)
class FitMessage:
    """One message.

    Attributes:
        kind: name of the message in FIT's profile.
        values: by name of the field.
        developer: values of other applications' fields, by name and unit ("" without one).
    """

    kind: str
    values: dict[str, Any]
    developer: dict[tuple[str, str], Any] = field(default_factory=dict)


def read_messages(file: Path, name: str) -> tuple[list[FitMessage], list[str]]:
    """The messages of the kinds `READ`, and warnings.

    Args:
        file: a FIT file.
        name: of it in sentences.

    Raises:
        FormatError: not FIT, or damaged.
        MissingExtraError: fitdecode is not installed.
        OSError: the file cannot be read.
    """
    optional_module("fitdecode", extra="fit", purpose="Reading FIT")
    import fitdecode

    messages: list[FitMessage] = []
    warnings: list[str] = []
    began = False
    scales: Scales = {}
    with file.open("rb") as stream:
        try:
            with fitdecode.FitReader(
                stream,
                check_crc=fitdecode.CrcCheck.RAISE,
                error_handling=fitdecode.ErrorHandling.IGNORE,
                keep_raw_chunks=False,
            ) as reader:
                for frame in reader:
                    began = began or isinstance(frame, fitdecode.FitHeader)
                    if not isinstance(frame, fitdecode.FitDataMessage):
                        continue
                    if frame.name == "field_description":
                        scales |= _scale_of(frame)
                    elif frame.name in READ:
                        messages.append(_message(frame, scales))
        except fitdecode.FitEOFError:
            warnings.append(f"{name} is cut short; it was read up to the cut.")
        except fitdecode.FitCRCError as error:
            raise FormatError(
                f"{name}: the file is damaged (its checksum is wrong); export it from the watch again."
            ) from error
        except (fitdecode.FitError, *DECODER_ERRORS) as error:
            raise _refused(name, began) from error
    if not began:
        raise _refused(name, began)
    return messages, warnings


def _scale_of(description: Any) -> Scales:
    """Scale and offset that a file declares for a developer field; fitdecode leaves such values raw."""
    names = ("developer_data_index", "field_definition_number", "scale", "offset")
    index, number, scale, offset = (description.get_value(name, fallback=None) for name in names)
    if index is None or number is None:
        return {}
    return {(index, number): (float(scale or 1), float(offset or 0))}


def _scaled(item: Any, scales: Scales) -> Any:
    if not isinstance(item.value, int | float):
        return item.value
    scale, offset = scales.get((item.field_def.dev_data_index, item.field_def.def_num), (1.0, 0.0))
    return item.value / scale - offset if (scale, offset) != (1.0, 0.0) else item.value


def _message(frame: Any, scales: Scales) -> FitMessage:
    """Of several fields of one name, the file's own native one counts, then a derived, then a developer's.

    fitdecode derives `enhanced_speed` from an empty `speed` and lists it before the file's own; a field
    without a value never hides one with a value.
    """
    values: dict[str, Any] = {}
    ranks: dict[str, tuple[bool, int]] = {}
    developer: dict[tuple[str, str], Any] = {}
    for item in frame.fields:
        own = item.field_def is not None
        is_developer = own and bool(item.field_def.is_dev)
        if is_developer and item.value is not None:
            developer.setdefault((str(item.name), str(item.units or "")), _scaled(item, scales))
        rank = (item.value is None, 2 if is_developer else 0 if own else 1)
        if item.name not in ranks or rank < ranks[item.name]:
            values[item.name], ranks[item.name] = item.value, rank
    return FitMessage(str(frame.name), values, developer)


def _refused(name: str, began: bool) -> FormatError:
    if not began:
        return FormatError(f"{name}: this is not a FIT file; give one that a watch wrote.")
    return FormatError(f"{name}: the file is damaged; export it from the watch again.")
